//! A client for experiments: sends a file, waits a second or until it is reset, and reads then.

use std::{env, error::Error, fs, io::Read, io::Write, net::TcpStream, os::fd::AsFd};

use nix::poll::{PollFd, PollFlags, poll};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: ADDRESS:PORT FILE";
    let mut server = TcpStream::connect(env::args().nth(1).ok_or(usage)?)?;
    server.write_all(&fs::read(env::args().nth(2).ok_or(usage)?)?)?;
    poll(
        &mut [PollFd::new(server.as_fd(), PollFlags::empty())],
        1000_u16,
    )?;
    let mut answer = Vec::new();
    let end = match server.read_to_end(&mut answer) {
        Ok(_) => "the end".to_owned(),
        Err(error) => error.to_string(),
    };
    println!("{} bytes, and then: {end}", answer.len());
    Ok(())
}
