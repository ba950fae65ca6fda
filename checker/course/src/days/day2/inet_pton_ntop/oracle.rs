//! The right answers: those of the C library, and of its structures.
//!
//! An answer is `None` where the program prints `bad`.

use std::{
    ffi::{CString, c_int},
    fmt::Write,
};

use harness::author::sys::{inet, plain};
use libc::{AF_INET, AF_INET6, in_addr, in6_addr, sockaddr_in, sockaddr_in6};

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
    Some(inet::ntop4(unhex(line)?.try_into().ok()?))
}

/// `ntop6`
pub fn ntop6(line: &[u8]) -> Option<String> {
    Some(inet::ntop6(unhex(line)?.try_into().ok()?))
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
            let address: sockaddr_in = plain::read(&bytes)?;
            let text = inet::ntop4(address.sin_addr.s_addr.to_ne_bytes());
            Some(format!("{text}:{}", u16::from_be(address.sin_port)))
        }
        (AF_INET6, length) if length == size_of::<sockaddr_in6>() => {
            let address: sockaddr_in6 = plain::read(&bytes)?;
            let text = inet::ntop6(address.sin6_addr.s6_addr);
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
    plain::bytes_of(&structure).to_vec()
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
    plain::bytes_of(&structure).to_vec()
}

fn ipv4(line: &[u8]) -> Option<[u8; 4]> {
    pton(AF_INET, line).and_then(|address| address.first_chunk().copied())
}

fn ipv6(line: &[u8]) -> Option<[u8; 16]> {
    pton(AF_INET6, line)
}

fn pton(family: i32, line: &[u8]) -> Option<[u8; 16]> {
    // The C function would take a zero byte for the end of the text.
    let text = CString::new(line).ok()?;
    let (taken, address) = inet::pton(family, &text);
    (taken == 1).then_some(address)
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
