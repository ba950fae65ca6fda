//! `cargo test` runs the tests that you write yourself, and this one. Those of the course are in the checker.

use std::io::{self, Write};

#[test]
fn the_tests_of_the_course_are_in_the_checker() -> io::Result<()> {
    // Not with println!, which `cargo test` keeps back.
    let name = env!("CARGO_PKG_NAME");
    writeln!(
        io::stderr(),
        "\n  The tests of the course run with:  cargo lab {name}\n"
    )
}
