//! The proof that the hidden tests are right.
//!
//! For each exercise: the starter compiles without a warning and fails its first test; the solution passes all tests;
//! every mistake is rejected first by the test that declares it, with its diagnosis and its hint; every test is the
//! first to reject one; every file in `mistakes` is declared and applies to the reference, and every heading named
//! stands in course.md, once.

pub mod changed;
mod reading;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use anstyle::{AnsiColor, Style};

use changed::Scope;

use crate::{
    check::Staging,
    compile::{self, Ended, News},
    crew::{self, Conditions, Done, Series},
    exercise::{Exercise, Mistake},
    failure::LabError,
    mistakes::{
        Mistakes,
        bundle::{self, Bundle, Programs, Remark},
    },
    report::{TestReport, human::fold},
    runner::Outcome,
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

/// Which program of an exercise a series is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Starter,
    Solution,
    /// The test which declares it, and its place there.
    Mistake(usize, usize),
}

#[derive(Clone, Copy, Debug)]
struct Key {
    exercise: usize,
    kind: Kind,
}

/// Proves so much of these exercises. `tell` hears what is going on.
///
/// # Errors
///
/// When cargo cannot be started.
pub fn run(
    root: &Path,
    scope: &Scope,
    conditions: Conditions,
    mut tell: impl FnMut(&str),
) -> Result<Proof, LabError> {
    let exercises: Vec<&'static Exercise> = scope.iter().map(|(exercise, _)| *exercise).collect();
    let exercises = exercises.as_slice();
    let mut proof = Proof {
        faults: Vec::new(),
        solutions: 0,
        mistakes: 0,
        unproved: 0,
        tests: 0,
        seed: conditions.seed,
    };
    for exercise in exercises {
        proof.faults.extend(reading::faults(root, exercise)?);
    }
    tell("building");
    let staging = Staging::new()?;
    let built = build(root, scope, &mut proof, &mut tell)?;
    let bundles = scope
        .iter()
        .map(|(exercise, extent)| patched(root, exercise, extent, &mut proof))
        .collect::<Result<Vec<_>, _>>()?;
    let mistakes = bundle::build(root, bundles, &staging, &mut tell)?;
    for remark in &mistakes.remarks {
        proof.faults.push(told(exercises, remark));
    }
    let series = plan(scope, &built, &mistakes, &staging, &mut proof)?;
    let expected = series.len();
    let mut results: BTreeMap<String, Vec<Done<Key>>> = BTreeMap::new();
    crew::run(
        &conditions,
        0,
        |to_crew| {
            for one in series {
                let _ = to_crew.send(one);
            }
        },
        |done| {
            let name = format!("{} {:?}", exercises[done.key.exercise].name, done.key.kind);
            results.entry(name).or_default().push(done);
            tell(&format!("{} of {expected} programs", results.len()));
        },
    );
    for done in results.into_values() {
        judge(exercises, done, &mut proof);
    }
    Ok(proof)
}

fn mistakes(exercise: &Exercise) -> impl Iterator<Item = (usize, usize, &'static Mistake)> {
    exercise.tests.iter().enumerate().flat_map(|(test, found)| {
        let mistakes = found.mistakes.iter().enumerate();
        mistakes.map(move |(place, mistake)| (test, place, mistake))
    })
}

/// The package of the mistakes of an exercise.
fn package_of_mistakes(exercise: &Exercise) -> String {
    format!("{}_mistakes", exercise.name)
}

