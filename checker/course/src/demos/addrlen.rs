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
use crate::stage::{
    Hex, Listener, Shown, Stage, accept_at_once, accept_raw, accept_without_length, bind, listen,
    name,
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

fn run(stage: &mut Stage) -> Shown {
    let listener = stage.listen(8)?;
    let mut clients = Vec::new();
    let mut accept = |stage: &Stage, listener: &Listener, length| {
        clients.push(client_of(stage, listener)?);
        Ok(accept_raw(&listener.socket, length).map(|(_, address, length)| (address, length)))
    };
    // Its last byte tells: the port may be like the filling by chance.
    let written = |address: &[u8]| {
        let last = address.iter().rposition(|&byte| byte != UNTOUCHED);
        last.map_or(0, |last| last + 1)
    };

    stage.does("accept a client of IPv4 with room for 128 bytes");
    let seen = accept(stage, &listener, 128)?;
    stage.expect(
        "the length is now that of the address",
        Ok(16),
        seen.map(|(_, length)| length),
    );

    stage.does("accept with a length of 0");
    let seen = accept(stage, &listener, 0)?;
    stage.expect(
        "nothing is written, and the length is what would have been needed",
        Ok((0, 16)),
        seen.map(|(address, length)| (written(&address), length)),
    );
    stage.does("accept with a length of -1");
    let seen = accept(stage, &listener, u32::MAX)?;
    stage.expect(
        "it is refused",
        Err(Errno::EINVAL),
        seen.map(|(_, length)| length),
    );

    stage.does("accept without a place for the address, or for its length only");
    let _client = client_of(stage, &listener)?;
    let seen = accept_at_once(&listener.socket).map(drop);
    stage.expect("NULL, NULL: nobody asks", Ok(()), seen);
    let _client = client_of(stage, &listener)?;
    let seen = accept_without_length(&listener.socket).map(drop);
    stage.expect("an address without a length", Err(Errno::EFAULT), seen);

    if !stage.has_ipv6("an IPv6 address that is cut") {
        return Ok(());
    }
    let listener6 = listen_on_ipv6()?;
    stage.does("accept a client of IPv6 with the length that IPv4 has left over, 16");
    let seen = accept(stage, &listener6, 16)?;
    stage.expect(
        "accept succeeds, 16 bytes are written, and the length says that 28 were needed",
        Ok((16, 28)),
        seen.map(|(address, length)| (written(&address), length)),
    );
    stage.expect(
        "the address ::1 begins at byte 8, and only its first half is there",
        Ok(Hex([[0; 8], [UNTOUCHED; 8]].concat())),
        seen.map(|(address, _)| Hex(address[8..24].to_vec())),
    );
    stage.does("the same with the length set again to 128");
    let seen = accept(stage, &listener6, 128)?;
    stage.expect(
        "now the whole address is there",
        Ok(Hex(Ipv6Addr::LOCALHOST.octets().to_vec())),
        seen.map(|(address, _)| Hex(address[8..24].to_vec())),
    );
    Ok(())
}

fn client_of(stage: &Stage, listener: &Listener) -> Shown<OwnedFd> {
    const CONNECT: &str = "could not connect";
    let client = match listener.address {
        SocketAddr::V4(_) => stage.tcp()?,
        SocketAddr::V6(_) => tcp6()?,
    };
    stage.connect(&client, listener.address)?.attempt(CONNECT)?;
    Ok(client)
}

fn tcp6() -> Shown<OwnedFd> {
    socket(
        AddressFamily::Inet6,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .attempt("could not make a socket of IPv6")
}

fn listen_on_ipv6() -> Shown<Listener> {
    const LISTEN: &str = "could not listen on ::1";
    let socket = tcp6()?;
    let any = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 0, 0, 0);
    bind(&socket, any.into()).attempt(LISTEN)?;
    listen(&socket, 8).attempt(LISTEN)?;
    let address = name(&socket)?;
    Ok(Listener { socket, address })
}
