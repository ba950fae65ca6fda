//! The commands with which a student works, beside the check itself.

#[path = "../support/mod.rs"]
mod support;

mod completions;
mod editor;
mod hints;
mod names;
mod places;
mod reading;
mod standing;
mod starters;
mod watch;
mod why;

use support::Course;

const EXERCISE: &str = "day2_2_echo_server";
const MAIN: &str = "exercises/day2_2_echo_server/src/main.rs";
const SOLUTION: &str = include_str!("../../../solutions/day2_2_echo_server/src/main.rs");

/// What a command of a student prints on standard output; it must end with this status.
fn printed(course: &Course, arguments: &[&str], status: i32) -> String {
    let output = course.checker().args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{text}{error}");
    text
}
