//! Clients who read late, leave, or reset their connections.

use std::time::Duration;

use super::{echo, visit};
use crate::promises::servers;
use harness::author::{Checked, Connection, Diagnosis, Lab, Rejection, Server, Test};

pub(super) const PATIENCE: Test = Test {
    name: "waits as long as it takes",
    points: 1,
    read: "Bytes, not messages",
    proves: &[
        "The server has no time limit of its own: it sleeps until something comes, be a client silent for hours.",
        "A client who does not read its echo makes the server wait, and nothing is lost.",
        "The server never ends by itself.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        servers::expect_patience(lab, &server)?;
        let client = server.connect()?;
        echo(lab, &client)?;
        servers::expect_patience(lab, &server)?;
        let is_slow = moves_little_at_once(lab, &server, &client)?;
        client.close();
        // An alarm is seen in the calls only; every other limit in the kernel, too.
        let server = match is_slow {
            true => servers::start_untraced(lab)?,
            false => server,
        };
        let late_reader = server.connect_with_receive_buffer(SMALL)?;
        late_reader.send_until_unread(MORE_THAN_FITS)?;
        servers::expect_patience(lab, &server)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimeLimited,
        mistakes: &[
            "gives_up_a_silent_client",
            "gives_up_a_late_reader",
            "polls_for_30_seconds",
            "ends_when_nobody_comes",
            "ends_at_an_alarm",
        ],
        hint: servers::NO_TIME_LIMIT,
    }],
};

pub(super) const SLOW_READER: Test = Test {
    name: "loses nothing when a client reads late and half-closes first",
    points: 3,
    read: "End of file and half-close",
    proves: &[
        "When the client ends its sending side, the server sends what it still owes, closes the connection, and \
         serves the next client.",
        "A client who does not read its echo makes the server wait, and nothing is lost.",
        "It sends back the bytes of a client at once, all of them and unchanged, whatever they are and in whatever \
         pieces they come.",
    ],
    story: |lab| {
        let server = servers::start_untraced(lab)?;
        let first = server.connect_with_receive_buffer(SMALL)?;
        let before = server.program().peak_memory();
        first.send_until_unread(MORE_THAN_ONE_KEEPS)?;
        expect_it_waits(lab, &server, before)?;
        first.read_until_quiet()?;
        // If something is missing by now, this comes back too early.
        first.send(lab.random_bytes(16 * 1024))?;
        first.expect_echo()?;
        first.close();
        // Another client, because the kernel has widened the first one's send buffer while it flowed, to
        // megabytes on some machines.
        let client = server.connect_with_receive_buffer(SMALL)?;
        client.send_until_unread(MORE_THAN_FITS)?;
        // This and the end of the stream arrive while the program waits for room, with bytes unread.
        client.send_without_reading(lab.random_bytes(16 * 1024))?;
        client.shutdown_write()?;
        lab.settle()?;
        client.expect_echo()?;
        // Whether the stream ends now is another test's business.
        client.expect_no_more_bytes()?;
        client.close();
        expect_all_of_a_long_stream(lab, &server)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::OutOfMemory,
            mistakes: &["takes_all_at_once"],
            hint: "The client does not read, but your program reads on, and keeps everything. A stranger then \
                   decides how much memory you need. Write what has come before you read on; a channel or a buffer \
                   between reader and writer needs a bound (sync_channel).",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["drops_what_does_not_fit"],
            hint: "When the send buffer is full, wait: a plain write does that for you. MSG_DONTWAIT and an ignored \
                   count leave holes in the echo.",
        },
        Rejection {
            diagnosis: Diagnosis::Reset,
            mistakes: &["hangs_up_at_rdhup", "serves_ten_megabytes"],
            hint: "Read until read returns 0, write it back, then close. No count of bytes ends a stream, and \
                   POLLRDHUP says that no more will come, not that you have read all.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["gives_up_a_slow_client"],
            hint: "A full send buffer is no failure: the client reads late. After EAGAIN (WouldBlock) wait until \
                   there is room; a plain write on a blocking socket does that for you.",
        },
    ],
};

