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

    /// Writes a file; the old one stays whole if that fails. What root's checker writes belongs to the owner of the
    /// course, who runs it without root the next time.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written, or is a link, which may lead out of the course.
    pub fn write(&self, file: &str, text: &str, attempt: &str) -> Result<(), LabError> {
        let (folder, owner) = match &self.elsewhere {
            Some(folder) => {
                fs::create_dir_all(folder).attempt(attempt)?;
                let folder = Directory::open(folder);
                (folder.map_err(|error| error.attempting(attempt))?, None)
            }
            None => self.own_folder(attempt)?,
        };
        atomic_file::write_beneath(&folder, file, text, owner)
            .map_err(|error| error.attempting(attempt))
    }

    /// The folder in the course, and to whom it belongs where that is not this process's user.
    fn own_folder(&self, attempt: &str) -> Result<(Directory, Option<(u32, u32)>), LabError> {
        let folder = Directory::open(&self.root)
            .and_then(|root| root.directory_or_new(FOLDER, 0o777))
            .map_err(|error| error.attempting(attempt))?;
        if !nix::unistd::geteuid().is_root() {
            return Ok((folder, None));
        }
        let course = fs::metadata(&self.root).attempt(attempt)?;
        let owner = (course.uid(), course.gid());
        let (user, group) = (Uid::from_raw(owner.0), Gid::from_raw(owner.1));
        let itself = AtFlags::AT_EMPTY_PATH;
        fchownat(&folder, "", Some(user), Some(group), itself).attempt(attempt)?;
        Ok((folder, Some(owner)))
    }
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
