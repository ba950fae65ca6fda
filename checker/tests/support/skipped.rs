//! What a test cannot check on this machine. Rust's test harness knows no such outcome at run time, and a test that
//! returns early is green; so this is said where nobody can miss it, and `.ci/run` sums it up.

use std::{
    fmt::Display,
    io::{self, Write},
    thread,
};

/// Says which part of the current test is not checked, and why, in a line on the real standard error: `skipped: trace
/// a_test: this machine has no …`.
pub fn skipped(reason: impl Display) {
    let thread = thread::current();
    let test = thread.name().unwrap_or("a part of a test");
    let line = format!("skipped: {} {test}: {reason}\n", env!("CARGO_CRATE_NAME"));
    // In one piece, and past the harness, which keeps to itself what the macros print.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}
