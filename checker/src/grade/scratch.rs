//! The folder in which submissions are built. It is removed at the end of the run, however that ends.
//!
//! A worker, the sweeper, makes the folder and removes it, also when the grader is killed. It waits until every build
//! has ended: their supervisors hold shared locks on a file in the folder.

use std::{
    env,
    fs::{File, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::fcntl::{Flock, FlockArg};

use crate::{
    beneath::Directory,
    failure::{Attempt, LabError},
    worker::{Cancel, Job, Requester, RunError, Worker},
};

/// The job of the sweeper.
pub static JOB: Job = Job {
    name: "scratch",
    process: "the process that removes what builds leave",
    deadline: Duration::from_secs(30),
    run: sweep,
};

const LOCK: &str = "lock";

/// The folder of one run.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    sweeper: Worker,
}

impl Scratch {
    /// Makes the folder: in this one, or else where the environment says. Other users can enter it, because root's
    /// checker runs programs as an unprivileged user, but cannot list it.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or the sweeper cannot be started; and when it is cancelled.
    pub fn new(temporary: Option<&Path>, cancel: &Cancel) -> Result<Scratch, RunError> {
        let mut sweeper = Worker::start(&JOB, |_| ())?;
        sweeper.request(&temporary.map_or_else(env::temp_dir, Path::to_owned))?;
        let folder = sweeper.reply(cancel)?.into_answer()?;
        Ok(Scratch { folder, sweeper })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that every supervisor locks: see [`Confinement::lock`](crate::sandbox::Confinement).
    pub fn lock(&self) -> PathBuf {
        self.folder.join(LOCK)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = self.sweeper.wait();
    }
}

/// The sweeper: makes a folder in the requested one, answers with its path, waits until the requester has hung up and
/// every build has ended, and removes the folder.
fn sweep(requester: &mut Requester) -> Result<(), LabError> {
    const MAKE: &str = "could not make a folder for the builds";
    const REMOVE: &str = "could not remove the folder of the builds";
    let Some(place) = requester.request::<PathBuf>()? else {
        return Ok(());
    };
    let folder = tempfile::Builder::new()
        .prefix("socket-lab-grade-")
        .permissions(Permissions::from_mode(0o711))
        .tempdir_in(place)
        .attempt(MAKE)?;
    let lock = File::create(folder.path().join(LOCK)).attempt(MAKE)?;
    requester.answer(&folder.path())?;
    requester.wait_until_gone()?;
    // A build that begins now finds the lock taken, and ends.
    let _all_ended = Flock::lock(lock, FlockArg::LockExclusive)
        .map_err(|(_, errno)| LabError::call(REMOVE, errno))?;
    // Also what a build has closed, or has nested too deeply for a path.
    let cleared = Directory::open(folder.path()).and_then(|folder| folder.clear());
    cleared.attempt(REMOVE)?;
    folder.close().attempt(REMOVE)
}
