//! Squares a number in a child process, which answers with its exit status.

use std::{env, error::Error, process};

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

fn main() -> Result<(), Box<dyn Error>> {
    let number: i32 = env::args().nth(1).ok_or("usage: NUMBER")?.parse()?;
    // SAFETY: this process has one thread.
    match unsafe { fork()? } {
        ForkResult::Child => process::exit(number * number),
        ForkResult::Parent { child } => {
            if let WaitStatus::Exited(_, square) = waitpid(child, None)? {
                println!("the square of {number} is {square}");
            }
        }
    }
    Ok(())
}
