//! A server with room for one client in its queue, which never calls accept.

use std::{env, error::Error, os::fd::AsRawFd, thread};

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, getsockname, listen, socket,
};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let address: SockaddrIn = address.parse()?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let server = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    bind(server.as_raw_fd(), &address)?;
    listen(&server, Backlog::new(0)?)?;
    let here: SockaddrIn = getsockname(server.as_raw_fd())?;
    println!("listening {here}");
    loop {
        thread::park();
    }
}
