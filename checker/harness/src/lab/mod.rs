//! The words in which a hidden test is written: start a program, connect, send, expect, wait. An author of exercises finds
//! them on one page in [`author`](crate::author).
//!
//! A test is a story in one thread. Everything that waits does so in one function, `wait_in_steps`, so that no test can
//! hang: it waits for an event, and ends when the event can never come. Every word adds a step to the transcript, which
//! the report shows. Every failure holds the [`Evidence`] of the moment at which it was made.
//!
//! The files use each other in this order only, from the bottom to the top:
//!
//! - `program`, `tcp`, `udp`, `unix`, `file`, `fifo`, `etc`, `network`: the words, by topic; in this file those of [`Lab`].
//! - `wait`: waits for an event; `limits`: ends a test whose programs take too much.
//! - `verdict`: what a symptom is called; `evidence`: what was seen.
//! - `quiescence`: whether anything can still happen; `polling`: one look; `sockets`: those of this test; `port`: theirs.
//! - `context`: what all words share, made of `transcript`, `programs`, `names`, `chance`, `links` and `reputation`.

mod budget;
mod chance;
mod context;
mod etc;
mod evidence;
mod fifo;
mod file;
mod limits;
mod links;
mod names;
mod network;
mod obstacle;
mod polling;
mod port;
mod program;
mod programs;
mod quiescence;
mod quote;
mod reputation;
mod sockets;
mod tcp;
mod transcript;
mod udp;
mod unix;
mod verdict;
mod wait;

use std::{ffi::OsStr, net::SocketAddr, ops::RangeInclusive, rc::Rc, time::Duration};

pub use context::TestContext;
pub use evidence::{Evidence, FailedChild, Pending, ProcessState};
pub use fifo::{Fifo, UnreadFifo};
pub use file::File;
pub use port::with_telling_port;
pub use program::{
    CallFilter, CallLine, Calls, Child, Children, Descriptors, FaultGuard, Faults, FdKind,
    ForkForbidden, Freeze, Mark, Program, Server, Signaling, Sleep, Stderr, Stdin, Stdout,
};
pub use programs::Ending;
pub use quote::{quoted, quoted_argument};
pub use reputation::Reputation;
pub use tcp::{Connection, Listener, Reservation, Rest};
pub use udp::{Datagram, UdpPeer};
pub use unix::{UnixClient, UnixPath};

use crate::{
    failure::{Checked, Diagnosis, Failure, Stop},
    observe::sockets::{Socket, Transport},
    sandbox::Launch,
};

/// One test's view of the world: the program, and the means to play its peers.
#[derive(Debug)]
pub struct Lab {
    context: Rc<TestContext>,
}

impl Lab {
    /// The words of a test in this context.
    pub fn new(context: Rc<TestContext>) -> Lab {
        Lab { context }
    }

    // Programs

    /// Follows the system calls of every program that is started from now on. A story which makes a call fail, or waits for
    /// one, begins with this; others are told once more in this way if they fail, for their reports.
    pub fn follow_calls(&self) {
        self.context.follow_calls();
    }

    /// Starts the program with these arguments. Its standard input stays open until it is [closed](Stdin::close).
    pub fn start(&self, arguments: &[&str]) -> Checked<Program> {
        self.launch(Launch::new(arguments.iter().copied()))
    }

    /// Starts the program with something unusual to inherit: blocked or ignored signals, tighter limits.
    pub fn launch(&self, launch: Launch) -> Checked<Program> {
        Program::start(&self.context, &launch)
    }

    /// Starts the program with arguments with which it cannot work: it must end with this exit status, without a word
    /// on standard output, and with a reason on standard error.
    ///
    /// # Errors
    ///
    /// When it ends otherwise or not at all, prints something, or says nothing on standard error.
    pub fn expect_refused_start(&self, arguments: &[impl AsRef<OsStr>], status: i32) -> Checked {
        let program = self.launch(Launch::new(arguments))?;
        program.expect_exit(status)?;
        program.stdout().expect_end()?;
        program.stderr().expect_reason()
    }

    /// Starts a TCP server with the argument `IP:0`, waits until it says `listening IP:PORT`, and makes sure that it
    /// does.
    ///
    /// # Errors
    ///
    /// When it ends, never says so, says something else, or listens elsewhere.
    pub fn start_server(&self) -> Checked<Server> {
        self.start_server_on(self.any_port())
    }

    /// Starts a TCP server with this address as its only argument; one with a port other than 0 is usually the address
    /// that an earlier server had.
    ///
    /// # Errors
    ///
    /// As [`Lab::start_server`], but with [`Diagnosis::CannotRestart`] when it ends and the port is not 0.
    pub fn start_server_on(&self, address: SocketAddr) -> Checked<Server> {
        Server::start(&self.context, address, &[], Transport::Tcp)
    }

