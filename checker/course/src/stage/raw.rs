//! Calls with an address as bytes and a length of its own, as C makes them: nix makes the mistakes impossible which
//! some demos show.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
};

use nix::errno::Errno;

/// bind(2) with these bytes as the address, and their number as its length.
///
/// # Errors
///
/// The kernel's own.
pub fn bind_raw(socket: impl AsFd, address: &[u8]) -> nix::Result<()> {
    let length = address.len() as libc::socklen_t;
    // SAFETY: the kernel reads so many bytes of a slice which is alive during the call.
    let result = unsafe { libc::bind(socket.as_fd().as_raw_fd(), address.as_ptr().cast(), length) };
    Errno::result(result).map(drop)
}

/// connect(2) with these bytes as the address.
///
/// # Errors
///
/// The kernel's own.
pub fn connect_raw(socket: impl AsFd, address: &[u8]) -> nix::Result<()> {
    let length = address.len() as libc::socklen_t;
    // SAFETY: the kernel reads so many bytes of a slice which is alive during the call.
    let result =
        unsafe { libc::connect(socket.as_fd().as_raw_fd(), address.as_ptr().cast(), length) };
    Errno::result(result).map(drop)
}

/// accept(2) with an address variable which is filled with 0xee before, and with this value in the length variable.
/// Returns the connection, the bytes of the address variable, and the length after the call.
///
/// # Errors
///
/// The kernel's own.
pub fn accept_raw(
    listener: impl AsFd,
    length: libc::socklen_t,
) -> nix::Result<(OwnedFd, [u8; 128], libc::socklen_t)> {
    let mut address = [0xee; 128];
    let mut length = length;
    assert!(
        length as usize <= address.len() || length == libc::socklen_t::MAX,
        "the kernel would write behind the variable"
    );
    // SAFETY: the kernel writes at most `length` bytes to the array, which has as many (it refuses a length that is
    // negative as an int), and the length to an integer; both are alive during the call.
    let result = unsafe {
        libc::accept(
            listener.as_fd().as_raw_fd(),
            address.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    let descriptor = Errno::result(result)?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    let connection = unsafe { OwnedFd::from_raw_fd(descriptor) };
    Ok((connection, address, length))
}

/// accept(2) with an address variable, and NULL in the place of its length.
///
/// # Errors
///
/// The kernel's own.
pub fn accept_without_length(listener: impl AsFd) -> nix::Result<OwnedFd> {
    let mut address = [0u8; 128];
    // SAFETY: without a length the kernel writes nothing; the array is alive during the call.
    let result = unsafe {
        libc::accept(
            listener.as_fd().as_raw_fd(),
            address.as_mut_ptr().cast(),
            std::ptr::null_mut(),
        )
    };
    let descriptor = Errno::result(result)?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// getpeername(2) as the bytes which the kernel writes.
///
/// # Errors
///
/// The kernel's own.
pub fn peer_name_raw(socket: impl AsFd) -> nix::Result<Vec<u8>> {
    let mut address = [0u8; 128];
    let mut length = address.len() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to the array, and the length; both are alive during the call.
    let result = unsafe {
        libc::getpeername(
            socket.as_fd().as_raw_fd(),
            address.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    Errno::result(result)?;
    Ok(address[..length as usize].to_vec())
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
