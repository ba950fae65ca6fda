//! Whether this machine lets a program be traced, found out by doing it.

use std::{fs, os::fd::AsRawFd};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    unistd::{ForkResult, fork, pipe2},
};

use super::{
    Filter, Held,
    registers::{Position, position},
    seize,
};
use crate::failure::LabError;

/// Traces a child through one call.
///
/// # Errors
///
/// Says what is missing: ptrace, where Yama or a container forbids it, or seccomp.
pub fn probe() -> Result<(), LabError> {
    let broken = |errno| LabError::call("could not start a child to trace it", errno);
    let (wait, gate) = pipe2(OFlag::O_CLOEXEC).map_err(broken)?;
    let filter = Filter::stopping_at([libc::SYS_getppid].into_iter());
    // SAFETY: the child makes async-signal-safe calls only.
    match unsafe { fork() }.map_err(broken)? {
        ForkResult::Child => make_one_call(wait.as_raw_fd(), gate.as_raw_fd(), &filter),
        ForkResult::Parent { child } => {
            let held = Held {
                pid: child.as_raw(),
                gate,
            };
            seize(&held).map_err(|error| LabError {
                detail: yama(),
                ..LabError::io("could not trace a child", &error)
            })?;
            let _ = nix::unistd::write(&held.gate, b"!");
            let result = follow_one_call(held.pid);
            if result.is_err() {
                // SAFETY: takes two numbers. The number has been the child's a moment ago; null asks for no status.
                unsafe {
                    libc::kill(held.pid, libc::SIGKILL);
                    libc::waitpid(held.pid, std::ptr::null_mut(), libc::__WALL);
                }
            }
            result
        }
    }
}

/// What the child does: it ends with the errno if the filter is refused.
fn make_one_call(wait: i32, gate: i32, filter: &Filter) -> ! {
    let mut byte = 0u8;
    // SAFETY: async-signal-safe calls, with a byte on this stack.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        // So that the parent's end is the end of the file.
        libc::close(gate);
        if libc::read(wait, (&raw mut byte).cast(), 1) != 1 {
            libc::_exit(0);
        }
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if let Err(error) = filter.install() {
            libc::_exit(error.raw_os_error().unwrap_or(libc::EIO));
        }
        libc::syscall(libc::SYS_getppid);
        libc::_exit(0)
    }
}

/// Sees the entry and the return of the child's call. The child makes few calls and never sleeps, so this ends.
fn follow_one_call(child: i32) -> Result<(), LabError> {
    let (mut entered, mut returned) = (false, false);
    loop {
        let mut status = 0;
        // SAFETY: the status is alive during the call.
        let result = unsafe { libc::waitpid(child, &raw mut status, libc::__WALL) };
        match Errno::result(result) {
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(LabError::call("could not wait for a traced child", errno)),
            Ok(_) => (),
        }
        if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) != 0 {
            let errno = Errno::from_raw(libc::WEXITSTATUS(status));
            return Err(LabError::call("could not install a seccomp filter", errno));
        }
        if !libc::WIFSTOPPED(status) {
            return match returned {
                true => Ok(()),
                false => Err(LabError::new("a traced child made its call unseen")),
            };
        }
        let asked = "could not ask for the call of a traced child";
        match status >> 16 {
            libc::PTRACE_EVENT_SECCOMP => match position(child) {
                Ok(Position::Entry(_)) => entered = true,
                Ok(Position::Return(_)) => return Err(LabError::new(asked)),
                Err(error) => return Err(LabError::io(asked, &error)),
            },
            0 if libc::WSTOPSIG(status) == libc::SIGTRAP | 0x80 => returned = entered,
            _ => (),
        }
        // SAFETY: the request takes no pointer.
        unsafe { libc::ptrace(libc::PTRACE_SYSCALL, child, 0, 0) };
    }
}

/// What Yama (ptrace_scope, Documentation/admin-guide/LSM/Yama) says, where it is the reason.
fn yama() -> Option<String> {
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok()?;
    let scope: u32 = scope.trim().parse().ok()?;
    (scope >= 2).then(|| format!("kernel.yama.ptrace_scope is {scope}; 0 or 1 allow it"))
}
