//! What a signal does to the program: SIGHUP nothing, and SIGINT what the parent has set.

use libc::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

use super::{count, expect_ignored, expect_result, start, take, without_arguments};
use harness::author::{Diagnosis, Launch, Rejection, Test};

pub(super) const IGNORES_HUP: Test = Test {
    name: "ignores SIGHUP",
    points: 1,
    read: "What a program is born with",
    proves: &["It ignores `SIGHUP`: with `SIG_IGN`, not with an empty handler."],
    story: |lab| {
        let program = count(lab)?;
        take(&program, SIGHUP)?;
        expect_ignored(lab, &program, SIGHUP, "SIGHUP")?;
        program.signals().deliver(SIGTERM)?;
        expect_result(&program, 0, 0, 0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["leaves_sighup_alone"],
            hint: "The default action of SIGHUP ends the program. Give it the disposition SIG_IGN.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongDisposition,
            mistakes: &["catches_sighup_and_does_nothing", "blocks_sighup"],
            hint: "SIG_IGN throws the signal away. An empty handler wakes the program and interrupts its calls, and a \
                   blocked signal stays pending. Set SIG_IGN with sigaction.",
        },
    ],
};

pub(super) const OBEYS_INT: Test = Test {
    name: "obeys SIGINT as it obeys SIGTERM",
    points: 1,
    read: "From kill to the handler",
    proves: &["`SIGINT` ends it in the same way."],
    story: |lab| {
        let program = count(lab)?;
        take(&program, SIGUSR1)?;
        program.signals().deliver(SIGINT)?;
        expect_result(&program, 1, 0, 0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Killed,
        mistakes: &["leaves_sigint_alone"],
        hint: "Control-C ends the program without its result. Give SIGINT the same handler as SIGTERM.",
    }],
};

pub(super) const LEAVES_INT_IGNORED: Test = Test {
    name: "leaves SIGINT ignored if it is ignored at the start",
    points: 1,
    read: "What a program is born with",
    proves: &[
        "If `SIGINT` was ignored when the program was started, it stays ignored.",
        "It ignores `SIGHUP`: with `SIG_IGN`, not with an empty handler.",
    ],
    story: |lab| {
        let program = start(
            Launch {
                ignored: vec![SIGINT],
                ..without_arguments()
            },
            lab,
        )?;
        take(&program, SIGINT)?;
        expect_ignored(lab, &program, SIGINT, "SIGINT")?;
        expect_ignored(lab, &program, SIGHUP, "SIGHUP")?;
        take(&program, SIGUSR2)?;
        program.signals().deliver(SIGTERM)?;
        expect_result(&program, 0, 1, 0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["catches_an_ignored_sigint", "asks_after_it_has_set"],
            hint: "The program may be started with SIGINT ignored: a shell does so for a background job. Ask sigaction \
                   for the old disposition before you set your own, and leave SIG_IGN as it is.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongDisposition,
            mistakes: &["ignores_sighup_only_with_sigint"],
            hint: "SIGINT was ignored when the program was started, and stays so. SIGHUP has nothing to do with that: ignore \
                   it in every case.",
        },
    ],
};
