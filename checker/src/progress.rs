//! What passes so far, [remembered](crate::memory) between runs in `progress.json`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{
    beneath::{AccessError, Directory, FileKind},
    digest::Digest,
    exercise::{Exercise, Test},
    failure::{Attempt, LabError},
    memory::Memory,
    report::{Change, Report, Status},
    syllabus::EXERCISES,
};

/// The file.
const FILE: &str = "progress.json";

/// What is known of each exercise that was checked.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    #[serde(flatten)]
    exercises: BTreeMap<String, Standing>,
    /// Those whose sources are not what was checked last.
    #[serde(skip)]
    changed: BTreeSet<String>,
}

/// The digests of the sources of exercises, as they are when a run begins.
pub type Sources = BTreeMap<String, String>;

/// How an exercise stands.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(from = "Written")]
struct Standing {
    /// Whether there was a program to test when it was last checked.
    builds: bool,
    /// The tests that passed when they were last run.
    passed: BTreeSet<String>,
    /// The tests that failed when they were last run.
    failed: BTreeSet<String>,
    /// The digest of the sources that were last checked as a whole, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

/// The file as it is, and as it was before it told whether a program was there.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Whole {
        builds: bool,
        passed: BTreeSet<String>,
        #[serde(default)]
        failed: BTreeSet<String>,
        source: Option<String>,
    },
    Passed(BTreeSet<String>),
}

impl From<Written> for Standing {
    fn from(written: Written) -> Standing {
        match written {
            Written::Whole {
                builds,
                passed,
                failed,
                source,
            } => Standing {
                builds,
                passed,
                failed,
                source,
            },
            Written::Passed(passed) => Standing {
                builds: true,
                passed,
                ..Standing::default()
            },
        }
    }
}

/// How a test stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// It passed when it was last run.
    Passed,
    /// It failed when it was last run.
    Failed,
    /// It has not been run, or nothing came of it.
    NotTried,
}

/// The digest of an exercise's sources; `None` where they cannot be read.
pub fn source_of(root: &Path, exercise: &Exercise) -> Option<String> {
    let folder = Directory::open(root).ok()?;
    let folder = folder.directory(Path::new("exercises").join(exercise.name).join("src"));
    let digest = with_files(&folder.ok()?, Digest::NONE).ok()?;
    Some(digest.to_string())
}

/// Adds the names and the content of the regular files of a folder, which may hold anything else.
fn with_files(folder: &Directory, mut digest: Digest) -> Result<Digest, AccessError> {
    const MOST_NAMES: usize = 1000;
    const LONGEST: u64 = 4 << 20;
    for name in folder.list(MOST_NAMES)? {
        let text = name.to_string_lossy();
        if text.starts_with('.') || text.ends_with('~') {
            continue;
        }
        let named = digest.with(name.as_encoded_bytes());
        digest = match folder.look(&name)?.kind {
            FileKind::Directory => with_files(&folder.directory(&name)?, named)?,
            FileKind::File => named.with(folder.read(&name, LONGEST)?),
            _ => named,
        };
    }
    Ok(digest)
}

/// The digests of these exercises' sources.
pub fn sources_of(root: &Path, exercises: &[&Exercise]) -> Sources {
    let digests = exercises.iter().filter_map(|exercise| {
        let source = source_of(root, exercise)?;
        Some((exercise.name.to_owned(), source))
    });
    digests.collect()
}

impl Progress {
    /// What is remembered; nothing where nothing was written yet.
    ///
    /// # Errors
    ///
    /// When there is a file that cannot be read or understood. It may be worth something: do not write over it.
    pub fn load(root: &Path) -> Result<Progress, LabError> {
        let memory = Memory::of_course(root);
        let path = memory.folder().join(FILE);
        let attempt = format!("could not read what passes so far, in {}", path.display());
        let Some(text) = memory.read(FILE).attempt(&attempt)? else {
            return Ok(Progress::default());
        };
        let mut progress: Progress = serde_json::from_slice(&text)
            .map_err(|error| LabError::with_detail(attempt, error.to_string()))?;
        progress.compare(root);
        Ok(progress)
    }

