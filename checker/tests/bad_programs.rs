//! Programs that misbehave are reported for what they do, quickly, and leave nothing behind.

mod support;

use std::{fs, path::Path, time::Duration};

use support::{Course, Isolation, environment::command, idle::IdleTime};

/// Runs the first test of the echo server against the fixture under this name, which leaves nothing running. Returns its
/// diagnosis and symptom, and how long that took beside other work.
fn diagnosis_of(name: &str, isolation: Isolation) -> (String, String, Duration) {
    let course = Course::real();
    let program = course.misbehaving(name);
    let start = IdleTime::start();
    let report = course.check_first_test("day2_2", &program, isolation);
    let took = start.elapsed();
    assert_eq!(support::processes_of(&program), 0, "{name}, {isolation:?}");
    let failure = &report["exercises"][0]["tests"][0]["failure"];
    (
        failure["diagnosis"].as_str().unwrap_or("none").to_owned(),
        failure["symptom"].as_str().unwrap_or_default().to_owned(),
        took,
    )
}

#[test]
fn each_is_diagnosed_for_what_it_does() {
    for isolation in Isolation::ALL {
        for (name, expected) in [
            ("ends_at_once", "exited"),
            ("panics", "panicked"),
            ("kills_itself", "killed"),
            ("waits_for_nobody", "never-listened"),
            ("announces_nonsense", "bad-announcement"),
            ("prints_no_utf_8", "bad-announcement"),
            ("prints_without_a_line_end", "output-flood"),
            ("closes_its_output", "output-closed"),
            ("takes_all_memory", "killed"),
            ("stops_itself", "never-listened"),
        ] {
            let (diagnosis, symptom, took) = diagnosis_of(name, isolation);
            assert_eq!(diagnosis, expected, "{name}, {isolation:?}: {symptom}");
            assert!(
                took < Duration::from_secs(15),
                "{name}, {isolation:?}: {took:?}"
            );
        }
    }
}

/// Nothing but the end of the program ends the sleep of the lab then. That is no trouble of the lab's.
#[test]
fn one_that_keeps_its_output_locked_has_failed() {
    for isolation in Isolation::ALL {
        let (diagnosis, symptom, _) = diagnosis_of("locks_its_output", isolation);
        assert_eq!(diagnosis, "pipe-locked", "{isolation:?}: {symptom}");
    }
}

/// The limit is on what a program can fill, and not on the addresses which the C library reserves for each thread.
#[test]
fn one_with_many_threads_is_not_bad() {
    for isolation in Isolation::ALL {
        let (diagnosis, symptom, _) = diagnosis_of("has_many_threads", isolation);
        assert_eq!(diagnosis, "none", "{isolation:?}: {symptom}");
    }
}

#[test]
fn one_that_spins_is_busy() {
    let (diagnosis, _, _) = diagnosis_of("spins", Isolation::Namespaces);
    assert_eq!(diagnosis, "busy");
}