    /// Starts a UDP server with this address as its only argument.
    pub fn start_udp_server_on(&self, address: SocketAddr) -> Checked<Server> {
        Server::start(&self.context, address, &[], Transport::Udp)
    }

    /// Starts a UDP server with the argument `IP:0`, and further arguments behind it.
    pub fn start_udp_server(&self, further: &[&str]) -> Checked<Server> {
        Server::start(&self.context, self.any_port(), further, Transport::Udp)
    }

    /// An address with port 0 which no machine has, because it is for examples in books (RFC 5737): bind fails there
    /// with EADDRNOTAVAIL.
    pub fn unavailable_address(&self) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 0))
    }

    /// The test's address with port 0, which means any free port: what [`Lab::start_server`] gives its program.
    pub fn any_port(&self) -> SocketAddr {
        SocketAddr::new(self.context.address().into(), 0)
    }

    /// Another loopback address of this test, which no program can guess, with port 0.
    pub fn any_port_elsewhere(&self) -> SocketAddr {
        SocketAddr::new(self.context.sandbox.other_address().into(), 0)
    }

    // Files

    /// A file in the test's folder, which is where programs start; there is none of this name yet.
    pub fn file(&self, name: impl AsRef<OsStr>) -> File {
        File::new(&self.context, name.as_ref())
    }

    /// A named pipe in the test's folder, which the test does not read yet.
    pub fn fifo(&self, name: impl AsRef<OsStr>) -> Checked<UnreadFifo> {
        UnreadFifo::make(&self.context, name.as_ref())
    }

    /// A path in the test's folder for a UNIX socket of the program; there is nothing of this name yet.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`] where programs are in a jail that allows no UNIX sockets.
    pub fn unix_path(&self, name: impl AsRef<OsStr>) -> Checked<UnixPath> {
        UnixPath::new(&self.context, name.as_ref())
    }

    // Peers

    /// A TCP server of the test's own, for a program which is a client.
    pub fn listen(&self) -> Checked<Listener> {
        Listener::new(&self.context, None)
    }

    /// A TCP server of the test's own on [another address](Lab::any_port_elsewhere), which only its program knows.
    pub fn listen_elsewhere(&self) -> Checked<Listener> {
        Reservation::new(&self.context, self.any_port_elsewhere().ip())?.listen()
    }

    /// A TCP server of the test's own with small receive buffers (SO_RCVBUF, in bytes), so that a client which sends
    /// without reading soon has to wait.
    pub fn listen_with_receive_buffer(&self, bytes: usize) -> Checked<Listener> {
        Listener::new(&self.context, Some(bytes))
    }

    /// A TCP server whose accept queue is full: the SYN of a program that connects gets no answer, as if the address
    /// led nowhere, or as if a firewall dropped it.
    pub fn listen_without_answer(&self) -> Checked<Listener> {
        Listener::with_a_full_queue(&self.context)
    }

    /// An address on which no socket listens until [`Reservation::listen`]: connecting to it is refused before, and not
    /// after.
    pub fn reserve_address(&self) -> Checked<Reservation> {
        Reservation::new(&self.context, self.context.address().into())
    }

    /// An address of IPv6's loopback interface on which no socket listens until [`Reservation::listen`].
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`] on a machine without IPv6.
    pub fn reserve_ipv6_address(&self) -> Checked<Reservation> {
        Reservation::on_ipv6(&self.context)
    }

    /// A UDP socket of the test's own.
    pub fn udp_peer(&self) -> Checked<UdpPeer> {
        UdpPeer::new(&self.context)
    }

    /// A UDP socket of the test's own with this address, where port 0 stands for a free one; and with a name for the
    /// report, because it is no client: `the server`, `a stranger`.
    pub fn udp_peer_at(&self, name: &str, address: SocketAddr) -> Checked<UdpPeer> {
        UdpPeer::at(&self.context, name.to_owned(), address)
    }

    /// An address at which no socket receives datagrams for the whole test: the kernel refuses what is sent there
    /// (ECONNREFUSED).
    pub fn refuse_datagrams(&self) -> Checked<SocketAddr> {
        udp::refusing_address(&self.context)
    }

    // Chance, from the printed seed

    /// Random bytes of all values.
    pub fn random_bytes(&self, count: usize) -> Vec<u8> {
        self.context.chance.bytes(count)
    }

    /// All 256 byte values, in random order.
    pub fn every_byte(&self) -> Vec<u8> {
        self.context.chance.shuffled((0..=u8::MAX).collect())
    }

    /// Bytes to be sent alone, in random order: those which some program takes for more than a byte, because they end
    /// a text, a line, a file or a session elsewhere or are no text at all, and some others.
    ///
    /// A tenth of all values: each takes a round trip, and what a program does with the rest is seen when
    /// [all](Lab::every_byte) come at once.
    pub fn boundary_bytes(&self) -> Vec<u8> {
        let mut bytes = b"\0\x03\x04\t\n\r\x1a\x1b q\x7f\x80\xc3\xff".to_vec();
        bytes.extend(self.random_bytes(10));
        self.context.chance.shuffled(bytes)
    }

    /// Random letters and digits: one word, never a line end.
    pub fn random_word(&self, length: usize) -> String {
        self.context.chance.word(length)
    }

    /// A random number from a range, both ends included.
    pub fn random_number(&self, range: RangeInclusive<u64>) -> u64 {
        self.context.chance.number(range)
    }

    // The transcript

    /// Tells a part of the story in one step of the report, in place of the single steps of `part`.
    pub fn step<T>(
        &self,
        text: impl Into<String>,
        part: impl FnOnce() -> Checked<T>,
    ) -> Checked<T> {
        self.context.note(text.into());
        self.context.transcript.quietly(part)
    }

    /// Tells in one step what `part` does with each of these, which it should treat alike. Where it fails, one more step
    /// tells with which: `name` is the text of that step.
    pub fn step_for_each<T>(
        &self,
        text: impl Into<String>,
        each: impl IntoIterator<Item = T>,
        name: impl Fn(&T) -> String,
        mut part: impl FnMut(T) -> Checked,
    ) -> Checked {
        self.context.note(text.into());
        each.into_iter().try_for_each(|one| {
            let step = name(&one);
            self.context.transcript.provisionally(step, || part(one))
        })
    }

    /// Ends the test with a failure that only the story itself can see.
    pub fn fail<T>(&self, diagnosis: Diagnosis, symptom: impl Into<String>) -> Checked<T> {
        self.context.fail(diagnosis, symptom)
    }

    /// A failure to be [given](Failure::comparing) what was promised and what came, before it is returned as an error.
    pub fn failure(&self, diagnosis: Diagnosis, symptom: impl Into<String>) -> Failure {
        self.context.failure(diagnosis, symptom)
    }

    /// Sees that the program has printed this text. For output that the story has taken as a whole and looked at.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::WrongOutput`] when it is another text.
    pub fn expect_text(&self, expected: impl AsRef<[u8]>, got: impl AsRef<[u8]>) -> Checked {
        let (expected, got) = (expected.as_ref(), got.as_ref());
        self.context
            .note(format!("see that it is {}", quoted(expected)));
        match expected == got {
            true => Ok(()),
            false => {
                let failure = self
                    .context
                    .wrong_output("standard output", &[expected], got);
                Err(failure.into())
            }
        }
    }

    // Waiting

    /// Waits until `condition` holds. `goal` completes the sentence "the test waits for …". If it never holds, the
    /// failure has this diagnosis, and says what the program does instead. A story that waits so knows what for: a time
    /// limit that it has asked for, for example. If the condition comes to hold, what the program has slept until then is
    /// not held against it.
    ///
    /// # Errors
    ///
    /// As described, and those of `condition`.
    pub fn wait_until(
        &self,
        goal: &str,
        diagnosis: Diagnosis,
        mut condition: impl FnMut() -> Checked<bool>,
    ) -> Checked {
        let look = || Ok(condition()?.then_some(()));
        let napped = self.context.napped();
        self.context.until(goal, diagnosis, look)?;
        self.context.forgive_naps(napped);
        Ok(())
    }

    /// Lets the program sleep for so much longer before the lab says that it sleeps too long: the story has given it this
    /// time limit. The limits of one test add up.
    pub fn allow_naps(&self, limit: Duration) {
        self.context.allow_naps(limit);
    }

    /// The sockets of this test, as the kernel shows them; of TCP those that listen or are connected.
    pub fn sockets(&self, transport: Transport) -> Checked<Vec<Socket>> {
        self.context.sockets(transport)
    }

    /// Whether a connection of this address has ended, and still holds its port (TIME_WAIT).
    pub fn is_in_time_wait(&self, address: SocketAddr) -> Checked<bool> {
        self.context.is_in_time_wait(address)
    }

    /// Waits until every process of every program sleeps and nothing is under way between them and the test: what has
    /// not happened by then is not going to.
    ///
    /// # Errors
    ///
    /// When a program runs without end.
    pub fn settle(&self) -> Checked {
        self.context.settle()
    }
}

/// Tells the story of a test to its end. Where it stops while the program has filled its folder, that is why, whatever
/// else it has led to.
///
/// # Errors
///
/// Those of the story; [`Diagnosis::DiskFilled`].
pub fn tell_story(context: &Rc<TestContext>, story: fn(&Lab) -> Checked) -> Checked {
    let lab = Lab::new(context.clone());
    story(&lab).map_err(|stop| {
        let Some(symptom) = context.full_folder() else {
            return stop;
        };
        let failure = match stop {
            Stop::Failed(failure) => Failure {
                diagnosis: Diagnosis::DiskFilled,
                symptom,
                comparison: None,
                ..*failure
            },
            _ => context.failure(Diagnosis::DiskFilled, symptom),
        };
        failure.into()
    })
}
