//! Open descriptors, from `/proc/PID/fd` and `fdinfo` (proc(5)).

use std::{
    collections::HashSet,
    fs, io,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::fs::MetadataExt,
    },
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::processes::{Process, numbers_in, process_of, read_text};
use crate::sys;

/// One open descriptor of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Its number.
    pub number: i32,
    /// What it stands for.
    pub object: Object,
}

/// What a descriptor stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A socket, with its inode: the key to `sock_diag`.
    Socket(u64),
    /// A pipe, with its inode.
    Pipe(u64),
    /// Anything else, as /proc names it: a path, `anon_inode:[eventpoll]`.
    Other(String),
}

/// The open descriptors of a process, in the order of their numbers; empty if it has ended, or if its main thread has:
/// then any other thread's number shows them.
pub fn of(pid: i32) -> Vec<Descriptor> {
    let folder = format!("/proc/{pid}/fd");
    let mut numbers = numbers_in(&folder);
    numbers.sort_unstable();
    numbers
        .into_iter()
        .filter_map(|number| {
            Some(Descriptor {
                number,
                object: object(pid, number)?,
            })
        })
        .collect()
}

/// The open descriptors of a process, also of one whose main thread has ended.
pub fn of_process(process: &Process) -> Vec<Descriptor> {
    of(a_living_thread(process))
}

/// A thread of a process under whose number /proc shows the descriptors: the main thread, or another one if that has ended.
fn a_living_thread(process: &Process) -> i32 {
    let shows_some = |tid: &i32| !numbers_in(&format!("/proc/{tid}/fd")).is_empty();
    if shows_some(&process.pid) {
        return process.pid;
    }
    let mut others = process.tasks().into_iter();
    others.find(shows_some).unwrap_or(process.pid)
}

/// Whether only root may see this process's descriptors: after PR_SET_DUMPABLE (prctl(2)), or when its file cannot be read.
pub fn are_hidden(process: &Process) -> bool {
    let folder = fs::read_dir(format!("/proc/{}/fd", process.pid));
    if !matches!(folder, Err(error) if error.kind() == io::ErrorKind::PermissionDenied) {
        return false;
    }
    // A process that is ending has no memory, and its descriptors are hidden, too. Asked last: it may end at any time.
    Process::read(process.pid).is_some_and(|process| process.peak_kib > 0)
}

/// How much these processes keep in files without a name, in bytes: such as were removed while they were open, and such as
/// never had one (memfd_create(2)).
pub fn unnamed_bytes(processes: &[Process]) -> u64 {
    const BLOCK: u64 = 512;
    let mut seen = HashSet::new();
    let mut sum = 0u64;
    for process in processes {
        let folder = format!("/proc/{}/fd", a_living_thread(process));
        for number in numbers_in(&folder) {
            let Ok(file) = fs::metadata(format!("{folder}/{number}")) else {
                continue;
            };
            let is_meant = file.is_file() && file.nlink() == 0;
            if is_meant && seen.insert((file.dev(), file.ino())) {
                sum = sum.saturating_add(file.blocks() * BLOCK);
            }
        }
    }
    sum
}

/// What one descriptor stands for. `None` if it is not open.
pub fn object(pid: i32, number: i32) -> Option<Object> {
    let link = fs::read_link(format!("/proc/{pid}/fd/{number}")).ok()?;
    let name = link.to_string_lossy();
    let inode = |kind: &str| -> Option<u64> {
        name.strip_prefix(kind)?
            .strip_prefix(":[")?
            .strip_suffix(']')?
            .parse()
            .ok()
    };
    Some(if let Some(inode) = inode("socket") {
        Object::Socket(inode)
    } else if let Some(inode) = inode("pipe") {
        Object::Pipe(inode)
    } else {
        Object::Other(name.into_owned())
    })
}

impl Descriptor {
    /// Whether it is a timer of timerfd_create(2) that is running.
    pub fn is_armed_timer(&self, pid: i32) -> bool {
        self.is_called("[timerfd]")
            && read_text(&format!("/proc/{pid}/fdinfo/{}", self.number)).is_some_and(|info| {
                info.lines()
                    .any(|line| line.starts_with("it_value:") && !line.contains("(0, 0)"))
            })
    }

    /// The signals which it takes, if it is one of signalfd(2).
    pub fn signals(&self, pid: i32) -> Option<u64> {
        if !self.is_called("[signalfd]") {
            return None;
        }
        let info = read_text(&format!("/proc/{pid}/fdinfo/{}", self.number))?;
        let set = info
            .lines()
            .find_map(|line| line.strip_prefix("sigmask:"))?;
        u64::from_str_radix(set.trim(), 16).ok()
    }

    /// Whether it is a ring of io_uring(7), in which calls with time limits may be under way that no thread shows.
    pub fn is_ring(&self) -> bool {
        self.is_called("[io_uring]")
    }

    fn is_called(&self, kind: &str) -> bool {
        matches!(&self.object, Object::Other(name) if name.contains(kind))
    }
}