/// Whether a followed server makes so many calls for its clients that to fill the buffers would take minutes.
fn moves_little_at_once(lab: &Lab, server: &Server, client: &Connection) -> Checked<bool> {
    costs_much(server, || {
        client.send(lab.random_bytes(16 << 10))?;
        client.expect_echo()?;
        lab.settle()
    })
}

/// Whether the server uses so much CPU time for this that it moves one byte with each call.
fn costs_much(server: &Server, part: impl FnOnce() -> Checked) -> Checked<bool> {
    const MUCH: Duration = Duration::from_millis(100);
    let before = server.program().cpu_time();
    part()?;
    Ok(server.program().cpu_time().saturating_sub(before) > MUCH)
}

/// A server that moves one byte with each call is right, too, and would need minutes for all.
fn expect_all_of_a_long_stream(lab: &Lab, server: &Server) -> Checked {
    const A_PART: usize = 256 << 10;
    const ALL: usize = 16 << 20;
    let client = server.connect()?;
    let echo = |size: usize| {
        client.send(lab.random_bytes(size))?;
        client.expect_echo()
    };
    let begin = format!("{}: send 256 KiB, and expect them back", client.name());
    if costs_much(server, || lab.step(&begin, || echo(A_PART)))? {
        return Ok(());
    }
    let go_on = format!("{}: send 16 MiB, and expect them back", client.name());
    lab.step(&go_on, || echo(ALL))
}

pub(super) const RESET: Test = Test {
    name: "forgets a client who resets, and goes on",
    points: 2,
    read: "When a client misbehaves",
    proves: &[
        "A client who resets the connection, or leaves without reading, costs only its own connection.",
        "The server says so on standard error, keeps nothing of it, and goes on.",
        "The server never ends by itself.",
        "Nothing but the one line goes to standard output.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let (server, before) = servers::start_and_visit(lab, visit)?;
        let in_service = server.connect()?;
        echo(lab, &in_service)?;
        lab.settle()?;
        in_service.reset()?;
        let next = server.connect()?;
        echo(lab, &next)?;
        server.stdout().expect_quiet()?;
        lab.settle()?;
        server.stderr().expect_reason()?;
        server.connect()?.reset()?;
        // The first one has been told of: what comes now is about the others.
        next.reset()?;
        visit(lab, &server)?;
        server.descriptors().expect_at_most(before)?;
        server.stdout().expect_quiet()?;
        lab.settle()?;
        server.stderr().expect_reason()?;
        let who = "clients send a line, get it back, and reset their connections";
        servers::keeps_nothing(lab, &server, who, || {
            let client = server.connect()?;
            echo(lab, &client)?;
            client.reset()
        })
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["dies_with_its_client"],
            hint: "An error of read or write is the end of one connection, not of the server. Do not pass it up with \
                   `?`: report it and accept the next client.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["expects_a_peer_name"],
            hint: "A client that has gone is ordinary: read and write fail with ECONNRESET, getpeername with \
                   ENOTCONN. End this connection, not the server.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["closes_a_lost_client_twice"],
            hint: "A client was lost, and a signal has ended your program; the marked step names it. SIGPIPE comes \
                   from a write to a client who has gone, SIGABRT often from a descriptor that is closed twice.",
        },
        Rejection {
            diagnosis: Diagnosis::DescriptorLeaked,
            mistakes: &["leaks_after_an_error"],
            hint: "The descriptor stays open after an error. Let an OwnedFd close it on every way out.",
        },
        Rejection {
            diagnosis: Diagnosis::OutOfMemory,
            mistakes: &["keeps_the_buffers_of_lost_clients"],
            hint: servers::FORGET_CLIENTS,
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "says_nothing_of_lost_clients",
                "tells_of_the_first_lost_client",
            ],
            hint: "A client has reset its connection, and your server has to report it, each time. Look at what read \
                   and write return, and print an error on standard error (eprintln!) before you go on.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["complains_on_stdout"],
            hint: "Standard output is for results. Report a lost client on standard error, with `eprintln!`.",
        },
    ],
};

