//! Sends a file to a server in a thread of its own, and prints at the same time what comes back.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::{env, error::Error, fs, thread};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: ADDRESS:PORT FILE";
    let address = env::args().nth(1).ok_or(usage)?;
    let file = fs::read(env::args().nth(2).ok_or(usage)?)?;
    let mut server = TcpStream::connect(address)?;
    let mut to_server = server.try_clone()?;
    let sender = thread::spawn(move || -> io::Result<()> {
        to_server.write_all(&file)?;
        to_server.shutdown(Shutdown::Write)
    });
    io::copy(&mut server, &mut io::stdout())?;
    sender.join().map_err(|_| "the sender has panicked")??;
    Ok(())
}
