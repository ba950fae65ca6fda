//! What a server does when a call does less than it was asked, or fails without anybody's fault.

use super::{echo, visit};
use crate::promises::servers;
use harness::author::{Call, Diagnosis, FdKind, Rejection, Test};

pub(super) const SHORT_WRITES: Test = Test {
    name: "sends the rest when write has taken only a part",
    points: 2,
    read: "Calls that do less than asked",
    proves: &[
        "A call may do less than it was asked.",
        "`write` may take a part of the bytes, and a signal may interrupt any call that can wait before it has done \
         anything (`EINTR`): read, write, accept, poll.",
        "The server goes on as if nothing had happened.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let client = server.connect()?;
        echo(lab, &client)?;
        server
            .faults()
            .shorten(Call::Write.on(FdKind::Socket), lab.random_number(1..=4))?;
        echo(lab, &client)?;
        client.send(lab.random_bytes(100))?;
        client.expect_echo()?;
        client.expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["ignores_short_writes"],
            hint: "write may take fewer bytes than you give it, and returns how many. Offer it the rest, until none is \
                   left: in Rust `write_all` is this loop.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["offers_all_of_it_again"],
            hint: "write has taken a part of the bytes, and what your program sends next is not the rest. It is often \
                   the same buffer from its start: then the part comes twice. Go on behind the n bytes that write has \
                   taken, `&bytes[n..]`.",
        },
    ],
};

pub(super) const INTERRUPTED: Test = Test {
    name: "makes a call again that a signal has interrupted",
    points: 2,
    read: "Calls that do less than asked",
    proves: &[
        "`write` may take a part of the bytes, and a signal may interrupt any call that can wait before it has done \
         anything (`EINTR`): read, write, accept, poll.",
        "The server goes on as if nothing had happened.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let client = server.connect()?;
        echo(lab, &client)?;
        // The call in which it sleeps has begun, and is spared.
        lab.settle()?;
        server.faults().interrupt_read_twice(FdKind::Socket)?;
        echo(lab, &client)?;
        client.expect_quiet()?;
        server
            .faults()
            .interrupt_twice(Call::Write.on(FdKind::Socket))?;
        echo(lab, &client)?;
        server
            .faults()
            .interrupt_after_a_part(Call::Write.on(FdKind::Socket), lab.random_number(1..=4))?;
        echo(lab, &client)?;
        client.expect_quiet()?;
        server.faults().interrupt_twice(Call::Accept)?;
        client.close();
        visit(lab, &server)?;
        // A server that sleeps in accept all the time meets the error only behind the first of them.
        visit(lab, &server)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["gives_up_a_client_at_eintr"],
            hint: "EINTR says that a signal came before a byte was moved. The connection is as good as before: make \
                   the same call again, read or write.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["begins_again_at_eintr"],
            hint: "One write has taken a part of the line, and then a signal has interrupted the next. What was taken \
                   is on its way: make only that one write again, with the rest, and not all of them from the start.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["reads_on_after_eintr"],
            hint: "A call has failed with EINTR before it moved a byte. If it was write, the bytes are still yours to \
                   send: make the same write again before you read more. Your program waits for the client now, and \
                   the client waits for its echo.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["unwraps_accept"],
            hint: "EINTR is no failure: a signal came before accept, read or write (or poll) had done anything. unwrap \
                   makes a panic of it. Match it, and make the same call again.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_eintr"],
            hint: "EINTR is no failure: a signal came before accept (or poll) had anything to return. Make the call \
                   again.",
        },
    ],
};

pub(super) const LOST_CLIENT: Test = Test {
    name: "goes on when the next client has given up before accept",
    points: 1,
    read: "When accept fails",
    proves: &[servers::ERRORS_OF_ACCEPT],
    story: |lab| servers::outlives_clients_who_give_up(lab, echo),
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &[
            "ends_when_a_client_gives_up",
            "accepts_again_only_once",
            "ends_at_a_protocol_error",
        ],
        hint: servers::ONE_CLIENT_HAS_GONE,
    }],
};

pub(super) const NO_DESCRIPTOR: Test = Test {
    name: "waits while there is no descriptor for the next client",
    points: 2,
    read: "When accept fails",
    proves: &[servers::ERRORS_OF_ACCEPT, servers::SLEEPS_BETWEEN_ATTEMPTS],
    story: |lab| servers::waits_out_shortages(lab, echo),
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_without_descriptors", "ends_without_memory"],
            hint: servers::SHORTAGES_PASS,
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &[
                "spins_without_descriptors",
                "spins_when_the_machine_has_none",
            ],
            hint: servers::PAUSE_IN_A_SHORTAGE,
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["pauses_for_a_minute"],
            hint: servers::SHORT_PAUSE,
        },
    ],
};
