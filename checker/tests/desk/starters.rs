//! The starter again, and the reference for who has passed.

use std::{fs, path::Path};

use checker::syllabus;
use predicates::{prelude::PredicateBooleanExt, str::contains};

use crate::{
    EXERCISE, MAIN, SOLUTION, printed,
    support::{Course, environment::command},
};

const OWN: &str = "fn main() { println!(\"my work\"); }\n";

fn git(course: &Course, arguments: &[&str]) {
    let mut git = command("git");
    git.current_dir(course.root()).args([
        "-c",
        "user.name=student",
        "-c",
        "user.email=student@example.org",
        "-c",
        "init.defaultBranch=main",
    ]);
    let output = git.args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A copy of the course with a history, at whose beginning is the starter. Returns that, too.
fn with_history() -> (Course, String) {
    let course = Course::copy_of(&[EXERCISE]);
    fs::write(course.root().join(".gitignore"), "/target\n/.lab\n").unwrap();
    for arguments in [
        &["init", "-q"][..],
        &["add", "."],
        &["commit", "-qm", "the course"],
    ] {
        git(&course, arguments);
    }
    let starter = read(&course, MAIN);
    (course, starter)
}

fn read(course: &Course, file: &str) -> String {
    fs::read_to_string(course.root().join(file)).unwrap()
}

#[test]
fn the_starter_comes_back_and_what_was_there_is_kept() {
    let (course, starter) = with_history();
    course.write(MAIN, OWN);
    course.write("exercises/day2_2_echo_server/src/more.rs", "// more\n");
    git(&course, &["commit", "-qam", "my work"]);
    let said = printed(&course, &["reset", "2.2"], 0);
    let kept = ".lab/kept/day2_2_echo_server-1";
    assert!(said.contains(kept), "{said}");
    assert_eq!(read(&course, MAIN), starter);
    assert_eq!(read(&course, &format!("{kept}/src/main.rs")), OWN);
    assert_eq!(read(&course, &format!("{kept}/src/more.rs")), "// more\n");
    let sources = course.root().join("exercises/day2_2_echo_server/src");
    assert_eq!(fs::read_dir(sources).unwrap().count(), 1);
    let again = printed(&course, &["reset", "2.2"], 0);
    assert!(again.contains("already"), "{again}");
    // Nothing takes the place of what is kept.
    course.write(MAIN, "fn main() {}\n");
    let said = printed(&course, &["reset", "2.2"], 0);
    assert!(said.contains("day2_2_echo_server-2"), "{said}");
    assert_eq!(read(&course, &format!("{kept}/src/main.rs")), OWN);
}

#[test]
fn a_handout_has_its_starters_and_needs_no_history() {
    let course = Course::copy_of(&[EXERCISE]);
    let starter = read(&course, MAIN);
    let copies = course.root().join("checker/starters").join(EXERCISE);
    fs::create_dir_all(copies.join("src")).unwrap();
    for file in ["src/main.rs", "Cargo.toml"] {
        let from = course.root().join("exercises").join(EXERCISE).join(file);
        fs::copy(from, copies.join(file)).unwrap();
    }
    course.write(MAIN, OWN);
    course.write("exercises/day2_2_echo_server/Cargo.toml", "nonsense");
    printed(&course, &["reset", "echo_server"], 0);
    assert_eq!(read(&course, MAIN), starter);
    let manifest = read(&course, "exercises/day2_2_echo_server/Cargo.toml");
    assert!(manifest.contains(EXERCISE), "{manifest}");
}

#[test]
fn a_starter_that_is_not_to_be_found_costs_nothing() {
    let course = Course::copy_of(&[EXERCISE]);
    course.write(MAIN, OWN);
    let reset = course.checker().args(["reset", "2.2"]).assert().code(3);
    reset.stderr(contains("starter"));
    assert_eq!(read(&course, MAIN), OWN);
}

#[test]
fn the_reference_is_for_who_passes_or_gives_up() {
    let course = Course::copy_of(&[EXERCISE]);
    let compare = |arguments: &[&str]| {
        let mut checker = course.checker();
        checker.arg("compare").args(arguments).assert()
    };
    // In this course there is none.
    compare(&["2.2", "--give-up"])
        .code(2)
        .stderr(contains("references"));
    let references = course.root().join("checker/references").join(EXERCISE);
    fs::create_dir_all(&references).unwrap();
    fs::write(references.join("main.rs"), SOLUTION).unwrap();
    compare(&["2.2"])
        .code(2)
        .stderr(contains("does not pass").and(contains("--give-up")));
    let comment = SOLUTION.lines().next().unwrap();
    let shows = || contains(format!("+{comment}")).and(contains("-use std::process::ExitCode;"));
    compare(&["2.2", "--give-up"]).code(0).stdout(shows());
    pass(course.root());
    compare(&["2.2"]).code(0).stdout(shows());
}

/// As if all tests had passed.
fn pass(root: &Path) {
    let tests = syllabus::find(EXERCISE).unwrap().tests.iter();
    let names: Vec<&str> = tests.map(|test| test.name).collect();
    fs::create_dir_all(root.join(".lab")).unwrap();
    let progress = serde_json::json!({ EXERCISE: names }).to_string();
    fs::write(root.join(".lab/progress.json"), progress).unwrap();
}
