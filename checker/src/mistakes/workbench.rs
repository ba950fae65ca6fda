//! Where an instructor writes a mistake: the whole program as a draft, then its trial, then the change that is stored.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use super::{
    Mistakes,
    bundle::{self, Bundle},
    patch::{Mismatch, Patch},
};
use crate::{
    atomic_file,
    build::cargo,
    check::Staging,
    exercise::Exercise,
    failure::{Attempt, Failure, LabError},
    test_worker::Outcome,
    worker::RunError,
    worker_pool::{self, Batch, Conditions},
};

/// What begins the lines that a merge leaves for a person to decide.
const MARKERS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// What the hidden tests say of a mistake's program.
#[derive(Debug)]
pub enum Trial {
    /// It does not compile; what rustc prints.
    DoesNotCompile(String),
    /// Every test passes that this machine allows.
    Passes,
    /// This test is the first that it fails.
    Rejected {
        /// The test's place in the exercise.
        test: usize,
        /// How it fails.
        failure: Box<Failure>,
    },
}

/// Why a draft is not a mistake.
#[derive(Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// A merge has left markers at these lines.
    Marked(Vec<usize>),
    /// The head comment does not say why it is wrong.
    NoReason,
    /// It is the reference.
    Unchanged,
}

/// Where the draft of a mistake lies while it is written.
pub fn draft_file(root: &Path, exercise: &Exercise, name: &str) -> PathBuf {
    cargo::target_folder(root)
        .join("mistakes/drafts")
        .join(exercise.name)
        .join(format!("{name}.rs"))
}

/// Puts a program into a draft.
///
/// # Errors
///
/// When it cannot be written.
pub fn write_draft(draft: &Path, program: &str) -> Result<(), LabError> {
    let attempt = format!("could not write {}", draft.display());
    if let Some(folder) = draft.parent() {
        fs::create_dir_all(folder).attempt(&attempt)?;
    }
    atomic_file::write(draft, program, None).attempt(&attempt)
}

/// The program with which the draft of a mistake begins: the mistake's own if it has a file, or else the reference.
///
/// # Errors
///
/// When a file cannot be read. The inner one when the mistake does not apply.
pub fn first_draft(known: &Mistakes, name: &str) -> Result<Result<String, Mismatch>, LabError> {
    let reference = known.reference()?;
    if known.file(name).exists() {
        return Ok(known.patch(name)?.apply(&reference));
    }
    Ok(Ok(Patch::begin(&reference)))
}

/// Opens a file in the editor that VISUAL or EDITOR names, and waits until it is closed; false if neither is set.
///
/// # Errors
///
/// When the editor cannot be started, or fails.
pub fn open_editor(file: &Path) -> Result<bool, LabError> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    let Some(editor) = set("VISUAL").or_else(|| set("EDITOR")) else {
        return Ok(false);
    };
    let attempt = format!("could not edit with {}", editor.display());
    // The variables hold a command with arguments, which git and crontab give to the shell, too.
    let mut command = std::ffi::OsString::from(&editor);
    command.push(" \"$1\"");
    let status = Command::new("sh")
        .arg("-c")
        .arg(command)
        .arg("sh")
        .arg(file)
        .status()
        .attempt(&attempt)?;
    match status.success() {
        true => Ok(true),
        false => Err(LabError::with_detail(attempt, status.to_string())),
    }
}

/// Formats a draft, where rustfmt is there and can read it.
pub fn format(draft: &Path) {
    let _ = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .arg(draft)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// The change that a draft makes.
pub fn finish(reference: &str, draft: &str) -> Result<Patch, Unfinished> {
    let marked = marked_lines(draft);
    if !marked.is_empty() {
        return Err(Unfinished::Marked(marked));
    }
    let patch = Patch::between(reference, draft);
    if patch.apply(reference) == Err(Mismatch::Empty) {
        return Err(Unfinished::Unchanged);
    }
    if patch.why.is_empty() {
        return Err(Unfinished::NoReason);
    }
    Ok(patch)
}

/// The lines at which a merge has left markers, counted from 1.
pub fn marked_lines(program: &str) -> Vec<usize> {
    let is_marker = |line: &str| MARKERS.iter().any(|marker| line.starts_with(marker));
    let lines = program.lines().enumerate();
    lines
        .filter(|(_, line)| is_marker(line))
        .map(|(place, _)| place + 1)
        .collect()
}

/// Builds this program of a mistake, and holds it against the hidden tests, up to the first one that it fails.
///
/// # Errors
///
/// When it cannot be built for a reason that is not its own, when the lab fails, and when it is cancelled.
pub fn try_out(
    root: &Path,
    exercise: &'static Exercise,
    name: &str,
    program: &str,
    conditions: &Conditions,
    tell: impl FnMut(&str),
) -> Result<Trial, RunError> {
    let staging = Staging::new()?;
    let package = format!("{}_draft", exercise.name);
    let bundle = Bundle {
        package: package.clone(),
        sources: BTreeMap::from([(name.to_owned(), program.to_owned())]),
    };
    let programs = bundle::build(root, vec![bundle], &staging, &conditions.cancel, tell)?;
    let Some(path) = programs.path(&package, name) else {
        let said = programs.remarks.into_iter().map(|remark| remark.text);
        return Ok(Trial::DoesNotCompile(said.collect()));
    };
    let batch = Batch {
        key: 0,
        exercise,
        tests: (0..exercise.tests.len()).collect(),
        program: path.to_owned(),
        until_failure: true,
        known: Arc::default(),
    };
    let mut result = Ok(Trial::Passes);
    worker_pool::run(
        conditions,
        0,
        Box::new(|to_pool| {
            let _ = to_pool.send(batch);
        }),
        &mut |done| match done.statement.outcome {
            Outcome::Failed(failure) => {
                let test = done.test;
                result = Ok(Trial::Rejected { test, failure });
            }
            Outcome::Broken(error) => result = Err(error),
            Outcome::Passed | Outcome::NotChecked(_) => (),
        },
    )?;
    Ok(result?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = "//! Counts.\n\nfn main() {\n    one();\n}\n";

    #[test]
    fn a_draft_is_no_mistake_before_it_says_why_and_changes_something() {
        let draft = Patch::begin(REFERENCE);
        assert_eq!(finish(REFERENCE, &draft), Err(Unfinished::Unchanged));
        let changed = draft.replace("one", "two");
        assert_eq!(finish(REFERENCE, &changed), Err(Unfinished::NoReason));
        let told = changed.replacen("//!\n", "//!\n//! Counts from two.\n", 1);
        assert_eq!(finish(REFERENCE, &told).unwrap().why, "Counts from two.");
    }

    #[test]
    fn a_draft_with_markers_of_a_merge_is_not_finished() {
        let patch = Patch::between(REFERENCE, &REFERENCE.replace("one", "two"));
        let marked = patch
            .merge(REFERENCE, &REFERENCE.replace("one", "three"))
            .unwrap_err();
        let Err(Unfinished::Marked(lines)) = finish(REFERENCE, &marked) else {
            panic!("{marked}");
        };
        assert_eq!(lines.len(), 4, "{marked}");
    }
}
