//! What a run found: one [`Report`] value, of which every output format is a rendering.
//!
//! [`render`] makes them all. What a program printed is data in each: [`foreign`] makes it harmless.

pub mod autolab;
pub(crate) mod calls;
pub mod classroom50;
pub mod demo;
mod excerpt;
pub mod exercism;
pub mod foreign;
mod format;
pub mod github;
pub mod gradescope;
pub mod human;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod prairielearn;

pub use format::{Context, Feedback, Format, render};

use serde::{Deserialize, Serialize};

use crate::{
    arena::Isolation,
    exercise::{Exercise, Rejection},
    failure::{Comparison, Diagnosis, LabError},
    lab::{CallLine, Ending, Sleeper, Witness},
    runner::{Outcome, Statement},
};

/// The version of the report as data. It grows by one when a field changes its meaning or goes away.
pub const VERSION: u32 = 1;

/// All that one run found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// [`VERSION`]
    pub version: u32,
    /// Brings the same payloads back: `--seed`.
    pub seed: u64,
    /// Where the tests ran.
    pub isolation: Isolation,
    /// The worst of all tests: `broken`, `failed`, `not-checked`, `passed`.
    pub status: Status,
    /// The points of the tests that passed.
    pub points: u32,
    /// The points of all tests that were asked for.
    pub max_points: u32,
    /// In the order of the course.
    pub exercises: Vec<ExerciseReport>,
}

/// What became of a run, an exercise or a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The promise is kept.
    Passed,
    /// The program broke it.
    Failed,
    /// The lab failed; nothing is known about the program.
    Broken,
    /// This machine does not allow the test to look; nothing is known about the program.
    NotChecked,
}

/// What was found about one exercise.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExerciseReport {
    /// Its full name.
    pub name: String,
    /// What the program is.
    pub title: String,
    /// Over all tests; `failed` also when there is no program to test.
    pub status: Status,
    /// The points of the tests that passed.
    pub points: u32,
    /// The points of the tests that were asked for.
    pub max_points: u32,
    /// How many tests the exercise has, chosen or not.
    pub all_tests: usize,
    /// Why there is no program to test, if there is none.
    pub no_program: Option<NoProgram>,
    /// What the compiler warned about, as it prints it.
    pub warnings: Vec<String>,
    /// In the order of the exercise.
    pub tests: Vec<TestReport>,
}

/// Why there is no program to test.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoProgram {
    /// It does not compile; these are the compiler's messages.
    DoesNotCompile(Vec<String>),
    /// Cargo cannot read the package; this is what it says.
    UnreadablePackage(String),
    /// This file is gone, as seen from the course's folder.
    MissingFile(String),
    /// The package has this name, and not the exercise's.
    RenamedPackage(String),
    /// The package has no binary of the exercise's name.
    NoBinary,
}

/// What was found about one promise.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TestReport {
    /// The promise.
    pub name: String,
    /// Whether it is kept.
    pub status: Status,
    /// What it is worth.
    pub points: u32,
    /// How long the test took.
    pub milliseconds: f64,
    /// If it failed: all that helps.
    pub failure: Option<FailureReport>,
    /// If the lab failed: why.
    pub error: Option<LabError>,
    /// If it was not checked: what this machine does not allow.
    pub not_checked: Option<String>,
}

/// A broken promise, and all that helps to mend it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FailureReport {
    /// What went wrong.
    pub diagnosis: Diagnosis,
    /// The same in one line.
    pub symptom: String,
    /// What the test did; it failed in the last step.
    pub steps: Vec<String>,
    /// Expected against got, where bytes are the matter.
    pub comparison: Option<Comparison>,
    /// What each process of the program did when the test ended.
    pub processes: Vec<Sleeper>,
    /// The last system calls of the program and its children; none where they are not followed.
    pub calls: Vec<CallLine>,
    /// How the program had ended, if it had.
    pub ending: Option<Ending>,
    /// Its standard output; the beginning and the end if it was much.
    pub stdout: String,
    /// Its standard error, likewise.
    pub stderr: String,
    /// Whether the program is the starter as it was handed out. Then all its failures have this one cause.
    pub untouched: bool,
    /// The known-wrong version which fails like this, if there is one.
    pub mistake: Option<String>,
    /// What to do about it.
    pub hint: String,
    /// The heading of course.md to read.
    pub read: String,
}

