//! The reports for other programs, held against what those programs read; and that nothing which a submission says gets
//! out of its place in one.

#[path = "formats/github_runner.rs"]
mod github_runner;
#[path = "formats/hostile.rs"]
mod hostile;
#[path = "formats/readers.rs"]
mod readers;
mod support;
#[path = "formats/words.rs"]
mod words;

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use checker::report::{Feedback, Format, Status, Visibility};
use clap::ValueEnum;
use github_runner::commands_in;
use junit_parser::TestStatus;
use readers::{SCHEMAS, read_by_others, rendered, report, validated};
use serde_json::Value;
use support::Course;

#[test]
fn json_follows_its_schema() {
    let report = validated(Format::Json, &report("json"));
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
    for name in ["panics", "announces_nonsense", "takes_all_memory"] {
        let report = course.check_first_test(
            "day2_2",
            &course.misbehaving(name),
            support::Isolation::Shared,
        );
        validated(Format::Json, &report.to_string());
    }
}

#[test]
fn junit_is_read_by_others() {
    let text = report("junit");
    let suites = junit_parser::from_reader(text.as_bytes()).unwrap();
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
    if let Some(seen) = read_by_others("junit", &text) {
        assert_eq!(seen[0]["failures"], 1);
        assert_eq!(seen[1]["tests"].as_u64(), Some(right.tests));
        assert_eq!(seen[1]["failures"], 0);
        assert_eq!(seen[2]["failures"], seen[2]["tests"]);
    }
}

/// All four statuses, in each format's own words.
#[test]
fn no_status_is_taken_for_another() {
    let report = hostile::of(&[
        Status::Passed,
        Status::Failed,
        Status::Broken,
        Status::NotChecked,
    ]);
    let words = |format, list: &str, key: &str| -> Vec<String> {
        let value = validated(format, &rendered(format, Feedback::Full, &report));
        let list = value.pointer(list).unwrap().as_array().unwrap();
        list.iter().map(|test| test[key].to_string()).collect()
    };
    let first = report.exercises[0].tests[0].points;
    let only_first = [&first.to_string(), "0", "0", "0"];
    assert_eq!(
        words(Format::Json, "/exercises/0/tests", "status"),
        ["\"passed\"", "\"failed\"", "\"broken\"", "\"not-checked\""]
    );
    assert_eq!(
        words(Format::Gradescope, "/tests", "status"),
        ["\"passed\"", "\"failed\"", "\"failed\"", "\"failed\""]
    );
    assert_eq!(words(Format::Gradescope, "/tests", "score"), only_first);
    let names = words(Format::Gradescope, "/tests", "name");
    assert!(names[2].contains("(the lab itself failed)") && names[3].contains("(not checked"));
    assert_eq!(
        words(Format::Exercism, "/tests", "status"),
        ["\"pass\"", "\"fail\"", "\"error\"", "\"error\""]
    );
    assert_eq!(
        words(Format::Classroom50, "/tests", "passed"),
        ["true", "false", "false", "false"]
    );
    assert_eq!(words(Format::Classroom50, "/tests", "score"), only_first);
    assert_eq!(words(Format::Prairielearn, "/tests", "points"), only_first);
    let junit = rendered(Format::Junit, Feedback::Full, &report);
    let suites = junit_parser::from_reader(junit.as_bytes()).unwrap();
    let suite = &suites.suites[0];
    assert_eq!(
        (suite.tests, suite.failures, suite.errors, suite.skipped),
        (4, 1, 1, 1)
    );
    if let Some(seen) = read_by_others("junit", &junit) {
        let outcomes: Vec<&str> = seen[0]["cases"]
            .as_array()
            .unwrap()
            .iter()
            .map(|case| case["outcome"].as_str().unwrap())
            .collect();
        assert_eq!(outcomes, ["passed", "failure", "error", "skipped"]);
    }
}

/// What the whole says when nothing failed, and not all passed.
#[test]
fn what_is_not_known_is_never_a_pass() {
    for status in [Status::Broken, Status::NotChecked] {
        let report = hostile::of(&[Status::Passed, status]);
        for feedback in Feedback::value_variants() {
            let value = |format| validated(format, &rendered(format, *feedback, &report));
            let exercism = value(Format::Exercism);
            assert_eq!(exercism["status"], "error", "{feedback:?}");
            let prairielearn = value(Format::Prairielearn);
            assert!(prairielearn["score"].as_f64().unwrap() < 1.0);
            assert_eq!(prairielearn["gradable"], status != Status::Broken);
            let classroom = value(Format::Classroom50);
            assert!(classroom["score"].as_u64() < classroom["max-score"].as_u64());
            let tests = classroom["tests"].as_array().unwrap();
            assert!(tests.iter().any(|test| test["passed"] == false));
            let gradescope = value(Format::Gradescope);
            assert!(gradescope["score"].as_u64().unwrap() < u64::from(report.max_points));
            let scores = &value(Format::Autolab)["scores"];
            assert_eq!(
                scores.get(&report.exercises[0].name).is_some(),
                status == Status::NotChecked,
                "what the lab could not find out has no score"
            );
            let junit = rendered(Format::Junit, *feedback, &report);
            let suites = junit_parser::from_reader(junit.as_bytes()).unwrap();
            let suite = &suites.suites[0];
            let unknown = match status {
                Status::Broken => suite.errors,
                _ => suite.skipped,
            };
            assert_eq!((unknown, suite.failures), (1, 0), "{feedback:?}");
        }
    }
}

