//! A call that fails, and arguments with which nothing can be done.

use libc::EAGAIN;

use super::{LONG, launch, run};
use crate::promises::{arguments, numbers};
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
        "`LIMIT` and `GRACE` are milliseconds: decimal numbers from 1 to 1000000000, in digits only (no sign, no blank).",
        "Zeros before the first other digit change nothing.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let missing = [vec![], vec![LONG], vec![LONG, LONG]];
        arguments::refuses_each(lab, "too few arguments", missing)?;
        let more = [
            "0",
            "-1",
            "+5",
            "1000000001",
            // Cut to 32 bits, or to 64, they are 1.
            "4294967297",
            "18446744073709551617",
        ];
        let wrong: Vec<&str> = numbers::NEAR_MISSES.into_iter().chain(more).collect();
        let limits = wrong.iter().map(|wrong| [wrong, LONG, "true"]);
        arguments::refuses_each(lab, "a LIMIT that is no number, or too large", limits)?;
        let graces = wrong.iter().map(|wrong| [LONG, wrong, "true"]);
        arguments::refuses_each(lab, "a GRACE that is no number, or too large", graces)?;
        // In base 8 these would be no numbers.
        let zeros = format!("{:0>40}", "900000");
        for number in ["0900000", &zeros] {
            run(lab, number, number, &["true"])?.expect_exit(0)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "counts_the_zeros",
                "trims_its_numbers",
                "takes_0",
                "takes_a_sign",
                "has_no_largest_limit",
                "cuts_the_grace_to_32_bits",
                "refuses_leading_zeros",
            ],
            hint: "Look at all arguments before you start the command. LIMIT and GRACE are decimal numbers from 1 to \
                   1000000000, and there is a COMMAND; else print the usage on standard error, and end with 2. Digits \
                   only: `parse` alone also takes +5, and atoi and strtol take blanks and signs; `as u32` turns \
                   4294967297 into 1. 007 is 7, and so it is with forty zeros in front: strtol with base 0 takes it for \
                   a number of base 8.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_a_bad_number"],
            hint: "People mistype. Match the result of parse instead of unwrapping it, print the usage on standard \
                   error, and end with status 2.",
        },
    ],
};
