//! The calls that sleep, and what the textbook's table says about them.

use std::{
    mem,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
    ptr,
    sync::PoisonError,
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl, open},
    poll::{PollFd, PollFlags, PollTimeout, poll, ppoll},
    sys::{
        epoll::{Epoll, EpollCreateFlags, EpollTimeout},
        select::{FdSet, pselect, select},
        signal::{SigSet, Signal},
        socket::{MsgFlags, recv, recvfrom, send},
        stat::Mode,
    },
    unistd,
};

use super::{LOCK, Places};
use crate::demo_context::{self, DemoContext, sleep_for_ever};
use harness::sys;

/// A call, and what becomes of it when a handler has run, or when its process was stopped and goes on.
pub(super) struct SleepingCall {
    pub name: &'static str,
    pub make: fn(&DemoContext, &Places) -> nix::Result<()>,
    pub is_interrupted: bool,
    pub is_restarted: bool,
    pub is_interrupted_by_stop: bool,
}

type Make = fn(&DemoContext, &Places) -> nix::Result<()>;

/// It fails with EINTR, but not with SA_RESTART, and not after a stop.
const fn restarted(name: &'static str, make: Make) -> SleepingCall {
    SleepingCall {
        name,
        make,
        is_interrupted: true,
        is_restarted: true,
        is_interrupted_by_stop: false,
    }
}

/// It fails with EINTR, also with SA_RESTART.
const fn never_restarted(name: &'static str, make: Make) -> SleepingCall {
    SleepingCall {
        is_restarted: false,
        ..restarted(name, make)
    }
}

/// The same, also after a stop without any handler.
const fn interrupted_by_stop(name: &'static str, make: Make) -> SleepingCall {
    SleepingCall {
        is_interrupted_by_stop: true,
        ..never_restarted(name, make)
    }
}

/// It never fails with EINTR.
const fn never_interrupted(name: &'static str, make: Make) -> SleepingCall {
    SleepingCall {
        is_interrupted: false,
        ..restarted(name, make)
    }
}

