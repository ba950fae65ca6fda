//! What closes a report: points, what is different from the last run, what comes next.

use std::fmt::Write;

use crate::report::{
    layout::{FAIL, PASS, UNSURE, counted},
    model::{Change, ExerciseReport, Report, Status},
};

/// What the last lines of a report say and the report does not know.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    /// What is different from the last run, where that is known.
    pub change: Option<Change>,
    /// How many tests have not come to their end.
    pub unfinished: usize,
    /// What is done now as a whole and was not before: a line for each.
    pub done: Vec<String>,
    /// What to do next.
    pub next: Option<String>,
}

/// The last lines of a report: the points, what has changed, and what to do next.
pub fn summary(report: &Report, closing: &Closing) -> String {
    let all: usize = report.exercises.iter().map(|one| one.all_tests).sum();
    let chosen: usize = report.exercises.iter().map(ExerciseReport::chosen).sum();
    let (style, word) = match report.status {
        Status::Failed => (FAIL, "not yet"),
        Status::Broken => (UNSURE, "the lab itself failed; see `cargo lab doctor`"),
        _ if closing.unfinished > 0 => (UNSURE, "not finished"),
        Status::Passed if chosen < all => (PASS, "the chosen tests pass"),
        // A reader who may see the points only is not told which tests there are.
        Status::Passed if all == 0 => (PASS, "passed"),
        Status::Passed => (PASS, "all tests pass"),
        Status::NotChecked => (
            UNSURE,
            "not all can be checked here; see `cargo lab doctor`",
        ),
    };
    let mut facts = format!("{} of {} points", report.points, report.max_points);
    if chosen < all {
        let _ = write!(facts, " in {chosen} of {all} tests");
    }
    if let Some(change) = closing.change.and_then(difference) {
        let _ = write!(facts, ", {change}");
    }
    if closing.unfinished > 0 {
        let tests = counted(closing.unfinished, "test was", "tests were");
        let _ = write!(facts, ", {tests} not finished");
    }
    let done = closing.done.iter();
    let done: String = done.map(|line| format!("{PASS}{line}{PASS:#}\n")).collect();
    format!(
        "{style}{word}{style:#}: {facts}, seed {}\n{done}{}",
        report.seed,
        closing.next.as_deref().unwrap_or_default()
    )
}

/// `2 more pass than before, 1 fewer`; nothing where all is as before.
fn difference(change: Change) -> Option<String> {
    let pass = |count: usize| if count == 1 { "passes" } else { "pass" };
    match (change.more, change.fewer) {
        (0, 0) => None,
        (more, 0) => Some(format!("{more} more {} than before", pass(more))),
        (0, fewer) => Some(format!("{fewer} fewer {} than before", pass(fewer))),
        (more, fewer) => Some(format!(
            "{more} more {} than before, {fewer} fewer",
            pass(more)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_different_is_told_in_words_that_fit_its_number() {
        let told = |more, fewer| difference(Change { more, fewer });
        assert_eq!(told(0, 0), None);
        for ((more, fewer), text) in [
            ((1, 0), "1 more passes than before"),
            ((2, 0), "2 more pass than before"),
            ((0, 1), "1 fewer passes than before"),
            ((0, 8), "8 fewer pass than before"),
            ((1, 2), "1 more passes than before, 2 fewer"),
        ] {
            assert_eq!(told(more, fewer).as_deref(), Some(text));
        }
    }
}
