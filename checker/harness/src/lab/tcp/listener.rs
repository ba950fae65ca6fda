//! A TCP server of the test's own.

use std::{
    io::{self},
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    rc::Rc,
};

use nix::{
    errno::Errno,
    poll::PollFlags,
    sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, SockaddrIn6, SockaddrStorage, bind,
        connect, getsockname, listen, setsockopt, socket, sockopt,
    },
};

use super::{Connection, SEGMENT, new_socket};
use crate::{
    failure::{Attempt, Checked, Diagnosis, LabError, Stop},
    lab::{context::TestContext, port::with_telling_port},
    observe::sockets,
};

/// A TCP server of the test's own.
#[derive(Debug)]
pub struct Listener {
    context: Rc<TestContext>,
    listener: TcpListener,
    address: SocketAddr,
}

/// An address which is bound, and on which no socket listens yet: connecting to it is refused.
#[derive(Debug)]
pub struct Reservation {
    context: Rc<TestContext>,
    socket: OwnedFd,
    address: SocketAddr,
}

impl Listener {
    pub(in crate::lab) fn new(
        context: &Rc<TestContext>,
        receive_buffer: Option<usize>,
    ) -> Checked<Listener> {
        let reservation = Reservation::new(context, context.address().into())?;
        if let Some(bytes) = receive_buffer {
            // Inherited by the connections; must be set before listen (tcp(7)).
            setsockopt(&reservation.socket, sockopt::RcvBuf, &bytes).attempt(LISTEN)?;
            // Without this the whole of a long line fits in the program's send buffer: see `new_socket`.
            setsockopt(&reservation.socket, sockopt::TcpMaxSeg, &SEGMENT).attempt(LISTEN)?;
        }
        reservation.listen()
    }

    /// One that answers no client: its accept queue has one place, and that is taken.
    pub(in crate::lab) fn with_a_full_queue(context: &Rc<TestContext>) -> Checked<Listener> {
        const FILL: &str = "could not fill an accept queue";
        // One connection more than the backlog finds a place (listen(2)).
        let queue = Backlog::new(0).attempt(LISTEN)?;
        let listener = context
            .transcript
            .quietly(|| Reservation::new(context, context.address().into())?.listen_with(queue))?;
        let address = listener.address;
        context.note(format!(
            "listen on {address}, and let the accept queue be full: a client that connects gets no answer"
        ));
        let first = new_socket(context, None, address, None)?;
        match connect(first.as_raw_fd(), &SockaddrStorage::from(address)) {
            Ok(()) | Err(Errno::EINPROGRESS) => context.keep(first),
            Err(errno) => return Err(LabError::call(FILL, errno).into()),
        }
        let look = || {
            let listening = sockets::listening()?.into_iter();
            let is_full = listening
                .filter(|socket| socket.local == address)
                .any(|socket| socket.receive_queue > socket.send_queue);
            Ok(is_full.then_some(()))
        };
        context
            .try_until(look)?
            .map_err(|_| LabError::new(FILL).into())
            .map(|()| listener)
    }

    /// Its address, for the program's command line.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the program sleeps; it must not have connected.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::CallForbidden`] when it has.
    pub fn expect_no_client(&self) -> Checked {
        let address = self.address;
        self.context
            .note(format!("see that nobody connects to {address}"));
        self.context.settle()?;
        match self.listener.accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(LabError::io("could not accept a connection", &error).into()),
            Ok((stream, _)) => {
                self.context.keep(stream.into());
                let symptom = format!(
                    "your program connects to {address}, which it should not do, or not yet"
                );
                self.context.fail(Diagnosis::CallForbidden, symptom)
            }
        }
    }

    /// Waits for the program to connect.
    pub fn accept(&self) -> Checked<Connection> {
        self.context.note("accept a connection");
        let look = || {
            // A client which has ended will not connect any more. The order of the two questions matters: if it has connected
            // before its end, the connection is in the accept queue by now.
            let ended = self.context.programs.have_ended();
            match self.listener.accept() {
                Ok(accepted) => Ok(Some(Some(accepted))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    Ok(ended.then_some(None))
                }
                Err(error) => Err(LabError::io("could not accept a connection", &error).into()),
            }
        };
        let files = [(self.listener.as_fd(), PollFlags::POLLIN)];
        let goal = "it to connect";
        let accepted = self
            .context
            .until_on(&files, goal, Diagnosis::Stuck, look)?;
        let Some((stream, peer)) = accepted else {
            let symptom = "your program has ended without connecting";
            let diagnosis = Diagnosis::Exited;
            return self.context.fail_or_exit(goal, diagnosis, symptom);
        };
        Connection::over(&self.context, stream, peer, "the server".to_owned())
    }
}

const LISTEN: &str = "could not listen";

impl Reservation {
    /// One on ::1. Without namespaces all tests share that address, but not the port.
    pub(in crate::lab) fn on_ipv6(context: &Rc<TestContext>) -> Checked<Reservation> {
        match Reservation::new(context, Ipv6Addr::LOCALHOST.into()) {
            Err(Stop::Broken(error))
                if [libc::EAFNOSUPPORT, libc::EADDRNOTAVAIL].map(Some).contains(&error.errno) =>
            {
                Err(Stop::NotChecked(
                    "the test needs IPv6 on the loopback interface, which this machine does not have"
                        .to_owned(),
                ))
            }
            result => result,
        }
    }

    pub(in crate::lab) fn new(context: &Rc<TestContext>, ip: IpAddr) -> Checked<Reservation> {
        const RESERVE: &str = "could not reserve an address";
        let any = SocketAddr::new(ip, 0);
        let family = match ip {
            IpAddr::V4(_) => AddressFamily::Inet,
            IpAddr::V6(_) => AddressFamily::Inet6,
        };
        let make = || {
            let socket = socket(
                family,
                SockType::Stream,
                SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
                None,
            )
            .attempt(RESERVE)?;
            bind(socket.as_raw_fd(), &SockaddrStorage::from(any)).attempt(RESERVE)?;
            let bound: SockaddrStorage = getsockname(socket.as_raw_fd()).attempt(RESERVE)?;
            let ipv4 = bound.as_sockaddr_in().map(SockaddrIn::port);
            let ipv6 = bound.as_sockaddr_in6().map(SockaddrIn6::port);
            let port = ipv4.or(ipv6).unwrap_or(0);
            Ok(Reservation {
                context: context.clone(),
                socket,
                address: SocketAddr::new(any.ip(), port),
            })
        };
        with_telling_port(make, |made| made.address.port())
    }

    /// The address, for the program's command line.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Keeps the address from being listened on for the whole test: connecting to it is refused.
    pub fn refuse(self) -> SocketAddr {
        self.context.keep(self.socket);
        self.address
    }

    /// Listens on it from now on.
    pub fn listen(self) -> Checked<Listener> {
        self.listen_with(Backlog::new(128).attempt(LISTEN)?)
    }

    fn listen_with(self, queue: Backlog) -> Checked<Listener> {
        listen(&self.socket, queue).attempt(LISTEN)?;
        self.context.note(format!("listen on {}", self.address));
        Ok(Listener {
            context: self.context,
            listener: TcpListener::from(self.socket),
            address: self.address,
        })
    }
}
