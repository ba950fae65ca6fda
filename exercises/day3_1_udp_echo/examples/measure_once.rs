//! Answers one datagram with its length.

use std::{env, error::Error, os::fd::AsRawFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, bind, getsockname, recvfrom, sendto,
    socket,
};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let address: SockaddrIn = address.parse()?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let server = socket(AddressFamily::Inet, SockType::Datagram, flags, None)?;
    bind(server.as_raw_fd(), &address)?;
    let here: SockaddrIn = getsockname(server.as_raw_fd())?;
    println!("listening {here}");

    let mut buffer = [0; 64];
    let (bytes, client) = recvfrom::<SockaddrIn>(server.as_raw_fd(), &mut buffer)?;
    let client = client.ok_or("a datagram without a sender")?;
    let answer = format!("{bytes} bytes\n");
    sendto(
        server.as_raw_fd(),
        answer.as_bytes(),
        &client,
        MsgFlags::empty(),
    )?;
    Ok(())
}
