//! What all submissions need is compiled once.

use std::fs;

use checker::workspace;

use crate::class::{Class, Deserves, RIGHT, exercise, expect_deserved, finished};

#[test]
fn what_one_run_has_compiled_the_next_one_finds() {
    let mut class = Class::new();
    class.program("anna", Deserves::All, RIGHT);
    let complete = workspace::built_in().join("target/grading/complete");
    let grade = |out: &str| {
        let (status, ..) = finished(&mut class.grade(out));
        assert_eq!(status, Some(0));
        expect_deserved(&class, out);
        fs::metadata(&complete)
            .and_then(|file| file.modified())
            .ok()
    };
    let Some(compiled) = grade("first") else {
        let name = exercise().name;
        println!(
            "skipped: {name}: no jail, or the course's target folder belongs to somebody else: nothing is kept"
        );
        return;
    };
    assert_eq!(grade("second"), Some(compiled));
    class.expect_clean();
}
