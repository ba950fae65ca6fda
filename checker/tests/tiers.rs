//! What the lab still does on a machine that allows less: under Docker's default seccomp profile, where ptrace is
//! refused, and where nothing about system calls can be seen.
//!
//! A filter stands in for the machine. It holds for the checker and for all that it starts.

mod support;

use std::{path::PathBuf, process::Output, sync::LazyLock, time::Duration};

use support::{
    Course,
    idle::IdleTime,
    machine::{DOCKER, NO_PTRACE, Refusal, on_a_machine_without},
};

const EXERCISE: &str = "day2_2_echo_server";

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

static SOLUTION: LazyLock<PathBuf> = LazyLock::new(|| Course::real().built_solution(EXERCISE));

/// The status of every test of the solution, and how the checker ended.
fn statuses(refusals: &[&[Refusal]]) -> (Vec<String>, Option<i32>) {
    let solution = SOLUTION.to_str().unwrap();
    let arguments = [EXERCISE, "--format", "json", "--program", solution];
    let output = on_a_machine_without(refusals, &arguments);
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", printed(&output)));
    let tests = report["exercises"][0]["tests"].as_array().unwrap();
    let status = |test: &serde_json::Value| test["status"].as_str().unwrap().to_owned();
    (tests.iter().map(status).collect(), output.status.code())
}

#[test]
fn under_dockers_profile_every_test_is_checked() {
    let doctor = printed(&on_a_machine_without(&[DOCKER], &["doctor"]));
    assert!(doctor.contains("no   namespaces"), "{doctor}");
    assert!(doctor.contains("yes  ptrace"), "{doctor}");
    assert!(doctor.contains("Tier T2"), "{doctor}");
    let (statuses, code) = statuses(&[DOCKER]);
    assert!(
        statuses.iter().all(|status| status == "passed"),
        "{statuses:?}"
    );
    assert_eq!(code, Some(0));
}

#[test]
fn without_ptrace_some_tests_are_not_checked_and_none_of_them_passes() {
    for refusals in [&[NO_PTRACE][..], &[DOCKER, NO_PTRACE]] {
        let doctor = printed(&on_a_machine_without(refusals, &["doctor"]));
        assert!(doctor.contains("no   ptrace"), "{doctor}");
        assert!(doctor.contains("Tier T3"), "{doctor}");
        let (statuses, code) = statuses(refusals);
        let count = |status: &str| statuses.iter().filter(|one| *one == status).count();
        assert!(count("passed") > 10, "{statuses:?}");
        assert!(count("not-checked") >= 2, "{statuses:?}");
        assert_eq!(count("passed") + count("not-checked"), statuses.len());
        assert_eq!(code, Some(4));
    }
}

#[test]
fn a_program_whose_calls_are_hidden_gets_its_verdict_from_the_clock() {
    let course = Course::real();
    let program = course.misbehaving("hides_its_calls");
    let arguments = [
        EXERCISE,
        "--only",
        "announces the address on which it listens",
        "--isolation=shared",
        "--format=json",
        "--program",
        program.to_str().unwrap(),
    ];
    let start = IdleTime::start();
    let output = on_a_machine_without(&[NO_PTRACE], &arguments);
    let idle = start.elapsed();
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", printed(&output)));
    let test = &report["exercises"][0]["tests"][0];
    assert_eq!(test["failure"]["diagnosis"], "timed-out", "{test}");
    let milliseconds = test["milliseconds"].as_f64().unwrap();
    assert!(milliseconds >= 4000.0, "{test}");
    assert!(idle < Duration::from_secs(10), "{idle:?}: {test}");
}
