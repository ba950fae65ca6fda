//! Clients that do not wait for their answer.

use super::{LONG, SMALL, ask, digits, visit};
use crate::promises::servers;
use harness::author::{Diagnosis, Rejection, Test};

pub(super) const LEAVE: Test = Test {
    name: "goes on when clients leave or reset at any moment",
    points: 3,
    read: "Clients that do not wait",
    proves: &[
        "A client may leave or reset the connection at any moment.",
        "That ends only its own connection: the server keeps nothing of it, and goes on.",
        "The server never ends by itself.",
        "Nothing but the one line goes to standard output.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let (server, before) = servers::start_and_visit(lab, visit)?;
        server.connect()?.close();
        server.connect()?.reset()?;
        let in_the_line = server.connect()?;
        in_the_line.send("GET 1")?;
        lab.settle()?;
        in_the_line.reset()?;
        visit(lab, &server)?;
        // The server waits in write, and the next one fails.
        let in_the_answer = server.connect_with_receive_buffer(SMALL)?;
        in_the_answer.send(format!("GET {LONG}\n"))?;
        in_the_answer.shutdown_write()?;
        lab.settle()?;
        in_the_answer.reset()?;
        let unread = server.connect_with_receive_buffer(SMALL)?;
        unread.send(format!("GET {LONG}\n"))?;
        lab.settle()?;
        unread.close();
        let in_the_drain = server.connect()?;
        ask(lab, &in_the_drain)?;
        lab.settle()?;
        in_the_drain.reset()?;
        // This one is gone when its line is read.
        let gone = server.connect()?;
        gone.send("GET 100000\n")?;
        gone.reset()?;
        visit(lab, &server)?;
        server.descriptors().expect_at_most(before)?;
        server.stdout().expect_quiet()?;
        let who = "clients ask, get their answer, and reset their connections";
        servers::keeps_nothing(lab, &server, who, || {
            let client = server.connect()?;
            client.send("GET 12\n")?;
            client.expect(digits(12))?;
            client.reset()
        })
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["dies_with_its_client", "dies_when_shutdown_fails"],
            hint: "An error of read, write or shutdown is the end of one connection, not of the server: ECONNRESET, \
                   EPIPE and ENOTCONN say that this client has gone. Do not pass it up to main with `?`; drop the \
                   connection, and accept the next client.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_write_fails"],
            hint: "write fails when the client has gone, and the client decides when it goes. Handle the error instead \
                   of unwrapping it.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["dies_of_sigpipe"],
            hint: "SIGPIPE has killed your program: it wrote to a client who has gone. Rust ignores this signal for \
                   you: leave it so, and handle EPIPE.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["tries_again_for_ever"],
            hint: "Only EINTR means \"try again\". After any other error this connection is over: close it and accept \
                   the next.",
        },
        Rejection {
            diagnosis: Diagnosis::DescriptorLeaked,
            mistakes: &["leaks_after_an_error"],
            hint: "The connection stays open after an error. Let an OwnedFd or a TcpStream close it on every way out.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["complains_on_stdout"],
            hint: "Standard output carries the one line `listening IP:PORT`, and nothing else. Report a lost client on \
                   standard error, with `eprintln!`.",
        },
        Rejection {
            diagnosis: Diagnosis::OutOfMemory,
            mistakes: &["keeps_a_buffer_of_each_client"],
            hint: servers::FORGET_CLIENTS,
        },
    ],
};
