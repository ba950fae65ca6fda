//! The hidden tests of {name}.

use harness::{
    exercise::{Exercise, Mistake, Test},
    failure::Diagnosis,
};

/// Day {day}, exercise {place}.
pub const EXERCISE: Exercise = Exercise {
    name: "{name}",
    title: "{title}",
    chapter: "{chapter}",
    first_step: "Begin with the line `ready`.",
    tests: &[Test {
        name: "prints the line",
        points: 1,
        read: "{chapter}",
        mistakes: &[Mistake {
            program: "says_something_else",
            because: Diagnosis::WrongOutput,
            hint: "The line is `ready`, in small letters and without anything else.",
        }],
        run: |lab| {
            let program = lab.start(&[])?;
            program.expect_line("ready")?;
            program.expect_exit(0)
        },
    }],
};
