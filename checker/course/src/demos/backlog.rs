//! The accept queue.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, bind, socket},
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoResult, ListeningSocket, Received, connect_at_once, listen, name, peer_name,
    peer_name_raw, pending_error, receive_at_once, send, set_linger, state,
};
use harness::{
    failure::{Attempt, LabError},
    observe::sockets::{self, Socket, State},
};

pub const DEMO: Demo = Demo {
    name: "backlog",
    day: 2,
    question: "How many clients get in while nobody calls accept, and what becomes of the others?",
    read: "The accept queue",
    needs: Needs::OwnNetwork,
    run,
};

/// More than any backlog here.
const CLIENTS: usize = 8;

fn run(demo: &mut DemoContext) -> DemoResult {
    for backlog in [0, 1, 2] {
        demo.does(format!(
            "listen(fd, {backlog}); {CLIENTS} clients connect, and nobody accepts"
        ));
        let listener = demo.listen(backlog)?;
        let clients = crowd(demo, &listener, CLIENTS, backlog as usize + 1)?;
        demo.expect(
            "backlog + 1 clients are connected",
            backlog as usize + 1,
            count(&clients, &listener, State::Established)?,
        );
        demo.expect(
            "the others wait in SYN-SENT",
            CLIENTS - 1 - backlog as usize,
            count(&clients, &listener, State::SynSent)?,
        );
    }
    full(demo)?;
    reset_in_the_queue(demo)?;
    demo.in_own_network("how the kernel counts the requests that it drops", dropped)?;
    big_numbers(demo)?;
    demo.with_own_settings("net.core.somaxconn, the limit for every backlog", capped)?;
    not_only_tcp(demo)
}

/// Clients that want to connect. This returns when so many are in, or when that takes too long.
fn crowd(
    demo: &DemoContext,
    listener: &ListeningSocket,
    size: usize,
    most: usize,
) -> DemoResult<Vec<OwnedFd>> {
    let mut clients = Vec::new();
    for _ in 0..size {
        let client = demo.tcp()?;
        match connect_at_once(&client, listener.address) {
            Ok(()) | Err(Errno::EINPROGRESS) => clients.push(client),
            Err(errno) => return Err(LabError::call("could not connect", errno)),
        }
    }
    let all_in = || Ok((count(&clients, listener, State::Established)? >= most).then_some(()));
    demo.wait_for(&[], all_in)?;
    Ok(clients)
}

fn count(clients: &[OwnedFd], listener: &ListeningSocket, wanted: State) -> DemoResult<usize> {
    Ok(in_state(clients, listener, wanted)?.len())
}

fn in_state<'a>(
    clients: &'a [OwnedFd],
    listener: &ListeningSocket,
    wanted: State,
) -> DemoResult<Vec<&'a OwnedFd>> {
    let mut found = Vec::new();
    for client in clients {
        if state((name(client)?, listener.address))? == wanted {
            found.push(client);
        }
    }
    Ok(found)
}

/// What `ss -lt` shows: `Recv-Q` and `Send-Q`.
fn queue(listener: &ListeningSocket) -> DemoResult<(u32, u32)> {
    let is_it = |socket: &&Socket| socket.local == listener.address;
    let all = sockets::listening()?;
    let found = all.iter().find(is_it);
    let found = found.ok_or_else(|| LabError::new("the listening socket is not listed"))?;
    Ok((found.receive_queue, found.send_queue))
}

fn full(demo: &mut DemoContext) -> DemoResult {
    demo.does("listen(fd, 5); 7 clients connect, and nobody accepts");
    let listener = demo.listen(5)?;
    let clients = crowd(demo, &listener, 7, 6)?;
    demo.expect(
        "backlog + 1 clients are connected",
        6,
        count(&clients, &listener, State::Established)?,
    );
    demo.expect(
        "ss -lt would show Recv-Q, Send-Q",
        (6, 5),
        queue(&listener)?,
    );

    let waiting = in_state(&clients, &listener, State::SynSent)?;
    let [seventh, ..] = waiting[..] else {
        demo.expect("the seventh waits in SYN-SENT", true, false);
        return Ok(());
    };
    demo.does("look at a client that is not in");
    demo.expect("its connect has not failed", Ok(()), pending_error(seventh));
    demo.expect("it cannot send yet", Err(Errno::EAGAIN), send(seventh, "x"));

    let connected = in_state(&clients, &listener, State::Established)?;
    let first = connected[0];
    demo.does("look at a client that is in, and was never accepted");
    demo.expect("it can send", Ok(5), send(first, "hello"));
    demo.expect(
        "and has nothing to read",
        Err(Errno::EAGAIN),
        receive_at_once(first, 5),
    );

    demo.does("accept one client");
    let accepted = demo.accept(&listener)?.attempt("could not accept")?;
    demo.expect(
        "it is the one that came first",
        name(first)?,
        peer_name(&accepted)?,
    );
    let seen = demo.receive(&accepted, 10)?;
    demo.expect(
        "what it has sent before is there",
        Ok(Received::bytes("hello")),
        seen,
    );

    demo.does("wait for the next SYN of the one that is not in: about a second");
    let seven = || Ok((count(&clients, &listener, State::Established)? >= 7).then_some(()));
    demo.wait_for(&[], seven)?;
    demo.expect(
        "it gets the free place: now all are connected",
        7,
        count(&clients, &listener, State::Established)?,
    );
    Ok(())
}

