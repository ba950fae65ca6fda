//! Where a command is typed.

use std::fs;

use predicates::{prelude::PredicateBooleanExt, str::contains};

use crate::{EXERCISE, support::Course};

#[test]
fn outside_of_any_course_the_checker_says_so() {
    let elsewhere = tempfile::tempdir().unwrap();
    // The folder of another program with exercises.
    fs::create_dir(elsewhere.path().join("exercises")).unwrap();
    fs::write(elsewhere.path().join("Cargo.toml"), "[workspace]\n").unwrap();
    for arguments in [
        &[][..],
        &["day2_2"],
        &["list"],
        &["hint"],
        &["read"],
        &["trace"],
    ] {
        let course = Course::real();
        let mut checker = course.checker();
        let asked = checker.args(arguments).current_dir(elsewhere.path());
        asked
            .assert()
            .code(2)
            .stdout("")
            .stderr(contains("no course here").and(contains("exercises/")));
    }
}

#[test]
fn cargo_may_be_told_where_the_course_is() {
    let elsewhere = tempfile::tempdir().unwrap();
    let course = Course::copy_of(&[EXERCISE]);
    course
        .checker()
        .arg("list")
        .current_dir(elsewhere.path())
        .env("CARGO_MANIFEST_DIR", course.root().join("checker"))
        .assert()
        .code(0);
}
