//! Contracts, and the tests that prove them: what `checker verify` says of a sentence without a test, and of a quotation
//! without a sentence.

mod support;

use std::{fs, path::Path, process::Command};

use support::{Course, skipped::skipped};

const TASK: &str = "exercises/day1_2_endianness/README.md";

/// A course with one exercise, and its contract with another sentence in the place of this one.
fn course_with(sentence: &str, another: &str) -> Course {
    let course = Course::copy_of(&["day1_2_endianness"]);
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let files = [
        "course.md",
        "solutions/day1_2_endianness/Cargo.toml",
        "solutions/day1_2_endianness/src/main.rs",
    ];
    for file in files {
        let place = course.root().join(file);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(real.join(file), place).unwrap();
    }
    let mistakes = "solutions/day1_2_endianness/mistakes";
    fs::create_dir_all(course.root().join(mistakes)).unwrap();
    for file in fs::read_dir(real.join(mistakes)).unwrap() {
        let file = file.unwrap();
        let place = course.root().join(mistakes).join(file.file_name());
        fs::copy(file.path(), place).unwrap();
    }
    let contract = fs::read_to_string(real.join(TASK)).unwrap();
    assert!(contract.contains(sentence), "{contract}");
    course.write(TASK, &contract.replace(sentence, another));
    course
}

/// What the checker says, as one line, and its status.
fn checker(course: &Course, arguments: &[&str]) -> (Option<i32>, String) {
    let output = course.checker().args(arguments).output().unwrap();
    let text = [&*output.stdout, &*output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let words: Vec<&str> = text.split_whitespace().collect();
    (output.status.code(), words.join(" "))
}

/// Proves what has changed: of an exercise with a new contract this is what costs nothing.
fn prove(course: &Course) -> Option<(Option<i32>, String)> {
    fs::write(course.root().join(".gitignore"), "target\n.lab\n").unwrap();
    let all_but_the_contract = format!(":!{TASK}");
    for arguments in [
        &["init", "-q"][..],
        &["add", "--all", "--", &all_but_the_contract],
        &["commit", "-qm", "all but the contract"],
    ] {
        let mut git = Command::new("git");
        git.arg("-C").arg(course.root());
        git.args(["-c", "user.name=x", "-c", "user.email=x@x"]);
        match git.args(arguments).status() {
            Ok(status) => assert!(status.success(), "git {arguments:?}"),
            Err(error) => {
                skipped(format_args!("the proof of what has changed: git: {error}"));
                return None;
            }
        }
    }
    Some(checker(course, &["verify", "--changed=HEAD"]))
}

const HOST: &str = "**host** prints `little` or `big`: the byte order of this machine.";

#[test]
fn a_changed_sentence_fails_the_proof_and_names_the_test() {
    let course = course_with(HOST, "**host** prints `LITTLE` or `BIG`: the byte order.");
    let Some((status, said)) = prove(&course) else {
        return;
    };
    assert_eq!(status, Some(1), "{said}");
    let lost = format!(
        "\"names the byte order of this machine\" quotes a sentence that is not in the contract: \"{HOST}\". The \
         nearest sentence is \"**host** prints `LITTLE` or `BIG`: the byte order.\""
    );
    assert!(said.contains(&lost), "{said}");
    let bare = "no test proves the sentence \"**host** prints `LITTLE` or `BIG`: the byte order.\"";
    assert!(said.contains(bare), "{said}");
    assert!(said.contains("2 faults:"), "{said}");
}

#[test]
fn a_sentence_without_a_test_is_named() {
    let course = course_with(HOST, &format!("{HOST} It prints it at once."));
    let Some((status, said)) = prove(&course) else {
        return;
    };
    assert_eq!(status, Some(1), "{said}");
    let bare = "no test proves the sentence \"It prints it at once.\": quote it in the `proves` of a test that fails \
                when it is broken, or list it in `untested` with the reason";
    assert!(said.contains(bare), "{said}");
    assert!(said.contains("1 fault:"), "{said}");
}

#[test]
fn a_contract_of_which_only_the_lines_are_broken_elsewhere_is_proved() {
    let course = course_with(HOST, &HOST.replace(' ', "\n"));
    let Some((status, said)) = prove(&course) else {
        return;
    };
    assert_eq!(status, Some(0), "{said}");
}

#[test]
fn the_table_shows_sentences_tests_and_mistakes_and_builds_nothing() {
    let course = course_with(HOST, HOST);
    let output = course
        .checker()
        .args(["verify", "--coverage", "day1_2"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let table = String::from_utf8(output.stdout).unwrap();
    let proved = "  **host** prints `little` or `big`: the byte order of this machine.\n    \
                  - names the byte order of this machine\n      rejects shifts\n\n";
    assert!(table.contains(proved), "{table}");
    let never = "No test can prove:\n\n  It is up to you whether `+5` is a number.\n    it leaves";
    assert!(table.contains(never), "{table}");
    assert!(
        table.starts_with("day1_2_endianness  41 sentences: "),
        "{table}"
    );
    assert!(!course.root().join("target/mistakes").exists());
}

#[test]
fn the_table_says_what_is_missing() {
    let course = course_with(HOST, &format!("{HOST} It prints it at once."));
    let (status, said) = checker(&course, &["verify", "--coverage", "day1_2"]);
    assert_eq!(status, Some(1), "{said}");
    let missing = "Missing: no test proves the sentence \"It prints it at once.\"";
    assert!(said.contains(missing), "{said}");
    assert!(said.contains(", 1 missing"), "{said}");
}

#[test]
fn every_contract_of_the_course_is_covered_and_fits_into_80_columns() {
    let mut all = Course::real().checker();
    let output = all.args(["verify", "--coverage"]).output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{table}");
    let wide: Vec<&str> = table
        .lines()
        .filter(|line| line.chars().count() > 80)
        .collect();
    assert_eq!(wide, [""; 0]);
}
