//! Calls that do less than they were asked, or fail without anybody's fault.

use super::{READ_ALL, answer, ask, message, some_bytes, visit};
use harness::author::{Call, Diagnosis, FdKind, Rejection, Test};

const A_PART: &str = "Your program has taken a part of a message for all of it. Any read, also recv with \
                      MSG_WAITALL, may bring less than it is asked for, and so may the next one: go on until the \
                      count says that nothing is missing. Only 0 bytes are the end.";

pub(super) const SHORT_READS: Test = Test {
    name: "puts a message together from reads that bring a few bytes",
    points: 2,
    read: "recv, send and their flags",
    proves: &[
        "The stream may be cut anywhere: in the length, in the payload, between any two bytes.",
        "A call may do less than it was asked.",
        "`read` and `write` may move a part of the bytes, `recv` too, with every flag; and a signal may interrupt any \
         call that can wait (`EINTR`): read, write, accept, poll.",
        "The server goes on as if nothing had happened.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let client = server.connect()?;
        ask(&client, &some_bytes(lab, 5..=12))?;
        // The call in which it sleeps has begun, and is spared.
        lab.settle()?;
        server
            .faults()
            .shorten(Call::Read.on(FdKind::Socket), lab.random_number(1..=2))?;
        for _ in 0..3 {
            ask(&client, &some_bytes(lab, 10..=30))?;
        }
        client.expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["asks_only_twice"],
            hint: A_PART,
        },
        Rejection {
            diagnosis: Diagnosis::Reset,
            mistakes: &["asks_waitall_once"],
            hint: A_PART,
        },
    ],
};

pub(super) const INTERRUPTED: Test = Test {
    name: "makes a call again that a signal has interrupted",
    points: 2,
    read: READ_ALL,
    proves: &[
        "`read` and `write` may move a part of the bytes, `recv` too, with every flag; and a signal may interrupt any \
         call that can wait (`EINTR`): read, write, accept, poll.",
        "The server goes on as if nothing had happened.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let client = server.connect()?;
        ask(&client, &some_bytes(lab, 5..=12))?;
        let payload = some_bytes(lab, 10..=20);
        let whole = message(&payload);
        for piece in [&whole[..2], &whole[2..8], &whole[8..12]] {
            // The call in which it sleeps has begun, and is spared: the next one is struck, in the middle of a message.
            lab.settle()?;
            server.faults().interrupt_read_twice(FdKind::Socket)?;
            client.send(piece)?;
            client.expect_quiet()?;
        }
        client.send(&whole[12..])?;
        client.expect(answer(&payload))?;
        client.expect_quiet()?;
        server
            .faults()
            .interrupt_twice(Call::Write.on(FdKind::Socket))?;
        ask(&client, &some_bytes(lab, 5..=12))?;
        lab.settle()?;
        server
            .faults()
            .interrupt_after_a_part(Call::Write.on(FdKind::Socket), lab.random_number(1..=3))?;
        ask(&client, &some_bytes(lab, 20..=60))?;
        server.faults().interrupt_twice(Call::Accept)?;
        client.close();
        visit(lab, &server)?;
        visit(lab, &server)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &[
                "gives_up_a_client_at_eintr",
                "begins_again_at_eintr",
                "tries_again_only_once",
            ],
            hint: "EINTR says that a signal came before a byte was moved. Nothing is lost: keep the part of the \
                   message that you have, make the same call again, in a loop, and go on where you were.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["begins_its_answer_again_at_eintr"],
            hint: "One write has taken a part of the answer, and then a signal has interrupted the next. What was \
                   taken is on its way: offer only the rest again, and not the answer from its start.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_eintr"],
            hint: "EINTR is no failure: a signal came before accept (or poll) had anything to return. Make the call \
                   again.",
        },
    ],
};

pub(super) const SHORT_WRITES: Test = Test {
    name: "sends the rest of an answer when a write has taken a part",
    points: 2,
    read: "Header and payload in one call",
    proves: &[
        "A call may do less than it was asked.",
        "`read` and `write` may move a part of the bytes, `recv` too, with every flag; and a signal may interrupt any \
         call that can wait (`EINTR`): read, write, accept, poll.",
        "The server goes on as if nothing had happened.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let client = server.connect()?;
        ask(&client, &some_bytes(lab, 5..=12))?;
        server
            .faults()
            .shorten(Call::Write.on(FdKind::Socket), lab.random_number(1..=3))?;
        for _ in 0..3 {
            ask(&client, &some_bytes(lab, 20..=60))?;
        }
        client.expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["ignores_short_writes", "writev_without_a_loop"],
            hint: "write (and writev, and send) may take fewer bytes than you give it, in the middle of the header \
                   too, and returns how many. Offer it the rest, until none is left: `write_all` is this loop.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["offers_the_whole_again"],
            hint: "A write has taken a part, and your program offers all of it once more. Offer only what has not \
                   been taken: `&bytes[n..]`.",
        },
    ],
};
