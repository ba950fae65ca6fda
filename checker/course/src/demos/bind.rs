//! bind, by hand and by the kernel.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::fd::OwnedFd,
};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, SockFlag, SockType, socket},
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoResult, ListeningSocket, accept_at_once, bind, listen, name,
};
use harness::failure::{Attempt, LabError};

pub const DEMO: Demo = Demo {
    name: "bind",
    day: 2,
    question: "Which address and port does a socket have, and when does bind fail?",
    read: "A name before there is a connection: bind",
    needs: Needs::OwnNetwork,
    run,
};

const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

fn at(ip: Ipv4Addr, port: u16) -> SocketAddr {
    SocketAddr::new(ip.into(), port)
}

fn run(demo: &mut DemoContext) -> DemoResult {
    by_hand(demo)?;
    by_the_kernel(demo)?;
    refused(demo)?;
    before_accept(demo)?;
    demo.in_own_network("what a wildcard server sees of its connections", wildcard)?;
    demo.with_own_settings(
        "a range of two ports, and what happens when none is free",
        all_taken,
    )?;
    demo.with_own_settings("ports below 1024, for root alone", privileged)
}

fn by_hand(demo: &mut DemoContext) -> DemoResult {
    let own = demo.address();
    demo.does("bind to an address and port 0; getsockname");
    let (socket, address) = demo.bound()?;
    demo.expect(
        "the address is the one that was given",
        IpAddr::from(own).to_string(),
        address.ip().to_string(),
    );
    let range = demo.setting("net.ipv4.ip_local_port_range")?;
    let bounds: Vec<u16> = range
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [lowest, highest] = bounds[..] else {
        return Err(LabError::new(format!(
            "the range of ports cannot be read: {range}"
        )));
    };
    demo.expect_within(
        "the port is one of net.ipv4.ip_local_port_range",
        lowest,
        highest,
        address.port(),
    );
    drop(socket);
    demo.does("the same port again, by its number, now that it is free");
    let socket = demo.tcp()?;
    demo.expect("bind", Ok(()), bind(&socket, address));
    demo.expect("getsockname", address, name(&socket)?);
    Ok(())
}

fn by_the_kernel(demo: &mut DemoContext) -> DemoResult {
    let listener = demo.listen(8)?;
    demo.does("connect a socket without bind");
    let client = demo.tcp()?;
    demo.expect("before: no address, no port", at(ANY, 0), name(&client)?);
    let seen = demo.connect(&client, listener.address)?;
    demo.expect("connect", Ok(()), seen);
    let after = name(&client)?;
    demo.expect(
        "after: connect has chosen the address",
        IpAddr::from(Ipv4Addr::LOCALHOST).to_string(),
        after.ip().to_string(),
    );
    demo.expect("… and a port", true, after.port() != 0);

    demo.does("bind a client to 127.0.0.9, and connect");
    let client = demo.tcp()?;
    let nine = Ipv4Addr::new(127, 0, 0, 9);
    demo.expect("a client may bind", Ok(()), bind(&client, at(nine, 0)));
    let seen = demo.connect(&client, listener.address)?;
    demo.expect("connect", Ok(()), seen);
    demo.expect(
        "it keeps that address",
        IpAddr::from(nine).to_string(),
        name(&client)?.ip().to_string(),
    );
    Ok(())
}

fn refused(demo: &mut DemoContext) -> DemoResult {
    demo.does("bind where it cannot be");
    let (socket, address) = demo.bound()?;
    demo.expect(
        "a port which another socket has only bound",
        Err(Errno::EADDRINUSE),
        bind(&demo.tcp()?, address),
    );
    demo.expect(
        "a socket that has an address already",
        Err(Errno::EINVAL),
        bind(&socket, demo.any_port()),
    );
    demo.expect(
        "203.0.113.7, an address which no host has",
        Err(Errno::EADDRNOTAVAIL),
        bind(&demo.tcp()?, at(Ipv4Addr::new(203, 0, 113, 7), 0)),
    );
    let link = demo.link()?;
    demo.expect(
        "a socket that is connected",
        Err(Errno::EINVAL),
        bind(&link.client, demo.any_port()),
    );
    Ok(())
}

fn before_accept(demo: &mut DemoContext) -> DemoResult {
    demo.does("accept and listen where they do not belong");
    let (bound, _) = demo.bound()?;
    demo.expect(
        "accept before listen",
        Err(Errno::EINVAL),
        accept_at_once(&bound).map(drop),
    );
    let udp = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .attempt("could not make a socket")?;
    demo.expect("listen on UDP", Err(Errno::EOPNOTSUPP), listen(&udp, 1));
    let link = demo.link()?;
    demo.expect(
        "listen on a connected socket",
        Err(Errno::EINVAL),
        listen(&link.client, 1),
    );
    Ok(())
}

