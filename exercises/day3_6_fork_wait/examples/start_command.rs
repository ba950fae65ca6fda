//! Starts a command, and does not wait for it.

use std::{env, error::Error, ffi::CString, os::unix::ffi::OsStringExt};

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
        ForkResult::Parent { .. } => (),
    }
    Ok(())
}
