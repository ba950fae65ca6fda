//! Access to directories in which somebody else can write: a student's program, or the author of a submission.
//!
//! Who can write to a directory can put anything there under any name, at any moment: a symbolic link to a file of
//! somebody else, a FIFO that nobody opens, a device, a file of terabytes. So nothing there is opened, asked for or
//! changed by a path from the root. A [`Directory`] is a descriptor, and all that is done happens relative to it:
//!
//! - A path is resolved beneath the directory and through no link, symbolic or magic: openat2(2) with RESOLVE_BENEATH,
//!   RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS; where the kernel or a filter has no openat2, one name at a time with
//!   O_NOFOLLOW.
//! - No open waits (O_NONBLOCK), and no terminal becomes the checker's (O_NOCTTY).
//! - A file is looked at (fstat) through the descriptor from which it is then read, so that nothing can be exchanged
//!   between the look and the read. Only a regular file is read.
//! - Each read has a bound.
//! - Names are bytes.
//!
//! What is found there in the place of what was expected is an [`AccessError`] that says what it is. It is the doing of
//! who can write there, and never the lab's own trouble, which is [`AccessError::Failed`].

mod error;
mod file;
mod resolve;
mod tree;

use std::{
    ffi::{OsStr, OsString},
    fmt,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use nix::{
    fcntl::{AtFlags, OFlag},
    sys::stat::{FileStat, Mode},
    unistd::UnlinkatFlags,
};

pub use error::AccessError;
pub use file::{Access, OpenFile};
pub use resolve::Resolution;

/// A directory in which somebody else can write.
///
/// All paths are relative to it. One that is absolute or has a `..` in it is [outside](AccessError::Outside).
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    resolution: Resolution,
}

/// What lies under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, to whatever.
    SymbolicLink,
    /// A named pipe (fifo(7)).
    Fifo,
    /// A socket (unix(7)).
    Socket,
    /// A block or character device.
    Device,
}

/// What fstat(2) says of what lies under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: FileKind,
    /// Its length in bytes.
    pub size: u64,
    /// How many bytes of the disk it takes.
    pub allocated: u64,
    /// Its permissions, 0o7777 at most.
    pub permissions: u32,
    /// The number of the user whose it is.
    pub owner: u32,
    /// How many names it has (link(2)), wherever they are.
    pub names: u64,
    /// Which file it is, whatever its name.
    pub id: FileId,
}

/// One file of the machine: its device and its inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileKind {
    fn of(mode: u32) -> FileKind {
        match mode & libc::S_IFMT {
            libc::S_IFREG => FileKind::File,
            libc::S_IFDIR => FileKind::Directory,
            libc::S_IFLNK => FileKind::SymbolicLink,
            libc::S_IFIFO => FileKind::Fifo,
            libc::S_IFSOCK => FileKind::Socket,
            _ => FileKind::Device,
        }
    }
}

/// As it reads in a sentence: `a symbolic link`.
impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FileKind::File => "a regular file",
            FileKind::Directory => "a directory",
            FileKind::SymbolicLink => "a symbolic link",
            FileKind::Fifo => "a named pipe",
            FileKind::Socket => "a socket",
            FileKind::Device => "a device",
        })
    }
}

