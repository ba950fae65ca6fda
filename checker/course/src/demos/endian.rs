//! Byte order.

use std::net::Ipv4Addr;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::{Demo, Needs};
use crate::demo_context::{DemoContext, DemoResult, Hex, connect_raw, peer_name_raw, sockaddr_in};
use harness::failure::Attempt;

pub const DEMO: Demo = Demo {
    name: "endian",
    day: 1,
    question: "In which order do the bytes of a number lie in memory, and on the wire?",
    read: "One number, several bytes",
    needs: Needs::Nothing,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    let number: u32 = 0x1234_5678;
    demo.does("store the number 0x12345678, and look at its bytes in memory");
    demo.expect(
        match cfg!(target_endian = "little") {
            true => "this processor is little-endian: the least significant byte comes first",
            false => "this processor is big-endian: the most significant byte comes first",
        },
        Hex(match cfg!(target_endian = "little") {
            true => vec![0x78, 0x56, 0x34, 0x12],
            false => vec![0x12, 0x34, 0x56, 0x78],
        }),
        Hex(number.to_ne_bytes().to_vec()),
    );

    demo.does("htonl(0x12345678), in Rust 0x12345678_u32.to_be()");
    demo.expect(
        "network order is big-endian on every machine: the most significant byte comes first",
        Hex(vec![0x12, 0x34, 0x56, 0x78]),
        Hex(htonl(number).to_ne_bytes().to_vec()),
    );
    demo.expect(
        "ntohl takes it back",
        format!("{number:#x}"),
        format!("{:#x}", ntohl(htonl(number))),
    );
    demo.expect(
        "to_be_bytes gives the same bytes without a number that must not be used as one",
        Hex(htonl(number).to_ne_bytes().to_vec()),
        Hex(number.to_be_bytes().to_vec()),
    );
    demo.expect(
        "the l in htonl is an old long: 4 bytes, also where a long has 8",
        size_of::<u32>(),
        size_of_val(&htonl(number)),
    );
    demo.expect(
        "htons(0x12345678), as C converts it, silently keeps 16 bits: the bytes",
        Hex(vec![0x56, 0x78]),
        Hex(htons(number as u16).to_ne_bytes().to_vec()),
    );

    without_htons(demo)
}

/// UDP, because its connect sends nothing: it only keeps the address.
fn without_htons(demo: &mut DemoContext) -> DemoResult {
    demo.does("connect a UDP socket to port 8080, once with htons and once without");
    let peer_port = |port: u16| -> DemoResult<nix::Result<u16>> {
        let socket = socket(
            AddressFamily::Inet,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC,
            None,
        )
        .attempt("could not make a socket")?;
        let address = sockaddr_in(libc::AF_INET as u16, port, Ipv4Addr::LOCALHOST);
        Ok(connect_raw(&socket, &address)
            .and_then(|()| peer_name_raw(&socket))
            .map(|bytes| u16::from_be_bytes([bytes[2], bytes[3]])))
    };
    demo.expect(
        "with htons the kernel sees the port",
        Ok(8080),
        peer_port(htons(8080))?,
    );
    demo.expect(
        "without it the kernel sees another port, and nobody complains",
        Ok(match cfg!(target_endian = "little") {
            true => 36895,
            false => 8080,
        }),
        peer_port(8080)?,
    );
    Ok(())
}

fn htonl(number: u32) -> u32 {
    number.to_be()
}

fn ntohl(number: u32) -> u32 {
    u32::from_be(number)
}

fn htons(number: u16) -> u16 {
    number.to_be()
}
