//! A command of this program that runs beside the session: a check, a hint, a list.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::CommandExt,
    },
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    libc,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        prctl,
        signal::{Signal, killpg},
    },
    unistd::{Pid, pipe2},
};

use harness::sys;

use crate::failure::{Attempt, LabError};

/// So long a command that is asked to end may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A command that runs. It ends when this is dropped, with all that it has started.
#[derive(Debug)]
pub(super) struct Job {
    child: Child,
    /// Readable (poll(2)) when it has ended.
    end: OwnedFd,
    /// Our end of its terminal, or of its pipe.
    output: File,
}

impl Job {
    /// Starts a command. What it says comes through a terminal of its own, where this process has one.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(super) fn start(
        root: &Path,
        arguments: &[OsString],
        has_terminal: bool,
    ) -> Result<Job, LabError> {
        const START: &str = "could not start a command of the lab";
        let (ours, theirs) = match has_terminal {
            true => {
                let ends = sys::raw_terminal().attempt("could not open a pseudo-terminal")?;
                resize(&ends.0);
                ends
            }
            false => pipe2(OFlag::O_CLOEXEC).attempt("could not make a pipe")?,
        };
        fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).attempt(START)?;
        let mut command = command(root);
        command
            .args(arguments)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(theirs.try_clone().attempt(START)?)
            .stderr(theirs);
        let mut child = command.spawn().attempt(START)?;
        let end = sys::pidfd_open(child.id().cast_signed(), 0).inspect_err(|_| {
            let _ = child.kill();
            let _ = child.wait();
        });
        Ok(Job {
            end: end.attempt(START)?,
            child,
            output: ours.into(),
        })
    }

    /// Gives its terminal the size of this process's.
    pub(super) fn resize(&self) {
        resize(&self.output);
    }

    /// Readable (poll(2)) when it has said something.
    pub(super) fn output(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }

    /// Readable (poll(2)) when it has ended.
    pub(super) fn end(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }

    /// A part of what it has said; nothing if there is nothing at the moment.
    pub(super) fn said(&self) -> Vec<u8> {
        const MOST: u64 = 1 << 16;
        let mut text = Vec::new();
        // It ends with EAGAIN, or with EIO where nobody has the other end any more.
        let _ = (&self.output).take(MOST).read_to_end(&mut text);
        text
    }

    /// The status of one that has ended.
    ///
    /// # Errors
    ///
    /// When waitpid(2) fails.
    pub(super) fn status(mut self) -> Result<Option<i32>, LabError> {
        let ended = self.clear();
        ended.attempt("could not wait for a command of the lab")
    }

    /// Asks it to end, with its build and its tests, and waits until it has. `hear` gets what it says meanwhile.
    pub(super) fn end_early(&mut self, mut hear: impl FnMut(&[u8])) {
        let _ = killpg(self.group(), Signal::SIGTERM);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut files = [
                PollFd::new(self.end(), PollFlags::POLLIN),
                PollFd::new(self.output(), PollFlags::POLLIN),
            ];
            let ready = poll(
                &mut files,
                PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO),
            );
            let [end, output] = files.map(|file| file.any().unwrap_or(false));
            match ready {
                Err(Errno::EINTR) => continue,
                Err(_) | Ok(0) => return,
                Ok(_) => (),
            }
            let said = self.said();
            hear(&said);
            // An output that is ready and brings nothing: another process holds the terminal, and will not close it.
            if end || output && said.is_empty() {
                return;
            }
        }
    }

    fn group(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Ends what is left of it, and reaps all that.
    fn clear(&mut self) -> io::Result<Option<i32>> {
        // The group is there as long as its first process is not reaped.
        let group = self.group();
        let _ = killpg(group, Signal::SIGKILL);
        let status = self.child.wait()?.code();
        // What it has left behind came to this process (PR_SET_CHILD_SUBREAPER).
        while sys::wait(-group.as_raw(), libc::__WALL).is_ok() {}
        while let Ok(Some(_)) = sys::wait(-1, libc::WNOHANG | libc::__WALL) {}
        Ok(status)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.end_early(|_| ());
            let _ = self.clear();
        }
    }
}

/// Gives a terminal the size of this process's.
fn resize(terminal: impl AsFd) {
    if let Ok((rows, columns)) = sys::window_size(io::stdout()) {
        let _ = sys::set_window_size(terminal, rows, columns);
    }
}

/// This program, in the folder of the course. It is asked to end when this process is gone.
pub(super) fn command(root: &Path) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("checker").current_dir(root);
    end_with_this_process(&mut command);
    command
}

/// A process asked to end by the kernel when this one has ended, in whatever way.
pub(super) fn end_with_this_process(command: &mut Command) {
    let set = || {
        prctl::set_pdeathsig(Signal::SIGTERM)?;
        Ok(())
    };
    // SAFETY: the closure makes one system call and allocates nothing.
    unsafe { command.pre_exec(set) };
}
