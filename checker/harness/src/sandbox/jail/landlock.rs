//! Landlock (landlock(7)): which files a process and all that it starts can reach, as a list of what is allowed.
//!
//! By three system calls, because the crate of that name takes as long to compile as a fifth of the checker.

use std::{
    fs,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
    path::Path,
};

use crate::{
    failure::{Attempt, LabError},
    sys::confine::{self, RulesetAttributes},
};

/// What a process may do with the files below a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read and execute them, and list folders.
    Read,
    /// That, and change, make and remove them.
    Write,
}

/// The rights of file systems, one bit each, in the order in which Linux got them.
mod right {
    pub const EXECUTE: u64 = 1;
    pub const WRITE_FILE: u64 = 1 << 1;
    pub const READ_FILE: u64 = 1 << 2;
    pub const READ_DIR: u64 = 1 << 3;
    pub const TRUNCATE: u64 = 1 << 14;
    pub const IOCTL_DEV: u64 = 1 << 15;

    pub const READ: u64 = EXECUTE | READ_FILE | READ_DIR;
    /// Those which a rule for a single file can give.
    pub const OF_A_FILE: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;

    /// All that this version of Landlock knows.
    pub fn all(version: u32) -> u64 {
        let bits = match version {
            0 => 0,
            1 => 13,
            2 => 14,
            3 | 4 => 15,
            _ => 16,
        };
        (1 << bits) - 1
    }
}

const BIND_AND_CONNECT_TCP: u64 = 0b11;
const SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS: u64 = 0b11;
/// Since when the rights of the network are known.
const WITH_NETWORK: u32 = 4;
/// Since when a process can be kept from signalling others.
const WITH_SCOPES: u32 = 6;
/// Since when truncate(2) is a right of its own.
pub const WITH_TRUNCATE: u32 = 3;
/// Since when a file can be renamed into another folder at all, as compilers do.
pub const WITH_RENAME: u32 = 2;

/// The version of Landlock that this machine speaks.
///
/// # Errors
///
/// Where the kernel has none, or it is turned off.
pub fn version() -> Result<u32, LabError> {
    confine::landlock_version().attempt("could not ask Landlock for its version")
}

/// What is allowed. Whatever it does not name is refused.
#[derive(Debug)]
pub struct Ruleset {
    descriptor: OwnedFd,
    version: u32,
}

impl Ruleset {
    /// One that allows no file at all, no signal to others, and, without `network`, no TCP.
    pub fn new(network: bool) -> Result<Ruleset, LabError> {
        let version = version()?;
        let since = |first: u32, bits: u64| if version >= first { bits } else { 0 };
        let attributes = RulesetAttributes {
            files: right::all(version),
            network: since(WITH_NETWORK, if network { 0 } else { BIND_AND_CONNECT_TCP }),
            scopes: since(WITH_SCOPES, SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS),
        };
        let descriptor =
            confine::landlock_ruleset(&attributes).attempt("could not make a Landlock ruleset")?;
        Ok(Ruleset {
            descriptor,
            version,
        })
    }

    /// Allows a file, or a folder with all below it.
    pub fn allow(&mut self, path: &Path, access: Access) -> Result<(), LabError> {
        let attempt = format!("could not allow {} to a jail", path.display());
        let file = fs::OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_PATH | libc::O_CLOEXEC)
            .open(path)
            .attempt(&attempt)?;
        self.allow_open(file.as_fd(), access, &attempt)
    }

    /// The same for one that is open, in whatever way.
    pub fn allow_open(
        &mut self,
        file: BorrowedFd<'_>,
        access: Access,
        attempt: &str,
    ) -> Result<(), LabError> {
        let wanted = match access {
            Access::Read => right::READ,
            Access::Write => u64::MAX,
        };
        let found = nix::sys::stat::fstat(file).attempt(attempt)?;
        let possible = match found.st_mode & libc::S_IFMT == libc::S_IFDIR {
            true => u64::MAX,
            false => right::OF_A_FILE,
        };
        let allowed = wanted & possible & right::all(self.version);
        confine::landlock_allow(&self.descriptor, file, allowed).attempt(attempt)
    }

    /// Puts this thread and all that it starts under these rules, for ever. It needs no_new_privs (prctl(2)), and is
    /// async-signal-safe.
    ///
    /// # Errors
    ///
    /// When there are too many rulesets above each other already.
    pub fn restrict(&self) -> nix::Result<()> {
        confine::landlock_restrict(&self.descriptor)
    }
}
