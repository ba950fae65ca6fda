//! The length of an address, before and after accept.

use std::{
    net::{Ipv6Addr, SocketAddr, SocketAddrV6},
    os::fd::OwnedFd,
};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, SockFlag, SockType, socket},
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoResult, Hex, ListeningSocket, accept_at_once, accept_raw,
    accept_without_length, bind, listen, name,
};
use harness::failure::Attempt;

pub const DEMO: Demo = Demo {
    name: "addrlen",
    day: 2,
    question: "What does accept do with the length of the address?",
    read: "Room for an address",
    needs: Needs::Ipv6,
    run,
};

/// What the address variable holds before each call.
const UNTOUCHED: u8 = 0xee;

fn run(demo: &mut DemoContext) -> DemoResult {
    let listener = demo.listen(8)?;
    let mut clients = Vec::new();
    let mut accept = |demo: &DemoContext, listener: &ListeningSocket, length| {
        clients.push(client_of(demo, listener)?);
        Ok(accept_raw(&listener.socket, length).map(|(_, address, length)| (address, length)))
    };
    // Its last byte tells: the port may be like the filling by chance.
    let written = |address: &[u8]| {
        let last = address.iter().rposition(|&byte| byte != UNTOUCHED);
        last.map_or(0, |last| last + 1)
    };

    demo.does("accept a client of IPv4 with room for 128 bytes");
    let seen = accept(demo, &listener, 128)?;
    demo.expect(
        "the length is now that of the address",
        Ok(16),
        seen.map(|(_, length)| length),
    );

    demo.does("accept with a length of 0");
    let seen = accept(demo, &listener, 0)?;
    demo.expect(
        "nothing is written, and the length is what would have been needed",
        Ok((0, 16)),
        seen.map(|(address, length)| (written(&address), length)),
    );
    demo.does("accept with a length of -1");
    let seen = accept(demo, &listener, u32::MAX)?;
    demo.expect(
        "it is refused",
        Err(Errno::EINVAL),
        seen.map(|(_, length)| length),
    );

    demo.does("accept without a place for the address, or for its length only");
    let _client = client_of(demo, &listener)?;
    let seen = accept_at_once(&listener.socket).map(drop);
    demo.expect("NULL, NULL: nobody asks", Ok(()), seen);
    let _client = client_of(demo, &listener)?;
    let seen = accept_without_length(&listener.socket).map(drop);
    demo.expect("an address without a length", Err(Errno::EFAULT), seen);

    if !demo.has_ipv6("an IPv6 address that is cut") {
        return Ok(());
    }
    let listener6 = listen_on_ipv6()?;
    demo.does("accept a client of IPv6 with the length that IPv4 has left in it, 16");
    let seen = accept(demo, &listener6, 16)?;
    demo.expect(
        "accept succeeds, 16 bytes are written, and the length says that 28 were needed",
        Ok((16, 28)),
        seen.map(|(address, length)| (written(&address), length)),
    );
    demo.expect(
        "the address ::1 begins at byte 8, and only its first half is there",
        Ok(Hex([[0; 8], [UNTOUCHED; 8]].concat())),
        seen.map(|(address, _)| Hex(address[8..24].to_vec())),
    );
    demo.does("the same with the length set again to 128");
    let seen = accept(demo, &listener6, 128)?;
    demo.expect(
        "now the whole address is there",
        Ok(Hex(Ipv6Addr::LOCALHOST.octets().to_vec())),
        seen.map(|(address, _)| Hex(address[8..24].to_vec())),
    );
    Ok(())
}

fn client_of(demo: &DemoContext, listener: &ListeningSocket) -> DemoResult<OwnedFd> {
    const CONNECT: &str = "could not connect";
    let client = match listener.address {
        SocketAddr::V4(_) => demo.tcp()?,
        SocketAddr::V6(_) => tcp6()?,
    };
    demo.connect(&client, listener.address)?.attempt(CONNECT)?;
    Ok(client)
}

fn tcp6() -> DemoResult<OwnedFd> {
    socket(
        AddressFamily::Inet6,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .attempt("could not make a socket of IPv6")
}

fn listen_on_ipv6() -> DemoResult<ListeningSocket> {
    const LISTEN: &str = "could not listen on ::1";
    let socket = tcp6()?;
    let any = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 0, 0, 0);
    bind(&socket, any.into()).attempt(LISTEN)?;
    listen(&socket, 8).attempt(LISTEN)?;
    let address = name(&socket)?;
    Ok(ListeningSocket { socket, address })
}
