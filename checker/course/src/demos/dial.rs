//! connect, and how it fails.

use std::{
    net::{Ipv4Addr, SocketAddr},
    os::fd::AsFd,
    time::Instant,
};

use nix::{
    errno::Errno,
    poll::PollFlags,
    sys::{
        socket::{setsockopt, sockopt},
        time::{TimeVal, TimeValLike},
    },
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoResult, Flags, Received, Route, Wire, connect, connect_at_once, listen, name,
    peer_name, pending_error, send,
};
use harness::{failure::Attempt, observe::sockets::State};

pub const DEMO: Demo = Demo {
    name: "dial",
    day: 2,
    question: "When does connect return, and what does each of its errors mean?",
    read: "The outcomes of connect",
    needs: Needs::OwnNetwork,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    refused(demo)?;
    without_waiting(demo)?;
    no_answer(demo)?;
    itself(demo)?;
    demo.in_own_network("what routes do to connect", routes)?;
    demo.in_own_network("what a router's message does", told_by_a_router)
}

fn refused(demo: &mut DemoContext) -> DemoResult {
    demo.does("bind a port, and do not listen; a client connects");
    let (server, address) = demo.bound()?;
    let client = demo.tcp()?;
    let seen = demo.connect(&client, address)?;
    demo.expect(
        "nobody listens: it is refused at once",
        Err(Errno::ECONNREFUSED),
        seen,
    );
    demo.expect(
        "the socket is not connected",
        Err(Errno::EPIPE),
        send(&client, "x"),
    );

    demo.does("listen; the same socket connects again, and nobody accepts");
    listen(&server, 1).attempt("could not listen")?;
    let seen = demo.connect(&client, address)?;
    demo.expect(
        "Linux lets a refused socket try again; connect does not wait for accept",
        Ok(()),
        seen,
    );
    let ends = (name(&client)?, address);
    demo.expect_state("the client", ends, State::Established)?;
    demo.expect_state(
        "the server, whose program has done nothing",
        (ends.1, ends.0),
        State::Established,
    )?;
    demo.expect(
        "a connected socket cannot connect again",
        Err(Errno::EISCONN),
        connect_at_once(&client, address),
    );
    Ok(())
}

fn without_waiting(demo: &mut DemoContext) -> DemoResult {
    let listener = demo.listen(1)?;
    let (_bound, nobody) = demo.bound()?;
    demo.does("connect a non-blocking socket, and ask poll when its outcome is known");
    for (claim, to, expected) in [
        ("then SO_ERROR says", listener.address, Ok(())),
        (
            "then SO_ERROR says, where nobody listens",
            nobody,
            Err(Errno::ECONNREFUSED),
        ),
    ] {
        let client = demo.tcp()?;
        demo.expect(
            "connect does not wait",
            Err(Errno::EINPROGRESS),
            connect_at_once(&client, to),
        );
        let ready = demo.wait_until_ready(client.as_fd(), PollFlags::POLLOUT)?;
        demo.expect("poll says that it can be written", true, ready);
        demo.expect(claim, expected, pending_error(&client));
        demo.expect(
            "… once: asked again it says",
            Ok(()),
            pending_error(&client),
        );
    }
    Ok(())
}

/// A full accept queue looks like a host that is away, or behind a firewall.
fn no_answer(demo: &mut DemoContext) -> DemoResult {
    let listener = demo.listen(0)?;
    let first = demo.tcp()?;
    let seen = demo.connect(&first, listener.address)?;
    demo.does("fill a server's accept queue, so that it drops each SYN (demo backlog)");
    demo.expect("the last client that gets in: connect", Ok(()), seen);
    demo.does("connect, with a limit of 1 s (TCP_USER_TIMEOUT)");
    let client = demo.tcp()?;
    setsockopt(&client, sockopt::TcpUserTimeout, &1000).attempt("could not set a time limit")?;
    let start = Instant::now();
    connect_at_once(&client, listener.address)
        .or_else(|errno| {
            if errno == Errno::EINPROGRESS {
                Ok(())
            } else {
                Err(errno)
            }
        })
        .attempt("could not begin to connect")?;
    let ends = (name(&client)?, listener.address);
    demo.expect_state("meanwhile the client is in", ends, State::SynSent)?;
    demo.expect(
        "connect again: it is still in progress",
        Err(Errno::EALREADY),
        connect_at_once(&client, ends.1),
    );
    demo.wait_until_ready(client.as_fd(), PollFlags::POLLOUT)?;
    demo.expect(
        "no answer at all",
        Err(Errno::ETIMEDOUT),
        pending_error(&client),
    );
    demo.expect_within(
        "after milliseconds (by default it takes more than two minutes)",
        900,
        10_000,
        start.elapsed().as_millis() as u64,
    );

    demo.does("a blocking connect with SO_SNDTIMEO = 0.2 s");
    let client = demo.tcp()?;
    setsockopt(&client, sockopt::SendTimeout, &TimeVal::milliseconds(200))
        .attempt("could not set a time limit")?;
    let seen = connect(&client, listener.address);
    demo.expect(
        "the waiting has ended, the handshake goes on",
        Err(Errno::EINPROGRESS),
        seen,
    );
    Ok(())
}

