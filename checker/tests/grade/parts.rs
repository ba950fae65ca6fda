//! Parts of a class on several machines, and one gradebook.

use std::fs;

use crate::class::{Class, Deserves, RIGHT, expect_deserved, finished};

#[test]
fn a_class_graded_in_parts_is_the_class() {
    let mut class = Class::new();
    class.program("anna", Deserves::All, RIGHT);
    class.program("ben", Deserves::NoProgram, "fn main() { x }\n");
    class.program("chris", Deserves::Nothing, "fn main() {}\n");
    let (status, ..) = finished(class.grade("part1").args(["--shard", "1/2"]));
    assert_eq!(status, Some(0));
    let mut second = class.grade("part2");
    second.envs([
        ("GITLAB_CI", "true"),
        ("CI_NODE_INDEX", "2"),
        ("CI_NODE_TOTAL", "2"),
    ]);
    let (status, _, stderr) = finished(&mut second);
    assert_eq!(status, Some(0));
    assert!(
        stderr.contains("part 2/2 of the class, from CI_NODE_INDEX"),
        "{stderr}"
    );
    assert_eq!(
        (class.results("part1").len(), class.results("part2").len()),
        (2, 1)
    );

    let (status, _, stderr) = finished(
        class
            .checker()
            .args(["grade", "merge", "part1", "--out", "half"]),
    );
    assert_eq!(status, Some(3));
    assert!(stderr.contains("no part has graded ben"), "{stderr}");
    let (status, ..) = finished(
        class
            .checker()
            .args(["grade", "merge", "part1", "part2", "--out", "whole"]),
    );
    assert_eq!(status, Some(0));
    assert_eq!(class.results("whole").len(), 3);
    expect_deserved(&class, "whole");
    assert_eq!(class.csv("whole").lines().count(), 4);
}

#[test]
fn two_submissions_of_one_name_are_refused() {
    let mut class = Class::new();
    class.program("anna", Deserves::All, RIGHT);
    fs::write(class.path("class").join("anna.zip"), b"").unwrap();
    let (status, _, stderr) = finished(&mut class.grade("out"));
    assert_eq!(status, Some(2));
    assert!(
        stderr.contains("two submissions are called anna"),
        "{stderr}"
    );
}

#[test]
fn a_gradebook_of_other_exercises_is_not_mixed_up() {
    let mut class = Class::new();
    class.program("anna", Deserves::NoProgram, "fn main() { x }\n");
    let book = class.path("out");
    fs::create_dir(&book).unwrap();
    let (status, ..) = finished(&mut class.grade("out"));
    assert_eq!(status, Some(0));
    let (status, _, stderr) = finished(class.grade("out").args(["--exercise", "day1_2"]));
    assert_eq!(status, Some(2));
    assert!(stderr.contains("is about other exercises"), "{stderr}");
}
