//! What the server does when a call does less than it was asked, or fails without anybody's fault.

use super::names::{expect_names, visit};
use crate::promises::servers;
use harness::author::{Call, Diagnosis, FdKind, Rejection, Test};

pub(super) const SHORT_WRITES: Test = Test {
    name: "sends the rest of the line when write has taken only a part",
    points: 1,
    read: "Calls that do less than asked",
    proves: &[
        "A call may do less than it was asked.",
        "`write` may take a part of the line, and a signal may interrupt a call that waits (`EINTR`): poll, accept, \
         write.",
        "The server goes on as if nothing had happened.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        visit(lab, &server)?;
        server
            .faults()
            .shorten(Call::Write.on(FdKind::Socket), lab.random_number(1..=4))?;
        visit(lab, &server)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ClosedEarly,
        mistakes: &["ignores_short_writes"],
        hint: "write may take fewer bytes than you give it, and returns how many. Offer it the rest, until none is \
               left: in Rust `write_all` is this loop.",
    }],
};

pub(super) const LEAVES_EARLY: Test = Test {
    name: "goes on when a client has left in the middle of its line",
    points: 1,
    read: "When a client misbehaves",
    proves: &[
        "A client who resets the connection, even before the server has seen it, costs only its own connection.",
        "The server says so on standard error, keeps nothing of it, and goes on.",
    ],
    story: |lab| {
        lab.follow_calls();
        let (server, before) = servers::start_and_visit(lab, visit)?;
        // The kernel takes the first part, and learns from the answer that nobody is there for the next.
        let parts = server
            .faults()
            .shorten(Call::Write.on(FdKind::Socket), lab.random_number(1..=4))?;
        server.signals().freeze()?;
        server.connect()?.close();
        server.signals().resume()?;
        lab.settle()?;
        let has_failed = parts.hits() > 0;
        parts.end();
        visit(lab, &server)?;
        server.descriptors().expect_at_most(before)?;
        // Where the connection does not block, the kernel takes the whole line at once, and nobody learns of the loss.
        match has_failed {
            true => server.stderr().expect_reason(),
            false => Ok(()),
        }
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["dies_of_sigpipe"],
            hint: "SIGPIPE has killed your program: it wrote to a client who has gone. Rust ignores this signal for \
                   you: leave it so (in C: ignore it, or use send with MSG_NOSIGNAL), and handle EPIPE.",
        },
        Rejection {
            diagnosis: Diagnosis::DescriptorLeaked,
            mistakes: &["leaks_a_client_that_takes_no_line"],
            hint: "write has failed, and the descriptor stays open on this way out. Let an OwnedFd close it on every \
                   way out.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["says_nothing_of_a_lost_line"],
            hint: "write has failed with EPIPE or ECONNRESET: this client has not got its line, and your server has \
                   to report it. Print the error on standard error (eprintln!) before you go on.",
        },
    ],
};

pub(super) const INTERRUPTED: Test = Test {
    name: "makes a call again that a signal has interrupted",
    points: 2,
    read: "Calls that do less than asked",
    proves: &[
        "`write` may take a part of the line, and a signal may interrupt a call that waits (`EINTR`): poll, accept, \
         write.",
        "The server goes on as if nothing had happened.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        visit(lab, &server)?;
        // The call in which it sleeps has begun, and is spared.
        lab.settle()?;
        server.faults().interrupt_twice(Call::Poll)?;
        visit(lab, &server)?;
        server.faults().interrupt_twice(Call::Accept)?;
        visit(lab, &server)?;
        server
            .faults()
            .interrupt_twice(Call::Write.on(FdKind::Socket))?;
        visit(lab, &server)?;
        visit(lab, &server)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_eintr", "ends_when_accept_is_interrupted"],
            hint: "EINTR is no failure: a signal came before poll or accept had anything to return. Make the call \
                   again.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["gives_up_a_client_at_eintr", "tries_again_only_once"],
            hint: "EINTR says that a signal came before a byte was moved. The connection is as good as before: make \
                   the same write again, in a loop, as often as it happens.",
        },
    ],
};

pub(super) const LOST_CLIENT: Test = Test {
    name: "goes on when accept finds that its client has gone",
    points: 1,
    read: "When accept fails",
    proves: &[servers::ERRORS_OF_ACCEPT],
    story: |lab| servers::outlives_clients_who_give_up(lab, expect_names),
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["ends_when_a_client_gives_up", "ends_at_a_protocol_error"],
        hint: servers::ONE_CLIENT_HAS_GONE,
    }],
};

pub(super) const NO_DESCRIPTOR: Test = Test {
    name: "waits while there is no descriptor for the next client",
    points: 2,
    read: "When accept fails",
    proves: &[servers::ERRORS_OF_ACCEPT, servers::SLEEPS_BETWEEN_ATTEMPTS],
    story: |lab| servers::waits_out_shortages(lab, expect_names),
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_without_descriptors", "ends_without_memory"],
            hint: servers::SHORTAGES_PASS,
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["spins_without_descriptors"],
            hint: servers::PAUSE_IN_A_SHORTAGE,
        },
    ],
};