#[test]
fn a_program_that_does_not_compile_is_told_as_each_format_has_it() {
    let report = hostile::uncompiled();
    let value = |format| validated(format, &rendered(format, Feedback::Full, &report));
    let exercism = value(Format::Exercism);
    assert_eq!(exercism["status"], "error");
    assert!(exercism["message"].as_str().unwrap().contains("OWNED"));
    let prairielearn = value(Format::Prairielearn);
    assert_eq!(prairielearn["gradable"], false);
    let most = u64::from(report.max_points);
    assert_eq!(value(Format::Gradescope)["tests"][0]["max_score"], most);
    assert_eq!(value(Format::Classroom50)["max-score"], most);
}

/// What each format may hold at most, in bytes; where nobody says, as much as a person could want.
fn most(format: Format) -> usize {
    match format {
        Format::Prairielearn => 1_000_000,
        Format::Markdown => 1 << 20,
        Format::Classroom50 => 1 << 20,
        // The report itself, whole.
        Format::Json => 5 * hostile::LINE,
        Format::Human | Format::Github | Format::Autolab => 1 << 20,
        Format::Gradescope | Format::Exercism | Format::Junit => 4 << 20,
    }
}

/// The time that this thread has had a processor: other work on the machine does not count.
fn spent() -> Duration {
    use nix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .unwrap()
        .into()
}

#[test]
fn nothing_that_a_submission_says_gets_out_of_its_place() {
    let report = hostile::report();
    for &format in Format::value_variants() {
        for &feedback in Feedback::value_variants() {
            let what = format!("{format:?}, {feedback:?}");
            let begun = spent();
            let text = rendered(format, feedback, &report);
            assert!(spent() - begun < Duration::from_secs(20), "{what}");
            assert!(text.len() <= most(format), "{what}: {}", text.len());

            let unseen: Vec<char> = text
                .chars()
                .filter(|&letter| letter != '\n')
                .filter(|letter| {
                    letter.is_control()
                        || "\u{202e}\u{2066}\u{feff}\u{2028}\u{e0041}".contains(*letter)
                })
                .collect();
            assert!(unseen.is_empty(), "{what}: {unseen:?}");

            let commands = commands_in(&text);
            let ours = ["group", "stop-commands", "endgroup", "error", "warning"];
            let is_ours = |name: &String| format == Format::Github && ours.contains(&&**name);
            assert!(commands.iter().all(is_ours), "{what}: {commands:?}");
            assert!(
                !text.contains("##vso[") && !text.contains("##teamcity["),
                "{what}"
            );

            if feedback == Feedback::Score {
                assert!(!text.contains("OWNED"), "{what}");
            }
            if SCHEMAS.iter().any(|(known, _)| *known == format) {
                validated(format, &text);
            }
            // All of it is JSON, which somebody may put into a page.
            if text.starts_with('{') {
                assert!(
                    !text.contains("</script") && !text.contains("<!--"),
                    "{what}"
                );
            }
        }
    }
}

#[test]
fn a_report_that_is_too_long_for_its_reader_tells_less_of_each_test() {
    let report = hostile::long();
    for format in [
        Format::Prairielearn,
        Format::Markdown,
        Format::Classroom50,
        Format::Gradescope,
    ] {
        let text = rendered(format, Feedback::Full, &report);
        assert!(text.len() <= most(format), "{format:?}: {}", text.len());
        assert!(text.contains("left out"), "{format:?}");
        if format != Format::Markdown {
            let tests = &validated(format, &text)["tests"];
            assert_eq!(tests.as_array().unwrap().len(), 70, "{format:?}");
        }
    }
}

