//! Runs a command, and ends it with all that it has started if it takes more than so many seconds.

use std::{env, error::Error, ffi::CString, os::unix::ffi::OsStringExt, process, ptr};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, execvp, fork, setpgid};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: SECONDS COMMAND [ARGUMENT]...";
    let seconds = env::args().nth(1).ok_or(usage)?.parse()?;
    let words = env::args_os().skip(2);
    let words: Result<Vec<CString>, _> = words.map(|w| CString::new(w.into_vec())).collect();
    let words = words?;
    let program = words.first().ok_or(usage)?;
    let mut ended = SigSet::empty();
    ended.add(Signal::SIGCHLD);
    ended.thread_block()?;
    // SAFETY: this process has one thread.
    match unsafe { fork()? } {
        ForkResult::Child => {
            setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
            SigSet::empty().thread_set_mask()?;
            let Err(errno) = execvp(program, &words);
            eprintln!("{errno}");
            // SAFETY: it only ends this process.
            unsafe { libc::_exit(127) }
        }
        ForkResult::Parent { child } => {
            let _ = setpgid(child, child);
            let limit = libc::timespec {
                tv_sec: seconds,
                tv_nsec: 0,
            };
            // SAFETY: the set and the limit outlive the call.
            let taken = unsafe { libc::sigtimedwait(ended.as_ref(), ptr::null_mut(), &limit) };
            if Errno::result(taken) == Err(Errno::EAGAIN) {
                killpg(child, Signal::SIGTERM)?;
            }
            match waitpid(child, None)? {
                WaitStatus::Exited(_, status) => process::exit(status),
                WaitStatus::Signaled(_, signal, _) => process::exit(128 + signal as i32),
                other => Err(format!("{other:?}").into()),
            }
        }
    }
}
