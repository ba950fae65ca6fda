//! Who holds a port after the end.

use std::{
    net::SocketAddr,
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    sys::{
        signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction},
        socket::{setsockopt, sockopt},
    },
    unistd,
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoResult, Ends, Link, ListeningSocket, ProcessEnd, Received, bind, listen, name,
    set_linger, sleep_for_ever, state,
};
use harness::{failure::Attempt, observe::sockets::State, sys};

pub const DEMO: Demo = Demo {
    name: "timewait",
    day: 2,
    question: "When is a server's port free again, and for whom?",
    read: "Starting again on the same port",
    needs: Needs::Nothing,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    nobody_connected(demo)?;
    client_first(demo)?;
    server_first(demo)?;
    for end in [End::Killed, End::CtrlC, End::CleanExit] {
        ended_with_a_client(demo, end)?;
    }
    what_it_does_not_allow(demo)
}

/// A listening server with or without SO_REUSEADDR.
fn new_server(demo: &DemoContext, reuse: bool) -> DemoResult<ListeningSocket> {
    let socket = demo.tcp()?;
    set_reuse(&socket, reuse)?;
    bind(&socket, demo.any_port()).attempt("could not bind")?;
    listen(&socket, 1).attempt("could not listen")?;
    let address = name(&socket)?;
    Ok(ListeningSocket { socket, address })
}

fn set_reuse(socket: &OwnedFd, reuse: bool) -> DemoResult {
    setsockopt(socket, sockopt::ReuseAddr, &reuse).attempt("could not set SO_REUSEADDR")
}

/// What bind says to a new server on this address.
fn start_again(
    demo: &DemoContext,
    address: SocketAddr,
    reuse: bool,
) -> DemoResult<nix::Result<()>> {
    let socket = demo.tcp()?;
    set_reuse(&socket, reuse)?;
    Ok(bind(&socket, address))
}

/// A client of a server, and the server's end of the connection.
fn client_of(demo: &DemoContext, server: &ListeningSocket) -> DemoResult<Link> {
    const CONNECT: &str = "could not make a connection";
    let client = demo.tcp()?;
    demo.connect(&client, server.address)?.attempt(CONNECT)?;
    let accepted = demo.accept(server)?.attempt(CONNECT)?;
    let ends = Ends {
        client: name(&client)?,
        server: server.address,
    };
    Ok(Link {
        client,
        server: accepted,
        ends,
    })
}

/// Waits until the one who closed first knows that the other side has its FIN. An acknowledgement that is overtaken by
/// the other FIN, as happens on a busy machine, would end TIME-WAIT before its time (RFC 1337).
fn wait_for_the_ack(demo: &DemoContext, ends: (SocketAddr, SocketAddr)) -> DemoResult {
    demo.wait_for(&[], || Ok((state(ends)? == State::FinWait2).then_some(())))?;
    Ok(())
}

fn nobody_connected(demo: &mut DemoContext) -> DemoResult {
    demo.does("a server without any client is killed by kill -9; bind its port again");
    let server = new_server(demo, false)?;
    let address = server.address;
    let mut child = demo.start(sleep_for_ever)?;
    drop(server);
    demo.expect(
        "while it runs",
        Err(Errno::EADDRINUSE),
        start_again(demo, address, false)?,
    );
    child.signal(Signal::SIGKILL)?;
    demo.ending(&mut child)?;
    demo.expect(
        "after its end the port is free at once",
        Ok(()),
        start_again(demo, address, false)?,
    );
    Ok(())
}

fn client_first(demo: &mut DemoContext) -> DemoResult {
    demo.does("the client closes first, then the server");
    let server = new_server(demo, false)?;
    let address = server.address;
    let Link {
        client,
        server: accepted,
        ends,
    } = client_of(demo, &server)?;
    drop(client);
    demo.expect_state("the server knows it", ends.of_server(), State::CloseWait)?;
    wait_for_the_ack(demo, ends.of_client())?;
    drop((accepted, server));
    demo.expect_state(
        "the client has the TIME-WAIT",
        ends.of_client(),
        State::TimeWait,
    )?;
    demo.expect(
        "the server's port is free at once",
        Ok(()),
        start_again(demo, address, false)?,
    );
    Ok(())
}

fn server_first(demo: &mut DemoContext) -> DemoResult {
    for old in [false, true] {
        let did = if old { "has" } else { "has not" };
        demo.does(format!(
            "the server closes first; it {did} set SO_REUSEADDR"
        ));
        let server = new_server(demo, old)?;
        let address = server.address;
        let Link {
            client,
            server: accepted,
            ends,
        } = client_of(demo, &server)?;
        drop(accepted);
        let seen = demo.receive(&client, 1)?;
        demo.expect(
            "the client reads the end, and closes",
            Ok(Received::end()),
            seen,
        );
        wait_for_the_ack(demo, ends.of_server())?;
        drop((client, server));
        demo.expect_state(
            "the server has the TIME-WAIT",
            ends.of_server(),
            State::TimeWait,
        )?;
        demo.expect(
            "bind without the option",
            Err(Errno::EADDRINUSE),
            start_again(demo, address, false)?,
        );
        demo.expect(
            match old {
                false => "bind with it: the old server had not set it",
                true => "bind with it: both have set it",
            },
            if old { Ok(()) } else { Err(Errno::EADDRINUSE) },
            start_again(demo, address, true)?,
        );
    }
    Ok(())
}

