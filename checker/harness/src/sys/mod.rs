//! System calls for which nix has no safe function, as small safe functions: the only place that makes them.
//!
//! All numbers are the kernel's: any signal, also the real-time ones, which nix does not know, and the status of a
//! process as wait(2) writes it. The functions allocate nothing unless they say so, so that a child may call them
//! between fork and exec (signal-safety(7)). An error is the errno of the manual page that is named.

pub mod confine;
pub mod exec;
pub mod inet;
pub mod plain;
pub mod ptrace;
pub mod socket;

use std::{
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr,
    time::Duration,
};

use nix::{Result, errno::Errno, sys::signal::SigSet};

/// What an errno means, in the words of the C library (strerror(3)), which is what a program prints of it. It
/// allocates.
pub fn error_text(errno: Errno) -> String {
    let told = std::io::Error::from(errno).to_string();
    // Rust adds the number.
    let number = format!(" (os error {})", errno as i32);
    told.strip_suffix(&number).unwrap_or(&told).to_owned()
}

/// kill(2), with any signal. The caller knows that the number still belongs to the process that is meant.
pub fn kill(pid: i32, signal: i32) -> Result<()> {
    // SAFETY: takes two numbers.
    Errno::result(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// tgkill(2): a signal for one thread, under the same condition.
pub fn kill_thread(pid: i32, tid: i32, signal: i32) -> Result<()> {
    // SAFETY: takes three numbers.
    Errno::result(unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, signal) }).map(drop)
}

/// waitpid(2): whose end or stop it is, and the status. `None` where WNOHANG finds nothing.
///
/// nix's waitpid does not know real-time signals: it would reap the process and return an error.
pub fn wait(pid: i32, options: i32) -> Result<Option<(i32, i32)>> {
    let mut status = 0;
    // SAFETY: the status is alive during the call.
    let found = Errno::result(unsafe { libc::waitpid(pid, &raw mut status, options) })?;
    Ok((found != 0).then_some((found, status)))
}

/// Ends this process at once, without the exit handlers that it has inherited (_exit(2)).
pub fn exit(status: i32) -> ! {
    // SAFETY: takes a number, and does not return.
    unsafe { libc::_exit(status) }
}

/// pidfd_open(2), with PIDFD_THREAD or other flags.
pub fn pidfd_open(pid: i32, flags: libc::c_uint) -> Result<OwnedFd> {
    // SAFETY: takes two numbers.
    new_fd(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, flags) })
}

/// pidfd_getfd(2): a copy of a descriptor of another process.
pub fn pidfd_getfd(pidfd: impl AsFd, number: i32) -> Result<OwnedFd> {
    // SAFETY: takes three numbers.
    new_fd(unsafe { libc::syscall(libc::SYS_pidfd_getfd, raw(&pidfd), number, 0) })
}

/// prlimit(2): what the limit was; a new one is set if there is one.
pub fn prlimit(
    pid: i32,
    resource: libc::__rlimit_resource_t,
    new: Option<libc::rlimit>,
) -> Result<libc::rlimit> {
    let new = new.as_ref().map_or(ptr::null(), ptr::from_ref);
    let mut old = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: two numbers, and two structures (or null) which are alive during the call.
    Errno::result(unsafe { libc::prlimit(pid, resource, new, &raw mut old) })?;
    Ok(old)
}

/// Lets a signal do what it does by default, or nothing (signal(2)).
pub fn set_disposition(signal: i32, is_ignored: bool) -> Result<()> {
    let disposition = match is_ignored {
        true => libc::SIG_IGN,
        false => libc::SIG_DFL,
    };
    // SAFETY: neither of the two dispositions runs any code.
    match unsafe { libc::signal(signal, disposition) } {
        libc::SIG_ERR => Err(Errno::last()),
        _ => Ok(()),
    }
}

/// Lets a signal interrupt calls and do nothing else: its handler is empty (sigaction(2)).
pub fn set_empty_handler(signal: nix::sys::signal::Signal, restarts: bool) -> Result<()> {
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, sigaction};
    extern "C" fn handle(_: libc::c_int) {}
    let flags = match restarts {
        true => SaFlags::SA_RESTART,
        false => SaFlags::empty(),
    };
    let action = SigAction::new(SigHandler::Handler(handle), flags, SigSet::empty());
    // SAFETY: the handler does nothing.
    unsafe { sigaction(signal, &action) }.map(drop)
}

/// Blocks these signals and no others, one bit a signal (bit 0 is signal 1; sigprocmask(2)).
pub fn set_blocked_signals(set: u64) {
    let mut mask = MaybeUninit::uninit();
    // SAFETY: sigemptyset fills the set, which the other calls then read or change; it is alive during the calls.
    unsafe {
        libc::sigemptyset(mask.as_mut_ptr());
        for signal in (1..=64).filter(|signal| set & (1 << (signal - 1)) != 0) {
            libc::sigaddset(mask.as_mut_ptr(), signal);
        }
        libc::sigprocmask(libc::SIG_SETMASK, mask.as_ptr(), ptr::null_mut());
    }
}

/// Waits until one of these signals, which are blocked, is pending, and takes it; or until the time is over
/// (sigtimedwait(2)).
pub fn wait_for_signal(signals: &SigSet, most: Duration) {
    let most = libc::timespec {
        tv_sec: most.as_secs() as libc::time_t,
        tv_nsec: most.subsec_nanos().into(),
    };
    // SAFETY: a set of signals and a time limit, both alive during the call; the signal's details are not asked for.
    unsafe { libc::sigtimedwait(signals.as_ref(), ptr::null_mut(), &raw const most) };
}

