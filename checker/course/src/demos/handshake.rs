//! The states of both ends, segment by segment.

use std::{net::SocketAddr, os::fd::OwnedFd};

use nix::{errno::Errno, sys::socket::Shutdown};

use super::{Demo, Needs};
use crate::stage::{
    Ends, Flags, Link, Listener, Received, Shown, Stage, Wire, accept_at_once, connect_at_once,
    name, set_linger, shutdown, state,
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

fn run(stage: &mut Stage) -> Shown {
    at_full_speed(stage)?;
    stage.in_own_network("the states between two segments", |stage| {
        open_and_close(stage)?;
        close_at_once(stage)?;
        close_together(stage)?;
        not_answered(stage)?;
        open_together(stage)
    })
}

/// What can be seen where nothing holds the segments.
fn at_full_speed(stage: &mut Stage) -> Shown {
    stage.does("a client and a server, one call at a time; the states are those of client, server");
    let Link {
        client,
        server,
        ends,
    } = stage.link()?;
    expect_states(
        stage,
        ends,
        "both are connected",
        State::Established,
        State::Established,
    )?;
    shutdown(&client, Shutdown::Write).attempt("could not shut down")?;
    expect_states(
        stage,
        ends,
        "the client has ended its stream",
        State::FinWait2,
        State::CloseWait,
    )?;
    drop(server);
    expect_states(
        stage,
        ends,
        "the server has closed",
        State::TimeWait,
        State::Close,
    )
}

fn expect_states(stage: &mut Stage, ends: Ends, what: &str, client: State, server: State) -> Shown {
    let mut seen = (State::Close, State::Close);
    stage.wait_for(&[], || {
        seen = (state(ends.of_client())?, state(ends.of_server())?);
        Ok((seen == (client, server)).then_some(()))
    })?;
    stage.expect(what, (client, server), seen);
    Ok(())
}

/// A client, a server, and the wire between them.
struct Scene {
    wire: Wire,
    ends: Ends,
}

impl Scene {
    /// What both ends are in now.
    fn expect(&self, stage: &mut Stage, what: &str, client: State, server: State) -> Shown {
        expect_states(stage, self.ends, what, client, server)
    }

    /// Lets the next segment with these flags go on.
    fn pass(&self, stage: &Stage, from: SocketAddr, flags: Flags) -> Shown {
        let segment = self.wire.next(stage, from, flags)?;
        self.wire.release(&segment)
    }
}

/// A client that begins to connect to a listener, on a wire that holds everything.
fn begin(stage: &Stage) -> Shown<(Scene, OwnedFd, Listener)> {
    let wire = Wire::new()?;
    let listener = stage.listen(1)?;
    let client = stage.tcp()?;
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
fn connected(stage: &Stage) -> Shown<(Scene, OwnedFd, std::os::fd::OwnedFd)> {
    let (scene, client, listener) = begin(stage)?;
    scene.pass(stage, scene.ends.client, Flags::SYN)?;
    scene.pass(stage, scene.ends.server, Flags::SYN_ACK)?;
    scene.pass(stage, scene.ends.client, Flags::ACK)?;
    let server = stage.accept(&listener)?.attempt("could not accept")?;
    Ok((scene, client, server))
}

fn open_and_close(stage: &mut Stage) -> Shown {
    stage.does("a client connects to a server, on a wire that holds each segment");
    let (scene, client, listener) = begin(stage)?;
    let Ends {
        client: of_client,
        server: of_server,
    } = scene.ends;
    scene.expect(
        stage,
        "the client's SYN is on its way",
        State::SynSent,
        State::Close,
    )?;
    scene.pass(stage, of_client, Flags::SYN)?;
    scene.expect(
        stage,
        "it is there, SYN ACK on its way",
        State::SynSent,
        State::SynReceived,
    )?;
    let still_listens = observe::sockets::listening()?
        .iter()
        .any(|socket| socket.local == of_server);
    stage.expect("another socket stays in LISTEN", true, still_listens);
    scene.pass(stage, of_server, Flags::SYN_ACK)?;
    scene.expect(
        stage,
        "it is there, ACK on its way",
        State::Established,
        State::SynReceived,
    )?;
    stage.expect(
        "accept has nothing yet",
        Err(Errno::EAGAIN),
        accept_at_once(&listener.socket).map(drop),
    );
    scene.pass(stage, of_client, Flags::ACK)?;
    scene.expect(
        stage,
        "the ACK is there",
        State::Established,
        State::Established,
    )?;
    let server = stage.accept(&listener)?.attempt("could not accept")?;

    stage.does("the client ends its stream; the server does nothing");
    shutdown(&client, Shutdown::Write).attempt("could not shut down")?;
    scene.expect(
        stage,
        "the client's FIN is on its way",
        State::FinWait1,
        State::Established,
    )?;
    scene.pass(stage, of_client, Flags::FIN_ACK)?;
    scene.expect(
        stage,
        "it is there, the kernel's ACK on its way",
        State::FinWait1,
        State::CloseWait,
    )?;
    scene.pass(stage, of_server, Flags::ACK)?;
    scene.expect(stage, "the ACK is there", State::FinWait2, State::CloseWait)?;

    stage.does("the server reads");
    let seen = stage.receive(&server, 1)?;
    stage.expect("it reads the end", Ok(Received::end()), seen);
    stage.expect(
        "which sends no segment: held are",
        0,
        scene.wire.count_from(of_server)?,
    );
    stage.does("the server closes");
    drop(server);
    scene.expect(
        stage,
        "the server's FIN is on its way",
        State::FinWait2,
        State::LastAck,
    )?;
    scene.pass(stage, of_server, Flags::FIN_ACK)?;
    scene.expect(
        stage,
        "it is there, the last ACK on its way",
        State::TimeWait,
        State::LastAck,
    )?;

    stage.does("the last ACK is lost; the server's kernel sends its FIN again");
    let lost = scene.wire.next(stage, of_client, Flags::ACK)?;
    let again = scene.wire.next(stage, of_client, Flags::ACK)?;
    stage.expect(
        "TIME-WAIT has answered with the same ACK: numbers",
        lost.acknowledges,
        again.acknowledges,
    );
    scene.wire.release(&again)?;
    scene.expect(stage, "that ACK is there", State::TimeWait, State::Close)?;
    Ok(())
}

fn close_at_once(stage: &mut Stage) -> Shown {
    stage.does("another connection: the kernel's ACK is lost, and then the server closes");
    let (scene, client, server) = connected(stage)?;
    let Ends {
        client: of_client,
        server: of_server,
    } = scene.ends;
    drop(client);
    scene.expect(
        stage,
        "the client has closed",
        State::FinWait1,
        State::Established,
    )?;
    scene.pass(stage, of_client, Flags::FIN_ACK)?;
    scene.expect(stage, "its FIN is there", State::FinWait1, State::CloseWait)?;
    drop(server);
    scene.expect(
        stage,
        "the server has closed",
        State::FinWait1,
        State::LastAck,
    )?;
    let fin = scene.wire.next(stage, of_server, Flags::FIN_ACK)?;
    scene.wire.release(&fin)?;
    scene.expect(
        stage,
        "its FIN is there, and acknowledges the client's as well",
        State::TimeWait,
        State::LastAck,
    )?;
    scene.pass(stage, of_client, Flags::ACK)?;
    scene.expect(
        stage,
        "the ACK is there: three segments are enough",
        State::TimeWait,
        State::Close,
    )
}

fn close_together(stage: &mut Stage) -> Shown {
    stage.does("another connection: both close, and their FINs cross");
    let (scene, client, server) = connected(stage)?;
    let Ends {
        client: of_client,
        server: of_server,
    } = scene.ends;
    drop((client, server));
    scene.expect(
        stage,
        "both FINs are on their way",
        State::FinWait1,
        State::FinWait1,
    )?;
    let one = scene.wire.next(stage, of_client, Flags::FIN_ACK)?;
    let other = scene.wire.next(stage, of_server, Flags::FIN_ACK)?;
    scene.wire.release(&one)?;
    scene.wire.release(&other)?;
    scene.expect(
        stage,
        "both are there, the ACKs on their way",
        State::Closing,
        State::Closing,
    )?;
    let one = scene.wire.next(stage, of_client, Flags::ACK)?;
    let other = scene.wire.next(stage, of_server, Flags::ACK)?;
    scene.wire.release(&one)?;
    scene.wire.release(&other)?;
    scene.expect(
        stage,
        "both ACKs are there",
        State::TimeWait,
        State::TimeWait,
    )
}

fn not_answered(stage: &mut Stage) -> Shown {
    stage.does("another connection: look for answers to a mere ACK, and to a RST");
    let (scene, client, _server) = connected(stage)?;
    let Ends {
        client: of_client,
        server: of_server,
    } = scene.ends;
    let answers = || scene.wire.count_from(of_server);
    stage.expect("the last ACK of the handshake has", 0, answers()?);
    set_linger(&client, 0)?;
    drop(client);
    scene.pass(stage, of_client, Flags::RST_ACK)?;
    scene.expect(
        stage,
        "the client has sent a RST, and it is there",
        State::Close,
        State::Close,
    )?;
    stage.expect("it has", 0, answers()?);
    Ok(())
}

fn open_together(stage: &mut Stage) -> Shown {
    stage.does("two sockets connect to each other, nobody listens, and their SYNs cross");
    let wire = Wire::new()?;
    let (client, of_client) = stage.bound()?;
    let (server, of_server) = stage.bound()?;
    for (socket, to) in [(&client, of_server), (&server, of_client)] {
        wire.hold(socket)?;
        let begun = connect_at_once(socket, to);
        stage.expect("connect", Err(Errno::EINPROGRESS), begun);
    }
    let ends = Ends {
        client: of_client,
        server: of_server,
    };
    let scene = Scene { wire, ends };
    scene.expect(
        stage,
        "both SYNs are on their way",
        State::SynSent,
        State::SynSent,
    )?;
    let one = scene.wire.next(stage, of_client, Flags::SYN)?;
    let other = scene.wire.next(stage, of_server, Flags::SYN)?;
    scene.wire.release(&one)?;
    scene.wire.release(&other)?;
    scene.expect(
        stage,
        "both are there, SYN ACKs on their way",
        State::SynReceived,
        State::SynReceived,
    )?;
    let one = scene.wire.next(stage, of_client, Flags::SYN_ACK)?;
    let other = scene.wire.next(stage, of_server, Flags::SYN_ACK)?;
    scene.wire.release(&one)?;
    scene.wire.release(&other)?;
    scene.expect(
        stage,
        "both are there: one connection",
        State::Established,
        State::Established,
    )
}
