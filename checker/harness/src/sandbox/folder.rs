//! The folder of a test, in which its programs start, and which only they and their test know.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::{
    beneath::{AccessError, Directory},
    failure::{Attempt, LabError},
};

/// How many files and folders a test may leave: more than that, and it is called full.
const MOST: usize = 4096;

const MAKE: &str = "could not make a folder for the test";

/// A directory, by the descriptor that was opened before a program could write there: it stays the same directory, whatever
/// a program does to its name.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    directory: Directory,
    /// Where it lies on the machine's disk, and its name there. It is removed with all that is in it.
    around: Option<(Directory, OsString)>,
}

impl Folder {
    /// One on the machine's disk, where temporary files are.
    pub(super) fn temporary() -> Result<Folder, LabError> {
        let made = tempfile::Builder::new().prefix("socket-lab-").tempdir();
        let path = made.attempt(MAKE)?.keep();
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(LabError::new(MAKE));
        };
        let open = || {
            let around = Directory::open(parent)?;
            let directory = around.directory(name)?;
            let own = nix::unistd::geteuid().as_raw();
            directory.found()?.expect_owner(own)?;
            Ok((around, directory))
        };
        let (around, directory) = open().map_err(|error: AccessError| error.attempting(MAKE))?;
        Ok(Folder {
            around: Some((around, name.to_owned())),
            path,
            directory,
        })
    }

    /// One in a file system which is gone with its namespace.
    pub(super) fn beneath(mount: &Path) -> Result<Folder, AccessError> {
        const NAME: &str = "test";
        Ok(Folder {
            path: mount.join(NAME),
            directory: Directory::open(mount)?.make_directory(NAME, 0o755)?,
            around: None,
        })
    }

    /// Its name on this machine.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder itself.
    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Whether it lies on the machine's disk.
    pub(super) fn is_on_disk(&self) -> bool {
        self.around.is_some()
    }

    /// What lies in it, in bytes on the disk; `u64::MAX` for too many files, or folders too deep.
    pub(super) fn size(&self) -> u64 {
        self.directory.size(MOST)
    }

    /// Removes what is in it, if it is on the disk. No process may be left which changes it meanwhile.
    pub(super) fn clear(&self) -> Result<(), LabError> {
        const CLEAR: &str = "could not clear the folder of a test";
        match self.around {
            Some(_) => self.directory.clear().attempt(CLEAR),
            None => Ok(()),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some((around, name)) = &self.around {
            let _ = self.directory.clear();
            // Whatever has this name by now: if it is a folder, it is removed only if it is empty.
            let _ = around.remove_directory(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn it_vanishes_with_all_that_is_in_it() {
        let folder = Folder::temporary().unwrap();
        let path = folder.path().to_owned();
        fs::create_dir_all(path.join("inner/deeper")).unwrap();
        fs::write(path.join("inner/file"), "content").unwrap();
        assert!((1..u64::MAX).contains(&folder.size()));
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn a_link_in_the_place_of_the_folder_itself_leads_nowhere() {
        let folder = Folder::temporary().unwrap();
        let path = folder.path().to_owned();
        let moved = path.with_extension("moved");
        let others = tempfile::tempdir().unwrap();
        fs::write(others.path().join("file"), "content").unwrap();
        fs::write(path.join("file"), "content").unwrap();
        fs::rename(&path, &moved).unwrap();
        symlink(others.path(), &path).unwrap();
        folder.clear().unwrap();
        drop(folder);
        assert!(others.path().join("file").exists());
        assert_eq!(fs::read_dir(&moved).unwrap().count(), 0);
        fs::remove_file(path).unwrap();
        fs::remove_dir(moved).unwrap();
    }
}