    /// Finds out which exercises have been edited since.
    fn compare(&mut self, root: &Path) {
        let exercises = EXERCISES.iter();
        let changed = exercises.filter(|exercise| {
            let standing = self.exercises.get(exercise.name);
            let known = standing.and_then(|standing| standing.source.as_ref());
            known.is_some_and(|known| source_of(root, exercise).as_ref() != Some(known))
        });
        self.changed = changed.map(|exercise| exercise.name.to_owned()).collect();
    }

    /// What a run found otherwise than the last one; `None` where these exercises were never checked before, or nothing
    /// was tested.
    pub fn change(&self, report: &Report) -> Option<Change> {
        let mut change = None;
        for exercise in &report.exercises {
            let Some(standing) = self.exercises.get(&exercise.name) else {
                continue;
            };
            for test in &exercise.tests {
                let change: &mut Change = change.get_or_insert_default();
                match (test.status, standing.passed.contains(&test.name)) {
                    (Status::Passed, false) => change.more += 1,
                    (Status::Failed, true) => change.fewer += 1,
                    _ => (),
                }
            }
        }
        change
    }

    /// Takes over what a run found, which began with these sources.
    pub fn take(&mut self, report: &Report, sources: &Sources) {
        for exercise in &report.exercises {
            let source = sources.get(&exercise.name);
            let standing = self.exercises.entry(exercise.name.clone()).or_default();
            standing.builds = exercise.no_program.is_none();
            for test in &exercise.tests {
                let name = &test.name;
                standing.passed.retain(|known| known != name);
                standing.failed.retain(|known| known != name);
                match test.status {
                    Status::Passed => standing.passed.insert(name.clone()),
                    Status::Failed => standing.failed.insert(name.clone()),
                    Status::Broken | Status::NotChecked => false,
                };
            }
            // A run of some tests says nothing of how the others would end now.
            let is_whole = exercise.chosen() == exercise.all_tests;
            if is_whole || standing.source.is_none() {
                standing.source = source.cloned();
            }
            if standing.source.as_ref() == source {
                self.changed.remove(&exercise.name);
            }
        }
    }

    /// Forgets how an exercise stands: it is as if it had never been checked.
    pub fn forget(&mut self, exercise: &Exercise) {
        self.exercises.remove(exercise.name);
        self.changed.remove(exercise.name);
    }

    /// Writes it down; the old file stays whole if that fails.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written, or is a link, which may lead out of the course.
    pub fn save(&self, root: &Path) -> Result<(), LabError> {
        let memory = Memory::of_course(root);
        let attempt = format!("could not remember what passes, in {}", memory.shown());
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| LabError::new(format!("{attempt}: {error}")))?;
        memory.write(FILE, &text, &attempt)
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

    /// Whether its sources have changed since it was last checked as a whole.
    pub fn is_changed(&self, exercise: &Exercise) -> bool {
        self.changed.contains(exercise.name)
    }

    /// How a test stands.
    pub fn stand(&self, exercise: &Exercise, test: &Test) -> Stand {
        match self.exercises.get(exercise.name) {
            Some(standing) if standing.passed.contains(test.name) => Stand::Passed,
            Some(standing) if standing.failed.contains(test.name) => Stand::Failed,
            _ => Stand::NotTried,
        }
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

    /// The days of which every exercise is done.
    pub fn days_done(&self) -> BTreeSet<u32> {
        let open = EXERCISES.iter().filter(|one| !self.is_done(one));
        let open: BTreeSet<u32> = open.map(|one| one.day()).collect();
        let all = EXERCISES.iter().map(|one| one.day());
        all.filter(|day| !open.contains(day)).collect()
    }

    /// The exercise that comes next: the first that is not done.
    pub fn next_exercise(&self) -> Option<&'static Exercise> {
        let mut exercises = EXERCISES.iter().copied();
        exercises.find(|exercise| !self.is_done(exercise))
    }

    /// The first test in teaching order which does not pass yet.
    pub fn next_test(&self, exercise: &Exercise) -> Option<usize> {
        let tests = exercise.tests.iter();
        tests
            .map(|test| self.passes(exercise, test))
            .position(|passes| !passes)
    }

    fn passes(&self, exercise: &Exercise, test: &Test) -> bool {
        self.stand(exercise, test) == Stand::Passed
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    const FOLDER: &str = ".lab";

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
