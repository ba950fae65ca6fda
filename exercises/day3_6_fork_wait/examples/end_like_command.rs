//! Runs a command, and tells its end as a shell does: its exit status, or 128 + the signal.

use std::{env, error::Error, ffi::CString, os::unix::ffi::OsStringExt, process};

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, execvp, fork};

fn main() -> Result<(), Box<dyn Error>> {
    let words = env::args_os().skip(1);
    let words: Result<Vec<CString>, _> = words.map(|w| CString::new(w.into_vec())).collect();
    let words = words?;
    let program = words.first().ok_or("usage: COMMAND [ARGUMENT]...")?;
    // SAFETY: this process has one thread.
    match unsafe { fork()? } {
        ForkResult::Child => {
            execvp(program, &words)?;
        }
        ForkResult::Parent { child } => match waitpid(child, None)? {
            WaitStatus::Exited(_, status) => process::exit(status),
            WaitStatus::Signaled(_, signal, _) => process::exit(128 + signal as i32),
            other => return Err(format!("{other:?}").into()),
        },
    }
    Ok(())
}
