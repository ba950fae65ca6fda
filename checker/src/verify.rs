//! The proof that the hidden tests are right.
//!
//! For each exercise: the starter compiles without a warning and fails its first test; the solution passes all tests;
//! every mistake is rejected first by the test that declares it, with its diagnosis and its hint; every test is the
//! first to reject one; every file in `mistakes` is declared and applies to the reference, and every heading named
//! stands in course.md, once. Each sentence of the contract is quoted by a test that proves it, or is listed with the
//! reason why there is none.

pub mod changed;
pub(crate) mod contract;
pub mod coverage;
mod programs;
mod reading;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::Path,
};

use anstyle::{AnsiColor, Style};

use changed::Scope;
use programs::Programs;

use crate::{
    check::Staging,
    exercise::{Exercise, Mistake},
    failure::{Diagnosis, Failure},
    report::layout::fold,
    test_worker::Outcome,
    verdict,
    worker::RunError,
    worker_pool::{self, Conditions, Done},
};

/// What a proof found.
#[derive(Debug)]
pub struct Proof {
    /// What is wrong; the proof holds if there is nothing.
    pub faults: Vec<String>,
    /// How many solutions passed.
    pub solutions: usize,
    /// How many known-wrong versions were rejected for their reason.
    pub mistakes: usize,
    /// How many could not be judged, because this machine does not allow the test that rejects them.
    pub unproved: usize,
    /// How many tests were run.
    pub tests: usize,
    /// The seed of the round.
    pub seed: u64,
}

/// How much of an exercise is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Starter, solution, all mistakes.
    Whole,
    /// What can be seen without running anything, and these mistakes.
    Mistakes(BTreeSet<String>),
}

impl Default for Extent {
    fn default() -> Extent {
        Extent::Mistakes(BTreeSet::new())
    }
}

impl Extent {
    fn has(&self, mistake: &str) -> bool {
        match self {
            Extent::Whole => true,
            Extent::Mistakes(names) => names.contains(mistake),
        }
    }

    /// Takes in what another one has.
    fn widen(&mut self, other: &Extent) {
        match (&mut *self, other) {
            (Extent::Mistakes(names), Extent::Mistakes(more)) => names.extend(more.iter().cloned()),
            _ => *self = Extent::Whole,
        }
    }
}

/// All of these exercises.
pub fn whole(exercises: &[&'static Exercise]) -> Scope {
    exercises
        .iter()
        .map(|exercise| (*exercise, Extent::Whole))
        .collect()
}

/// Which tests a mistake meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// All in their order, until one rejects it: this shows that no earlier one does.
    InOrder,
    /// The one that declares it.
    OwnTest,
}

/// Which program of an exercise a batch is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Starter,
    Solution,
    /// Declared by the test at this place.
    Mistake(usize, Mistake),
}

/// A program of the proof.
#[derive(Clone, Copy, Debug)]
struct Subject {
    exercise: &'static Exercise,
    kind: Kind,
}

/// Proves so much of these exercises. `tell` hears what is going on.
///
/// # Errors
///
/// When cargo cannot be started, and when it is cancelled.
pub fn run(
    root: &Path,
    scope: &Scope,
    trial: Trial,
    conditions: Conditions,
    mut tell: impl FnMut(&str),
) -> Result<Proof, RunError> {
    let mut proof = Proof {
        faults: Vec::new(),
        solutions: 0,
        mistakes: 0,
        unproved: 0,
        tests: 0,
        seed: conditions.seed,
    };
    for (exercise, _) in scope {
        proof.faults.extend(reading::faults(root, exercise)?);
    }
    tell("building");
    let staging = Staging::new()?;
    let programs = Programs::build(
        root,
        scope,
        &staging,
        &conditions.cancel,
        &mut proof.faults,
        &mut tell,
    )?;
    let (subjects, batches) = programs.batches(scope, trial, &mut proof.faults);
    // By the place of the program among the subjects.
    let mut results: BTreeMap<usize, Vec<Done>> = BTreeMap::new();
    worker_pool::run(
        &conditions,
        0,
        Box::new(|to_pool| {
            for one in batches {
                let _ = to_pool.send(one);
            }
        }),
        &mut |done| {
            results.entry(done.key).or_default().push(done);
            tell(&format!("{} of {} programs", results.len(), subjects.len()));
        },
    )?;
    for (key, done) in results {
        judge(subjects[key], &done, &mut proof);
    }
    Ok(proof)
}

fn mistakes(exercise: &Exercise) -> impl Iterator<Item = (usize, Mistake)> {
    let tests = exercise.tests.iter().enumerate();
    tests.flat_map(|(place, test)| test.mistakes().map(move |mistake| (place, mistake)))
}

/// A failed test of a program.
struct FailedTest {
    test: usize,
    diagnosis: Diagnosis,
    hint: &'static str,
    /// Whether its calls were followed.
    is_followed: bool,
    /// In words.
    said: String,
}

/// What came of a program's tests.
#[derive(Default)]
struct Results {
    failed: Vec<FailedTest>,
    unchecked: Vec<usize>,
}

