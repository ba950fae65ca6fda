//! What a report tells a beginner, and how it stands in a terminal of 80 columns.

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::Course;

/// All exercises as they are handed out.
fn starters() -> Course {
    let names: Vec<&str> = checker::syllabus::EXERCISES
        .iter()
        .map(|exercise| exercise.name)
        .collect();
    Course::copy_of(&names)
}

/// The one failure of a run of the test whose name holds this text, against a program of day2_2.
fn failure_of(source: &str, only: &str) -> Value {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    course.write("exercises/day2_2_echo_server/src/main.rs", source);
    let output = course
        .checker()
        .args(["day2_2", "--format=json", "--only", only])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["exercises"][0]["tests"][0]["failure"].clone()
}

#[test]
fn an_untouched_starter_is_told_what_to_write_first_whichever_test_fails() {
    let course = starters();
    let output = course
        .checker()
        .args(["all", "--format=json"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut others = BTreeMap::new();
    for (exercise, known) in report["exercises"]
        .as_array()
        .unwrap()
        .iter()
        .zip(checker::syllabus::EXERCISES)
    {
        for test in exercise["tests"].as_array().unwrap() {
            let failure = &test["failure"];
            if !failure.is_null() && failure["hint"] != known.first_step {
                others.insert(test["name"].to_string(), failure["hint"].to_string());
            }
        }
    }
    assert_eq!(others, BTreeMap::new());
}

#[test]
fn a_program_whose_main_comes_to_its_end_is_asked_for_its_loop() {
    let source = r#"
        fn main() {
            let address = std::env::args().nth(1).unwrap();
            let listener = std::net::TcpListener::bind(address).unwrap();
            println!("listening {}", listener.local_addr().unwrap());
        }
    "#;
    let failure = failure_of(source, "announces the address");
    assert_eq!(failure["ending"]["status"], 0, "{failure:#}");
    let hint = failure["hint"].as_str().unwrap();
    assert!(hint.contains("loop"), "{hint}");
}
