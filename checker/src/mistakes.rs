//! The known-wrong versions of the references: in the field's words, the mutants which the hidden tests must kill.
//!
//! A mistake is one small file, `solutions/NAME/mistakes/never_closes.patch`: why it is wrong, and the change that makes
//! it of the reference. [`patch`] is that file, [`bundle`] makes programs of all of them, [`workbench`] is where an
//! instructor writes one, and [`rebase`] carries them over to a changed reference.

pub mod bundle;
pub mod patch;
pub mod rebase;
pub mod workbench;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    exercise::{Exercise, Mistake},
    failure::{Attempt, LabError},
    mistakes::patch::Patch,
};

/// The reference and the mistakes of one exercise.
#[derive(Clone, Debug)]
pub struct Mistakes {
    /// The exercise.
    pub exercise: &'static Exercise,
    folder: PathBuf,
}

impl Mistakes {
    /// Those of an exercise of the course in this folder.
    pub fn of(root: &Path, exercise: &'static Exercise) -> Mistakes {
        Mistakes {
            exercise,
            folder: root.join("solutions").join(exercise.name),
        }
    }

    /// The file of the reference.
    pub fn reference_file(&self) -> PathBuf {
        self.folder.join("src/main.rs")
    }

    /// The file of a mistake.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join("mistakes").join(format!("{name}.patch"))
    }

    /// The source of the reference.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn reference(&self) -> Result<String, LabError> {
        read(&self.reference_file())
    }

    /// The names of all mistakes that have a file, sorted.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read. An exercise without this folder has no mistakes.
    pub fn names(&self) -> Result<Vec<String>, LabError> {
        let folder = self.folder.join("mistakes");
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let attempt = format!("could not read the folder {}", folder.display());
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).attempt(&attempt)? {
            let name = entry.attempt(&attempt)?.file_name();
            names.extend(
                name.to_str()
                    .and_then(|name| name.strip_suffix(".patch"))
                    .map(str::to_owned),
            );
        }
        names.sort();
        Ok(names)
    }

    /// A mistake.
    ///
    /// # Errors
    ///
    /// When its file cannot be read.
    pub fn patch(&self, name: &str) -> Result<Patch, LabError> {
        Ok(Patch::parse(&read(&self.file(name))?))
    }

    /// Which test declares it, by its place, and how.
    pub fn declaration(&self, name: &str) -> Option<(usize, Mistake)> {
        let tests = self.exercise.tests.iter().enumerate();
        tests
            .flat_map(|(place, test)| test.mistakes().map(move |mistake| (place, mistake)))
            .find(|(_, mistake)| mistake.name == name)
    }
}

/// Whether a mistake can have this name, which is that of a Rust module: `never_closes`.
pub fn is_name(name: &str) -> bool {
    const TAKEN: [&str; 4] = ["main", "crate", "self", "super"];
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !TAKEN.contains(&name)
}

fn read(file: &Path) -> Result<String, LabError> {
    fs::read_to_string(file).attempt(&format!("could not read {}", file.display()))
}
