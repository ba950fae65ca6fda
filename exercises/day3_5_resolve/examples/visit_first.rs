//! Connects to the first address of a name. An empty name means this machine.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::{env, error::Error, ffi::CString, io, ptr};

use nix::errno::Errno;
use nix::sys::socket::{SockaddrLike, SockaddrStorage, connect};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: NAME PORT";
    let name = CString::new(env::args().nth(1).ok_or(usage)?)?;
    let port = CString::new(env::args().nth(2).ok_or(usage)?)?;
    let name = match name.is_empty() {
        true => ptr::null(),
        false => name.as_ptr(),
    };
    let mut list = ptr::null_mut();
    // SAFETY: the texts end with a zero byte, and null means "no name" and "no hints".
    let code = unsafe { libc::getaddrinfo(name, port.as_ptr(), ptr::null(), &mut list) };
    if code != 0 {
        return Err(io::Error::last_os_error().into());
    }
    // SAFETY: a list that was returned has an entry.
    let entry = unsafe { &*list };
    let address = address_of(entry)?;
    visit(entry, &address)?;
    println!("connected to {address}");
    // SAFETY: this is the list, and nothing in it is used any more.
    unsafe { libc::freeaddrinfo(list) };
    Ok(())
}

/// A copy of the address in an entry.
fn address_of(entry: &libc::addrinfo) -> nix::Result<SockaddrStorage> {
    // SAFETY: the address is as long as the entry says.
    let address = unsafe { SockaddrStorage::from_raw(entry.ai_addr, Some(entry.ai_addrlen)) };
    address.ok_or(Errno::EAFNOSUPPORT)
}

/// Connects to the address with the kind of socket that the entry names.
fn visit(entry: &libc::addrinfo, address: &SockaddrStorage) -> nix::Result<()> {
    let (family, kind, protocol) = (entry.ai_family, entry.ai_socktype, entry.ai_protocol);
    // SAFETY: takes three numbers, and returns a new descriptor or -1.
    let number = Errno::result(unsafe { libc::socket(family, kind, protocol) })?;
    // SAFETY: nobody else knows this descriptor.
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
    connect(socket.as_raw_fd(), address)
}
