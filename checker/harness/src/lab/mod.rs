//! The words in which a hidden test is written: start a program, connect, send, expect, wait.
//!
//! A test reads as a story. Waiting, ports, killing and wording are done here, in one thread and around one function,
//! `wait`, so that a test can never hang: it waits for an event, and ends when the event can never come.
//!
//! Every word notes what it does, so that a report can show the steps which led to the failure.

mod chance;
mod context;
mod evidence;
mod fifo;
mod file;
mod limits;
mod links;
mod names;
mod network;
mod polling;
mod program;
mod programs;
mod quiescence;
mod quote;
mod sockets;
mod tcp;
mod transcript;
mod udp;
mod verdict;
mod wait;

use std::{ffi::OsStr, net::SocketAddr, ops::RangeInclusive, rc::Rc};

pub use context::TestContext;
pub use evidence::{Evidence, ProcessState};
pub use fifo::Fifo;
pub use file::File;
pub use program::{Aim, CallLine, Child, Freeze, Mark, Place, Program, Server, Trouble};
pub use programs::Ending;
pub use quote::quoted;
pub use tcp::{Connection, Listener, Reservation};
pub use udp::Datagrams;

use crate::{
    arena::Launch,
    failure::{Attempt, Checked, Diagnosis, Failure, LabError, Stop},
    observe::sockets::{Socket, Transport},
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

    /// Tells a story to its end. Where it stops while the program has filled its folder, that is why, whatever else it
    /// has led to.
    ///
    /// # Errors
    ///
    /// Those of the story; [`Diagnosis::DiskFilled`].
    pub fn tell(&self, story: fn(&Lab) -> Checked) -> Checked {
        story(self).map_err(|stop| {
            let Some(symptom) = self.context.full_folder() else {
                return stop;
            };
            let failure = match stop {
                Stop::Failed(failure) => Failure {
                    diagnosis: Diagnosis::DiskFilled,
                    symptom,
                    comparison: None,
                    ..*failure
                },
                _ => self.context.failure(Diagnosis::DiskFilled, symptom),
            };
            failure.into()
        })
    }

    // Programs

    /// Has the calls of every program that is started from now on followed. A story which makes a call fail, or waits for
    /// one, begins with this; others are told once more in this way if they fail, for their reports.
    pub fn follow_calls(&self) {
        self.context.follow_calls();
    }

    /// Starts the program with these arguments. Its standard input stays open until
    /// [`Program::close_stdin`].
    ///
    /// # Errors
    ///
    /// When the file cannot be executed.
    pub fn start(&self, arguments: &[&str]) -> Checked<Program> {
        self.launch(Launch::new(arguments.iter().copied()))
    }

    /// Starts the program with something unusual to inherit: blocked or ignored signals, tighter limits.
    ///
    /// # Errors
    ///
    /// When the file cannot be executed.
    pub fn launch(&self, launch: Launch) -> Checked<Program> {
        Program::start(&self.context, &launch)
    }

    /// Starts the program with arguments with which it cannot work: it must end with this exit status, without a word
    /// on standard output, and with a reason on standard error.
    ///
    /// # Errors
    ///
    /// When it ends otherwise or not at all, prints something, or says nothing on standard error.
    pub fn expect_refusal(&self, arguments: &[&str], status: i32) -> Checked {
        let program = self.start(arguments)?;
        program.expect_exit(status)?;
        program.expect_stdout_end()?;
        program.expect_reason_on_stderr()
    }

    /// Starts a TCP server with the argument `IP:0`, waits until it says `listening IP:PORT`, and makes sure that it
    /// does.
    ///
    /// # Errors
    ///
    /// When it ends, never says so, says something else, or listens elsewhere.
    pub fn start_server(&self) -> Checked<Server> {
        self.start_server_with(&[])
    }

    /// The same with further arguments behind the address.
    ///
    /// # Errors
    ///
    /// As [`Lab::start_server`].
    pub fn start_server_with(&self, further: &[&str]) -> Checked<Server> {
        let address = SocketAddr::new(self.context.address().into(), 0);
        Server::start(&self.context, address, further, Transport::Tcp)
    }

    /// Starts the server again on an address which it had before.
    ///
    /// # Errors
    ///
    /// As [`Lab::start_server`], but with [`Diagnosis::CannotRestart`] when it ends instead.
    pub fn restart_server(&self, address: SocketAddr) -> Checked<Server> {
        Server::start(&self.context, address, &[], Transport::Tcp)
    }

    /// Starts a UDP server with the argument `IP:0`, and further arguments behind it.
    ///
    /// # Errors
    ///
    /// As [`Lab::start_server`].
    pub fn start_udp_server(&self, further: &[&str]) -> Checked<Server> {
        let address = SocketAddr::new(self.context.address().into(), 0);
        Server::start(&self.context, address, further, Transport::Udp)
    }

    /// Starts a TCP server with this address as its only argument.
    ///
    /// # Errors
    ///
    /// As [`Lab::start_server`].
    pub fn start_server_on(&self, address: SocketAddr) -> Checked<Server> {
        Server::start(&self.context, address, &[], Transport::Tcp)
    }

    /// Starts a TCP server with these addresses as its arguments, and waits until it says `listening IP:PORT` for each,
    /// in this order. All that is returned are views of one program.
    ///
    /// # Errors
    ///
    /// As [`Lab::start_server`].
    pub fn start_server_on_all(&self, addresses: &[SocketAddr]) -> Checked<Vec<Server>> {
        let arguments: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
        let program = self.launch(Launch::new(arguments))?;
        addresses
            .iter()
            .map(|&address| program.expect_announcement(address))
            .collect()
    }

    /// An address with port 0 which no machine has, because it is for examples in books (RFC 5737): bind fails there
    /// with EADDRNOTAVAIL.
    pub fn nobodys_address(&self) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 0))
    }

    /// The test's address with port 0, which means any free port: what [`Lab::start_server`] gives its program.
    pub fn any_port(&self) -> SocketAddr {
        SocketAddr::new(self.context.address().into(), 0)
    }

    /// The same on another loopback address which belongs to this test, and which no program can guess.
    pub fn any_port_elsewhere(&self) -> SocketAddr {
        SocketAddr::new(self.context.arena.other_address().into(), 0)
    }

    // Files

    /// A file in the test's folder, which is where programs start; there is none of this name yet.
    pub fn file(&self, name: impl AsRef<OsStr>) -> File {
        File::new(&self.context, name.as_ref())
    }

    /// A named pipe in the test's folder, from which the test reads.
    ///
    /// # Errors
    ///
    /// When the lab cannot make it.
    pub fn fifo(&self, name: impl AsRef<OsStr>) -> Checked<Fifo> {
        Fifo::make(&self.context, name.as_ref())
    }

    // Peers

    /// A TCP server of the test's own, for a program which is a client.
    ///
    /// # Errors
    ///
    /// When the lab cannot listen.
    pub fn listen(&self) -> Checked<Listener> {
        Listener::new(&self.context, None)
    }

    /// The same with a small receive buffer (SO_RCVBUF, in bytes) in each connection, so that a client which sends
    /// without reading soon has to wait.
    ///
    /// # Errors
    ///
    /// When the lab cannot listen.
    pub fn listen_with_receive_buffer(&self, bytes: usize) -> Checked<Listener> {
        Listener::new(&self.context, Some(bytes))
    }

    /// An address on which nobody listens: connecting to it is refused.
    ///
    /// # Errors
    ///
    /// When the lab cannot find one.
    pub fn refusing_address(&self) -> Checked<SocketAddr> {
        let reservation = self.reserve_address()?;
        Ok(tcp::refusing(&self.context, reservation))
    }

    /// The same for IPv6.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`](crate::failure::Stop::NotChecked) on a machine without IPv6.
    pub fn refusing_ipv6_address(&self) -> Checked<SocketAddr> {
        let reservation = Reservation::on_ipv6(&self.context)?;
        Ok(tcp::refusing(&self.context, reservation))
    }

    /// A TCP server of the test's own on the loopback address of IPv6.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`](crate::failure::Stop::NotChecked) on a machine without IPv6.
    pub fn listen_on_ipv6(&self) -> Checked<Listener> {
        Reservation::on_ipv6(&self.context)?.listen()
    }

    /// A TCP server whose accept queue is full: the SYN of a program that connects gets no answer, as if the address
    /// led nowhere, or as if a firewall dropped it.
    ///
    /// # Errors
    ///
    /// When the lab cannot listen.
    pub fn listen_without_answer(&self) -> Checked<Listener> {
        Listener::with_a_full_queue(&self.context)
    }

    /// An address on which nobody listens until [`Reservation::listen`]: connecting to it is refused before, and not
    /// after.
    ///
    /// # Errors
    ///
    /// When the lab cannot reserve one.
    pub fn reserve_address(&self) -> Checked<Reservation> {
        Reservation::new(&self.context, self.context.address().into())
    }

    /// A UDP socket of the test's own.
    ///
    /// # Errors
    ///
    /// When the lab cannot make one.
    pub fn datagrams(&self) -> Checked<Datagrams> {
        Datagrams::new(&self.context)
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
    pub fn lone_bytes(&self) -> Vec<u8> {
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

    // The diary

    /// Tells a part of the story in one step of the report, in place of the single steps of `part`.
    ///
    /// # Errors
    ///
    /// Those of `part`.
    pub fn step<T>(
        &self,
        text: impl Into<String>,
        part: impl FnOnce() -> Checked<T>,
    ) -> Checked<T> {
        self.context.note(text.into());
        self.context.transcript.quietly(part)
    }

    /// A failure which only the test itself can see.
    ///
    /// # Errors
    ///
    /// Always: that is what it makes.
    pub fn fail<T>(&self, diagnosis: Diagnosis, symptom: impl Into<String>) -> Checked<T> {
        self.context.fail(diagnosis, symptom)
    }

    /// The same, to be given what was [promised and what came](Failure::comparing) before it is returned as an error.
    pub fn failure(&self, diagnosis: Diagnosis, symptom: impl Into<String>) -> Failure {
        self.context.failure(diagnosis, symptom)
    }

    // Waiting

    /// Waits until `condition` holds. `goal` completes the sentence "the test waits for …". If it never holds, the
    /// failure has this diagnosis, and says what the program does instead.
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
        self.context.until(goal, diagnosis, look)
    }

    /// The sockets of this test, as the kernel shows them.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub fn sockets(&self, transport: Transport) -> Checked<Vec<Socket>> {
        self.context.sockets(transport)
    }

    /// How many bytes of one TCP connection a kernel stores for its sender at most: the third figure of
    /// `net.ipv4.tcp_wmem` (tcp(7)). A test that wants a sender to get stuck sends more than this, and more than the
    /// receive buffer.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub fn send_buffer_limit(&self) -> Checked<usize> {
        const ASK: &str = "could not read net.ipv4.tcp_wmem";
        let text = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_wmem").attempt(ASK)?;
        let most = text.split_whitespace().nth(2);
        Ok(most
            .and_then(|most| most.parse().ok())
            .ok_or_else(|| LabError::new(ASK))?)
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
