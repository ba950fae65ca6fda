//! Datagrams: their boundaries and sizes, who receives them, who hears of errors, and how they are lost.

use std::{
    fs,
    io::{IoSlice, IoSliceMut},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    time::Instant,
};

use nix::{
    errno::Errno,
    poll::PollFlags,
    sys::{
        socket::{
            self, AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, SockaddrStorage,
            setsockopt, sockopt,
        },
        time::{TimeVal, TimeValLike},
    },
    unistd,
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoResult, ProcessEnd, accept_at_once, bind, connect, connect_raw, listen, name,
    peer_name, pending_error, send,
};
use harness::{
    failure::{Attempt, LabError},
    lab::quoted,
    sys,
};

pub const DEMO: Demo = Demo {
    name: "udp",
    day: 3,
    question: "What does UDP keep of a message, and what does it not tell the sender?",
    read: "A datagram is a message",
    needs: Needs::OwnNetwork,
    run,
};

const MAKE: &str = "could not make a socket";
const SEND: &str = "could not send";

fn run(demo: &mut DemoContext) -> DemoResult {
    no_connection(demo)?;
    boundaries(demo)?;
    too_long(demo)?;
    largest(demo, AddressFamily::Inet, 65507)?;
    if demo.has_ipv6("the largest datagram of IPv6") {
        largest(demo, AddressFamily::Inet6, 65527)?;
    }
    one_partner(demo)?;
    nobody_there(demo)?;
    queue(demo)?;
    time_limit(demo)?;
    one_port(demo)?;
    demo.in_own_network("from which address a wildcard server answers", wildcard)
}

/// A new UDP socket of IPv4.
fn socket(family: AddressFamily) -> DemoResult<OwnedFd> {
    socket::socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).attempt(MAKE)
}

fn udp() -> DemoResult<OwnedFd> {
    socket(AddressFamily::Inet)
}

/// A new UDP socket with an address of the demo's own.
pub(super) fn bound(demo: &DemoContext) -> DemoResult<(OwnedFd, SocketAddr)> {
    let socket = udp()?;
    bind(&socket, demo.any_port()).attempt("could not bind a socket")?;
    let address = name(&socket)?;
    Ok((socket, address))
}

fn send_to(socket: &OwnedFd, bytes: impl AsRef<[u8]>, to: SocketAddr) -> nix::Result<usize> {
    let to = SockaddrStorage::from(to);
    socket::sendto(socket.as_raw_fd(), bytes.as_ref(), &to, MsgFlags::empty())
}

/// A datagram that has come, as far as the room goes, in words.
fn datagram(bytes: &[u8]) -> String {
    match bytes {
        [] => "an empty datagram".to_owned(),
        bytes => quoted(bytes),
    }
}

/// The next datagram; EAGAIN when none comes within some seconds.
fn receive(demo: &DemoContext, socket: &OwnedFd, room: usize) -> DemoResult<nix::Result<String>> {
    demo.wait_until_ready(socket.as_fd(), PollFlags::POLLIN)?;
    Ok(receive_now(socket, room))
}

fn receive_now(socket: &OwnedFd, room: usize) -> nix::Result<String> {
    let mut buffer = vec![0; room];
    let length = socket::recv(socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT)?;
    Ok(datagram(&buffer[..length]))
}

fn text(text: &str) -> nix::Result<String> {
    Ok(datagram(text.as_bytes()))
}

fn no_connection(demo: &mut DemoContext) -> DemoResult {
    demo.does("listen and accept on a bound UDP socket");
    let (server, there) = bound(demo)?;
    demo.expect("listen", Err(Errno::EOPNOTSUPP), listen(&server, 1));
    demo.expect(
        "accept",
        Err(Errno::EOPNOTSUPP),
        accept_at_once(&server).map(drop),
    );

    demo.does("send from a socket without a name");
    let client = udp()?;
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    demo.expect("its name before", nowhere, name(&client)?);
    demo.expect(
        "send without a destination",
        Err(Errno::EDESTADDRREQ),
        send(&client, "x"),
    );
    demo.expect("sendto", Ok(1), send_to(&client, "x", there));
    let after = name(&client)?;
    demo.expect("now it has a port", true, after.port() != 0);
    demo.expect("a second sendto", Ok(1), send_to(&client, "y", there));
    demo.expect("… from the same port", after, name(&client)?);
    demo.expect(
        "bind comes too late",
        Err(Errno::EINVAL),
        bind(&client, demo.any_port()),
    );
    demo.expect(
        "to port 0, nothing can be sent",
        Err(Errno::EINVAL),
        send_to(&client, "x", SocketAddr::new(there.ip(), 0)),
    );
    demo.expect(
        "to a broadcast address only with SO_BROADCAST",
        Err(Errno::EACCES),
        send_to(
            &client,
            "x",
            SocketAddr::from((Ipv4Addr::new(127, 255, 255, 255), there.port())),
        ),
    );
    Ok(())
}

