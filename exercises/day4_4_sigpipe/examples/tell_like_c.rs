//! Tells a client what comes, as a program in C would: SIGPIPE has its default action, and write is write(2).

use std::{env, error::Error, io, net::TcpListener};

use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::write;

fn main() -> Result<(), Box<dyn Error>> {
    // SAFETY: SIG_DFL runs no code.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl)? };
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    let (client, _) = listener.accept()?;
    for line in io::stdin().lines() {
        let line = line? + "\n";
        write(&client, line.as_bytes())?;
        print!("sent {line}");
    }
    Ok(())
}
