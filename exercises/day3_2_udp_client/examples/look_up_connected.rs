//! Asks a directory for the number of each name, through a connected socket.

use std::{env, error::Error, os::fd::AsRawFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, connect, recv, send, socket,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let server = arguments.next().ok_or("usage: ADDRESS:PORT NAME...")?;
    let server: SockaddrIn = server.parse()?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let client = socket(AddressFamily::Inet, SockType::Datagram, flags, None)?;
    connect(client.as_raw_fd(), &server)?;
    let mut buffer = [0; 64];
    for name in arguments {
        send(client.as_raw_fd(), name.as_bytes(), MsgFlags::empty())?;
        let bytes = recv(client.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        println!("{}", String::from_utf8_lossy(&buffer[..bytes]));
    }
    Ok(())
}
