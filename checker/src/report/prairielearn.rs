//! `results.json` as PrairieLearn's external grading reads it.
//!
//! Where there is no program, or nothing is known because the lab failed, the submission is *not gradable*: the student
//! loses no attempt.

use serde::Serialize;

use super::{
    context::Context,
    json,
    model::{Report, Status},
    sanitize,
    table::{Entry, entries, fit, heading, name_with_remark, word},
};
use crate::failure::LabError;

#[derive(Serialize)]
struct Results {
    gradable: bool,
    /// From 0 to 1.
    score: f64,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    format_errors: Vec<String>,
    tests: Vec<Test>,
}

#[derive(Serialize)]
struct Test {
    name: String,
    description: String,
    points: u32,
    max_points: u32,
    message: &'static str,
    output: String,
}

/// The file may have 1 MB; PrairieLearn does not say which one.
const MOST_BYTES: usize = 1_000_000;
/// The most letters of a message about the format, of which there are few.
const FORMAT_ERROR_LETTERS: usize = 16 * 1024;

/// The report as PrairieLearn reads it.
///
/// # Errors
///
/// Never in practice: it has no value that JSON cannot hold.
pub fn render(report: &Report, context: &Context) -> Result<String, LabError> {
    let entries = entries(report, context);
    let has_no_program = |entry: &&Entry<'_>| entry.exercise.no_program.is_some();
    let unbuilt: Vec<&Entry<'_>> = entries.iter().filter(has_no_program).collect();
    let nothing_has_run = !entries.is_empty() && unbuilt.len() == entries.len();
    let gradable = report.status != Status::Broken && !nothing_has_run;
    fit(MOST_BYTES, |room| {
        let room_here = room.min(FORMAT_ERROR_LETTERS);
        let format_errors = match (gradable, report.status) {
            (true, _) => Vec::new(),
            (false, Status::Broken) => vec![heading(report)],
            (false, _) => unbuilt
                .iter()
                .map(|entry| {
                    let told = sanitize::cut(entry.text.trim(), room_here);
                    format!("{}: {told}", entry.exercise.name)
                })
                .collect(),
        };
        json::text(&Results {
            gradable,
            score: share(report),
            message: heading(report),
            format_errors,
            tests: entries.iter().map(|entry| test(entry, room)).collect(),
        })
    })
}

fn share(report: &Report) -> f64 {
    match report.max_points {
        0 if report.status == Status::Passed => 1.0,
        0 => 0.0,
        most => f64::from(report.points) / f64::from(most),
    }
}

fn test(entry: &Entry<'_>, room: usize) -> Test {
    Test {
        name: format!("{} {}", entry.number, name_with_remark(entry)),
        description: entry.exercise.title.clone(),
        points: entry.points,
        max_points: entry.max_points,
        message: word(entry.status),
        output: sanitize::cut(&entry.text, room),
    }
}
