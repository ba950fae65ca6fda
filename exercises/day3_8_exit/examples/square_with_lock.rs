//! Squares numbers in child processes. A lock file tells that it runs.

use std::{
    env,
    error::Error,
    fs,
    io::{self, Write},
    process,
};

use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

const LOCK: &str = "squares.lock";

extern "C" fn unlock() {
    let _ = fs::remove_file(LOCK);
}

fn main() -> Result<(), Box<dyn Error>> {
    fs::File::create_new(LOCK)?;
    // SAFETY: the handler can run at any exit.
    unsafe { libc::atexit(unlock) };
    for number in env::args().skip(1) {
        let number: i64 = number.parse()?;
        print!("the square of {number} is ");
        io::stdout().flush()?;
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
    println!("locked to the end: {}", fs::exists(LOCK)?);
    Ok(())
}
