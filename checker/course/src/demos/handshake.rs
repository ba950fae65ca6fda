//! The states of both ends, segment by segment.

use std::{net::SocketAddr, os::fd::OwnedFd};

use nix::{errno::Errno, sys::socket::Shutdown};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoResult, Ends, Flags, Link, ListeningSocket, Received, Wire, accept_at_once,
    connect_at_once, name, set_linger, shutdown, state,
};
use harness::{
    failure::Attempt,
    observe::{self, sockets::State},
};

pub const DEMO: Demo = Demo {
    name: "handshake",
    day: 2,
    question: "Which TCP states do both ends go through, segment by segment?",
    read: "The handshake",
    needs: Needs::OwnNetwork,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    at_full_speed(demo)?;
    demo.in_own_network("the states between two segments", |demo| {
        open_and_close(demo)?;
        close_at_once(demo)?;
        close_together(demo)?;
        not_answered(demo)?;
        open_together(demo)
    })
}

/// What can be seen where nothing holds the segments.
fn at_full_speed(demo: &mut DemoContext) -> DemoResult {
    demo.does("a client and a server, one call at a time; the states are those of client, server");
    let Link {
        client,
        server,
        ends,
    } = demo.link()?;
    expect_states(
        demo,
        ends,
        "both are connected",
        State::Established,
        State::Established,
    )?;
    shutdown(&client, Shutdown::Write).attempt("could not shut down")?;
    expect_states(
        demo,
        ends,
        "the client has ended its stream",
        State::FinWait2,
        State::CloseWait,
    )?;
    drop(server);
    expect_states(
        demo,
        ends,
        "the server has closed",
        State::TimeWait,
        State::Close,
    )
}

fn expect_states(
    demo: &mut DemoContext,
    ends: Ends,
    what: &str,
    client: State,
    server: State,
) -> DemoResult {
    let mut seen = (State::Close, State::Close);
    demo.wait_for(&[], || {
        seen = (state(ends.of_client())?, state(ends.of_server())?);
        Ok((seen == (client, server)).then_some(()))
    })?;
    demo.expect(what, (client, server), seen);
    Ok(())
}

/// A client, a server, and the wire between them.
struct Scene {
    wire: Wire,
    ends: Ends,
}

impl Scene {
    /// What both ends are in now.
    fn expect(
        &self,
        demo: &mut DemoContext,
        what: &str,
        client: State,
        server: State,
    ) -> DemoResult {
        expect_states(demo, self.ends, what, client, server)
    }

    /// Lets the next segment with these flags go on.
    fn pass(&self, demo: &DemoContext, from: SocketAddr, flags: Flags) -> DemoResult {
        let segment = self.wire.next(demo, from, flags)?;
        self.wire.release(&segment)
    }
}

/// A client that begins to connect to a listener, on a wire that holds everything.
fn begin(demo: &DemoContext) -> DemoResult<(Scene, OwnedFd, ListeningSocket)> {
    let wire = Wire::new()?;
    let listener = demo.listen(1)?;
    let client = demo.tcp()?;
    wire.hold(&listener.socket)?;
    wire.hold(&client)?;
    match connect_at_once(&client, listener.address) {
        Ok(()) | Err(Errno::EINPROGRESS) => (),
        Err(errno) => return Err(errno).attempt("could not begin to connect"),
    }
    let ends = Ends {
        client: name(&client)?,
        server: listener.address,
    };
    Ok((Scene { wire, ends }, client, listener))
}

/// The same, with the handshake done and the server's end accepted.
fn connected(demo: &DemoContext) -> DemoResult<(Scene, OwnedFd, std::os::fd::OwnedFd)> {
    let (scene, client, listener) = begin(demo)?;
    scene.pass(demo, scene.ends.client, Flags::SYN)?;
    scene.pass(demo, scene.ends.server, Flags::SYN_ACK)?;
    scene.pass(demo, scene.ends.client, Flags::ACK)?;
    let server = demo.accept(&listener)?.attempt("could not accept")?;
    Ok((scene, client, server))
}

