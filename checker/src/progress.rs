//! What passes so far, remembered between runs in `.lab/progress.json`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, ErrorKind},
    os::unix::fs::{MetadataExt, lchown},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    exercise::{Exercise, Test},
    failure::LabError,
    report::{Report, Status},
    whole_file,
};

/// What is known of each exercise that was checked.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    #[serde(flatten)]
    exercises: BTreeMap<String, Standing>,
}

/// How an exercise stands.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(from = "Written")]
struct Standing {
    /// Whether there was a program to test when it was last checked.
    builds: bool,
    /// The tests that passed when they were last run.
    passed: BTreeSet<String>,
}

/// The file as it is, and as it was before it told whether a program was there.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Whole {
        builds: bool,
        passed: BTreeSet<String>,
    },
    Passed(BTreeSet<String>),
}

impl From<Written> for Standing {
    fn from(written: Written) -> Standing {
        let (builds, passed) = match written {
            Written::Whole { builds, passed } => (builds, passed),
            Written::Passed(passed) => (true, passed),
        };
        Standing { builds, passed }
    }
}

impl Progress {
    /// What is remembered; nothing where nothing was written yet.
    ///
    /// # Errors
    ///
    /// When there is a file that cannot be read or understood. It may be worth something: do not write over it.
    pub fn load(root: &Path) -> Result<Progress, LabError> {
        let path = file(root);
        let trouble = |error: &io::Error| {
            LabError::io(
                format!("could not read what passes so far, in {}", path.display()),
                error,
            )
        };
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| trouble(&error.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Progress::default()),
            Err(error) => Err(trouble(&error)),
        }
    }

    /// Takes over what a run found.
    pub fn take(&mut self, report: &Report) {
        for exercise in &report.exercises {
            let standing = self.exercises.entry(exercise.name.clone()).or_default();
            standing.builds = exercise.no_program.is_none();
            let passed = &mut standing.passed;
            for test in &exercise.tests {
                match test.status {
                    Status::Passed => passed.insert(test.name.clone()),
                    Status::Failed => passed.remove(&test.name),
                    Status::Broken | Status::NotChecked => false,
                };
            }
        }
    }

    /// Writes it down; the old file stays whole if that fails. What root's checker writes belongs to the owner of the
    /// course, who runs it without root the next time.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written.
    pub fn save(&self, root: &Path) -> io::Result<()> {
        let path = file(root);
        let folder = path.parent().unwrap_or(root);
        fs::create_dir_all(folder)?;
        let mut owner = None;
        if nix::unistd::geteuid().is_root() {
            let course = fs::metadata(root)?;
            owner = Some((course.uid(), course.gid()));
            // Not through a link, which may lead out of the course.
            lchown(folder, Some(course.uid()), Some(course.gid()))?;
        }
        whole_file::write(&path, &serde_json::to_string_pretty(self)?, owner)
    }

    /// The points of the tests of an exercise that pass. Names that the exercise no longer has do not count.
    pub fn points(&self, exercise: &Exercise) -> u32 {
        let passed = exercise
            .tests
            .iter()
            .filter(|test| self.passes(exercise, test));
        passed.map(|test| test.points).sum()
    }

    /// Whether an exercise was ever checked.
    pub fn was_checked(&self, exercise: &Exercise) -> bool {
        self.exercises.contains_key(exercise.name)
    }

    /// Whether there was a program to test when it was last checked; true before that.
    pub fn builds(&self, exercise: &Exercise) -> bool {
        let standing = self.exercises.get(exercise.name);
        standing.is_none_or(|standing| standing.builds)
    }

    /// Whether all is well with an exercise.
    pub fn is_done(&self, exercise: &Exercise) -> bool {
        self.builds(exercise) && self.next_test(exercise).is_none()
    }

    /// The first test in teaching order which does not pass yet.
    pub fn next_test(&self, exercise: &Exercise) -> Option<usize> {
        let tests = exercise.tests.iter();
        tests
            .map(|test| self.passes(exercise, test))
            .position(|passes| !passes)
    }

    fn passes(&self, exercise: &Exercise, test: &Test) -> bool {
        let standing = self.exercises.get(exercise.name);
        standing.is_some_and(|standing| standing.passed.contains(test.name))
    }
}

fn file(root: &Path) -> PathBuf {
    root.join(".lab").join("progress.json")
}
