//! What every TCP server of the course keeps, over a server with whose clients one can have a conversation.

use std::net::SocketAddr;

use nix::errno::Errno;

use harness::author::{
    Call, Checked, Connection, Diagnosis, Lab, Launch, Object, Program, Server, Sleep, Socket,
    State, Transport,
};

/// What a client does that has connected, until it has all for which it came.
pub(crate) type Conversation = fn(&Lab, &Connection) -> Checked;

/// A polite client from its first byte to its last.
pub(crate) fn visit(lab: &Lab, server: &Server, conversation: Conversation) -> Checked {
    let step = "another client connects, gets what it came for, and closes";
    visit_as(step, lab, server, conversation)
}

/// The same, in words of the exercise.
pub(crate) fn visit_as(
    step: &str,
    lab: &Lab,
    server: &Server,
    conversation: impl Fn(&Lab, &Connection) -> Checked,
) -> Checked {
    lab.step(step, || {
        let client = server.connect()?;
        conversation(lab, &client)?;
        client.close();
        Ok(())
    })
}

/// A server that has served its first client, and the number of its descriptors. What a program opens for good, it may
/// open for its first client.
pub(crate) fn start_and_visit(
    lab: &Lab,
    visit: impl Fn(&Lab, &Server) -> Checked,
) -> Checked<(Server, usize)> {
    let server = lab.start_server()?;
    let descriptors = descriptors_after(lab, &server, visit)?;
    Ok((server, descriptors))
}

/// Starts a server with the argument `IP:0` whose calls are not followed: it may move one byte with each call, which is slow
/// to follow, and right.
pub(crate) fn start_untraced(lab: &Lab) -> Checked<Server> {
    start_untraced_with(lab, &[])
}

/// The same with `further` arguments behind the address.
pub(crate) fn start_untraced_with(lab: &Lab, further: &[&str]) -> Checked<Server> {
    let address = lab.any_port();
    let launch = Launch {
        traced: false,
        ..Launch::new([&[address.to_string().as_str()], further].concat())
    };
    lab.launch(launch)?.expect_announcement(address)
}

/// How many descriptors this server has when it has served its first client.
pub(crate) fn descriptors_after(
    lab: &Lab,
    server: &Server,
    visit: impl Fn(&Lab, &Server) -> Checked,
) -> Checked<usize> {
    visit(lab, server)?;
    lab.settle()?;
    server.descriptors().count()
}

// Where it listens

/// The hint for a program that listens on more than was asked for.
pub(crate) const BIND_THE_ARGUMENT: &str = "Bind the address from the argument, and no other: 0.0.0.0 means every \
                                            address of the machine, and nobody has asked for a second listening \
                                            socket.";

/// Sees that the program listens on the address of this server and nowhere else.
pub(crate) fn expect_no_other_door(lab: &Lab, server: &Server, transport: Transport) -> Checked {
    lab.step("see that it listens nowhere else", || {
        let own = server.program().descriptors().list()?;
        let is_own = |inode: u64| {
            own.iter()
                .any(|descriptor| descriptor.object == Object::Socket(inode))
        };
        let sockets = lab.sockets(transport)?;
        let other = sockets.iter().find(|socket| {
            let listens = transport == Transport::Udp || socket.state == State::Listen;
            listens && is_own(socket.inode) && socket.local != server.address()
        });
        match other {
            None => Ok(()),
            Some(other) => lab.fail(
                Diagnosis::ListensElsewhere,
                format!("your program listens on {}, too", other.local),
            ),
        }
    })
}

// Its line

/// The hint for a program that says that it listens, and listens afterwards.
pub(crate) const LISTEN_FIRST: &str = "A client that reads `listening IP:PORT` connects at once, and is refused while \
                                       nobody listens. Call listen first, then print.";

/// Starts the program while nothing takes its output, and sees that it listens already when its line has to wait.
/// `further` are the arguments behind the address.
pub(crate) fn listens_before_it_says_so(lab: &Lab, further: &[&str]) -> Checked<Server> {
    let wanted = lab.any_port();
    let address = wanted.to_string();
    let (program, listening) = held_at_its_line(lab, &[&[address.as_str()], further].concat())?;
    // What it has said comes first: a program may have begun with another line.
    let server = program.expect_announcement(wanted)?;
    expect_listened(lab, &listening, server.address())?;
    Ok(server)
}

