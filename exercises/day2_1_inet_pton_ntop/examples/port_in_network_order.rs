//! Gives a socket the address and port of the command line, and asks the kernel what the socket has.

use std::net::{SocketAddr, ToSocketAddrs};
use std::{env, error::Error, os::fd::AsRawFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, socket};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [text, port] = &arguments[..] else {
        return Err("the arguments are ADDRESS PORT".into());
    };
    let port: u16 = port.parse()?;
    let Some(SocketAddr::V4(found)) = (text.as_str(), port).to_socket_addrs()?.next() else {
        return Err("no IPv4 address".into());
    };
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(found.ip().octets()),
        },
        sin_zero: [0; 8],
    };
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    bind(socket.as_raw_fd(), &SockaddrIn::from(address))?;
    let name: SockaddrIn = getsockname(socket.as_raw_fd())?;
    println!("{text} port {port}: the socket has {name}");
    Ok(())
}
