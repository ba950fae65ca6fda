//! What the program takes: its arguments, and its standard output.

use super::{UNWRITTEN_OUTPUT, WHAT_EXIT_DOES, all_output, expect_parts, few, statuses::sum_of};
use crate::promises::{
    arguments::{self, refuses, spoiled},
    numbers,
};
use harness::author::{Diagnosis, Launch, Rejection, StandardOutput, Test};

pub(super) const FILE_OR_TERMINAL: Test = Test {
    name: "writes the same into a file, and to a terminal",
    points: 1,
    read: UNWRITTEN_OUTPUT,
    proves: &["Standard output may be a pipe, a file or a terminal."],
    story: |lab| {
        let number = few(lab, 1);
        let file = lab.file("output");
        let program = lab.launch(Launch {
            stdout: StandardOutput::File(file.name().to_owned()),
            ..Launch::new(&number)
        })?;
        program.expect_exit(0)?;
        file.expect(format!("start {0} sum {0}\nbye\n", number[0]))?;
        let numbers = few(lab, 2);
        let program = lab.launch(Launch {
            stdout: StandardOutput::Terminal,
            ..Launch::new(&numbers)
        })?;
        let text = all_output(&program)?;
        expect_parts(lab, &numbers, sum_of(&numbers), &text)?;
        program.expect_exit(0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["child_opens_dev_stdout"],
            hint: "Parent and child share one place in the file, because the child has inherited the open file. \
                   A program that opens it once more, by /dev/stdout for example, begins at its start and overwrites what \
                   is there. Write to the standard output that you have.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["trusts_the_terminal"],
            hint: "At a terminal, too, a part without a line end stays in the buffer until somebody flushes it. \
                   Flush whatever standard output is.",
        },
    ],
};

pub(super) const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 2 when an argument is wrong",
    points: 1,
    read: WHAT_EXIT_DOES,
    proves: &[
        "It is 2, and nothing is printed on standard output, if an argument is neither `panic` nor a decimal number \
         from 0 to 65535 (digits only).",
        super::NO_PANIC,
    ],
    story: |lab| {
        let more = [
            "+7",
            "-1",
            "65536",
            "4294967296",
            "18446744073709551616",
            "panics",
            "Panic",
            "seven",
        ];
        for word in numbers::NEAR_MISSES.into_iter().chain(more) {
            refuses(lab, &[word])?;
        }
        refuses(lab, &["7", "x"])?;
        refuses(lab, &["panic", "8", "7x"])?;
        refuses(lab, &[spoiled("7")])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "mixes_up_its_statuses",
                "takes_a_sign",
                "trims_its_arguments",
                "skips_wrong_arguments",
                "cuts_a_number_to_16_bits",
            ],
            hint: "Wrong arguments end with status 2. Digits only: `parse::<u16>()` also takes +7, atoi and strtol \
                   take a sign and blanks, and `as u16` turns 65536 into 0. Look at every argument before you fork.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &[
                "looks_at_its_arguments_too_late",
                "says_bye_to_wrong_arguments",
            ],
            hint: "Nothing is printed on standard output when an argument is wrong, also not `bye`. Look at all \
                   arguments first; then register the function of atexit, and print `start`.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_on_a_word", "panics_on_bytes"],
            hint: arguments::NO_PANIC,
        },
    ],
};
