//! A submission as a value: the source files of known exercises in it, and what was refused. Nothing of it is built or
//! trusted where it lies; no link in it is followed, and no size in it believed.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    archive, folder,
    name::{Name, escape},
};
use crate::{
    beneath::{Access, AccessError, Directory, FileKind},
    digest::Digest,
    exercise::Exercise,
};

/// The longest source file, in bytes. The longest solution has 10 KB.
pub const LONGEST_FILE: u64 = 256 << 10;
/// The bytes of all source files together.
pub const MOST_BYTES: u64 = 4 << 20;
/// How many source files are taken.
pub const MOST_FILES: usize = 200;
/// How many names are looked at, in all folders of a submission.
pub const MOST_ENTRIES: usize = 20_000;
/// How deep below `src` a file may lie.
const DEEPEST: usize = 8;
/// How many refusals are told one by one.
const MOST_REFUSALS: usize = 20;

/// Something to be graded: a folder, a .zip or a .tar.gz.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// What it is called in the gradebook.
    pub name: Name,
    /// Where it lies.
    pub path: PathBuf,
}

/// What was taken of a submission.
#[derive(Debug, Default)]
pub struct Sources {
    /// By the exercise's name: its files, by their path below `src`.
    pub crates: BTreeMap<&'static str, BTreeMap<PathBuf, Vec<u8>>>,
    /// What was not taken, though it looks as if it was meant to be; in the order in which it was found.
    pub refusals: Vec<Refusal>,
    /// How many more were refused.
    pub more_refusals: usize,
}

/// Something in a submission which is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which file, in characters that are safe to show; empty for the submission as a whole.
    pub path: String,
    /// Why.
    pub because: Reason,
}

/// Why something is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It is a link, symbolic or hard, to somewhere else.
    Link,
    /// It is a pipe, a socket or a device.
    Special,
    /// Its path leads out of the submission.
    ClimbsOut,
    /// Its name is not plain text.
    BadName,
    /// It is longer than [`LONGEST_FILE`].
    TooLong,
    /// With it the submission is larger than [`MOST_BYTES`], or an archive unpacks to too much.
    TooMuch,
    /// The submission has too many files, or too many names.
    TooMany,
    /// It lies too deep.
    TooDeep,
    /// Another crate of the same exercise is in a better place.
    Twice,
    /// It is neither a folder, nor a .zip or .tar.gz that can be read; this is what is wrong.
    Unreadable(String),
}

impl Submission {
    /// The submission at this path.
    pub fn at(path: &Path) -> Submission {
        Submission {
            name: Name::of(path),
            path: path.to_owned(),
        }
    }

