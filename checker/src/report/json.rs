//! The report as JSON: the [`Report`] value itself. Its schema is `checker/report.schema.json`.

use super::Report;
use crate::failure::LabError;

/// The report as JSON text with a line end.
///
/// # Errors
///
/// Never in practice: the report has no value that JSON cannot hold.
pub fn render(report: &Report) -> Result<String, LabError> {
    let text = serde_json::to_string_pretty(report)
        .map_err(|error| LabError::new(format!("could not write the report as JSON: {error}")))?;
    Ok(text + "\n")
}