impl Found {
    fn of(stat: &FileStat) -> Found {
        /// The unit of `st_blocks` (stat(3type)).
        const BLOCK: u64 = 512;
        Found {
            kind: FileKind::of(stat.st_mode),
            size: stat.st_size.cast_unsigned(),
            allocated: stat.st_blocks.cast_unsigned().saturating_mul(BLOCK),
            permissions: stat.st_mode & 0o7777,
            owner: stat.st_uid,
            #[allow(
                clippy::useless_conversion,
                reason = "its width differs between machines"
            )]
            names: stat.st_nlink.into(),
            id: FileId {
                device: stat.st_dev,
                inode: stat.st_ino,
            },
        }
    }

    fn through(fd: impl AsFd) -> Result<Found, AccessError> {
        let stat = nix::sys::stat::fstat(fd).map_err(AccessError::Failed)?;
        Ok(Found::of(&stat))
    }

    /// Sees that it is of this kind.
    ///
    /// # Errors
    ///
    /// [`AccessError::Obstacle`] when it is of another.
    pub fn expect_kind(&self, kind: FileKind) -> Result<(), AccessError> {
        match self.kind == kind {
            true => Ok(()),
            false => Err(AccessError::Obstacle(self.kind)),
        }
    }

    /// Sees that it belongs to this user. Who can write to a directory can give a file of somebody else a further name
    /// there: see fs.protected_hardlinks in proc_sys_fs(5).
    ///
    /// # Errors
    ///
    /// [`AccessError::OtherOwner`].
    pub fn expect_owner(&self, owner: u32) -> Result<(), AccessError> {
        match self.owner == owner {
            true => Ok(()),
            false => Err(AccessError::OtherOwner { owner: self.owner }),
        }
    }

    /// Sees that it has no more names than these.
    ///
    /// # Errors
    ///
    /// [`AccessError::OtherNames`].
    pub fn expect_names(&self, most: u64) -> Result<(), AccessError> {
        match self.names <= most {
            true => Ok(()),
            false => Err(AccessError::OtherNames),
        }
    }
}

/// A look that lasts: it stands for what lay under a name when that was looked at (O_PATH), whatever is exchanged later.
#[derive(Debug)]
pub struct Handle {
    fd: OwnedFd,
    found: Found,
}

impl Handle {
    fn of(fd: OwnedFd) -> Result<Handle, AccessError> {
        let found = Found::through(&fd)?;
        Ok(Handle { fd, found })
    }

    /// What it is.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// Gives it, a file, a directory or a FIFO, these permissions (chmod(2)).
    ///
    /// # Errors
    ///
    /// When it is a link, or another user's.
    pub fn change_permissions(&self, permissions: u32) -> Result<(), AccessError> {
        match self.found.kind {
            FileKind::SymbolicLink => Err(AccessError::Obstacle(FileKind::SymbolicLink)),
            _ => change_permissions_of(&self.fd, permissions),
        }
    }
}

/// It is there, and nothing more is asked: neither for reading nor for writing.
const LOOK: OFlag = OFlag::O_PATH.union(OFlag::O_NOFOLLOW);
const LOOK_AT_DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY);

impl Directory {
    /// Opens a directory by a path that is trusted: links in it are followed.
    ///
    /// # Errors
    ///
    /// When it is not there, or no directory.
    pub fn open(path: &Path) -> Result<Directory, AccessError> {
        let flags = LOOK_AT_DIRECTORY | OFlag::O_CLOEXEC;
        let fd = nix::fcntl::open(path, flags, Mode::empty()).map_err(|errno| match errno {
            nix::errno::Errno::ENOTDIR => AccessError::Obstacle(FileKind::File),
            errno => AccessError::of(errno),
        })?;
        Ok(Directory {
            fd,
            resolution: Resolution::default(),
        })
    }

    /// The same directory, in which paths are resolved in this way.
    #[must_use]
    pub fn resolving(self, resolution: Resolution) -> Directory {
        Directory { resolution, ..self }
    }

    /// A second handle of it.
    ///
    /// # Errors
    ///
    /// When no further descriptor can be had.
    pub fn try_clone(&self) -> Result<Directory, AccessError> {
        let fd = self.fd.try_clone().map_err(|error| {
            AccessError::Failed(nix::errno::Errno::from_raw(
                error.raw_os_error().unwrap_or_default(),
            ))
        })?;
        Ok(self.with(fd))
    }

    fn with(&self, fd: OwnedFd) -> Directory {
        Directory {
            fd,
            resolution: self.resolution,
        }
    }

    /// What it is itself.
    ///
    /// # Errors
    ///
    /// The machine's.
    pub fn found(&self) -> Result<Found, AccessError> {
        Found::through(&self.fd)
    }

    /// What lies under a name: of a symbolic link, the link.
    ///
    /// # Errors
    ///
    /// When nothing is there, or something on the way is no directory.
    pub fn look(&self, path: impl AsRef<Path>) -> Result<Found, AccessError> {
        Ok(self.handle(path)?.found)
    }