impl Results {
    /// Reads them in the order of tests.
    ///
    /// # Errors
    ///
    /// When the lab has failed in a test: which, and how.
    fn of(exercise: &'static Exercise, results: &[Done]) -> Result<Results, String> {
        let mut all = Results::default();
        for done in results {
            let name = exercise.tests[done.test].name;
            match &done.statement.outcome {
                Outcome::Passed => (),
                Outcome::NotChecked(_) => all.unchecked.push(done.test),
                Outcome::Broken(error) => {
                    return Err(format!("the lab failed in \"{name}\": {error}"));
                }
                Outcome::Failed(failure) => {
                    let Failure {
                        diagnosis, symptom, ..
                    } = &**failure;
                    all.failed.push(FailedTest {
                        test: done.test,
                        diagnosis: *diagnosis,
                        hint: verdict::judge(exercise, done.test, failure).hint,
                        is_followed: !failure.evidence.calls.is_empty(),
                        said: format!("{diagnosis} ({symptom}) in \"{name}\""),
                    });
                }
            }
        }
        Ok(all)
    }
}

/// Compares what one program did with what was declared.
fn judge(Subject { exercise, kind }: Subject, results: &[Done], proof: &mut Proof) {
    proof.tests += results.len();
    let mut fault = |text: String| proof.faults.push(format!("{}: {text}", exercise.name));
    let Results { failed, unchecked } = match Results::of(exercise, results) {
        Ok(results) => results,
        Err(error) => return fault(format!("{}: {error}", name(kind))),
    };
    match (kind, failed.first()) {
        (Kind::Starter, None) => fault(
            "the starter passes its first test. (If it is solved by now, this proof is not for this folder.)".to_owned(),
        ),
        (Kind::Starter, Some(FailedTest { hint, .. })) => {
            if *hint != exercise.first_step {
                fault(format!(
                    "the starter gets the hint of a mistake, not what to write first: {hint:?}"
                ));
            }
        }
        (Kind::Solution, None) => proof.solutions += 1,
        (Kind::Solution, Some(_)) => failed
            .iter()
            .for_each(|one| fault(format!("the solution fails: {}", one.said))),
        // The test that rejects it needs what this machine does not allow.
        (Kind::Mistake(test, _), None) if unchecked.contains(&test) => proof.unproved += 1,
        (Kind::Mistake(..), None) => fault(format!("{} passes all tests", name(kind))),
        (Kind::Mistake(test, mistake), Some(first)) => {
            match judge_mistake(exercise, test, mistake, first) {
                Ok(()) => proof.mistakes += 1,
                Err(text) => fault(text),
            }
        }
    }
}

/// A mistake is rejected first by its own test, with its diagnosis and its hint.
fn judge_mistake(
    exercise: &Exercise,
    test: usize,
    mistake: Mistake,
    failure: &FailedTest,
) -> Result<(), String> {
    if (failure.test, failure.diagnosis) != (test, mistake.diagnosis) {
        return Err(format!(
            "{} is rejected for {}; declared is {} in \"{}\"",
            mistake.name, failure.said, mistake.diagnosis, exercise.tests[test].name
        ));
    }
    match failure.hint == hint_of(exercise, mistake, failure.is_followed) {
        true => Ok(()),
        false => Err(format!(
            "{} gets the hint of another mistake: {:?}",
            mistake.name, failure.hint
        )),
    }
}

/// The hint that a mistake must get: that of its clue, where this could be seen.
fn hint_of(exercise: &Exercise, mistake: Mistake, is_followed: bool) -> &'static str {
    match exercise.clue_of(mistake.name) {
        Some(clue) if is_followed || !clue.seen.needs_calls() => clue.hint,
        _ => mistake.hint,
    }
}

fn name(kind: Kind) -> String {
    match kind {
        Kind::Starter => "the starter".to_owned(),
        Kind::Solution => "the solution".to_owned(),
        Kind::Mistake(_, mistake) => mistake.name.to_owned(),
    }
}

impl Proof {
    /// What the proof found, for a person.
    pub fn render(&self, width: usize) -> String {
        const GOOD: Style = AnsiColor::Green.on_default().bold();
        const BAD: Style = AnsiColor::Red.on_default().bold();
        let mut text = String::new();
        for fault in &self.faults {
            let mut lines = fault.lines();
            let _ = writeln!(
                text,
                "{BAD}fault{BAD:#}  {}",
                fold(lines.next().unwrap_or_default(), width - 7, "", "       ")
            );
            for line in lines {
                let _ = writeln!(text, "       {line}");
            }
        }
        if self.unproved > 0 {
            let _ = writeln!(
                text,
                "not checked here: {} known-wrong versions, whose tests need what this machine does not allow; see \
                 `cargo lab doctor`",
                self.unproved
            );
        }
        let (style, word) = match self.faults.len() {
            0 if self.unproved > 0 => (GOOD, "proved as far as this machine allows".to_owned()),
            0 => (GOOD, "proved".to_owned()),
            1 => (BAD, "1 fault".to_owned()),
            count => (BAD, format!("{count} faults")),
        };
        let _ = writeln!(
            text,
            "{style}{word}{style:#}: solutions that pass: {}; known-wrong versions that are rejected for their reason: {}; \
             tests run: {}; seed {}",
            self.solutions, self.mistakes, self.tests, self.seed
        );
        text
    }
}