fn open_and_close(demo: &mut DemoContext) -> DemoResult {
    demo.does("a client connects to a server, on a wire that holds each segment");
    let (scene, client, listener) = begin(demo)?;
    let Ends {
        client: of_client,
        server: of_server,
    } = scene.ends;
    scene.expect(
        demo,
        "the client's SYN is on its way",
        State::SynSent,
        State::Close,
    )?;
    scene.pass(demo, of_client, Flags::SYN)?;
    scene.expect(
        demo,
        "it is there, SYN ACK on its way",
        State::SynSent,
        State::SynReceived,
    )?;
    let still_listens = observe::sockets::listening()?
        .iter()
        .any(|socket| socket.local == of_server);
    demo.expect("another socket stays in LISTEN", true, still_listens);
    scene.pass(demo, of_server, Flags::SYN_ACK)?;
    scene.expect(
        demo,
        "it is there, ACK on its way",
        State::Established,
        State::SynReceived,
    )?;
    demo.expect(
        "accept has nothing yet",
        Err(Errno::EAGAIN),
        accept_at_once(&listener.socket).map(drop),
    );
    scene.pass(demo, of_client, Flags::ACK)?;
    scene.expect(
        demo,
        "the ACK is there",
        State::Established,
        State::Established,
    )?;
    let server = demo.accept(&listener)?.attempt("could not accept")?;

    demo.does("the client ends its stream; the server does nothing");
    shutdown(&client, Shutdown::Write).attempt("could not shut down")?;
    scene.expect(
        demo,
        "the client's FIN is on its way",
        State::FinWait1,
        State::Established,
    )?;
    scene.pass(demo, of_client, Flags::FIN_ACK)?;
    scene.expect(
        demo,
        "it is there, the kernel's ACK on its way",
        State::FinWait1,
        State::CloseWait,
    )?;
    scene.pass(demo, of_server, Flags::ACK)?;
    scene.expect(demo, "the ACK is there", State::FinWait2, State::CloseWait)?;

    demo.does("the server reads");
    let seen = demo.receive(&server, 1)?;
    demo.expect("it reads the end", Ok(Received::end()), seen);
    demo.expect(
        "which sends no segment: held are",
        0,
        scene.wire.count_from(of_server)?,
    );
    demo.does("the server closes");
    drop(server);
    scene.expect(
        demo,
        "the server's FIN is on its way",
        State::FinWait2,
        State::LastAck,
    )?;
    scene.pass(demo, of_server, Flags::FIN_ACK)?;
    scene.expect(
        demo,
        "it is there, the last ACK on its way",
        State::TimeWait,
        State::LastAck,
    )?;

    demo.does("the last ACK is lost; the server's kernel sends its FIN again");
    let lost = scene.wire.next(demo, of_client, Flags::ACK)?;
    let again = scene.wire.next(demo, of_client, Flags::ACK)?;
    demo.expect(
        "TIME-WAIT has answered with the same ACK: numbers",
        lost.acknowledges,
        again.acknowledges,
    );
    scene.wire.release(&again)?;
    scene.expect(demo, "that ACK is there", State::TimeWait, State::Close)?;
    Ok(())
}

fn close_at_once(demo: &mut DemoContext) -> DemoResult {
    demo.does("another connection: the kernel's ACK is lost, and then the server closes");
    let (scene, client, server) = connected(demo)?;
    let Ends {
        client: of_client,
        server: of_server,
    } = scene.ends;
    drop(client);
    scene.expect(
        demo,
        "the client has closed",
        State::FinWait1,
        State::Established,
    )?;
    scene.pass(demo, of_client, Flags::FIN_ACK)?;
    scene.expect(demo, "its FIN is there", State::FinWait1, State::CloseWait)?;
    drop(server);
    scene.expect(
        demo,
        "the server has closed",
        State::FinWait1,
        State::LastAck,
    )?;
    let fin = scene.wire.next(demo, of_server, Flags::FIN_ACK)?;
    scene.wire.release(&fin)?;
    scene.expect(
        demo,
        "its FIN is there, and acknowledges the client's as well",
        State::TimeWait,
        State::LastAck,
    )?;
    scene.pass(demo, of_client, Flags::ACK)?;
    scene.expect(
        demo,
        "the ACK is there: three segments are enough",
        State::TimeWait,
        State::Close,
    )
}

