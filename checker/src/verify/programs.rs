//! From exercises to the programs of a proof: starters, solutions, mistakes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Extent, Kind, Subject, Trial, changed::Scope, mistakes};
use crate::{
    build::cargo::{CargoEnd, CargoEvent, Workspace},
    check::Staging,
    exercise::Exercise,
    failure::LabError,
    mistakes::{
        Mistakes,
        bundle::{self, Bundle, Remark},
    },
    worker::{Cancel, RunError},
    worker_pool::Batch,
};

/// The programs of a proof. They can be started until this is dropped.
pub(super) struct Programs {
    /// Starters and solutions, by package.
    whole: BTreeMap<String, PathBuf>,
    mistakes: bundle::BuiltBundles,
}

impl Programs {
    /// Builds what is to be proved, and adds to the faults what does not compile, or not without a warning.
    ///
    /// # Errors
    ///
    /// When a reference or a mistake cannot be read, cargo cannot be started, or a program cannot be put in its place; and
    /// when it is cancelled.
    pub(super) fn build(
        root: &Path,
        scope: &Scope,
        staging: &Staging,
        cancel: &Cancel,
        faults: &mut Vec<String>,
        tell: &mut impl FnMut(&str),
    ) -> Result<Programs, RunError> {
        let mut whole = build_whole(root, scope, cancel, faults, tell)?;
        for path in whole.values_mut() {
            *path = staging.ready(path)?;
        }
        let mut bundles = Vec::new();
        for (exercise, extent) in scope {
            bundles.push(patched(root, exercise, extent, faults)?);
        }
        let mistakes = bundle::build(root, bundles, staging, cancel, tell)?;
        faults.extend(mistakes.remarks.iter().map(|remark| told(scope, remark)));
        Ok(Programs { whole, mistakes })
    }

    /// The programs of the proof, and the tests of each. What has no program has been told of, or is a fault.
    pub(super) fn batches(
        &self,
        scope: &Scope,
        trial: Trial,
        faults: &mut Vec<String>,
    ) -> (Vec<Subject>, Vec<Batch>) {
        let (mut subjects, mut batches) = (Vec::new(), Vec::new());
        for &(exercise, ref extent) in scope {
            if exercise.tests.is_empty() {
                continue;
            }
            let all: Vec<usize> = (0..exercise.tests.len()).collect();
            let mut add = |kind: Kind, program: PathBuf, tests: Vec<usize>| {
                subjects.push(Subject { exercise, kind });
                batches.push(Batch {
                    key: subjects.len() - 1,
                    exercise,
                    tests,
                    program,
                    until_failure: kind != Kind::Solution,
                    known: Arc::default(),
                });
            };
            for (kind, binary, tests) in [
                (Kind::Starter, exercise.name.to_owned(), vec![0]),
                (Kind::Solution, exercise.solution(), all.clone()),
            ] {
                match self.whole.get(&binary) {
                    Some(path) => add(kind, path.clone(), tests),
                    None if *extent != Extent::Whole => (),
                    None => faults.push(format!("{}: there is no binary {binary}", exercise.name)),
                }
            }
            // One without a program has been told of.
            let package = package_of_mistakes(exercise);
            for (test, mistake) in mistakes(exercise) {
                if let Some(path) = self.mistakes.path(&package, mistake.name) {
                    let tests = match trial {
                        Trial::InOrder => all.clone(),
                        Trial::OwnTest => vec![test],
                    };
                    add(Kind::Mistake(test, mistake), path.to_owned(), tests);
                }
            }
        }
        (subjects, batches)
    }
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
    faults: &mut Vec<String>,
) -> Result<Bundle, LabError> {
    let known = Mistakes::of(root, exercise);
    let files = known.names()?;
    let mut sources = BTreeMap::new();
    let reference = known.reference()?;
    for (_, mistake) in mistakes(exercise) {
        let name = mistake.name;
        if !extent.has(name) {
            continue;
        }
        if !files.iter().any(|file| file == name) {
            faults.push(format!(
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
                        "; `cargo teach mistake rebase {}` carries all mistakes over to a changed reference",
                        exercise.number()
                    );
                }
                faults.push(fault);
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
fn told(scope: &Scope, remark: &Remark) -> String {
    let kind = if remark.is_error {
        "does not compile"
    } else {
        "compiles with a warning"
    };
    let of = scope
        .iter()
        .map(|(exercise, _)| exercise)
        .find(|exercise| package_of_mistakes(exercise) == remark.package);
    format!(
        "{}: {} {kind}, at line {} of its program (`cargo teach mistake edit {} {}`):\n{}",
        of.map_or(&*remark.package, |exercise| exercise.name),
        remark.mistake,
        remark.line,
        of.map_or("EXERCISE", |exercise| exercise.number()),
        remark.mistake,
        remark.text
    )
}

/// Builds starters and solutions; returns where each binary is.
fn build_whole(
    root: &Path,
    scope: &Scope,
    cancel: &Cancel,
    faults: &mut Vec<String>,
    tell: &mut impl FnMut(&str),
) -> Result<BTreeMap<String, PathBuf>, RunError> {
    let packages: BTreeSet<String> = scope
        .iter()
        .filter(|(_, extent)| *extent == Extent::Whole)
        .flat_map(|(exercise, _)| [exercise.name.to_owned(), exercise.solution()])
        .collect();
    let mut built = BTreeMap::new();
    if packages.is_empty() {
        return Ok(built);
    }
    let end = Workspace::course(root, cancel).build(&packages, |event| match event {
        CargoEvent::Built { binary, path, .. } => {
            tell(&format!("built {binary}"));
            built.insert(binary, path);
        }
        CargoEvent::Message {
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
            faults.push(format!("{package}: {target} {kind}:\n{text}"));
        }
        CargoEvent::Compiled(name) => tell(&format!("compiling {name}")),
    })?;
    if let CargoEnd::NotBegun(reason) = end {
        faults.push(format!("cargo cannot read the workspace:\n{reason}"));
    }
    Ok(built)
}