/// How a server ends while a client is connected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Killed,
    CtrlC,
    CleanExit,
}

fn ended_with_a_client(demo: &mut DemoContext, end: End) -> DemoResult {
    let (what, by, expected) = match end {
        End::Killed => (
            "kill -9",
            Signal::SIGKILL,
            ProcessEnd::Killed(libc::SIGKILL),
        ),
        End::CtrlC => ("Ctrl-C", Signal::SIGINT, ProcessEnd::Killed(libc::SIGINT)),
        End::CleanExit => (
            "Ctrl-C, with a handler that exits",
            Signal::SIGINT,
            ProcessEnd::Exited(0),
        ),
    };
    demo.does(format!(
        "a server with a client ends by {what}; then the client closes"
    ));
    let server = new_server(demo, false)?;
    let address = server.address;
    let Link {
        client,
        server: accepted,
        ends,
    } = client_of(demo, &server)?;
    // The child has the client's descriptor, too, which must not keep the connection.
    let number = client.as_raw_fd();
    let mut child = demo.start(|| {
        let _ = unistd::close(number);
        if end == End::CleanExit && exit_by_handler().is_err() {
            return 1;
        }
        sleep_for_ever()
    })?;
    drop((accepted, server));
    demo.wait_until_asleep(&child)?;
    child.signal(by)?;
    let seen = demo.ending(&mut child)?;
    demo.expect("it has ended", expected, seen);
    let seen = demo.receive(&client, 1)?;
    demo.expect("the client reads the end", Ok(Received::end()), seen);
    wait_for_the_ack(demo, ends.of_server())?;
    drop(client);
    demo.expect_state(
        "the server's kernel has the TIME-WAIT",
        ends.of_server(),
        State::TimeWait,
    )?;
    demo.expect(
        "bind again",
        Err(Errno::EADDRINUSE),
        start_again(demo, address, false)?,
    );
    Ok(())
}

fn exit_by_handler() -> nix::Result<()> {
    extern "C" fn clean_exit(_: libc::c_int) {
        sys::exit(0)
    }
    let handler = SigHandler::Handler(clean_exit);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler ends the process.
    unsafe { sigaction(Signal::SIGINT, &action) }.map(drop)
}

fn what_it_does_not_allow(demo: &mut DemoContext) -> DemoResult {
    demo.does("use SO_REUSEADDR where it does not help");
    let listening = new_server(demo, true)?;
    let address = listening.address;
    demo.expect(
        "while another socket listens, both with the option",
        Err(Errno::EADDRINUSE),
        start_again(demo, address, true)?,
    );
    let server = new_server(demo, true)?;
    let address = server.address;
    let Link {
        client,
        server: accepted,
        ends,
    } = client_of(demo, &server)?;
    drop(accepted);
    wait_for_the_ack(demo, ends.of_server())?;
    drop((client, server));
    demo.expect_state(
        "after the end of another server",
        ends.of_server(),
        State::TimeWait,
    )?;
    let late = demo.tcp()?;
    demo.expect("bind first", Err(Errno::EADDRINUSE), bind(&late, address));
    set_reuse(&late, true)?;
    demo.expect(
        "then the option, then bind: now it works",
        Ok(()),
        bind(&late, address),
    );

    demo.does("two sockets with SO_REUSEPORT, which is another option");
    let (one, other) = (demo.tcp()?, demo.tcp()?);
    for socket in [&one, &other] {
        setsockopt(socket, sockopt::ReusePort, &true).attempt("could not set SO_REUSEPORT")?;
    }
    bind(&one, demo.any_port()).attempt("could not bind")?;
    let address = name(&one)?;
    demo.expect("bind of the second", Ok(()), bind(&other, address));
    demo.expect(
        "both may listen",
        vec![Ok(()), Ok(())],
        vec![listen(&one, 1), listen(&other, 1)],
    );

    demo.does("SO_LINGER of 0 s");
    let server = new_server(demo, false)?;
    let address = server.address;
    let Link {
        client,
        server: accepted,
        ends,
    } = client_of(demo, &server)?;
    set_linger(&accepted, 0)?;
    drop((accepted, client, server));
    demo.expect_state("leaves no TIME-WAIT", ends.of_server(), State::Close)?;
    demo.expect(
        "… and the port is free",
        Ok(()),
        start_again(demo, address, false)?,
    );
    Ok(())
}
