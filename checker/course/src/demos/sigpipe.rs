//! Writing to a peer that has gone.

use std::{
    net::UdpSocket,
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::socket::{
        self, AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, SockaddrStorage, setsockopt,
        socketpair, sockopt,
    },
    unistd,
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoResult, Ends, Link, ProcessEnd, Received, pending_error, receive_at_once,
    send, shutdown, state,
};
use harness::{failure::Attempt, observe::sockets::State, sys};

pub const DEMO: Demo = Demo {
    name: "sigpipe",
    day: 2,
    question: "Which write fails, how, and by which signal does it kill?",
    read: "SIGPIPE, three orders of events",
    needs: Needs::Nothing,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    after_fin(demo)?;
    after_reset(demo)?;
    end_and_reset(demo)?;
    data_before_reset(demo)?;
    killed(demo)?;
    elsewhere(demo)
}

/// Sends a byte, and waits until the answer, a reset, has come.
fn send_and_wait(
    demo: &DemoContext,
    client: &OwnedFd,
    ends: Ends,
) -> DemoResult<nix::Result<usize>> {
    let sent = send(client, "x");
    demo.wait_for(&[], || {
        Ok((state(ends.of_client())? == State::Close).then_some(()))
    })?;
    Ok(sent)
}

fn after_fin(demo: &mut DemoContext) -> DemoResult {
    demo.does("the server closes, and has read everything; the client goes on sending");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    drop(server);
    demo.expect_state("its FIN has come", ends.of_client(), State::CloseWait)?;
    let seen = send_and_wait(demo, &client, ends)?;
    demo.expect(
        "the first send succeeds, and is answered by a reset",
        Ok(1),
        seen,
    );
    demo.expect("the second fails", Err(Errno::EPIPE), send(&client, "x"));
    demo.expect("and each after it", Err(Errno::EPIPE), send(&client, "x"));
    demo.expect(
        "a read says",
        Ok(Received::end()),
        receive_at_once(&client, 9),
    );
    Ok(())
}

/// A connection that the server has reset. Returns the client.
fn reset(demo: &DemoContext) -> DemoResult<OwnedFd> {
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    set_reset(&server)?;
    drop(server);
    demo.wait_for(&[], || {
        Ok((state(ends.of_client())? == State::Close).then_some(()))
    })?;
    Ok(client)
}

fn set_reset(server: &OwnedFd) -> DemoResult {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    setsockopt(server, sockopt::Linger, &linger).attempt("could not set SO_LINGER")
}

fn after_reset(demo: &mut DemoContext) -> DemoResult {
    demo.does("the server resets the connection; the client sends");
    let client = reset(demo)?;
    demo.expect(
        "the first call learns of the reset, without a signal",
        Err(Errno::ECONNRESET),
        send(&client, "x"),
    );
    demo.expect("the second send", Err(Errno::EPIPE), send(&client, "x"));
    demo.does("the same, but the client reads first");
    let client = reset(demo)?;
    demo.expect(
        "a read takes the error away",
        Err(Errno::ECONNRESET),
        receive_at_once(&client, 9),
    );
    demo.expect(
        "then it looks like an ordinary end",
        Ok(Received::end()),
        receive_at_once(&client, 9),
    );
    demo.expect("send", Err(Errno::EPIPE), send(&client, "x"));
    demo.does("the same, but the client looks at SO_ERROR first");
    let client = reset(demo)?;
    demo.expect(
        "SO_ERROR takes it away as well",
        Err(Errno::ECONNRESET),
        pending_error(&client),
    );
    demo.expect("read", Ok(Received::end()), receive_at_once(&client, 9));
    demo.expect("send", Err(Errno::EPIPE), send(&client, "x"));
    Ok(())
}

fn end_and_reset(demo: &mut DemoContext) -> DemoResult {
    demo.does("the server ends its stream first, and resets the connection then; the client sends");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    shutdown(&server, Shutdown::Write).attempt("could not shut down")?;
    demo.expect_state("the end has come", ends.of_client(), State::CloseWait)?;
    set_reset(&server)?;
    drop(server);
    demo.expect_state("the reset has come", ends.of_client(), State::Close)?;
    demo.expect(
        "the first send fails",
        Err(Errno::EPIPE),
        send(&client, "x"),
    );
    Ok(())
}

