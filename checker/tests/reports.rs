//! What a report tells a beginner, and how it stands in a terminal of 80 columns.

mod support;

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use serde_json::Value;
use support::{Course, Isolation, MACHINE, Tracing, skipped::skipped};

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

/// The kernel closes the output of a program that ends a moment before it has ended; here this moment is long.
#[test]
fn the_end_of_a_program_is_known_when_its_output_ends_before() {
    let course = Course::real();
    let lingers =
        course.script("exec >&-; i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; exit 3");
    for tracing in Tracing::ALL {
        let report = course.check_test(
            "day2_6_connect",
            "closes the socket of a try, however that has failed",
            &lingers,
            Isolation::Namespaces,
            tracing,
        );
        let failure = &report["exercises"][0]["tests"][0]["failure"];
        assert_eq!(failure["ending"]["status"], 3, "{failure:#}");
    }
}

/// A beginner has not written what Rust calls before `main`.
#[test]
fn a_report_shows_the_calls_of_the_program_and_not_those_of_its_language() {
    let source = r#"
        fn main() {
            drop(std::fs::File::open("/proc/self/maps"));
            std::process::exit(1);
        }
    "#;
    let failure = failure_of(source, "announces the address");
    let calls = failure["calls"].as_array().unwrap().iter();
    let names: Vec<&str> = calls
        .filter_map(|call| call["text"].as_str()?.split('(').next())
        .collect();
    if let Err(why) = &MACHINE.tracing {
        return skipped(why);
    }
    assert_eq!(names, ["openat", "close", "exit_group"], "{failure:#}");
}

/// `eprintln!` writes each part of its format by itself.
#[test]
fn a_line_on_standard_error_is_one_call_of_the_report_and_threads_have_numbers() {
    let source = r#"
        fn main() {
            let two = std::env::args().len();
            eprintln!("{two}:{two}:{two}");
            eprintln!("{two} and");
            std::thread::spawn(move || eprintln!("of {two}")).join().unwrap();
            std::process::exit(1);
        }
    "#;
    let failure = failure_of(source, "announces the address");
    if let Err(why) = &MACHINE.tracing {
        return skipped(why);
    }
    let calls = failure["calls"].as_array().unwrap().iter();
    let written: Vec<(&str, u64)> = calls
        .map(|call| {
            (
                call["text"].as_str().unwrap(),
                call["thread"].as_u64().unwrap(),
            )
        })
        .filter(|(text, _)| text.starts_with("write(2"))
        .collect();
    assert_eq!(
        written,
        [
            (r#"write(2, "2:2:2\n", 6) in 6 calls = 6"#, 1),
            (r#"write(2, "2 and\n", 6) in 2 calls = 6"#, 1),
            (r#"write(2, "of 2\n", 5) in 3 calls = 5"#, 2),
        ],
        "{failure:#}"
    );
}

/// A program that fails only the first time. Untraced it is started once; then the test is told again.
#[test]
fn a_call_and_a_panic_within_a_library_are_told_with_their_lines() {
    if let Err(why) = &MACHINE.tracing {
        return skipped(format_args!("no calls are followed: {why}"));
    }
    let source = r#"fn main() {
    say("listening");
}

fn say(text: &str) {
    let mut ends = [0; 2];
    // SAFETY: there is room for two descriptors.
    unsafe { libc::pipe(ends.as_mut_ptr()) };
    // SAFETY: they take numbers only.
    let _ = unsafe { (libc::dup2(ends[1], 1), libc::close(ends[0])) };
    println!("{text}");
}
"#;
    let course = Course::copy_of(&["day2_2_echo_server"]);
    course.write("exercises/day2_2_echo_server/src/main.rs", source);
    let only = ["day2_2", "--only", "announces the address"];
    let output = course.checker().args(only).arg("--format=json").output();
    let output = output.unwrap().stdout;
    let report: Value = serde_json::from_slice(&output).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&report), "{report:#}");
    let failure = &report["exercises"][0]["tests"][0]["failure"];
    let line = |line: u32| serde_json::json!({ "file": "src/main.rs", "line": line });
    assert_eq!(failure["panicked_at"], line(11), "{failure:#}");
    for (name, expected) in [("pipe", 8), ("dup2", 10), ("write(1", 11)] {
        let mut calls = failure["calls"].as_array().unwrap().iter();
        let call = calls.find(|call| call["text"].as_str().unwrap().starts_with(name));
        assert_eq!(call.unwrap()["source"], line(expected), "{failure:#}");
    }
    let (text, _) = printed(&course, &only);
    let place = "comes to this panic from src/main.rs:11)";
    assert!(text.contains(place), "{text}");
    let pipe = text.lines().find(|line| line.contains("pipe"));
    assert!(pipe.unwrap().ends_with("  src/main.rs:8"), "{text}");
}

