//! Says whether a port is open: connects to it, and waits until the kernel knows.

use std::{env, error::Error, os::fd::AsRawFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, connect, socket};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let address: SockaddrIn = address.parse()?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let client = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    connect(client.as_raw_fd(), &address)?;
    println!("open");
    Ok(())
}