#[test]
fn xml_keeps_its_structure_whatever_a_program_prints() {
    let report = hostile::report();
    let text = rendered(Format::Junit, Feedback::Full, &report);
    let suites = junit_parser::from_reader(text.as_bytes()).unwrap();
    let cases: Vec<usize> = suites
        .suites
        .iter()
        .map(|suite| suite.cases.len())
        .collect();
    assert_eq!(cases, [1, 1, 4, 1]);
    let names = suites.suites.iter().flat_map(|suite| &suite.cases);
    assert!(names.into_iter().all(|case| !case.name.contains("OWNED")));
    if let Some(seen) = read_by_others("junit", &text) {
        let seen = seen.as_array().unwrap();
        let cases: Vec<usize> = seen
            .iter()
            .map(|suite| suite["cases"].as_array().unwrap().len())
            .collect();
        assert_eq!(cases, [1, 1, 4, 1]);
        let told = seen[2]["cases"][1]["text"].as_str().unwrap();
        assert!(told.contains("]]></failure></testcase>"), "{told}");
    }
}

#[test]
fn markdown_keeps_its_structure_whatever_a_program_prints() {
    let text = rendered(Format::Markdown, Feedback::Full, &hostile::report());
    let Some(seen) = read_by_others("markdown", &text) else {
        return;
    };
    let ours = [
        "code", "details", "h2", "h3", "p", "pre", "summary", "table", "tbody", "td", "th",
        "thead", "tr",
    ];
    assert_eq!(seen["tags"], serde_json::json!(ours));
    assert!(!seen["text"].as_str().unwrap().contains("OWNED"));
}

#[test]
fn autolabs_last_line_is_the_checkers() {
    let report = hostile::report();
    let text = rendered(Format::Autolab, Feedback::Full, &report);
    let scores = &validated(Format::Autolab, &text)["scores"];
    assert_eq!(scores["day2_2_echo_server"], Value::Null, "broken");
    assert_eq!(scores[&report.exercises[0].name], 0);
    // The line before may be taken for a layout, if it is an object.
    let before = text.trim_end().lines().rev().nth(1).unwrap();
    assert!(serde_json::from_str::<Value>(before).is_err(), "{before}");
}

#[test]
fn exercism_cuts_what_is_too_long() {
    let text = rendered(Format::Exercism, Feedback::Full, &hostile::report());
    let report = validated(Format::Exercism, &text);
    let failed = report["tests"]
        .as_array()
        .unwrap()
        .iter()
        .find(|test| test["output"].is_string())
        .unwrap();
    let output = failed["output"].as_str().unwrap();
    assert_eq!(output.chars().count(), 500);
    assert!(output.ends_with("Output was truncated. Please limit to 500 chars"));
}

#[test]
fn annotations_stand_at_the_line_that_the_compiler_names() {
    let log = report("github");
    let annotation = log
        .lines()
        .find(|line| line.starts_with("::error ") && line.contains("does not compile"))
        .unwrap();
    assert!(
        annotation.contains("file=exercises/day1_2_endianness/src/main.rs,line=1::"),
        "{annotation}"
    );
    let commands = commands_in(&log);
    let count = |name: &str| commands.iter().filter(|command| *command == name).count();
    for name in ["group", "stop-commands", "endgroup"] {
        assert_eq!(count(name), 3, "{commands:?}");
    }
    assert_eq!(count("error"), 2, "{commands:?}");
}

#[test]
fn a_job_summary_is_added_to_what_is_there() {
    let course = Course::real();
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("summary");
    fs::write(&summary, "# before\n").unwrap();
    let run = || {
        course
            .checker()
            .args([
                "day2_2",
                "--format=github",
                "--only",
                "announces",
                "--program",
            ])
            .arg(course.misbehaving("ends_at_once"))
            .env("GITHUB_STEP_SUMMARY", &summary)
            .output()
            .unwrap()
    };
    assert_eq!(run().status.code(), Some(1));
    assert_eq!(run().status.code(), Some(1));
    let text = fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with("# before\n"), "{text}");
    assert_eq!(text.matches("## Socket lab").count(), 2, "{text}");
}

#[test]
fn classroom_50_is_told_what_its_runner_says_and_refused_elsewhere() {
    let course = Course::real();
    let names = [
        ("CLASSROOM", "sockets"),
        ("ASSIGNMENT", "day2"),
        ("USERNAME", "alice"),
        ("SUBMISSION_TAG", "submit/1"),
        ("COMMIT_URL", "https://example.org/c"),
        ("RELEASE_URL", "https://example.org/r"),
    ];
    let run = |set: bool| {
        let mut command = course.checker();
        command
            .args([
                "day2_2",
                "--format=classroom50",
                "--only",
                "announces",
                "--program",
            ])
            .arg(course.misbehaving("ends_at_once"));
        for (name, value) in names {
            if set {
                command.env(name, value);
            }
        }
        command.output().unwrap()
    };
    let output = run(true);
    let report = validated(
        Format::Classroom50,
        &String::from_utf8(output.stdout).unwrap(),
    );
    assert_eq!(report["owner"], "alice");
    assert_eq!(report["review"], "https://example.org/c");
    assert_eq!(run(false).status.code(), Some(3));
}

