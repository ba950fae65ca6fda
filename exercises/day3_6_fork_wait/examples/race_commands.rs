//! Starts several commands at once, and tells in which order they end.

use std::{collections::HashMap, env, error::Error, ffi::CString};

use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, execvp, fork};

fn main() -> Result<(), Box<dyn Error>> {
    let mut commands = HashMap::new();
    for command in env::args().skip(1) {
        let words: Result<Vec<CString>, _> = command.split(' ').map(CString::new).collect();
        let words = words?;
        // SAFETY: this process has one thread.
        match unsafe { fork()? } {
            ForkResult::Child => {
                let Err(errno) = execvp(&words[0], &words);
                eprintln!("{command}: {errno}");
            }
            ForkResult::Parent { child } => {
                commands.insert(child, command);
            }
        }
    }
    for place in 1..=commands.len() {
        let ended = waitpid(None, None)?;
        let command = ended.pid().and_then(|pid| commands.remove(&pid));
        println!("{place} {}", command.unwrap_or_default());
    }
    Ok(())
}