pub(super) const LEAVES_WITHOUT_READING: Test = Test {
    name: "goes on after a client who leaves without reading",
    points: 2,
    read: "When a client misbehaves",
    proves: &[
        "A client who resets the connection, or leaves without reading, costs only its own connection.",
        "The server says so on standard error, keeps nothing of it, and goes on.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let server = servers::start_untraced(lab)?;
        let before = servers::descriptors_after(lab, &server, visit)?;
        // Closed with its echo unread, this connection is reset while the program waits in write.
        let rude = server.connect_with_receive_buffer(SMALL)?;
        rude.send_until_unread(MORE_THAN_FITS)?;
        rude.close();
        let polite = server.connect()?;
        echo(lab, &polite)?;
        // A server with several threads may still be about to say that the rude one is lost.
        lab.settle()?;
        server.stderr().expect_reason()?;
        // Nothing of its echo has come yet: this one ends like a right one, and is gone when the echo comes.
        let gone = server.connect()?;
        gone.send(lab.random_bytes(48_000))?;
        gone.close();
        // The same with more than any server reads at once: the second write to somebody who has gone brings SIGPIPE.
        let gone = server.connect()?;
        gone.send_without_reading(lab.random_bytes(MORE_THAN_A_READ))?;
        gone.close();
        // And with so little that no write fails: the server reads on to the end, and the connection is reset by then.
        let gone = server.connect()?;
        gone.send(lab.random_bytes(1))?;
        gone.close();
        polite.close();
        visit(lab, &server)?;
        server.descriptors().expect_at_most(before)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_write_fails"],
            hint: "write fails when the client has gone, and the client decides when it goes. Handle the error \
                   instead of unwrapping it.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["dies_of_sigpipe", "dies_of_sigpipe_with_a_large_buffer"],
            hint: "SIGPIPE has killed your program: it wrote to a client who has gone. Rust ignores this signal for \
                   you: leave it so, and handle EPIPE.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_when_shutdown_fails"],
            hint: "A client has gone, and your server ends for all. Where a connection is reset, each call can fail: \
                   read, write, and shutdown with ENOTCONN. Say it on standard error, and take the next client.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["tries_again_for_ever"],
            hint: "Only EINTR means \"try again\". After any other error this connection is over: close it and accept \
                   the next.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["says_nothing_when_write_fails"],
            hint: "A client has left without its echo: write has failed. Print this error on standard error \
                   (eprintln!), like one of read, before you accept the next.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["sends_what_a_lost_client_left"],
            hint: "The next client gets bytes of a client that has gone. Drop what a client did not take: begin each \
                   connection with an empty buffer, however the one before has ended.",
        },
        Rejection {
            diagnosis: Diagnosis::DescriptorLeaked,
            mistakes: &["leaks_when_write_fails"],
            hint: "write has failed, and on this way out a descriptor stays open. Let an OwnedFd close each of them \
                   on every way out, copies (try_clone, dup) too.",
        },
    ],
};

/// A program that waits for its client takes what its buffers hold, and no more.
fn expect_it_waits(lab: &Lab, server: &Server, before: u64) -> Checked {
    const MUCH: u64 = 8 << 10;
    lab.step("compare the most memory it has used before and now", || {
        let more = server.program().peak_memory().saturating_sub(before);
        if more < MUCH {
            return Ok(());
        }
        lab.fail(
            Diagnosis::OutOfMemory,
            format!("your program has taken {more} KiB more memory for a client who does not read"),
        )
    })
}

/// A receive buffer which is soon full.
const SMALL: usize = 16 * 1024;

/// So many bytes are in no buffer of the kernel between client and program and back.
const MORE_THAN_FITS: usize = 1 << 20;

/// More bytes than a usual buffer has, and about as many as the kernel keeps for a client that nobody serves yet.
const MORE_THAN_A_READ: usize = 150_000;

/// So many bytes are in no buffer of a program either, if it has a bound.
const MORE_THAN_ONE_KEEPS: usize = 16 << 20;
