//! Can start again at once. Numbers its clients, and tells each how many bytes it has sent.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::{env, error::Error};

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, accept4, bind, getsockname, listen,
    setsockopt, socket, sockopt,
};
use nix::unistd::{read, write};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: ADDRESS:PORT")?;
    let address: SockaddrIn = address.parse()?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let listener = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    setsockopt(&listener, sockopt::ReuseAddr, &true)?;
    bind(listener.as_raw_fd(), &address)?;
    listen(&listener, Backlog::new(8)?)?;
    let here: SockaddrIn = getsockname(listener.as_raw_fd())?;
    println!("listening {here}");

    for guest in 1.. {
        let number = accept4(listener.as_raw_fd(), flags)?;
        // SAFETY: the kernel has just opened this descriptor, and nobody else knows it.
        let client = unsafe { OwnedFd::from_raw_fd(number) };
        write(&client, format!("you are client {guest}\n").as_bytes())?;
        let mut bytes = 0;
        let mut buffer = [0; 64];
        loop {
            let n = read(&client, &mut buffer)?;
            if n == 0 {
                break;
            }
            bytes += n;
        }
        write(&client, format!("{bytes} bytes\n").as_bytes())?;
    }
    Ok(())
}