fn dropped(demo: &mut DemoContext) -> DemoResult {
    let overflows = |demo: &DemoContext| demo.counter("TcpExt", "ListenOverflows");
    demo.does(format!(
        "listen(fd, 1); {CLIENTS} clients connect; nstat TcpExtListenOverflows"
    ));
    let before = overflows(demo)?;
    let listener = demo.listen(1)?;
    let _clients = crowd(demo, &listener, CLIENTS, 2)?;
    let all_dropped = || {
        let count = overflows(demo)? - before;
        Ok((count >= CLIENTS as u64 - 2).then_some(count))
    };
    let seen = demo.wait_for(&[], all_dropped)?;
    demo.expect(
        "each SYN that finds the queue full is dropped and counted",
        Some(CLIENTS as u64 - 2),
        seen,
    );
    Ok(())
}

fn big_numbers(demo: &mut DemoContext) -> DemoResult {
    let limit = demo.setting_number("net.core.somaxconn")?;
    demo.does(format!(
        "listen with other numbers, where net.core.somaxconn is {limit}"
    ));
    let listener = demo.listen(7)?;
    demo.expect("Send-Q is the backlog", 7, queue(&listener)?.1.min(limit));
    for backlog in [1_000_000, -1] {
        demo.expect(
            "listen again changes it",
            Ok(()),
            listen(&listener.socket, backlog),
        );
        demo.expect(
            format!("listen(fd, {backlog}) is silently cut to that limit"),
            limit,
            queue(&listener)?.1,
        );
    }
    Ok(())
}

fn capped(demo: &mut DemoContext) -> DemoResult {
    demo.does(format!(
        "net.core.somaxconn = 3; listen(fd, 100); {CLIENTS} clients connect"
    ));
    let before = demo.setting("net.core.somaxconn")?;
    demo.set("net.core.somaxconn", "3")?;
    let listener = demo.listen(100)?;
    let clients = crowd(demo, &listener, CLIENTS, 4)?;
    demo.expect(
        "3 + 1 of them are connected",
        4,
        count(&clients, &listener, State::Established)?,
    );
    demo.set("net.core.somaxconn", &before)?;

    demo.does(format!(
        "net.ipv4.tcp_max_syn_backlog = 1; listen(fd, 5); {CLIENTS} clients connect"
    ));
    demo.set("net.ipv4.tcp_max_syn_backlog", "1")?;
    let listener = demo.listen(5)?;
    let clients = crowd(demo, &listener, CLIENTS, 6)?;
    demo.expect(
        "it says nothing about the accept queue: 5 + 1 are connected",
        6,
        count(&clients, &listener, State::Established)?,
    );
    Ok(())
}

fn reset_in_the_queue(demo: &mut DemoContext) -> DemoResult {
    demo.does("a client sends \"hello\", and resets its connection while it waits in the queue");
    let listener = demo.listen(1)?;
    let client = demo.tcp()?;
    let seen = demo.connect(&client, listener.address)?;
    demo.expect("connect", Ok(()), seen);
    let ends = (listener.address, name(&client)?);
    send(&client, "hello").attempt("could not send")?;
    set_linger(&client, 0)?;
    drop(client);
    demo.expect_state("nothing is left of the connection", ends, State::Close)?;
    let accepted = demo.accept(&listener)?.attempt("could not accept")?;
    demo.expect("accept hands it out; its name", ends.0, name(&accepted)?);
    let peer = peer_name_raw(&accepted).map(drop);
    demo.expect("getpeername", Err(Errno::ENOTCONN), peer);
    let seen = demo.receive(&accepted, 9)?;
    demo.expect(
        "what had arrived can be read",
        Ok(Received::bytes("hello")),
        seen,
    );
    let seen = send(&accepted, "x");
    demo.expect("the first write", Err(Errno::ECONNRESET), seen);
    Ok(())
}

fn not_only_tcp(demo: &mut DemoContext) -> DemoResult {
    const MAKE: &str = "could not make a socket";
    demo.does("listen on other kinds of sockets");
    let flags = SockFlag::SOCK_CLOEXEC;
    for (claim, kind) in [
        ("UNIX, STREAM", SockType::Stream),
        ("UNIX, SEQPACKET", SockType::SeqPacket),
    ] {
        let unix = socket(AddressFamily::Unix, kind, flags, None).attempt(MAKE)?;
        bind(unix.as_raw_fd(), &UnixAddr::new_unnamed()).attempt(MAKE)?;
        demo.expect(claim, Ok(()), listen(&unix, 1));
    }
    let udp = socket(AddressFamily::Inet, SockType::Datagram, flags, None).attempt(MAKE)?;
    demo.expect(
        "INET, DGRAM has no connections",
        Err(Errno::EOPNOTSUPP),
        listen(&udp, 1),
    );
    Ok(())
}
