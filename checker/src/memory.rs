//! What the lab remembers of a course from one command to the next: small files in its folder `.lab`.
//!
//! A course that this user cannot write, be it another's or on a read-only file system, has them in the user's folder for
//! state: `$XDG_STATE_HOME/socket-lab`, which is `~/.local/state/socket-lab` by default, in a folder of the course's own.

use std::{
    env, fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::{
    fcntl::AtFlags,
    unistd::{AccessFlags, Gid, Uid, access, fchownat},
};

use crate::{
    atomic_file,
    beneath::{AccessError, Directory},
    digest::Digest,
    failure::{Attempt, LabError},
};

/// The folder in the course's.
const FOLDER: &str = ".lab";
/// How long a file may be, in bytes.
const LONGEST: u64 = 16 << 20;

/// The memory of one course.
#[derive(Clone, Debug)]
pub struct Memory {
    root: PathBuf,
    /// Where its files are, if not in the course.
    elsewhere: Option<PathBuf>,
}

impl Memory {
    /// Of the course at this root. Nothing is made yet.
    pub fn of_course(root: &Path) -> Memory {
        let own = root.join(FOLDER);
        let place = if own.exists() { &own } else { root };
        let is_writable = access(place, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
        Memory {
            root: root.to_owned(),
            elsewhere: match is_writable {
                true => None,
                false => states().map(|states| states.join(name_of(root))),
            },
        }
    }

    /// Its folder, which need not be there.
    pub fn folder(&self) -> PathBuf {
        match &self.elsewhere {
            Some(folder) => folder.clone(),
            None => self.root.join(FOLDER),
        }
    }

    /// The folder as one names it in the course: `.lab`.
    pub fn shown(&self) -> String {
        match &self.elsewhere {
            Some(folder) => folder.display().to_string(),
            None => FOLDER.to_owned(),
        }
    }

    /// What is in a file; `None` where nothing was written yet. A link is not followed.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn read(&self, file: &str) -> Result<Option<Vec<u8>>, AccessError> {
        let found = match &self.elsewhere {
            Some(folder) => Directory::open(folder).and_then(|folder| folder.read(file, LONGEST)),
            None => Err(AccessError::Missing),
        };
        let found = match found {
            // What was remembered while the course could be written.
            Err(AccessError::Missing) => Directory::open(&self.root)
                .and_then(|root| root.read(Path::new(FOLDER).join(file), LONGEST)),
            found => found,
        };
        match found {
            Ok(content) => Ok(Some(content)),
            Err(AccessError::Missing) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a new folder below one of the memory's: `kept/NAME-1`. Returns it with its path.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn new_folder(
        &self,
        group: &str,
        name: &str,
        attempt: &str,
    ) -> Result<(Directory, PathBuf), LabError> {
        let trouble = |error: AccessError| error.attempting(attempt);
        let (folder, owner) = self.opened(attempt)?;
        let around = folder.directory_or_new(group, 0o755).map_err(trouble)?;
        let mut number = 1;
        let (made, name) = loop {
            let name = format!("{name}-{number}");
            match around.make_directory(&name, 0o755) {
                Err(AccessError::Exists) => number += 1,
                made => break (made.map_err(trouble)?, name),
            }
        };
        if let Some(owner) = owner {
            give(&around, owner).attempt(attempt)?;
            give(&made, owner).attempt(attempt)?;
        }
        Ok((made, self.folder().join(group).join(name)))
    }

    /// Writes a file; the old one stays whole if that fails. What root's checker writes belongs to the owner of the
    /// course, who runs it without root the next time.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written, or is a link, which may lead out of the course.
    pub fn write(&self, file: &str, text: &str, attempt: &str) -> Result<(), LabError> {
        let (folder, owner) = self.opened(attempt)?;
        atomic_file::write_beneath(&folder, file, text, owner).attempt(attempt)
    }

    /// The folder, and to whom its files belong where that is not this process's user.
    fn opened(&self, attempt: &str) -> Result<(Directory, Option<(u32, u32)>), LabError> {
        if let Some(folder) = &self.elsewhere {
            fs::create_dir_all(folder).attempt(attempt)?;
            let folder = Directory::open(folder);
            return Ok((folder.attempt(attempt)?, None));
        }
        let folder = Directory::open(&self.root)
            .and_then(|root| root.directory_or_new(FOLDER, 0o777))
            .attempt(attempt)?;
        if !nix::unistd::geteuid().is_root() {
            return Ok((folder, None));
        }
        let course = fs::metadata(&self.root).attempt(attempt)?;
        let owner = (course.uid(), course.gid());
        give(&folder, owner).attempt(attempt)?;
        Ok((folder, Some(owner)))
    }
}

/// Gives a folder to a user and a group.
pub(crate) fn give(folder: &Directory, (user, group): (u32, u32)) -> nix::Result<()> {
    let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
    fchownat(folder, "", Some(user), Some(group), AtFlags::AT_EMPTY_PATH)
}

/// The user's folder for the state of this lab. A relative path counts as none (XDG Base Directory Specification).
fn states() -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let states = env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    states
        .and_then(absolute)
        .or_else(|| {
            let home = env::var_os("HOME").map(PathBuf::from);
            Some(home.and_then(absolute)?.join(".local/state"))
        })
        .map(|states| states.join("socket-lab"))
}

/// A name for the folder of this course, which no other course has: its own, and a digest of its path.
fn name_of(root: &Path) -> String {
    let path = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let digest = Digest::NONE.with(path.as_os_str().as_encoded_bytes());
    let name = path.file_name().unwrap_or_default();
    format!("{}-{digest}", name.to_string_lossy())
}
