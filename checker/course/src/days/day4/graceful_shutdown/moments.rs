//! Signals at awkward moments.

use libc::SIGTERM;

use super::{begin_drain, echo, echo_some, expect_drained, leave, visit};
use harness::author::{Call, Diagnosis, FdKind, Launch, Rejection, Sleep, Test};

const ANY_MOMENT: &str = "A signal may come at any moment, also just before the server goes to sleep: it is not \
                          missed.";

pub(super) const READY_MEANS_READY: Test = Test {
    name: "can take a signal as soon as it says that it listens",
    points: 2,
    read: "A flag and a sleep",
    proves: &[
        "When it is ready for clients and for signals, the server prints exactly one line: `listening IP:PORT`, with \
         the port it really has, or `listening unix:PATH`.",
        ANY_MOMENT,
    ],
    story: |lab| {
        let start = "start your program; its standard output is full, so that its line `listening` has to wait in \
                     write(1)";
        let program = lab.step(start, || {
            let program = lab.launch(Launch {
                stdout_room: Some(0),
                ..Launch::new([lab.any_port().to_string()])
            })?;
            program.sleeps(Sleep::Printing)?;
            Ok(program)
        })?;
        program.signals().send(SIGTERM)?;
        program.sleeps(Sleep::Printing)?;
        program.stdout().drain()?;
        program.stdout().next_line("the line `listening IP:PORT`")?;
        expect_drained(&program, 0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["is_ready_too_early"],
            hint: "Your server says that it listens before its handlers are installed, and a signal at that moment \
                   kills it. Install them first, then print.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["forgets_earlier_signals"],
            hint: "The signal came while the server was printing its line. It is counted already, or pending: look at \
                   it before the first sleep, and do not set the counter to 0 after the line.",
        },
    ],
};

pub(super) const BEFORE_IT_SLEEPS: Test = Test {
    name: "takes a signal that comes just before it sleeps",
    points: 3,
    read: "Four ways to wait for both",
    proves: &[ANY_MOMENT],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let early = visit(lab, &server)?;
        lab.settle()?;
        let gap = server.signals().freeze_in_the_gap()?;
        let late = server.connect()?;
        gap.wait_until_hit()?;
        server.signals().wait_until_frozen()?;
        server.program().signals().send(SIGTERM)?;
        server.signals().resume()?;
        server.expect_not_listening()?;
        lab.settle()?;
        for client in [&late, &early] {
            echo_some(lab, client)?;
            leave(lab, client)?;
        }
        expect_drained(server.program(), 2)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::DescriptorLeaked,
        mistakes: &["looks_then_sleeps", "opens_the_mask_too_early"],
        hint: "The signal comes after the server has looked at its flag and before it sleeps: the handler runs, and \
               then nothing wakes the server. Keep the signals blocked, and let ppoll open the mask and sleep in one \
               step; or sleep in poll with a signalfd, or with a pipe to which the handler writes.",
    }],
};

pub(super) const INTERRUPTED: Test = Test {
    name: "goes on after it was stopped, and after interrupted and short calls",
    points: 2,
    read: "Stopped and continued",
    proves: &[
        "A call in which it sleeps may end early (`EINTR`), and `write` may take fewer bytes than it is given.",
        "The server may be stopped and continued (`SIGSTOP`, `SIGCONT`).",
        "It goes on as if nothing had happened.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let client = visit(lab, &server)?;
        lab.settle()?;
        server.signals().freeze()?;
        server.signals().resume()?;
        lab.settle()?;
        let second = visit(lab, &server)?;
        lab.settle()?;
        server.faults().interrupt_twice(Call::Accept)?;
        server.faults().interrupt_read_twice(FdKind::Socket)?;
        server
            .faults()
            .shorten(Call::Write.on(FdKind::Socket), lab.random_number(1..=9))?;
        echo_some(lab, &client)?;
        lab.settle()?;
        echo_some(lab, &client)?;
        let third = visit(lab, &server)?;
        lab.settle()?;
        begin_drain(lab, &server)?;
        server.signals().freeze()?;
        server.signals().resume()?;
        lab.settle()?;
        server.stdout().expect_quiet()?;
        server.faults().interrupt_twice(Call::Poll)?;
        server.faults().interrupt_twice(Call::Wait)?;
        leave(lab, &third)?;
        echo(lab, &second, 1_000)?;
        leave(lab, &second)?;
        leave(lab, &client)?;
        expect_drained(server.program(), 3)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["takes_any_eintr_for_a_signal"],
            hint: "A call has failed with EINTR, and no signal has asked the server to end: it was stopped and \
                   continued, for example. Look at the counter of SIGTERM and SIGINT; if it has not changed, make the \
                   call again.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["loses_a_client_at_eintr"],
            hint: "read on a connection has failed with EINTR. Nothing is lost, and the client is still there: read \
                   again.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["ignores_short_writes"],
            hint: "write has taken fewer bytes than it was given, and said so. Offer it the rest, until all of it is \
                   taken.",
        },
    ],
};
