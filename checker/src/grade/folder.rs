//! A submission that is a folder: read descriptor by descriptor, one name at a time, so that no link is followed and
//! nobody who changes the folder meanwhile leads the reader out of it.

use std::{
    ffi::OsStr,
    fs::{self, File, Metadata},
    io,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::{
            ffi::OsStrExt,
            fs::{FileTypeExt, MetadataExt},
        },
    },
    path::Path,
};

use nix::{
    fcntl::{OFlag, open, openat},
    sys::stat::Mode,
};

use super::submission::{Intake, Reason};

/// A link is an error; a pipe or a device is opened without waiting for anybody, and becomes no terminal of ours.
const SAFELY: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

/// Offers everything in the folder.
pub fn read(path: &Path, intake: &mut Intake<'_>) -> Result<(), Reason> {
    let unreadable = |error: io::Error| Reason::Unreadable(error.to_string());
    let folder = open(path, SAFELY | OFlag::O_DIRECTORY, Mode::empty())
        .map_err(|errno| unreadable(errno.into()))?;
    let root = File::from(folder.try_clone().map_err(unreadable)?);
    let owner = root.metadata().map_err(unreadable)?.uid();
    let mut walk = Walk { owner, intake };
    walk.folder(&folder, &mut Vec::new()).map_err(unreadable)
}

struct Walk<'a, 'b> {
    /// Whose folder it is.
    owner: u32,
    intake: &'a mut Intake<'b>,
}

impl Walk<'_, '_> {
    /// Everything in an open folder, in the order of names.
    fn folder(&mut self, folder: &OwnedFd, path: &mut Vec<Vec<u8>>) -> io::Result<()> {
        // The number leads to the open folder itself, wherever its name may lead by now.
        let listing = fs::read_dir(format!("/proc/self/fd/{}", folder.as_raw_fd()))?;
        let mut names = Vec::new();
        for entry in listing {
            if !self.intake.count() {
                return Ok(());
            }
            names.push(entry?.file_name());
        }
        names.sort();
        for name in names {
            path.push(name.as_bytes().to_owned());
            self.entry(folder, &name, path)?;
            path.pop();
        }
        Ok(())
    }

    fn entry(&mut self, folder: &OwnedFd, name: &OsStr, path: &mut Vec<Vec<u8>>) -> io::Result<()> {
        let full = path.clone();
        let full: Vec<&[u8]> = full.iter().map(Vec::as_slice).collect();
        let is_source = self.intake.is_source(&full);
        if !is_source && !self.intake.leads_on(&full) {
            return Ok(());
        }
        let is_depth = full.len() > 16;
        let found = nix::sys::stat::fstatat(
            folder.as_fd(),
            name,
            nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW,
        );
        let Ok(found) = found else {
            return Ok(());
        };
        let kind = found.st_mode & libc::S_IFMT;
        match kind {
            libc::S_IFDIR if is_depth => self.intake.refuse(&full, Reason::TooDeep),
            libc::S_IFDIR => match openat(folder, name, SAFELY | OFlag::O_DIRECTORY, Mode::empty())
            {
                Ok(inner) => self.folder(&inner, path)?,
                Err(errno) => self
                    .intake
                    .refuse(&full, Reason::Unreadable(errno.desc().to_owned())),
            },
            libc::S_IFLNK if is_source || path.len() < 4 => {
                self.intake.refuse(&full, Reason::Link);
            }
            libc::S_IFREG => {
                if let Some(wanted) = self.intake.want(&full) {
                    match self.file(folder, name) {
                        Ok(file) => self.intake.take(&full, wanted, file)?,
                        Err(reason) => self.intake.refuse(&full, reason),
                    }
                }
            }
            _ if is_source => self.intake.refuse(&full, Reason::Special),
            _ => (),
        }
        Ok(())
    }

    fn file(&self, folder: &OwnedFd, name: &OsStr) -> Result<File, Reason> {
        let file = openat(folder, name, SAFELY, Mode::empty())
            .map_err(|errno| Reason::Unreadable(errno.desc().to_owned()))?;
        let file = File::from(file);
        let found = file
            .metadata()
            .map_err(|error| Reason::Unreadable(error.to_string()))?;
        match () {
            () if !found.is_file() => Err(Reason::Special),
            () if self.is_somebody_elses(&found) => Err(Reason::Link),
            () => Ok(file),
        }
    }

    /// Who can write to a folder can make a further name in it for a file of somebody else: see
    /// fs.protected_hardlinks in proc_sys_fs(5).
    fn is_somebody_elses(&self, found: &Metadata) -> bool {
        found.nlink() > 1 && found.uid() != self.owner && !found.file_type().is_fifo()
    }
}
