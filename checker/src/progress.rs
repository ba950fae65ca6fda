//! What passes so far, remembered between runs in `.lab/progress.json`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    exercise::Exercise,
    report::{Report, Status},
};

/// The tests that passed when they were last run, by exercise.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    #[serde(flatten)]
    passed: BTreeMap<String, BTreeSet<String>>,
}

impl Progress {
    /// What is remembered. A file that is missing or cannot be read means: nothing.
    pub fn load(root: &Path) -> Progress {
        fs::read_to_string(file(root))
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default()
    }

    /// Takes over what a run found.
    pub fn take(&mut self, report: &Report) {
        for exercise in &report.exercises {
            let passed = self.passed.entry(exercise.name.clone()).or_default();
            if exercise.no_program.is_some() {
                passed.clear();
            }
            for test in &exercise.tests {
                match test.status {
                    Status::Passed => passed.insert(test.name.clone()),
                    Status::Failed => passed.remove(&test.name),
                    Status::Broken => false,
                };
            }
        }
    }

    /// Writes it down; the old file stays whole if that fails.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written.
    pub fn save(&self, root: &Path) -> io::Result<()> {
        let path = file(root);
        let folder = path.parent().unwrap_or(root);
        fs::create_dir_all(folder)?;
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut new, self)?;
        new.persist(path)?;
        Ok(())
    }

    /// How many tests of an exercise pass. Names that the exercise no longer has do not count.
    pub fn passed(&self, exercise: &Exercise) -> usize {
        let names = self.passed.get(exercise.name);
        exercise
            .tests
            .iter()
            .filter(|test| names.is_some_and(|names| names.contains(test.name)))
            .count()
    }

    /// Whether an exercise was ever checked.
    pub fn was_checked(&self, exercise: &Exercise) -> bool {
        self.passed.contains_key(exercise.name)
    }

    /// The first test in teaching order which does not pass yet.
    pub fn next_test(&self, exercise: &Exercise) -> Option<usize> {
        let names = self.passed.get(exercise.name);
        exercise
            .tests
            .iter()
            .position(|test| !names.is_some_and(|names| names.contains(test.name)))
    }
}

fn file(root: &Path) -> PathBuf {
    root.join(".lab").join("progress.json")
}