/// The mistakes of an exercise as programs, without those that do not fit the reference.
fn patched(
    root: &Path,
    exercise: &'static Exercise,
    extent: &Extent,
    proof: &mut Proof,
) -> Result<Bundle, LabError> {
    let known = Mistakes::of(root, exercise);
    let files = known.names()?;
    let mut sources = BTreeMap::new();
    let reference = known.reference()?;
    for (_, _, mistake) in mistakes(exercise) {
        let name = mistake.program;
        if !extent.has(name) {
            continue;
        }
        if !files.iter().any(|file| file == name) {
            proof.faults.push(format!(
                "{}: there is no file {}",
                exercise.name,
                short(root, &known.file(name))
            ));
            continue;
        }
        match known.patch(name)?.apply(&reference) {
            Ok(program) => {
                sources.insert(name.to_owned(), program);
            }
            Err(mismatch) => {
                let mut fault = format!(
                    "{}: {} {mismatch}",
                    exercise.name,
                    short(root, &known.file(name))
                );
                if mismatch.is_stale() {
                    let _ = write!(
                        fault,
                        "; `cargo lab mistake rebase {}` carries all mistakes over to a changed reference",
                        exercise.number()
                    );
                }
                proof.faults.push(fault);
            }
        }
    }
    Ok(Bundle {
        package: package_of_mistakes(exercise),
        sources,
    })
}

fn short(root: &Path, file: &Path) -> String {
    file.strip_prefix(root)
        .unwrap_or(file)
        .display()
        .to_string()
}