    /// The same, with a descriptor that stands for it, and with which nothing can be read or written.
    ///
    /// # Errors
    ///
    /// As [`Directory::look`].
    pub fn handle(&self, path: impl AsRef<Path>) -> Result<Handle, AccessError> {
        let path = path.as_ref();
        self.resolve(path, LOOK, Mode::empty())
            .map_err(|errno| self.explain(path, errno))
            .and_then(Handle::of)
    }

    /// A directory below.
    ///
    /// # Errors
    ///
    /// When nothing is there, or something else.
    pub fn directory(&self, path: impl AsRef<Path>) -> Result<Directory, AccessError> {
        let handle = self.handle(path)?;
        handle.found.expect_kind(FileKind::Directory)?;
        Ok(self.with(handle.fd))
    }

    /// Makes a directory (mkdir(2)), and opens it.
    ///
    /// # Errors
    ///
    /// [`AccessError::Exists`] when something has this name already.
    pub fn make_directory(
        &self,
        path: impl AsRef<Path>,
        permissions: u32,
    ) -> Result<Directory, AccessError> {
        let path = path.as_ref();
        let (parent, name) = self.parent(path)?;
        nix::sys::stat::mkdirat(&parent.fd, name, Mode::from_bits_truncate(permissions))
            .map_err(AccessError::of)?;
        parent.directory(name)
    }

    /// A directory below, which is made if there is none.
    ///
    /// # Errors
    ///
    /// When something else has this name.
    pub fn directory_or_new(
        &self,
        path: impl AsRef<Path>,
        permissions: u32,
    ) -> Result<Directory, AccessError> {
        let path = path.as_ref();
        match self.make_directory(path, permissions) {
            Err(AccessError::Exists) => self.directory(path),
            made => made,
        }
    }

    /// The names in it, in order, without `.` and `..`.
    ///
    /// # Errors
    ///
    /// [`AccessError::TooMany`] when there are more than `most`.
    pub fn list(&self, most: usize) -> Result<Vec<OsString>, AccessError> {
        let mut names = Vec::new();
        self.each_name(|name| match names.len() < most {
            true => {
                names.push(name.to_owned());
                Ok(())
            }
            false => Err(AccessError::TooMany { most }),
        })?;
        names.sort();
        Ok(names)
    }

