//! Whether this machine lets a program be traced, found out by doing it.

use std::{fs, os::fd::OwnedFd};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    sys::{
        prctl::{set_no_new_privs, set_pdeathsig},
        signal::Signal,
    },
    unistd::{getppid, pipe2},
};

use super::{
    Filter, Held,
    registers::{Position, position},
    seize,
};
use crate::{failure::LabError, sys};

/// Traces a child through one call.
///
/// # Errors
///
/// Says what is missing: ptrace, where Yama or a container forbids it, or seccomp.
pub fn probe() -> Result<(), LabError> {
    let held = start_child()
        .map_err(|errno| LabError::call("could not start a child to trace it", errno))?;
    seize(&held).map_err(|error| LabError {
        detail: yama(),
        ..LabError::io("could not trace a child", &error)
    })?;
    let _ = nix::unistd::write(&held.gate, b"!");
    let result = follow_one_call(held.pid);
    if result.is_err() {
        // The number has been the child's a moment ago.
        let _ = sys::kill(held.pid, libc::SIGKILL);
        let _ = sys::wait(held.pid, libc::__WALL);
    }
    result
}

/// A child that makes one call, once it is traced.
pub(super) fn start_child() -> nix::Result<Held> {
    let (wait, gate) = pipe2(OFlag::O_CLOEXEC)?;
    let filter = Filter::stopping_at([libc::SYS_getppid].into_iter());
    let work = || make_one_call(&wait, &gate, &filter);
    // SAFETY: the child makes async-signal-safe calls only.
    let pid = unsafe { sys::exec::fork(work) }?;
    Ok(Held { pid, gate })
}

/// What the child does: it ends with the errno if the filter is refused.
fn make_one_call(wait: &OwnedFd, gate: &OwnedFd, filter: &Filter) -> ! {
    let _ = set_pdeathsig(Signal::SIGKILL);
    if sys::exec::pass_gate(wait, gate).is_err() {
        sys::exit(0);
    }
    let _ = set_no_new_privs();
    if let Err(errno) = filter.install() {
        sys::exit(errno as i32);
    }
    getppid();
    sys::exit(0)
}

/// Sees the entry and the return of the child's call. The child makes few calls and never sleeps, so this ends.
fn follow_one_call(child: i32) -> Result<(), LabError> {
    let (mut entered, mut returned) = (false, false);
    loop {
        let status = match sys::wait(child, libc::__WALL) {
            Ok(Some((_, status))) => status,
            Ok(None) | Err(Errno::EINTR) => continue,
            Err(errno) => return Err(LabError::call("could not wait for a traced child", errno)),
        };
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
                Err(errno) => return Err(LabError::call(asked, errno)),
            },
            0 if libc::WSTOPSIG(status) == libc::SIGTRAP | 0x80 => returned = entered,
            _ => (),
        }
        let _ = sys::ptrace::resume(child, sys::ptrace::Until::Call, 0);
    }
}

/// What Yama (ptrace_scope, Documentation/admin-guide/LSM/Yama) says, where it is the reason.
fn yama() -> Option<String> {
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok()?;
    let scope: u32 = scope.trim().parse().ok()?;
    (scope >= 2).then(|| format!("kernel.yama.ptrace_scope is {scope}; 0 or 1 allow it"))
}
