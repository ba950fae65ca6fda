//! The hidden tests of {name}.

use harness::author::{Diagnosis, Exercise, Rejection, Test, Untested};

/// Day {day}, exercise {place}.
pub const EXERCISE: Exercise = Exercise {
    name: "{name}",
    title: "{title}",
    chapter: "{chapter}",
    first_step: "Begin with the line `ready`.",
    tests: &[PRINTS_THE_LINE],
    clues: &[],
    untested: &[Untested::NotYet {
        sentence: "Arguments are refused with exit status 2, and a usage line on standard error.",
        missing: "a run with an argument",
    }],
};

const PRINTS_THE_LINE: Test = Test {
    name: "prints the line",
    points: 1,
    read: "{chapter}",
    proves: &[
        "The program prints exactly one line, `ready`, and ends with exit status 0.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let program = lab.start(&[])?;
        program.expect_exit(0)?;
        program.stdout().expect_all(&["ready"])
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["says_something_else"],
        hint: "The line is `ready`, in small letters and without anything else.",
    }],
};
