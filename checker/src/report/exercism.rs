//! `results.json` as Exercism's website reads it, version 3 of its test runner interface.
//!
//! Its `error` means that nothing is known: the page shows the message alone then, and no test.

use serde::Serialize;

use super::{
    context::Context,
    json,
    model::{Report, Status},
    sanitize,
    table::{Entry, entries, heading, unexplained},
};
use crate::failure::LabError;

#[derive(Serialize)]
struct Results {
    version: u32,
    status: &'static str,
    message: Option<String>,
    tests: Vec<Test>,
}

#[derive(Serialize)]
struct Test {
    name: String,
    status: &'static str,
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
}

const VERSION: u32 = 3;
/// The most letters of a message.
const MESSAGE_LETTERS: usize = 65_535;
/// The most letters of what a program printed.
const OUTPUT_LETTERS: usize = 500;
const CUT: &str = "\nOutput was truncated. Please limit to 500 chars";

/// The report as Exercism reads it.
///
/// # Errors
///
/// Never in practice: it has no value that JSON cannot hold.
pub fn render(report: &Report, context: &Context) -> Result<String, LabError> {
    let entries = entries(report, context);
    let has_run = |entry: &Entry<'_>| entry.exercise.no_program.is_none();
    let some_have = |status| {
        entries
            .iter()
            .any(|entry| has_run(entry) && entry.status == status)
    };
    let nothing_has_run = !entries.is_empty() && !entries.iter().any(has_run);
    let (status, message) = if nothing_has_run {
        let told: Vec<&str> = entries.iter().map(|entry| entry.text.trim()).collect();
        ("error", Some(told.join("\n\n")))
    } else if some_have(Status::Failed) || !entries.iter().all(has_run) {
        ("fail", None)
    } else if report.status == Status::Passed {
        ("pass", None)
    } else {
        let told = entries.iter().filter(|entry| !entry.text.is_empty());
        let told: Vec<String> = told
            .map(|entry| format!("{}: {}", entry.name, entry.text.trim()))
            .collect();
        ("error", Some(heading(report) + "\n\n" + &told.join("\n\n")))
    };
    json::text(&Results {
        version: VERSION,
        status,
        message: message.map(|message| sanitize::cut(&message, MESSAGE_LETTERS)),
        tests: entries.iter().map(test).collect(),
    })
}

fn test(entry: &Entry<'_>) -> Test {
    let status = match entry.status {
        Status::Passed => "pass",
        Status::Failed => "fail",
        Status::Broken | Status::NotChecked => "error",
    };
    let message = match entry.status {
        Status::Passed => None,
        status if entry.text.is_empty() => Some(unexplained(status).to_owned()),
        _ => Some(sanitize::cut(&entry.text, MESSAGE_LETTERS)),
    };
    Test {
        name: entry.name.clone(),
        status,
        message,
        output: Some(limited(entry.printed)).filter(|output| !output.is_empty()),
    }
}

/// What a program printed, with the note at its end that Exercism asks for where it is cut.
fn limited(printed: &str) -> String {
    // A letter can take more room once it is shown as an escape, and never less.
    let start: String = printed.chars().take(OUTPUT_LETTERS + 1).collect();
    let shown = sanitize::clean(&start);
    if shown.chars().count() <= OUTPUT_LETTERS {
        return shown;
    }
    let kept = shown.chars().take(OUTPUT_LETTERS - CUT.len());
    kept.chain(CUT.chars()).collect()
}
