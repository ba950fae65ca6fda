//! Connects by TCP to one address of a name after the other, until one answers.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::{env, error::Error, ffi::CString, io, mem, ptr};

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
    // SAFETY: it has numbers and pointers, and all bytes zero mean: no wishes.
    let mut hints: libc::addrinfo = unsafe { mem::zeroed() };
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut list = ptr::null_mut();
    // SAFETY: the texts end with a zero byte, and null means "no name".
    let code = unsafe { libc::getaddrinfo(name, port.as_ptr(), &hints, &mut list) };
    if code != 0 {
        return Err(io::Error::last_os_error().into());
    }
    let mut next = list;
    // SAFETY: an entry of the list, or null behind the last one.
    while let Some(entry) = unsafe { next.as_ref() } {
        let address = address_of(entry)?;
        match visit(entry, &address) {
            Err(errno) => println!("{address}: {errno}"),
            Ok(()) => {
                println!("connected to {address}");
                break;
            }
        }
        next = entry.ai_next;
    }
    let nobody = next.is_null();
    // SAFETY: this is the list, and nothing in it is used any more.
    unsafe { libc::freeaddrinfo(list) };
    if nobody {
        return Err("no address answers".into());
    }
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