#[test]
fn a_test_that_passes_when_it_is_run_again_has_failed() {
    if let Err(why) = &MACHINE.tracing {
        return skipped(format_args!("nothing is told again: {why}"));
    }
    let course = Course::real();
    let folder = tempfile::tempdir().unwrap();
    support::open_to_all(folder.path());
    let (right, turn) = (folder.path().join("right"), folder.path().join("turn"));
    fs::copy(course.built_solution("day2_2_echo_server"), &right).unwrap();
    fs::write(&turn, "first\n").unwrap();
    fs::set_permissions(&turn, Permissions::from_mode(0o666)).unwrap();
    let unsteady = course.script(&format!(
        "read turn < {turn}; echo second > {turn}; [ $turn = second ] || exit 3; exec {right} $1",
        turn = turn.display(),
        right = right.display()
    ));
    let report = course.check_first_test("day2_2", &unsteady, Isolation::Namespaces);
    let failure = &report["exercises"][0]["tests"][0]["failure"];
    assert_eq!(failure["ending"]["status"], 3, "{report:#}");
    let symptom = failure["symptom"].as_str().unwrap();
    assert!(
        symptom.ends_with("when the test is run again, it passes: what happens depends on timing"),
        "{symptom}"
    );
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

/// It answers each client once, and closes: before the test has interrupted any call of it.
#[test]
fn a_program_that_has_met_no_fault_is_not_told_of_one() {
    if let Err(why) = &MACHINE.tracing {
        return skipped(format_args!("no call can be interrupted: {why}"));
    }
    let source = r#"
        use std::io::{Read, Write};
        fn main() {
            let address = std::env::args().nth(1).unwrap();
            let listener = std::net::TcpListener::bind(address).unwrap();
            println!("listening {}", listener.local_addr().unwrap());
            for client in listener.incoming() {
                let mut client = client.unwrap();
                let mut buffer = [0; 4096];
                let count = client.read(&mut buffer).unwrap();
                client.write_all(&buffer[..count]).unwrap();
            }
        }
    "#;
    let failure = failure_of(source, "that a signal has interrupted");
    assert_eq!(failure["diagnosis"], "closed-early", "{failure:#}");
    let hint = failure["hint"].as_str().unwrap();
    assert!(!hint.contains("EINTR"), "{hint}");
    assert!(hint.contains("close"), "{hint}");
}

#[test]
fn announcements_of_another_form_are_one_cause_wherever_the_program_is_by_then() {
    let source = r#"
        fn main() {
            let address = std::env::args().nth(1).unwrap();
            let listener = std::net::TcpListener::bind(address).unwrap();
            println!("Listening on {}", listener.local_addr().unwrap());
            // As a busy machine would let it come further in some tests than in others.
            let count = listener.local_addr().unwrap().port() % 2;
            for client in listener.incoming().take(count.into()) {
                drop(client);
            }
            std::thread::park();
        }
    "#;
    let course = Course::copy_of(&["day2_2_echo_server"]);
    course.write("exercises/day2_2_echo_server/src/main.rs", source);
    assert_one_row(&course, "bad-announcement");
}

#[test]
fn panics_at_one_place_are_one_cause_whatever_the_program_has_said_before() {
    let source = r#"
        fn main() {
            let address = std::env::args().nth(1).unwrap_or_default();
            let listener = std::net::TcpListener::bind(address);
            let listener = listener.unwrap_or_else(|_| std::process::exit(2));
            println!("listening {}", listener.local_addr().unwrap());
            for client in listener.incoming() {
                eprintln!("here comes {}", client.unwrap().peer_addr().unwrap());
                todo!("echo");
            }
        }
    "#;
    let course = Course::copy_of(&["day2_2_echo_server"]);
    course.write("exercises/day2_2_echo_server/src/main.rs", source);
    assert_one_row(&course, "panicked");
}

/// A program which does what a starter does, without being built.
const ENDS_WITH_1: [&str; 2] = ["--program", "/bin/false"];

/// What a run prints for people, and its exit status.
fn printed(course: &Course, arguments: &[&str]) -> (String, Option<i32>) {
    let output = course.checker().args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (text, output.status.code())
}

/// All tests that fail with this diagnosis, of which there are many, are told in one row.
fn assert_one_row(course: &Course, diagnosis: &str) {
    let (data, _) = printed(course, &["day2_2", "--format=json"]);
    let data: Value = serde_json::from_str(&data).unwrap();
    let alike = data["exercises"][0]["tests"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|test| test["failure"]["diagnosis"] == diagnosis)
        .count();
    assert!(alike > 10, "{data:#}");
    let (report, _) = printed(course, &["day2_2"]);
    let line = format!("{} more fail in the same way as the one below:", alike - 1);
    assert!(report.contains(&line), "{line}\n{report}");
}

#[test]
fn of_many_processes_a_report_shows_the_first() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    course.write(
        "exercises/day2_2_echo_server/src/main.rs",
        "fn main() {
             for _ in 0..20 {
                 if unsafe { nix::unistd::fork() }.unwrap().is_child() { break; }
             }
             nix::unistd::pause();
         }",
    );
    let (text, _) = printed(&course, &["day2_2", "--only", "announces"]);
    assert_eq!(text.matches("  its child ").count(), 7, "{text}");
    assert!(text.contains("  and 13 more processes\n"), "{text}");
}

