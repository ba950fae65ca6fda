//! The folder in which grades are kept: a file for each submission, written whole or not at all, so that a run can be
//! ended at any moment and taken up again.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, File},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::{
    name::Name,
    retries::Retries,
    shard::Shard,
    submission::{Reason, Refusal},
};
use crate::{
    atomic_file,
    beneath::{Access, AccessError, Directory},
    digest::Digest,
    exercise::Exercise,
    failure::{Attempt, LabError},
    report::{self, Context, Feedback, Format, Gradescope, Report, Status, Visibility},
};

/// The version of what is written. It grows by one when a field changes its meaning or goes away.
pub const VERSION: u32 = 2;

/// Stands for the sources of all hidden tests, of the words in which they are told, and for the checker's version.
const TESTS: &str = env!("DIGEST_OF_TESTS");

/// What came of one submission.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Graded {
    /// [`VERSION`]
    pub version: u32,
    /// What it is called.
    pub name: Name,
    /// Changes when the submission does.
    pub digest: String,
    /// What was not taken of it.
    pub refusals: Vec<Refusal>,
    /// How much more was not taken.
    pub more_refusals: usize,
    /// Why the lab could not grade it, if it could not.
    pub trouble: Option<LabError>,
    /// How often that has happened.
    pub retries: Retries,
    /// What was found.
    pub report: Report,
}

impl Graded {
    /// What became of it; the lab's own trouble outweighs all else.
    pub fn status(&self) -> Status {
        match self.trouble {
            Some(_) => Status::Broken,
            None => self.report.status,
        }
    }
}

/// What a run is about. A run that goes on with the work of another must be about the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GradingConfig {
    /// [`VERSION`]
    pub version: u32,
    /// The seed of every submission's tests.
    pub seed: u64,
    /// The exercises, by their full names.
    pub exercises: Vec<String>,
    /// Stands for the hidden tests, what each is worth, and the checker's version.
    pub tests: String,
    /// Which part of the class, if not all of it.
    pub shard: Option<Shard>,
    /// The submissions of the whole class.
    pub submissions: Vec<Name>,
    /// What students get.
    #[serde(rename = "letters")]
    pub options: FeedbackOptions,
}

/// What students get to read, and in which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedbackOptions {
    /// How it is written.
    pub format: Format,
    /// How much it tells.
    pub feedback: Feedback,
    /// On Gradescope: when students see it.
    #[serde(default)]
    pub visibility: Visibility,
}

impl GradingConfig {
    /// A run of these exercises.
    pub fn new(
        seed: u64,
        exercises: &[&Exercise],
        shard: Option<Shard>,
        submissions: Vec<Name>,
    ) -> GradingConfig {
        GradingConfig {
            version: VERSION,
            seed,
            exercises: exercises
                .iter()
                .map(|exercise| exercise.name.to_owned())
                .collect(),
            tests: digest_of(TESTS, exercises).to_string(),
            shard,
            submissions,
            options: FeedbackOptions::default(),
        }
    }
}

/// Stands for the hidden tests of these exercises, which are compiled from such sources.
fn digest_of(sources: &str, exercises: &[&Exercise]) -> Digest {
    let tests = exercises.iter().flat_map(|exercise| exercise.tests);
    tests.fold(Digest::NONE.with(sources), |digest, test| {
        digest.with(test.name).with(test.points.to_le_bytes())
    })
}

/// How long a file of a gradebook may be, in bytes.
const LONGEST: u64 = 64 << 20;
/// How many names a folder of it may have.
const MOST_NAMES: usize = 1 << 20;

/// The folder. It may have been there before, and have come from anywhere: no link in it is followed.
#[derive(Debug)]
pub struct Gradebook {
    folder: PathBuf,
    directory: Directory,
    options: FeedbackOptions,
    /// Held while a run writes to the folder.
    _lock: Option<Flock<File>>,
}

