//! A regular file beneath a directory, which is looked at and read through one descriptor.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

use nix::{errno::Errno, fcntl::OFlag, sys::stat::Mode};

use super::{AccessError, Directory, FileKind, Found};

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To read it.
    Read,
    /// To write behind its end (O_APPEND).
    Append,
    /// To write from its start. What is in it stays, until it is [replaced](OpenFile::replace).
    Write,
}

/// A regular file that is open: what was found is true of what is read.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    found: Found,
}

impl Directory {
    /// Opens a regular file.
    ///
    /// # Errors
    ///
    /// When nothing is there, or something else; [`AccessError::Changed`] when it is exchanged meanwhile.
    pub fn file(&self, path: impl AsRef<Path>, access: Access) -> Result<OpenFile, AccessError> {
        let path = path.as_ref();
        // A device or a FIFO is not even opened, since that alone can have an effect.
        self.look(path)?.expect_kind(FileKind::File)?;
        let flags = match access {
            Access::Read => OFlag::O_RDONLY,
            Access::Append => OFlag::O_WRONLY | OFlag::O_APPEND,
            Access::Write => OFlag::O_WRONLY,
        };
        let fd =
            self.resolve(path, flags, Mode::empty()).map_err(|errno| {
                match AccessError::of(errno) {
                    error @ (AccessError::NotPermitted | AccessError::InUse) => error,
                    error @ AccessError::Failed(errno) if !is_about_kind(errno) => error,
                    _ => AccessError::Changed,
                }
            })?;
        OpenFile::of(fd.into())
    }

    /// Opens a FIFO for reading. That does not wait for a writer, and no read of it does (fifo(7)).
    ///
    /// # Errors
    ///
    /// When nothing is there, or something else.
    pub fn fifo(&self, path: impl AsRef<Path>) -> Result<File, AccessError> {
        let path = path.as_ref();
        self.look(path)?.expect_kind(FileKind::Fifo)?;
        let fd = self
            .resolve(path, OFlag::O_RDONLY, Mode::empty())
            .map_err(|errno| self.explain(path, errno))?;
        Found::through(&fd)?.expect_kind(FileKind::Fifo)?;
        Ok(fd.into())
    }

    /// Makes a file that is not there yet (O_EXCL), and opens it for writing. The umask takes away from its permissions.
    ///
    /// # Errors
    ///
    /// [`AccessError::Exists`] when anything has this name, also a link that leads nowhere.
    pub fn make_file(
        &self,
        path: impl AsRef<Path>,
        permissions: u32,
    ) -> Result<OpenFile, AccessError> {
        let path = path.as_ref();
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
        let fd = self
            .resolve(path, flags, Mode::from_bits_truncate(permissions))
            .map_err(|errno| self.explain(path, errno))?;
        OpenFile::of(fd.into())
    }

    /// What is in a regular file, if it has at most so many bytes.
    ///
    /// # Errors
    ///
    /// As [`Directory::file`]; [`AccessError::TooLarge`].
    pub fn read(&self, path: impl AsRef<Path>, most: u64) -> Result<Vec<u8>, AccessError> {
        self.file(path, Access::Read)?.read(most)
    }
}

fn is_about_kind(errno: Errno) -> bool {
    matches!(errno, Errno::ENOTDIR | Errno::ENXIO)
}

impl OpenFile {
    fn of(file: File) -> Result<OpenFile, AccessError> {
        let found = Found::through(&file)?;
        match found.kind {
            FileKind::File => Ok(OpenFile { file, found }),
            // It was a file a moment ago.
            _ => Err(AccessError::Changed),
        }
    }

    /// What fstat(2) said when it was opened.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// What is in it from here on, if that is at most so many bytes. One that grows meanwhile is read no further either.
    ///
    /// # Errors
    ///
    /// [`AccessError::TooLarge`], and the machine's.
    pub fn read(&mut self, most: u64) -> Result<Vec<u8>, AccessError> {
        let too_large = |size| AccessError::TooLarge { size, most };
        if self.found.size > most {
            return Err(too_large(self.found.size));
        }
        let mut bytes = Vec::with_capacity(self.found.size as usize);
        (&self.file)
            .take(most.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| failed(&error))?;
        match bytes.len() as u64 > most {
            true => Err(too_large(bytes.len() as u64)),
            false => Ok(bytes),
        }
    }

    /// Writes all of this where it stands; behind the end, if it was opened for that.
    ///
    /// # Errors
    ///
    /// The machine's: ENOSPC, for example.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), AccessError> {
        self.file.write_all(bytes).map_err(|error| failed(&error))
    }

    /// Puts this in the place of all that was in it.
    ///
    /// # Errors
    ///
    /// As [`OpenFile::write`].
    pub fn replace(&mut self, bytes: &[u8]) -> Result<(), AccessError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(|error| failed(&error))?;
        self.write(bytes)
    }

    /// Gives it these permissions (fchmod(2)).
    ///
    /// # Errors
    ///
    /// When it is another user's.
    pub fn change_permissions(&self, permissions: u32) -> Result<(), AccessError> {
        let mode = Mode::from_bits_truncate(permissions);
        nix::sys::stat::fchmod(&self.file, mode).map_err(AccessError::of)
    }

    /// The file itself, for who reads it piece by piece, and keeps a bound.
    pub fn into_file(self) -> File {
        self.file
    }
}

impl AsFd for OpenFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn failed(error: &io::Error) -> AccessError {
    match error.raw_os_error() {
        Some(errno) => AccessError::Failed(Errno::from_raw(errno)),
        // Nothing was written, and the kernel does not say why.
        None => AccessError::Failed(Errno::EIO),
    }
}
