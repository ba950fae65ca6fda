//! Where a command is typed.

use std::fs;

use predicates::{prelude::PredicateBooleanExt, str::contains};

use crate::{
    EXERCISE,
    support::{Course, environment},
};

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

/// `cargo test` in the folder of an exercise would say that all is well with 0 tests.
#[test]
fn cargo_test_in_an_exercise_says_what_to_type() {
    let told = include_str!("../../src/scaffold/hidden.rs");
    for exercise in checker::syllabus::EXERCISES {
        let folder = Course::real().root().join("exercises").join(exercise.name);
        let found = fs::read_to_string(folder.join("tests/hidden.rs")).unwrap();
        assert_eq!(found, told, "{}", exercise.name);
    }
    let course = Course::copy_of(&[EXERCISE]);
    let tests = course.root().join("exercises").join(EXERCISE).join("tests");
    fs::create_dir(&tests).unwrap();
    fs::write(tests.join("hidden.rs"), told).unwrap();
    let mut cargo = environment::command(env!("CARGO"));
    let output = cargo
        .current_dir(tests)
        .args(["test", "--offline"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("cargo lab day2_2"), "{said}");
}
