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
use crate::stage::{Listener, Shown, Stage, accept_at_once, bind, listen, name};
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

fn run(stage: &mut Stage) -> Shown {
    by_hand(stage)?;
    by_the_kernel(stage)?;
    refused(stage)?;
    before_accept(stage)?;
    stage.in_own_network("what a wildcard server sees of its connections", wildcard)?;
    stage.with_own_settings(
        "a range of two ports, and what happens when none is free",
        all_taken,
    )?;
    stage.with_own_settings("ports below 1024, for root alone", privileged)
}

fn by_hand(stage: &mut Stage) -> Shown {
    let own = stage.address();
    stage.does("bind to an address and port 0; getsockname");
    let (socket, address) = stage.bound()?;
    stage.expect(
        "the address is the one that was given",
        IpAddr::from(own).to_string(),
        address.ip().to_string(),
    );
    let range = stage.setting("net.ipv4.ip_local_port_range")?;
    let bounds: Vec<u16> = range
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [lowest, highest] = bounds[..] else {
        return Err(LabError::new(format!(
            "the range of ports cannot be read: {range}"
        )));
    };
    stage.expect_within(
        "the port is one of net.ipv4.ip_local_port_range",
        lowest,
        highest,
        address.port(),
    );
    drop(socket);
    stage.does("the same port again, by its number, now that it is free");
    let socket = stage.tcp()?;
    stage.expect("bind", Ok(()), bind(&socket, address));
    stage.expect("getsockname", address, name(&socket)?);
    Ok(())
}

fn by_the_kernel(stage: &mut Stage) -> Shown {
    let listener = stage.listen(8)?;
    stage.does("connect a socket without bind");
    let client = stage.tcp()?;
    stage.expect("before: no address, no port", at(ANY, 0), name(&client)?);
    let seen = stage.connect(&client, listener.address)?;
    stage.expect("connect", Ok(()), seen);
    let after = name(&client)?;
    stage.expect(
        "after: connect has chosen the address",
        IpAddr::from(Ipv4Addr::LOCALHOST).to_string(),
        after.ip().to_string(),
    );
    stage.expect("… and a port", true, after.port() != 0);

    stage.does("bind a client to 127.0.0.9, and connect");
    let client = stage.tcp()?;
    let nine = Ipv4Addr::new(127, 0, 0, 9);
    stage.expect("a client may bind", Ok(()), bind(&client, at(nine, 0)));
    let seen = stage.connect(&client, listener.address)?;
    stage.expect("connect", Ok(()), seen);
    stage.expect(
        "it keeps that address",
        IpAddr::from(nine).to_string(),
        name(&client)?.ip().to_string(),
    );
    Ok(())
}

fn refused(stage: &mut Stage) -> Shown {
    stage.does("bind where it cannot be");
    let (socket, address) = stage.bound()?;
    stage.expect(
        "a port which another socket has only bound",
        Err(Errno::EADDRINUSE),
        bind(&stage.tcp()?, address),
    );
    stage.expect(
        "a socket that has an address already",
        Err(Errno::EINVAL),
        bind(&socket, stage.any_port()),
    );
    stage.expect(
        "203.0.113.7, an address which no host has",
        Err(Errno::EADDRNOTAVAIL),
        bind(&stage.tcp()?, at(Ipv4Addr::new(203, 0, 113, 7), 0)),
    );
    let link = stage.link()?;
    stage.expect(
        "a socket that is connected",
        Err(Errno::EINVAL),
        bind(&link.client, stage.any_port()),
    );
    Ok(())
}

