//! What was found in the place of what was expected, and the machine's own trouble.

use std::fmt;

use nix::errno::Errno;

use super::FileKind;
use crate::failure::{Attempt, LabError};

/// Why something beneath a directory is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessError {
    /// Nothing has this name.
    Missing,
    /// Something else than expected has this name, or that of a directory on the way.
    Obstacle(FileKind),
    /// A file of another user than expected.
    OtherOwner {
        /// The number of that user.
        owner: u32,
    },
    /// A file with more names than expected (link(2)), which may be somebody else's.
    OtherNames,
    /// The permissions forbid it.
    NotPermitted,
    /// A file that is longer than the reader's bound.
    TooLarge {
        /// Its size in bytes, or how much of it was seen.
        size: u64,
        /// The bound, in bytes.
        most: u64,
    },
    /// A directory with more names than the reader's bound.
    TooMany {
        /// The bound.
        most: usize,
    },
    /// Another thing has got this name while it was looked at.
    Changed,
    /// Somebody executes the file, or holds a lease on it (fcntl(2), F_SETLEASE).
    InUse,
    /// The name is taken already; or a directory is not empty.
    Exists,
    /// The path leads out of the directory, or names none.
    Outside,
    /// The machine's own trouble.
    Failed(Errno),
}

impl AccessError {
    /// What an errno of a call beneath a directory says, where nothing more is known.
    pub(super) fn of(errno: Errno) -> AccessError {
        match errno {
            Errno::ENOENT => AccessError::Missing,
            Errno::ELOOP => AccessError::Obstacle(FileKind::SymbolicLink),
            Errno::EISDIR => AccessError::Obstacle(FileKind::Directory),
            Errno::EACCES => AccessError::NotPermitted,
            Errno::EEXIST | Errno::ENOTEMPTY => AccessError::Exists,
            Errno::ETXTBSY | Errno::EAGAIN => AccessError::InUse,
            Errno::EXDEV => AccessError::Outside,
            errno => AccessError::Failed(errno),
        }
    }

    /// The machine's trouble, if it is that; `None` for all that somebody who can write there has done.
    pub fn trouble(self) -> Option<Errno> {
        match self {
            AccessError::Failed(errno) => Some(errno),
            _ => None,
        }
    }

    /// As the lab's own trouble, for a place where nobody but the lab should have written.
    pub fn attempting(self, attempt: impl Into<String>) -> LabError {
        match self {
            AccessError::Failed(errno) => LabError::call(attempt, errno),
            found => LabError::with_detail(attempt, found.to_string()),
        }
    }
}

impl<T> Attempt<T> for Result<T, AccessError> {
    fn attempt(self, attempt: &str) -> Result<T, LabError> {
        self.map_err(|error| error.attempting(attempt))
    }
}

/// What was found, as it reads behind a colon: `a symbolic link is there`.
impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccessError::Missing => f.write_str("nothing is there"),
            AccessError::Obstacle(kind) => write!(f, "{kind} is there"),
            AccessError::OtherOwner { owner } => write!(f, "it belongs to the user {owner}"),
            AccessError::OtherNames => f.write_str("it has other names as well"),
            AccessError::NotPermitted => f.write_str("its permissions forbid it"),
            AccessError::TooLarge { size, most } => {
                write!(f, "it has {size} bytes, and {most} are read at most")
            }
            AccessError::TooMany { most } => write!(f, "more than {most} names are in it"),
            AccessError::Changed => f.write_str("it was exchanged while it was looked at"),
            AccessError::InUse => f.write_str("it is in use"),
            AccessError::Exists => f.write_str("the name is taken"),
            AccessError::Outside => f.write_str("the path leads out of its directory"),
            AccessError::Failed(errno) => write!(f, "{errno:?} ({})", errno.desc()),
        }
    }
}

impl std::error::Error for AccessError {}