    /// Takes what is to be graded. What cannot be taken is data, too: see [`Sources::refusals`].
    pub fn read(&self, exercises: &[&'static Exercise]) -> Sources {
        let sources = self.read_as(exercises, None);
        // The crate of one exercise alone, without a folder of its name.
        let lone = match exercises {
            [only] => Some(*only),
            _ => exercises
                .iter()
                .copied()
                .find(|exercise| [exercise.name, exercise.number()].contains(&self.name.as_str())),
        };
        match lone {
            Some(_) if sources.crates.is_empty() => {
                let alone = self.read_as(exercises, lone);
                match alone.crates.is_empty() {
                    true => sources,
                    false => alone,
                }
            }
            _ => sources,
        }
    }

    fn read_as(&self, exercises: &[&'static Exercise], lone: Option<&'static Exercise>) -> Sources {
        let mut collector = SourceCollector {
            exercises,
            lone,
            entries: 0,
            bytes: 0,
            found: BTreeMap::new(),
            sources: Sources::default(),
        };
        let read = self.open().and_then(|opened| match opened {
            Opened::Folder(folder) => folder::read(&folder, &mut collector),
            Opened::File(file) => archive::read(file, &mut collector),
        });
        if let Err(reason) = read {
            collector.refuse(&[], reason);
        }
        collector.finish()
    }

    /// Opens it, once and for all: what its name leads to later does not matter. Links on the way to the folder in which
    /// it lies are followed, and in it none.
    fn open(&self) -> Result<Opened, Reason> {
        let Some(name) = self.path.file_name() else {
            // `.` and the like.
            return Ok(Opened::Folder(Directory::open(&self.path)?));
        };
        let around = self
            .path
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        let around = Directory::open(around.unwrap_or(Path::new(".")))?;
        match around.look(name)?.kind {
            FileKind::Directory => Ok(Opened::Folder(around.directory(name)?)),
            _ => {
                let file = around.file(name, Access::Read)?;
                folder::expect_own(file.found(), around.found()?.owner)?;
                Ok(Opened::File(file.into_file()))
            }
        }
    }
}

/// A submission that is open.
enum Opened {
    Folder(Directory),
    File(File),
}

/// What is found in the place of what can be taken.
impl From<AccessError> for Reason {
    fn from(error: AccessError) -> Reason {
        match error {
            AccessError::Obstacle(FileKind::SymbolicLink) | AccessError::OtherNames => Reason::Link,
            AccessError::Obstacle(FileKind::Fifo | FileKind::Socket | FileKind::Device) => {
                Reason::Special
            }
            error => Reason::Unreadable(error.to_string()),
        }
    }
}

impl Sources {
    /// Stands for all that was taken and refused: it changes when the submission does.
    pub fn digest(&self) -> String {
        let number = |number: usize| (number as u64).to_le_bytes();
        let mut digest = Digest::NONE;
        for (exercise, files) in &self.crates {
            digest = digest.with(exercise).with(number(files.len()));
            for (path, content) in files {
                digest = digest
                    .with(path.as_os_str().as_encoded_bytes())
                    .with(content);
            }
        }
        digest
            .with(number(self.refusals.len()))
            .with(number(self.more_refusals))
            .to_string()
    }
}

/// What a folder or an archive is read into, name by name.
pub struct SourceCollector<'a> {
    exercises: &'a [&'static Exercise],
    /// Whose crate it is, if the submission is a crate by itself.
    lone: Option<&'static Exercise>,
    entries: usize,
    bytes: u64,
    /// By exercise and place: the files of a crate.
    found: BTreeMap<(&'static str, Place), BTreeMap<PathBuf, Vec<u8>>>,
    sources: Sources,
}

/// Where in a submission the crate of an exercise lies, best first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// A folder around all of it, as archives have it.
    wrapper: Option<String>,
    /// Whether it is not in `exercises`.
    bare: bool,
}

/// A file that is to be taken.
pub struct Wanted {
    exercise: &'static str,
    place: Place,
    below_src: PathBuf,
}