#[test]
fn a_report_fits_a_terminal_of_80_columns() {
    let course = Course::real();
    let longest = u64::MAX.to_string();
    for exercise in checker::syllabus::EXERCISES {
        let arguments = [exercise.name, "--verbose", "--seed", &longest];
        let (report, _) = printed(&course, &[&arguments[..], &ENDS_WITH_1].concat());
        let wide: Vec<&str> = report
            .lines()
            .filter(|line| line.chars().count() > 80)
            .collect();
        assert_eq!(wide, Vec::<&str>::new());
    }
    for arguments in [
        &["--help"][..],
        &["doctor"],
        &["list"],
        &["verify", "--help"],
    ] {
        let (text, _) = printed(&course, arguments);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}

#[test]
fn the_command_that_runs_a_test_again_is_one_that_a_shell_understands() {
    let course = Course::real();
    let command = |report: &str| {
        let (_, again) = report.split_once("again  cargo lab").unwrap();
        again.split_once("\n\n").unwrap().0.to_owned()
    };
    for (exercise, only) in [
        ("day3_1", "says `too big`"),
        ("day3_7", "and serves the next"),
        ("day2_3", "for the server's end"),
    ] {
        let arguments = [exercise, "--only", only];
        let (report, _) = printed(&course, &[&arguments[..], &ENDS_WITH_1].concat());
        let again = command(&report);
        let output = support::environment::command("sh")
            .args(["-c", &format!("\"$CHECKER\" {again}")])
            .env("CHECKER", support::checker_program())
            .current_dir(course.root())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{again}");
        let second = String::from_utf8(output.stdout).unwrap();
        assert_eq!(command(&second), again);
    }
}

#[test]
fn tests_that_fail_in_the_same_way_are_told_in_one_line() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    let (report, _) = printed(&course, &["day2_2"]);
    let rows = |report: &str| {
        let is_row = |line: &&str| line.starts_with("  FAIL  ");
        report.lines().filter(is_row).count()
    };
    let all = checker::syllabus::find("day2_2_echo_server").unwrap().tests;
    assert!(
        report.contains(" more fail in the same way as the one below:"),
        "{report}"
    );
    // A starter has one cause for all: the first test, and all the others.
    assert_eq!(rows(&report), 2, "{report}");
    let (report, _) = printed(&course, &["day2_2", "--verbose"]);
    assert!(!report.contains("in the same way"), "{report}");
    assert_eq!(rows(&report), all.len());
}

