//! The values of a report: what a run found, and nothing about how it is written down.

use serde::{Deserialize, Serialize};

use crate::{
    exercise::Exercise,
    failure::{Comparison, Diagnosis, LabError},
    lab::{CallLine, Ending, ProcessState},
    observe::source::SourceLine,
    sandbox::Isolation,
};

/// The version of the report as data.
const VERSION: u32 = 1;

/// All that one run found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// It grows by one when a field changes its meaning or goes away.
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

/// What became of a run, an exercise or a test, from the best to the worst: the lab's own trouble outweighs a failure,
/// because then the rest is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The promise is kept.
    Passed,
    /// The test cannot run on this machine; nothing is known about the program.
    NotChecked,
    /// The program broke it.
    Failed,
    /// The lab failed; nothing is known about the program.
    Broken,
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
    /// If it passed: what the test did. It is told to who asks, and is no part of a report as data.
    #[serde(skip)]
    pub steps: Vec<String>,
    /// If it failed: all that helps.
    pub failure: Option<FailureReport>,
    /// If the lab failed: why.
    pub error: Option<LabError>,
    /// If it was not checked: what this machine does not allow.
    pub not_checked: Option<String>,
}

/// A broken promise, and all that helps to fix it.
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
    pub processes: Vec<ProcessState>,
    /// The last system calls of the program and its children; none where they are not followed.
    pub calls: Vec<CallLine>,
    /// From where in its author's source it has panicked, if that is known.
    #[serde(default)]
    pub panicked_at: Option<SourceLine>,
    /// How the program had ended, if it had.
    pub ending: Option<Ending>,
    /// Its standard output; the beginning and the end if it was much.
    pub stdout: String,
    /// Its standard error, likewise.
    pub stderr: String,
    /// Whether the program is the starter as it was handed out. Then all its failures have this one cause.
    pub untouched: bool,
    /// The known-wrong version which fails like this, if there is one; of several, the first.
    pub mistake: Option<String>,
    /// What the evidence says about the cause, in one sentence, if it says something.
    #[serde(default)]
    pub cause: Option<String>,
    /// What to do about it.
    pub hint: String,
    /// The heading of course.md to read.
    pub read: String,
}

/// How the tests of a run differ from when they were last run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// How many pass that did not.
    pub more: usize,
    /// How many do not pass any more.
    pub fewer: usize,
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
        self.points = self.tests.iter().map(TestReport::earned).sum();
        self.status = match self.no_program {
            Some(_) => Status::Failed,
            None => worst(self.tests.iter().map(|test| test.status)),
        };
    }
}

impl TestReport {
    /// The points that it has brought.
    pub fn earned(&self) -> u32 {
        match self.status {
            Status::Passed => self.points,
            Status::NotChecked | Status::Failed | Status::Broken => 0,
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

fn worst(all: impl Iterator<Item = Status>) -> Status {
    all.max().unwrap_or(Status::Passed)
}
