//! Signals that come at an awkward moment: before it waits, and together.

use libc::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

use super::{
    count, expect_result, first_real_time, repeated, send, shuffled, signal_while_it_says_ready,
    times,
};
use harness::author::{Diagnosis, Rejection, Sleep, Test};

pub(super) const READY_MEANS_READY: Test = Test {
    name: "can take a signal as soon as it says ready",
    points: 2,
    read: "What a program is born with",
    proves: &[
        "A signal that comes after this line, however soon, is handled as this contract says.",
    ],
    story: |lab| {
        let program = signal_while_it_says_ready(lab, |program| {
            let signals = vec![SIGUSR1, SIGUSR2, first_real_time(program)?, SIGHUP];
            Ok(shuffled(lab, signals))
        })?;
        program.sleeps(Sleep::UntilASignalComes)?;
        program.signals().deliver(SIGTERM)?;
        expect_result(&program, 1, 1, 1)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Killed,
        mistakes: &["is_ready_too_early"],
        hint: "The program says ready before its handlers are installed, and a signal at that moment kills it. \
               Install them first, then print.",
    }],
};

pub(super) const BEFORE_THE_FIRST_WAIT: Test = Test {
    name: "ends, too, if SIGTERM or SIGINT comes before it begins to wait",
    points: 2,
    read: "Blocking, and waiting without a gap",
    proves: &[
        "A signal that comes after this line, however soon, is handled as this contract says.",
        "A signal may come at any moment, also between a look at a flag and the sleep: it is not missed.",
        "`SIGINT` ends it in the same way.",
    ],
    story: |lab| {
        for signal in [SIGTERM, SIGINT] {
            let program = signal_while_it_says_ready(lab, |_| Ok(vec![signal]))?;
            expect_result(&program, 0, 0, 0)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["unblocks_before_it_waits"],
            hint: "The signal comes in the gap after the look at the flag: its handler runs, and then the program \
                   waits for a signal that has come already. Leave the signals blocked, and let sigsuspend open the \
                   mask and wait in one step.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["catches_sigint_too_late"],
            hint: "The program says ready before a handler is installed, and a signal at that moment kills it. \
                   Install all of them first, then print.",
        },
    ],
};

pub(super) const BEFORE_THE_NEXT_WAIT: Test = Test {
    name: "ends, too, if SIGTERM or SIGINT comes just before it waits again",
    points: 3,
    read: "The signal that comes too early",
    proves: &[
        "A signal may come at any moment, also between a look at a flag and the sleep: it is not missed.",
        "`SIGINT` ends it in the same way.",
    ],
    story: |lab| {
        lab.follow_calls();
        for signal in [SIGTERM, SIGINT] {
            let program = count(lab)?;
            program.signals().send_in_the_gap(SIGUSR1, signal)?;
            expect_result(&program, 1, 0, 0)?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Stuck,
        mistakes: &["looks_then_pauses", "blocks_only_sigterm"],
        hint: "The signal comes after the look at the flag and before the sleep: its handler runs, and then the \
               program waits for a signal that has come already. Block all the signals before you look, and let \
               sigsuspend open the mask and wait in one step.",
    }],
};

pub(super) const PENDING_WITH_TERM: Test = Test {
    name: "counts standard signals that are pending together with SIGTERM",
    points: 2,
    read: "Merged or queued",
    proves: &["Every signal that was sent before `SIGTERM` is in the counts."],
    story: |lab| {
        let program = count(lab)?;
        program.signals().freeze()?;
        for signal in shuffled(lab, vec![SIGUSR1, SIGUSR2]) {
            program.signals().send(signal)?;
        }
        program.signals().send(SIGTERM)?;
        program.signals().resume()?;
        expect_result(&program, 1, 1, 0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["ends_in_the_handler"],
        hint: "The handler of SIGTERM may run before the handlers of signals that came earlier. Set a flag there, and \
               let the main program end when the others are counted.",
    }],
};

pub(super) const REAL_TIME_PENDING_WITH_TERM: Test = Test {
    name: "counts real-time signals that are pending together with SIGTERM",
    points: 2,
    read: "Merged or queued",
    proves: &["Every signal that was sent before `SIGTERM` is in the counts."],
    story: |lab| {
        let program = count(lab)?;
        let first = first_real_time(&program)?;
        program.signals().freeze()?;
        let real_time = lab.random_number(2..=6);
        lab.step(format!("send it SIGRTMIN {}", times(real_time)), || {
            send(&program, &repeated(&[(first, real_time)]))
        })?;
        program.signals().send(SIGTERM)?;
        program.signals().resume()?;
        expect_result(&program, 0, 0, real_time)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["leaves_signals_pending"],
        hint: "SIGTERM has the lower number and is delivered first; the real-time signals are still pending. Unblock \
               all signals before you read the counters.",
    }],
};