/// How many bytes can be read at once: FIONREAD (ioctl_tty(2), pipe(7), tcp(7)).
pub fn bytes_to_read(file: impl AsFd) -> Result<usize> {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes an int, which is alive during the call.
    Errno::result(unsafe { libc::ioctl(raw(&file), libc::FIONREAD, &raw mut count) })?;
    Ok(count as usize)
}

/// The rows and columns of a terminal: TIOCGWINSZ (ioctl_tty(2)).
pub fn window_size(terminal: impl AsFd) -> Result<(u16, u16)> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: TIOCGWINSZ writes a winsize, which is alive during the call.
    Errno::result(unsafe { libc::ioctl(raw(&terminal), libc::TIOCGWINSZ, &raw mut size) })?;
    Ok((size.ws_row, size.ws_col))
}

/// Gives a terminal a size: TIOCSWINSZ (ioctl_tty(2)).
pub fn set_window_size(terminal: impl AsFd, rows: u16, columns: u16) -> Result<()> {
    let size = libc::winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: TIOCSWINSZ reads a winsize, which is alive during the call.
    Errno::result(unsafe { libc::ioctl(raw(&terminal), libc::TIOCSWINSZ, &raw const size) })
        .map(drop)
}

/// The process group to which a terminal's keys go (tcgetpgrp(3)).
pub fn foreground_group(terminal: impl AsFd) -> Result<i32> {
    // SAFETY: takes a number.
    Errno::result(unsafe { libc::tcgetpgrp(raw(&terminal)) })
}

/// A pseudo-terminal which passes on every byte as it is: the end of its user, and that of the program (pty(7)). Neither
/// becomes a controlling terminal.
pub fn raw_terminal() -> Result<(OwnedFd, OwnedFd)> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: takes a number.
    let user = new_fd(unsafe { libc::posix_openpt(flags) }.into())?;
    let locked: libc::c_int = 0;
    // SAFETY: TIOCSPTLCK reads an int, which is alive during the call.
    Errno::result(unsafe { libc::ioctl(raw(&user), libc::TIOCSPTLCK, &raw const locked) })?;
    // Not by its path: in another mount namespace /dev/pts may be another one.
    // SAFETY: TIOCGPTPEER takes a number.
    let program = new_fd(unsafe { libc::ioctl(raw(&user), libc::TIOCGPTPEER, flags) }.into())?;
    let mut settings = MaybeUninit::<libc::termios>::uninit();
    // SAFETY: tcgetattr writes all of a termios where it succeeds; the other two take what it has written.
    unsafe {
        Errno::result(libc::tcgetattr(raw(&program), settings.as_mut_ptr()))?;
        libc::cfmakeraw(settings.as_mut_ptr());
        Errno::result(libc::tcsetattr(
            raw(&program),
            libc::TCSANOW,
            settings.as_ptr(),
        ))?;
    }
    Ok((user, program))
}

/// A copy of a descriptor with a number of at least 3, closed by exec: F_DUPFD_CLOEXEC (fcntl(2)).
pub fn dup_above_stdio(file: impl AsFd) -> Result<OwnedFd> {
    // SAFETY: takes numbers.
    let copy = unsafe { libc::fcntl(raw(&file), libc::F_DUPFD_CLOEXEC, 3) };
    new_fd(copy.into())
}

/// Closes what this descriptor stands for, and lets its number stand for the other file: dup3(2) with O_CLOEXEC.
///
/// # Errors
///
/// That of dup3.
pub fn replace(descriptor: impl AsFd, by: impl AsFd) -> Result<()> {
    let (new, old) = (raw(&descriptor), raw(&by));
    // SAFETY: both are open, and the number stays an open descriptor of its owner.
    Errno::result(unsafe { libc::dup3(old, new, libc::O_CLOEXEC) }).map(drop)
}

/// Standard output, without the standard library's buffer and lock. A process that has closed it gets EBADF.
pub fn stdout() -> BorrowedFd<'static> {
    // SAFETY: no code in a process of ours owns the descriptor 1, so that it is not closed while it is borrowed.
    unsafe { BorrowedFd::borrow_raw(libc::STDOUT_FILENO) }
}

/// Lets exec close all descriptors from this number on (close_range(2)).
pub fn close_from_at_exec(first: libc::c_uint) -> Result<()> {
    let flags = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: takes numbers, and closes nothing that this process still uses.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, flags) };
    Errno::result(result).map(drop)
}

/// Closes all descriptors of this process (close_range(2)).
///
/// # Safety
///
/// Nothing in this process may use one of its descriptors any more.
pub unsafe fn close_all() {
    // SAFETY: takes numbers; that the descriptors are not used is the caller's promise.
    unsafe { libc::syscall(libc::SYS_close_range, 0, libc::c_uint::MAX, 0) };
}

/// Owns the descriptor that a call has just made.
fn new_fd(result: libc::c_long) -> Result<OwnedFd> {
    let number = Errno::result(result)?;
    // SAFETY: the kernel has just made it, and no other code knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(number as i32) })
}

fn raw(file: &impl AsFd) -> i32 {
    file.as_fd().as_raw_fd()
}
