//! The compiled dependencies of submissions, kept by one run of the grader for the next.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use nix::{
    fcntl::{Flock, FlockArg},
    unistd::geteuid,
};

use crate::digest::Digest;

/// The file that says what is kept. It is written last.
const COMPLETE: &str = "complete";
const LOCK: &str = "lock";

/// A folder in which compiled dependencies are kept. As long as this value lives, no other run changes them.
#[derive(Debug)]
pub struct KeptDependencies {
    folder: PathBuf,
    lock: Flock<File>,
    is_exclusive: bool,
}

impl KeptDependencies {
    /// Makes the folder if it is not there. `None` where it cannot be used: its parent is not there or belongs to
    /// somebody else, who could put other dependencies there; or another run compiles them at this moment.
    pub fn open(folder: &Path) -> Option<KeptDependencies> {
        let parent = folder.parent()?;
        is_own(parent).then_some(())?;
        match DirBuilder::new().mode(0o755).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return None,
            _ => is_own(folder).then_some(())?,
        }
        let file = File::create(folder.join(LOCK)).ok()?;
        let (lock, is_exclusive) = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => (lock, true),
            Err((file, _)) => {
                let lock = Flock::lock(file, FlockArg::LockSharedNonblock).ok()?;
                (lock, false)
            }
        };
        Some(KeptDependencies {
            folder: folder.to_owned(),
            lock,
            is_exclusive,
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether what is kept was compiled from this.
    pub fn hold(&self, sources: Digest) -> bool {
        let complete = fs::read_to_string(self.folder.join(COMPLETE));
        complete.is_ok_and(|kept| kept == sources.to_string())
    }

    /// Whether this run may compile them anew: no other one uses them.
    pub fn may_change(&self) -> bool {
        self.is_exclusive
    }

    /// Makes this folder in it anew, for dependencies that are not complete yet.
    ///
    /// # Errors
    ///
    /// When what is there cannot be removed, or the folder cannot be made.
    pub fn begin(&self, inner: &Path) -> io::Result<()> {
        let complete = self.folder.join(COMPLETE);
        for removed in [fs::remove_file(complete), fs::remove_dir_all(inner)] {
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => (),
            }
        }
        fs::create_dir(inner)
    }

    /// Says from what the dependencies here were compiled.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn complete(&self, sources: Digest) -> io::Result<()> {
        fs::write(self.folder.join(COMPLETE), sources.to_string())
    }

    /// Lets other runs use them, too, and none change them. False when one has changed what was compiled from this, or
    /// has begun to: the kernel gives the one lock back before it takes the other (flock(2)).
    pub fn share(&self, sources: Digest) -> bool {
        self.lock.relock(FlockArg::LockSharedNonblock).is_ok() && self.hold(sources)
    }
}

/// Whether this is a folder that only this user can change.
fn is_own(folder: &Path) -> bool {
    folder.symlink_metadata().is_ok_and(|found| {
        found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_is_kept_is_known_until_it_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("grading");
        let (one, other) = (Digest::NONE.with("one"), Digest::NONE.with("other"));
        let kept = KeptDependencies::open(&folder).unwrap();
        assert!(kept.may_change() && !kept.hold(one));
        kept.complete(one).unwrap();
        assert!(kept.hold(one) && !kept.hold(other));
        drop(kept);
        let kept = KeptDependencies::open(&folder).unwrap();
        assert!(kept.hold(one));
        kept.begin(&folder.join("template")).unwrap();
        assert!(!kept.hold(one) && folder.join("template").is_dir());
    }

    #[test]
    fn two_runs_use_them_and_neither_changes_them() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("grading");
        let first = KeptDependencies::open(&folder).unwrap();
        assert!(
            KeptDependencies::open(&folder).is_none(),
            "it compiles them"
        );
        first.complete(Digest::NONE).unwrap();
        assert!(first.share(Digest::NONE));
        let second = KeptDependencies::open(&folder).unwrap();
        assert!(second.hold(Digest::NONE) && !second.may_change());
    }

    #[test]
    fn what_another_run_has_changed_meanwhile_is_not_used() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("grading");
        let kept = KeptDependencies::open(&folder).unwrap();
        kept.complete(Digest::NONE).unwrap();
        fs::write(
            folder.join(COMPLETE),
            Digest::NONE.with("other").to_string(),
        )
        .unwrap();
        assert!(!kept.share(Digest::NONE));
    }

    #[test]
    fn nothing_of_others_is_used() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        fs::create_dir(at("elsewhere")).unwrap();
        symlink(at("elsewhere"), at("link")).unwrap();
        assert!(KeptDependencies::open(&at("link")).is_none());
        assert!(KeptDependencies::open(&at("missing/grading")).is_none());
        fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(KeptDependencies::open(&at("grading")).is_none());
    }
}