fn wildcard(demo: &mut DemoContext) -> DemoResult {
    demo.does("bind to the wildcard address 0.0.0.0 and listen; a client connects to 127.0.0.5");
    let socket = demo.tcp()?;
    bind(&socket, at(ANY, 0)).attempt("could not bind")?;
    listen(&socket, 8).attempt("could not listen")?;
    let address = name(&socket)?;
    demo.expect(
        "getsockname of the listener",
        IpAddr::from(ANY).to_string(),
        address.ip().to_string(),
    );
    let five = at(Ipv4Addr::new(127, 0, 0, 5), address.port());
    let client = demo.tcp()?;
    let seen = demo.connect(&client, five)?;
    demo.expect("connect", Ok(()), seen);
    let listener = ListeningSocket { socket, address };
    let accepted = demo.accept(&listener)?.attempt("could not accept")?;
    demo.expect(
        "the accepted socket has the address which the client asked for, and the listener's port",
        five,
        name(&accepted)?,
    );

    demo.does("listen without bind");
    let socket = demo.tcp()?;
    demo.expect("listen", Ok(()), listen(&socket, 1));
    demo.expect(
        "the kernel takes the wildcard address and a free port",
        (IpAddr::from(ANY).to_string(), true),
        (name(&socket)?.ip().to_string(), name(&socket)?.port() != 0),
    );
    Ok(())
}

fn all_taken(demo: &mut DemoContext) -> DemoResult {
    let listener = demo.listen(8)?;
    let take = |demo: &DemoContext| -> DemoResult<(OwnedFd, nix::Result<u16>)> {
        let socket = demo.tcp()?;
        let port = match bind(&socket, demo.any_port()) {
            Ok(()) => Ok(name(&socket)?.port()),
            Err(errno) => Err(errno),
        };
        Ok((socket, port))
    };
    demo.does("net.ipv4.ip_local_port_range = 40000 40001; bind three sockets to port 0");
    let before = demo.setting("net.ipv4.ip_local_port_range")?;
    demo.set("net.ipv4.ip_local_port_range", "40000 40001")?;
    let (first, one) = take(demo)?;
    let (second, other) = take(demo)?;
    let got: BTreeSet<u16> = [one, other].into_iter().flatten().collect();
    demo.expect(
        "both ends of the range are handed out",
        vec![40000, 40001],
        got.into_iter().collect::<Vec<u16>>(),
    );
    let (_, none) = take(demo)?;
    demo.expect("then no port is left to bind", Err(Errno::EADDRINUSE), none);
    let seen = demo.connect(&demo.tcp()?, listener.address)?;
    demo.expect("… nor to connect", Err(Errno::EADDRNOTAVAIL), seen);
    drop((first, second));

    demo.does("net.ipv4.ip_local_reserved_ports = 40000");
    demo.set("net.ipv4.ip_local_reserved_ports", "40000")?;
    let (_other, port) = take(demo)?;
    demo.expect("the kernel does not choose that one", Ok(40001), port);
    demo.expect(
        "a bind with its number gets it",
        Ok(()),
        bind(&demo.tcp()?, at(Ipv4Addr::LOCALHOST, 40000)),
    );
    demo.set("net.ipv4.ip_local_reserved_ports", "\n")?;
    demo.set("net.ipv4.ip_local_port_range", &before)
}

fn privileged(demo: &mut DemoContext) -> DemoResult {
    let bind_to = |demo: &DemoContext, port| {
        demo.as_ordinary_user(|| {
            let socket = socket(
                AddressFamily::Inet,
                SockType::Stream,
                SockFlag::empty(),
                None,
            )?;
            bind(&socket, at(Ipv4Addr::LOCALHOST, port))
        })
    };
    demo.does("bind to low ports, as a process without capabilities");
    for (claim, port, expected) in [
        ("1023", 1023, Err(Errno::EACCES)),
        ("1024 is not privileged", 1024, Ok(())),
    ] {
        let seen = bind_to(demo, port)?;
        demo.expect(claim, expected, seen);
    }
    demo.does("net.ipv4.ip_unprivileged_port_start = 80");
    demo.set("net.ipv4.ip_unprivileged_port_start", "80")?;
    for (claim, port, expected) in [("79", 79, Err(Errno::EACCES)), ("80", 80, Ok(()))] {
        let seen = bind_to(demo, port)?;
        demo.expect(claim, expected, seen);
    }
    Ok(())
}
