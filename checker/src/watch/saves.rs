//! What is saved in exercises. Editors write into a file, or put another one into its place; so folders are watched.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent},
};

use crate::{
    digest::Digest,
    exercise::Exercise,
    failure::{Attempt, LabError},
    progress,
};

/// Saves that come so close together are one.
const QUIET: Duration = Duration::from_millis(40);
/// So long one save can last at most.
const LONGEST: Duration = Duration::from_millis(400);
/// How deep the folders below `src` are watched.
const DEPTH: usize = 8;

/// The saves in some exercises.
#[derive(Debug)]
pub(super) struct Saves {
    inotify: Inotify,
    root: PathBuf,
    exercises: Vec<&'static Exercise>,
    /// Whose folder a watch is about. That of the folder with all exercises is about none.
    watches: BTreeMap<i32, Option<&'static Exercise>>,
    burst: Option<Burst>,
}

/// Saves that are not over yet.
#[derive(Debug)]
struct Burst {
    exercises: BTreeSet<&'static str>,
    first: Instant,
    last: Instant,
}

impl Burst {
    /// When it is over if nothing more comes.
    fn end(&self) -> Instant {
        (self.last + QUIET).min(self.first + LONGEST)
    }
}

impl Saves {
    /// Those in these exercises, from now on.
    ///
    /// # Errors
    ///
    /// When the user has too many watches, or a folder cannot be read.
    pub(super) fn begin(root: &Path, exercises: Vec<&'static Exercise>) -> Result<Saves, LabError> {
        let flags = InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK;
        let inotify = Inotify::init(flags).attempt("could not make an inotify instance")?;
        let mut saves = Saves {
            inotify,
            root: root.to_owned(),
            exercises,
            watches: BTreeMap::new(),
            burst: None,
        };
        saves.watch()?;
        Ok(saves)
    }

    /// Watches every folder that is there now. A folder that is watched already stays so.
    fn watch(&mut self) -> Result<(), LabError> {
        let all = self.root.join("exercises");
        self.add(&all, None)?;
        for exercise in self.exercises.clone() {
            let folder = all.join(exercise.name);
            self.add(&folder, Some(exercise))?;
            self.add_below(&folder.join("src"), exercise, DEPTH)?;
        }
        Ok(())
    }

    fn add_below(
        &mut self,
        folder: &Path,
        exercise: &'static Exercise,
        depth: usize,
    ) -> Result<(), LabError> {
        self.add(folder, Some(exercise))?;
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        for entry in entries.filter(is_folder) {
            if depth > 0 {
                self.add_below(&entry.path(), exercise, depth - 1)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, folder: &Path, of: Option<&'static Exercise>) -> Result<(), LabError> {
        let what = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_ONLYDIR;
        match self.inotify.add_watch(folder, what) {
            Ok(watch) => _ = self.watches.insert(watch.as_raw(), of),
            // It is not there at the moment; the folder around it tells when it is back.
            Err(Errno::ENOENT | Errno::ENOTDIR) => (),
            Err(errno) => {
                return Err(LabError::call(
                    format!("could not watch {}", folder.display()),
                    errno,
                ));
            }
        }
        Ok(())
    }

    /// Takes in what the kernel tells.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(super) fn take(&mut self) -> Result<(), LabError> {
        loop {
            match self.inotify.read_events() {
                Ok(events) => events.iter().for_each(|event| self.note(event)),
                Err(Errno::EAGAIN) => return Ok(()),
                Err(Errno::EINTR) => (),
                Err(errno) => {
                    return Err(LabError::call("could not read from inotify", errno));
                }
            }
        }
    }

    fn note(&mut self, event: &InotifyEvent) {
        if event.mask.contains(AddWatchFlags::IN_IGNORED) {
            self.watches.remove(&event.wd.as_raw());
            return;
        }
        let now = Instant::now();
        // Too much has happened for the kernel to tell it all.
        let all = event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW);
        let name = event.name.as_deref().unwrap_or_default();
        let about = match self.watches.get(&event.wd.as_raw()) {
            Some(&Some(exercise)) if !is_hidden(name) => Some(exercise),
            Some(None) => self.exercises.iter().copied().find(|one| name == one.name),
            _ => None,
        };
        for exercise in self
            .exercises
            .iter()
            .filter(|one| all || about.is_some_and(|about| about.name == one.name))
        {
            let burst = self.burst.get_or_insert_with(|| Burst {
                exercises: BTreeSet::new(),
                first: now,
                last: now,
            });
            burst.last = now;
            burst.exercises.insert(exercise.name);
        }
    }

    /// When the saves that have begun are over; none if none has begun.
    pub(super) fn end(&self) -> Option<Instant> {
        self.burst.as_ref().map(Burst::end)
    }

    /// The exercises in which something was saved, once that is over.
    ///
    /// # Errors
    ///
    /// When a new folder cannot be watched.
    pub(super) fn finished(&mut self) -> Result<Vec<&'static Exercise>, LabError> {
        if self.end().is_none_or(|end| Instant::now() < end) {
            return Ok(Vec::new());
        }
        let Some(burst) = self.burst.take() else {
            return Ok(Vec::new());
        };
        // Before anybody reads the files: what is written from now on in a new folder is told, too.
        self.watch()?;
        let touched = |one: &&'static Exercise| burst.exercises.contains(one.name);
        Ok(self.exercises.iter().copied().filter(touched).collect())
    }
}

/// Readable (poll(2)) when something was saved.
impl AsFd for Saves {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// Files that editors have beside the one that is edited.
fn is_hidden(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") || name.ends_with(b"~")
}

/// What stands for the sources of an exercise as they are now, and for its manifest; none while `src/main.rs` is not
/// there.
pub(super) fn state(root: &Path, exercise: &Exercise) -> Option<String> {
    let folder = root.join("exercises").join(exercise.name);
    folder.join("src/main.rs").metadata().ok()?;
    let sources = progress::source_of(root, exercise)?;
    let manifest = fs::read(folder.join("Cargo.toml")).unwrap_or_default();
    Some(format!("{sources} {}", Digest::NONE.with(manifest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saves_are_one_while_they_come_close_together_but_not_for_ever() {
        let first = Instant::now();
        let burst = |last| Burst {
            exercises: BTreeSet::new(),
            first,
            last,
        };
        assert_eq!(burst(first).end(), first + QUIET);
        let later = first + Duration::from_millis(100);
        assert_eq!(burst(later).end(), later + QUIET);
        assert_eq!(burst(first + LONGEST).end(), first + LONGEST);
    }

    #[test]
    fn what_editors_keep_beside_a_file_is_no_save() {
        for (name, hidden) in [
            (".main.rs.swp", true),
            ("main.rs~", true),
            ("main.rs", false),
        ] {
            assert_eq!(is_hidden(OsStr::new(name)), hidden, "{name}");
        }
    }
}
