//! TCP peers: clients and servers of the test's own, which behave well or badly as the test needs.

mod line;
mod listener;
mod receiving;
mod sending;

use std::{
    cell::{Cell, RefCell},
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    rc::Rc,
};

use nix::{
    errno::Errno,
    poll::PollFlags,
    sys::socket::{
        AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, setsockopt, socket,
        sockopt,
    },
};

pub use listener::{Listener, Reservation};
pub use receiving::Rest;

use crate::{
    failure::{Attempt, Checked, Diagnosis, Failure, LabError},
    lab::{context::TestContext, verdict::WaitError},
    observe::sockets::{self, State, Transport},
    sys,
};

/// One connection with the program, seen from the test's end.
///
/// What the program sends is read whenever the lab waits for something on this connection, so that both directions
/// flow; [`Connection::send_without_reading`] is the exception.
#[derive(Debug)]
pub struct Connection {
    context: Rc<TestContext>,
    /// `client 1`, or `the connection` of a listener.
    name: String,
    local: SocketAddr,
    peer: SocketAddr,
    stream: RefCell<Option<Rc<TcpStream>>>,
    /// What came and has not been expected yet.
    inbox: RefCell<Vec<u8>>,
    end: Cell<Option<End>>,
    /// How many bytes the kernel has taken for the program.
    sent: Cell<u64>,
    /// How many of these the program was seen to have read.
    taken: Cell<u64>,
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

impl Connection {
    pub(super) fn connect(
        context: &Rc<TestContext>,
        source: Option<IpAddr>,
        server: SocketAddr,
        receive_buffer: Option<usize>,
    ) -> Checked<Connection> {
        let name = context.names.next_client();
        context.note(match source {
            None => format!("{name}: connect"),
            Some(source) => format!("{name}: connect from {source} to {server}"),
        });
        let socket = new_socket(context, source, server, receive_buffer)?;
        match connect(socket.as_raw_fd(), &SockaddrStorage::from(server)) {
            Ok(()) | Err(Errno::EINPROGRESS) => (),
            Err(errno) => return Err(refused(context, server, errno)?.into()),
        }
        let stream = TcpStream::from(socket);
        let look = || match stream
            .take_error()
            .attempt("could not ask a socket for its error")?
        {
            Some(error) => Ok(Some(Err(error))),
            None => Ok(stream.peer_addr().is_ok().then_some(Ok(()))),
        };
        match context.try_until_on(&[(stream.as_fd(), PollFlags::POLLOUT)], look)? {
            Ok(Ok(())) => Connection::over(context, stream, server, name),
            Ok(Err(error)) => {
                let errno = Errno::from_raw(error.raw_os_error().unwrap_or(0));
                Err(refused(context, server, errno)?.into())
            }
            Err(error) => {
                let goal = match waiting_clients(context, server)? {
                    Some(waiting) => {
                        format!("room in the accept queue, in which {waiting} clients wait already")
                    }
                    None => "it to accept a connection".to_owned(),
                };
                Err(context.to_failure(error, &goal, Diagnosis::NoAnswer).into())
            }
        }
    }

    fn over(
        context: &Rc<TestContext>,
        stream: TcpStream,
        peer: SocketAddr,
        name: String,
    ) -> Checked<Connection> {
        const PREPARE: &str = "could not prepare a connection";
        stream.set_nonblocking(true).attempt(PREPARE)?;
        // TCP_NODELAY, so that a byte which is sent alone is a segment of its own.
        stream.set_nodelay(true).attempt(PREPARE)?;
        let local = stream.local_addr().attempt(PREPARE)?;
        context.names.add(local, name.clone());
        Ok(Connection {
            context: context.clone(),
            name,
            local,
            peer,
            stream: RefCell::new(Some(Rc::new(stream))),
            inbox: RefCell::default(),
            end: Cell::new(None),
            sent: Cell::new(0),
            taken: Cell::new(0),
            unechoed: RefCell::default(),
        })
    }

    /// The test's own address on this connection.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// The program's address on this connection, as the test's kernel sees it.
    pub fn peer_address(&self) -> SocketAddr {
        self.peer
    }

    /// Its name in reports, `client 1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn note(&self, step: impl std::fmt::Display) {
        self.context.note(format!("{}: {step}", self.name));
    }

