//! A telephone directory: answers each name with the name and its number.

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
    let fd = server.as_raw_fd();
    bind(fd, &address)?;
    let here: SockaddrIn = getsockname(fd)?;
    println!("listening {here}");

    let mut buffer = [0; 64];
    loop {
        let (bytes, client) = recvfrom::<SockaddrIn>(fd, &mut buffer)?;
        let client = client.ok_or("a datagram without a sender")?;
        let name = String::from_utf8_lossy(&buffer[..bytes]);
        let number = match &*name {
            "anna" => "4711",
            "bert" => "4712",
            _ => "unknown",
        };
        let answer = format!("{name} {number}");
        sendto(fd, answer.as_bytes(), &client, MsgFlags::empty())?;
    }
}
