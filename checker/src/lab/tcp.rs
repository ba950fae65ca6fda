//! TCP peers: polite, rude, slow or broken, as the test wants them.

use std::{
    cell::{Cell, RefCell},
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    rc::Rc,
};

use nix::{
    errno::Errno,
    poll::PollFlags,
    sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, connect, getsockname,
        listen, setsockopt, socket, sockopt,
    },
};

use super::{
    bench::Bench,
    quote::brief,
    stillness::{Motion, Watch},
    wait::GaveUp,
};
use crate::{
    failure::{Attempt, Checked, Comparison, Diagnosis, Failure, LabError},
    observe::sockets::{self, State, Transport},
};

/// One connection with the program, seen from the test's end.
///
/// What the program sends is read whenever the lab waits for something on this connection, so that both directions
/// flow; [`Connection::send_without_reading`] is the exception.
#[derive(Debug)]
pub struct Connection {
    bench: Rc<Bench>,
    /// `client 1`, or `the connection` of a listener.
    name: String,
    local: SocketAddr,
    peer: SocketAddr,
    stream: RefCell<Option<TcpStream>>,
    /// What came and has not been expected yet.
    inbox: RefCell<Vec<u8>>,
    end: Cell<Option<End>>,
    /// What was sent and has not been expected back yet.
    unechoed: RefCell<Vec<u8>>,
}

/// How the stream of the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The end of the stream: a FIN.
    Finished,
    /// A reset: a RST.
    Reset,
}

/// A TCP server of the test's own.
#[derive(Debug)]
pub struct Listener {
    bench: Rc<Bench>,
    listener: TcpListener,
    address: SocketAddr,
}

/// An address which is taken, and on which nobody listens yet: connecting to it is refused.
#[derive(Debug)]
pub struct Reservation {
    bench: Rc<Bench>,
    socket: OwnedFd,
    address: SocketAddr,
}

impl Connection {
    pub(super) fn connect(
        bench: &Rc<Bench>,
        server: SocketAddr,
        receive_buffer: Option<usize>,
    ) -> Checked<Connection> {
        let name = format!("client {}", bench.count_names("client ") + 1);
        bench.note(format!("{name}: connect"));
        let socket = new_socket(bench, server, receive_buffer)?;
        match connect(socket.as_raw_fd(), &SockaddrStorage::from(server)) {
            Ok(()) | Err(Errno::EINPROGRESS) => (),
            Err(errno) => return Err(refused(bench, server, errno)?.into()),
        }
        let stream = TcpStream::from(socket);
        let look = || match stream
            .take_error()
            .attempt("could not ask a socket for its error")?
        {
            Some(error) => Ok(Some(Err(error))),
            None => Ok(stream.peer_addr().is_ok().then_some(Ok(()))),
        };
        match bench.wait(&[(stream.as_fd(), PollFlags::POLLOUT)], look)? {
            Ok(Ok(())) => Connection::over(bench, stream, server, name),
            Ok(Err(error)) => {
                let errno = Errno::from_raw(error.raw_os_error().unwrap_or(0));
                Err(refused(bench, server, errno)?.into())
            }
            Err(gave_up) => {
                let goal = match waiting_clients(bench, server)? {
                    Some(waiting) => {
                        format!("room in the accept queue, in which {waiting} clients wait already")
                    }
                    None => "it to accept a connection".to_owned(),
                };
                Err(bench.explain(&gave_up, &goal, Diagnosis::NoAnswer).into())
            }
        }
    }

    fn over(
        bench: &Rc<Bench>,
        stream: TcpStream,
        peer: SocketAddr,
        name: String,
    ) -> Checked<Connection> {
        const PREPARE: &str = "could not prepare a connection";
        stream.set_nonblocking(true).attempt(PREPARE)?;
        // A test that sends single bytes means single segments.
        stream.set_nodelay(true).attempt(PREPARE)?;
        let local = stream.local_addr().attempt(PREPARE)?;
        bench.name(local, name.clone());
        Ok(Connection {
            bench: bench.clone(),
            name,
            local,
            peer,
            stream: RefCell::new(Some(stream)),
            inbox: RefCell::default(),
            end: Cell::new(None),
            unechoed: RefCell::default(),
        })
    }