impl TestReport {
    /// The report of a test, from what its runner states.
    pub fn new(exercise: &Exercise, index: usize, statement: Statement) -> TestReport {
        let test = &exercise.tests[index];
        let (mut error, mut not_checked) = (None, None);
        let (status, failure) = match statement.outcome {
            Outcome::Passed => (Status::Passed, None),
            Outcome::Broken(trouble) => {
                error = Some(trouble);
                (Status::Broken, None)
            }
            Outcome::NotChecked(reason) => {
                not_checked = Some(reason);
                (Status::NotChecked, None)
            }
            Outcome::Failed(failure) => {
                let witness = &statement.witness;
                // A starter ends in some tests as a mistake does, and has not made it.
                let untouched = is_untouched(exercise, witness);
                // And who never met the test's fault has not mishandled it; but to come to the end without the call that
                // fails may be the mistake.
                let was_spared = witness.was_spared && failure.diagnosis != Diagnosis::WrongStatus;
                let mistake = match untouched || was_spared {
                    true => None,
                    false => recognise(exercise, index, failure.diagnosis),
                };
                let hint = match mistake {
                    Some(mistake) => mistake.hint,
                    None if untouched => exercise.first_step,
                    None if index == 0 && ends_before_a_word(failure.diagnosis, witness) => {
                        exercise.first_step
                    }
                    None => failure.diagnosis.advice(status(witness)),
                };
                let report = FailureReport {
                    diagnosis: failure.diagnosis,
                    symptom: failure.symptom,
                    steps: statement.witness.steps,
                    comparison: failure.comparison,
                    processes: statement.witness.sleepers,
                    calls: statement.witness.calls,
                    ending: statement.witness.ending,
                    stdout: statement.witness.stdout,
                    stderr: statement.witness.stderr,
                    untouched,
                    mistake: mistake
                        .and_then(|known| known.mistakes.first())
                        .map(|name| (*name).to_owned()),
                    hint: hint.to_owned(),
                    read: test.read.to_owned(),
                };
                (Status::Failed, Some(report))
            }
        };
        TestReport {
            name: test.name.to_owned(),
            status,
            points: test.points,
            milliseconds: statement.milliseconds,
            failure,
            error,
            not_checked,
        }
    }
}

impl TestReport {
    /// The report of a test of which nothing is known, because of this trouble.
    pub fn unknown(exercise: &Exercise, index: usize, trouble: LabError) -> TestReport {
        TestReport::new(exercise, index, Statement::broken(trouble))
    }
}

/// The exit status with which the program had ended, if it had.
fn status(witness: &Witness) -> Option<i32> {
    match witness.ending {
        Some(Ending::Status(status)) => Some(status),
        Some(Ending::Signal(_)) | None => None,
    }
}

/// Whether this is the starter as it was handed out. It says so itself, in its contract with the checker: it prints
/// `NAME is not written yet` on standard error, and ends with exit status 1.
fn is_untouched(exercise: &Exercise, witness: &Witness) -> bool {
    let says_so = witness
        .stderr
        .strip_prefix(exercise.name)
        .is_some_and(|rest| rest.starts_with(" is not written yet"));
    says_so && status(witness) == Some(1) && witness.stdout.is_empty()
}

/// Whether it ended while hardly anything can be written yet.
fn ends_before_a_word(diagnosis: Diagnosis, witness: &Witness) -> bool {
    matches!(diagnosis, Diagnosis::Exited | Diagnosis::WrongStatus) && witness.stdout.is_empty()
}

/// The known mistake which this test sees in this way.
pub fn recognise(
    exercise: &Exercise,
    test: usize,
    diagnosis: Diagnosis,
) -> Option<&'static Rejection> {
    exercise.tests[test]
        .rejects
        .iter()
        .find(|rejection| rejection.because == diagnosis)
}

impl ExerciseReport {
    /// A report without tests yet.
    pub fn new(exercise: &Exercise) -> ExerciseReport {
        ExerciseReport {
            name: exercise.name.to_owned(),
            title: exercise.title.to_owned(),
            status: Status::Passed,
            points: 0,
            max_points: 0,
            all_tests: exercise.tests.len(),
            no_program: None,
            warnings: Vec::new(),
            tests: Vec::new(),
        }
    }

    /// How many tests were asked for. All, where there was nothing to test.
    pub fn chosen(&self) -> usize {
        match self.no_program {
            Some(_) => self.all_tests,
            None => self.tests.len(),
        }
    }

    /// Adds up the tests. `max_points` counts what was asked for, also where there is no program.
    pub fn sum_up(&mut self, max_points: u32) {
        self.max_points = max_points;
        self.points = self
            .tests
            .iter()
            .filter(|test| test.status == Status::Passed)
            .map(|test| test.points)
            .sum();
        self.status = worst(self.tests.iter().map(|test| test.status));
        if self.no_program.is_some() {
            self.status = Status::Failed;
        }
    }
}

impl Report {
    /// A report of these exercises.
    pub fn new(seed: u64, isolation: Isolation, exercises: Vec<ExerciseReport>) -> Report {
        Report {
            version: VERSION,
            seed,
            isolation,
            status: worst(exercises.iter().map(|exercise| exercise.status)),
            points: exercises.iter().map(|exercise| exercise.points).sum(),
            max_points: exercises.iter().map(|exercise| exercise.max_points).sum(),
            exercises,
        }
    }
}

/// The lab's own trouble outweighs a failure, because then the rest is not known.
fn worst(all: impl Iterator<Item = Status>) -> Status {
    all.fold(Status::Passed, |worst, status| match (worst, status) {
        (Status::Broken, _) | (_, Status::Broken) => Status::Broken,
        (Status::Failed, _) | (_, Status::Failed) => Status::Failed,
        (Status::NotChecked, _) | (_, Status::NotChecked) => Status::NotChecked,
        (Status::Passed, Status::Passed) => Status::Passed,
    })
}