fn close_together(demo: &mut DemoContext) -> DemoResult {
    demo.does("another connection: both close, and their FINs cross");
    let (scene, client, server) = connected(demo)?;
    let Ends {
        client: of_client,
        server: of_server,
    } = scene.ends;
    drop((client, server));
    scene.expect(
        demo,
        "both FINs are on their way",
        State::FinWait1,
        State::FinWait1,
    )?;
    let one = scene.wire.next(demo, of_client, Flags::FIN_ACK)?;
    let other = scene.wire.next(demo, of_server, Flags::FIN_ACK)?;
    scene.wire.release(&one)?;
    scene.wire.release(&other)?;
    scene.expect(
        demo,
        "both are there, the ACKs on their way",
        State::Closing,
        State::Closing,
    )?;
    let one = scene.wire.next(demo, of_client, Flags::ACK)?;
    let other = scene.wire.next(demo, of_server, Flags::ACK)?;
    scene.wire.release(&one)?;
    scene.wire.release(&other)?;
    scene.expect(
        demo,
        "both ACKs are there",
        State::TimeWait,
        State::TimeWait,
    )
}

fn not_answered(demo: &mut DemoContext) -> DemoResult {
    demo.does("another connection: look for answers to an ACK alone, and to a RST");
    let (scene, client, _server) = connected(demo)?;
    let Ends {
        client: of_client,
        server: of_server,
    } = scene.ends;
    let answers = || scene.wire.count_from(of_server);
    demo.expect("the last ACK of the handshake has", 0, answers()?);
    set_linger(&client, 0)?;
    drop(client);
    scene.pass(demo, of_client, Flags::RST_ACK)?;
    scene.expect(
        demo,
        "the client has sent a RST, and it is there",
        State::Close,
        State::Close,
    )?;
    demo.expect("it has", 0, answers()?);
    Ok(())
}

fn open_together(demo: &mut DemoContext) -> DemoResult {
    demo.does("two sockets connect to each other, nobody listens, and their SYNs cross");
    let wire = Wire::new()?;
    let (client, of_client) = demo.bound()?;
    let (server, of_server) = demo.bound()?;
    for (socket, to) in [(&client, of_server), (&server, of_client)] {
        wire.hold(socket)?;
        let begun = connect_at_once(socket, to);
        demo.expect("connect", Err(Errno::EINPROGRESS), begun);
    }
    let ends = Ends {
        client: of_client,
        server: of_server,
    };
    let scene = Scene { wire, ends };
    scene.expect(
        demo,
        "both SYNs are on their way",
        State::SynSent,
        State::SynSent,
    )?;
    let one = scene.wire.next(demo, of_client, Flags::SYN)?;
    let other = scene.wire.next(demo, of_server, Flags::SYN)?;
    scene.wire.release(&one)?;
    scene.wire.release(&other)?;
    scene.expect(
        demo,
        "both are there, SYN ACKs on their way",
        State::SynReceived,
        State::SynReceived,
    )?;
    let one = scene.wire.next(demo, of_client, Flags::SYN_ACK)?;
    let other = scene.wire.next(demo, of_server, Flags::SYN_ACK)?;
    scene.wire.release(&one)?;
    scene.wire.release(&other)?;
    scene.expect(
        demo,
        "both are there: one connection",
        State::Established,
        State::Established,
    )
}
