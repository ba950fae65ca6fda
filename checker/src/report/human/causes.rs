//! Tests that fail of one cause, which a report tells together.

use super::test_line;
use crate::{
    failure::Diagnosis,
    report::{
        layout::{DIM, FAIL, fold},
        model::{FailureReport, TestReport},
    },
};

/// The tests in their order; behind the first that fails of a cause, those that fail of it, too. Each stands alone if
/// all are to be explained.
pub(super) fn by_cause<'a>(
    tests: impl IntoIterator<Item = &'a TestReport>,
    verbose: bool,
) -> Vec<(&'a TestReport, Vec<&'a TestReport>)> {
    let mut causes: Vec<(&TestReport, Vec<&TestReport>)> = Vec::new();
    for test in tests {
        let known = causes
            .iter_mut()
            .find(|(first, _)| !verbose && fail_alike(first, test));
        match known {
            Some((_, alike)) => alike.push(test),
            None => causes.push((test, Vec::new())),
        }
    }
    causes
}

/// Whether two tests fail of what looks like one cause.
fn fail_alike(one: &TestReport, other: &TestReport) -> bool {
    let (Some(one), Some(other)) = (&one.failure, &other.failure) else {
        return false;
    };
    if one.untouched && other.untouched {
        return true;
    }
    // Two known mistakes with two hints have two causes, however alike they end.
    let is_known = one.mistake.is_some() && other.mistake.is_some();
    one.diagnosis == other.diagnosis
        && !(is_known && one.hint != other.hint)
        && match one.diagnosis {
            Diagnosis::Exited => one.symptom == other.symptom || end_alike(one, other),
            // Each unwrap panics with the same status.
            Diagnosis::Panicked => end_alike(one, other),
            // The line has another port each time, and how far the program comes behind it is chance.
            Diagnosis::BadAnnouncement => true,
            _ => one.symptom == other.symptom || sleep_alike(one, other),
        }
}

/// Whether the program ends by itself in both, with the same status and the same words. The symptom tells what the test
/// waited for, which is random.
fn end_alike(one: &FailureReport, other: &FailureReport) -> bool {
    (one.ending, from_the_panic(&one.stderr)) == (other.ending, from_the_panic(&other.stderr))
}

/// Of a Rust program that panics: where, and why. Before that comes the number of its thread, and what it has said of its
/// clients, with their ports: both are others each time. Of any other program: all that it says.
fn from_the_panic(stderr: &str) -> &str {
    stderr
        .find(" panicked at ")
        .map_or(stderr, |place| &stderr[place..])
}

/// Whether the program sleeps in the same calls at the same step. The symptom names a port then, which is another one
/// each time.
fn sleep_alike(one: &FailureReport, other: &FailureReport) -> bool {
    let is_about_bytes = one.comparison.is_some() || other.comparison.is_some();
    let calls = |failure: &FailureReport| -> Vec<String> {
        let processes = failure.processes.iter();
        processes.map(|process| process.does.clone()).collect()
    };
    !is_about_bytes
        && !one.processes.is_empty()
        && calls(one) == calls(other)
        && one.steps.last() == other.steps.last()
}

/// The tests that fail as another one does, without a line for each; `like` says where that one stands.
pub(super) fn more(alike: &[&TestReport], like: &str, width: usize) -> String {
    const INDENT: &str = "        ";
    const MOST_LINES: usize = 3;
    let fail = match alike.len() {
        0 => return String::new(),
        1 => "fails",
        _ => "fail",
    };
    let points: u32 = alike.iter().map(|test| test.points).sum();
    let head = format!("{} more {fail} in the same way{like}:", alike.len());
    let head = test_line((FAIL, "FAIL"), &head, (0, points), width);
    // As many names as fit.
    let names = (1..=alike.len()).rev().map(|count| {
        let shown: Vec<&str> = alike[..count]
            .iter()
            .map(|test| test.name.as_str())
            .collect();
        let rest = match alike.len() - count {
            0 => String::new(),
            1 => "; and 1 other (--verbose explains it)".to_owned(),
            rest => format!("; and {rest} others (--verbose explains each)"),
        };
        fold(&(shown.join("; ") + &rest), width, INDENT, INDENT)
    });
    let fits = |names: &String| names.lines().count() <= MOST_LINES;
    let mut names = names.skip_while(|names| !fits(names));
    format!("{head}{DIM}{}{DIM:#}\n", names.next().unwrap_or_default())
}
