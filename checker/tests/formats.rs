//! The reports for other programs, held against what those programs read.

mod support;

use junit_parser::TestStatus;
use serde_json::Value;
use support::Course;

/// A run with a broken crate, a failing one and a right one.
fn report(format: &str) -> String {
    let course = Course::copy_of(&[
        "day1_2_endianness",
        "day2_2_echo_server",
        "day2_3_echo_client",
    ]);
    course.write(
        "exercises/day1_2_endianness/src/main.rs",
        "fn main() { nonsense }\n",
    );
    course.write(
        "exercises/day2_2_echo_server/src/main.rs",
        include_str!("../../solutions/day2_2_echo_server/src/main.rs"),
    );
    let output = course
        .checker()
        .args(["day1_2", "day2_2", "day2_3", "--format", format])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn json_follows_its_schema() {
    let schema: Value = serde_json::from_str(include_str!("../report.schema.json")).unwrap();
    let report: Value = serde_json::from_str(&report("json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&report)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let states: Vec<&str> = report["exercises"]
        .as_array()
        .unwrap()
        .iter()
        .map(|exercise| exercise["status"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["failed", "passed", "failed"]);
    let first = &report["exercises"][0]["no_program"]["does-not-compile"][0];
    assert!(first.as_str().unwrap().contains("nonsense"));
}

#[test]
fn json_of_a_failure_with_bytes_follows_it_too() {
    let course = Course::real();
    let schema: Value = serde_json::from_str(include_str!("../report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for name in ["panics", "announces_nonsense", "takes_all_memory"] {
        let report = course.check_first_test(
            "day2_2",
            &course.misbehaving(name),
            support::Isolation::Shared,
        );
        assert!(validator.is_valid(&report), "{name}: {report:#}");
    }
}

#[test]
fn junit_is_read_by_others() {
    let suites = junit_parser::from_reader(report("junit").as_bytes()).unwrap();
    let of = |name: &str| {
        suites
            .suites
            .iter()
            .find(|suite| suite.name == name)
            .unwrap()
    };
    let broken = of("day1_2_endianness");
    assert_eq!((broken.tests, broken.failures), (1, 1));
    assert!(
        matches!(&broken.cases[0].status, TestStatus::Failure(failure) if failure.text.contains("nonsense"))
    );
    let right = of("day2_2_echo_server");
    assert!(right.tests >= 8 && right.failures == 0 && right.errors == 0);
    let starter = of("day2_3_echo_client");
    assert_eq!(starter.tests, starter.failures);
    assert!(
        matches!(&starter.cases[0].status, TestStatus::Failure(failure) if failure.text.contains("What the test did"))
    );
}
