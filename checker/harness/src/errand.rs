//! Work that the checker gives to a process of its own: it starts itself once more, listens, and ends what is left.
//!
//! The process gets its order as a line on its standard input, which stays open as long as the work is wanted.

use std::{
    io::{self, Read, Write},
    os::{fd::AsFd, unix::process::CommandExt},
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
    /// The hidden first argument of the checker which asks for this work.
    pub command: &'static str,
    /// What the process is called when it makes trouble: `the process of a test`.
    pub process: &'static str,
    /// How long it may take. Who works longer is ended.
    pub deadline: Duration,
}

/// A process which has been started and waits for its order. Without one it ends.
#[derive(Debug)]
pub struct Waiting {
    errand: Errand,
    child: Child,
}

/// The order of this process, which is one that [`Errand::start`] has started. `None` if none comes.
///
/// # Errors
///
/// When it cannot be read.
pub fn order<T: DeserializeOwned>() -> io::Result<Option<T>> {
    let mut line = String::new();
    match io::stdin().read_line(&mut line)? {
        0 => Ok(None),
        _ => Ok(Some(serde_json::from_str(&line)?)),
    }
}

impl Errand {
    /// Starts the process, which makes itself ready and waits.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(&self, argument: &str) -> Result<Waiting, LabError> {
        let child = Command::new("/proc/self/exe")
            .arg(self.command)
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for the checker; it lets its processes clean up.
            .process_group(0)
            .spawn()
            .attempt(&format!("could not start {}", self.process))?;
        Ok(Waiting {
            errand: *self,
            child,
        })
    }
}

impl Waiting {
    /// Has an order carried out. The answer is what the process writes to its standard output, as JSON.
    ///
    /// # Errors
    ///
    /// When the process does not end in time, or does not answer; and after Ctrl-C.
    pub fn carry_out<T: DeserializeOwned>(mut self, order: &impl Serialize) -> Result<T, LabError> {
        let mut line = serde_json::to_vec(order)
            .map_err(|error| LabError::new(format!("could not write an order: {error}")))?;
        line.push(b'\n');
        if let Some(stdin) = &mut self.child.stdin {
            // Where it has ended already, it has said why.
            let _ = stdin.write_all(&line);
        }
        let answer = self.listen();
        let status = self.end()?;
        let child = &mut self.child;
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
                    self.errand.process
                ))
            }
        })
    }

    /// Reads all that the process says, until it closes its output, the deadline, or Ctrl-C.
    fn listen(&mut self) -> Result<Vec<u8>, LabError> {
        let Errand {
            process: name,
            deadline,
            ..
        } = self.errand;
        let listen = format!("could not listen to {name}");
        let Some(mut stdout) = self.child.stdout.take() else {
            return Err(LabError::new(listen));
        };
        let deadline = Instant::now() + deadline;
        let mut said = Vec::new();
        let mut buffer = [0; 64 * 1024];
        let mut last_free = Instant::now();
        loop {
            let process = Process::read(self.child.id().cast_signed());
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
                return Err(LabError::new(format!("{name} did not end in time")));
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

    /// Tells the process that nothing is wanted from it any more, and waits until it has ended; its own clean-up is
    /// bounded by twice ten seconds.
    fn end(&mut self) -> Result<ExitStatus, LabError> {
        let end = format!("could not wait for {}", self.errand.process);
        let child = &mut self.child;
        drop(child.stdin.take());
        // Its number may be somebody else's as soon as it has been waited for.
        if let Some(status) = child.try_wait().attempt(&end)? {
            return Ok(status);
        }
        let pidfd = processes::pidfd(child.id().cast_signed(), 0).attempt(&end)?;
        let ended = poll(
            &mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)],
            PollTimeout::from(25_000u16),
        );
        if ended != Ok(1) {
            // The programs first: one that touches a pipe which a program holds locked in splice(2) cannot even be
            // killed before.
            for &pid in processes::descendants(child.id().cast_signed()).keys() {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            let _ = child.kill();
        }
        child.wait().attempt(&end)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
