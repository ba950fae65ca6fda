//! Hints in steps.

use checker::syllabus;

use crate::{EXERCISE, MAIN, printed, support::Course};

#[test]
fn each_repetition_goes_one_step_further_and_an_edit_begins_anew() {
    let course = Course::copy_of(&[EXERCISE]);
    let hint = || printed(&course, &["hint", "day2_2"], 0);
    let (first, second, third) = (hint(), hint(), hint());
    assert!(first.contains('?') && !first.contains(" 2. "), "{first}");
    let exercise = syllabus::find(EXERCISE).unwrap();
    let begins = exercise.first_step.split(' ').next().unwrap();
    assert!(second.contains(&format!(" 2. {begins}")), "{second}");
    assert!(!second.contains(" 3. "), "{second}");
    assert!(third.contains(" 3. Read course.md"), "{third}");
    assert_eq!(hint(), third);
    course.write(MAIN, "fn main() {}\n");
    assert_eq!(hint(), first);
}

#[test]
fn the_direction_is_the_hint_of_the_last_report_until_the_next_edit() {
    let course = Course::copy_of(&[EXERCISE]);
    let exercise = syllabus::find(EXERCISE).unwrap();
    let advice = exercise.tests[0].rejects[0].hint.split(',').next().unwrap();
    let silent = "fn main() { println!(\"listens\"); loop { std::thread::park() } }\n";
    course.write(MAIN, silent);
    printed(&course, &["day2_2", "--only", "announces"], 1);
    let hint = printed(&course, &["hint", "day2_2", "--all"], 0);
    let flat = hint.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("In the last check: "), "{flat}");
    assert!(flat.contains(advice), "{advice}: {flat}");
    course.write(MAIN, &format!("{silent}\n"));
    let hint = printed(&course, &["hint", "day2_2", "--all"], 0);
    assert!(!hint.contains("In the last check: "), "{hint}");
}

#[test]
fn without_a_name_it_is_the_exercise_where_one_is_or_the_next_one() {
    let course = Course::copy_of(&[EXERCISE]);
    let hint = printed(&course, &["hint"], 0);
    assert!(hint.starts_with(syllabus::EXERCISES[0].name), "{hint}");
    let folder = course.root().join("exercises/day2_2_echo_server/src");
    let mut checker = course.checker();
    let output = checker.current_dir(folder).arg("hint").output().unwrap();
    let hint = String::from_utf8(output.stdout).unwrap();
    assert!(hint.starts_with(EXERCISE), "{hint}");
}
