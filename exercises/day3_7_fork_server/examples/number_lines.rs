//! Numbers the lines of its clients, with a process for each client.

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::fd::{AsRawFd, FromRawFd},
};

use nix::sys::socket::{SockFlag, accept4};
use nix::unistd::{ForkResult, fork};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let listener = TcpListener::bind(address)?;
    println!("listening {}", listener.local_addr()?);
    loop {
        let number = accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC)?;
        // SAFETY: this process has one thread.
        if let ForkResult::Child = unsafe { fork()? } {
            // SAFETY: accept4 has opened this descriptor, and nothing else in this process owns it.
            let client = unsafe { TcpStream::from_raw_fd(number) };
            let status = if number_lines(&client).is_ok() { 0 } else { 1 };
            // SAFETY: it only ends this process.
            unsafe { libc::_exit(status) }
        }
    }
}

fn number_lines(mut client: &TcpStream) -> io::Result<()> {
    let lines = BufReader::new(client).lines();
    for (number, line) in (1..).zip(lines) {
        client.write_all(format!("{number} {}\n", line?).as_bytes())?;
    }
    Ok(())
}