    /// What the program sends, in the words of a report.
    fn what_it_receives(&self) -> &'static str {
        match self.name.as_str() {
            "the server" => "what the server receives",
            _ => "the reply",
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
                if error.raw_os_error() == Some(libc::ENOTCONN) {
                    let (goal, diagnosis) = ("the rest of the story", Diagnosis::Reset);
                    let symptom =
                        format!("your program has reset the connection with {}", self.name);
                    self.context.fail_or_exit(goal, diagnosis, symptom)
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
    pub fn reset(&self) -> Checked {
        self.note("reset the connection (SO_LINGER 0, close)");
        if let Some(stream) = self.stream.borrow_mut().take() {
            let at_once = libc::linger {
                l_onoff: 1,
                l_linger: 0,
            };
            setsockopt(&stream, sockopt::Linger, &at_once).attempt("could not set SO_LINGER")?;
        }
        self.wait_for_reset_to_arrive()
    }

    /// Waits until a reset of this client has arrived at the program, after [`Connection::close`]: the kernel resets the
    /// connection then if bytes of the program are unread, and later when bytes come that the client cannot read any more.
    pub fn wait_for_reset_to_arrive(&self) -> Checked {
        // A reset is in no queue, so nothing else shows that it is under way. When it arrives, the kernel forgets the
        // program's end of the connection.
        let look = || {
            Ok(sockets::between(self.peer, self.local)?
                .is_none()
                .then_some(()))
        };
        // If the connection is still there, the next word of the story fails and says what the program does.
        let _ = self.context.try_until(look)?;
        Ok(())
    }

    // Waiting

    /// Waits for what comes on this connection.
    fn until(
        &self,
        goal: &str,
        diagnosis: Diagnosis,
        look: impl FnMut() -> Checked<Option<()>>,
    ) -> Checked {
        self.try_until(look)?
            .map_err(|error| self.context.to_failure(error, goal, diagnosis).into())
    }

    fn try_until(
        &self,
        look: impl FnMut() -> Checked<Option<()>>,
    ) -> Checked<Result<(), WaitError>> {
        let stream = self.stream.borrow().clone();
        let files: Vec<_> = stream
            .iter()
            .filter(|_| self.end.get().is_none())
            .map(|stream| (stream.as_fd(), PollFlags::POLLIN))
            .collect();
        self.context.try_until_on(&files, look)
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
                Ok(n) => {
                    self.inbox.borrow_mut().extend_from_slice(&buffer[..n]);
                    self.context.has_moved(n);
                    acknowledge(stream);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.end.set(Some(End::Reset)),
            }
        }
    }
}

/// A connection lasts until the story closes it or the test ends, not until its variable goes out of scope: the program
/// must not see the end of a stream which the story did not ask for.
impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.borrow_mut().take().and_then(Rc::into_inner) {
            self.context.keep(stream.into());
        }
    }
}

/// Acknowledges what was read now, and not up to 40 ms later (TCP_QUICKACK in tcp(7)): until then it counts as under way.
/// If that fails, the test only takes longer.
fn acknowledge(stream: &TcpStream) {
    let _ = sys::socket::set_option(stream, libc::IPPROTO_TCP, libc::TCP_QUICKACK, 1);
}

/// How many clients wait in the accept queue of this server, if it is full.
fn waiting_clients(context: &TestContext, server: SocketAddr) -> Checked<Option<u32>> {
    let sockets = context.sockets(Transport::Tcp)?;
    Ok(sockets
        .iter()
        .find(|socket| socket.state == State::Listen && socket.local.port() == server.port())
        .filter(|listener| listener.receive_queue > listener.send_queue)
        .map(|listener| listener.receive_queue))
}

/// A connection could not be made: the server has ended, or does not listen any more.
fn refused(context: &TestContext, server: SocketAddr, errno: Errno) -> Checked<Failure> {
    let (diagnosis, symptom) = match errno {
        Errno::ECONNREFUSED => (
            Diagnosis::Refused,
            format!("nobody listens on {server}: the connection is refused"),
        ),
        // The kernel had accepted the connection, and the server ended before the test saw that.
        Errno::ECONNRESET => (
            Diagnosis::Reset,
            format!("the connection with {server} is reset as soon as it is made"),
        ),
        errno => {
            return Err(LabError::call(format!("could not connect to {server}"), errno).into());
        }
    };
    context.attribute_to_exit("a connection", diagnosis, symptom)
}

/// What a TCP segment to a client with a small receive buffer carries, in bytes, with its timestamps (RFC 7323): 1024
/// without. The buffer's window is a multiple of that, and most programs write 4096 bytes at once, or a smaller power of
/// two: so the window closes entirely. One that is left open by less than a segment takes no more than a window probe
/// every 200 ms (RFC 9293, 3.8.6.1), and a test that waits until nothing is under way waits for that.
const SEGMENT: u32 = 1024 + 12;

fn new_socket(
    context: &TestContext,
    source: Option<IpAddr>,
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
        // The kernel sizes the program's send buffer by segments, and on loopback a segment has up to 64 KiB. With small
        // segments a hundredth of the bytes fills it.
        setsockopt(&socket, sockopt::TcpMaxSeg, &SEGMENT).attempt(MAKE)?;
    }
    // Without namespaces, tests are separated by their addresses only.
    let is_shared = server.is_ipv4() && context.address() != Ipv4Addr::LOCALHOST;
    if let Some(source) = source.or(is_shared.then_some(context.address().into())) {
        let own = SocketAddr::new(source, 0);
        bind(socket.as_raw_fd(), &SockaddrStorage::from(own)).attempt(MAKE)?;
    }
    Ok(socket)
}
