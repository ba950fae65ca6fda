//! Workers: separate processes that each do one piece of work for the checker.
//!
//! ```text
//! checker ── start ─▸ fork server        the same executable, with one thread, prepared for one kind of work
//!    │                   ├─ worker       a copy of the fork server (fork(2)), ready before its request arrives
//!    ├─ request, answer ─┴─ worker       directly between the checker and each worker
//!    └─ request, answer ─── worker       the same executable, started without a fork server
//! ```
//!
//! A fork server, or a worker without one, is started as `PROGRAM __worker JOB`. Every `main` of this project calls
//! [`dispatch`] first. A new kind of worker is a [`Job`] in the list that `main` passes to it.
//!
//! All other data is sent as messages. Each worker has one socket, which carries the request, the answer or an error, and
//! the fork server's message that the worker has ended. When the checker hangs up or is killed, the worker reads the end of
//! the stream: it ends all processes that it started, and exits. The exit status of a worker is used in error messages only.

mod cancel;
mod channel;
mod fork_server;
mod requester;
mod stall;

use std::{
    env, io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};

pub use cancel::{Cancel, Cancelled, RunError};
pub use fork_server::{ForkServer, Forked, fork_workers};
pub use requester::Requester;

use self::{
    channel::{Channel, Message, Received},
    stall::{Stall, StallWatch},
};
use crate::{
    failure::{Attempt, LabError},
    observe::processes,
};

/// The hidden first argument of every worker.
pub const COMMAND: &str = "__worker";

/// How long it may take to start one, on a machine that is busy with other things.
const START: Duration = Duration::from_secs(30);
/// How long it may take to end: its own clean-up is bounded by twice ten seconds.
const END: Duration = Duration::from_secs(25);

/// A kind of work for a process of its own.
#[derive(Debug)]
pub struct Job {
    /// The argument behind [`COMMAND`].
    pub name: &'static str,
    /// What such a process is called in an error: `the process of a test`.
    pub process: &'static str,
    /// How long it may take from the request to the answer. A worker that takes longer is ended.
    pub deadline: Duration,
    /// What the process does.
    pub run: fn(&mut Requester) -> Result<(), LabError>,
}