/// The program when it may go on printing, and the addresses on which somebody listened while its first line had to
/// wait.
pub(crate) fn held_at_its_line(
    lab: &Lab,
    arguments: &[&str],
) -> Checked<(Program, Vec<SocketAddr>)> {
    let full = Launch {
        stdout_room: Some(0),
        ..Launch::new(arguments)
    };
    let start = "start your program; its standard output is full, so that its line has to wait";
    let program = lab.step(start, || {
        let program = lab.launch(full)?;
        program.sleeps(Sleep::Printing)?;
        Ok(program)
    })?;
    let listening = lab.step("look whether it listens already", || {
        // Where its descriptors are hidden, so are its sockets.
        program.descriptors().list()?;
        let mut sockets = lab.sockets(Transport::Tcp)?;
        sockets.retain(|socket| socket.state == State::Listen);
        Ok(sockets.iter().map(|socket| socket.local).collect())
    })?;
    program.stdout().drain()?;
    Ok((program, listening))
}

/// Sees that this address is among those on which somebody listened before the program said so.
pub(crate) fn expect_listened(lab: &Lab, listening: &[SocketAddr], said: SocketAddr) -> Checked {
    let has_listened = |socket: &SocketAddr| {
        socket.port() == said.port() && (socket.ip() == said.ip() || socket.ip().is_unspecified())
    };
    match listening.iter().any(has_listened) {
        true => Ok(()),
        false => lab.fail(
            Diagnosis::ListensElsewhere,
            format!(
                "your program says `listening {said}` while none of its sockets listens there yet"
            ),
        ),
    }
}

// Its port

/// The hint for a program that cannot have its port back.
pub(crate) const REUSE_THE_ADDRESS: &str = "The old connection is in TIME_WAIT and still holds the port. Set \
                                            SO_REUSEADDR on the listening socket, and before bind: bind is the call \
                                            that looks at it.";

/// The hint for a program that takes another port than the one it is given.
pub(crate) const BIND_THE_PORT: &str = "Bind the port from the argument, too. 0 means \"any free port\"; every other \
                                        number means itself.";

/// Stops the server with all that it has started: a process of it that goes on would hold the port. The server first,
/// for it might start another one.
pub(crate) fn stop(server: &Server) -> Checked {
    let program = server.program();
    program.kill()?;
    match program.children().commands().is_empty() {
        true => Ok(()),
        false => program.children().kill(),
    }
}

/// A server whose connection is in TIME_WAIT has been stopped, and another one takes its place.
pub(crate) fn starts_again(lab: &Lab, conversation: Conversation) -> Checked<Server> {
    let server = lab.start_server()?;
    let client = server.connect()?;
    conversation(lab, &client)?;
    stop(&server)?;
    client.expect_end()?;
    client.close();
    wait_for_time_wait(lab, server.address())?;
    let again = lab.start_server_on(server.address())?;
    again.expect_address(server.address())?;
    visit(lab, &again, conversation)?;
    Ok(again)
}

/// Waits until a connection of this address has ended, and still holds its port.
pub(crate) fn wait_for_time_wait(lab: &Lab, address: SocketAddr) -> Checked {
    const GOAL: &str = "the connection to be in TIME_WAIT";
    lab.wait_until(GOAL, Diagnosis::Stuck, || lab.is_in_time_wait(address))
}

/// The hint for a program that has less room than that for clients who wait.
pub(crate) const LONG_QUEUE: &str = "The backlog of listen is the room for clients who wait. Ask for 16 at least; 128 \
                                     is a good number.";

// Errors of accept

/// The sentence of their contracts.
pub(crate) const ERRORS_OF_ACCEPT: &str = "An error of `accept` that is about one client (`ECONNABORTED`, `EPROTO`), \
                                           or that passes (`EMFILE`, `ENFILE`: no descriptor is free; `ENOBUFS`, \
                                           `ENOMEM`: no memory), does not end the server either.";

/// And of those who serve one client after the other.
pub(crate) const SLEEPS_BETWEEN_ATTEMPTS: &str = "While that lasts, the clients wait in the queue, and the server sleeps \
                                                  between its attempts, a second at most.";

/// The hint for a program that ends when one client has gone.
pub(crate) const ONE_CLIENT_HAS_GONE: &str = "accept has failed with ECONNABORTED or EPROTO: this one client has left \
                                              the queue. The others are still there, so call accept again, as often \
                                              as it happens.";