/// What the compiler says about a mistake, as a fault of the proof.
fn told(exercises: &[&'static Exercise], remark: &Remark) -> String {
    let kind = if remark.is_error {
        "does not compile"
    } else {
        "compiles with a warning"
    };
    let of = exercises
        .iter()
        .find(|exercise| package_of_mistakes(exercise) == remark.package);
    format!(
        "{}: {} {kind}, at line {} of its program (`cargo lab mistake edit {} {}`):\n{}",
        of.map_or(&*remark.package, |exercise| exercise.name),
        remark.mistake,
        remark.line,
        of.map_or("EXERCISE", |exercise| exercise.number()),
        remark.mistake,
        remark.text
    )
}

/// Builds starters and solutions; returns where each binary is.
fn build(
    root: &Path,
    scope: &Scope,
    proof: &mut Proof,
    tell: &mut impl FnMut(&str),
) -> Result<BTreeMap<String, PathBuf>, LabError> {
    let packages: BTreeSet<String> = scope
        .iter()
        .filter(|(_, extent)| *extent == Extent::Whole)
        .flat_map(|(exercise, _)| [exercise.name.to_owned(), exercise.solution()])
        .collect();
    let mut built = BTreeMap::new();
    if packages.is_empty() {
        return Ok(built);
    }
    let ended = compile::build(root, None, &packages, false, None, |news| match news {
        News::Built { binary, path, .. } => {
            tell(&format!("built {binary}"));
            built.insert(binary, path);
        }
        News::Message {
            package,
            target,
            is_error,
            text,
            ..
        } => {
            let kind = if is_error {
                "does not compile"
            } else {
                "compiles with a warning"
            };
            proof
                .faults
                .push(format!("{package}: {target} {kind}:\n{text}"));
        }
        News::Progress(name) => tell(&format!("compiling {name}")),
    })?;
    if let Ended::NotBegun(reason) = ended {
        proof
            .faults
            .push(format!("cargo cannot read the workspace:\n{reason}"));
    }
    Ok(built)
}

fn plan(
    scope: &Scope,
    built: &BTreeMap<String, PathBuf>,
    programs: &Programs,
    staging: &Staging,
    proof: &mut Proof,
) -> Result<Vec<Series<Key>>, LabError> {
    let mut series = Vec::new();
    for (index, (exercise, extent)) in scope.iter().enumerate() {
        if exercise.tests.is_empty() {
            continue;
        }
        let all: Vec<usize> = (0..exercise.tests.len()).collect();
        let mut add = |kind: Kind, program: PathBuf, tests: Vec<usize>| {
            series.push(Series {
                key: Key {
                    exercise: index,
                    kind,
                },
                exercise,
                tests,
                program,
                until_failure: kind != Kind::Solution,
                is_suspect: Arc::default(),
            });
        };
        for (kind, binary, tests) in [
            (Kind::Starter, exercise.name.to_owned(), vec![0]),
            (Kind::Solution, exercise.solution(), all.clone()),
        ] {
            match built.get(&binary) {
                Some(path) => add(kind, staging.ready(path)?, tests),
                None if *extent != Extent::Whole => (),
                None => proof
                    .faults
                    .push(format!("{}: there is no binary {binary}", exercise.name)),
            }
        }
        // One without a program has been told of.
        let package = package_of_mistakes(exercise);
        for (test, place, mistake) in mistakes(exercise) {
            if let Some(path) = programs.path(&package, mistake.program) {
                add(Kind::Mistake(test, place), path.to_owned(), all.clone());
            }
        }
    }
    Ok(series)
}

/// Compares what one program did with what was declared.
fn judge(exercises: &[&'static Exercise], results: Vec<Done<Key>>, proof: &mut Proof) {
    let Some(first) = results.first() else {
        return;
    };
    let (exercise, kind) = (exercises[first.key.exercise], first.key.kind);
    let mut fault = |text: String| proof.faults.push(format!("{}: {text}", exercise.name));
    proof.tests += results.len();
    let mut failed = None;
    let mut unchecked = Vec::new();
    for done in results {
        let test = &exercise.tests[done.test];
        match &done.statement.outcome {
            Outcome::Passed => (),
            Outcome::NotChecked(_) => unchecked.push(done.test),
            Outcome::Broken(error) => {
                fault(format!(
                    "{}: the lab failed in \"{}\": {error}",
                    name(exercise, kind),
                    test.name
                ));
                return;
            }
            Outcome::Failed(failure) => {
                let said = format!(
                    "{} ({}) in \"{}\"",
                    failure.diagnosis, failure.symptom, test.name
                );
                if kind == Kind::Solution {
                    fault(format!("the solution fails: {said}"));
                }
                failed.get_or_insert((
                    TestReport::new(exercise, done.test, done.statement),
                    done.test,
                    said,
                ));
            }
        }
    }
    match (kind, failed) {
        (Kind::Starter, None) => fault(
            "the starter passes its first test. (If it is solved by now, this proof is not for this folder.)".to_owned(),
        ),
        (Kind::Starter, Some((report, ..))) => {
            let hint = report.failure.as_ref().map(|failure| failure.hint.as_str());
            if hint != Some(exercise.first_step) {
                fault(format!(
                    "the starter gets the hint of a mistake, not what to write first: {hint:?}"
                ));
            }
        }
        (Kind::Solution, None) => proof.solutions += 1,
        (Kind::Solution, Some(_)) => (),
        // Nobody knows, if the test which rejects it needs what this machine does not allow.
        (Kind::Mistake(test, _), None) if unchecked.contains(&test) => proof.unproved += 1,
        (Kind::Mistake(..), None) => fault(format!("{} passes all tests", name(exercise, kind))),
        (Kind::Mistake(test, place), Some((report, seen, said))) => {
            let mistake = &exercise.tests[test].mistakes[place];
            let failure = report.failure.as_ref();
            let diagnosis = failure.map(|failure| failure.diagnosis);
            let hint = failure.map(|failure| failure.hint.as_str());
            if (seen, diagnosis) != (test, Some(mistake.because)) {
                fault(format!(
                    "{} is rejected for {said}; declared is {} in \"{}\"",
                    mistake.program, mistake.because, exercise.tests[test].name
                ));
            } else if hint != Some(mistake.hint) {
                fault(format!("{} gets the hint of another mistake: {hint:?}", mistake.program));
            } else {
                proof.mistakes += 1;
            }
        }
    }
}

fn name(exercise: &Exercise, kind: Kind) -> String {
    match kind {
        Kind::Starter => "the starter".to_owned(),
        Kind::Solution => "the solution".to_owned(),
        Kind::Mistake(test, place) => exercise.tests[test].mistakes[place].program.to_owned(),
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