/// The processor time of the checker, of its workers, and of the programs, which is what a student waits for.
#[test]
fn one_that_is_busy_costs_little_in_each_of_its_tests() {
    for (exercise, name, most) in [
        ("day2_2", "reads_on_at_the_end", 2.0),
        ("day2_2", "spins", 1.2),
        // Its tests have given it bytes, so that it could have begun.
        ("day1_1", "spins_and_naps", 1.2),
    ] {
        let course = Course::real();
        let program = course.misbehaving(name);
        let checker = course.checker_command();
        let output = command("sh")
            .args(["-c", r#""$0" "$1" --format json --program "$2"; times >&2"#])
            .arg(checker.get_program())
            .arg(exercise)
            .arg(&program)
            .current_dir(checker.get_current_dir().unwrap())
            .output()
            .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let busy = diagnoses(&report).filter(|found| *found == "busy").count() as u32;
        assert!(busy > 5, "{report:#}");
        // As the shell writes it: 0m1.25s 0m3.50s, the second line for what it has waited for.
        let times = String::from_utf8(output.stderr).unwrap();
        let spent: f64 = times.lines().last().unwrap().split(' ').map(seconds).sum();
        assert!(
            spent / f64::from(busy) < most,
            "{exercise}, {name}, {busy} tests: {times}"
        );
    }
}

/// Runs all tests of the echo server against a program.
fn report_of(course: &Course, program: &Path) -> serde_json::Value {
    let output = course
        .checker()
        .args(["day2_2", "--format=json", "--program"])
        .arg(program)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn diagnoses(report: &serde_json::Value) -> impl Iterator<Item = &str> {
    let tests = report["exercises"][0]["tests"].as_array().unwrap().iter();
    tests.map(|test| test["failure"]["diagnosis"].as_str().unwrap_or("none"))
}

/// It wakes up by itself again and again, and does nothing then. The later tests know that of the first ones.
#[test]
fn one_that_naps_is_given_up_soon_and_sooner_in_later_tests() {
    let course = Course::real();
    let naps = course.script("while sleep 0.3; do :; done");
    let start = IdleTime::start();
    let report = report_of(&course, &naps);
    let took = start.elapsed();
    let others: Vec<&str> = diagnoses(&report)
        .filter(|found| *found != "timed-out")
        .collect();
    assert!(others.is_empty(), "{others:?}");
    let tests = report["exercises"][0]["tests"].as_array().unwrap().iter();
    let times = tests.map(|test| test["milliseconds"].as_f64().unwrap());
    let (least, most) = times.fold((f64::MAX, 0.0_f64), |(least, most), time| {
        (least.min(time), most.max(time))
    });
    assert!(2.0 * least < most, "{least} and {most} ms");
    assert!(took < Duration::from_secs(15), "{took:?}");
}

/// How long it sleeps is known from the first tests: the later ones do not wait for its end.
#[test]
fn one_that_sleeps_before_it_ends_is_given_up_in_later_tests() {
    let course = Course::real();
    let program = course.script("sleep 3; exit 3");
    let report = report_of(&course, &program);
    let found: Vec<&str> = diagnoses(&report).collect();
    let given_up = found.iter().filter(|name| **name == "timed-out").count();
    assert_eq!(found[0], "exited", "{found:?}");
    assert!(2 * given_up > found.len(), "{found:?}");
}

#[test]
fn one_that_makes_as_many_processes_as_it_may_is_stopped_when_it_has_them() {
    let course = Course::real();
    let program = course.script("while :; do sleep 1000 & done 2> /dev/null");
    let report = course.check_first_test("day2_2", &program, Isolation::Namespaces);
    assert_eq!(
        diagnoses(&report).next(),
        Some("process-left"),
        "{report:#}"
    );
}

fn seconds(text: &str) -> f64 {
    let (minutes, seconds) = text.split_once('m').unwrap();
    60.0 * minutes.parse::<f64>().unwrap() + seconds.trim_end_matches('s').parse::<f64>().unwrap()
}

#[test]
fn one_that_sleeps_with_a_limit_is_given_up_before_the_deadline() {
    let (diagnosis, symptom, took) = diagnosis_of("sleeps_an_hour", Isolation::Namespaces);
    assert_eq!(diagnosis, "timed-out", "{symptom}");
    assert!(symptom.contains("nanosleep"), "{symptom}");
    assert!(took < Duration::from_secs(15), "{took:?}");
}

#[test]
fn one_that_multiplies_is_stopped() {
    for isolation in Isolation::ALL {
        let (diagnosis, symptom, took) = diagnosis_of("multiplies", isolation);
        assert!(
            ["process-left", "busy", "never-listened"].contains(&diagnosis.as_str()),
            "{diagnosis}: {symptom}"
        );
        assert!(took < Duration::from_secs(20), "{took:?}");
    }
}

#[test]
fn what_a_program_starts_ends_with_its_test() {
    for isolation in Isolation::ALL {
        let (diagnosis, symptom, _) = diagnosis_of("leaves_daemons", isolation);
        assert_eq!(diagnosis, "none", "{symptom}");
    }
}

#[test]
fn moving_to_another_folder_or_complaining_changes_nothing() {
    for isolation in Isolation::ALL {
        let (diagnosis, symptom, _) = diagnosis_of("moves_away", isolation);
        assert_eq!(diagnosis, "none", "{symptom}");
    }
    let (diagnosis, symptom, _) = diagnosis_of("complains_without_end", Isolation::Namespaces);
    assert!(
        ["none", "output-flood"].contains(&diagnosis.as_str()),
        "{symptom}"
    );
}

#[test]
fn nothing_a_program_prints_steers_the_terminal() {
    let course = Course::real();
    let program = course.misbehaving("prints_no_utf_8");
    let output = course
        .checker()
        .args(["day2_2", "--color", "always", "--program"])
        .arg(&program)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        !text.contains("\u{1b}[31m\n") && text.contains("\\u{1b}[31m"),
        "{text}"
    );
}

#[test]
fn a_missing_program_is_wrong_usage() {
    let course = Course::real();
    course
        .checker()
        .args(["day2_2", "--program", "/nowhere/to/be/found"])
        .assert()
        .code(2)
        .stderr(predicates::str::contains("/nowhere/to/be/found"));
}

#[test]
fn a_file_that_is_not_executable_is_wrong_usage() {
    let course = Course::real();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "not a program\n").unwrap();
    course
        .checker()
        .args(["day2_2", "--program"])
        .arg(&path)
        .assert()
        .code(2)
        .stderr(predicates::str::contains("chmod +x"));
}