/// accept finds, twice in a row, that its client has gone.
pub(crate) fn outlives_clients_who_give_up(lab: &Lab, conversation: Conversation) -> Checked {
    lab.follow_calls();
    let server = lab.start_server()?;
    visit(lab, &server, conversation)?;
    for errno in [Errno::ECONNABORTED, Errno::EPROTO] {
        // A server that sleeps in accept meets the error only behind the next client.
        lab.settle()?;
        server.faults().fail_twice(Call::Accept, errno)?;
        visit(lab, &server, conversation)?;
        visit(lab, &server, conversation)?;
    }
    Ok(())
}

/// The hint for a program that ends for want of something.
pub(crate) const SHORTAGES_PASS: &str = "accept has failed because a resource is short at this moment: descriptors \
                                         (EMFILE, ENFILE) or memory (ENOBUFS, ENOMEM). That passes, and the client \
                                         keeps its place in the queue. Sleep a little, and call accept again.";

/// The hint for a program that does not pause.
pub(crate) const PAUSE_IN_A_SHORTAGE: &str = "accept does not wait until there is a descriptor, or memory: with \
                                              EMFILE, ENFILE, ENOBUFS and ENOMEM it fails at once, again and again. \
                                              Sleep a little, 10 milliseconds for example, before you call it again.";

/// The hint for a program that pauses for a minute.
pub(crate) const SHORT_PAUSE: &str = "Your program sleeps for long after accept has failed for want of a descriptor or of \
                                      memory. The shortage may be over in a moment, and clients wait. A pause has a \
                                      second at most; 10 milliseconds are enough.";

/// Of all that accept needs, something is short for a while.
pub(crate) fn waits_out_shortages(lab: &Lab, conversation: Conversation) -> Checked {
    lab.follow_calls();
    let server = lab.start_server()?;
    let first = server.connect()?;
    conversation(lab, &first)?;
    lab.settle()?;
    let mut shortage = server.faults().fail_each(Call::Accept, Errno::EMFILE)?;
    first.close();
    let waiting = server.connect()?;
    for errno in [Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM] {
        shortage.wait_until_it_pauses()?;
        // The next one is there before this one ends, so that none of its attempts succeeds meanwhile.
        let next = server.faults().fail_each(Call::Accept, errno)?;
        shortage.end();
        shortage = next;
    }
    shortage.wait_until_it_pauses()?;
    shortage.end();
    conversation(lab, &waiting)?;
    waiting.close();
    visit(lab, &server, conversation)
}

// Patience

/// The hint for a program that has a time limit of its own.
pub(crate) const NO_TIME_LIMIT: &str = "Your program waits with a time limit: in poll, by SO_RCVTIMEO or SO_SNDTIMEO \
                                        of the socket, by an alarm or a timer. Nobody has asked for one: the other \
                                        side may be silent for hours. Wait without it.";

/// Sees that the program waits, and that nothing but a client ends it.
pub(crate) fn expect_patience(lab: &Lab, server: &Server) -> Checked {
    lab.settle()?;
    server.sleeps(Sleep::WithoutTimeLimit)
}

// What it owes

/// How many bytes the kernel holds on the way from the server to a client that does not read: those that wait to be sent,
/// and those that wait to be read.
pub(crate) fn held_for(client: &Connection, sockets: &[Socket]) -> usize {
    let (here, there) = (client.local_address(), client.peer_address());
    let held = |socket: &Socket| match (socket.local, socket.peer) {
        (local, peer) if local == here && peer == there => socket.receive_queue,
        (local, peer) if local == there && peer == here => socket.send_queue,
        _ => 0,
    };
    sockets.iter().map(held).sum::<u32>() as usize
}

/// How many unread bytes the kernel holds for the socket with this port of its own; none if there is no such socket. Its
/// address does not count: it may be bound to all of them.
pub(crate) fn unread(lab: &Lab, transport: Transport, port: u16) -> Checked<Option<u32>> {
    let sockets = lab.sockets(transport)?;
    let own = sockets.iter().filter(|socket| socket.local.port() == port);
    Ok(own.map(|socket| socket.receive_queue).reduce(|a, b| a + b))
}

/// More than any kernel holds for a client that does not read.
const MOST: usize = 16 << 20;

/// The hint for a program that forgets it.
pub(crate) const SEND_WHAT_YOU_OWE: &str = "The client has sent all that it has, and reads its echo late: your server \
                                            still holds a part of that. A read of 0 says that no more comes in. Send \
                                            what you owe, when there is room for it, and then close.";

