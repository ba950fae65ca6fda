//! Work that the checker gives to a process of its own: it starts itself once more, listens, and ends what is left.

use std::{
    io::Read,
    os::{
        fd::{AsFd, FromRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    failure::{Attempt, LabError},
    observe::processes::{self, Process},
};

/// How long such a process may be in a call that no signal ends. It makes none that takes longer than an instant, but on
/// a pipe which a program holds locked: splice(2) keeps the lock while it waits for a socket. At the standard descriptors
/// it cannot (see the tracer's filter), at copies of them it can.
const LOCKED: Duration = Duration::from_secs(10);

/// Set by Ctrl-C: no process is started any more, and those at work end.
pub static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// A kind of work for a process of its own.
#[derive(Clone, Copy, Debug)]
pub struct Errand {
    /// The hidden first argument of the checker which asks for this work; the second is the order.
    pub command: &'static str,
    /// What the process is called when it makes trouble: `the process of a test`.
    pub process: &'static str,
    /// How long it may take. Who works longer is ended.
    pub deadline: Duration,
}

impl Errand {
    /// Has an order carried out. The answer is what the process writes to its standard output, as JSON.
    ///
    /// # Errors
    ///
    /// When the process cannot be started, does not end in time, or does not answer; and after Ctrl-C.
    pub fn run<T: DeserializeOwned>(&self, order: &impl Serialize) -> Result<T, LabError> {
        let text = serde_json::to_string(order)
            .map_err(|error| LabError::new(format!("could not write an order: {error}")))?;
        let mut child = Command::new("/proc/self/exe")
            .arg(self.command)
            .arg(text)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for the checker; it lets its processes clean up.
            .process_group(0)
            .spawn()
            .attempt(&format!("could not start {}", self.process))?;
        let answer = self.listen_to(&mut child);
        // If it still runs, its standard input ends here, which tells it to clean up and end.
        drop(child.stdin.take());
        let status = self.end(&mut child)?;
        serde_json::from_slice(&answer?).map_err(|_| {
            // It has ended, so that what it complained about is all in the pipe.
            let mut complaint = String::new();
            if let Some(stderr) = &mut child.stderr {
                let _ = stderr.read_to_string(&mut complaint);
            }
            LabError {
                detail: Some(complaint.trim().to_owned()).filter(|text| !text.is_empty()),
                ..LabError::new(format!(
                    "{} ended without a result ({status})",
                    self.process
                ))
            }
        })
    }

    /// Reads all that the process says, until it closes its output, the deadline, or Ctrl-C.
    fn listen_to(&self, child: &mut Child) -> Result<Vec<u8>, LabError> {
        let listen = format!("could not listen to {}", self.process);
        let Some(mut stdout) = child.stdout.take() else {
            return Err(LabError::new(listen));
        };
        let deadline = Instant::now() + self.deadline;
        let mut said = Vec::new();
        let mut buffer = [0; 64 * 1024];
        let mut last_free = Instant::now();
        loop {
            let process = Process::read(child.id().cast_signed());
            if process.is_none_or(|process| process.state != 'D') {
                last_free = Instant::now();
            }
            if last_free.elapsed() > LOCKED {
                return Err(LabError::new(
                    "your program keeps a pipe of the lab locked, as splice(2) does with a copy of a standard \
                     descriptor while it waits for a socket; the lab cannot check that. Copy with read and write",
                ));
            }
            if INTERRUPTED.load(Ordering::Relaxed) {
                return Err(LabError::new("interrupted"));
            }
            if Instant::now() > deadline {
                return Err(LabError::new(format!(
                    "{} did not end in time",
                    self.process
                )));
            }
            // Short, because Ctrl-C may be noticed by another thread.
            match poll(
                &mut [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)],
                PollTimeout::from(100u8),
            ) {
                Ok(0) | Err(Errno::EINTR) => continue,
                Ok(_) => (),
                Err(errno) => return Err(LabError::call(listen, errno)),
            }
            match stdout.read(&mut buffer).attempt(&listen)? {
                0 => return Ok(said),
                n => said.extend_from_slice(&buffer[..n]),
            }
        }
    }

    /// Waits until the process has ended; its own clean-up is bounded by twice ten seconds.
    fn end(&self, child: &mut Child) -> Result<ExitStatus, LabError> {
        let end = format!("could not wait for {}", self.process);
        // SAFETY: takes a number, makes a new descriptor.
        let pidfd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.id(), 0) } as i32;
        Errno::result(pidfd).attempt(&end)?;
        // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
        let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
        let ended = poll(
            &mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)],
            PollTimeout::from(25_000u16),
        );
        if ended != Ok(1) {
            // The programs first: one that touches a pipe which a program holds locked in splice(2) cannot even be
            // killed before.
            for pid in processes::descendants(child.id().cast_signed()) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            let _ = child.kill();
        }
        child.wait().attempt(&end)
    }
}
