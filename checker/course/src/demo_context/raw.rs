//! Calls with an address as bytes and a length of its own, as C makes them: nix makes the mistakes impossible which
//! some demos show.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    os::fd::{AsFd, OwnedFd},
};

use harness::sys;

pub use harness::sys::socket::{bind_raw, connect_raw, peer_name_raw};

/// accept(2) with an address variable which is filled with 0xee before, and with this value in the length variable.
/// Returns the connection, the bytes of the address variable, and the length after the call.
pub fn accept_raw(
    listener: impl AsFd,
    length: libc::socklen_t,
) -> nix::Result<(OwnedFd, [u8; 128], libc::socklen_t)> {
    let (connection, address, after) = sys::socket::accept_raw(listener, Some(length))?;
    Ok((connection, address, after.unwrap_or(length)))
}

/// accept(2) with an address variable, and NULL in the place of its length.
pub fn accept_without_length(listener: impl AsFd) -> nix::Result<OwnedFd> {
    sys::socket::accept_raw(listener, None).map(|(connection, ..)| connection)
}

/// The 16 bytes of a `struct sockaddr_in` (ip(7)), with the port and the family as they are given: in network order only
/// if the caller has seen to it.
pub fn sockaddr_in(family: u16, port: u16, ip: Ipv4Addr) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&family.to_ne_bytes());
    bytes[2..4].copy_from_slice(&port.to_ne_bytes());
    bytes[4..8].copy_from_slice(&ip.octets());
    bytes
}

/// The 28 bytes of a `struct sockaddr_in6` (ipv6(7)), likewise.
pub fn sockaddr_in6(port: u16, ip: Ipv6Addr) -> [u8; 28] {
    let mut bytes = [0; 28];
    bytes[..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
    bytes[2..4].copy_from_slice(&port.to_ne_bytes());
    bytes[8..24].copy_from_slice(&ip.octets());
    bytes
}
