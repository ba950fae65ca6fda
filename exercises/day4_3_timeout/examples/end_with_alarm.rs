//! Runs a command, and ends it if it takes more than so many seconds.

use std::{env, error::Error, ffi::CString, os::unix::ffi::OsStringExt, process};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, sigaction};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, alarm, execvp, fork};

extern "C" fn interrupt(_signal: libc::c_int) {}

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: SECONDS COMMAND [ARGUMENT]...";
    let seconds = env::args().nth(1).ok_or(usage)?.parse()?;
    let words = env::args_os().skip(2);
    let words: Result<Vec<CString>, _> = words.map(|w| CString::new(w.into_vec())).collect();
    let words = words?;
    let program = words.first().ok_or(usage)?;
    let handler = SigHandler::Handler(interrupt);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing. Without SA_RESTART, it interrupts waitpid.
    unsafe { sigaction(Signal::SIGALRM, &action)? };
    // SAFETY: this process has one thread.
    match unsafe { fork()? } {
        ForkResult::Child => {
            let Err(errno) = execvp(program, &words);
            eprintln!("{errno}");
            // SAFETY: it only ends this process.
            unsafe { libc::_exit(127) }
        }
        ForkResult::Parent { child } => {
            alarm::set(seconds);
            let mut ended = waitpid(child, None);
            if ended == Err(Errno::EINTR) {
                kill(child, Signal::SIGTERM)?;
                ended = waitpid(child, None);
            }
            match ended? {
                WaitStatus::Exited(_, status) => process::exit(status),
                WaitStatus::Signaled(_, signal, _) => process::exit(128 + signal as i32),
                other => Err(format!("{other:?}").into()),
            }
        }
    }
}
