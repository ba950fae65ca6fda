//! Asks a server one question, and prints what one read brings.

use std::io::{self, Write};
use std::{env, error::Error, os::fd::AsRawFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, connect, socket};
use nix::unistd::{read, write};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: ADDRESS:PORT QUESTION";
    let address: SockaddrIn = env::args().nth(1).ok_or(usage)?.parse()?;
    let question = env::args().nth(2).ok_or(usage)? + "\n";
    let flags = SockFlag::SOCK_CLOEXEC;
    let server = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    connect(server.as_raw_fd(), &address)?;
    write(&server, question.as_bytes())?;
    let mut answer = [0; 512];
    let n = read(&server, &mut answer)?;
    io::stdout().write_all(&answer[..n])?;
    Ok(())
}