/// A client sends more than has room on its way back, ends its side, and reads only then. A server with a buffer of its own
/// holds a small part at that moment, and has nothing left to read.
pub(crate) fn sends_the_rest(lab: &Lab, server: &Server) -> Checked {
    let client = server.connect_with_receive_buffer(16 * 1024)?;
    let step = "client 1: send and do not read, until the server holds a part of it";
    lab.step(step, || {
        let mut sent = 0;
        while sent < MOST && held_for(&client, &lab.sockets(Transport::Tcp)?) == sent {
            let piece = lab.random_number(20_000..=30_000) as usize;
            sent += client.send_without_reading(lab.random_bytes(piece))?;
            lab.settle()?;
        }
        Ok(())
    })?;
    client.shutdown_write()?;
    lab.settle()?;
    client.expect_echo()?;
    client.expect_end()
}

// What it keeps

/// So many clients come to see whether the program keeps something of each.
const MANY: usize = 110;
/// So much more memory, in KiB, is something of each of them: 48 KiB and more.
const MUCH: u64 = 5 * 1024;
/// How often they come, at most, before growing memory is a leak.
const ROUNDS: usize = 12;

/// The hint for a program that keeps memory of clients who have gone.
pub(crate) const FORGET_CLIENTS: &str = "With each client that comes and goes, your program needs more memory. Free \
                                         what belongs to a client when it goes: a buffer, an entry in a list, a \
                                         thread that was never joined.";

/// The hint for a program that never calls waitpid.
pub(crate) const COLLECT_CHILDREN: &str = "A process that has ended stays a zombie until its parent calls waitpid, and it \
                                           counts among those that you may have. Call waitpid with WNOHANG when \
                                           SIGCHLD comes or before each accept, or ignore SIGCHLD: then the kernel \
                                           collects them.";

/// Many clients come and go, and the program keeps no descriptor, no process and no memory of them. `visit` is one of
/// them from its connection to its end, `who` what they are.
pub(crate) fn keeps_nothing(
    lab: &Lab,
    server: &Server,
    who: &str,
    visit: impl Fn() -> Checked,
) -> Checked {
    // What a program opens for good, it may open for its first clients.
    lab.step("some clients come and go", || {
        (0..4).try_for_each(|_| visit())
    })?;
    lab.settle()?;
    let descriptors = server.descriptors().count()?;
    expect_memory_to_stay(
        lab,
        server,
        ROUNDS,
        MUCH,
        &format!("{MANY} clients"),
        || {
            lab.step(format!("{MANY} {who}"), || {
                (0..MANY).try_for_each(|_| visit())
            })?;
            server.descriptors().expect_at_most(descriptors)?;
            lab.settle()?;
            expect_few_zombies(lab, server)
        },
    )
}

/// The same work in several rounds, `what` in each. One round in which the program needs less than `leak` KiB more is
/// enough: a garbage collector may keep memory for some rounds, and a leak grows in all of them.
pub(crate) fn expect_memory_to_stay(
    lab: &Lab,
    server: &Server,
    rounds: usize,
    leak: u64,
    what: &str,
    round: impl Fn() -> Checked,
) -> Checked {
    let mut more = 0;
    for _ in 0..rounds {
        let before = server.program().peak_memory();
        round()?;
        more = server.program().peak_memory().saturating_sub(before);
        if more < leak {
            return Ok(());
        }
    }
    let symptom = format!(
        "your program has taken {more} KiB more memory for the last {what}, and as much each time before"
    );
    lab.fail(Diagnosis::OutOfMemory, symptom)
}

/// Some clients more: with those of [`keeps_nothing`] there have been more than 256, the room of many a table, and more than
/// a number of 8 bits can count.
pub(crate) fn serves_more_than_256(lab: &Lab, visit: impl Fn() -> Checked) -> Checked {
    const MORE: usize = 260 - MANY;
    lab.step(format!("{MORE} more of them"), || {
        (0..MORE).try_for_each(|_| visit())
    })
}

/// Sees that not every client of a round has left a process that has ended and was not collected. A server may collect
/// them when the next client comes, or now and then.
fn expect_few_zombies(lab: &Lab, server: &Server) -> Checked {
    let zombies = server.program().children().uncollected();
    match zombies < MANY {
        true => Ok(()),
        false => lab.fail(
            Diagnosis::ZombieLeft,
            format!("{zombies} processes of your program have ended, and stay zombies"),
        ),
    }
}
