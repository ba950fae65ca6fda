//! `result.json` as Classroom 50 reads it (classroom50/result/v1).

use std::time::SystemTime;

use serde::Serialize;

use super::{
    context::{Classroom50, Context},
    json,
    model::{Report, Status},
    sanitize,
    table::{Entry, entries, fit},
};
use crate::failure::LabError;

#[derive(Serialize)]
struct Results<'a> {
    schema: &'static str,
    #[serde(flatten)]
    submission: &'a Classroom50,
    /// When it was submitted, which the runner knows better.
    datetime: &'a str,
    graded_at: &'a str,
    score: u32,
    #[serde(rename = "max-score")]
    max_score: u32,
    tests: Vec<Test>,
}

#[derive(Serialize)]
struct Test {
    #[serde(rename = "test-name")]
    name: String,
    passed: bool,
    score: u32,
    #[serde(rename = "max-score")]
    max_score: u32,
    /// From here on for people: Classroom 50 keeps what it does not know.
    exercise: String,
    status: Status,
    output: String,
}

const SCHEMA: &str = "classroom50/result/v1";
/// Ten times this is refused; what is sent is under this, the documentation says.
const MOST: usize = 1 << 20;

/// The report as Classroom 50 reads it.
///
/// # Errors
///
/// When the context does not tell what was graded.
pub fn render(report: &Report, context: &Context) -> Result<String, LabError> {
    let submission = context.classroom50.as_ref();
    let submission =
        submission.ok_or_else(|| LabError::new("nobody said what Classroom 50 grades"))?;
    let now = utc(SystemTime::now());
    let entries = entries(report, context);
    fit(MOST, |room| {
        json::text(&Results {
            schema: SCHEMA,
            submission,
            datetime: &now,
            graded_at: &now,
            score: report.points,
            max_score: report.max_points,
            tests: entries.iter().map(|entry| test(entry, room)).collect(),
        })
    })
}

fn test(entry: &Entry<'_>, room: usize) -> Test {
    Test {
        name: format!("{} {}", entry.number, entry.name),
        passed: entry.status == Status::Passed,
        score: entry.points,
        max_score: entry.max_points,
        exercise: entry.exercise.name.clone(),
        status: entry.status,
        output: sanitize::cut(&entry.told, room),
    }
}

/// `2026-06-01T14:33:11Z`.
fn utc(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs().cast_signed());
    // SAFETY: a tm is plain integers and a pointer to a name, for which all zeros are valid.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: reads a number and writes a tm, which both are alive during the call (gmtime(3)).
    unsafe { libc::gmtime_r(&raw const seconds, &raw mut parts) };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        parts.tm_year + 1900,
        parts.tm_mon + 1,
        parts.tm_mday,
        parts.tm_hour,
        parts.tm_min,
        parts.tm_sec
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_is_written_as_classroom_50_reads_it() {
        let leap_day = SystemTime::UNIX_EPOCH + Duration::from_secs(1_709_210_096);
        assert_eq!(utc(leap_day), "2024-02-29T12:34:56Z");
    }
}
