//! Work that the checker gives to processes of their own, each with one order, and that ends with them.
//!
//! ```text
//! checker ── asks ──▸ nursery            the checker once more, with one thread
//!    │                   ├─ process      a copy of the nursery (fork(2)): ready, and waits for its order
//!    └── order, answer ──┴─ process
//! ```
//!
//! A copy is ready five times as soon as a program that starts anew. The process gets its order as a line on its standard
//! input, which stays open as long as the work is wanted.

mod nursery;

use std::{
    fs,
    io::{self, PipeReader, PipeWriter, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{Signal, kill},
        socket::{
            AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair,
        },
    },
    unistd::Pid,
};
use serde::{Serialize, de::DeserializeOwned};

pub use nursery::serve;

use crate::{
    failure::{Attempt, LabError},
    observe::processes::{self, Process},
};

/// How long such a process may sleep in one call that no signal ends. It makes none that takes longer than an instant, but
/// on a pipe which a program holds locked: splice(2) keeps the lock while it waits for a socket. At the standard
/// descriptors it cannot (see the tracer's filter), at copies of them it can.
const LOCKED: Duration = Duration::from_secs(10);
/// How long it may take to start one, on a machine that is busy with other things.
const START: Duration = Duration::from_secs(30);
/// How long it may take to end: its own clean-up is bounded by twice ten seconds.
const END: Duration = Duration::from_secs(25);

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

/// The process from which those of one errand come. When this is dropped, it ends.
#[derive(Debug)]
pub struct Nursery {
    errand: Errand,
    line: OwnedFd,
    process: Child,
}

/// A process which has been started and waits for its order. Without one it ends.
#[derive(Debug)]
pub struct Waiting {
    errand: Errand,
    pid: i32,
    stdin: Option<PipeWriter>,
    stdout: Option<PipeReader>,
    stderr: PipeReader,
    /// From here comes its number, and how it has ended.
    news: PipeReader,
    ended: Option<ExitStatus>,
}

/// Why there is no answer to an order.
#[derive(Debug)]
pub enum NoAnswer {
    /// A program that the process has started keeps a pipe locked at which the process waits.
    PipeLocked,
    /// The lab's own trouble.
    Trouble(LabError),
}

impl From<LabError> for NoAnswer {
    fn from(trouble: LabError) -> NoAnswer {
        NoAnswer::Trouble(trouble)
    }
}

impl NoAnswer {
    /// As the lab's own trouble, for an order that starts no program that somebody else has written.
    pub fn into_trouble(self) -> LabError {
        match self {
            NoAnswer::PipeLocked => LabError::new("a program keeps a pipe of the lab locked"),
            NoAnswer::Trouble(trouble) => trouble,
        }
    }
}

/// The order of this process, which is one that [`Nursery::start`] has started. `None` if none comes.
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

/// A copy of this process's standard input, which hangs up (poll(2)) when the checker that gave the order has ended or
/// does not want the answer any more. For processes that [`Nursery::start`] has started; any other process's standard
/// input says nothing of the kind.
///
/// # Errors
///
/// When the process has too many descriptors.
pub fn lifeline() -> Result<OwnedFd, LabError> {
    let line = io::stdin().as_fd().try_clone_to_owned();
    line.attempt("could not copy the descriptor on which the order came")
}

impl Errand {
    /// Starts the nursery: this very program once more, with the errand's command and this argument. It is to call
    /// [`serve`]. Its temporary folders lie in `temporary`, or else where the environment says.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn open(&self, argument: &str, temporary: Option<&Path>) -> Result<Nursery, LabError> {
        let attempt = format!("could not make ready for {}", self.process);
        let (line, theirs) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )
        .attempt(&attempt)?;
        let process = Command::new("/proc/self/exe")
            .arg(self.command)
            .arg(argument)
            .envs(temporary.map(|folder| ("TMPDIR", folder)))
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            // Ctrl-C is for the checker; it lets its processes clean up.
            .process_group(0)
            .spawn()
            .attempt(&attempt)?;
        Ok(Nursery {
            errand: *self,
            line,
            process,
        })
    }
}

