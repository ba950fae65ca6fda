//! Squares numbers, each in a child process, which answers through a pipe.

use std::{
    env,
    error::Error,
    io::{self, Write},
    process,
};

use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

fn main() -> Result<(), Box<dyn Error>> {
    for number in env::args().skip(1) {
        let number: i64 = number.parse()?;
        print!("the square of {number} is ");
        let (answer, mut to_parent) = io::pipe()?;
        // SAFETY: this process has one thread.
        match unsafe { fork()? } {
            ForkResult::Child => {
                let sent = write!(to_parent, "{}", number * number);
                process::exit(if sent.is_ok() { 0 } else { 1 });
            }
            ForkResult::Parent { child } => {
                drop(to_parent);
                println!("{}", io::read_to_string(answer)?);
                waitpid(child, None)?;
            }
        }
    }
    Ok(())
}