    /// The test's own address on this connection.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Its name in reports, `client 1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn note(&self, step: impl std::fmt::Display) {
        self.bench.note(format!("{}: {step}", self.name));
    }

    /// What the program sends, in the words of a report.
    fn what_it_receives(&self) -> &'static str {
        match self.name.as_str() {
            "the server" => "what the server receives",
            _ => "the reply",
        }
    }

    // Sending

    /// Sends all of these bytes, reading meanwhile what comes back.
    ///
    /// # Errors
    ///
    /// When the program closes or resets the connection, or never reads them.
    pub fn send(&self, bytes: impl AsRef<[u8]>) -> Checked {
        let bytes = bytes.as_ref();
        self.note(format_args!("send {}", brief(bytes)));
        let sent = self.transmit(bytes, true)?;
        match sent {
            Sent::All => Ok(()),
            Sent::Broken => {
                let goal = format!("it to read what {} sends", self.name);
                let symptom = format!(
                    "your program closed the connection with {}, which still had bytes to send",
                    self.name
                );
                let diagnosis = match self.end.get() {
                    Some(End::Reset) | None => Diagnosis::Reset,
                    Some(End::Finished) => Diagnosis::ClosedEarly,
                };
                Err(self
                    .bench
                    .blame(&goal, Failure::new(diagnosis, symptom))?
                    .into())
            }
            Sent::Part(_, gave_up) => {
                let goal = format!("it to read what {} sends", self.name);
                Err(self.bench.explain(&gave_up, &goal, Diagnosis::Stuck).into())
            }
        }
    }

    /// Sends these bytes in pieces of `size`, and waits after each until the program has read it, so that each is a
    /// read of its own.
    ///
    /// # Errors
    ///
    /// As [`Connection::send`], and when the program does not read a piece.
    pub fn send_in_pieces(&self, bytes: impl AsRef<[u8]>, size: usize) -> Checked {
        let bytes = bytes.as_ref();
        let of = match size {
            1 => "one byte".to_owned(),
            size => format!("{size} bytes"),
        };
        self.note(format_args!("send {} in pieces of {of}", brief(bytes)));
        self.bench.quietly(|| {
            for piece in bytes.chunks(size) {
                self.send(piece)?;
                self.wait_until_read()?;
            }
            Ok(())
        })
    }

    /// Sends as much as the kernel takes without reading anything, until all is sent or everything stands still.
    /// Returns how many bytes were sent.
    ///
    /// # Errors
    ///
    /// When the program closes or resets the connection.
    pub fn send_without_reading(&self, bytes: impl AsRef<[u8]>) -> Checked<usize> {
        let bytes = bytes.as_ref();
        self.note(format_args!("send {} without reading", brief(bytes)));
        match self.transmit(bytes, false)? {
            Sent::All => Ok(bytes.len()),
            Sent::Part(count, _) => Ok(count),
            Sent::Broken => {
                let symptom = format!(
                    "your program closed the connection with {}, which still had bytes to send",
                    self.name
                );
                let goal = format!("it to read what {} sends", self.name);
                Err(self
                    .bench
                    .blame(&goal, Failure::new(Diagnosis::ClosedEarly, symptom))?
                    .into())
            }
        }
    }

    fn transmit(&self, bytes: &[u8], read: bool) -> Checked<Sent> {
        let stream = self.stream.borrow();
        let Some(stream) = stream.as_ref() else {
            return Err(LabError::new("the test has closed this connection already").into());
        };
        let mut rest = bytes;
        let mut broken = false;
        let look = || {
            if read {
                self.read_from(stream);
            }
            loop {
                if rest.is_empty() {
                    return Ok(Some(()));
                }
                match (&mut &*stream).write(rest) {
                    Ok(n) => rest = &rest[n..],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                    Err(_) => {
                        broken = true;
                        return Ok(Some(()));
                    }
                }
            }
        };
        let events = match read {
            true => PollFlags::POLLOUT | PollFlags::POLLIN,
            false => PollFlags::POLLOUT,
        };
        let waited = self.bench.wait(&[(stream.as_fd(), events)], look)?;
        let count = bytes.len() - rest.len();
        self.unechoed
            .borrow_mut()
            .extend_from_slice(&bytes[..count]);
        Ok(match waited {
            Ok(()) if broken => Sent::Broken,
            Ok(()) => Sent::All,
            Err(gave_up) => Sent::Part(count, gave_up),
        })
    }

    /// Sends random pieces of 16 KiB without reading anything, until the program leaves one unread and sleeps: nobody
    /// takes what it writes, and it waits for room. A program which never waits gets `most` bytes.
    ///
    /// # Errors
    ///
    /// When the program closes or resets the connection, or runs without end.
    pub fn send_until_unread(&self, most: usize) -> Checked {
        self.note("send and send without reading, until the program stops reading, too");
        self.bench.quietly(|| {
            let mut sent = 0;
            let mut is_read = true;
            while is_read && sent < most {
                let mut piece = vec![0; 16 * 1024];
                self.bench.random().fill(&mut piece);
                sent += self.send_without_reading(&piece)?;
                is_read = self.is_read_in_the_end()?;
            }
            Ok(())
        })
    }

    /// Waits until the program has read all that was sent (true), or sleeps and has not (false).
    fn is_read_in_the_end(&self) -> Checked<bool> {
        let mut watch = Watch::new();
        let look = || {
            if !self.is_something_unread()? {
                return Ok(Some(true));
            }
            match watch.sample(&self.bench)? {
                Motion::Moving => Ok(None),
                Motion::Dozing | Motion::Asleep => Ok(Some(false)),
            }
        };
        match self.bench.wait(&[], look)? {
            Ok(is_read) => Ok(is_read),
            Err(GaveUp::Asleep(_)) => Ok(false),
            Err(gave_up) => {
                let goal = format!("it to read what {} has sent", self.name);
                Err(self.bench.explain(&gave_up, &goal, Diagnosis::Stuck).into())
            }
        }
    }

    /// Whether some of what was sent is on the way, or in the program's receive queue.
    fn is_something_unread(&self) -> Checked<bool> {
        let own = sockets::between(self.local, self.peer)?;
        let program = sockets::between(self.peer, self.local)?;
        Ok(own.is_some_and(|socket| socket.send_queue > 0)
            || program.is_some_and(|socket| socket.receive_queue > 0))
    }

    /// Waits until the program has read all that was sent: nothing is on the way, and its receive queue is empty.
    ///
    /// # Errors
    ///
    /// When it does not read.
    pub fn wait_until_read(&self) -> Checked {
        self.note("wait until all of it has been read");
        let look = || {
            self.read_available();
            // A program which has ended its sending side still reads.
            let is_reset = self.end.get() == Some(End::Reset);
            Ok((is_reset || !self.is_something_unread()?).then_some(()))
        };
        match self.wait(look)? {
            Ok(()) => Ok(()),
            Err(gave_up) => {
                let goal = format!("it to read what {} has sent", self.name);
                Err(self.bench.explain(&gave_up, &goal, Diagnosis::Stuck).into())
            }
        }
    }

    // Ending

    /// Half-closes: ends the sending side (a FIN), and goes on reading.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub fn shutdown_write(&self) -> Checked {
        self.note("half-close: end the sending side");
        let stream = self.stream.borrow();
        match stream
            .as_ref()
            .map(|stream| stream.shutdown(Shutdown::Write))
        {
            Some(Err(error)) => {
                let symptom = format!("your program has reset the connection with {}", self.name);
                let seen = Failure::new(Diagnosis::Reset, symptom);
                if error.raw_os_error() == Some(libc::ENOTCONN) {
                    Err(self.bench.blame("the rest of the story", seen)?.into())
                } else {
                    Err(LabError::io("could not half-close a connection", &error).into())
                }
            }
            _ => Ok(()),
        }
    }

    /// Closes the connection. If bytes of the program are still unread, the kernel sends a reset.
    pub fn close(&self) {
        self.note("close");
        self.stream.borrow_mut().take();
    }

    /// Resets the connection: closes it with SO_LINGER 0, so that the kernel sends a RST at once; and waits until it has
    /// arrived.
    ///
    /// # Errors
    ///
    /// When the option cannot be set.
    pub fn reset(&self) -> Checked {
        self.note("reset the connection (SO_LINGER 0, close)");
        if let Some(stream) = self.stream.borrow_mut().take() {
            let at_once = libc::linger {
                l_onoff: 1,
                l_linger: 0,
            };
            setsockopt(&stream, sockopt::Linger, &at_once).attempt("could not set SO_LINGER")?;
        }
        // A reset is in no queue, so nothing else shows that it is under way. When it arrives, the kernel forgets the
        // program's end of the connection.
        let look = || {
            let sockets = sockets::all(Transport::Tcp)?;
            let is_there = sockets.iter().any(|socket| socket.peer == self.local);
            Ok((!is_there).then_some(()))
        };
        // If it stays, the words that follow say what the program does.
        let _ = self.bench.wait(&[], look)?;
        Ok(())
    }

    // Receiving

    /// Waits for exactly these bytes.
    ///
    /// # Errors
    ///
    /// When other bytes come, or not all of them.
    pub fn expect(&self, expected: impl AsRef<[u8]>) -> Checked {
        let expected = expected.as_ref();
        self.note(format_args!("expect {}", brief(expected)));
        self.receive(expected)
    }

    /// Reads what comes until the program sleeps, and leaves the judgement to the next [`Connection::expect`] or
    /// [`Connection::expect_echo`].
    ///
    /// # Errors
    ///
    /// When the program runs without end.
    pub fn read_until_quiet(&self) -> Checked {
        self.note("read what comes, until nothing more does");
        let mut watch = Watch::new();
        let look = || {
            self.read_available();
            Ok(match watch.sample(&self.bench)? {
                Motion::Moving => None,
                Motion::Dozing | Motion::Asleep => Some(()),
            })
        };
        match self.wait(look)? {
            Ok(()) | Err(GaveUp::Asleep(_)) => Ok(()),
            Err(gave_up) => {
                let goal = format!("it to come to rest, while {} reads", self.name);
                Err(self.bench.explain(&gave_up, &goal, Diagnosis::Busy).into())
            }
        }
    }

    /// Waits until all that was sent, and has not come back yet, comes back.
    ///
    /// # Errors
    ///
    /// As [`Connection::expect`].
    pub fn expect_echo(&self) -> Checked {
        let expected = self.unechoed.take();
        self.note(match expected.len() {
            0..=32 => format!("expect {} back", brief(&expected)),
            length => format!("expect all {length} bytes back"),
        });
        self.receive(&expected)
    }

    fn receive(&self, expected: &[u8]) -> Checked {
        // Each look compares what is new since the last one: there are many looks at a long reply.
        let mut compared = 0;
        let look = || {
            self.read_available();
            let inbox = self.inbox.borrow();
            let known = inbox.len().min(expected.len());
            let differs = inbox[compared..known] != expected[compared..known];
            compared = known;
            Ok((differs || known == expected.len() || self.end.get().is_some()).then_some(()))
        };
        let waited = self.wait(look)?;
        let mut got = self.inbox.borrow().clone();
        got.truncate(expected.len());
        let comparison = Comparison::of(self.what_it_receives(), expected, &got);
        if comparison.is_none() {
            self.inbox.borrow_mut().drain(..expected.len());
            return Ok(());
        }
        let goal = match got.len() {
            0 => format!("{} on the connection with {}", brief(expected), self.name),
            some => format!(
                "{} more bytes on the connection with {}",
                expected.len() - some.min(expected.len()),
                self.name
            ),
        };
        let missing = expected.len() - got.len();
        let failure = match waited {
            Err(gave_up) => self.bench.explain(&gave_up, &goal, Diagnosis::Stuck),
            Ok(()) if !expected.starts_with(&got) => Failure::new(
                Diagnosis::WrongBytes,
                "your program sends other bytes than it should",
            ),
            Ok(()) => {
                let (diagnosis, verb) = match self.end.get() {
                    Some(End::Reset) => (Diagnosis::Reset, "reset"),
                    _ => (Diagnosis::ClosedEarly, "closed"),
                };
                let symptom = format!(
                    "your program {verb} the connection with {} while {missing} bytes were still due",
                    self.name
                );
                self.bench.blame(&goal, Failure::new(diagnosis, symptom))?
            }
        };
        Err(failure.comparing(comparison).into())
    }

    /// Waits for the end of the stream; nothing more may come before it.
    ///
    /// # Errors
    ///
    /// When more comes, or a reset, or the end does not come.
    pub fn expect_end(&self) -> Checked {
        self.note("expect the end of the stream");
        let look = || {
            self.read_available();
            Ok((self.end.get().is_some() || !self.inbox.borrow().is_empty()).then_some(()))
        };
        let waited = self.wait(look)?;
        self.expect_empty_inbox()?;
        match (waited, self.end.get()) {
            (Err(gave_up), _) => {
                let goal = format!("the end of the stream on the connection with {}", self.name);
                Err(self
                    .bench
                    .explain(&gave_up, &goal, Diagnosis::LeftOpen)
                    .into())
            }
            (Ok(()), Some(End::Reset)) => {
                let symptom = format!(
                    "your program reset the connection with {}, where the end of the stream was due",
                    self.name
                );
                let seen = Failure::new(Diagnosis::Reset, symptom);
                Err(self.bench.blame("the end of the stream", seen)?.into())
            }
            (Ok(()), _) => Ok(()),
        }
    }

    /// Waits until the program turns the client away, by the end of the stream or by a reset; nothing more may come
    /// before it.
    ///
    /// # Errors
    ///
    /// When more comes, or neither does.
    pub fn expect_turned_away(&self) -> Checked {
        self.note("expect the end of the stream, or a reset");
        let look = || {
            self.read_available();
            Ok((self.end.get().is_some() || !self.inbox.borrow().is_empty()).then_some(()))
        };
        let waited = self.wait(look)?;
        self.expect_empty_inbox()?;
        match waited {
            Ok(()) => Ok(()),
            Err(gave_up) => {
                let goal = format!("the end of the connection with {}", self.name);
                let diagnosis = Diagnosis::LeftOpen;
                Err(self.bench.explain(&gave_up, &goal, diagnosis).into())
            }
        }
    }

    /// Waits until the program sleeps; nothing may have come, and the stream may not have ended.
    ///
    /// # Errors
    ///
    /// When something has.
    pub fn expect_quiet(&self) -> Checked {
        self.note("see that nothing comes");
        self.bench.settle()?;
        self.read_available();
        self.expect_empty_inbox()?;
        match self.end.get() {
            None => Ok(()),
            Some(_) => {
                let symptom = format!(
                    "your program closed the connection with {} too early",
                    self.name
                );
                let seen = Failure::new(Diagnosis::ClosedEarly, symptom);
                Err(self.bench.blame("it to keep the connection", seen)?.into())
            }
        }
    }

    /// Waits until the program sleeps; nothing more may have come. The stream may have ended.
    ///
    /// # Errors
    ///
    /// When something has come.
    pub fn expect_no_more_bytes(&self) -> Checked {
        self.note("see that no more bytes come");
        self.bench.settle()?;
        self.read_available();
        self.expect_empty_inbox()
    }

    fn expect_empty_inbox(&self) -> Checked {
        let extra = self.inbox.borrow();
        match Comparison::of(self.what_it_receives(), b"", &extra) {
            None => Ok(()),
            difference => Err(Failure::new(
                Diagnosis::ExtraBytes,
                format!("your program sends {} more than it should", brief(&extra)),
            )
            .comparing(difference)
            .into()),
        }
    }

    fn wait(&self, look: impl FnMut() -> Checked<Option<()>>) -> Checked<Result<(), GaveUp>> {
        // A copy, because `look` reads from the stream while `wait` polls it.
        let file: Option<OwnedFd> = match self.stream.borrow().as_ref() {
            Some(stream) if self.end.get().is_none() => Some(
                stream
                    .as_fd()
                    .try_clone_to_owned()
                    .attempt("could not copy a descriptor")?,
            ),
            _ => None,
        };
        let files: Vec<_> = file
            .iter()
            .map(|file| (file.as_fd(), PollFlags::POLLIN))
            .collect();
        self.bench.wait(&files, look)
    }

    fn read_available(&self) {
        if let Some(stream) = self.stream.borrow().as_ref() {
            self.read_from(stream);
        }
    }

    fn read_from(&self, mut stream: &TcpStream) {
        let mut buffer = [0; 64 * 1024];
        while self.end.get().is_none() {
            match stream.read(&mut buffer) {
                Ok(0) => self.end.set(Some(End::Finished)),
                Ok(n) => self.inbox.borrow_mut().extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.end.set(Some(End::Reset)),
            }
        }
    }
}