fn boundaries(demo: &mut DemoContext) -> DemoResult {
    demo.does("send \"one\", an empty datagram, \"two\"; then receive, with room for 9 bytes");
    let (server, there) = bound(demo)?;
    let client = udp()?;
    for one in ["one", "", "two"] {
        send_to(&client, one, there).attempt(SEND)?;
    }
    for one in ["one", "", "two"] {
        let seen = receive(demo, &server, 9)?;
        demo.expect("one call, one datagram", text(one), seen);
    }
    demo.does("send an empty datagram, and \"two\"; take the first one with read");
    for one in ["", "two"] {
        send_to(&client, one, there).attempt(SEND)?;
    }
    demo.wait_until_ready(server.as_fd(), PollFlags::POLLIN)?;
    demo.expect(
        "read takes it, and returns",
        Ok(0),
        unistd::read(&server, &mut [0; 9]),
    );
    let seen = receive(demo, &server, 9)?;
    demo.expect("the next one", text("two"), seen);

    demo.does("the sender closes its socket");
    drop(client);
    demo.expect(
        "the receiver sees nothing of it",
        Err(Errno::EAGAIN),
        receive_now(&server, 9),
    );
    Ok(())
}

fn too_long(demo: &mut DemoContext) -> DemoResult {
    demo.does("send \"0123456789\" and \"next\"; receive, with room for 4 bytes");
    let (server, there) = bound(demo)?;
    let client = udp()?;
    let send_both = || -> DemoResult {
        for one in ["0123456789", "next"] {
            send_to(&client, one, there).attempt(SEND)?;
        }
        Ok(())
    };
    send_both()?;
    let seen = receive(demo, &server, 4)?;
    demo.expect("the datagram is cut", text("0123"), seen);
    let seen = receive(demo, &server, 9)?;
    demo.expect("the rest does not come later", text("next"), seen);

    demo.does("the same, and ask for its length in three ways");
    send_both()?;
    demo.wait_until_ready(server.as_fd(), PollFlags::POLLIN)?;
    let receive_with = |flags: MsgFlags| socket::recv(server.as_raw_fd(), &mut [0; 4], flags);
    demo.expect(
        "MSG_PEEK and MSG_TRUNC: the true length, and it stays",
        Ok(10),
        receive_with(MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC),
    );
    demo.expect(
        "MSG_TRUNC: the true length",
        Ok(10),
        receive_with(MsgFlags::MSG_TRUNC),
    );
    let seen = receive(demo, &server, 9)?;
    demo.expect("then it is gone", text("next"), seen);
    send_both()?;
    demo.wait_until_ready(server.as_fd(), PollFlags::POLLIN)?;
    let mut room = [0; 4];
    let mut parts = [IoSliceMut::new(&mut room)];
    let message =
        socket::recvmsg::<SockaddrStorage>(server.as_raw_fd(), &mut parts, None, MsgFlags::empty());
    demo.expect(
        "recvmsg returns what fits, and MSG_TRUNC among its flags",
        Ok((4, true)),
        message.map(|message| (message.bytes, message.flags.contains(MsgFlags::MSG_TRUNC))),
    );

    demo.does("recvfrom in C, with room for an address and addrlen = 0");
    send_to(&client, "x", there).attempt(SEND)?;
    let _next = receive(demo, &server, 9)?;
    demo.wait_until_ready(server.as_fd(), PollFlags::POLLIN)?;
    demo.expect(
        "it receives; of the address, so many bytes were written, and so many it needs",
        Ok((1, (0, 16))),
        receive_without_room_for_the_address(&server),
    );
    Ok(())
}

