//! The gap between the two rooms of a listening socket: an ACK that finds the accept queue full.

use std::{net::SocketAddr, os::fd::OwnedFd};

use nix::errno::Errno;

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoResult, Ends, Flags, ListeningSocket, Wire, connect_at_once, name,
    pending_error, send,
};
use harness::{failure::Attempt, observe::sockets::State};

pub const DEMO: Demo = Demo {
    name: "halfopen",
    day: 2,
    question: "What becomes of a client whose last ACK finds the accept queue full?",
    read: "The accept queue",
    needs: Needs::OwnNetwork,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    demo.in_own_network("an ACK that finds the accept queue full", dropped)?;
    demo.with_own_settings(
        "net.ipv4.tcp_abort_on_overflow, which answers that ACK with a reset",
        |demo| {
            answered(demo)?;
            cookie(demo)
        },
    )
}

/// The backlog: the queue has room for one more, and as many may be half-open as this says.
const BACKLOG: i32 = 2;

/// A client whose last ACK is on its way to a queue that has become full.
struct Late {
    wire: Wire,
    listener: ListeningSocket,
    client: OwnedFd,
    ends: Ends,
    /// The clients in the queue.
    others: Vec<OwnedFd>,
}

/// What both ends of the late client are in: `server` is what the server's kernel has of it before its ACK is there.
fn late(demo: &mut DemoContext, server: State) -> DemoResult<Late> {
    demo.does(format!(
        "listen(fd, {BACKLOG}); a client connects, and its last ACK is held"
    ));
    let wire = Wire::new()?;
    let listener = demo.listen(BACKLOG)?;
    wire.hold(&listener.socket)?;
    let client = demo.tcp()?;
    wire.hold(&client)?;
    let begun = connect_at_once(&client, listener.address);
    demo.expect("connect", Err(Errno::EINPROGRESS), begun);
    let ends = Ends {
        client: name(&client)?,
        server: listener.address,
    };
    pass(demo, &wire, ends.client, Flags::SYN)?;
    pass(demo, &wire, ends.server, Flags::SYN_ACK)?;
    let mut late = Late {
        wire,
        listener,
        client,
        ends,
        others: Vec::new(),
    };
    late.expect(demo, "the client believes that it is connected", server)?;

    demo.does("meanwhile other clients fill the queue: backlog + 1");
    for _ in 0..=BACKLOG {
        let other = demo.tcp()?;
        match connect_at_once(&other, late.ends.server) {
            Ok(()) | Err(Errno::EINPROGRESS) => (),
            Err(errno) => return Err(errno).attempt("could not begin to connect"),
        }
        let ends = (late.ends.server, name(&other)?);
        pass(demo, &late.wire, ends.1, Flags::SYN)?;
        pass(demo, &late.wire, ends.1, Flags::ACK)?;
        demo.expect_state("one of them", ends, State::Established)?;
        late.others.push(other);
    }
    Ok(late)
}

fn pass(demo: &DemoContext, wire: &Wire, from: SocketAddr, flags: Flags) -> DemoResult {
    let segment = wire.next(demo, from, flags)?;
    wire.release(&segment)
}

impl Late {
    /// The client is connected as far as it knows, and this is what the server's kernel has.
    fn expect(&self, demo: &mut DemoContext, claim: &str, server: State) -> DemoResult {
        demo.expect_state(claim, self.ends.of_client(), State::Established)?;
        let nothing = "the server's kernel keeps nothing of it";
        let entry = "the server's kernel has an entry for it";
        let claim = if server == State::Close {
            nothing
        } else {
            entry
        };
        demo.expect_state(claim, self.ends.of_server(), server)
    }

    fn pass_from_client(&self, demo: &DemoContext) -> DemoResult {
        pass(demo, &self.wire, self.ends.client, Flags::ACK)
    }

    /// How many segments of the server are held.
    fn answers(&self) -> DemoResult<usize> {
        self.wire.count_from(self.ends.server)
    }
}

fn dropped(demo: &mut DemoContext) -> DemoResult {
    let late = late(demo, State::SynReceived)?;
    let overflows = |demo: &DemoContext| demo.counter("TcpExt", "ListenOverflows");
    let before = overflows(demo)?;
    demo.does("now the ACK arrives");
    late.pass_from_client(demo)?;
    late.expect(demo, "it is dropped: the client", State::SynReceived)?;
    demo.expect("… and counted as", 1, overflows(demo)? - before);
    demo.does("the client sends \"hello\"");
    let before = late.answers()?;
    let sent = send(&late.client, "hello");
    demo.expect("send succeeds", Ok(5), sent);
    late.pass_from_client(demo)?;
    demo.expect(
        "it arrives, and is not acknowledged: segments",
        0,
        late.answers()? - before,
    );
    late.expect(demo, "nothing has changed: the client", State::SynReceived)?;

    demo.does("the server accepts one client; the late one's kernel repeats \"hello\"");
    let _accepted = demo.accept(&late.listener)?.attempt("could not accept")?;
    late.pass_from_client(demo)?;
    late.expect(demo, "now there is room: the client", State::Established)
}

fn answered(demo: &mut DemoContext) -> DemoResult {
    demo.set(ABORT, "1")?;
    demo.does("net.ipv4.tcp_abort_on_overflow = 1, and the same again");
    let late = late(demo, State::SynReceived)?;
    demo.does("now the ACK arrives");
    late.pass_from_client(demo)?;
    pass(demo, &late.wire, late.ends.server, Flags::RST)?;
    demo.expect_state(
        "it is answered with a RST: the client",
        late.ends.of_client(),
        State::Close,
    )?;
    demo.expect(
        "its next call learns it",
        Err(Errno::ECONNRESET),
        pending_error(&late.client),
    );
    demo.expect_state("nothing is left of it", late.ends.of_server(), State::Close)?;
    demo.set(ABORT, "0")
}

const ABORT: &str = "net.ipv4.tcp_abort_on_overflow";

fn cookie(demo: &mut DemoContext) -> DemoResult {
    demo.set(ABORT, "1")?;
    demo.set("net.ipv4.tcp_syncookies", "2")?;
    demo.does("the same with net.ipv4.tcp_syncookies = 2: half-open clients have no entry");
    let late = late(demo, State::Close)?;
    let before = late.answers()?;
    demo.does("now the ACK arrives");
    late.pass_from_client(demo)?;
    let answers = late.answers()? - before;
    demo.expect("no RST comes, nor anything else: segments", 0, answers);
    late.expect(demo, "the client", State::Close)
}
