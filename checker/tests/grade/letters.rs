//! What students get to read.

use std::fs;

use crate::class::{Class, Deserves, finished, solution_of, test_of};

#[test]
fn students_get_as_much_as_the_instructor_chooses() {
    let mut class = Class::new();
    class.program(
        "ben",
        Deserves::Mistake("never_closes"),
        &solution_of("never_closes"),
    );
    let letter = |file: &str| fs::read_to_string(class.path("out/feedback").join(file));
    let (status, ..) = finished(class.grade("out").arg("--feedback=names"));
    assert_eq!(status, Some(0));
    let test = test_of("never_closes").replace('_', " ");
    let names = letter("ben.txt").unwrap();
    // Graded already: what the student gets is written once more, and the old is gone.
    let (status, ..) = finished(
        class
            .grade("out")
            .args(["--feedback=full", "--format=junit"]),
    );
    assert_eq!(status, Some(0));
    let full = letter("ben.xml").unwrap();
    assert!(full.contains("<failure") && full.contains(&test), "{full}");
    assert!(letter("ben.txt").is_err());
    let (status, ..) = finished(
        class
            .grade("out")
            .args(["--feedback=score", "--format=human"]),
    );
    assert_eq!(status, Some(0));
    let score = letter("ben.txt").unwrap();
    assert!(
        names.contains(&test) && !score.contains(&test),
        "{names}{score}"
    );
    // A later run, and whoever puts parts together, keeps to it.
    let merge = ["grade", "merge", "out", "--out", "whole"];
    let (status, ..) = finished(class.checker().args(merge));
    assert_eq!(status, Some(0));
    let merged = fs::read_to_string(class.path("whole/feedback/ben.txt")).unwrap();
    assert_eq!(merged, score);
}
