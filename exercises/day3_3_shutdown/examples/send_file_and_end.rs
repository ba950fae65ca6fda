//! Sends a file to a server, ends the sending side, and prints what comes back.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: ADDRESS:PORT FILE";
    let address = env::args().nth(1).ok_or(usage)?;
    let file = fs::read(env::args().nth(2).ok_or(usage)?)?;
    let mut server = TcpStream::connect(address)?;
    server.write_all(&file)?;
    server.shutdown(Shutdown::Write)?;
    io::copy(&mut server, &mut io::stdout())?;
    Ok(())
}
