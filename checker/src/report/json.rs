//! The report as JSON: the [`Report`] value itself. Its schema is `checker/report.schema.json`.
//!
//! All letters are kept; those that could harm a terminal, a log or a page are written as escapes.

use serde::Serialize;

use super::{context::Context, model::Report, sanitize};
use crate::failure::LabError;

/// The report as JSON text with a line end.
///
/// # Errors
///
/// Never in practice: the report has no value that JSON cannot hold.
pub fn render(report: &Report, _: &Context) -> Result<String, LabError> {
    text(report)
}

/// Any value as JSON of several lines.
pub(super) fn text(value: &impl Serialize) -> Result<String, LabError> {
    harmless(serde_json::to_string_pretty(value))
}

/// Any value as JSON of one line.
pub(super) fn line(value: &impl Serialize) -> Result<String, LabError> {
    harmless(serde_json::to_string(value))
}

fn harmless(text: serde_json::Result<String>) -> Result<String, LabError> {
    let text = text
        .map_err(|error| LabError::new(format!("could not write the report as JSON: {error}")))?;
    Ok(sanitize::in_json(&text) + "\n")
}