impl Gradebook {
    /// Opens the folder for a run, and makes it if it is not there. What an earlier run has left half written goes away.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or another run is at work in it.
    pub fn open(folder: &Path, shard: Option<Shard>) -> Result<Gradebook, LabError> {
        let attempt = format!("could not open the gradebook in {}", folder.display());
        fs::create_dir_all(folder).attempt(&attempt)?;
        let directory = Directory::open(folder).attempt(&attempt)?;
        for inner in ["submissions", "feedback"] {
            directory.directory_or_new(inner, 0o777).map_err(|error| {
                let path = folder.join(inner);
                error.attempting(format!("could not open {}", path.display()))
            })?;
        }
        let suffix = shard
            .map(|shard| format!("-{}-of-{}", shard.index, shard.of))
            .unwrap_or_default();
        let name = format!(".lock{suffix}");
        let lock = match directory.make_file(&name, 0o666) {
            Err(AccessError::Exists) => directory.file(&name, Access::Write),
            made => made,
        };
        let lock = lock.map_err(|error| {
            let path = folder.join(name);
            error.attempting(format!("could not open {}", path.display()))
        })?;
        let lock = lock.into_file();
        let lock = Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|_| {
            LabError::new(format!(
                "another `checker grade` is at work in {}",
                folder.display()
            ))
        })?;
        if shard.is_none() {
            for inner in [".", "submissions", "feedback"] {
                let inner = directory.directory(inner);
                inner
                    .and_then(|inner| atomic_file::remove_temporary_files(&inner))
                    .attempt(&attempt)?;
            }
        }
        Ok(Gradebook {
            folder: folder.to_owned(),
            directory,
            options: FeedbackOptions::default(),
            _lock: Some(lock),
        })
    }

    /// The folder, only to be read.
    ///
    /// # Errors
    ///
    /// When it is not there.
    pub fn at(folder: &Path) -> Result<Gradebook, LabError> {
        let directory = Directory::open(folder).map_err(|error| {
            error.attempting(format!(
                "could not open the gradebook in {}",
                folder.display()
            ))
        })?;
        Ok(Gradebook {
            folder: folder.to_owned(),
            directory,
            options: FeedbackOptions::default(),
            _lock: None,
        })
    }

    /// The names in a folder of it.
    fn names(&self, inner: &str) -> Result<Vec<String>, LabError> {
        let names = self
            .directory
            .directory(inner)
            .and_then(|inner| inner.list(MOST_NAMES))
            .map_err(|error| {
                let path = self.folder.join(inner);
                error.attempting(format!(
                    "could not read the gradebook in {}",
                    path.display()
                ))
            })?;
        Ok(names
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .collect())
    }

    fn read<T: for<'a> Deserialize<'a>>(&self, name: &str) -> Result<T, LabError> {
        let attempt = format!("could not read {}", self.folder.join(name).display());
        let text = self.directory.read(name, LONGEST);
        let text = text.attempt(&attempt)?;
        serde_json::from_slice(&text)
            .map_err(|error| LabError::with_detail(attempt, error.to_string()))
    }

    /// What the runs that have worked here were about: one value, or one for each shard.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or understood.
    pub fn configs(&self) -> Result<Vec<GradingConfig>, LabError> {
        let names = self.names(".")?;
        let of_runs = names
            .iter()
            .filter(|name| name.starts_with("run") && name.ends_with(".json"));
        of_runs.map(|name| self.read(name)).collect()
    }

    /// Writes down what a run is about. Its students get feedback with these options.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written.
    pub fn begin(&mut self, config: &GradingConfig) -> Result<(), LabError> {
        let name = match config.shard {
            Some(Shard { index, of }) => format!("run-{index}-of-{of}.json"),
            None => "run.json".to_owned(),
        };
        self.options = config.options;
        self.write(&name, &json(config)?)
    }

    /// What is known of a submission. A file that is not whole, or of another version, is as good as none.
    pub fn find(&self, name: &Name) -> Option<Graded> {
        let graded: Graded = self.read(&format!("submissions/{name}.json")).ok()?;
        (graded.version == VERSION && graded.name == *name).then_some(graded)
    }

    /// All submissions that are known, by name.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn all(&self) -> Result<BTreeMap<Name, Graded>, LabError> {
        let mut all = BTreeMap::new();
        for name in self.names("submissions")? {
            let name = name
                .strip_suffix(".json")
                .map(str::to_owned)
                .map(Name::try_from);
            if let Some(Ok(name)) = name
                && let Some(graded) = self.find(&name)
            {
                all.insert(name, graded);
            }
        }
        Ok(all)
    }

    /// Keeps what came of a submission, and writes what its student gets.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written.
    pub fn keep(&self, graded: &Graded) -> Result<(), LabError> {
        // The feedback first: a submission counts as graded when its own file is there.
        self.write_feedback(graded)?;
        self.write(&format!("submissions/{}.json", graded.name), &json(graded)?)
    }

    /// Whether the format of the feedback is read also after a run that did not come to its end.
    pub fn is_read_after_a_crash(&self) -> bool {
        self.options.format.is_read_after_a_crash()
    }

    /// Writes the feedback for the student of a submission; that of an earlier run in another format goes away.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written, or the environment lacks what the format wants to know.
    pub fn write_feedback(&self, graded: &Graded) -> Result<(), LabError> {
        let file = |extension| format!("feedback/{}.{extension}", graded.name);
        let own = self.options.format.extension();
        self.write(&file(own), &feedback(graded, self.options)?)?;
        for format in Format::value_variants() {
            let other = format.extension();
            if other != own {
                match self.directory.remove_file(file(other)) {
                    Ok(()) | Err(AccessError::Missing) => (),
                    Err(error) => {
                        return Err(error.attempting("could not remove what a student got before"));
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes gradebook.csv, with a line for each of these.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written.
    pub fn sum_up(&self, all: &BTreeMap<Name, Graded>) -> Result<PathBuf, LabError> {
        self.write("gradebook.csv", &csv(all))?;
        Ok(self.folder.join("gradebook.csv"))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), LabError> {
        atomic_file::write_beneath(&self.directory, name, text, None).map_err(|error| {
            error.attempting(format!(
                "could not write {}",
                self.folder.join(name).display()
            ))
        })
    }
}

/// What a student gets to read. The one place where a report is rendered for them.
fn feedback(graded: &Graded, options: FeedbackOptions) -> Result<String, LabError> {
    let FeedbackOptions {
        format,
        feedback,
        visibility,
    } = options;
    let context = Context {
        submission: Some(graded.name.as_str().to_owned()),
        gradescope: Gradescope {
            visibility,
            stdout_visibility: None,
        },
        ..format.context()?
    };
    let text = report::render(format, feedback, &graded.report, &context)?;
    Ok(match format {
        Format::Human => refusals(graded) + &text,
        // Their readers know no such lines.
        _ => text,
    })
}

/// What was not taken, a line each.
fn refusals(graded: &Graded) -> String {
    let mut text = String::new();
    for Refusal { path, because } in &graded.refusals {
        let path = match path.as_str() {
            "" => "the submission",
            path => path,
        };
        let _ = writeln!(text, "not taken: {path} ({because})");
    }
    if graded.more_refusals > 0 {
        let _ = writeln!(text, "not taken: {} more", graded.more_refusals);
    }
    text
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Reason::Link => "a link",
            Reason::Special => "a pipe, a socket or a device",
            Reason::ClimbsOut => "its path leads out of the submission",
            Reason::BadName => "its name is not plain text",
            Reason::TooLong => "longer than a source file may be",
            Reason::TooMuch => "too much altogether",
            Reason::TooMany => "too many files",
            Reason::TooDeep => "it lies too deep",
            Reason::Twice => "the same exercise is there twice",
            Reason::Unreadable(error) => {
                return write!(f, "{}", super::name::escape(error.as_bytes()));
            }
        })
    }
}

/// The class as a table for the terminal.
pub fn table(all: &BTreeMap<Name, Graded>) -> String {
    let longest = all
        .keys()
        .map(|name| name.as_str().chars().count())
        .max()
        .unwrap_or(0);
    let width = longest.clamp(10, 40);
    let mut text = String::new();
    for (name, graded) in all {
        let shown: String = match name.as_str().chars().count() > width {
            true => name.as_str().chars().take(width - 1).chain(['…']).collect(),
            false => name.as_str().to_owned(),
        };
        let _ = writeln!(
            text,
            "{shown:<width$}  {:>4} of {:<4}  {}{}",
            graded.report.points,
            graded.report.max_points,
            words(graded.status()),
            match graded.refusals.len() + graded.more_refusals {
                0 => String::new(),
                refused => format!(", {refused} not taken"),
            }
        );
    }
    text
}

fn words(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Failed => "failed",
        Status::Broken => "the lab failed",
        Status::NotChecked => "not all checked",
    }
}