/// Whether calls on a socket end by themselves: because of SO_RCVTIMEO or SO_SNDTIMEO (socket(7)), or because TCP gives
/// the connection up after TCP_USER_TIMEOUT (tcp(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    /// Those that wait for data or for a client.
    pub receive: bool,
    /// Those that wait for room, or for the end of a connect.
    pub send: bool,
}

/// The time limits of the socket which a thread has under this number.
///
/// They cannot be read from /proc, so a copy of the descriptor is taken for a moment (pidfd_getfd(2), Linux 5.6).
/// `None` where that is not allowed.
pub fn time_limits(tid: i32, number: i32) -> Option<TimeLimits> {
    let copy = copy_of(tid, number)?;
    // The number may have been given to another file meanwhile.
    if object(std::process::id() as i32, copy.as_raw_fd()) != object(tid, number) {
        return None;
    }
    let is_limited = |option| {
        sys::socket::option::<libc::timeval>(&copy, libc::SOL_SOCKET, option)
            .is_ok_and(|limit| limit.tv_sec != 0 || limit.tv_usec != 0)
    };
    let gives_up = sys::socket::option::<u32>(&copy, libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT)
        .is_ok_and(|limit| limit != 0);
    Some(TimeLimits {
        receive: gives_up || is_limited(libc::SO_RCVTIMEO),
        send: gives_up || is_limited(libc::SO_SNDTIMEO),
    })
}

/// Whether calls on a descriptor of a thread return at once in place of waiting (O_NONBLOCK, open(2)); false where
/// /proc does not show it.
pub fn is_nonblocking(tid: i32, number: i32) -> bool {
    let info = read_text(&format!("/proc/{tid}/fdinfo/{number}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    flags
        .and_then(|flags| i32::from_str_radix(flags.trim(), 8).ok())
        .is_some_and(|flags| flags & libc::O_NONBLOCK != 0)
}

/// Whether a descriptor of a thread has room for a write now. False where no copy of it may be taken.
pub fn has_room(tid: i32, number: i32) -> bool {
    let Some(copy) = copy_of(tid, number) else {
        return false;
    };
    let mut watched = [PollFd::new(copy.as_fd(), PollFlags::POLLOUT)];
    poll(&mut watched, PollTimeout::ZERO) == Ok(1)
}

/// Whether a descriptor of a thread is a socket which is not a stream, or whose type cannot be read: what a read leaves of a
/// message is lost (recv(2)).
pub fn keeps_messages_apart(tid: i32, number: i32) -> bool {
    if !matches!(object(tid, number), Some(Object::Socket(_))) {
        return false;
    }
    let kind = copy_of(tid, number)
        .map(|copy| sys::socket::option::<i32>(&copy, libc::SOL_SOCKET, libc::SO_TYPE));
    kind != Some(Ok(libc::SOCK_STREAM))
}

/// A copy of a thread's descriptor. Linux before 6.9 has no pidfd of a thread, only of a process: that has none when its main
/// thread has ended.
fn copy_of(tid: i32, number: i32) -> Option<OwnedFd> {
    copy(tid, libc::O_EXCL as libc::c_uint, number).or_else(|| copy(process_of(tid)?, 0, number))
}

fn copy(pid: i32, flags: libc::c_uint, number: i32) -> Option<OwnedFd> {
    let pidfd = sys::pidfd_open(pid, flags).ok()?;
    sys::pidfd_getfd(pidfd, number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::UdpSocket, time::Duration};

    #[test]
    fn tells_sockets_from_pipes_and_files() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let own = std::process::id() as i32;
        assert!(matches!(
            object(own, socket.as_raw_fd()),
            Some(Object::Socket(_))
        ));
        let (read, _write) = nix::unistd::pipe().unwrap();
        assert!(matches!(
            object(own, read.as_raw_fd()),
            Some(Object::Pipe(_))
        ));
        assert!(
            of(own)
                .iter()
                .any(|descriptor| descriptor.number == socket.as_raw_fd())
        );
    }

    #[test]
    fn a_thread_beside_the_main_one_has_its_process_descriptors() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let number = socket.as_raw_fd();
        let own = std::process::id() as i32;
        let seen = std::thread::spawn(move || {
            let tid = nix::unistd::gettid().as_raw();
            (
                process_of(tid),
                copy(process_of(tid).unwrap(), 0, number).is_some(),
            )
        });
        let is_allowed = copy(own, 0, number).is_some();
        assert_eq!(seen.join().unwrap(), (Some(own), is_allowed));
    }

    #[test]
    fn sees_a_sockets_own_time_limit() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let own = std::process::id() as i32;
        // Where pidfd_getfd is refused, the answer is None, and there is nothing to compare.
        let limits = || time_limits(own, socket.as_raw_fd());
        if let Some(mut expected) = limits() {
            assert!(!expected.receive && !expected.send);
            let limit = Some(Duration::from_secs(3));
            socket.set_read_timeout(limit).unwrap();
            expected.receive = true;
            assert_eq!(limits(), Some(expected));
            socket.set_write_timeout(limit).unwrap();
            expected.send = true;
            assert_eq!(limits(), Some(expected));
        }
    }
}