/// A connection lasts until the story closes it or the test ends: when a story breaks off, the program must be seen
/// as it was at that moment, and not as it is after the end of a stream that nobody meant.
impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.borrow_mut().take() {
            self.bench.keep(stream.into());
        }
    }
}

enum Sent {
    All,
    Part(usize, GaveUp),
    Broken,
}

impl Listener {
    pub(super) fn new(bench: &Rc<Bench>, receive_buffer: Option<usize>) -> Checked<Listener> {
        let reservation = Reservation::new(bench)?;
        if let Some(bytes) = receive_buffer {
            // Inherited by the connections; must be set before listen (tcp(7)).
            setsockopt(&reservation.socket, sockopt::RcvBuf, &bytes).attempt(LISTEN)?;
            // Without this the whole of a long line fits in the program's send buffer: see `new_socket`.
            setsockopt(&reservation.socket, sockopt::TcpMaxSeg, &SEGMENT).attempt(LISTEN)?;
        }
        reservation.listen()
    }

    /// Its address, for the program's command line.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the program to connect.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub fn accept(&self) -> Checked<Connection> {
        self.bench.note("accept a connection");
        let look = || {
            // A client which has ended will not connect any more. Asked first: what it did before its end is in the
            // accept queue by now.
            let ended = self
                .bench
                .programs()
                .iter()
                .all(|program| program.ending().is_some());
            match self.listener.accept() {
                Ok(accepted) => Ok(Some(Some(accepted))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    Ok(ended.then_some(None))
                }
                Err(error) => Err(LabError::io("could not accept a connection", &error).into()),
            }
        };
        match self
            .bench
            .wait(&[(self.listener.as_fd(), PollFlags::POLLIN)], look)?
        {
            Ok(Some((stream, peer))) => {
                Connection::over(&self.bench, stream, peer, "the server".to_owned())
            }
            Ok(None) => {
                let seen = Failure::new(
                    Diagnosis::Exited,
                    "your program has ended without connecting",
                );
                Err(self.bench.blame("it to connect", seen)?.into())
            }
            Err(gave_up) => Err(self
                .bench
                .explain(&gave_up, "it to connect", Diagnosis::Stuck)
                .into()),
        }
    }
}

