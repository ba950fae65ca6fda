//! The accept queue.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, bind, socket},
};

use super::{Demo, Needs};
use crate::stage::{
    Listener, Received, Shown, Stage, connect_at_once, listen, name, peer_name, peer_name_raw,
    pending_error, receive_at_once, send, set_linger, state,
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

fn run(stage: &mut Stage) -> Shown {
    for backlog in [0, 1, 2] {
        stage.does(format!(
            "listen(fd, {backlog}); {CLIENTS} clients connect, and nobody accepts"
        ));
        let listener = stage.listen(backlog)?;
        let clients = crowd(stage, &listener, CLIENTS, backlog as usize + 1)?;
        stage.expect(
            "backlog + 1 clients are connected",
            backlog as usize + 1,
            count(&clients, &listener, State::Established)?,
        );
        stage.expect(
            "the others wait in SYN-SENT",
            CLIENTS - 1 - backlog as usize,
            count(&clients, &listener, State::SynSent)?,
        );
    }
    full(stage)?;
    reset_in_the_queue(stage)?;
    stage.in_own_network("how the kernel counts the requests that it drops", dropped)?;
    big_numbers(stage)?;
    stage.with_own_settings("net.core.somaxconn, the limit for every backlog", capped)?;
    not_only_tcp(stage)
}

/// Clients that want to connect. This returns when so many are in, or when that takes too long.
fn crowd(stage: &Stage, listener: &Listener, size: usize, most: usize) -> Shown<Vec<OwnedFd>> {
    let mut clients = Vec::new();
    for _ in 0..size {
        let client = stage.tcp()?;
        match connect_at_once(&client, listener.address) {
            Ok(()) | Err(Errno::EINPROGRESS) => clients.push(client),
            Err(errno) => return Err(LabError::call("could not connect", errno)),
        }
    }
    let all_in = || Ok((count(&clients, listener, State::Established)? >= most).then_some(()));
    stage.wait_for(&[], all_in)?;
    Ok(clients)
}

fn count(clients: &[OwnedFd], listener: &Listener, wanted: State) -> Shown<usize> {
    Ok(in_state(clients, listener, wanted)?.len())
}

fn in_state<'a>(
    clients: &'a [OwnedFd],
    listener: &Listener,
    wanted: State,
) -> Shown<Vec<&'a OwnedFd>> {
    let mut found = Vec::new();
    for client in clients {
        if state((name(client)?, listener.address))? == wanted {
            found.push(client);
        }
    }
    Ok(found)
}

/// What `ss -lt` shows: `Recv-Q` and `Send-Q`.
fn queue(listener: &Listener) -> Shown<(u32, u32)> {
    let is_it = |socket: &&Socket| socket.local == listener.address;
    let all = sockets::listening()?;
    let found = all.iter().find(is_it);
    let found = found.ok_or_else(|| LabError::new("the listening socket is not listed"))?;
    Ok((found.receive_queue, found.send_queue))
}

fn full(stage: &mut Stage) -> Shown {
    stage.does("listen(fd, 5); 7 clients connect, and nobody accepts");
    let listener = stage.listen(5)?;
    let clients = crowd(stage, &listener, 7, 6)?;
    stage.expect(
        "backlog + 1 clients are connected",
        6,
        count(&clients, &listener, State::Established)?,
    );
    stage.expect(
        "ss -lt would show Recv-Q, Send-Q",
        (6, 5),
        queue(&listener)?,
    );

    let waiting = in_state(&clients, &listener, State::SynSent)?;
    let [seventh, ..] = waiting[..] else {
        stage.expect("the seventh waits in SYN-SENT", true, false);
        return Ok(());
    };
    stage.does("look at a client that is not in");
    stage.expect("its connect has not failed", Ok(()), pending_error(seventh));
    stage.expect("it cannot send yet", Err(Errno::EAGAIN), send(seventh, "x"));

    let connected = in_state(&clients, &listener, State::Established)?;
    let first = connected[0];
    stage.does("look at a client that is in, and was never accepted");
    stage.expect("it can send", Ok(5), send(first, "hello"));
    stage.expect(
        "and has nothing to read",
        Err(Errno::EAGAIN),
        receive_at_once(first, 5),
    );

    stage.does("accept one client");
    let accepted = stage.accept(&listener)?.attempt("could not accept")?;
    stage.expect(
        "it is the one that came first",
        name(first)?,
        peer_name(&accepted)?,
    );
    let seen = stage.receive(&accepted, 10)?;
    stage.expect(
        "what it has sent before is there",
        Ok(Received::bytes("hello")),
        seen,
    );

    stage.does("wait for the next SYN of the one that is not in: about a second");
    let seven = || Ok((count(&clients, &listener, State::Established)? >= 7).then_some(()));
    stage.wait_for(&[], seven)?;
    stage.expect(
        "it gets the free place: now all are connected",
        7,
        count(&clients, &listener, State::Established)?,
    );
    Ok(())
}

