//! A call that fails, and arguments with which nothing can be done.

use libc::EAGAIN;

use super::{LONG, launch};
use crate::promises::numbers;
use harness::author::{Call, Diagnosis, Fault, Launch, Rejection, Test};

pub(super) const NO_FORK: Test = Test {
    name: "ends with status 1 when fork fails",
    points: 1,
    read: "fork returns twice",
    proves: &[
        "If the program itself fails, for instance because fork fails, it ends with status 1, and with the reason on \
         standard error.",
    ],
    story: |lab| {
        lab.follow_calls();
        let program = lab.launch(Launch {
            fault: Some((Call::Fork, Fault::Errno(EAGAIN))),
            ..launch(LONG, LONG, &["true"])
        })?;
        program.expect_exit(1)?;
        program.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["says_126_when_fork_fails"],
            hint: "126 and 127 are about the command, and it was not even tried. This is a failure of your program \
                   itself: say the reason on standard error, and end with 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["unwraps_fork"],
            hint: "fork fails when there are too many processes, which is no bug in your program. Return the error up \
                   to main, say it on standard error, and end with 1.",
        },
    ],
};

pub(super) const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 2 when the arguments are wrong",
    points: 1,
    read: "A limit for a command",
    proves: &[
        "Exit status 2 means wrong arguments.",
        "`LIMIT` and `GRACE` are milliseconds: decimal numbers from 1 to 1000000000.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let all: [&[&str]; 8] = [
            &[],
            &[LONG],
            &[LONG, LONG],
            &["0", LONG, "true"],
            &[LONG, "0", "true"],
            &["-1", LONG, "true"],
            &["1000000001", LONG, "true"],
            &[LONG, "18446744073709551617", "true"],
        ];
        for arguments in all {
            lab.expect_refused_start(arguments, 2)?;
        }
        for near in numbers::NEAR_MISSES {
            lab.expect_refused_start(&[near, LONG, "true"], 2)?;
            lab.expect_refused_start(&[LONG, near, "true"], 2)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["trims_its_numbers", "takes_0", "has_no_largest_limit"],
            hint: "Look at all arguments before you start the command. LIMIT and GRACE are decimal numbers from 1 to \
                   1000000000, with nothing before or behind them, and there is a COMMAND; else print the usage on \
                   standard error, and end with 2.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_a_bad_number"],
            hint: "People mistype. Match the result of parse instead of unwrapping it, print the usage on standard \
                   error, and end with status 2.",
        },
    ],
};
