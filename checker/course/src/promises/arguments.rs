//! Arguments with which no program can work.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStringExt,
};

use harness::author::{Checked, Lab};

/// The hint for a program that panics at one of them.
pub(crate) const NO_PANIC: &str = "An argument can be missing or mistyped, and it can hold any bytes but NUL: \
                                   `env::args` panics at what is not UTF-8, `env::args_os` does not. Match the results \
                                   of `to_str` and `parse` instead of unwrapping them, print a usage line on standard \
                                   error, and end with status 2.";

/// An argument which is right but for its last byte. With that it is no UTF-8.
pub(crate) fn spoiled(right: &str) -> OsString {
    OsString::from_vec([right.as_bytes(), b"\xff"].concat())
}

/// Sees that the program refuses these arguments with exit status 2.
pub(crate) fn refuses(lab: &Lab, arguments: &[impl AsRef<OsStr>]) -> Checked {
    let step = start(arguments) + ": it must end with status 2";
    lab.step(step, || lab.expect_refused_start(arguments, 2))
}

/// Sees that the program refuses each of these lists of arguments with exit status 2. They are one step of the report, where
/// `what` says what is wrong with them; the one that it takes is a step of its own.
pub(crate) fn refuses_each<A: AsRef<[T]>, T: AsRef<OsStr>>(
    lab: &Lab,
    what: &str,
    all: impl IntoIterator<Item = A>,
) -> Checked {
    let all: Vec<A> = all.into_iter().collect();
    let count = all.len();
    lab.step_for_each(
        format!(
            "start your program {count} times with {what}: each time it must end with status 2"
        ),
        all,
        |arguments| start(arguments.as_ref()),
        |arguments| lab.expect_refused_start(arguments.as_ref(), 2),
    )
}

fn start(arguments: &[impl AsRef<OsStr>]) -> String {
    let shown: Vec<String> = arguments.iter().map(shown).collect();
    match shown.as_slice() {
        [] => "start your program without arguments".to_owned(),
        shown => format!("start your program with {}", shown.join(" ")),
    }
}

fn shown(argument: &impl AsRef<OsStr>) -> String {
    let bytes = argument.as_ref().as_encoded_bytes();
    format!("'{}'", bytes.escape_ascii())
}
