//! The report as a grader's table: a line for each test.

use super::{
    context::Context,
    human, layout,
    model::{ExerciseReport, Report, Status},
    sanitize::MOST_LETTERS,
};
use crate::failure::LabError;

/// A line in a grader's table: a test, or the exercise as a whole where no test is shown.
pub(super) struct Entry<'a> {
    pub exercise: &'a ExerciseReport,
    /// `2.2.1`, the exercise's number and the test's; `2.2` for an exercise.
    pub number: String,
    pub name: String,
    pub status: Status,
    pub points: u32,
    pub max_points: u32,
    /// All there is to say about it, as text without colour; empty if there is nothing.
    pub text: String,
    /// What the program printed, where it is known.
    pub printed: &'a str,
}

/// The report as a grader's table. Its points add up to the report's.
pub(super) fn entries<'a>(report: &'a Report, context: &Context) -> Vec<Entry<'a>> {
    let detail = human::Detail::in_file(report, context);
    let mut all = Vec::new();
    for exercise in &report.exercises {
        let number = number(&exercise.name);
        let whole = |name: &str, text: String| Entry {
            exercise,
            number: number.clone(),
            name: name.to_owned(),
            status: exercise.status,
            points: exercise.points,
            max_points: exercise.max_points,
            text: dedented(&text),
            printed: "",
        };
        if let Some(reason) = &exercise.no_program {
            let text = human::nothing_to_test(&exercise.name, reason, detail.width);
            all.push(whole("compiles", text));
        } else if exercise.tests.is_empty() {
            all.push(whole(&exercise.title, String::new()));
        }
        for (index, test) in exercise.tests.iter().enumerate() {
            all.push(Entry {
                exercise,
                number: format!("{number}.{}", index + 1),
                name: test.name.clone(),
                status: test.status,
                points: test.earned(),
                max_points: test.points,
                text: dedented(&human::all_about(exercise, test, detail)),
                printed: test.failure.as_ref().map_or("", |failure| &failure.stdout),
            });
        }
    }
    all
}

/// A text for people as a grader shows it: without colour, and without the room at its left.
fn dedented(text: &str) -> String {
    let text = layout::plain(text);
    let lines = || text.lines().filter(|line| !line.is_empty());
    let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let room = lines().map(depth).min().unwrap_or(0);
    let line = |line: &str| format!("{}\n", line.get(room..).unwrap_or_default());
    text.trim_end().lines().map(line).collect()
}

/// `2.2` for `day2_2_echo_server`.
fn number(name: &str) -> String {
    let mut parts = name.trim_start_matches("day").split('_');
    match (parts.next(), parts.next()) {
        (Some(day), Some(exercise)) => format!("{day}.{exercise}"),
        _ => name.to_owned(),
    }
}

/// What graders show of a status in words.
pub(super) fn word(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Failed => "failed",
        Status::Broken => "the lab itself failed",
        Status::NotChecked => "not checked here",
    }
}

/// A name as graders show it, who know only what has passed and what has failed: with a remark, where that is not known.
pub(super) fn name_with_remark(entry: &Entry<'_>) -> String {
    match entry.status {
        Status::Passed | Status::Failed => entry.name.clone(),
        status => format!("{} ({})", entry.name, word(status)),
    }
}

/// What there is to say of a test of which the reader may know the status only.
pub(super) fn unexplained(status: Status) -> &'static str {
    match status {
        Status::Passed => "The program keeps this promise.",
        Status::Failed => "The program does not keep this promise.",
        Status::Broken => "The lab itself failed, which is never your program's fault.",
        Status::NotChecked => "The test cannot run on this machine.",
    }
}

/// What stands above a grader's table.
pub(super) fn heading(report: &Report) -> String {
    let points = format!("{} of {} points", report.points, report.max_points);
    match report.status {
        Status::Passed => format!("All tests pass: {points}."),
        Status::Failed => format!("{points}."),
        Status::Broken => format!(
            "{points} so far. The lab itself failed, which is never your program's fault: tell your instructor."
        ),
        Status::NotChecked => {
            format!("{points}. Some tests cannot run on this machine: they earn no points.")
        }
    }
}

/// Renders with as much text for each test as keeps the whole within so many bytes. `render` is told how many letters
/// each text may have.
pub(super) fn fit(
    most: usize,
    render: impl Fn(usize) -> Result<String, LabError>,
) -> Result<String, LabError> {
    let mut room = MOST_LETTERS;
    loop {
        let text = render(room)?;
        if text.len() <= most || room == 0 {
            return Ok(text);
        }
        room = if room > 100 { room / 4 } else { 0 };
    }
}
