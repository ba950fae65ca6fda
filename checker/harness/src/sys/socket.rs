//! Sockets with any number for their family, their options and their address, as C makes them: nix makes the mistakes
//! impossible which some demos show.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    os::fd::{AsFd, OwnedFd},
    ptr,
};

use nix::{Result, errno::Errno, sys::socket::SockaddrIn};

use super::{
    new_fd,
    plain::{Plain, zeroed},
    raw,
};

/// socket(2), closed by exec.
pub fn socket(family: i32, kind: i32, protocol: i32) -> Result<OwnedFd> {
    // SAFETY: takes numbers.
    let result = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) };
    new_fd(result.into())
}

/// listen(2) with any number, also such as nix refuses.
pub fn listen(socket: impl AsFd, backlog: i32) -> Result<()> {
    // SAFETY: takes numbers.
    Errno::result(unsafe { libc::listen(raw(&socket), backlog) }).map(drop)
}

/// accept4(2), closed by exec.
pub fn accept(listener: impl AsFd) -> Result<OwnedFd> {
    let (listener, none) = (raw(&listener), ptr::null_mut());
    // SAFETY: null asks for no address.
    let result = unsafe { libc::accept4(listener, none, ptr::null_mut(), libc::SOCK_CLOEXEC) };
    new_fd(result.into())
}

/// accept(2) with an address variable which is filled with 0xee before, and with this value in the length variable, or
/// NULL in its place. Returns the connection, the bytes of the address variable, and the length after the call.
///
/// # Panics
///
/// When the length is more than the variable has.
pub fn accept_raw(
    listener: impl AsFd,
    length: Option<libc::socklen_t>,
) -> Result<(OwnedFd, [u8; 128], Option<libc::socklen_t>)> {
    let mut address = [0xee; 128];
    let mut after = length;
    assert!(
        length.is_none_or(|length| length as usize <= address.len() || length == u32::MAX),
        "the kernel would write behind the variable"
    );
    let length = after.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
    // SAFETY: the kernel writes at most as many bytes to the array as the length says, and no more are in it (it refuses a
    // length that is negative as an int, and writes nothing without one); both are alive during the call.
    let result = unsafe { libc::accept(raw(&listener), address.as_mut_ptr().cast(), length) };
    Ok((new_fd(result.into())?, address, after))
}

/// bind(2) with these bytes as the address, and their number as its length.
pub fn bind_raw(socket: impl AsFd, address: &[u8]) -> Result<()> {
    let length = address.len() as libc::socklen_t;
    // SAFETY: the kernel reads so many bytes of a slice which is alive during the call.
    let result = unsafe { libc::bind(raw(&socket), address.as_ptr().cast(), length) };
    Errno::result(result).map(drop)
}

/// connect(2) with these bytes as the address.
pub fn connect_raw(socket: impl AsFd, address: &[u8]) -> Result<()> {
    let length = address.len() as libc::socklen_t;
    // SAFETY: the kernel reads so many bytes of a slice which is alive during the call.
    let result = unsafe { libc::connect(raw(&socket), address.as_ptr().cast(), length) };
    Errno::result(result).map(drop)
}

/// getpeername(2) as the bytes which the kernel writes. They are allocated.
pub fn peer_name_raw(socket: impl AsFd) -> Result<Vec<u8>> {
    let mut address = [0u8; 128];
    let mut length = address.len() as libc::socklen_t;
    let (start, place) = (address.as_mut_ptr().cast(), &raw mut length);
    // SAFETY: the kernel writes at most `length` bytes to the array, and the length; both are alive during the call.
    Errno::result(unsafe { libc::getpeername(raw(&socket), start, place) })?;
    Ok(address[..length as usize].to_vec())
}

/// getsockopt(2); `T` is what the manual page of the option says.
pub fn option<T: Plain>(socket: impl AsFd, level: i32, option: i32) -> Result<T> {
    let mut value: T = zeroed();
    let mut length = size_of::<T>() as libc::socklen_t;
    let (start, place) = ((&raw mut value).cast(), &raw mut length);
    // SAFETY: the pointers are to a value and to its length, both alive during the call; any bytes are a T.
    Errno::result(unsafe { libc::getsockopt(raw(&socket), level, option, start, place) })?;
    Ok(value)
}

/// setsockopt(2), likewise.
pub fn set_option<T: Plain>(socket: impl AsFd, level: i32, option: i32, value: T) -> Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    let start = (&raw const value).cast();
    // SAFETY: the kernel reads so many bytes of a value which is alive during the call.
    let result = unsafe { libc::setsockopt(raw(&socket), level, option, start, length) };
    Errno::result(result).map(drop)
}

/// Lets a socket receive only what a filter passes: SO_ATTACH_FILTER (socket(7)).
pub fn attach_filter(socket: impl AsFd, program: &[libc::sock_filter]) -> Result<()> {
    let program = libc::sock_fprog {
        len: program.len() as libc::c_ushort,
        filter: program.as_ptr().cast_mut(),
    };
    let length = size_of::<libc::sock_fprog>() as libc::socklen_t;
    let (level, option) = (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER);
    let start = (&raw const program).cast();
    // SAFETY: the kernel copies the program, which is alive during the call.
    let result = unsafe { libc::setsockopt(raw(&socket), level, option, start, length) };
    Errno::result(result).map(drop)
}

/// Raises a network interface: SIOCSIFFLAGS (netdevice(7)).
pub fn raise_interface(name: &str) -> Result<()> {
    let any = socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    let mut request = interface_request(name);
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads an ifreq, which is alive during the call.
    let result = unsafe { libc::ioctl(raw(&any), libc::SIOCSIFFLAGS as _, &raw const request) };
    Errno::result(result).map(drop)
}

/// Gives a network interface one more IPv4 address, with its network: SIOCSIFADDR (netdevice(7)). `alias` is the name of
/// the interface, a colon and a label, such as `lo:1`: each label has one address.
pub fn set_address(alias: &str, address: Ipv4Addr) -> Result<()> {
    let any = socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    let mut request = interface_request(alias);
    let address: libc::sockaddr_in = *SockaddrIn::from(SocketAddrV4::new(address, 0)).as_ref();
    // SAFETY: both are 16 bytes of plain integers; the family says which of them is meant.
    request.ifr_ifru.ifru_addr =
        unsafe { std::mem::transmute::<libc::sockaddr_in, libc::sockaddr>(address) };
    // SAFETY: SIOCSIFADDR reads an ifreq, which is alive during the call.
    let result = unsafe { libc::ioctl(raw(&any), libc::SIOCSIFADDR as _, &raw const request) };
    Errno::result(result).map(drop)
}

/// A request about the interface of this name, of which 15 bytes count; the rest of it is zero.
fn interface_request(name: &str) -> libc::ifreq {
    // SAFETY: an ifreq is plain integers and a union of such, for which all zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, letter) in request.ifr_name.iter_mut().zip(name.bytes().take(15)) {
        *place = letter as libc::c_char;
    }
    request
}