const LISTEN: &str = "could not listen";

impl Reservation {
    pub(super) fn new(bench: &Rc<Bench>) -> Checked<Reservation> {
        const RESERVE: &str = "could not reserve an address";
        let any = SocketAddr::new(bench.address().into(), 0);
        loop {
            let socket = socket(
                AddressFamily::Inet,
                SockType::Stream,
                SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
                None,
            )
            .attempt(RESERVE)?;
            bind(socket.as_raw_fd(), &SockaddrStorage::from(any)).attempt(RESERVE)?;
            let bound: SockaddrStorage = getsockname(socket.as_raw_fd()).attempt(RESERVE)?;
            let port = bound
                .as_sockaddr_in()
                .map_or(0, nix::sys::socket::SockaddrIn::port);
            // A port whose two bytes are the same would forgive a client which forgets htons.
            if port != port.swap_bytes() {
                return Ok(Reservation {
                    bench: bench.clone(),
                    socket,
                    address: SocketAddr::new(any.ip(), port),
                });
            }
        }
    }

    /// The address, for the program's command line.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens on it from now on.
    ///
    /// # Errors
    ///
    /// When the lab cannot listen.
    pub fn listen(self) -> Checked<Listener> {
        listen(&self.socket, Backlog::new(128).attempt(LISTEN)?).attempt(LISTEN)?;
        self.bench.note(format!("listen on {}", self.address));
        Ok(Listener {
            bench: self.bench,
            listener: TcpListener::from(self.socket),
            address: self.address,
        })
    }
}

