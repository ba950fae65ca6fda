//! The proof that the hidden tests are right.
//!
//! For each exercise: the starter compiles without a warning and fails its first test; the solution passes all tests;
//! every known-wrong version is rejected first by the test that declares it, with its diagnosis and its hint; every
//! test is the first to reject one; every binary in `src/bin` is declared, and every heading named stands in course.md, once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anstyle::{AnsiColor, Style};

use crate::{
    check::Staging,
    compile::{self, Ended, News},
    crew::{self, Conditions, Done, Series},
    exercise::{Exercise, Mistake},
    failure::LabError,
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

/// Proves these exercises. `tell` hears what is going on.
///
/// # Errors
///
/// When cargo cannot be started.
pub fn run(
    root: &Path,
    exercises: &[&'static Exercise],
    conditions: Conditions,
    mut tell: impl FnMut(&str),
) -> Result<Proof, LabError> {
    let mut proof = Proof {
        faults: Vec::new(),
        solutions: 0,
        mistakes: 0,
        unproved: 0,
        tests: 0,
        seed: conditions.seed,
    };
    for exercise in exercises {
        proof.faults.extend(read(root, exercise));
    }
    tell("building");
    let built = build(root, exercises, &mut proof, &mut tell)?;
    let staging = Staging::new()?;
    let series = plan(exercises, &built, &staging, &mut proof)?;
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

/// What can be seen without running anything.
fn read(root: &Path, exercise: &Exercise) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |text: String| faults.push(format!("{}: {text}", exercise.name));
    let course = fs::read_to_string(root.join("course.md")).unwrap_or_default();
    lost_readers(exercise, &course)
        .into_iter()
        .for_each(&mut fault);
    if exercise.tests.is_empty() {
        fault("it has no tests".to_owned());
    }
    let mut names = BTreeSet::new();
    for test in exercise.tests {
        if test.mistakes.is_empty() {
            fault(format!(
                "nothing shows that \"{}\" can fail: it declares no mistake",
                test.name
            ));
        }
        if !names.insert(test.name) {
            fault(format!("two tests are called \"{}\"", test.name));
        }
    }
    let declared: Vec<String> = mistakes(exercise)
        .map(|(_, _, mistake)| exercise.binary_of(mistake))
        .collect();
    let unique: BTreeSet<&String> = declared.iter().collect();
    if unique.len() != declared.len() {
        fault("a known-wrong version is declared by two tests".to_owned());
    }
    let solutions = root.join("solutions").join(exercise.name);
    for name in rust_files(&solutions.join("src").join("bin")) {
        if !declared.contains(&name) {
            fault(format!("src/bin/{name}.rs is declared by no test"));
        }
    }
    for file in ["README.md", "src/main.rs"] {
        if !root
            .join("exercises")
            .join(exercise.name)
            .join(file)
            .is_file()
        {
            fault(format!("exercises/{}/{file} is not there", exercise.name));
        }
    }
    faults
}

/// The headings by which an exercise sends its readers to nowhere, or to one of several places.
fn lost_readers(exercise: &Exercise, course: &str) -> Vec<String> {
    let headings = headings(course);
    let named = exercise.tests.iter().map(|test| test.read);
    named
        .chain([exercise.chapter])
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter_map(|heading| match headings.get(heading) {
            None => Some(format!("course.md has no heading \"{heading}\"")),
            Some(1) => None,
            Some(times) => Some(format!(
                "course.md has {times} headings \"{heading}\": nobody knows which one to read"
            )),
        })
        .collect()
}

/// The headings of a text, and how often each of them stands there.
fn headings(text: &str) -> BTreeMap<&str, usize> {
    let mut in_code = false;
    let mut found = BTreeMap::new();
    for line in text.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        } else if !in_code && line.starts_with('#') {
            *found
                .entry(line.trim_start_matches('#').trim())
                .or_default() += 1;
        }
    }
    found
}

fn rust_files(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let name = |path: PathBuf| Some(path.file_name()?.to_str()?.strip_suffix(".rs")?.to_owned());
    let mut names: Vec<String> = entries
        .filter_map(|entry| name(entry.ok()?.path()))
        .collect();
    names.sort();
    names
}

fn mistakes(exercise: &Exercise) -> impl Iterator<Item = (usize, usize, &'static Mistake)> {
    exercise.tests.iter().enumerate().flat_map(|(test, found)| {
        let mistakes = found.mistakes.iter().enumerate();
        mistakes.map(move |(place, mistake)| (test, place, mistake))
    })
}

/// Builds everything; returns where each binary is.
fn build(
    root: &Path,
    exercises: &[&'static Exercise],
    proof: &mut Proof,
    tell: &mut impl FnMut(&str),
) -> Result<BTreeMap<String, PathBuf>, LabError> {
    let packages: BTreeSet<String> = exercises
        .iter()
        .flat_map(|exercise| [exercise.name.to_owned(), exercise.solution()])
        .collect();
    let mut built = BTreeMap::new();
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
    exercises: &[&'static Exercise],
    built: &BTreeMap<String, PathBuf>,
    staging: &Staging,
    proof: &mut Proof,
) -> Result<Vec<Series<Key>>, LabError> {
    let mut series = Vec::new();
    for (index, exercise) in exercises.iter().enumerate() {
        if exercise.tests.is_empty() {
            continue;
        }
        let all: Vec<usize> = (0..exercise.tests.len()).collect();
        let mut add = |binary: String, kind: Kind, tests: Vec<usize>, until_failure: bool| {
            let Some(path) = built.get(&binary) else {
                proof
                    .faults
                    .push(format!("{}: there is no binary {binary}", exercise.name));
                return Ok(());
            };
            series.push(Series {
                key: Key {
                    exercise: index,
                    kind,
                },
                exercise,
                tests,
                program: staging.ready(path)?,
                until_failure,
                is_suspect: Arc::default(),
            });
            Ok::<(), LabError>(())
        };
        add(exercise.name.to_owned(), Kind::Starter, vec![0], true)?;
        add(exercise.solution(), Kind::Solution, all.clone(), false)?;
        for (test, place, mistake) in mistakes(exercise) {
            add(
                exercise.binary_of(mistake),
                Kind::Mistake(test, place),
                all.clone(),
                true,
            )?;
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

#[cfg(test)]
mod tests {
    use super::*;

    const EXERCISE: Exercise = Exercise {
        name: "day9_9_reading",
        title: "a book, and a heading in it",
        chapter: "When accept fails",
        first_step: "Read.",
        tests: &[],
    };

    #[test]
    fn a_heading_that_stands_once_is_found() {
        let course = "## Another\n\n### When accept fails\n\n```sh\n# When accept fails\n```\n";
        assert_eq!(lost_readers(&EXERCISE, course), [""; 0]);
    }

    #[test]
    fn a_heading_that_is_not_there_is_a_fault() {
        let faults = lost_readers(
            &EXERCISE,
            "```sh\n# When accept fails\n```\nWhen accept fails\n",
        );
        assert_eq!(faults, ["course.md has no heading \"When accept fails\""]);
    }

    #[test]
    fn a_heading_that_stands_twice_is_a_fault() {
        let course = "## 2.2\n### When accept fails\n## 3.7\n### When accept fails\n";
        assert_eq!(
            lost_readers(&EXERCISE, course),
            ["course.md has 2 headings \"When accept fails\": nobody knows which one to read"]
        );
    }
}
