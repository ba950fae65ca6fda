//! Runs a command, and ends it after so many seconds.

use std::{env, error::Error, ffi::CString, os::unix::ffi::OsStringExt};
use std::{process, thread, time::Duration};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, execvp, fork};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: SECONDS COMMAND [ARGUMENT]...";
    let seconds = env::args().nth(1).ok_or(usage)?.parse()?;
    let words = env::args_os().skip(2);
    let words: Result<Vec<CString>, _> = words.map(|w| CString::new(w.into_vec())).collect();
    let words = words?;
    let program = words.first().ok_or(usage)?;
    // SAFETY: this process has one thread.
    match unsafe { fork()? } {
        ForkResult::Child => {
            let Err(errno) = execvp(program, &words);
            eprintln!("{errno}");
            // SAFETY: it only ends this process.
            unsafe { libc::_exit(127) }
        }
        ForkResult::Parent { child } => {
            thread::sleep(Duration::from_secs(seconds));
            kill(child, Signal::SIGTERM)?;
            match waitpid(child, None)? {
                WaitStatus::Exited(_, status) => process::exit(status),
                WaitStatus::Signaled(_, signal, _) => process::exit(128 + signal as i32),
                other => Err(format!("{other:?}").into()),
            }
        }
    }
}