/// The class as a spreadsheet reads it (RFC 4180): names and words that are safe in one, and numbers.
fn csv(all: &BTreeMap<Name, Graded>) -> String {
    let exercises: Vec<&str> = all
        .values()
        .next()
        .map(|graded| {
            graded
                .report
                .exercises
                .iter()
                .map(|exercise| exercise.name.as_str())
                .collect()
        })
        .unwrap_or_default();
    let mut text = ["submission", "points", "max_points", "status", "not_taken"]
        .into_iter()
        .chain(exercises.iter().copied())
        .collect::<Vec<_>>()
        .join(",");
    text.push_str("\r\n");
    for (name, graded) in all {
        let status = serde_json::to_value(graded.status()).unwrap_or_default();
        let _ = write!(
            text,
            "{name},{},{},{},{}",
            graded.report.points,
            graded.report.max_points,
            status.as_str().unwrap_or_default(),
            graded.refusals.len() + graded.more_refusals,
        );
        for exercise in &exercises {
            let found = graded
                .report
                .exercises
                .iter()
                .find(|found| found.name == *exercise);
            let _ = write!(text, ",{}", found.map_or(0, |found| found.points));
        }
        text.push_str("\r\n");
    }
    text
}

fn json(value: &impl Serialize) -> Result<String, LabError> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| LabError::new(format!("could not write JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syllabus::EXERCISES;

    /// Cargo runs the build script again when one of the folders changes.
    #[test]
    fn terms_stand_for_the_sources_of_the_hidden_tests() {
        let mut digest = Digest::NONE.with(env!("CARGO_PKG_VERSION"));
        for folder in ["course/src", "harness/src"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            digest = digest.with_sources(&folder).unwrap();
        }
        assert_eq!(digest.to_string(), TESTS);
        let (one, two) = (&EXERCISES[..1], &EXERCISES[..2]);
        let config = GradingConfig::new(0, one, None, Vec::new());
        assert_eq!(config.tests, digest_of(TESTS, one).to_string());
        assert_ne!(config.tests, digest_of(TESTS, two).to_string());
        assert_ne!(config.tests, digest_of("mended", one).to_string());
    }
}