fn data_before_reset(demo: &mut DemoContext) -> DemoResult {
    demo.does("the server sends \"data\" and resets; the client reads");
    let Link { client, server, .. } = demo.link()?;
    set_reset(&server)?;
    send(&server, "data").attempt("could not send")?;
    demo.wait_for_bytes(&client, 4)?;
    drop(server);
    let seen = demo.receive(&client, 9)?;
    demo.expect(
        "bytes that came before the reset are read first",
        Ok(Received::bytes("data")),
        seen,
    );
    let seen = demo.receive(&client, 9)?;
    demo.expect("then", Err(Errno::ECONNRESET), seen);
    Ok(())
}

/// What becomes of a process with SIGPIPE as it is by default, or ignored, which makes some sends with these flags to a peer that has closed.
fn ending_of(
    demo: &DemoContext,
    is_ignored: bool,
    flags: MsgFlags,
    sends: usize,
) -> DemoResult<ProcessEnd> {
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    drop(server);
    let mut child = demo.start(|| {
        if sys::set_disposition(libc::SIGPIPE, is_ignored).is_err() {
            return 2;
        }
        for _ in 0..sends {
            let _ = socket::send(client.as_raw_fd(), b"x", flags);
            // The answer to the first, a reset, closes the connection.
            while state(ends.of_client()).is_ok_and(|state| state != State::Close) {
                std::thread::yield_now();
            }
        }
        0
    })?;
    demo.ending(&mut child)
}

fn killed(demo: &mut DemoContext) -> DemoResult {
    let none = MsgFlags::empty();
    let killed = ProcessEnd::Killed(libc::SIGPIPE);
    demo.does("processes write to a peer that has closed, with SIGPIPE as it is by default in C");
    for (claim, is_ignored, flags, sends, expected) in [
        ("1 write", false, none, 1, ProcessEnd::Exited(0)),
        ("2 writes", false, none, 2, killed),
        (
            "3 writes with MSG_NOSIGNAL",
            false,
            MsgFlags::MSG_NOSIGNAL,
            3,
            ProcessEnd::Exited(0),
        ),
        (
            "3 writes where SIGPIPE is ignored",
            true,
            none,
            3,
            ProcessEnd::Exited(0),
        ),
    ] {
        let seen = ending_of(demo, is_ignored, flags, sends)?;
        demo.expect(claim, expected, seen);
    }
    demo.does("a process shuts down its own sending side, and writes once");
    let Link { client, .. } = demo.link()?;
    let mut child = demo.start(|| {
        let _ = shutdown(&client, Shutdown::Write);
        let _ = sys::set_disposition(libc::SIGPIPE, false);
        let _ = unistd::write(&client, b"x");
        0
    })?;
    let seen = demo.ending(&mut child)?;
    demo.expect("the first write kills it", killed, seen);
    Ok(())
}

fn elsewhere(demo: &mut DemoContext) -> DemoResult {
    demo.does("other kinds of files whose reader has gone");
    let (one, other) = socketpair(
        AddressFamily::Unix,
        SockType::Stream,
        None,
        SockFlag::SOCK_CLOEXEC,
    )
    .attempt("could not make a pair of sockets")?;
    drop(other);
    demo.expect(
        "AF_UNIX: the first send",
        Err(Errno::EPIPE),
        send(&one, "x"),
    );
    let (reader, writer) = unistd::pipe().attempt("could not make a pipe")?;
    drop(reader);
    demo.expect(
        "a pipe: the first write",
        Err(Errno::EPIPE),
        unistd::write(&writer, b"x"),
    );
    let bind_udp = || UdpSocket::bind(demo.any_port()).attempt("could not make a socket");
    let udp = OwnedFd::from(bind_udp()?);
    // The socket that had this port is closed at once.
    let nobody = bind_udp()?
        .local_addr()
        .attempt("could not ask for a name")?;
    let sent = |socket: &OwnedFd| {
        let to = SockaddrStorage::from(nobody);
        socket::sendto(socket.as_raw_fd(), b"x", &to, MsgFlags::empty())
    };
    demo.expect(
        "UDP to a port where nobody listens: each sendto",
        vec![Ok(1), Ok(1)],
        vec![sent(&udp), sent(&udp)],
    );
    Ok(())
}
