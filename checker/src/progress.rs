//! What passes so far, remembered between runs in `.lab/progress.json`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
};

use nix::{
    fcntl::AtFlags,
    unistd::{Gid, Uid, fchownat},
};
use serde::{Deserialize, Serialize};

use crate::{
    atomic_file,
    beneath::{AccessError, Directory},
    exercise::{Exercise, Test},
    failure::{Attempt, LabError},
    report::{Report, Status},
};

/// The folder in the course's.
const FOLDER: &str = ".lab";
/// The file in it.
const FILE: &str = "progress.json";
/// How long that may be, in bytes.
const LONGEST: u64 = 16 << 20;

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
        let path = root.join(FOLDER).join(FILE);
        let attempt = format!("could not read what passes so far, in {}", path.display());
        let folder = Directory::open(root);
        match folder.and_then(|root| root.read(Path::new(FOLDER).join(FILE), LONGEST)) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| LabError {
                detail: Some(error.to_string()),
                ..LabError::new(attempt)
            }),
            Err(AccessError::Missing) => Ok(Progress::default()),
            Err(error) => Err(error.attempting(attempt)),
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
    /// When the folder cannot be written, or is a link, which may lead out of the course.
    pub fn save(&self, root: &Path) -> Result<(), LabError> {
        const SAVE: &str = "could not remember what passes, in .lab";
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| LabError::new(format!("{SAVE}: {error}")))?;
        let folder = Directory::open(root)
            .and_then(|root| root.directory_or_new(FOLDER, 0o777))
            .map_err(|error| error.attempting(SAVE))?;
        let mut owner = None;
        if nix::unistd::geteuid().is_root() {
            let course = fs::metadata(root).attempt(SAVE)?;
            owner = Some((course.uid(), course.gid()));
            let (user, group) = (Uid::from_raw(course.uid()), Gid::from_raw(course.gid()));
            let itself = AtFlags::AT_EMPTY_PATH;
            fchownat(&folder, "", Some(user), Some(group), itself).attempt(SAVE)?;
        }
        atomic_file::write_beneath(&folder, FILE, &text, owner)
            .map_err(|error| error.attempting(SAVE))
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_passes_is_neither_read_nor_written_through_a_link() {
        let (course, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (root, other) = (course.path(), elsewhere.path().join(FILE));
        symlink(elsewhere.path(), root.join(FOLDER)).unwrap();
        assert!(Progress::default().save(root).is_err());
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
        fs::write(&other, "{}").unwrap();
        assert!(Progress::load(root).is_err());
        fs::remove_file(root.join(FOLDER)).unwrap();
        assert!(Progress::load(root).is_ok());
        Progress::default().save(root).unwrap();
        // The folder is the course's own, and what is in it may be anything.
        let file = root.join(FOLDER).join(FILE);
        fs::remove_file(&file).unwrap();
        nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(Progress::load(root).is_err());
        fs::remove_file(&file).unwrap();
        symlink(&other, &file).unwrap();
        assert!(Progress::load(root).is_err());
        Progress::default().save(root).unwrap();
        assert!(Progress::load(root).is_ok());
        assert_eq!(fs::read_to_string(&other).unwrap(), "{}");
    }
}
