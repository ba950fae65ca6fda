//! The proof of the hidden tests, exercise by exercise: what `checker verify` does. Where less is allowed, each mistake
//! meets the test that rejects it, and not those which it passes before.

mod support;

use predicates::str::contains;
use support::{Course, Tracing};

#[test]
fn the_hidden_tests_are_right() {
    let mut command = Course::real().checker();
    command
        .timeout(std::time::Duration::from_secs(1200))
        .arg("verify")
        .assert()
        .code(0)
        .stdout(contains("proved"));
}

#[test]
fn without_namespaces_they_are_right_too() {
    let mut command = Course::real().checker();
    command
        .timeout(std::time::Duration::from_secs(1200))
        .args(["verify", "--own-tests", "--isolation", "shared"])
        // As graded programs are tested, where that is possible.
        .args(Some(Tracing::On.argument()).filter(|it| !it.is_empty()))
        .assert()
        .code(0)
        .stdout(contains("proved"));
}

#[test]
fn without_tracing_they_are_right_too() {
    let mut command = Course::real().checker();
    command
        .timeout(std::time::Duration::from_secs(1200))
        .args(["verify", "--own-tests", "--tracing", "off"])
        .assert()
        .code(0)
        .stdout(contains("proved"));
}
