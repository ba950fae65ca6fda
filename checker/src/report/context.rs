//! What a rendering needs and a report does not hold.

use std::{env, path::PathBuf, time::Duration};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{book::Places, failure::LabError};

/// What a rendering needs and a report does not hold.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The program that was checked in place of the student's crate.
    pub program: Option<PathBuf>,
    /// Explain every failed test to people, not only the first of an exercise.
    pub verbose: bool,
    /// Where the headings of the textbook are.
    pub places: Places,
    /// How long the run took.
    pub took: Duration,
    /// For Gradescope.
    pub gradescope: Gradescope,
    /// Whose work it is, for a reader who puts the reports of a class together.
    pub submission: Option<String>,
    /// For Classroom 50, which wants to know what was graded.
    pub classroom50: Option<Classroom50>,
}

/// When Gradescope shows students what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gradescope {
    /// The tests and their results. Where a test is hidden, so is the total.
    pub visibility: Visibility,
    /// What the autograder printed.
    pub stdout_visibility: Option<Visibility>,
}

/// When Gradescope shows something to students. Instructors see everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Visibility {
    /// At once
    #[default]
    Visible,
    /// When the due date has passed
    AfterDueDate,
    /// When the grades are published
    AfterPublished,
    /// Never
    Hidden,
}

/// What is graded, as Classroom 50's runner names it.
#[derive(Clone, Debug, Serialize)]
pub struct Classroom50 {
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

impl Classroom50 {
    /// What the environment of Classroom 50's runner says.
    ///
    /// # Errors
    ///
    /// When it says nothing: then this is not its runner.
    pub fn from_environment() -> Result<Classroom50, LabError> {
        let lookup = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let must = |name: &str| {
            lookup(name).ok_or_else(|| {
                let why = "this format works only in Classroom 50's runner";
                LabError::with_detail(format!("{name} is not set"), why)
            })
        };
        let commit = must("COMMIT_URL")?;
        Ok(Classroom50 {
            classroom: must("CLASSROOM")?,
            assignment: must("ASSIGNMENT")?,
            assignment_type: lookup("ASSIGNMENT_TYPE").unwrap_or_else(|| "individual".to_owned()),
            owner: lookup("OWNER").map_or_else(|| must("USERNAME"), Ok)?,
            submission: must("SUBMISSION_TAG")?,
            release: must("RELEASE_URL")?,
            review: lookup("REVIEW_URL").unwrap_or_else(|| commit.clone()),
            commit,
        })
    }
}
