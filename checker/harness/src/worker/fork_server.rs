//! Workers that are copies of a process which is prepared for them: see fork(2). A copy is ready five times as soon as a
//! program that starts anew.

use std::{
    os::fd::{AsFd, OwnedFd},
    process::Command,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Instant,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::{Signal, kill},
    unistd::{ForkResult, Pid, fork, setpgid},
};
use serde::Serialize;

use super::{
    Cancel, Job, RunError, START, Worker,
    channel::{Channel, Message, Received},
    is_readable,
    requester::Requester,
};
use crate::{
    failure::{Attempt, LabError},
    sys,
};

/// A process that forks workers of one job. When this is dropped, it ends. Its workers have to end before.
#[derive(Debug)]
pub struct ForkServer {
    job: &'static Job,
    process: Mutex<Worker>,
    /// Why it has ended, once that is known.
    failure: OnceLock<LabError>,
}

/// Which process [`fork_workers`] returns in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// In a worker, whose requester is the one that it was called with.
    Worker,
    /// In the fork server, at its end.
    Server,
}

impl ForkServer {
    /// Starts a fork server, whose job is to call [`fork_workers`] once it has prepared itself as the request says.
    /// `set_up` can change its environment.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(
        job: &'static Job,
        request: &impl Serialize,
        set_up: impl FnOnce(&mut Command),
    ) -> Result<ForkServer, LabError> {
        let server = Worker::start(job, set_up)?;
        server.request(request)?;
        Ok(ForkServer {
            job,
            process: Mutex::new(server),
            failure: OnceLock::new(),
        })
    }

    /// Forks a worker, which waits for its request.
    ///
    /// # Errors
    ///
    /// When there is none in time.
    pub fn fork(&self) -> Result<Worker, LabError> {
        let attempt = format!("could not start {}", self.job.process);
        let (mut ours, theirs) = Channel::pair().attempt(&attempt)?;
        let message = Message::<()>::Fork;
        self.process().send(&message, Some(theirs.as_fd()))?;
        // Without this copy, what comes ends with the fork server.
        drop(theirs);
        if !is_readable(&ours, Some(Instant::now() + START)).attempt(&attempt)? {
            return Err(LabError::new(format!("{attempt} in time")));
        }
        match ours.receive::<()>().attempt(&attempt)? {
            Received::Message(Message::Started(pid)) => Ok(Worker::new(self.job, ours, pid, None)),
            Received::Message(Message::NotStarted(errno)) => {
                Err(LabError::call(attempt, Errno::from_raw(errno)))
            }
            _ => Err(self.why_ended()),
        }
    }

    fn process(&self) -> MutexGuard<'_, Worker> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why it has ended, which it says once.
    fn why_ended(&self) -> LabError {
        let ask = || {
            let never = Cancel::new().map_err(RunError::from);
            match never.and_then(|never| self.process().reply::<()>(&never)) {
                Err(RunError::Lab(error)) => error,
                _ => LabError::new(format!("the fork server of {} has ended", self.job.process)),
            }
        };
        self.failure.get_or_init(ask).clone()
    }
}

/// A worker that has not been reaped.
struct ForkedWorker {
    pid: Pid,
    pidfd: OwnedFd,
    channel: Channel,
}

/// Forks a worker for each message that asks for one, until the requester has hung up and all workers have ended. It
/// returns in each worker, too. This process must have one thread only.
///
/// # Errors
///
/// When no more workers can be forked.
pub fn fork_workers(requester: &mut Requester) -> Result<Forked, LabError> {
    const SERVE: &str = "could not fork workers";
    let mut children: Vec<ForkedWorker> = Vec::new();
    let mut is_open = true;
    while is_open || !children.is_empty() {
        if !wait(&mut children, requester, is_open).attempt(SERVE)? {
            continue;
        }
        let socket = match requester.channel.receive_with::<()>().attempt(SERVE)? {
            (Received::Message(Message::Fork), Some(socket)) => socket,
            (Received::End, _) => {
                is_open = false;
                continue;
            }
            _ => return Err(LabError::new(SERVE)),
        };
        let channel = Channel::new(socket);
        // SAFETY: there is one thread, so that the copy may do what this process may.
        match unsafe { fork() } {
            Ok(ForkResult::Child) => {
                *requester = Requester { channel };
                setpgid(Pid::from_raw(0), Pid::from_raw(0)).attempt(SERVE)?;
                return Ok(Forked::Worker);
            }
            // The PID cannot be reused before this process has reaped it.
            Ok(ForkResult::Parent { child: pid }) => match sys::pidfd_open(pid.as_raw(), 0) {
                Ok(pidfd) => {
                    report(&channel, &Message::Started(pid.as_raw()));
                    children.push(ForkedWorker {
                        pid,
                        pidfd,
                        channel,
                    });
                }
                Err(errno) => {
                    let _ = kill(pid, Signal::SIGKILL);
                    let _ = sys::wait(pid.as_raw(), 0);
                    report(&channel, &Message::NotStarted(errno as i32));
                }
            },
            Err(errno) => report(&channel, &Message::NotStarted(errno as i32)),
        }
    }
    Ok(Forked::Server)
}

/// Waits until something happens: reports the workers that have ended, and returns whether there is a message.
fn wait(
    children: &mut Vec<ForkedWorker>,
    requester: &Requester,
    is_open: bool,
) -> nix::Result<bool> {
    let mut watched: Vec<PollFd<'_>> = children
        .iter()
        .map(|child| PollFd::new(child.pidfd.as_fd(), PollFlags::POLLIN))
        .collect();
    if is_open {
        watched.push(PollFd::new(requester.as_fd(), PollFlags::POLLIN));
    }
    match poll(&mut watched, PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => (),
        Err(errno) => return Err(errno),
    }
    let ready: Vec<bool> = watched
        .iter()
        .map(|file| file.any().unwrap_or(false))
        .collect();
    let mut has_ended = ready.iter().copied();
    children.retain(|child| !(has_ended.next() == Some(true) && child.reap()));
    Ok(is_open && ready.last() == Some(&true))
}

impl ForkedWorker {
    /// Reaps a worker that has ended, and reports its wait status; false if it still runs.
    fn reap(&self) -> bool {
        match sys::wait(self.pid.as_raw(), libc::WNOHANG) {
            Ok(None) => return false,
            Ok(Some((_, status))) => report(&self.channel, &Message::Ended(status)),
            // There is no such child. The end of its socket says that it has ended.
            Err(_) => (),
        }
        true
    }
}

fn report(channel: &Channel, message: &Message<()>) {
    // It fails where the requester has ended.
    let _ = channel.send(message);
}
