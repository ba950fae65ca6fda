//! The report as a page of Markdown, as GitHub's job summaries show it: the points in a table, and what fails folded
//! below it. Whatever a program printed stands in fenced blocks.

use std::fmt::Write;

use super::{
    context::Context,
    model::{ExerciseReport, Report, Status},
    sanitize::{cut, fenced, in_html, in_markdown, without_commands},
    table::{Entry, entries, fit, heading},
};
use crate::failure::LabError;

/// A job summary may have 1 MiB, and others may have written to the same one.
const MOST_BYTES: usize = 512 * 1024;

/// The report as a page.
///
/// # Errors
///
/// Never.
pub fn render(report: &Report, context: &Context) -> Result<String, LabError> {
    let entries = entries(report, context);
    // It may be printed as well.
    fit(MOST_BYTES, |room| {
        Ok(without_commands(&page(report, &entries, room)))
    })
}

fn page(report: &Report, entries: &[Entry<'_>], room: usize) -> String {
    let mut text = format!("## Socket lab\n\n{}\n\n", in_markdown(&heading(report)));
    text.push_str("| | exercise | | points |\n|---|---|---|---:|\n");
    for exercise in &report.exercises {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {}/{} |",
            word(exercise.status),
            in_markdown(&exercise.name),
            in_markdown(&exercise.title),
            exercise.points,
            exercise.max_points
        );
    }
    for exercise in &report.exercises {
        let told: Vec<&Entry<'_>> = entries
            .iter()
            .filter(|entry| std::ptr::eq(entry.exercise, exercise))
            .collect();
        if exercise.status != Status::Passed {
            text.push_str(&section(exercise, &told, room));
        }
    }
    let _ = writeln!(text, "\nSeed {}", report.seed);
    text
}

fn section(exercise: &ExerciseReport, entries: &[&Entry<'_>], room: usize) -> String {
    let mut text = format!("\n### {}\n\n", in_markdown(&exercise.name));
    if !exercise.tests.is_empty() {
        text.push_str("| | test | points |\n|---|---|---:|\n");
    }
    for test in &exercise.tests {
        let _ = writeln!(
            text,
            "| {} | {} | {}/{} |",
            word(test.status),
            in_markdown(&test.name),
            test.earned(),
            test.points
        );
    }
    for entry in entries.iter().filter(|entry| !entry.text.is_empty()) {
        let told = cut(entry.text.trim_end(), room);
        if !told.is_empty() {
            let name = in_html(&entry.name);
            let _ = write!(
                text,
                "\n<details><summary>{name}</summary>\n\n{}\n</details>\n",
                fenced(&told)
            );
        }
    }
    text
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Passed => "✅ passed",
        Status::Failed => "❌ failed",
        Status::Broken => "⚠️ lab error",
        Status::NotChecked => "➖ not checked",
    }
}
