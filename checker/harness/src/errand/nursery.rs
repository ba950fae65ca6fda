//! The other side of an errand: the process of which each process at work is a copy.

use std::{
    fs::File,
    io::{self, IoSliceMut, Write},
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd},
};

use nix::{
    cmsg_space,
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{ControlMessageOwned, MsgFlags, recvmsg},
    unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, setpgid},
};

use crate::observe::processes;

/// What a process gets, in this order: its standard input, output and error, and where its number and its end are told.
type Request = [OwnedFd; 4];

/// A process that has not been waited for.
struct Process {
    pid: Pid,
    pidfd: OwnedFd,
    news: File,
}

/// Starts a process for each request that comes on standard input, until nobody can ask any more and all have ended. This
/// returns in each of them, too, with what comes of `work`. There must be one thread only.
///
/// # Errors
///
/// Those of `work`; and when the nursery cannot go on, after which no process is started any more.
pub fn serve(work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let mut processes = Vec::new();
    let mut is_open = true;
    while is_open || !processes.is_empty() {
        if !wait(&mut processes, is_open)? {
            continue;
        }
        let Some(request) = receive()? else {
            is_open = false;
            continue;
        };
        let [stdin, stdout, stderr, news] = request;
        let mut news = File::from(news);
        // SAFETY: there is one thread, so that the copy may do what this process may.
        match unsafe { fork() } {
            Ok(ForkResult::Child) => {
                dup2_stdin(stdin)?;
                dup2_stdout(stdout)?;
                dup2_stderr(stderr)?;
                drop((processes, news));
                setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
                return work();
            }
            Ok(ForkResult::Parent { child: pid }) => {
                // Nobody but this process waits for it, so that the number is its own until then.
                let pidfd = processes::pidfd(pid.as_raw(), 0)?;
                tell(&mut news, pid.as_raw());
                processes.push(Process { pid, pidfd, news });
            }
            Err(errno) => tell(&mut news, -(errno as i32)),
        }
    }
    Ok(())
}

/// Waits until something happens: tells of those that have ended, and returns whether there is a request, or nobody left
/// who could ask.
fn wait(processes: &mut Vec<Process>, is_open: bool) -> io::Result<bool> {
    let line = io::stdin();
    let mut watched: Vec<PollFd<'_>> = processes
        .iter()
        .map(|process| PollFd::new(process.pidfd.as_fd(), PollFlags::POLLIN))
        .collect();
    if is_open {
        watched.push(PollFd::new(line.as_fd(), PollFlags::POLLIN));
    }
    match poll(&mut watched, PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => (),
        Err(errno) => return Err(errno.into()),
    }
    let ready: Vec<bool> = watched
        .iter()
        .map(|file| file.any().unwrap_or(false))
        .collect();
    let mut has_ended = ready.iter().copied();
    processes.retain_mut(|process| !(has_ended.next() == Some(true) && process.part()));
    Ok(is_open && ready.last() == Some(&true))
}

impl Process {
    /// Takes leave of a process that has ended; false if it has not.
    fn part(&mut self) -> bool {
        let mut status = 0;
        // SAFETY: the status is alive during the call.
        let result = unsafe { libc::waitpid(self.pid.as_raw(), &raw mut status, libc::WNOHANG) };
        if result == 0 {
            return false;
        }
        tell(&mut self.news, status);
        true
    }
}

/// If nobody listens, nobody wants to know.
fn tell(news: &mut File, number: i32) {
    let _ = news.write_all(&number.to_ne_bytes());
}

/// The next request; `None` when there can be no more.
fn receive() -> io::Result<Option<Request>> {
    let line = io::stdin();
    let mut space = cmsg_space!([RawFd; 4]);
    let mut word = [0];
    let mut buffers = [IoSliceMut::new(&mut word)];
    let message = recvmsg::<()>(
        line.as_raw_fd(),
        &mut buffers,
        Some(&mut space),
        MsgFlags::MSG_CMSG_CLOEXEC,
    )?;
    let descriptors: Vec<OwnedFd> = message
        .cmsgs()?
        .filter_map(|control| match control {
            ControlMessageOwned::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        // SAFETY: the kernel has just made it, and nobody else knows it.
        .map(|descriptor| unsafe { OwnedFd::from_raw_fd(descriptor) })
        .collect();
    if message.bytes == 0 {
        return Ok(None);
    }
    match descriptors.try_into() {
        Ok(request) => Ok(Some(request)),
        Err(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}
