//! More signals than usual, a second request to end, and how the program ends when something is wrong.

use libc::{SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use nix::errno::Errno;

use super::{
    FIRST_REAL_TIME, count, expect_result, first_real_time, repeated, send, start, take,
    without_arguments,
};
use crate::promises::{
    arguments::{self, spoiled},
    numbers,
};
use harness::author::{Call, Diagnosis, FdKind, Launch, Rejection, Sleep, Test};

pub(super) const MANY: Test = Test {
    name: "counts more than 255 signals",
    points: 1,
    read: "Merged or queued",
    proves: &[
        "It counts `SIGUSR1`, `SIGUSR2` and `SIGRTMIN`: one for each signal that the kernel delivers.",
    ],
    story: |lab| {
        let program = count(lab)?;
        let first = first_real_time(&program)?;
        program.signals().freeze()?;
        let real_time = lab.random_number(260..=300);
        lab.step(format!("send it SIGRTMIN {real_time} times"), || {
            send(&program, &repeated(&[(first, real_time)]))
        })?;
        program.signals().resume()?;
        program.sleeps(Sleep::UntilASignalComes)?;
        program.signals().deliver(SIGTERM)?;
        expect_result(&program, 0, 0, real_time)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["counts_in_a_byte"],
        hint: "A counter of 8 bits begins again at 0 after 255. Take an AtomicUsize, or an AtomicU64.",
    }],
};

pub(super) const SIGINT_BLOCKED_AT_THE_START: Test = Test {
    name: "obeys SIGINT though it is blocked at the start",
    points: 1,
    read: "Blocking, and waiting without a gap",
    proves: &[
        "`SIGINT` ends it in the same way.",
        "The program may be started with signals blocked.",
    ],
    story: |lab| {
        let program = start(
            Launch {
                blocked: vec![SIGINT],
                ..without_arguments()
            },
            lab,
        )?;
        program.signals().deliver(SIGINT)?;
        expect_result(&program, 0, 0, 0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongDisposition,
        mistakes: &["keeps_sigint_blocked"],
        hint: "The program inherits its mask, which may hold any signal. It is not enough to remove those that you \
               remember: wait with an empty mask of your own.",
    }],
};

pub(super) const SIGTERM_IGNORED_AT_THE_START: Test = Test {
    name: "takes its signals though they are ignored at the start",
    points: 1,
    read: "What a program is born with",
    proves: &[
        "It counts `SIGUSR1`, `SIGUSR2` and `SIGRTMIN`: one for each signal that the kernel delivers.",
        "`SIGTERM` ends it.",
    ],
    story: |lab| {
        let program = start(
            Launch {
                ignored: [&[SIGTERM, SIGUSR1, SIGUSR2] as &[i32], &FIRST_REAL_TIME].concat(),
                ..without_arguments()
            },
            lab,
        )?;
        for signal in [SIGUSR1, SIGUSR2, first_real_time(&program)?] {
            take(&program, signal)?;
        }
        program.signals().deliver(SIGTERM)?;
        expect_result(&program, 1, 1, 1)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Stuck,
        mistakes: &["leaves_an_ignored_sigterm_alone"],
        hint: "Only SIGINT stays as it is when it was ignored at the start: a shell ignores it for a background job. \
               Install the handlers of all other signals whatever their old disposition is.",
    }],
};

pub(super) const SECOND_SIGTERM: Test = Test {
    name: "prints its result undisturbed by a second SIGTERM",
    points: 1,
    read: "What a handler may do",
    proves: &[
        "More signals that come while it prints do not disturb it, and it prints one such line only.",
    ],
    story: |lab| {
        let program = count(lab)?;
        let first = first_real_time(&program)?;
        take(&program, SIGUSR2)?;
        program.stdout().fill()?;
        program.signals().send(SIGTERM)?;
        program.sleeps(Sleep::Printing)?;
        for signal in [SIGTERM, SIGUSR1, SIGUSR2, first] {
            program.signals().send(signal)?;
            program.sleeps(Sleep::Printing)?;
        }
        program.stdout().drain()?;
        expect_result(&program, 0, 1, 0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["dies_of_a_second_sigterm"],
            hint: "A second SIGTERM comes while the result is printed, and its default action kills the program. \
                   Leave the handlers in place until the end: no SA_RESETHAND, and no SIG_DFL.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["locks_in_its_handler"],
            hint: "The handler waits for a lock that the code which it has interrupted holds, and neither can go on. \
                   A handler takes no lock: count with atomics.",
        },
    ],
};

pub(super) const CANNOT_PRINT: Test = Test {
    name: "ends with status 1 when its result cannot be written",
    points: 1,
    read: "When a call fails",
    proves: &[
        "Exit status 1: a failure at run time, such as a result that cannot be written, with the reason on standard \
         error.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        lab.follow_calls();
        let program = count(lab)?;
        program
            .faults()
            .fail_each(Call::Write.on(FdKind::Stdout), Errno::ENOSPC)?;
        program.signals().deliver(SIGTERM)?;
        program.expect_exit(1)?;
        program.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["ignores_a_full_disk"],
            hint: "The disk is full, write has failed, and the counts are lost; but exit status 0 says that all went \
                   well. Look at what writing and flushing return, say why on standard error, and exit with 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_on_a_full_disk"],
            hint: "println! panics when standard output cannot be written. Use writeln!, look at its result, say why \
                   on standard error, and exit with 1.",
        },
    ],
};

pub(super) const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 2 when the arguments are wrong",
    points: 1,
    read: "When a call fails",
    proves: &[
        "Exit status 2: wrong arguments.",
        "Results go to standard output, everything else to standard error.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        lab.expect_refused_start(&["x"], 2)?;
        lab.expect_refused_start(&["-t"], 2)?;
        lab.expect_refused_start(&["-t", "x"], 2)?;
        for near in numbers::NEAR_MISSES {
            lab.expect_refused_start(&["-t", near], 2)?;
        }
        lab.expect_refused_start(&["-t", "15", "x"], 2)?;
        lab.expect_refused_start(&["-t".into(), spoiled("15")], 2)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["mixes_up_its_statuses", "trims_its_number"],
            hint: "Wrong arguments end with status 2, a failure at run time with status 1. A number has digits only: \
                   no blank, no 0x, no letter after them.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["passes_over_a_wrong_word"],
            hint: "The arguments are wrong, and your program begins to count. It counts without any argument only: with \
                   every other word but `-t NUMBER`, say how it is used, and end with status 2.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_a_bad_number", "panics_on_bytes"],
            hint: arguments::NO_PANIC,
        },
    ],
};
