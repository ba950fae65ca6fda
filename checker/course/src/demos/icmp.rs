//! What ICMP messages of the kind "destination unreachable" become: errors of TCP and of UDP.

use std::{net::SocketAddr, os::fd::OwnedFd};

use nix::errno::Errno;

use super::{Demo, Needs, udp};
use crate::demo_context::{
    DemoContext, DemoResult, Flags, Received, Wire, connect, connect_at_once, name, pending_error,
    send,
};
use harness::{failure::Attempt, observe::sockets::State, sys};

pub const DEMO: Demo = Demo {
    name: "icmp",
    day: 3,
    question: "Which ICMP messages reach a program, and as which error?",
    read: "What ICMP says, and who hears it",
    needs: Needs::OwnNetwork,
    run,
};

/// A code of "destination unreachable" (RFC 792; 13: RFC 1812), and what Linux makes of it.
struct Code {
    number: u8,
    meaning: &'static str,
    errno: Errno,
    /// Whether a connected UDP socket hears of it without asking.
    is_hard: bool,
}

const CODES: [Code; 5] = [
    Code {
        number: 0,
        meaning: "network unreachable",
        errno: Errno::ENETUNREACH,
        is_hard: false,
    },
    Code {
        number: 1,
        meaning: "host unreachable",
        errno: Errno::EHOSTUNREACH,
        is_hard: false,
    },
    Code {
        number: 2,
        meaning: "protocol unreachable",
        errno: Errno::ENOPROTOOPT,
        is_hard: true,
    },
    Code {
        number: 3,
        meaning: "port unreachable",
        errno: Errno::ECONNREFUSED,
        is_hard: true,
    },
    Code {
        number: 13,
        meaning: "administratively prohibited",
        errno: Errno::EHOSTUNREACH,
        is_hard: true,
    },
];

fn run(demo: &mut DemoContext) -> DemoResult {
    demo.in_own_network("ICMP messages that a router sends", told_by_a_router)
}

fn told_by_a_router(demo: &mut DemoContext) -> DemoResult {
    let wire = Wire::new()?;
    while_tcp_connects(demo, &wire)?;
    while_tcp_is_connected(demo, &wire)?;
    to_udp(demo, &wire)
}

fn while_tcp_connects(demo: &mut DemoContext, wire: &Wire) -> DemoResult {
    demo.does("TCP: a router answers the first SYN of a connect with an ICMP message");
    let listener = demo.listen(8)?;
    wire.hold(&listener.socket)?;
    for code in CODES {
        let client = demo.tcp()?;
        begin(&client, listener.address)?;
        let from = name(&client)?;
        let syn = wire.next(demo, from, Flags::SYN)?;
        wire.answer_with_code(&syn, code.number)?;
        let seen = first_error(demo, &client)?;
        demo.expect(
            format!("code {}, {}: connect ends with", code.number, code.meaning),
            Err(code.errno),
            seen,
        );
        demo.expect_state(
            "… at once, without another SYN",
            (from, listener.address),
            State::Close,
        )?;
    }
    Ok(())
}

fn while_tcp_is_connected(demo: &mut DemoContext, wire: &Wire) -> DemoResult {
    demo.does("TCP: a router answers the first data of a connection in this way");
    let listener = demo.listen(8)?;
    wire.hold(&listener.socket)?;
    for code in CODES {
        let client = demo.tcp()?;
        begin(&client, listener.address)?;
        let from = name(&client)?;
        for flags in [Flags::SYN, Flags::ACK] {
            wire.release(&wire.next(demo, from, flags)?)?;
        }
        send(&client, "hello").attempt("could not send")?;
        let data = wire.next(demo, from, Flags::ACK)?;
        wire.answer_with_code(&data, code.number)?;
        let seen = first_error(demo, &client)?;
        demo.expect(
            format!("code {}, {}: SO_ERROR", code.number, code.meaning),
            Err(code.errno),
            seen,
        );
        demo.expect_state(
            "the connection is still there",
            (from, listener.address),
            State::Established,
        )?;
        wire.release(&data)?;
        let server = demo.accept(&listener)?.attempt("could not accept")?;
        let seen = demo.receive(&server, 5)?;
        demo.expect(
            "the data gets through afterwards",
            Ok(Received::bytes("hello")),
            seen,
        );
    }
    Ok(())
}

fn to_udp(demo: &mut DemoContext, wire: &Wire) -> DemoResult {
    demo.does(
        "UDP: a router answers the datagrams of three sockets in this way: unconnected, \
         connected, and unconnected with IP_RECVERR",
    );
    let (_server, there) = udp::bound(demo)?;
    let (unconnected, its_name) = udp::bound(demo)?;
    let (connected, connected_name) = udp::bound(demo)?;
    connect(&connected, there).attempt("could not connect")?;
    let (asking, asking_name) = udp::bound(demo)?;
    sys::socket::set_option(&asking, libc::IPPROTO_IP, libc::IP_RECVERR, 1)
        .attempt("could not set IP_RECVERR")?;
    for code in CODES {
        // The one that hears of all is the last: then the others have heard, too.
        for from in [its_name, connected_name, asking_name] {
            wire.answer_datagram(from, there, code.number)?;
        }
        let last = first_error(demo, &asking)?;
        let what = format!("code {}, {}:", code.number, code.meaning);
        let of_connected = if code.is_hard {
            Err(code.errno)
        } else {
            Ok(())
        };
        demo.expect(
            format!("{what} unconnected"),
            Ok(()),
            pending_error(&unconnected),
        );
        demo.expect("connected", of_connected, pending_error(&connected));
        demo.expect("with IP_RECVERR", Err(code.errno), last);
    }
    Ok(())
}

/// Begins a handshake, without waiting for its end.
fn begin(client: &OwnedFd, to: SocketAddr) -> DemoResult {
    match connect_at_once(client, to) {
        Err(Errno::EINPROGRESS) => Ok(()),
        other => other.attempt("could not begin to connect"),
    }
}

/// The first error that comes to this socket.
fn first_error(demo: &DemoContext, socket: &OwnedFd) -> DemoResult<nix::Result<()>> {
    let found = demo.wait_for(&[], || {
        let noted = pending_error(socket);
        Ok(noted.is_err().then_some(noted))
    })?;
    Ok(found.unwrap_or(Ok(())))
}