impl SourceCollector<'_> {
    /// Counts one more name; false when it is one too many, and reading should end.
    pub fn count(&mut self) -> bool {
        self.entries += 1;
        if self.entries == MOST_ENTRIES + 1 {
            self.refuse(&[], Reason::TooMany);
        }
        self.entries <= MOST_ENTRIES
    }

    /// How many more names may be counted.
    pub fn left(&self) -> usize {
        MOST_ENTRIES.saturating_sub(self.entries)
    }

    /// Counts so many names, of which there are [enough left](SourceCollector::left).
    pub fn count_all(&mut self, names: usize) {
        self.entries += names;
    }

    /// There are more names than are looked at.
    pub fn end(&mut self) {
        if self.entries <= MOST_ENTRIES {
            self.entries = MOST_ENTRIES;
            self.count();
        }
    }

    /// Whether a folder can have something in it that is wanted.
    pub fn leads_on(&self, folder: &[&[u8]]) -> bool {
        let names: Vec<&str> = folder
            .iter()
            .map_while(|name| std::str::from_utf8(name).ok())
            .collect();
        if names.len() < folder.len() {
            // What is wanted has plain names; below `src` others are refused, one by one.
            return self.is_source(folder);
        }
        let (place, rest) = self.place_of(&names);
        match (rest, self.lone) {
            ([], _) => place.wrapper.is_none_or(|wrapper| may_wrap(&wrapper)),
            (["src", ..], Some(_)) => true,
            ([name, rest @ ..], _) => {
                self.exercise(name).is_some() && rest.first().is_none_or(|&name| name == "src")
            }
        }
    }

    /// Decides about a file by its path. `None` if it is none that is wanted, or if it is refused.
    pub fn want(&mut self, path: &[&[u8]]) -> Option<Wanted> {
        if !self.is_source(path) {
            return None;
        }
        let names: Option<Vec<&str>> = path.iter().map(|name| plain(name)).collect();
        let Some(names) = names else {
            self.refuse(path, Reason::BadName);
            return None;
        };
        let (place, rest) = self.place_of(&names);
        let (exercise, below_src) = match (rest, self.lone) {
            (["src", below @ ..], Some(lone)) => (lone.name, below),
            ([name, "src", below @ ..], None) => (self.exercise(name)?.name, below),
            _ => return None,
        };
        if place
            .wrapper
            .as_deref()
            .is_some_and(|wrapper| !may_wrap(wrapper))
        {
            return None;
        }
        if !below_src.last()?.ends_with(".rs") {
            return None;
        }
        if below_src.len() > DEEPEST {
            self.refuse(path, Reason::TooDeep);
            return None;
        }
        if self.found.values().map(BTreeMap::len).sum::<usize>() >= MOST_FILES {
            self.refuse(path, Reason::TooMany);
            return None;
        }
        Some(Wanted {
            exercise,
            place,
            below_src: below_src.iter().collect(),
        })
    }

    /// Takes a file, of which no more is read than is allowed.
    pub fn take(&mut self, path: &[&[u8]], wanted: Wanted, from: impl Read) -> io::Result<()> {
        let mut content = Vec::new();
        from.take(LONGEST_FILE + 1).read_to_end(&mut content)?;
        let length = content.len() as u64;
        if length > LONGEST_FILE {
            self.refuse(path, Reason::TooLong);
        } else if self.bytes + length > MOST_BYTES {
            self.refuse(path, Reason::TooMuch);
        } else {
            self.bytes += length;
            let crate_ = self.found.entry((wanted.exercise, wanted.place));
            // As unpacking would have it, the last file of a name stays.
            crate_.or_default().insert(wanted.below_src, content);
        }
        Ok(())
    }

    /// Notes that something is not taken.
    pub fn refuse(&mut self, path: &[&[u8]], because: Reason) {
        if self.sources.refusals.len() >= MOST_REFUSALS {
            self.sources.more_refusals += 1;
            return;
        }
        self.sources.refusals.push(Refusal {
            path: escape(&path.join(&b'/')),
            because,
        });
    }

    /// Whether a path is that of a source file of an exercise, were it not for strange names.
    pub fn is_source(&self, path: &[&[u8]]) -> bool {
        let is = |at: usize, name: &str| path.get(at) == Some(&name.as_bytes());
        (0..path.len().min(4)).any(|at| {
            is(at, "src")
                && match at
                    .checked_sub(1)
                    .and_then(|at| std::str::from_utf8(path[at]).ok())
                {
                    Some(name) => self.lone.is_some() || self.exercise(name).is_some(),
                    None => self.lone.is_some(),
                }
        })
    }

    fn exercise(&self, name: &str) -> Option<&'static Exercise> {
        let mut exercises = self.exercises.iter().copied();
        exercises.find(|exercise| exercise.name == name)
    }

    /// Takes what is around a crate off a path.
    fn place_of<'p, 's>(&self, path: &'p [&'s str]) -> (Place, &'p [&'s str]) {
        let is_known =
            |name: &str| ["exercises", "src"].contains(&name) || self.exercise(name).is_some();
        let (wrapper, rest) = match path {
            [first, rest @ ..] if !is_known(first) => (Some((*first).to_owned()), rest),
            _ => (None, path),
        };
        let (bare, rest) = match rest {
            ["exercises", rest @ ..] => (false, rest),
            _ => (true, rest),
        };
        (Place { wrapper, bare }, rest)
    }

    fn finish(mut self) -> Sources {
        let found = std::mem::take(&mut self.found);
        for ((exercise, place), files) in found {
            let mut files = files;
            let below_a_file: Vec<PathBuf> = files
                .keys()
                .filter(|path| {
                    path.ancestors()
                        .skip(1)
                        .any(|above| files.contains_key(above))
                })
                .cloned()
                .collect();
            for path in below_a_file {
                files.remove(&path);
                let path = path.to_string_lossy().into_owned();
                self.refuse(
                    &[exercise.as_bytes(), b"src", path.as_bytes()],
                    Reason::BadName,
                );
            }
            if self.sources.crates.contains_key(exercise) {
                let folder = place.wrapper.unwrap_or_default();
                self.refuse(&[folder.as_bytes(), exercise.as_bytes()], Reason::Twice);
                continue;
            }
            self.sources.crates.insert(exercise, files);
        }
        self.sources
    }
}

/// Whether a folder of this name may be around a student's work.
fn may_wrap(folder: &str) -> bool {
    !folder.starts_with('.') && !["target", "solutions", "__MACOSX"].contains(&folder)
}

/// A file name as text, if it is fit for one of a source file.
fn plain(name: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(name).ok()?;
    let is_fit = !name.is_empty() && name.len() <= 100 && !name.chars().any(char::is_control);
    (is_fit && name != "." && name != ".." && !name.contains('/')).then_some(name)
}
