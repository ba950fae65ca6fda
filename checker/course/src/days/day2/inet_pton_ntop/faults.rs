//! What a converter does when it cannot read its lines, or print its answers.

use nix::errno::Errno;

use super::texts::Texts;
use harness::author::{Call, Checked, Diagnosis, FdKind, Lab, Program, Rejection, Test};

pub(super) const CANNOT_READ: Test = Test {
    name: "ends with status 1 when it cannot read",
    points: 1,
    read: CALLS_THAT_FAIL,
    proves: &[
        "Exit status 1: reading or writing fails, with the reason on standard error.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        lab.follow_calls();
        let program = lab.start(&["pton4"])?;
        // The read in which it sleeps has begun, and is spared.
        program.stdin().wait_until_read()?;
        program
            .faults()
            .fail_each(Call::Read.on(FdKind::Stdin), Errno::EIO)?;
        ask(lab, &program)?;
        program.expect_exit(1)?;
        program.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_an_error_for_the_end"],
            hint: "Reading has failed, but your program ends as if all lines had their answers. Only a read that \
                   returns 0 is the end of the input; `while let Ok(…)` and `lines().flatten()` treat an error like \
                   it. Print the error, and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_it_cannot_read"],
            hint: "Reading has failed, and unwrap turns that into a panic. Return the error up to main: the reason \
                   on standard error, and status 1.",
        },
    ],
};

pub(super) const CANNOT_PRINT: Test = Test {
    name: "ends with status 1 when it cannot print",
    points: 1,
    read: CALLS_THAT_FAIL,
    proves: &[
        "Exit status 1: reading or writing fails, with the reason on standard error.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        lab.follow_calls();
        let program = lab.start(&["pton4"])?;
        program.stdin().wait_until_read()?;
        program
            .faults()
            .fail_each(Call::Write.on(FdKind::Stdout), Errno::ENOSPC)?;
        ask(lab, &program)?;
        program.expect_exit(1)?;
        program.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["ignores_a_failed_print"],
            hint: "The disk behind standard output is full, but your program ends as if its answers were there. Look \
                   at the result of each print and each flush (a BufWriter that is dropped forgets it); if one \
                   fails, give the reason and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_on_a_full_disk"],
            hint: "println! panics when it cannot print. Use writeln! with io::stdout(), and return its error up to \
                   main: the reason on standard error, and status 1.",
        },
    ],
};

/// Chapter 1.2 tells it for the first time.
const CALLS_THAT_FAIL: &str = "When a call does less, or fails";

/// Writes some lines to it, and no more.
fn ask(lab: &Lab, program: &Program) -> Checked {
    let texts = Texts::of(lab);
    lab.step(
        "write three lines to its standard input, and close it",
        || {
            for _ in 0..3 {
                program.stdin().feed(texts.plain_quad() + "\n");
            }
            program.stdin().close();
            Ok(())
        },
    )
}
