//! Where submissions are built: a folder that vanishes with the run, however that ends.
//!
//! A process of its own, the sweeper, makes the folder and removes it: also when the grader is killed. It waits until
//! every build has ended, whose wardens hold shared locks on a file in the folder.

use std::{
    fs::{File, Permissions},
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::PermissionsExt,
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nix::fcntl::{Flock, FlockArg};

use crate::{
    beneath::Directory,
    failure::{Attempt, LabError},
};

/// The checker's hidden first argument for the sweeper.
pub const COMMAND: &str = "__sweep";

const LOCK: &str = "lock";

/// The folder of one run.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    sweeper: Child,
}

impl Scratch {
    /// Makes the folder: in this one, or else where the environment says. Others can pass through it, because root's checker runs programs as an unprivileged user, but
    /// cannot list it.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or the sweeper cannot be started.
    pub fn new(temporary: Option<&Path>) -> Result<Scratch, LabError> {
        const START: &str = "could not make a folder for the builds";
        let mut sweeper = Command::new("/proc/self/exe")
            .arg(COMMAND)
            .envs(temporary.map(|folder| ("TMPDIR", folder)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for the grader.
            .process_group(0)
            .spawn()
            .attempt(START)?;
        let mut path = Vec::new();
        if let Some(stdout) = sweeper.stdout.take() {
            BufReader::new(stdout)
                .read_until(0, &mut path)
                .attempt(START)?;
        }
        match path.pop() {
            Some(0) => Ok(Scratch {
                folder: std::ffi::OsString::from_vec(path).into(),
                sweeper,
            }),
            _ => {
                let _ = sweeper.wait();
                Err(LabError::new(START))
            }
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that is locked by whoever is at work: see [`Cell::lock`](crate::arena::Cell).
    pub fn lock(&self) -> PathBuf {
        self.folder.join(LOCK)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(self.sweeper.stdin.take());
        let _ = self.sweeper.wait();
    }
}

/// The sweeper: makes a folder, tells its path on standard output, waits for the end of standard input and of every
/// build, and removes the folder.
///
/// # Errors
///
/// When the folder cannot be made or removed.
pub fn sweep() -> io::Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("socket-lab-grade-")
        .permissions(Permissions::from_mode(0o711))
        .tempdir()?;
    let lock = File::create(folder.path().join(LOCK))?;
    let mut stdout = io::stdout();
    stdout.write_all(folder.path().as_os_str().as_bytes())?;
    stdout.write_all(&[0])?;
    stdout.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    // A build that begins now finds the lock taken, and ends.
    let _all_ended = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| errno)?;
    // Also what a build has closed, or has nested too deeply for a path.
    let cleared = Directory::open(folder.path()).and_then(|folder| folder.clear());
    cleared.map_err(io::Error::other)?;
    folder.close()
}
