//! Families and types.

use std::fmt::Write;

use nix::{
    errno::Errno,
    sys::socket::{getsockopt, sockopt},
};

use super::{Demo, Needs};
use crate::demo_context::{DemoContext, DemoResult, Describe};
use harness::sys::socket::socket;

pub const DEMO: Demo = Demo {
    name: "sockets",
    day: 2,
    question: "Which kinds of sockets does this kernel make?",
    read: "What kind of socket",
    needs: Needs::Nothing,
    run,
};

const FAMILIES: [(&str, i32); 6] = [
    ("INET", libc::AF_INET),
    ("INET6", libc::AF_INET6),
    ("UNIX", libc::AF_UNIX),
    ("NETLINK", libc::AF_NETLINK),
    ("PACKET", libc::AF_PACKET),
    ("KEY", libc::AF_KEY),
];

const TYPES: [(&str, i32); 4] = [
    ("STREAM", libc::SOCK_STREAM),
    ("DGRAM", libc::SOCK_DGRAM),
    ("SEQPACKET", libc::SOCK_SEQPACKET),
    ("RAW", libc::SOCK_RAW),
];

fn run(demo: &mut DemoContext) -> DemoResult {
    table(demo);
    usual(demo)?;
    protocols(demo);
    ordinary_users(demo)?;
    names(demo);
    Ok(())
}

fn table(demo: &mut DemoContext) {
    demo.does("socket(family, type, 0) for each pair; … stands for NOSUPPORT");
    let mut text = format!("{:<11}", "");
    for (name, _) in FAMILIES {
        let _ = write!(text, "{name:<10}");
    }
    for (name, kind) in TYPES {
        let _ = write!(text, "\n{name:<11}");
        for (_, family) in FAMILIES {
            let answer = match socket(family, kind, 0) {
                Ok(_) => "yes".to_owned(),
                Err(errno) => errno.describe().replace("NOSUPPORT", "…"),
            };
            let _ = write!(text, "{answer:<10}");
        }
    }
    demo.shows(text);
}

fn usual(demo: &mut DemoContext) -> DemoResult {
    demo.does("the pairs that every Linux has, and some that it has not");
    let make = |family, kind| socket(family, kind, 0).map(drop);
    for (claim, family, kind) in [
        ("INET, STREAM is TCP", libc::AF_INET, libc::SOCK_STREAM),
        ("INET, DGRAM is UDP", libc::AF_INET, libc::SOCK_DGRAM),
        ("UNIX, STREAM", libc::AF_UNIX, libc::SOCK_STREAM),
        ("UNIX, DGRAM", libc::AF_UNIX, libc::SOCK_DGRAM),
        ("UNIX, SEQPACKET", libc::AF_UNIX, libc::SOCK_SEQPACKET),
        (
            "NETLINK, DGRAM asks the kernel",
            libc::AF_NETLINK,
            libc::SOCK_DGRAM,
        ),
    ] {
        demo.expect(claim, Ok(()), make(family, kind));
    }
    demo.expect(
        "UNIX, RAW is made, too, and is a DGRAM",
        Ok(libc::SOCK_DGRAM),
        socket(libc::AF_UNIX, libc::SOCK_RAW, 0)
            .and_then(|socket| getsockopt(&socket, sockopt::SockType))
            .map(|kind| kind as i32),
    );
    for (claim, errno, family, kind) in [
        (
            "NETLINK has no STREAM",
            Errno::ESOCKTNOSUPPORT,
            libc::AF_NETLINK,
            libc::SOCK_STREAM,
        ),
        (
            "INET, RAW has no usual protocol",
            Errno::EPROTONOSUPPORT,
            libc::AF_INET,
            libc::SOCK_RAW,
        ),
        (
            "a family that does not exist",
            Errno::EAFNOSUPPORT,
            99,
            libc::SOCK_STREAM,
        ),
        (
            "a type that does not exist",
            Errno::EINVAL,
            libc::AF_INET,
            99,
        ),
    ] {
        demo.expect(claim, Err(errno), make(family, kind));
    }
    Ok(())
}

fn protocols(demo: &mut DemoContext) {
    demo.does("say the protocol, which must fit the type");
    let make = |kind, protocol| socket(libc::AF_INET, kind, protocol).map(drop);
    let (stream, datagram) = (libc::SOCK_STREAM, libc::SOCK_DGRAM);
    let unfit = Err(Errno::EPROTONOSUPPORT);
    demo.expect(
        "STREAM with IPPROTO_TCP",
        Ok(()),
        make(stream, libc::IPPROTO_TCP),
    );
    demo.expect(
        "DGRAM with IPPROTO_UDP",
        Ok(()),
        make(datagram, libc::IPPROTO_UDP),
    );
    demo.expect(
        "STREAM with IPPROTO_UDP",
        unfit,
        make(stream, libc::IPPROTO_UDP),
    );
    demo.expect(
        "DGRAM with IPPROTO_TCP",
        unfit,
        make(datagram, libc::IPPROTO_TCP),
    );
}

fn ordinary_users(demo: &mut DemoContext) -> DemoResult {
    demo.does("raw sockets, as a process without capabilities");
    let icmp = || socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP).map(drop);
    let packet = || socket(libc::AF_PACKET, libc::SOCK_RAW, 0).map(drop);
    let refused = Err(Errno::EPERM);
    let seen = demo.as_ordinary_user(icmp)?;
    demo.expect("INET, RAW with IPPROTO_ICMP is for root", refused, seen);
    let seen = demo.as_ordinary_user(packet)?;
    demo.expect("PACKET is for root, too", refused, seen);
    Ok(())
}

fn names(demo: &mut DemoContext) {
    demo.does("compare AF_ and PF_ in the headers");
    for (claim, af, pf) in [
        ("PF_INET is AF_INET", libc::AF_INET, libc::PF_INET),
        ("PF_INET6 is AF_INET6", libc::AF_INET6, libc::PF_INET6),
        (
            "PF_LOCAL is AF_LOCAL, which is AF_UNIX",
            libc::AF_UNIX,
            libc::PF_LOCAL,
        ),
        ("PF_ROUTE is AF_NETLINK", libc::AF_NETLINK, libc::PF_ROUTE),
    ] {
        demo.expect(claim, af, pf);
    }
}
