//! Reads addresses, one a line, and tells which of them a socket of this machine can have.

use std::io::{self, BufRead};
use std::net::Ipv4Addr;
use std::{env, error::Error, os::fd::AsRawFd, str};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, socket};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [port] = &arguments[..] else {
        return Err("the arguments are PORT".into());
    };
    let port: u16 = port.parse()?;
    for line in io::stdin().lock().split(b'\n') {
        let line = line?;
        let text = line.escape_ascii();
        match str::from_utf8(&line).map(str::parse) {
            Ok(Ok(ip)) => match try_to_bind(ip, port) {
                Ok(name) => println!("{text}: the socket has {name}"),
                Err(errno) => println!("{text}: {errno}"),
            },
            _ => println!("{text}: not an IPv4 address"),
        }
    }
    Ok(())
}

fn try_to_bind(ip: Ipv4Addr, port: u16) -> nix::Result<SockaddrIn> {
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(ip.octets()),
        },
        sin_zero: [0; 8],
    };
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    bind(socket.as_raw_fd(), &SockaddrIn::from(address))?;
    getsockname(socket.as_raw_fd())
}