/// What recvfrom(2) returns, how many bytes of the address it has written, and what is in addrlen afterwards.
fn receive_without_room_for_the_address(server: &OwnedFd) -> nix::Result<(i64, (usize, u32))> {
    const FILLED: u8 = 0xee;
    let mut address = [FILLED; 64];
    let mut length: libc::socklen_t = 0;
    let mut byte = 0_u8;
    // SAFETY: the buffer has one byte, and the address has more room than its length says.
    let received = unsafe {
        libc::recvfrom(
            server.as_raw_fd(),
            (&raw mut byte).cast(),
            1,
            libc::MSG_DONTWAIT,
            address.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    let received = Errno::result(received)?;
    let written = address.iter().filter(|byte| **byte != FILLED).count();
    Ok((received as i64, (written, length)))
}

fn largest(demo: &mut DemoContext, family: AddressFamily, most: usize) -> DemoResult {
    let (version, there) = match family {
        AddressFamily::Inet6 => ("IPv6", SocketAddr::from((Ipv6Addr::LOCALHOST, 0))),
        _ => ("IPv4", demo.any_port()),
    };
    demo.does(format!("the largest datagram of {version}"));
    let server = socket(family)?;
    bind(&server, there).attempt("could not bind a socket")?;
    let there = name(&server)?;
    let client = socket(family)?;
    let bytes = vec![b'x'; most + 1];
    demo.expect(
        format!("{most} bytes"),
        Ok(most),
        send_to(&client, &bytes[1..], there),
    );
    demo.wait_until_ready(server.as_fd(), PollFlags::POLLIN)?;
    let length = socket::recv(
        server.as_raw_fd(),
        &mut vec![0; most + 1],
        MsgFlags::MSG_DONTWAIT,
    );
    demo.expect("arrive in one piece", Ok(most), length);
    demo.expect(
        format!("{} bytes", most + 1),
        Err(Errno::EMSGSIZE),
        send_to(&client, &bytes, there),
    );
    if family == AddressFamily::Inet {
        demo.does("set SO_SNDBUF to 4096 (the kernel doubles it)");
        setsockopt(&client, sockopt::SndBuf, &4096).attempt("could not set SO_SNDBUF")?;
        demo.expect(
            "a datagram may be longer than the send buffer: 20000 bytes",
            Ok(20000),
            send_to(&client, &bytes[..20000], there),
        );
    }
    Ok(())
}

fn one_partner(demo: &mut DemoContext) -> DemoResult {
    demo.does("connect a UDP socket; then a stranger sends to it, and then its partner");
    let (partner, there) = bound(demo)?;
    let (client, here) = bound(demo)?;
    let (stranger, _) = bound(demo)?;
    demo.expect("connect", Ok(()), connect(&client, there));
    demo.expect("getpeername", there, peer_name(&client)?);
    send_to(&stranger, "from a stranger", here).attempt(SEND)?;
    send_to(&partner, "from the partner", here).attempt(SEND)?;
    let seen = receive(demo, &client, 30)?;
    demo.expect("the client receives", text("from the partner"), seen);
    demo.expect("and no more", Err(Errno::EAGAIN), receive_now(&client, 30));

    demo.does("send from the connected socket");
    demo.expect("send needs no destination", Ok(2), send(&client, "hi"));
    let seen = receive(demo, &partner, 9)?;
    demo.expect("the partner receives", text("hi"), seen);
    let other = name(&stranger)?;
    demo.expect(
        "sendto may name another one",
        Ok(3),
        send_to(&client, "you", other),
    );
    let seen = receive(demo, &stranger, 9)?;
    demo.expect("… who receives it", text("you"), seen);
    demo.expect(
        "connect again, to another partner",
        Ok(()),
        connect(&client, other),
    );
    demo.expect("getpeername", other, peer_name(&client)?);
    demo.expect(
        "connect with AF_UNSPEC",
        Ok(()),
        connect_raw(&client, &[0; 16]),
    );
    demo.expect(
        "then it has no partner",
        Err(Errno::EDESTADDRREQ),
        send(&client, "x"),
    );
    Ok(())
}

fn nobody_there(demo: &mut DemoContext) -> DemoResult {
    demo.does("send three datagrams to a port where nobody receives, from an unconnected socket");
    let (closed, nobody) = bound(demo)?;
    drop(closed);
    let (unconnected, _) = bound(demo)?;
    for _ in 0..3 {
        demo.expect("sendto", Ok(1), send_to(&unconnected, "x", nobody));
    }
    demo.does("the same from a connected socket");
    let client = udp()?;
    demo.expect("connect asks nobody", Ok(()), connect(&client, nobody));
    demo.expect("the first send", Ok(1), send(&client, "x"));
    demo.wait_until_ready(client.as_fd(), PollFlags::POLLIN)?;
    demo.expect(
        "the next call, whichever it is",
        Err(Errno::ECONNREFUSED),
        send(&client, "x"),
    );
    demo.expect("it is told once", Ok(1), send(&client, "x"));
    demo.wait_until_ready(client.as_fd(), PollFlags::POLLIN)?;
    demo.expect(
        "a receive is told as well",
        Err(Errno::ECONNREFUSED),
        receive_now(&client, 9),
    );
    demo.expect("… once", Err(Errno::EAGAIN), receive_now(&client, 9));
    demo.expect(
        "meanwhile the unconnected socket has heard nothing: its receive",
        Err(Errno::EAGAIN),
        receive_now(&unconnected, 9),
    );
    demo.expect("… and its SO_ERROR", Ok(()), pending_error(&unconnected));

    demo.does("another process sleeps in recv on the connected socket; send again");
    let mut sleeper = demo.start(|| {
        let received = socket::recv(client.as_raw_fd(), &mut [0; 9], MsgFlags::empty());
        received.map_or_else(|errno| errno as i32, |_| 0)
    })?;
    demo.wait_until_asleep(&sleeper)?;
    send(&client, "x").attempt(SEND)?;
    let seen = demo.ending(&mut sleeper)?;
    demo.expect(
        "its recv ends with ECONNREFUSED, which is number 111",
        ProcessEnd::Exited(Errno::ECONNREFUSED as i32),
        seen,
    );

    demo.does("an unconnected socket that asks for errors, with IP_RECVERR");
    let asking = udp()?;
    sys::socket::set_option(&asking, libc::IPPROTO_IP, libc::IP_RECVERR, 1)
        .attempt("could not set IP_RECVERR")?;
    send_to(&asking, "x", nobody).attempt(SEND)?;
    let seen = receive(demo, &asking, 9)?;
    demo.expect("its receive", Err(Errno::ECONNREFUSED), seen);
    Ok(())
}

/// A queue that is full: what comes then is lost, and nobody is told.
fn queue(demo: &mut DemoContext) -> DemoResult {
    const SENT: u64 = 200;
    demo.does("set SO_RCVBUF to 4096; send 200 datagrams of 1 byte, and receive none meanwhile");
    let (server, there) = bound(demo)?;
    setsockopt(&server, sockopt::RcvBuf, &4096).attempt("could not set SO_RCVBUF")?;
    let client = udp()?;
    let mut taken = 0;
    for _ in 0..SENT {
        taken += u64::from(send_to(&client, "x", there) == Ok(1));
    }
    demo.expect("calls of sendto that succeed", SENT, taken);
    let mut received = 0;
    let mut lost = 0;
    demo.wait_for(&[], || {
        while receive_now(&server, 9).is_ok() {
            received += 1;
        }
        lost = drops(there)?;
        Ok((received + lost == SENT).then_some(()))
    })?;
    demo.expect_within("received (9 on Linux 6.18)", 1, SENT / 2, received);
    demo.expect(
        "the rest is in the column drops of /proc/net/udp",
        SENT - received,
        lost,
    );
    Ok(())
}

/// How many datagrams the socket of this name has lost: the last column of its line in /proc/net/udp.
fn drops(of: SocketAddr) -> DemoResult<u64> {
    const READ: &str = "could not read /proc/net/udp";
    let SocketAddr::V4(of) = of else {
        return Err(LabError::new(READ));
    };
    let number = u32::from_ne_bytes(of.ip().octets());
    let local = format!("{number:08X}:{:04X}", of.port());
    let table = fs::read_to_string("/proc/self/net/udp").attempt(READ)?;
    let mut lines = table.lines().map(str::split_whitespace);
    let line = lines.find(|words| words.clone().nth(1) == Some(&local));
    let drops = line.and_then(|words| words.last()?.parse().ok());
    drops.ok_or_else(|| LabError::new(READ))
}

fn time_limit(demo: &mut DemoContext) -> DemoResult {
    demo.does("recv on a socket with SO_RCVTIMEO = 0.1 s, to which nobody sends");
    let (client, _) = bound(demo)?;
    setsockopt(
        &client,
        sockopt::ReceiveTimeout,
        &TimeVal::milliseconds(100),
    )
    .attempt("could not set a time limit")?;
    let start = Instant::now();
    let seen = socket::recv(client.as_raw_fd(), &mut [0; 9], MsgFlags::empty());
    let waited = start.elapsed().as_millis() as u64;
    demo.expect("recv", Err(Errno::EAGAIN), seen);
    demo.expect_within("after milliseconds", 100, 2000, waited);
    Ok(())
}

fn one_port(demo: &mut DemoContext) -> DemoResult {
    demo.does("bind a second UDP socket to the same address and port");
    let (first, there) = bound(demo)?;
    demo.expect("bind", Err(Errno::EADDRINUSE), bind(&udp()?, there));
    drop(first);
    demo.does("close the first one, and bind again");
    demo.expect("bind", Ok(()), bind(&udp()?, there));

    demo.does("bind two sockets that have both set SO_REUSEADDR; then send one datagram");
    let sharing = || -> DemoResult<OwnedFd> {
        let socket = udp()?;
        setsockopt(&socket, sockopt::ReuseAddr, &true).attempt("could not set SO_REUSEADDR")?;
        Ok(socket)
    };
    let (first, second) = (sharing()?, sharing()?);
    bind(&first, demo.any_port()).attempt("could not bind a socket")?;
    let there = name(&first)?;
    demo.expect("both binds succeed", Ok(()), bind(&second, there));
    send_to(&udp()?, "who", there).attempt(SEND)?;
    let seen = receive(demo, &second, 9)?;
    demo.expect("the newer one gets it", text("who"), seen);
    demo.expect(
        "the older one does not",
        Err(Errno::EAGAIN),
        receive_now(&first, 9),
    );

    demo.does("bind a TCP socket to the port of a UDP socket");
    let (_udp, there) = bound(demo)?;
    demo.expect("bind", Ok(()), bind(&demo.tcp()?, there));
    Ok(())
}

/// A server of the wildcard address answers from the address that belongs to the route.
fn wildcard(demo: &mut DemoContext) -> DemoResult {
    demo.does("a server is bound to 0.0.0.0; an unconnected client asks 127.0.0.2");
    let server = udp()?;
    bind(&server, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))
        .attempt("could not bind a socket")?;
    let port = name(&server)?.port();
    let asked = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), port));
    let home = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let client = udp()?;
    bind(&client, home).attempt("could not bind a socket")?;
    let here = name(&client)?;
    send_to(&client, "?", asked).attempt(SEND)?;
    let _question = receive(demo, &server, 9)?;
    send_to(&server, "!", here).attempt(SEND)?;
    demo.wait_until_ready(client.as_fd(), PollFlags::POLLIN)?;
    let sender = socket::recvfrom::<socket::SockaddrIn>(client.as_raw_fd(), &mut [0; 9])
        .map(|(_, sender)| sender.map(|sender| sender.to_string()));
    demo.expect(
        "the answer comes from another address",
        Ok(Some(format!("127.0.0.1:{port}"))),
        sender,
    );

    demo.does("the client is connected to 127.0.0.2; the server answers, and answers again with IP_PKTINFO");
    connect(&client, asked).attempt("could not connect")?;
    send(&client, "?").attempt(SEND)?;
    let _question = receive(demo, &server, 9)?;
    send_to(&server, "from 127.0.0.1", here).attempt(SEND)?;
    let from = libc::in_pktinfo {
        ipi_ifindex: 0,
        ipi_spec_dst: libc::in_addr {
            s_addr: u32::from_ne_bytes([127, 0, 0, 2]),
        },
        ipi_addr: libc::in_addr { s_addr: 0 },
    };
    socket::sendmsg(
        server.as_raw_fd(),
        &[IoSlice::new(b"from 127.0.0.2")],
        &[ControlMessage::Ipv4PacketInfo(&from)],
        MsgFlags::empty(),
        Some(&SockaddrStorage::from(here)),
    )
    .attempt(SEND)?;
    let seen = receive(demo, &client, 30)?;
    demo.expect(
        "the first answer that the client receives",
        text("from 127.0.0.2"),
        seen,
    );
    Ok(())
}
