//! Carries mistakes over to a changed reference.
//!
//! A patch does not name the reference it was made of. Git knows the earlier ones: the newest of them to which the patch
//! applies exactly is the base of a merge three ways. So it does not matter whether the change of the reference has been
//! committed, and what one run leaves over the next one finds again.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    Mistakes,
    patch::{Mismatch, Patch},
    workbench,
};
use crate::{
    atomic_file,
    failure::{Attempt, LabError},
};

/// How many earlier references are looked at.
const MOST_REVISIONS: usize = 50;

/// What became of the mistakes of an exercise.
#[derive(Debug, Default)]
pub struct Rebased {
    /// How many fit the reference as they were.
    pub as_they_were: usize,
    /// The names of those that were carried over.
    pub carried: Vec<String>,
    /// Those that were left as they were, because a person has to decide.
    pub conflicts: Vec<Conflict>,
}

/// A mistake that a machine cannot carry over.
#[derive(Debug)]
pub struct Conflict {
    /// Its name.
    pub name: String,
    /// What is in the way.
    pub reason: Reason,
}

/// Why a mistake was not carried over.
#[derive(Debug)]
pub enum Reason {
    /// The reference has changed where the mistake changes it. The draft holds both versions with markers, at these
    /// lines.
    Overlap {
        /// Where the draft is.
        draft: PathBuf,
        /// The lines of its markers, counted from 1.
        lines: Vec<usize>,
    },
    /// The reference has become what the mistake makes of it.
    Same,
    /// No known reference has the lines that it changes.
    NoBase(Mismatch),
}

/// Carries all mistakes of an exercise over to its present reference. A mistake's file changes as a whole or not at all,
/// and those with a conflict do not change.
///
/// # Errors
///
/// When a file cannot be read or written.
pub fn run(root: &Path, known: &Mistakes) -> Result<Rebased, LabError> {
    let reference = known.reference()?;
    // Git is asked only if a mistake does not fit.
    let mut earlier = None;
    let mut rebased = Rebased::default();
    for name in known.names()? {
        let patch = known.patch(&name)?;
        if patch.is_exact(&reference) {
            rebased.as_they_were += 1;
            continue;
        }
        let earlier = earlier.get_or_insert_with(|| revisions(&known.reference_file()));
        let base = earlier.iter().find(|base| patch.is_exact(base));
        let program = match (base, patch.apply(&reference)) {
            (Some(base), _) => patch.merge(base, &reference),
            // Nothing older is known, but its lines have only moved.
            (None, Ok(program)) => Ok(program),
            (None, Err(mismatch)) => {
                let reason = Reason::NoBase(mismatch);
                rebased.conflicts.push(Conflict { name, reason });
                continue;
            }
        };
        let conflict = match program {
            Ok(program) => {
                let moved = Patch::between(&reference, &program);
                if moved.apply(&reference) != Err(Mismatch::Empty) {
                    let file = known.file(&name);
                    atomic_file::write(&file, &moved.to_string(), None)
                        .attempt(&format!("could not write {}", file.display()))?;
                    rebased.carried.push(name);
                    continue;
                }
                Reason::Same
            }
            Err(marked) => {
                let lines = workbench::marked_lines(&marked);
                let draft = workbench::draft_file(root, known.exercise, &name);
                workbench::write_draft(&draft, &marked)?;
                Reason::Overlap { draft, lines }
            }
        };
        rebased.conflicts.push(Conflict {
            name,
            reason: conflict,
        });
    }
    Ok(rebased)
}

/// The references that git knows, the newest first; none where there is no git, or the file is not in a repository.
fn revisions(file: &Path) -> Vec<String> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        let output = git.arg("-C").arg(folder).args(arguments).output().ok()?;
        output.status.success().then_some(output.stdout)
    };
    let limit = format!("-n{MOST_REVISIONS}");
    let log = git(&["log", &limit, "--format=%H", "--", "main.rs"]).unwrap_or_default();
    String::from_utf8_lossy(&log)
        .lines()
        .filter_map(|revision| git(&["show", &format!("{revision}:./main.rs")]))
        .filter_map(|text| String::from_utf8(text).ok())
        .collect()
}
