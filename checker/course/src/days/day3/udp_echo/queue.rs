//! Datagrams which have to wait, and a receive which a signal cuts short.

use super::{ask, word};
use harness::author::{Diagnosis, FdKind, Rejection, Sleep, Test};

pub(super) const LONG_QUEUE: Test = Test {
    name: "loses none of many datagrams that wait",
    points: 1,
    read: "Datagrams wait in a queue",
    proves: &[
        "Datagrams are answered in the order in which the socket hands them out, each by itself.",
        "No datagram is lost because the server is busy with another one: what comes meanwhile waits in the socket's \
         queue.",
    ],
    story: |lab| {
        let server = lab.start_udp_server(&[])?;
        let client = lab.udp_peer()?;
        server.sleeps(Sleep::UntilSomethingComes)?;
        server.signals().freeze()?;
        // Together less than half of what Linux gives a socket, with all that the kernel adds to each.
        let questions: Vec<_> = (0..32).map(|_| lab.random_bytes(1000)).collect();
        lab.step("client 1: send 32 datagrams of 1000 bytes", || {
            questions
                .iter()
                .try_for_each(|question| client.send_to(server.address(), question))
        })?;
        server.signals().resume()?;
        lab.step("client 1: expect them all back, in their order", || {
            questions
                .iter()
                .try_for_each(|question| client.expect_from(server.address(), question))
        })
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::NoAnswer,
            mistakes: &["shrinks_its_queue"],
            hint: "Some datagrams came while your program was busy, and there was no room for them: the kernel \
                   dropped them. SO_RCVBUF is the room for all that wait together, not for one datagram. Leave it as \
                   it is.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["overwrites_its_ring"],
            hint: "This is the answer to another datagram: the answers are out of order, or some are lost. Take one \
                   from the socket, answer it, and take the next. A thread for each datagram answers in any order, \
                   and a queue of your own may be full; the socket's queue keeps the order.",
        },
    ],
};

pub(super) const INTERRUPTED: Test = Test {
    name: "receives again when a signal has interrupted it",
    points: 1,
    read: "Datagrams wait in a queue",
    proves: &["A receive which a signal has interrupted (`EINTR`) is made again."],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_udp_server(&[])?;
        let client = lab.udp_peer()?;
        server.sleeps(Sleep::UntilSomethingComes)?;
        server.faults().interrupt_read_twice(FdKind::Socket)?;
        // A server which sleeps in its receive gets the first one in the call that has begun, and fails behind it.
        ask(&client, &server, word(lab))?;
        ask(&client, &server, word(lab))?;
        ask(&client, &server, word(lab))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_eintr"],
            hint: "EINTR is no failure: a signal came before there was a datagram. Receive again.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["answers_at_eintr"],
            hint: "This answer belongs to no question. A receive has failed with EINTR, and brought neither bytes nor \
                   a sender: what your variables hold is older. Send nothing, and receive again.",
        },
    ],
};