impl Nursery {
    /// Starts a process, which makes itself ready and waits.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(&self) -> Result<Waiting, LabError> {
        let attempt = format!("could not start {}", self.errand.process);
        let pipe = || io::pipe().attempt(&attempt);
        let (their_stdin, stdin) = pipe()?;
        let (stdout, their_stdout) = pipe()?;
        let (stderr, their_stderr) = pipe()?;
        let (mut news, their_news) = pipe()?;
        let theirs = [
            their_stdin.as_raw_fd(),
            their_stdout.as_raw_fd(),
            their_stderr.as_raw_fd(),
            their_news.as_raw_fd(),
        ];
        sendmsg::<()>(
            self.line.as_raw_fd(),
            &[io::IoSlice::new(b"!")],
            &[ControlMessage::ScmRights(&theirs)],
            MsgFlags::MSG_NOSIGNAL,
            None,
        )
        .attempt(&attempt)?;
        // What comes next is read to its end, which is there when nobody else can write.
        drop((their_stdin, their_stdout, their_stderr, their_news));
        let pid = match next_number(&mut news, START).attempt(&attempt)? {
            Some(pid) if pid > 0 => pid,
            Some(errno) => return Err(LabError::call(attempt, Errno::from_raw(-errno))),
            None => return Err(LabError::new(format!("{attempt} in time"))),
        };
        Ok(Waiting {
            errand: self.errand,
            pid,
            stdin: Some(stdin),
            stdout: Some(stdout),
            stderr,
            news,
            ended: None,
        })
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        // It notices that nobody can ask any more. Its processes have ended before.
        let _ = nix::sys::socket::shutdown(self.line.as_raw_fd(), nix::sys::socket::Shutdown::Both);
        let pidfd = processes::pidfd(self.process.id().cast_signed(), 0);
        let ended = pidfd.is_ok_and(|pidfd| is_readable(&pidfd, END).unwrap_or(false));
        if !ended {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

impl Waiting {
    /// Its number, which is its own until it has carried out its order.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Has an order carried out. The answer is what the process writes to its standard output, as JSON.
    ///
    /// # Errors
    ///
    /// When the process does not end in time, or does not answer; and after Ctrl-C.
    pub fn carry_out<T: DeserializeOwned>(mut self, order: &impl Serialize) -> Result<T, NoAnswer> {
        let mut line = serde_json::to_vec(order)
            .map_err(|error| LabError::new(format!("could not write an order: {error}")))?;
        line.push(b'\n');
        if let Some(stdin) = &mut self.stdin {
            // Where it has ended already, it has said why.
            let _ = stdin.write_all(&line);
        }
        let answer = self.listen();
        let status = self.end()?;
        serde_json::from_slice(&answer?).map_err(|_| {
            // It has ended, so that what it complained about is all in the pipe.
            let mut complaint = String::new();
            let _ = self.stderr.read_to_string(&mut complaint);
            LabError {
                detail: Some(complaint.trim().to_owned()).filter(|text| !text.is_empty()),
                ..LabError::new(format!(
                    "{} ended without a result ({status})",
                    self.errand.process
                ))
            }
            .into()
        })
    }

    /// Reads all that the process says, until it closes its output, the deadline, or Ctrl-C.
    fn listen(&mut self) -> Result<Vec<u8>, NoAnswer> {
        let Errand {
            process: name,
            deadline,
            ..
        } = self.errand;
        let listen = format!("could not listen to {name}");
        let Some(mut stdout) = self.stdout.take() else {
            return Err(LabError::new(listen).into());
        };
        let deadline = Instant::now() + deadline;
        let mut said = Vec::new();
        let mut buffer = [0; 64 * 1024];
        // Since when it sleeps in a call that no signal ends, and how often it had left the processor then.
        let mut asleep: Option<(Instant, u64)> = None;
        loop {
            asleep = deep_sleep(self.pid).map(|switches| match asleep {
                Some((since, before)) if before == switches => (since, switches),
                _ => (Instant::now(), switches),
            });
            if asleep.is_some_and(|(since, _)| since.elapsed() > LOCKED) {
                let reason = match is_locked_out(self.pid) {
                    true => NoAnswer::PipeLocked,
                    false => {
                        LabError::new(format!("{name} sleeps in a call that does not end")).into()
                    }
                };
                // Before that it cannot end, not even if it is killed.
                self.end_programs();
                return Err(reason);
            }
            if INTERRUPTED.load(Ordering::Relaxed) {
                return Err(LabError::new("interrupted").into());
            }
            if Instant::now() > deadline {
                return Err(LabError::new(format!("{name} did not end in time")).into());
            }
            // Short, because Ctrl-C may be noticed by another thread.
            match poll(
                &mut [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)],
                PollTimeout::from(100u8),
            ) {
                Ok(0) | Err(Errno::EINTR) => continue,
                Ok(_) => (),
                Err(errno) => return Err(LabError::call(listen, errno).into()),
            }
            match stdout.read(&mut buffer).attempt(&listen)? {
                0 => return Ok(said),
                n => said.extend_from_slice(&buffer[..n]),
            }
        }
    }

    /// Tells the process that nothing is wanted from it any more, and waits until it has ended.
    fn end(&mut self) -> Result<ExitStatus, LabError> {
        if let Some(status) = self.ended {
            return Ok(status);
        }
        let end = format!("could not wait for {}", self.errand.process);
        drop(self.stdin.take());
        let mut status = next_number(&mut self.news, END).attempt(&end)?;
        if status.is_none() {
            self.end_programs();
            let _ = kill(Pid::from_raw(self.pid), Signal::SIGKILL);
            status = next_number(&mut self.news, END).attempt(&end)?;
        }
        let status = status.ok_or_else(|| LabError::new(format!("{end}: it cannot be ended")))?;
        Ok(*self.ended.insert(ExitStatus::from_raw(status)))
    }
}

impl Waiting {
    /// Kills what the process has started.
    fn end_programs(&self) {
        for pid in processes::descendants(self.pid).into_keys() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// How often a process has left the processor, if it sleeps in a call that no signal ends. The same figure twice means
/// that it has not moved.
fn deep_sleep(pid: i32) -> Option<u64> {
    let process = Process::read(pid).filter(|process| process.state == 'D')?;
    let threads = process.thread_list();
    let main = threads.iter().find(|thread| thread.tid == pid)?;
    Some(main.switches)
}

/// Whether a process sleeps because of a program below it: the call in which it sleeps is one on a pipe, or a program
/// sleeps in splice. A disk that does not answer, for example, is another matter.
fn is_locked_out(pid: i32) -> bool {
    let is_at_a_pipe = || {
        let call = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
        let first = call.split_whitespace().nth(1)?.trim_start_matches("0x");
        let number = u64::from_str_radix(first, 16).ok()? as u32;
        let file = fs::read_link(format!("/proc/{pid}/fd/{number}")).ok()?;
        Some(file.as_os_str().as_encoded_bytes().starts_with(b"pipe:"))
    };
    let splices = |program: &Process| {
        let threads = program.thread_list();
        let mut sleeps = threads.iter().filter_map(|thread| thread.sleep.as_ref());
        sleeps.any(|sleep| sleep.name == "splice")
    };
    is_at_a_pipe() == Some(true) || processes::descendants(pid).values().any(splices)
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// The next number that a nursery tells of a process; `None` if there is none in time.
fn next_number(news: &mut PipeReader, limit: Duration) -> io::Result<Option<i32>> {
    let mut bytes = [0; 4];
    if !is_readable(news, limit)? {
        return Ok(None);
    }
    // It writes all four at once, and else it is not there any more.
    news.read_exact(&mut bytes)
        .map_err(|_| io::Error::other("the one of which it is a copy has been ended"))?;
    Ok(Some(i32::from_ne_bytes(bytes)))
}

fn is_readable(file: &impl AsFd, limit: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLIN)], left) {
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno.into()),
            Ok(count) => return Ok(count > 0),
        }
    }
}
