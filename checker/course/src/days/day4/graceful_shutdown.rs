//! The hidden tests of day4_2_graceful_shutdown.

mod clients;
mod drain;
mod manners;
mod moments;
mod pid_file;
mod second;
mod unix;
mod untested;

use libc::SIGTERM;

use harness::author::{Checked, Connection, Exercise, Lab, Launch, Program, Server};

/// Day 4, exercise 2.
pub const EXERCISE: Exercise = Exercise {
    name: "day4_2_graceful_shutdown",
    title: "a server that ends well",
    chapter: "4.2 A server that ends well",
    first_step: "Begin with a copy of an echo server that serves all its clients at the same time, for example that of \
                 day 3, exercise 7: it passes the first two tests as it is.",
    tests: &[
        clients::EVERY_BYTE,
        clients::TOGETHER,
        clients::LATE_READER,
        drain::WITHOUT_CLIENTS,
        drain::CLIENT_FINISHES,
        drain::ALL_CLIENTS_FINISH,
        drain::NOBODY_NEW,
        drain::CONTROL_C,
        drain::TRANSFER,
        drain::QUEUE,
        drain::SUCCESSOR,
        drain::PATIENCE,
        second::SECOND_SIGNAL,
        second::TWO_KINDS,
        moments::READY_MEANS_READY,
        moments::BEFORE_IT_SLEEPS,
        moments::INTERRUPTED,
        unix::UNIX_SOCKET,
        unix::DEAD_PREDECESSOR,
        unix::LIVING_SERVER,
        unix::NO_SOCKET,
        pid_file::PID_FILE,
        pid_file::OF_ANOTHER_SERVER,
        pid_file::WHILE_IT_LISTENS,
        pid_file::OF_THE_SUCCESSOR,
        manners::LISTENS_FIRST,
        manners::CANNOT_LISTEN,
        manners::WRONG_ARGUMENTS,
    ],
    clues: &[],
    untested: untested::SENTENCES,
};

/// Asks it to end, and waits until nobody can connect to it any more, and the drain has begun in every part of it: it may
/// count its clients after it has closed its listening socket.
fn begin_drain(lab: &Lab, server: &Server) -> Checked {
    server.program().signals().send(SIGTERM)?;
    server.expect_not_listening()?;
    lab.settle()
}

/// Its last line, and its end.
fn expect_drained(program: &Program, count: usize) -> Checked {
    program.stdout().expect_line(format!("drained {count}"))?;
    program.stdout().expect_end()?;
    program.expect_exit(0)
}

fn echo(lab: &Lab, client: &Connection, count: usize) -> Checked {
    let step = format!("{}: send {count} bytes and expect them back", client.name());
    lab.step(step, || {
        client.send(lab.random_bytes(count))?;
        client.expect_echo()
    })
}

fn echo_some(lab: &Lab, client: &Connection) -> Checked {
    echo(lab, client, lab.random_number(1..=300) as usize)
}

/// A client comes, and gets an echo.
fn visit(lab: &Lab, server: &Server) -> Checked<Connection> {
    let client = server.connect()?;
    echo_some(lab, &client)?;
    Ok(client)
}

/// The client says that it has sent all, and sees the end.
fn leave(lab: &Lab, client: &Connection) -> Checked {
    let step = format!(
        "{}: half-close and expect the end of the stream",
        client.name()
    );
    lab.step(step, || {
        client.shutdown_write()?;
        client.expect_end()
    })
}

/// Starts it on the test's address with a pid file.
fn start_with_pid_file(lab: &Lab, pid_file: &str) -> Checked<Server> {
    let address = lab.any_port();
    lab.start(&["-p", pid_file, &address.to_string()])?
        .expect_announcement(address)
}

/// Starts it on a UNIX socket with these arguments before the path.
fn start_on_path(lab: &Lab, further: &[&str], path: &str) -> Checked<Program> {
    let address = format!("unix:{path}");
    let program = lab.launch(Launch::new([further, &[address.as_str()]].concat()))?;
    program
        .stdout()
        .expect_line(format!("listening {address}"))?;
    Ok(program)
}
