//! The proof of the hidden tests, exercise by exercise: what `checker verify` does. Where less is allowed, each mistake
//! meets the test that rejects it, and not those which it passes before.

mod support;

use std::time::Duration;

use predicates::str::contains;
use support::{Course, Tracing};

/// The same random bytes in every run, so that a change is the reason when a proof breaks. What depends on the draw is found
/// by `checker verify --times 20`, which draws anew in each round.
const SEED: [&str; 2] = ["--seed", "1969"];

/// Only a proof that hangs takes so long: idle it is ten minutes on two processors.
const LIMIT: Duration = Duration::from_secs(3600);

#[test]
fn the_hidden_tests_are_right() {
    let mut command = Course::real().checker();
    command
        .timeout(LIMIT)
        .arg("verify")
        .args(SEED)
        .assert()
        .code(0)
        .stdout(contains("proved"));
}

#[test]
fn without_namespaces_they_are_right_too() {
    let mut command = Course::real().checker();
    command
        .timeout(LIMIT)
        .args(["verify", "--own-tests", "--isolation", "shared"])
        .args(SEED)
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
        .timeout(LIMIT)
        .args(["verify", "--own-tests", "--tracing", "off"])
        .args(SEED)
        .assert()
        .code(0)
        .stdout(contains("proved"));
}
