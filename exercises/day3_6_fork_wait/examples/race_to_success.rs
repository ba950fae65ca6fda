//! Starts several commands at once. The first one that succeeds wins, and ends the others.

use std::{collections::HashMap, env, error::Error, ffi::CString};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
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
                // SAFETY: it only ends this process.
                unsafe { libc::_exit(127) }
            }
            ForkResult::Parent { child } => {
                commands.insert(child, command);
            }
        }
    }
    while !commands.is_empty() {
        let ended = waitpid(None, None)?;
        let command = ended.pid().and_then(|pid| commands.remove(&pid));
        if let WaitStatus::Exited(_, 0) = ended {
            println!("the winner: {}", command.unwrap_or_default());
            for (loser, _) in commands.drain() {
                kill(loser, Signal::SIGKILL)?;
                waitpid(loser, None)?;
            }
            return Ok(());
        }
    }
    Err("no command has succeeded".into())
}
