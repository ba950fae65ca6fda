//! Sends each word as a datagram, and then prints one answer for each.

use std::{env, error::Error, os::fd::AsRawFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, recvfrom, sendto, socket,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let server = arguments.next().ok_or("usage: ADDRESS:PORT WORD...")?;
    let server: SockaddrIn = server.parse()?;
    let words: Vec<String> = arguments.collect();
    let flags = SockFlag::SOCK_CLOEXEC;
    let client = socket(AddressFamily::Inet, SockType::Datagram, flags, None)?;
    for word in &words {
        sendto(
            client.as_raw_fd(),
            word.as_bytes(),
            &server,
            MsgFlags::empty(),
        )?;
    }
    let mut buffer = [0; 64];
    for _ in &words {
        let (bytes, _) = recvfrom::<SockaddrIn>(client.as_raw_fd(), &mut buffer)?;
        print!("{}", String::from_utf8_lossy(&buffer[..bytes]));
    }
    Ok(())
}
