//! Calls that do less than they were asked, and calls that fail without anybody's fault.

use super::{BOUND, PATIENT, ask, bounds, digits, expect_bad_request, start_with_limit, visit};
use crate::promises::servers;
use harness::author::{Call, Diagnosis, FdKind, Rejection, Test};

const LESS_THAN_ASKED: &str = "`write` may take a part of the bytes, and a signal may interrupt any call that can \
                               wait before it has done anything (`EINTR`): read, write, accept, poll.";
const AS_IF_NOTHING: &str = "The server goes on as if nothing had happened.";

pub(super) const SHORT_WRITES: Test = Test {
    name: "sends the rest when write has taken only a part",
    points: 2,
    read: "Calls that do less than asked",
    proves: &[LESS_THAN_ASKED, AS_IF_NOTHING],
    story: |lab| {
        lab.follow_calls();
        let server = start_with_limit(lab, PATIENT)?;
        visit(lab, &server)?;
        server
            .faults()
            .shorten(Call::Write.on(FdKind::Socket), lab.random_number(1..=7))?;
        let client = server.connect()?;
        client.send("GET 301\n")?;
        client.expect(digits(301))?;
        client.expect_end()?;
        client.close();
        let other = server.connect()?;
        other.send("what?\n")?;
        expect_bad_request(&other)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["ignores_short_writes", "sends_bad_request_with_one_write"],
            hint: "write may take fewer bytes than you give it, and returns how many. Offer it the rest, until none is \
                   left, before you end the stream: in Rust `write_all` is this loop.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["begins_again_after_a_short_write"],
            hint: "write has taken a part. What follows is the rest of the block, `&block[n..]`, and not a new block \
                   from its first digit.",
        },
    ],
};

pub(super) const INTERRUPTED: Test = Test {
    name: "makes a call again that a signal has interrupted",
    points: 2,
    read: "Calls that do less than asked",
    proves: &[LESS_THAN_ASKED, AS_IF_NOTHING],
    story: |lab| {
        lab.follow_calls();
        let server = start_with_limit(lab, PATIENT)?;
        visit(lab, &server)?;
        lab.settle()?;
        let client = server.connect()?;
        // The call in which the server sleeps has begun, and is spared.
        lab.settle()?;
        server.faults().interrupt_read_twice(FdKind::Socket)?;
        client.send_in_pieces("GET 4", 1)?;
        server
            .faults()
            .interrupt_twice(Call::Write.on(FdKind::Socket))?;
        client.send("5\n")?;
        client.expect(digits(45))?;
        client.expect_end()?;
        lab.settle()?;
        server.faults().interrupt_read_twice(FdKind::Socket)?;
        let drained = client.send_while_read(lab.random_bytes(5), 1)?;
        if drained < 5 {
            return lab.fail(
                Diagnosis::Reset,
                "your program has ended the drain when a signal interrupted it, and reset the connection",
            );
        }
        server.faults().interrupt_twice(Call::Accept)?;
        client.close();
        visit(lab, &server)?;
        // A server that sleeps in accept all the time meets the error only behind the first of them.
        visit(lab, &server)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &[
                "gives_up_a_client_at_eintr",
                "takes_eintr_for_the_end_of_the_time",
            ],
            hint: "EINTR says that a signal came before anything was done: the connection is as good as before, and \
                   the time is not over. Make the same call again, poll with the time that is left.",
        },
        Rejection {
            diagnosis: Diagnosis::Reset,
            mistakes: &["ends_the_drain_at_eintr"],
            hint: "A signal has interrupted the drain (EINTR). The client has not ended, and the time is not over: go \
                   on with what is left of it.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_eintr"],
            hint: "EINTR says that a signal came before accept had a client to return. Make the call again.",
        },
    ],
};

pub(super) const INTERRUPTED_CLOCK: Test = Test {
    name: "keeps to its limits while signals interrupt its calls",
    points: 1,
    read: BOUND,
    proves: &[AS_IF_NOTHING, bounds::TIME_AT_MOST, bounds::LINE_IN_TIME],
    story: |lab| {
        lab.follow_calls();
        let (servers, clients) = bounds::in_the_drain_and_in_the_line(lab)?;
        let [drain, line] = bounds::trickle(lab, &clients, bounds::LIMITS, |number| {
            servers[number]
                .faults()
                .interrupt_read_twice(FdKind::Socket)
        })?;
        bounds::expect_not_to_read(lab, drain, line)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimedOut,
        mistakes: &["starts_its_clock_again_at_eintr"],
        hint: "Each time a signal interrupts a call (EINTR), the client gets all of the time again. A signal does not \
               move the deadline: note it once, as an Instant, and wait after EINTR only for what is left until then.",
    }],
};

pub(super) const LOST_CLIENT: Test = Test {
    name: "goes on when the next client has given up before accept",
    points: 1,
    read: "When accept fails",
    proves: &[servers::ERRORS_OF_ACCEPT],
    story: |lab| servers::outlives_clients_who_give_up(lab, ask),
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["ends_when_a_client_gives_up"],
        hint: servers::ONE_CLIENT_HAS_GONE,
    }],
};

pub(super) const NO_DESCRIPTOR: Test = Test {
    name: "waits while there is no descriptor for the next client",
    points: 2,
    read: "When accept fails",
    proves: &[
        servers::ERRORS_OF_ACCEPT,
        "Meanwhile the server sleeps between its attempts, a second at most.",
    ],
    story: |lab| servers::waits_out_shortages(lab, ask),
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_without_descriptors"],
            hint: servers::SHORTAGES_PASS,
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["spins_without_descriptors"],
            hint: servers::PAUSE_IN_A_SHORTAGE,
        },
    ],
};
