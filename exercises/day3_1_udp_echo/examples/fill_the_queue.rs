//! Sends a thousand datagrams to itself, and then counts those in its queue.

use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, bind, getsockname, recv, sendto,
    socket,
};

fn main() -> nix::Result<()> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let own = socket(AddressFamily::Inet, SockType::Datagram, flags, None)?;
    bind(own.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0))?;
    let here: SockaddrIn = getsockname(own.as_raw_fd())?;

    let mut sent = 0;
    for _ in 0..1000 {
        sent += sendto(own.as_raw_fd(), b"x", &here, MsgFlags::empty())?;
    }
    let mut received = 0;
    loop {
        match recv(own.as_raw_fd(), &mut [0], MsgFlags::MSG_DONTWAIT) {
            Ok(bytes) => received += bytes,
            Err(Errno::EAGAIN) => break,
            Err(error) => return Err(error),
        }
    }
    println!("{sent} sent, {received} received");
    Ok(())
}
