//! Files of the machine which are other ones for the programs of a test.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd, AsRawFd},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use nix::mount::{MsFlags, mount};

use super::{Isolation, Sandbox};
use crate::{
    beneath::OpenFile,
    failure::{Attempt, LabError},
};

/// The files which lie over those of the machine, by the paths of these. They have no other names.
#[derive(Debug, Default)]
pub(super) struct Covers(Mutex<BTreeMap<PathBuf, OpenFile>>);

impl Sandbox {
    /// Lets the programs of this sandbox find from now on a file with this content in the place of the file `path`. The
    /// machine's own stays as it is: only the mount namespace of this sandbox sees the other one, which is gone with it.
    ///
    /// False where there is no such namespace, no such file, or the machine refuses the mount.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, for example because the folder of the test is full.
    pub fn cover(&self, path: &Path, content: &[u8]) -> Result<bool, LabError> {
        const WRITE: &str = "could not write a file in the place of one of the machine";
        if self.isolation() != Isolation::Namespaces {
            return Ok(false);
        }
        let covers = self.covers.0.lock();
        let mut covers = covers.unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = covers.get_mut(path) {
            file.replace(content).attempt(WRITE)?;
            return Ok(true);
        }
        // It has this name until it is mounted, and no program can guess it.
        let name = format!("cover-{:016x}", fastrand::u64(..));
        let directory = self.directory();
        let mut file = directory.make_file(&name, 0o600).attempt(WRITE)?;
        file.write(content).attempt(WRITE)?;
        file.change_permissions(0o444).attempt(WRITE)?;
        let source = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
        let none: Option<&str> = None;
        let over = |path: &Path| mount(Some(source.as_str()), path, none, MsFlags::MS_BIND, none);
        // In a jail the program sees the one in its root. Its rules are made from the machine's path, and allow what lies
        // there.
        let places = path.canonicalize().map(|path| match &self.root {
            None => vec![path],
            Some(root) => vec![root.at(&path), path],
        });
        let is_mounted = places.is_ok_and(|places| places.iter().all(|place| over(place).is_ok()));
        directory.remove_file(&name).attempt(WRITE)?;
        if is_mounted {
            covers.insert(path.to_owned(), file);
        }
        Ok(is_mounted)
    }
}
