//! The hidden tests of {name}.

use harness::{
    exercise::{Exercise, Rejection, Test},
    failure::Diagnosis,
};

/// Day {day}, exercise {place}.
pub const EXERCISE: Exercise = Exercise {
    name: "{name}",
    title: "{title}",
    chapter: "{chapter}",
    first_step: "Begin with the line `ready`.",
    tests: &[PRINTS_THE_LINE],
};

const PRINTS_THE_LINE: Test = Test {
    name: "prints the line",
    points: 1,
    read: "{chapter}",
    story: |lab| {
        let program = lab.start(&[])?;
        program.expect_line("ready")?;
        program.expect_exit(0)
    },
    rejects: &[Rejection {
        because: Diagnosis::WrongOutput,
        mistakes: &["says_something_else"],
        hint: "The line is `ready`, in small letters and without anything else.",
    }],
};
