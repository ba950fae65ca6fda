//! The C library's functions between addresses and their texts (inet(3), inet_pton(3), getaddrinfo(3)). They allocate.

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    net::{IpAddr, Ipv4Addr},
    ptr,
};

use libc::{AF_INET, AF_INET6, in_addr, socklen_t};
use nix::sys::socket::{SockaddrLike, SockaddrStorage};

// The libc crate does not declare these.
unsafe extern "C" {
    fn inet_addr(text: *const c_char) -> libc::in_addr_t;
    #[link_name = "inet_aton"]
    fn c_inet_aton(text: *const c_char, address: *mut in_addr) -> c_int;
    #[link_name = "inet_ntoa"]
    fn c_inet_ntoa(address: in_addr) -> *const c_char;
    #[link_name = "inet_pton"]
    fn c_inet_pton(family: c_int, text: *const c_char, address: *mut c_void) -> c_int;
    #[link_name = "inet_ntop"]
    fn c_inet_ntop(
        family: c_int,
        address: *const c_void,
        text: *mut c_char,
        size: socklen_t,
    ) -> *const c_char;
    fn gethostbyname(name: *const c_char) -> *const libc::hostent;
}

/// inet_addr(3). It says `255.255.255.255` for an error as well.
pub fn addr(text: &CStr) -> Ipv4Addr {
    // SAFETY: the text ends with a zero byte.
    ipv4(unsafe { inet_addr(text.as_ptr()) })
}

/// inet_aton(3).
pub fn aton(text: &CStr) -> Option<Ipv4Addr> {
    let mut address = in_addr { s_addr: 0 };
    // SAFETY: the text ends with a zero byte, and the address is alive during the call.
    let result = unsafe { c_inet_aton(text.as_ptr(), &raw mut address) };
    (result == 1).then(|| ipv4(address.s_addr))
}

/// inet_ntoa(3) twice, and then both texts: they lie in the same place.
pub fn ntoa_twice(one: Ipv4Addr, other: Ipv4Addr) -> (String, String) {
    let address = |ip: Ipv4Addr| in_addr {
        s_addr: u32::from_ne_bytes(ip.octets()),
    };
    let read = |text: *const c_char| {
        // SAFETY: a text in a buffer of the C library's own, which only the next call of this thread overwrites; no
        // reference to it is kept.
        unsafe { CStr::from_ptr(text) }
            .to_string_lossy()
            .into_owned()
    };
    // SAFETY: takes numbers.
    let (first, second) = unsafe { (c_inet_ntoa(address(one)), c_inet_ntoa(address(other))) };
    (read(first), read(second))
}

/// inet_pton(3) as C has it: its result, and 16 bytes, of which the family fills as many as it has.
pub fn pton(family: i32, text: &CStr) -> (i32, [u8; 16]) {
    let mut address = [0; 16];
    // SAFETY: the text ends with a zero byte, and no family writes more than 16 bytes.
    let result = unsafe { c_inet_pton(family, text.as_ptr(), address.as_mut_ptr().cast()) };
    (result, address)
}

/// inet_ntop(3) of 4 bytes.
pub fn ntop4(address: [u8; 4]) -> String {
    // SAFETY: AF_INET has four bytes read.
    unsafe { ntop(AF_INET, &address) }
}

/// inet_ntop(3) of 16 bytes.
pub fn ntop6(address: [u8; 16]) -> String {
    // SAFETY: AF_INET6 has sixteen bytes read.
    unsafe { ntop(AF_INET6, &address) }
}

/// # Safety
///
/// There are as many bytes as the family has read.
unsafe fn ntop(family: c_int, address: &[u8]) -> String {
    /// INET6_ADDRSTRLEN: room for every address as text, with the zero byte at its end.
    const LONGEST: usize = 46;
    let mut text = [0u8; LONGEST];
    let (start, room) = (address.as_ptr().cast(), text.as_mut_ptr().cast());
    // SAFETY: the caller has promised the bytes, and no more is written than there is room for.
    unsafe { c_inet_ntop(family, start, room, LONGEST as socklen_t) };
    let text = CStr::from_bytes_until_nul(&text).unwrap_or_default();
    text.to_string_lossy().into_owned()
}

/// getaddrinfo(3) with AI_NUMERICHOST: no name is looked up.
pub fn by_getaddrinfo(text: &CStr) -> Option<Ipv4Addr> {
    let hints = Hints {
        flags: libc::AI_NUMERICHOST,
        family: AF_INET,
        kind: 0,
    };
    match addresses(Some(text), None, hints).ok()?.first()? {
        (IpAddr::V4(address), _) => Some(*address),
        (IpAddr::V6(_), _) => None,
    }
}

/// What getaddrinfo(3) is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints {
    /// `ai_flags`.
    pub flags: i32,
    /// `ai_family`.
    pub family: i32,
    /// `ai_socktype`.
    pub kind: i32,
}

/// getaddrinfo(3): the addresses in its order, each with its `ai_socktype`.
///
/// # Errors
///
/// The number of the C library's, which is no errno: `EAI_NONAME`.
pub fn addresses(
    name: Option<&CStr>,
    service: Option<&CStr>,
    hints: Hints,
) -> Result<Vec<(IpAddr, i32)>, i32> {
    let hints = libc::addrinfo {
        ai_flags: hints.flags,
        ai_family: hints.family,
        ai_socktype: hints.kind,
        ai_protocol: 0,
        ai_addrlen: 0,
        ai_addr: ptr::null_mut(),
        ai_canonname: ptr::null_mut(),
        ai_next: ptr::null_mut(),
    };
    let text = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
    let (name, service) = (text(name), text(service));
    let mut list = ptr::null_mut();
    // SAFETY: both texts end with a zero byte, and null stands for none; hints and list are alive during the call.
    match unsafe { libc::getaddrinfo(name, service, &raw const hints, &raw mut list) } {
        0 => (),
        error => return Err(error),
    }
    let mut found = Vec::new();
    let mut entry = list;
    // SAFETY: an entry of the list, or null behind the last one; the list is not freed yet.
    while let Some(one) = unsafe { entry.as_ref() } {
        // SAFETY: the address is as long as its length says.
        let address = unsafe { SockaddrStorage::from_raw(one.ai_addr, Some(one.ai_addrlen)) };
        found.extend(address.and_then(ip).map(|ip| (ip, one.ai_socktype)));
        entry = one.ai_next;
    }
    // SAFETY: the list of a call that succeeded, which is freed once.
    unsafe { libc::freeaddrinfo(list) };
    Ok(found)
}

fn ip(address: SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| v4.ip().into());
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| v6.ip().into()))
}

/// gethostbyname(3), which knows IPv4 only: its addresses, none where it finds nothing.
pub fn host_by_name(name: &CStr) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    // SAFETY: the name ends with a zero byte. What comes lies in a buffer of the C library's own, which only the next call
    // overwrites: a list of addresses of four bytes, with null behind the last one.
    unsafe {
        let Some(host) = gethostbyname(name.as_ptr()).as_ref() else {
            return found;
        };
        let mut entry = host.h_addr_list;
        while let Some(bytes) = (*entry).cast::<[u8; 4]>().as_ref() {
            found.push(Ipv4Addr::from(*bytes));
            entry = entry.add(1);
        }
    }
    found
}

fn ipv4(s_addr: u32) -> Ipv4Addr {
    Ipv4Addr::from(s_addr.to_ne_bytes())
}
