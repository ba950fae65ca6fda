//! `result.json` as Classroom 50 reads it (classroom50/result/v1). Its runner tells in the environment what is graded.

use std::{env, time::SystemTime};

use serde::Serialize;

use super::{
    Report, Status, foreign,
    format::{Context, Entry, entries, fit},
    json,
};
use crate::failure::LabError;

/// What is graded, as Classroom 50's runner names it.
#[derive(Clone, Debug, Serialize)]
pub struct Submission {
    /// The classroom's short name.
    pub classroom: String,
    /// The assignment's short name.
    pub assignment: String,
    /// `individual` or `group`. The runner sees to it that this is right.
    pub assignment_type: String,
    /// Whose repository it is. The runner sees to this, too.
    pub owner: String,
    /// The tag, `submit/…`.
    pub submission: String,
    /// The address of the commit.
    pub commit: String,
    /// The address of the release.
    pub release: String,
    /// The address of all changes.
    pub review: String,
}

#[derive(Serialize)]
struct Results<'a> {
    schema: &'static str,
    #[serde(flatten)]
    submission: &'a Submission,
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

impl Submission {
    /// What the environment of Classroom 50's runner says.
    ///
    /// # Errors
    ///
    /// When it says nothing: then this is not its runner.
    pub fn from_environment() -> Result<Submission, LabError> {
        let lookup = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let must = |name: &str| {
            lookup(name).ok_or_else(|| LabError {
                detail: Some("Classroom 50's runner does".to_owned()),
                ..LabError::new(format!("the environment does not set {name}"))
            })
        };
        let commit = must("COMMIT_URL")?;
        Ok(Submission {
            classroom: must("CLASSROOM")?,
            assignment: must("ASSIGNMENT")?,
            assignment_type: lookup("ASSIGNMENT_TYPE").unwrap_or_else(|| "individual".to_owned()),
            owner: match lookup("OWNER") {
                Some(owner) => owner,
                None => must("USERNAME")?,
            },
            submission: must("SUBMISSION_TAG")?,
            release: must("RELEASE_URL")?,
            review: lookup("REVIEW_URL").unwrap_or_else(|| commit.clone()),
            commit,
        })
    }
}

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
        output: foreign::cut(&entry.told, room),
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