fn before_accept(stage: &mut Stage) -> Shown {
    stage.does("accept and listen where they do not belong");
    let (bound, _) = stage.bound()?;
    stage.expect(
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
    stage.expect("listen on UDP", Err(Errno::EOPNOTSUPP), listen(&udp, 1));
    let link = stage.link()?;
    stage.expect(
        "listen on a connected socket",
        Err(Errno::EINVAL),
        listen(&link.client, 1),
    );
    Ok(())
}

fn wildcard(stage: &mut Stage) -> Shown {
    stage.does("bind to the wildcard address 0.0.0.0 and listen; a client connects to 127.0.0.5");
    let socket = stage.tcp()?;
    bind(&socket, at(ANY, 0)).attempt("could not bind")?;
    listen(&socket, 8).attempt("could not listen")?;
    let address = name(&socket)?;
    stage.expect(
        "getsockname of the listener",
        IpAddr::from(ANY).to_string(),
        address.ip().to_string(),
    );
    let five = at(Ipv4Addr::new(127, 0, 0, 5), address.port());
    let client = stage.tcp()?;
    let seen = stage.connect(&client, five)?;
    stage.expect("connect", Ok(()), seen);
    let listener = Listener { socket, address };
    let accepted = stage.accept(&listener)?.attempt("could not accept")?;
    stage.expect(
        "the accepted socket has the address which the client asked for, and the listener's port",
        five,
        name(&accepted)?,
    );

    stage.does("listen without bind");
    let socket = stage.tcp()?;
    stage.expect("listen", Ok(()), listen(&socket, 1));
    stage.expect(
        "the kernel takes the wildcard address and a free port",
        (IpAddr::from(ANY).to_string(), true),
        (name(&socket)?.ip().to_string(), name(&socket)?.port() != 0),
    );
    Ok(())
}

fn all_taken(stage: &mut Stage) -> Shown {
    let listener = stage.listen(8)?;
    let take = |stage: &Stage| -> Shown<(OwnedFd, nix::Result<u16>)> {
        let socket = stage.tcp()?;
        let port = match bind(&socket, stage.any_port()) {
            Ok(()) => Ok(name(&socket)?.port()),
            Err(errno) => Err(errno),
        };
        Ok((socket, port))
    };
    stage.does("net.ipv4.ip_local_port_range = 40000 40001; bind three sockets to port 0");
    let before = stage.setting("net.ipv4.ip_local_port_range")?;
    stage.set("net.ipv4.ip_local_port_range", "40000 40001")?;
    let (first, one) = take(stage)?;
    let (second, other) = take(stage)?;
    let got: BTreeSet<u16> = [one, other].into_iter().flatten().collect();
    stage.expect(
        "both ends of the range are handed out",
        vec![40000, 40001],
        got.into_iter().collect::<Vec<u16>>(),
    );
    let (_, none) = take(stage)?;
    stage.expect("then no port is left to bind", Err(Errno::EADDRINUSE), none);
    let seen = stage.connect(&stage.tcp()?, listener.address)?;
    stage.expect("… nor to connect", Err(Errno::EADDRNOTAVAIL), seen);
    drop((first, second));

    stage.does("net.ipv4.ip_local_reserved_ports = 40000");
    stage.set("net.ipv4.ip_local_reserved_ports", "40000")?;
    let (_other, port) = take(stage)?;
    stage.expect("the kernel does not choose that one", Ok(40001), port);
    stage.expect(
        "who asks for it by its number gets it",
        Ok(()),
        bind(&stage.tcp()?, at(Ipv4Addr::LOCALHOST, 40000)),
    );
    stage.set("net.ipv4.ip_local_reserved_ports", "\n")?;
    stage.set("net.ipv4.ip_local_port_range", &before)
}

fn privileged(stage: &mut Stage) -> Shown {
    let bind_to = |stage: &Stage, port| {
        stage.as_ordinary_user(|| {
            let socket = socket(
                AddressFamily::Inet,
                SockType::Stream,
                SockFlag::empty(),
                None,
            )?;
            bind(&socket, at(Ipv4Addr::LOCALHOST, port))
        })
    };
    stage.does("bind to low ports, as a process without capabilities");
    for (claim, port, expected) in [
        ("1023", 1023, Err(Errno::EACCES)),
        ("1024 is not privileged", 1024, Ok(())),
    ] {
        let seen = bind_to(stage, port)?;
        stage.expect(claim, expected, seen);
    }
    stage.does("net.ipv4.ip_unprivileged_port_start = 80");
    stage.set("net.ipv4.ip_unprivileged_port_start", "80")?;
    for (claim, port, expected) in [("79", 79, Err(Errno::EACCES)), ("80", 80, Ok(()))] {
        let seen = bind_to(stage, port)?;
        stage.expect(claim, expected, seen);
    }
    Ok(())
}