/// The text of a real program, and of the compiler, on its whole way.
#[test]
fn a_program_and_a_crate_that_print_commands_print_text() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    course.write(
        "exercises/day2_2_echo_server/src/main.rs",
        "compile_error!(\"x\\n::error::OWNED\\n##[error]OWNED \\u{1b}[2J\\u{1b}]0;OWNED\\u{7} \\u{202e}\");\nfn main() {}\n",
    );
    let program = course.misbehaving("prints_commands");
    for &format in Format::value_variants() {
        let name = format.to_possible_value().unwrap();
        for program in [None, Some(&program)] {
            let mut command = course.checker();
            command.args(["day2_2", "--color=always", "--only", "announces"]);
            command.args(["--format", name.get_name()]);
            for variable in [
                "CLASSROOM",
                "ASSIGNMENT",
                "OWNER",
                "COMMIT_URL",
                "RELEASE_URL",
            ] {
                command.env(variable, "x");
            }
            command.env("SUBMISSION_TAG", "submit/1");
            if let Some(program) = program {
                command.arg("--program").arg(program);
            }
            let output = command.output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{format:?}");
            let text = String::from_utf8(output.stdout).unwrap();
            let commands = commands_in(&text);
            let ours = ["group", "stop-commands", "endgroup", "error"];
            let is_ours = |name: &String| format == Format::Github && ours.contains(&&**name);
            assert!(commands.iter().all(is_ours), "{format:?}: {commands:?}");
            let text = anstream::adapter::strip_str(&text).to_string();
            assert!(
                !text.contains(['\x1b', '\x07', '\u{9b}', '\u{202e}']),
                "{format:?}"
            );
            if format != Format::Human {
                continue;
            }
            assert!(text.contains("OWNED"), "it is shown, {text}");
        }
    }
}

/// One test is done, the others are not: the file says so when the checker is killed.
#[test]
fn a_killed_run_leaves_a_valid_file() {
    let course = Course::real();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("results.json");
    let program = course.misbehaving("sleeps_in_vain");
    let mut checker = course
        .checker_command()
        .args(["day2_2", "--format=gradescope", "--jobs=1", "--output"])
        .arg(&file)
        .args(["--visibility=after_due_date", "--program"])
        .arg(&program)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    let is_done = |test: &Value| test["extra_data"]["status"] == "failed";
    let results = loop {
        assert!(Instant::now() < deadline, "no test is done");
        std::thread::sleep(Duration::from_millis(20));
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let results = validated(Format::Gradescope, &text);
        if results["tests"].as_array().unwrap().iter().any(is_done) {
            break results;
        }
    };
    checker.kill().unwrap();
    checker.wait().unwrap();
    assert_eq!(results["visibility"], "after_due_date");
    assert_eq!(results["score"], 0);
    let tests = results["tests"].as_array().unwrap();
    let all = checker::syllabus::find("day2_2_echo_server").unwrap();
    assert_eq!(tests.len(), all.tests.len());
    let left = tests.iter().find(|test| !is_done(test)).unwrap();
    assert_eq!(left["extra_data"]["status"], "broken");
    assert!(
        left["output"]
            .as_str()
            .unwrap()
            .contains("has ended before this test was done")
    );
    let now = fs::read_to_string(&file).unwrap();
    validated(Format::Gradescope, &now);
}

#[test]
fn visibility_is_gradescopes_word() {
    let all = Visibility::value_variants();
    let words: Vec<String> = all
        .iter()
        .map(|word| {
            serde_json::to_value(word)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let options: Vec<String> = all
        .iter()
        .map(|word| word.to_possible_value().unwrap().get_name().to_owned())
        .collect();
    assert_eq!(words, options);
}

/// A program that is checked where calls cannot be followed is not known to be right.
#[test]
fn a_test_that_may_not_look_is_skipped_and_not_passed() {
    let course = Course::real();
    let solution: PathBuf = course.built_solution("day2_2_echo_server");
    let run = |format: &str| {
        let output = course
            .checker()
            .args(["day2_2", "--tracing=off", "--format", format, "--program"])
            .arg(&solution)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(4), "{format}");
        String::from_utf8(output.stdout).unwrap()
    };
    let exercism = validated(Format::Exercism, &run("exercism"));
    assert_eq!(exercism["status"], "error");
    let gradescope = validated(Format::Gradescope, &run("gradescope"));
    let tests = gradescope["tests"].as_array().unwrap();
    let unknown = tests
        .iter()
        .filter(|test| test["extra_data"]["status"] == "not-checked");
    assert!(unknown.clone().count() > 0);
    assert!(unknown.into_iter().all(|test| test["score"] == 0));
}