#[test]
fn no_test_is_lost_behind_another_one() {
    use checker::{
        failure::Diagnosis,
        report::{ExerciseReport, Report, human},
    };
    let course = Course::real();
    let output = course
        .checker()
        .args(["day2_2", "--format=json"])
        .args(ENDS_WITH_1)
        .output()
        .unwrap();
    let mut report: Report = serde_json::from_slice(&output.stdout).unwrap();
    let mut exercise: ExerciseReport = report.exercises.remove(0);
    exercise.tests.truncate(3);
    // The second is like the first by its symptom, and like the third by its end; these two are not alike.
    let change = |test: usize, exercise: &mut ExerciseReport, symptom: &str, stderr: &str| {
        let failure = exercise.tests[test].failure.as_mut().unwrap();
        failure.diagnosis = Diagnosis::Exited;
        failure.symptom = symptom.to_owned();
        failure.stderr = stderr.to_owned();
    };
    change(0, &mut exercise, "one", "first");
    change(1, &mut exercise, "one", "second");
    change(2, &mut exercise, "other", "second");
    let detail = human::Detail {
        seed: 1,
        program: None,
        verbose: false,
        is_alone: true,
        width: 80,
        rows: None,
        frontend: checker::frontend::Frontend::Shell,
        places: &checker::book::Places::default(),
    };
    let text = human::exercise(&exercise, detail);
    for test in &exercise.tests {
        assert!(text.contains(&test.name), "{}: {text}", test.name);
    }
}

#[test]
fn a_pass_says_how_much_it_is_and_where_to_go_on() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    let solution = include_str!("../../solutions/day2_2_echo_server/src/main.rs");
    course.write("exercises/day2_2_echo_server/src/main.rs", solution);
    let exercise = checker::syllabus::find("day2_2_echo_server").unwrap();
    let (report, status) = printed(&course, &["day2_2", "--only", exercise.tests[0].name]);
    assert_eq!(status, Some(0));
    let among = format!(" in 1 of {} tests", exercise.tests.len());
    assert!(report.contains(&among), "{report}");
    assert!(report.ends_with("next  cargo lab day2_2\n"), "{report}");
    if let Err(why) = &MACHINE.tracing {
        return skipped(format_args!("not all tests are checked: {why}"));
    }
    let (report, status) = printed(&course, &["day2_2"]);
    assert_eq!(status, Some(0));
    assert!(report.contains("all tests pass"), "{report}");
    assert!(report.ends_with("next  cargo lab day2_3\n"), "{report}");
}

#[test]
fn output_that_is_no_text_takes_one_row() {
    let course = Course::real();
    let program = course.misbehaving("prints_no_utf_8");
    let (report, _) = printed(&course, &["day2_2", "--program", program.to_str().unwrap()]);
    let (_, output) = report.split_once("Its standard output\n").unwrap();
    let (output, _) = output.split_once("\n\n").unwrap();
    assert_eq!(output.lines().count(), 1, "{output}");
    assert!(output.contains("(not text)"), "{output}");
}
