//! Gradescope's `results.json`: one element of `tests` for each row (`Entry`). All texts are plain text.
//!
//! The report is already reduced to what the student may see ([`Feedback`](super::Feedback)). All formats are in
//! [`Format`](super::Format): to add one, write a file with a `render` function, and add a variant and a row there.

use serde::Serialize;

use super::{
    context::{Context, Visibility},
    json,
    model::{Report, Status},
    sanitize,
    table::{Entry, entries, fit, heading, name_with_remark},
};
use crate::failure::LabError;

#[derive(Serialize)]
struct Results {
    score: u32,
    execution_time: f64,
    output: String,
    output_format: &'static str,
    test_output_format: &'static str,
    test_name_format: &'static str,
    visibility: Visibility,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout_visibility: Option<Visibility>,
    extra_data: Extra,
    tests: Vec<Test>,
}

/// What Gradescope keeps for the instructor.
#[derive(Serialize)]
struct Extra {
    status: Status,
    seed: u64,
}

#[derive(Serialize)]
struct Test {
    number: String,
    name: String,
    name_format: &'static str,
    /// Gradescope takes a test of no points for passed, unless this says that it failed.
    status: &'static str,
    score: u32,
    max_score: u32,
    output: String,
    output_format: &'static str,
    tags: Vec<String>,
    extra_data: TestExtra,
}

#[derive(Serialize)]
struct TestExtra {
    status: Status,
}

/// Gradescope names no limit; nobody reads a longer page.
const MOST_BYTES: usize = 4 << 20;
const TEXT: &str = "text";

/// The report as Gradescope reads it.
///
/// # Errors
///
/// Never in practice: it has no value that JSON cannot hold.
pub fn render(report: &Report, context: &Context) -> Result<String, LabError> {
    let entries = entries(report, context);
    fit(MOST_BYTES, |room| {
        json::text(&Results {
            score: report.points,
            execution_time: context.took.as_secs_f64(),
            output: heading(report),
            output_format: TEXT,
            test_output_format: TEXT,
            test_name_format: TEXT,
            visibility: context.gradescope.visibility,
            stdout_visibility: context.gradescope.stdout_visibility,
            extra_data: Extra {
                status: report.status,
                seed: report.seed,
            },
            tests: entries.iter().map(|entry| test(entry, room)).collect(),
        })
    })
}

fn test(entry: &Entry<'_>, room: usize) -> Test {
    Test {
        number: entry.number.clone(),
        name: name_with_remark(entry),
        name_format: TEXT,
        status: match entry.status {
            Status::Passed => "passed",
            Status::Failed | Status::Broken | Status::NotChecked => "failed",
        },
        score: entry.points,
        max_score: entry.max_points,
        output: sanitize::cut(&entry.text, room),
        output_format: TEXT,
        tags: vec![entry.exercise.name.clone()],
        extra_data: TestExtra {
            status: entry.status,
        },
    }
}