pub(super) const CALLS: &[SleepingCall] = &[
    restarted("read, TCP", |_, places| read(&places.silent.server)),
    restarted("read, pipe", |_, places| read(&places.pipe.0)),
    restarted("recv, TCP", |_, places| receive(&places.silent.server)),
    restarted("recvfrom, TCP", |_, places| {
        let socket = places.silent.server.as_raw_fd();
        recvfrom::<()>(socket, &mut [0; 9]).map(drop)
    }),
    restarted("write, full pipe", |_, places| {
        unistd::write(&places.full_pipe.1, &[0; 9]).map(drop)
    }),
    restarted("send, full socket", |_, places| give(&places.full.0)),
    restarted("accept", |_, places| accept(&places.listener.socket)),
    restarted("connect, no answer", |demo, places| {
        let socket = demo.tcp().map_err(|_| Errno::EMFILE)?;
        demo_context::connect(&socket, places.crowded.address)
    }),
    restarted("waitpid", |demo, _| {
        let child = demo.start(sleep_for_ever).map_err(|_| Errno::EAGAIN)?;
        let waited = sys::wait(child.id(), 0).map(drop);
        // Its drop would wait for it: that sleep looks like the same call, made again.
        let _ = child.signal(Signal::SIGKILL);
        mem::forget(child);
        waited
    }),
    restarted("flock", |_, places| {
        let file = opened_again(&places.locked, OFlag::O_RDWR)?;
        // SAFETY: flock takes a descriptor, which is open.
        Errno::result(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) }).map(drop)
    }),
    restarted("fcntl, F_SETLKW", |_, places| {
        fcntl(&places.locked, FcntlArg::F_SETLKW(&whole_file())).map(drop)
    }),
    restarted("open, FIFO", |_, places| {
        opened_again(&places.fifo, OFlag::O_RDONLY).map(drop)
    }),
    restarted("sem_wait", |_, _| wait_for_semaphore()),
    interrupted_by_stop("recv, SO_RCVTIMEO", |_, places| {
        receive(&places.limited.server)
    }),
    interrupted_by_stop("accept, SO_RCVTIMEO", |_, places| {
        accept(&places.limited_listener.socket)
    }),
    interrupted_by_stop("send, SO_SNDTIMEO, full socket", |_, places| {
        give(&places.limited_full.0)
    }),
    never_restarted("poll", |_, places| {
        let mut watched = [PollFd::new(borrowed(&places.pipe.0), PollFlags::POLLIN)];
        poll(&mut watched, PollTimeout::NONE).map(drop)
    }),
    never_restarted("ppoll", |_, places| {
        let mut watched = [PollFd::new(borrowed(&places.pipe.0), PollFlags::POLLIN)];
        ppoll(&mut watched, None, None).map(drop)
    }),
    never_restarted("select", |_, places| {
        let mut watched = FdSet::new();
        watched.insert(borrowed(&places.pipe.0));
        select(None, &mut watched, None, None, None).map(drop)
    }),
    never_restarted("pselect", |_, places| {
        let mut watched = FdSet::new();
        watched.insert(borrowed(&places.pipe.0));
        pselect(None, &mut watched, None, None, None, None).map(drop)
    }),
    interrupted_by_stop("epoll_wait", |_, _| {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut events = [nix::sys::epoll::EpollEvent::empty()];
        epoll.wait(&mut events, EpollTimeout::NONE).map(drop)
    }),
    never_restarted("pause", |_, _| {
        // pause(2) has no other end.
        unistd::pause();
        Err(Errno::EINTR)
    }),
    never_restarted("sigsuspend", |_, _| {
        // Nor has this.
        SigSet::empty().suspend()?;
        Err(Errno::EINTR)
    }),
    interrupted_by_stop("sigwaitinfo", |_, _| wait_for_signal_in_place()),
    never_restarted("nanosleep", |_, _| {
        let ten_minutes = libc::timespec {
            tv_sec: 600,
            tv_nsec: 0,
        };
        // SAFETY: the time outlives the call.
        Errno::result(unsafe { libc::nanosleep(&ten_minutes, ptr::null_mut()) }).map(drop)
    }),
    never_interrupted("pthread_mutex_lock, Mutex::lock", |_, _| {
        drop(LOCK.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }),
];

fn borrowed(file: &OwnedFd) -> BorrowedFd<'_> {
    std::os::fd::AsFd::as_fd(file)
}

fn read(file: &OwnedFd) -> nix::Result<()> {
    unistd::read(file, &mut [0; 9]).map(drop)
}

fn receive(socket: &OwnedFd) -> nix::Result<()> {
    recv(socket.as_raw_fd(), &mut [0; 9], MsgFlags::empty()).map(drop)
}

fn give(socket: &OwnedFd) -> nix::Result<()> {
    send(socket.as_raw_fd(), &[0; 9], MsgFlags::MSG_NOSIGNAL).map(drop)
}

fn accept(listener: &OwnedFd) -> nix::Result<()> {
    sys::socket::accept(listener).map(drop)
}

/// The same file, opened once more: with an offset and a flock(2) of its own.
fn opened_again(file: &OwnedFd, how: OFlag) -> nix::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    open(path.as_str(), how | OFlag::O_CLOEXEC, Mode::empty())
}

/// A lock of fcntl(2) on a whole file.
pub(super) fn whole_file() -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

fn wait_for_semaphore() -> nix::Result<()> {
    // SAFETY: zeros are room for a semaphore, which is made before it is used, and stays in its place.
    unsafe {
        let mut semaphore: libc::sem_t = mem::zeroed();
        Errno::result(libc::sem_init(&mut semaphore, 0, 0))?;
        Errno::result(libc::sem_wait(&mut semaphore)).map(drop)
    }
}

/// Waits for a signal that nobody sends.
fn wait_for_signal_in_place() -> nix::Result<()> {
    let awaited = SigSet::from(Signal::SIGUSR2);
    awaited.thread_block()?;
    // SAFETY: the set outlives the call, which may have no place for what it learns.
    Errno::result(unsafe { libc::sigwaitinfo(awaited.as_ref(), ptr::null_mut()) }).map(drop)
}
