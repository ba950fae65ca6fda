//! Arguments with which no program can work.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStringExt,
};

use harness::author::{Checked, Lab};

/// For whoever panics at one of them.
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
    let shown: Vec<String> = arguments.iter().map(shown).collect();
    let start = match shown.as_slice() {
        [] => "start your program without arguments".to_owned(),
        shown => format!("start your program with {}", shown.join(" ")),
    };
    lab.step(start + ": it must end with status 2", || {
        lab.expect_refused_start(arguments, 2)
    })
}

fn shown(argument: &impl AsRef<OsStr>) -> String {
    let bytes = argument.as_ref().as_encoded_bytes();
    format!("'{}'", bytes.escape_ascii())
}
