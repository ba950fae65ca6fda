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
/// Its documentation says that results stay below this, and that ten times as much is refused.
const MOST_BYTES: usize = 1 << 20;

/// The report as Classroom 50 reads it.
///
/// # Errors
///
/// When the context does not tell what was graded.
pub fn render(report: &Report, context: &Context) -> Result<String, LabError> {
    let submission = context.classroom50.as_ref();
    let submission = submission
        .ok_or_else(|| LabError::new("the context does not name what Classroom 50 grades"))?;
    let now = utc(SystemTime::now());
    let entries = entries(report, context);
    fit(MOST_BYTES, |room| {
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
        output: sanitize::cut(&entry.text, room),
    }
}

/// `2026-06-01T14:33:11Z`.
fn utc(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    let (mut days, second) = (seconds / 86_400, seconds % 86_400);
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let day = days + 1;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_is_written_as_classroom_50_reads_it() {
        let after = |seconds| utc(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(after(0), "1970-01-01T00:00:00Z");
        assert_eq!(after(946_684_799), "1999-12-31T23:59:59Z");
        assert_eq!(after(1_709_210_096), "2024-02-29T12:34:56Z");
        assert_eq!(after(4_107_542_400), "2100-03-01T00:00:00Z");
    }
}