fn dropped(stage: &mut Stage) -> Shown {
    let overflows = |stage: &Stage| stage.counter("TcpExt", "ListenOverflows");
    stage.does(format!(
        "listen(fd, 1); {CLIENTS} clients connect; nstat TcpExtListenOverflows"
    ));
    let before = overflows(stage)?;
    let listener = stage.listen(1)?;
    let _clients = crowd(stage, &listener, CLIENTS, 2)?;
    let all_dropped = || {
        let count = overflows(stage)? - before;
        Ok((count >= CLIENTS as u64 - 2).then_some(count))
    };
    let seen = stage.wait_for(&[], all_dropped)?;
    stage.expect(
        "each SYN that finds the queue full is dropped and counted",
        Some(CLIENTS as u64 - 2),
        seen,
    );
    Ok(())
}

fn big_numbers(stage: &mut Stage) -> Shown {
    let limit = stage.setting_number("net.core.somaxconn")?;
    stage.does(format!(
        "listen with other numbers, where net.core.somaxconn is {limit}"
    ));
    let listener = stage.listen(7)?;
    stage.expect("Send-Q is the backlog", 7, queue(&listener)?.1.min(limit));
    for backlog in [1_000_000, -1] {
        stage.expect(
            "listen again changes it",
            Ok(()),
            listen(&listener.socket, backlog),
        );
        stage.expect(
            format!("listen(fd, {backlog}) is cut to that limit without a word"),
            limit,
            queue(&listener)?.1,
        );
    }
    Ok(())
}

fn capped(stage: &mut Stage) -> Shown {
    stage.does(format!(
        "net.core.somaxconn = 3; listen(fd, 100); {CLIENTS} clients connect"
    ));
    let before = stage.setting("net.core.somaxconn")?;
    stage.set("net.core.somaxconn", "3")?;
    let listener = stage.listen(100)?;
    let clients = crowd(stage, &listener, CLIENTS, 4)?;
    stage.expect(
        "3 + 1 of them are connected",
        4,
        count(&clients, &listener, State::Established)?,
    );
    stage.set("net.core.somaxconn", &before)?;

    stage.does(format!(
        "net.ipv4.tcp_max_syn_backlog = 1; listen(fd, 5); {CLIENTS} clients connect"
    ));
    stage.set("net.ipv4.tcp_max_syn_backlog", "1")?;
    let listener = stage.listen(5)?;
    let clients = crowd(stage, &listener, CLIENTS, 6)?;
    stage.expect(
        "it says nothing about the accept queue: 5 + 1 are connected",
        6,
        count(&clients, &listener, State::Established)?,
    );
    Ok(())
}

fn reset_in_the_queue(stage: &mut Stage) -> Shown {
    stage.does("a client sends \"hello\", and resets its connection while it waits in the queue");
    let listener = stage.listen(1)?;
    let client = stage.tcp()?;
    let seen = stage.connect(&client, listener.address)?;
    stage.expect("connect", Ok(()), seen);
    let ends = (listener.address, name(&client)?);
    send(&client, "hello").attempt("could not send")?;
    set_linger(&client, 0)?;
    drop(client);
    stage.expect_state("nothing is left of the connection", ends, State::Close)?;
    let accepted = stage.accept(&listener)?.attempt("could not accept")?;
    stage.expect("accept hands it out; its name", ends.0, name(&accepted)?);
    let peer = peer_name_raw(&accepted).map(drop);
    stage.expect("getpeername", Err(Errno::ENOTCONN), peer);
    let seen = stage.receive(&accepted, 9)?;
    stage.expect(
        "what had arrived can be read",
        Ok(Received::bytes("hello")),
        seen,
    );
    let seen = send(&accepted, "x");
    stage.expect("the first write", Err(Errno::ECONNRESET), seen);
    Ok(())
}

fn not_only_tcp(stage: &mut Stage) -> Shown {
    const MAKE: &str = "could not make a socket";
    stage.does("listen on other kinds of sockets");
    let flags = SockFlag::SOCK_CLOEXEC;
    for (claim, kind) in [
        ("UNIX, STREAM", SockType::Stream),
        ("UNIX, SEQPACKET", SockType::SeqPacket),
    ] {
        let unix = socket(AddressFamily::Unix, kind, flags, None).attempt(MAKE)?;
        bind(unix.as_raw_fd(), &UnixAddr::new_unnamed()).attempt(MAKE)?;
        stage.expect(claim, Ok(()), listen(&unix, 1));
    }
    let udp = socket(AddressFamily::Inet, SockType::Datagram, flags, None).attempt(MAKE)?;
    stage.expect(
        "INET, DGRAM has no connections",
        Err(Errno::EOPNOTSUPP),
        listen(&udp, 1),
    );
    Ok(())
}
