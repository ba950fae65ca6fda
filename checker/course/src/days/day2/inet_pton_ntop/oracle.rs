//! The right answers: those of the C library, and of its structures.
//!
//! An answer is `None` where the program prints `bad`.

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    fmt::Write,
    mem::{size_of, size_of_val},
    ptr, slice,
};

use libc::{AF_INET, AF_INET6, in_addr, in6_addr, sockaddr_in, sockaddr_in6, socklen_t};

// The libc crate does not declare these two.
unsafe extern "C" {
    fn inet_pton(family: c_int, text: *const c_char, address: *mut c_void) -> c_int;
    fn inet_ntop(
        family: c_int,
        address: *const c_void,
        text: *mut c_char,
        size: socklen_t,
    ) -> *const c_char;
}

/// INET6_ADDRSTRLEN: room for every address as text, with the zero byte at its end.
const LONGEST_TEXT: usize = 46;

/// `pton4`
pub fn pton4(line: &[u8]) -> Option<String> {
    Some(hex(&ipv4(line)?))
}

/// `pton6`
pub fn pton6(line: &[u8]) -> Option<String> {
    Some(hex(&ipv6(line)?))
}

/// `ntop4`
pub fn ntop4(line: &[u8]) -> Option<String> {
    Some(ipv4_text(unhex(line)?.try_into().ok()?))
}

/// `ntop6`
pub fn ntop6(line: &[u8]) -> Option<String> {
    Some(ipv6_text(unhex(line)?.try_into().ok()?))
}

/// `sockaddr PORT`
pub fn sockaddr(port: u16, line: &[u8]) -> Option<String> {
    Some(if line.contains(&b':') {
        hex(&sockaddr_in6_bytes(ipv6(line)?, port, 0, 0))
    } else {
        hex(&sockaddr_in_bytes(ipv4(line)?, port, [0; 8]))
    })
}

/// `show`
pub fn show(line: &[u8]) -> Option<String> {
    let bytes = unhex(line)?;
    let family = u16::from_ne_bytes(*bytes.first_chunk()?);
    match (c_int::from(family), bytes.len()) {
        (AF_INET, length) if length == size_of::<sockaddr_in>() => {
            // SAFETY: as many bytes are there, and any bytes are a sockaddr_in.
            let address: sockaddr_in = unsafe { ptr::read_unaligned(bytes.as_ptr().cast()) };
            let text = ipv4_text(address.sin_addr.s_addr.to_ne_bytes());
            Some(format!("{text}:{}", u16::from_be(address.sin_port)))
        }
        (AF_INET6, length) if length == size_of::<sockaddr_in6>() => {
            // SAFETY: as many bytes are there, and any bytes are a sockaddr_in6.
            let address: sockaddr_in6 = unsafe { ptr::read_unaligned(bytes.as_ptr().cast()) };
            let text = ipv6_text(address.sin6_addr.s6_addr);
            Some(format!("[{text}]:{}", u16::from_be(address.sin6_port)))
        }
        _ => None,
    }
}

/// The bytes of a sockaddr_in as they lie in memory.
pub fn sockaddr_in_bytes(address: [u8; 4], port: u16, padding: [u8; 8]) -> Vec<u8> {
    let structure = sockaddr_in {
        sin_family: AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: in_addr {
            s_addr: u32::from_ne_bytes(address),
        },
        sin_zero: padding,
    };
    // SAFETY: the fields fill its 16 bytes without a gap.
    unsafe { bytes_of(&structure) }
}

/// The bytes of a sockaddr_in6 as they lie in memory.
pub fn sockaddr_in6_bytes(address: [u8; 16], port: u16, flow: u32, scope: u32) -> Vec<u8> {
    let structure = sockaddr_in6 {
        sin6_family: AF_INET6 as libc::sa_family_t,
        sin6_port: port.to_be(),
        sin6_flowinfo: flow,
        sin6_addr: in6_addr { s6_addr: address },
        sin6_scope_id: scope,
    };
    // SAFETY: the fields fill its 28 bytes without a gap.
    unsafe { bytes_of(&structure) }
}

/// # Safety
///
/// The structure has no padding, whose bytes could not be read.
unsafe fn bytes_of<T>(structure: &T) -> Vec<u8> {
    let start = ptr::from_ref(structure).cast();
    // SAFETY: the bytes of a value that is alive; that all of them can be read is the caller's promise.
    unsafe { slice::from_raw_parts(start, size_of_val(structure)) }.to_vec()
}

fn ipv4(line: &[u8]) -> Option<[u8; 4]> {
    // The C function would take a zero byte for the end of the text.
    let text = CString::new(line).ok()?;
    let mut address = [0; 4];
    // SAFETY: the text ends with a zero byte, and AF_INET has four bytes written.
    let taken = unsafe { inet_pton(AF_INET, text.as_ptr(), address.as_mut_ptr().cast()) };
    (taken == 1).then_some(address)
}

fn ipv6(line: &[u8]) -> Option<[u8; 16]> {
    let text = CString::new(line).ok()?;
    let mut address = [0; 16];
    // SAFETY: the text ends with a zero byte, and AF_INET6 has sixteen bytes written.
    let taken = unsafe { inet_pton(AF_INET6, text.as_ptr(), address.as_mut_ptr().cast()) };
    (taken == 1).then_some(address)
}

fn ipv4_text(address: [u8; 4]) -> String {
    let mut text = [0; LONGEST_TEXT];
    let size = text.len() as socklen_t;
    let room = text.as_mut_ptr().cast();
    // SAFETY: AF_INET has four bytes read, and no more is written than `size` says there is room for.
    unsafe { inet_ntop(AF_INET, address.as_ptr().cast(), room, size) };
    until_zero(&text)
}

fn ipv6_text(address: [u8; 16]) -> String {
    let mut text = [0; LONGEST_TEXT];
    let size = text.len() as socklen_t;
    let room = text.as_mut_ptr().cast();
    // SAFETY: AF_INET6 has sixteen bytes read, and no more is written than `size` says there is room for.
    unsafe { inet_ntop(AF_INET6, address.as_ptr().cast(), room, size) };
    until_zero(&text)
}

fn until_zero(text: &[u8]) -> String {
    let text = CStr::from_bytes_until_nul(text).unwrap_or_default();
    text.to_string_lossy().into_owned()
}

/// Two small digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: u8| Some(char::from(digit).to_digit(16)? as u8);
    let (pairs, []) = digits.as_chunks() else {
        return None;
    };
    pairs
        .iter()
        .map(|&[high, low]| Some(value(high)? << 4 | value(low)?))
        .collect()
}
