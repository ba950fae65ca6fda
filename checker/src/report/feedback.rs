//! How much of a report its reader may see. What the reader may not see is removed from the value, so that no rendering
//! can show it.

use std::borrow::Cow;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::model::{ExerciseReport, NoProgram, Report, TestReport};
use crate::failure::LabError;

/// How much the reader sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feedback {
    /// Everything: what each test did, what the program did, and a hint
    #[default]
    Full,
    /// The names of the tests and their points, and what the compiler says
    Names,
    /// The points of each exercise
    Score,
}

impl Feedback {
    /// The report with nothing in it that the reader may not see. Every rendering of it keeps the secret, because it
    /// does not know it.
    pub fn of(self, report: &Report) -> Cow<'_, Report> {
        if self == Feedback::Full {
            return Cow::Borrowed(report);
        }
        let exercises = report.exercises.iter();
        let exercises = exercises.map(|exercise| self.of_exercise(exercise).into_owned());
        Cow::Owned(Report {
            exercises: exercises.collect(),
            ..*report
        })
    }

    /// The same for one exercise.
    pub fn of_exercise(self, exercise: &ExerciseReport) -> Cow<'_, ExerciseReport> {
        match self {
            Feedback::Full => Cow::Borrowed(exercise),
            Feedback::Names => Cow::Owned(ExerciseReport {
                tests: exercise.tests.iter().map(without_reasons).collect(),
                ..exercise.clone()
            }),
            Feedback::Score => Cow::Owned(ExerciseReport {
                name: exercise.name.clone(),
                title: exercise.title.clone(),
                no_program: exercise.no_program.as_ref().map(without_messages),
                all_tests: 0,
                warnings: Vec::new(),
                tests: Vec::new(),
                ..*exercise
            }),
        }
    }
}

fn without_reasons(test: &TestReport) -> TestReport {
    let error = |error: &LabError| LabError::new(error.attempt.clone());
    TestReport {
        name: test.name.clone(),
        steps: Vec::new(),
        failure: None,
        error: test.error.as_ref().map(error),
        not_checked: test.not_checked.clone(),
        ..*test
    }
}

/// That there is no program is a part of the score; what the compiler says is not.
fn without_messages(reason: &NoProgram) -> NoProgram {
    match reason {
        NoProgram::DoesNotCompile(_) => NoProgram::DoesNotCompile(Vec::new()),
        NoProgram::UnreadablePackage(_) => NoProgram::UnreadablePackage(String::new()),
        NoProgram::RenamedPackage(_) | NoProgram::NoBinary => NoProgram::NoBinary,
        NoProgram::MissingFile(file) => NoProgram::MissingFile(file.clone()),
    }
}