    /// Shows every name, in the kernel's order. The first error ends it.
    fn each_name(
        &self,
        mut see: impl FnMut(&OsStr) -> Result<(), AccessError>,
    ) -> Result<(), AccessError> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
        let fd = self
            .resolve(Path::new("."), flags, Mode::empty())
            .map_err(AccessError::of)?;
        let mut listing = nix::dir::Dir::from_fd(fd).map_err(AccessError::of)?;
        for entry in listing.iter() {
            let entry = entry.map_err(AccessError::of)?;
            match entry.file_name().to_bytes() {
                b"." | b".." => (),
                name => see(OsStr::from_bytes(name))?,
            }
        }
        Ok(())
    }

    /// Makes a FIFO (mkfifo(3)).
    ///
    /// # Errors
    ///
    /// [`AccessError::Exists`].
    pub fn make_fifo(&self, path: impl AsRef<Path>, permissions: u32) -> Result<(), AccessError> {
        let (parent, name) = self.parent(path.as_ref())?;
        nix::unistd::mkfifoat(&parent.fd, name, Mode::from_bits_truncate(permissions))
            .map_err(AccessError::of)
    }

    /// Makes a symbolic link with this text, which leads nowhere or anywhere (symlink(2)).
    ///
    /// # Errors
    ///
    /// [`AccessError::Exists`].
    pub fn make_symbolic_link(
        &self,
        path: impl AsRef<Path>,
        target: impl AsRef<OsStr>,
    ) -> Result<(), AccessError> {
        let (parent, name) = self.parent(path.as_ref())?;
        nix::unistd::symlinkat(target.as_ref(), &parent.fd, name).map_err(AccessError::of)
    }

    /// The text of a symbolic link (readlink(2)).
    ///
    /// # Errors
    ///
    /// When something else is there, or nothing.
    pub fn read_symbolic_link(&self, path: impl AsRef<Path>) -> Result<OsString, AccessError> {
        let handle = self.handle(path)?;
        handle.found.expect_kind(FileKind::SymbolicLink)?;
        nix::fcntl::readlinkat(&handle.fd, "").map_err(AccessError::of)
    }

    /// Gives a file one more name (link(2)). A link gets it itself, and not what it leads to.
    ///
    /// # Errors
    ///
    /// When there is no file, or the name is taken.
    pub fn link(
        &self,
        path: impl AsRef<Path>,
        second: impl AsRef<Path>,
    ) -> Result<(), AccessError> {
        let (from, old) = self.parent(path.as_ref())?;
        let (to, new) = self.parent(second.as_ref())?;
        nix::unistd::linkat(&from.fd, old, &to.fd, new, AtFlags::empty()).map_err(AccessError::of)
    }

    /// Gives something another name, of which an old file is gone then (rename(2)).
    ///
    /// # Errors
    ///
    /// When nothing is there, or a directory has the new name.
    pub fn rename(&self, path: impl AsRef<Path>, new: impl AsRef<Path>) -> Result<(), AccessError> {
        self.rename_into(path, self, new)
    }

    /// The same into another directory.
    ///
    /// # Errors
    ///
    /// As [`Directory::rename`]; [`AccessError::Outside`] when that is another file system.
    pub fn rename_into(
        &self,
        path: impl AsRef<Path>,
        other: &Directory,
        new: impl AsRef<Path>,
    ) -> Result<(), AccessError> {
        let (from, old) = self.parent(path.as_ref())?;
        let (to, new) = other.parent(new.as_ref())?;
        nix::fcntl::renameat(&from.fd, old, &to.fd, new).map_err(AccessError::of)
    }

    /// Removes a name that is no directory's (unlink(2)).
    ///
    /// # Errors
    ///
    /// When nothing is there, or a directory.
    pub fn remove_file(&self, path: impl AsRef<Path>) -> Result<(), AccessError> {
        self.unlink(path.as_ref(), UnlinkatFlags::NoRemoveDir)
    }

    /// Removes an empty directory (rmdir(2)).
    ///
    /// # Errors
    ///
    /// When nothing is there, something else, or it is not empty: [`AccessError::Exists`].
    pub fn remove_directory(&self, path: impl AsRef<Path>) -> Result<(), AccessError> {
        self.unlink(path.as_ref(), UnlinkatFlags::RemoveDir)
    }

    fn unlink(&self, path: &Path, flags: UnlinkatFlags) -> Result<(), AccessError> {
        let (parent, name) = self.parent(path)?;
        nix::unistd::unlinkat(&parent.fd, name, flags).map_err(|errno| parent.explain(name, errno))
    }

    /// The directory in which the last name of a path lies, and that name. A call that makes, renames or removes a name
    /// follows no link there (path_resolution(7)).
    fn parent<'a>(&self, path: &'a Path) -> Result<(Directory, &'a Path), AccessError> {
        let name = path.file_name().ok_or(AccessError::Outside)?;
        let parent = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => self.try_clone()?,
            Some(parent) => self.directory(parent)?,
            None => return Err(AccessError::Outside),
        };
        Ok((parent, Path::new(name)))
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Directory> for OwnedFd {
    fn from(directory: Directory) -> OwnedFd {
        directory.fd
    }
}

/// The name under which the kernel shows an open descriptor. It leads to the open file itself, wherever the name leads by
/// which that was opened.
fn own_name_of(fd: &impl AsRawFd) -> PathBuf {
    format!("/proc/self/fd/{}", fd.as_raw_fd()).into()
}

/// chmod(2) through a descriptor that is only a look: fchmod(2) wants one that can be read or written, which the
/// permissions may forbid, and fchmodat2(2) is of Linux 6.6.
fn change_permissions_of(handle: &OwnedFd, permissions: u32) -> Result<(), AccessError> {
    nix::sys::stat::fchmodat(
        nix::fcntl::AT_FDCWD,
        &own_name_of(handle),
        Mode::from_bits_truncate(permissions),
        nix::sys::stat::FchmodatFlags::FollowSymlink,
    )
    .map_err(AccessError::of)
}

#[cfg(test)]
mod tests;