fn itself(demo: &mut DemoContext) -> DemoResult {
    demo.does("bind a socket, and connect it to its own address; nobody listens");
    let (socket, address) = demo.bound()?;
    let seen = demo.connect(&socket, address)?;
    demo.expect(
        "a socket can be its own peer (simultaneous open, RFC 9293, 3.5)",
        Ok(()),
        seen,
    );
    demo.expect("getpeername", address, peer_name(&socket)?);
    demo.expect("it sends", Ok(4), send(&socket, "echo"));
    let seen = demo.receive(&socket, 10)?;
    demo.expect("… and receives that", Ok(Received::bytes("echo")), seen);
    Ok(())
}

fn routes(demo: &mut DemoContext) -> DemoResult {
    demo.does("connect to hosts to which no route leads");
    let host = |last| Ipv4Addr::new(203, 0, 113, last);
    let try_to =
        |demo: &DemoContext, ip| demo.connect(&demo.tcp()?, SocketAddr::new(Ipv4Addr::into(ip), 9));
    let seen = try_to(demo, host(1))?;
    demo.expect("no route at all", Err(Errno::ENETUNREACH), seen);
    for (last, kind, claim, errno) in [
        (
            2,
            Route::Unreachable,
            "ip route add unreachable",
            Errno::EHOSTUNREACH,
        ),
        (3, Route::Prohibit, "ip route add prohibit", Errno::EACCES),
        (4, Route::Blackhole, "ip route add blackhole", Errno::EINVAL),
    ] {
        demo.add_route(kind, host(last))?;
        let seen = try_to(demo, host(last))?;
        demo.expect(claim, Err(errno), seen);
    }
    Ok(())
}

/// ICMP "host unreachable" is a hard error while a connection begins, and a soft one afterwards.
fn told_by_a_router(demo: &mut DemoContext) -> DemoResult {
    demo.does("connect; a router answers the SYN with ICMP \"host unreachable\"");
    let wire = Wire::new()?;
    let listener = demo.listen(1)?;
    wire.hold(&listener.socket)?;
    let client = demo.tcp()?;
    demo.expect(
        "connect does not wait",
        Err(Errno::EINPROGRESS),
        connect_at_once(&client, listener.address),
    );
    let from = name(&client)?;
    let syn = wire.next(demo, from, Flags::SYN)?;
    wire.answer_unreachable(&syn)?;
    demo.expect_state(
        "the first such message ends connect",
        (from, listener.address),
        State::Close,
    )?;
    demo.expect(
        "SO_ERROR says why",
        Err(Errno::EHOSTUNREACH),
        pending_error(&client),
    );

    demo.does("the same with a connection that is there: the answer to a segment with data");
    let client = demo.tcp()?;
    let begun = connect_at_once(&client, listener.address);
    demo.expect("connect does not wait", Err(Errno::EINPROGRESS), begun);
    let from = name(&client)?;
    for flags in [Flags::SYN, Flags::ACK] {
        wire.release(&wire.next(demo, from, flags)?)?;
    }
    demo.expect("send", Ok(5), send(&client, "hello"));
    let data = wire.next(demo, from, Flags::ACK)?;
    wire.answer_unreachable(&data)?;
    let mut noted = Ok(());
    demo.wait_for(&[], || {
        noted = pending_error(&client);
        Ok(noted.is_err().then_some(()))
    })?;
    demo.expect("SO_ERROR holds it", Err(Errno::EHOSTUNREACH), noted);
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
    Ok(())
}
