//! No directory: says hello to the first client, ten times a second, for ever.

use std::{env, error::Error, os::fd::AsRawFd, thread, time::Duration};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, bind, getsockname, recvfrom, sendto,
    socket,
};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let address: SockaddrIn = address.parse()?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let server = socket(AddressFamily::Inet, SockType::Datagram, flags, None)?;
    let fd = server.as_raw_fd();
    bind(fd, &address)?;
    let here: SockaddrIn = getsockname(fd)?;
    println!("listening {here}");

    let (_, client) = recvfrom::<SockaddrIn>(fd, &mut [0; 64])?;
    let client = client.ok_or("a datagram without a sender")?;
    loop {
        sendto(fd, b"hello", &client, MsgFlags::empty())?;
        thread::sleep(Duration::from_millis(100));
    }
}
