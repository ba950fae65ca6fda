//! The bytes of an address.

use std::{
    mem::size_of,
    net::{Ipv4Addr, Ipv6Addr},
    os::fd::OwnedFd,
};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, SockFlag, SockType, socket},
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoResult, Hex, bind_raw, connect_raw, peer_name_raw, sockaddr_in, sockaddr_in6,
};
use harness::failure::Attempt;

pub const DEMO: Demo = Demo {
    name: "sockaddr",
    day: 2,
    question: "What is each byte of a socket address, and what does the kernel refuse?",
    read: "The bytes of a socket address",
    needs: Needs::Ipv6,
    run,
};

const INET: u16 = libc::AF_INET as u16;
const PORT: u16 = 8080;

fn run(demo: &mut DemoContext) -> DemoResult {
    sizes(demo);
    bytes_of_ipv4(demo)?;
    if demo.has_ipv6("the 28 bytes of an IPv6 address") {
        bytes_of_ipv6(demo)?;
    }
    refused(demo)
}

fn sizes(demo: &mut DemoContext) {
    demo.does("ask the compiler how long each structure is");
    for (what, expected, seen) in [
        ("sockaddr_in, for IPv4", 16, size_of::<libc::sockaddr_in>()),
        (
            "sockaddr_in6, for IPv6",
            28,
            size_of::<libc::sockaddr_in6>(),
        ),
        (
            "sockaddr_un, for AF_UNIX",
            110,
            size_of::<libc::sockaddr_un>(),
        ),
        (
            "sockaddr, only a name for all of them",
            16,
            size_of::<libc::sockaddr>(),
        ),
        (
            "sockaddr_storage, with room for each",
            128,
            size_of::<libc::sockaddr_storage>(),
        ),
    ] {
        demo.expect(what, expected, seen);
    }
}

/// UDP, because its connect sends nothing: it only keeps the address.
fn udp(family: AddressFamily) -> DemoResult<OwnedFd> {
    socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
        .attempt("could not make a socket")
}

fn bytes_of_ipv4(demo: &mut DemoContext) -> DemoResult {
    demo.does("connect a UDP socket to 127.0.0.1, port 8080 = 0x1f90; getpeername");
    let socket = udp(AddressFamily::Inet)?;
    let address = sockaddr_in(INET, PORT.to_be(), Ipv4Addr::LOCALHOST);
    demo.expect(
        "the kernel takes it",
        Ok(()),
        connect_raw(&socket, &address),
    );
    let bytes = peer_name_raw(&socket).attempt("could not ask for the peer's name")?;
    let part = |from, to| Hex(bytes.get(from..to).unwrap_or_default().to_vec());
    demo.expect("it has so many bytes", 16, bytes.len());
    demo.expect(
        "bytes 0-1: the family AF_INET = 2, in the host's own order",
        Hex(2u16.to_ne_bytes().to_vec()),
        part(0, 2),
    );
    demo.expect(
        "bytes 2-3: the port, in network order",
        Hex(vec![0x1f, 0x90]),
        part(2, 4),
    );
    demo.expect(
        "bytes 4-7: the address, in network order",
        Hex(vec![127, 0, 0, 1]),
        part(4, 8),
    );
    demo.expect("bytes 8-15: padding", Hex(vec![0; 8]), part(8, 16));

    demo.does("the same with garbage in the padding, sin_zero");
    let mut garbage = address;
    garbage[8..].copy_from_slice(b"garbage!");
    demo.expect(
        "Linux does not look at it",
        Ok(()),
        connect_raw(udp(AddressFamily::Inet)?, &garbage),
    );
    Ok(())
}

fn bytes_of_ipv6(demo: &mut DemoContext) -> DemoResult {
    demo.does("connect a UDP socket to ::1, port 8080; getpeername");
    let socket = udp(AddressFamily::Inet6)?;
    let address = sockaddr_in6(PORT.to_be(), Ipv6Addr::LOCALHOST);
    demo.expect(
        "the kernel takes it",
        Ok(()),
        connect_raw(&socket, &address),
    );
    let bytes = peer_name_raw(&socket).attempt("could not ask for the peer's name")?;
    let part = |from, to| Hex(bytes.get(from..to).unwrap_or_default().to_vec());
    demo.expect("it has so many bytes", 28, bytes.len());
    demo.expect(
        "bytes 0-1: the family AF_INET6 = 10, in the host's own order",
        Hex(10u16.to_ne_bytes().to_vec()),
        part(0, 2),
    );
    demo.expect("bytes 2-3: the port", Hex(vec![0x1f, 0x90]), part(2, 4));
    demo.expect("bytes 4-7: the flow label", Hex(vec![0; 4]), part(4, 8));
    demo.expect(
        "bytes 8-23: the address",
        Hex(Ipv6Addr::LOCALHOST.octets().to_vec()),
        part(8, 24),
    );
    demo.expect(
        "bytes 24-27: the scope, an interface for link-local addresses",
        Hex(vec![0; 4]),
        part(24, 28),
    );

    demo.does("bind an IPv6 socket to an address of 16 bytes with AF_INET6 in it");
    demo.expect(
        "an IPv6 address does not fit into a sockaddr_in",
        Err(Errno::EINVAL),
        bind_raw(udp(AddressFamily::Inet6)?, &address[..16]),
    );
    Ok(())
}

fn refused(demo: &mut DemoContext) -> DemoResult {
    let ip = demo.address();
    demo.does("bind with addresses that are wrong in one thing");
    let right = sockaddr_in(INET, 0, ip);
    let socket = || udp(AddressFamily::Inet);
    demo.expect("nothing wrong", Ok(()), bind_raw(socket()?, &right));
    demo.expect(
        "a length of 8 is too short",
        Err(Errno::EINVAL),
        bind_raw(socket()?, &right[..8]),
    );
    demo.expect(
        "the family through htons as well is no family",
        Err(Errno::EAFNOSUPPORT),
        bind_raw(socket()?, &sockaddr_in(INET.swap_bytes(), 0, ip)),
    );
    demo.expect(
        "the family AF_UNSPEC = 0 is none, but with the address 0.0.0.0",
        Err(Errno::EAFNOSUPPORT),
        bind_raw(socket()?, &sockaddr_in(0, 0, ip)),
    );
    Ok(())
}