/// How many clients wait in the accept queue of this server, if it is full.
fn waiting_clients(bench: &Bench, server: SocketAddr) -> Checked<Option<u32>> {
    let sockets = bench.sockets(Transport::Tcp)?;
    Ok(sockets
        .iter()
        .find(|socket| socket.state == State::Listen && socket.local.port() == server.port())
        .filter(|listener| listener.receive_queue > listener.send_queue)
        .map(|listener| listener.receive_queue))
}

/// A connection could not be made: the server has ended, or does not listen any more.
fn refused(bench: &Bench, server: SocketAddr, errno: Errno) -> Checked<Failure> {
    let seen = match errno {
        Errno::ECONNREFUSED => Failure::new(
            Diagnosis::Refused,
            format!("nobody listens on {server} any more: the connection is refused"),
        ),
        // Its kernel had accepted it, and the server ended before the test saw that.
        Errno::ECONNRESET => Failure::new(
            Diagnosis::Reset,
            format!("the connection with {server} is reset as soon as it is made"),
        ),
        errno => {
            return Err(LabError::call(format!("could not connect to {server}"), errno).into());
        }
    };
    bench.blame("a connection", seen)
}

/// What a TCP segment carries on an Ethernet, in bytes.
const SEGMENT: u32 = 1460;

