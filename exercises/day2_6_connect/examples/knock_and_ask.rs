//! Says whether a port is open: waits one second, and asks the socket how the handshake has ended.

use std::os::fd::{AsFd, AsRawFd};
use std::{env, error::Error};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, connect, socket};
use nix::sys::socket::{getsockopt, sockopt};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let address: SockaddrIn = address.parse()?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let client = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    match connect(client.as_raw_fd(), &address) {
        Err(Errno::EINPROGRESS) => (),
        other => other?,
    }
    let mut handshake = [PollFd::new(client.as_fd(), PollFlags::POLLOUT)];
    if poll(&mut handshake, 1000_u16)? == 0 {
        return Err("no answer within a second".into());
    }
    match getsockopt(&client, sockopt::SocketError)? {
        0 => println!("open"),
        number => return Err(Errno::from_raw(number).into()),
    }
    Ok(())
}
