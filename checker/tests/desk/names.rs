//! Names as people type them.

use predicates::{prelude::PredicateBooleanExt, str::contains};

use crate::support::Course;

#[test]
fn an_exercise_has_many_names_and_its_files_are_some_of_them() {
    let course = Course::real();
    let folder = course.root().join("exercises/day2_2_echo_server");
    for (folder, name) in [
        (course.root(), "2.2"),
        (course.root(), "2_2"),
        (course.root(), "day2_2_echo"),
        (course.root(), "./exercises/day2_2_echo_server/src/main.rs"),
        (&folder, "."),
        (&folder, "src/main.rs"),
        (&folder, "src"),
    ] {
        course
            .checker()
            .current_dir(folder)
            .args(["list", name])
            .assert()
            .code(0)
            .stdout(contains("day2_2_echo_server").and(contains("day2_3").not()));
    }
}

#[test]
fn a_name_of_several_exercises_says_which() {
    Course::real()
        .checker()
        .arg("server")
        .assert()
        .code(2)
        .stderr(contains("did you mean echo_server or"));
}