fn new_socket(
    bench: &Bench,
    server: SocketAddr,
    receive_buffer: Option<usize>,
) -> Checked<OwnedFd> {
    const MAKE: &str = "could not make a socket";
    let family = match server {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(family, SockType::Stream, flags, None).attempt(MAKE)?;
    if let Some(bytes) = receive_buffer {
        setsockopt(&socket, sockopt::RcvBuf, &bytes).attempt(MAKE)?;
        // The kernel makes room for a number of segments in the program's send buffer, and on loopback a segment has
        // 64 KiB. With those of an Ethernet a hundredth of the bytes fills it.
        setsockopt(&socket, sockopt::TcpMaxSeg, &SEGMENT).attempt(MAKE)?;
    }
    if server.is_ipv4() && bench.address() != Ipv4Addr::LOCALHOST {
        // Without namespaces this address is all that separates the tests.
        let own = SocketAddr::new(bench.address().into(), 0);
        bind(socket.as_raw_fd(), &SockaddrStorage::from(own)).attempt(MAKE)?;
    }
    Ok(socket)
}

/// A port of the test's own address which is taken, so that nobody else gets it, and on which nobody listens.
pub(super) fn refusing_address(bench: &Rc<Bench>) -> Checked<SocketAddr> {
    let reservation = Reservation::new(bench)?;
    bench.keep(reservation.socket);
    Ok(reservation.address)
}
