//! The C library's functions between addresses and their texts (inet(3), inet_pton(3), getaddrinfo(3)). They allocate.

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    net::Ipv4Addr,
    ptr,
};

use libc::{AF_INET, AF_INET6, in_addr, socklen_t};

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
    let hints = libc::addrinfo {
        ai_flags: libc::AI_NUMERICHOST,
        ai_family: AF_INET,
        ai_socktype: 0,
        ai_protocol: 0,
        ai_addrlen: 0,
        ai_addr: ptr::null_mut(),
        ai_canonname: ptr::null_mut(),
        ai_next: ptr::null_mut(),
    };
    let mut list = ptr::null_mut();
    // SAFETY: the text ends with a zero byte; hints and list are alive during the call. When it succeeds, the list has an
    // entry, and those of AF_INET hold a sockaddr_in; it is freed once.
    unsafe {
        if libc::getaddrinfo(text.as_ptr(), ptr::null(), &raw const hints, &raw mut list) != 0 {
            return None;
        }
        let address = (*(*list).ai_addr.cast::<libc::sockaddr_in>()).sin_addr;
        libc::freeaddrinfo(list);
        Some(ipv4(address.s_addr))
    }
}

fn ipv4(s_addr: u32) -> Ipv4Addr {
    Ipv4Addr::from(s_addr.to_ne_bytes())
}
