//! How exercises and tests stand, also after an edit.

use std::{collections::BTreeMap, fs};

use checker::syllabus;

use crate::{
    EXERCISE, MAIN, SOLUTION, printed,
    support::{Course, checker_program, environment::command, ordinary_user::OrdinaryUser},
};

const ENDIANNESS: &str = include_str!("../../../solutions/day1_2_endianness/src/main.rs");

/// The line of the exercise in the list.
fn line(course: &Course) -> String {
    let list = printed(course, &["list"], 0);
    assert_eq!(list.lines().count(), syllabus::EXERCISES.len(), "{list}");
    let line = list.lines().find(|line| line.starts_with(EXERCISE));
    line.expect(&list).to_owned()
}

#[test]
fn the_list_has_points_and_state_in_one_line_each() {
    let course = Course::copy_of(&[EXERCISE]);
    assert!(line(&course).contains("not tried"));
    printed(&course, &["day2_2", "--only", "announces"], 1);
    assert!(line(&course).contains(" failed "), "{}", line(&course));
    course.write(MAIN, "fn main() { nonsense }\n");
    assert!(line(&course).contains(" changed "), "{}", line(&course));
    printed(&course, &["day2_2", "--only", "announces"], 1);
    assert!(line(&course).contains(" no program "), "{}", line(&course));
}

#[test]
fn the_tests_of_an_exercise_are_told_apart_by_what_became_of_them() {
    let course = Course::copy_of(&[EXERCISE]);
    course.write(MAIN, SOLUTION);
    printed(&course, &["day2_2", "--only", "announces"], 0);
    let list = printed(&course, &["list", "2.2"], 0);
    let mark = |test: usize| {
        let name = syllabus::find(EXERCISE).unwrap().tests[test].name;
        let line = list.lines().find(|line| line.contains(name)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!((mark(0).as_str(), mark(1).as_str()), ("pass", "-"));
    course.write(MAIN, "fn main() {}\n");
    printed(&course, &["day2_2", "--only", "announces"], 1);
    let list = printed(&course, &["list", "2.2"], 0);
    assert!(list.contains("FAIL  announces"), "{list}");
}

#[test]
fn no_line_of_the_list_of_tests_is_longer_than_a_terminal() {
    let course = Course::copy_of(&[EXERCISE]);
    let list = printed(&course, &["list", "all"], 0);
    let long: Vec<&str> = list
        .lines()
        .filter(|line| line.chars().count() > 80)
        .collect();
    assert!(long.is_empty(), "{long:#?}");
    let line = list.lines().find(|line| line.contains(EXERCISE));
    assert!(
        line.is_some_and(|line| line.ends_with("not tried")),
        "{line:?}"
    );
}

#[test]
fn the_last_exercise_of_a_day_says_once_that_the_day_is_done() {
    const LAST: &str = "day1_2_endianness";
    let course = Course::copy_of(&[LAST]);
    course.write("exercises/day1_2_endianness/src/main.rs", ENDIANNESS);
    let day = syllabus::EXERCISES.iter().filter(|one| one.day() == 1);
    let points: u32 = day.clone().map(|one| one.points()).sum();
    // As if all but one test had passed.
    let first = syllabus::find(LAST).unwrap().tests[0].name;
    let names = day.map(|one| {
        let names = one.tests.iter().map(|test| test.name);
        let passed: Vec<&str> = names.filter(|name| *name != first).collect();
        (one.name, passed)
    });
    let progress: BTreeMap<&str, Vec<&str>> = names.collect();
    let progress = serde_json::json!(progress).to_string();
    fs::create_dir_all(course.root().join(".lab")).unwrap();
    fs::write(course.root().join(".lab/progress.json"), progress).unwrap();
    let done = format!("Day 1 is done: {points} of {points} points.\nnext  cargo lab day2_1\n");
    let check = || printed(&course, &["day1_2", "--only", first], 0);
    let report = check();
    assert!(report.ends_with(&done), "{report}");
    let again = check();
    assert!(!again.contains("is done:"), "{again}");
}

#[test]
fn an_edited_program_is_not_done_but_changed() {
    let course = Course::copy_of(&[EXERCISE]);
    course.write(MAIN, "fn main() { println!(\"listening 127.0.0.1:1\"); }\n");
    printed(&course, &["day2_2"], 1);
    let row = |course: &Course| {
        let map = printed(course, &[], 0);
        let row = map.lines().find(|line| line.contains(EXERCISE));
        row.expect(&map).to_owned()
    };
    assert!(!row(&course).contains("changed"), "{}", row(&course));
    course.write(MAIN, SOLUTION);
    assert!(row(&course).contains("changed"), "{}", row(&course));
    // What an editor leaves beside it is no edit, and neither is a run of some tests a check of all.
    let points = row(&course);
    printed(&course, &["day2_2", "--only", "announces"], 0);
    assert!(row(&course).contains("changed"), "{points}");
    course.write(MAIN, "fn main() { println!(\"listening 127.0.0.1:1\"); }\n");
    fs::write(
        course
            .root()
            .join("exercises/day2_2_echo_server/src/main.rs~"),
        "x",
    )
    .unwrap();
    assert!(!row(&course).contains("changed"), "{}", row(&course));
}

#[test]
fn a_course_that_cannot_be_written_is_remembered_in_the_users_own_folder() {
    let course = Course::copy_of(&[EXERCISE]);
    let nobody = OrdinaryUser::new();
    let checker = nobody.program(checker_program());
    let home = tempfile::tempdir().unwrap();
    crate::support::open_to_all(home.path());
    let states = home.path().join("states");
    nobody.own(&states);
    if !nix::unistd::geteuid().is_root() {
        use std::os::unix::fs::PermissionsExt;
        let closed = fs::Permissions::from_mode(0o555);
        fs::set_permissions(course.root(), closed).unwrap();
    }
    let hint = || {
        let mut command = command(&checker);
        command
            .current_dir(course.root())
            .args(["hint", "day2_2"])
            .env("XDG_STATE_HOME", &states);
        nobody.run(&mut command);
        command.env("XDG_STATE_HOME", &states);
        let output = command.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).unwrap()
    };
    let (first, second) = (hint(), hint());
    assert!(
        !first.contains(" 2. ") && second.contains(" 2. "),
        "{second}"
    );
    assert!(!course.root().join(".lab").exists());
    let folders: Vec<_> = fs::read_dir(states.join("socket-lab")).unwrap().collect();
    assert_eq!(folders.len(), 1);
}
