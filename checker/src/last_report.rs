//! What the last report of each exercise explained, [remembered](crate::memory) for the commands that go on from there.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    exercise::Exercise,
    failure::{Attempt, LabError},
    memory::Memory,
    progress::Sources,
    report::{Report, Status},
};

const FILE: &str = "last_report.json";

/// The failures that the last reports explained.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct LastReport {
    /// The heading that was named last, by a report or a hint.
    read: Option<String>,
    /// The exercise that was checked last.
    exercise: Option<String>,
    exercises: BTreeMap<String, Explained>,
}

/// A failure that was explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// The test.
    pub test: String,
    /// What was seen, in one line.
    pub symptom: String,
    /// The hint of the report.
    pub hint: String,
    /// Whether the program was the starter.
    pub untouched: bool,
    /// The digest of the sources that failed.
    pub source: Option<String>,
}

impl LastReport {
    /// What is remembered.
    ///
    /// # Errors
    ///
    /// When there is a file that cannot be read or understood.
    pub fn load(root: &Path) -> Result<LastReport, LabError> {
        let attempt = "could not read what the last report explained";
        let memory = Memory::of_course(root);
        let found = memory.read(FILE).attempt(attempt)?;
        let Some(text) = found else {
            return Ok(LastReport::default());
        };
        serde_json::from_slice(&text)
            .map_err(|error| LabError::with_detail(attempt, error.to_string()))
    }

    /// Takes over what a run of these sources found.
    pub fn take(&mut self, report: &Report, sources: &Sources) {
        for exercise in &report.exercises {
            self.exercise = Some(exercise.name.clone());
            let failed = exercise.tests.iter().find_map(|test| {
                let failure = test.failure.as_ref()?;
                (test.status == Status::Failed).then_some((test, failure))
            });
            match failed {
                Some((test, failure)) => {
                    self.read = Some(failure.read.clone());
                    let explained = Explained {
                        test: test.name.clone(),
                        symptom: failure.symptom.clone(),
                        hint: failure.hint.clone(),
                        untouched: failure.untouched,
                        source: sources.get(&exercise.name).cloned(),
                    };
                    self.exercises.insert(exercise.name.clone(), explained);
                }
                None => _ = self.exercises.remove(&exercise.name),
            }
        }
    }

    /// Another heading is the one that was named last.
    pub fn point_to(&mut self, heading: &str) {
        self.read = Some(heading.to_owned());
    }

    /// Writes it down.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written.
    pub fn save(&self, root: &Path) -> Result<(), LabError> {
        let memory = Memory::of_course(root);
        let attempt = format!(
            "could not remember what the report explains, in {}",
            memory.shown()
        );
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| LabError::new(format!("{attempt}: {error}")))?;
        memory.write(FILE, &text, &attempt)
    }

    /// The failure of this exercise that was explained last.
    pub fn explained(&self, exercise: &Exercise) -> Option<&Explained> {
        self.exercises.get(exercise.name)
    }

    /// The exercise that was checked last.
    pub fn exercise(&self) -> Option<&str> {
        self.exercise.as_deref()
    }

    /// The heading that was named last.
    pub fn heading(&self) -> Option<&str> {
        self.read.as_deref()
    }
}