/// Does the work of this process, if it was started as a worker for one of these jobs. `None` if it was not; otherwise it
/// has to end with this. To be called before there is a second thread.
pub fn dispatch(jobs: &[&Job]) -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != COMMAND {
        return None;
    }
    let name = arguments.next();
    let job = jobs
        .iter()
        .find(|job| name.as_ref().is_some_and(|name| name == job.name));
    let is_done = job.is_some_and(|job| {
        Requester::of_this_process()
            .and_then(|mut requester| requester.serve(job.run))
            .is_ok()
    });
    Some(match is_done {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// A process that has been started for a job. When this is dropped, it ends.
#[derive(Debug)]
pub struct Worker {
    job: &'static Job,
    channel: Channel,
    pid: i32,
    /// A worker of this process's own. Those of a fork server are reaped there.
    child: Option<Child>,
    status: Option<ExitStatus>,
    has_ended: bool,
    /// Whether the kernel does not let go of it.
    is_stuck: bool,
}

/// What comes of a request.
#[derive(Debug)]
pub enum Reply<T> {
    /// The answer.
    Answer(T),
    /// None: a program that the worker has started holds a pipe locked at which the worker waits.
    PipeLocked,
}

impl<T> Reply<T> {
    /// The answer of a worker that starts no program which may hold a pipe locked.
    ///
    /// # Errors
    ///
    /// When one does.
    pub fn into_answer(self) -> Result<T, LabError> {
        match self {
            Reply::Answer(answer) => Ok(answer),
            Reply::PipeLocked => Err(LabError::new("a program holds a pipe of the lab locked")),
        }
    }
}

impl Worker {
    /// Starts a worker without a fork server. `set_up` can change its environment and standard streams; its standard
    /// input is taken.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(job: &'static Job, set_up: impl FnOnce(&mut Command)) -> Result<Worker, LabError> {
        let attempt = format!("could not start {}", job.process);
        let (ours, theirs) = Channel::pair().attempt(&attempt)?;
        let mut command = Command::new("/proc/self/exe");
        command
            .args([COMMAND, job.name])
            .stdout(Stdio::null())
            // Ctrl-C is for the checker; it lets its workers clean up.
            .process_group(0);
        set_up(&mut command);
        let child = command.stdin(theirs).spawn().attempt(&attempt)?;
        Ok(Worker::new(
            job,
            ours,
            child.id().cast_signed(),
            Some(child),
        ))
    }

    fn new(job: &'static Job, channel: Channel, pid: i32, child: Option<Child>) -> Worker {
        Worker {
            job,
            channel,
            pid,
            child,
            status: None,
            has_ended: false,
            is_stuck: false,
        }
    }

    /// Its PID. The kernel can use it again as soon as the worker has been reaped, shortly before [`Worker::run`] returns.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Sends a request, waits for the answer, and waits until the worker has ended. One that has answered and cannot be
    /// ended has answered.
    ///
    /// # Errors
    ///
    /// When the worker fails, ends without an answer, or does not answer in time; and when the work is cancelled.
    pub fn run<T: DeserializeOwned>(
        mut self,
        request: &impl Serialize,
        cancel: &Cancel,
    ) -> Result<Reply<T>, RunError> {
        self.request(request)?;
        let reply = self.reply(cancel);
        let _ = self.end();
        reply
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// When it cannot be sent. If the worker has ended, [`Worker::reply`] says why.
    pub fn request(&self, request: &impl Serialize) -> Result<(), LabError> {
        self.send(&Message::Request(request), None)
    }

    /// Sends a message, perhaps with a descriptor. To a worker that has ended, nothing is sent.
    fn send(
        &self,
        message: &Message<impl Serialize>,
        descriptor: Option<BorrowedFd<'_>>,
    ) -> Result<(), LabError> {
        use io::ErrorKind::{BrokenPipe, ConnectionReset};
        match self.channel.send_with(message, descriptor) {
            Err(error) if matches!(error.kind(), BrokenPipe | ConnectionReset) => Ok(()),
            sent => sent.attempt(&format!("could not send a request to {}", self.job.process)),
        }
    }

    /// Waits for the answer.
    ///
    /// # Errors
    ///
    /// As [`Worker::run`].
    pub fn reply<T: DeserializeOwned>(&mut self, cancel: &Cancel) -> Result<Reply<T>, RunError> {
        let name = self.job.process;
        let listen = format!("could not listen to {name}");
        let deadline = Instant::now() + self.job.deadline;
        let mut stalls = StallWatch::new(self.pid);
        loop {
            if Instant::now() > deadline {
                return Err(LabError::new(format!("{name} did not answer in time")).into());
            }
            if let Some(stall) = stalls.look() {
                // A worker in an uninterruptible sleep ignores SIGKILL; the end of its programs releases the pipe.
                self.end_programs();
                return match stall {
                    Stall::PipeLocked => Ok(Reply::PipeLocked),
                    Stall::Other => {
                        let error = format!("{name} sleeps in a call that does not end");
                        Err(LabError::new(error).into())
                    }
                };
            }
            let files = [self.channel.as_fd(), cancel.as_fd()];
            let until = Some(deadline.min(stalls.next_look()));
            let [has_message, is_cancelled] = wait_for_any(files, until).attempt(&listen)?;
            if is_cancelled {
                return Err(RunError::Cancelled);
            }
            if !has_message {
                continue;
            }
            match self.receive().attempt(&listen)? {
                Some(Message::Answer(answer)) => return Ok(Reply::Answer(answer)),
                Some(Message::Failed(error)) => return Err(error.into()),
                _ if !self.has_ended => (),
                _ => {
                    let how = self.status.map(|status| format!(" ({status})"));
                    let how = how.unwrap_or_default();
                    return Err(
                        LabError::new(format!("{name} ended without an answer{how}")).into(),
                    );
                }
            }
        }
    }

    /// Hangs up, and waits until the worker has ended. A worker that takes too long is killed.
    ///
    /// # Errors
    ///
    /// When the kernel does not let go of it.
    pub fn end(&mut self) -> Result<(), LabError> {
        self.hang_up();
        if self.has_ended_within(Some(END))? {
            return Ok(());
        }
        self.end_programs();
        let _ = kill(Pid::from_raw(self.pid), Signal::SIGKILL);
        self.is_stuck = !self.has_ended_within(Some(END))?;
        match self.is_stuck {
            false => Ok(()),
            true => Err(LabError::new(format!("could not end {}", self.job.process))),
        }
    }

    /// Hangs up, and waits until the worker has ended, without a limit: for one whose clean-up may take long.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub fn wait(&mut self) -> Result<(), LabError> {
        self.hang_up();
        self.has_ended_within(None).map(drop)
    }

    /// Lets the worker see that its work is not wanted any more. It may still answer.
    pub fn hang_up(&self) {
        self.channel.hang_up();
    }

    /// Waits until the worker has ended; false if it has not in time.
    fn has_ended_within(&mut self, limit: Option<Duration>) -> Result<bool, LabError> {
        let wait = format!("could not wait for {}", self.job.process);
        let deadline = limit.map(|limit| Instant::now() + limit);
        while !self.has_ended {
            if !is_readable(&self.channel, deadline).attempt(&wait)? {
                return Ok(false);
            }
            self.receive::<IgnoredAny>().attempt(&wait)?;
        }
        Ok(true)
    }

    /// Receives the next message for the requester, if the next packet makes one; notes that the worker has ended, if it
    /// says so.
    fn receive<T: DeserializeOwned>(&mut self) -> io::Result<Option<Message<T>>> {
        match self.channel.receive()? {
            Received::Message(Message::Ended(status)) => {
                self.status = Some(ExitStatus::from_raw(status));
                self.has_ended = true;
            }
            Received::End => {
                // Only the worker and its fork server hold the other end.
                if let Some(child) = &mut self.child {
                    self.status = Some(child.wait()?);
                }
                self.has_ended = true;
            }
            Received::Message(message) => return Ok(Some(message)),
            Received::Part => (),
        }
        Ok(None)
    }

    /// Kills what the worker has started.
    fn end_programs(&self) {
        for pid in processes::descendants(self.pid).into_keys() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.is_stuck {
            let _ = self.end();
        }
    }
}

/// Waits until one of the files is readable, but not for longer than this; says which are.
pub(crate) fn wait_for_any<const N: usize>(
    files: [BorrowedFd<'_>; N],
    until: Option<Instant>,
) -> nix::Result<[bool; N]> {
    let mut watched = files.map(|file| PollFd::new(file, PollFlags::POLLIN));
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match ppoll(&mut watched, left.map(Into::into), None) {
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
            Ok(_) => return Ok(watched.map(|file| file.any().unwrap_or(false))),
        }
    }
}

fn is_readable(file: &impl AsFd, until: Option<Instant>) -> nix::Result<bool> {
    let [is_ready] = wait_for_any([file.as_fd()], until)?;
    Ok(is_ready)
}
