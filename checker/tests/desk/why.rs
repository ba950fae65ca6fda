//! What a passed test did.

use checker::syllabus;
use predicates::{prelude::PredicateBooleanExt, str::contains};

use crate::{EXERCISE, MAIN, printed, support::Course};

/// Enough for the first test.
const ANNOUNCES: &str = r#"
use std::{env, io, net::TcpListener, thread};
fn main() -> io::Result<()> {
    let listener = TcpListener::bind(env::args().nth(1).unwrap())?;
    println!("listening {}", listener.local_addr()?);
    loop { thread::park() }
}
"#;

#[test]
fn a_passed_test_tells_its_promise_and_its_steps() {
    let course = Course::copy_of(&[EXERCISE]);
    course.write(MAIN, ANNOUNCES);
    let first = &syllabus::find(EXERCISE).unwrap().tests[0];
    for words in [
        &["2.2", "announces", "the"][..],
        &["announces the address on which it listens", "--seed", "1"],
    ] {
        let arguments = [&["why"], words].concat();
        let folder = course.root().join("exercises/day2_2_echo_server");
        let mut checker = course.checker();
        let output = checker
            .current_dir(folder)
            .args(arguments)
            .output()
            .unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{told}");
        let flat = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(&format!("pass {}", first.name)), "{told}");
        assert!(flat.contains(first.proves[1]), "{told}");
        assert!(flat.contains("1. start your program with "), "{told}");
    }
    // Nothing is remembered of it: other tests have not run.
    let list = printed(&course, &["list", "2.2"], 0);
    assert!(!list.contains("pass"), "{list}");
}

#[test]
fn a_test_that_fails_has_its_report() {
    let course = Course::copy_of(&[EXERCISE]);
    course.write(MAIN, ANNOUNCES);
    let told = printed(&course, &["why", "2.2", "sends a line back"], 1);
    assert!(told.contains("FAIL") && told.contains("hint"), "{told}");
}

#[test]
fn words_of_several_tests_are_wrong_usage_with_commands_to_choose_from() {
    let course = Course::copy_of(&[EXERCISE]);
    let why = |words: &[&str]| course.checker().arg("why").args(words).assert().code(2);
    why(&["half-closed"]).stderr(
        contains("cargo lab why day2_2 \"ends the stream after").and(contains("why day3_7 \"")),
    );
    why(&["sings a song"]).stderr(contains("cargo lab list"));
}
