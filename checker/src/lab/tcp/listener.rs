//! A TCP server of the test's own.

use std::{
    io::{self},
    net::{SocketAddr, TcpListener},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    rc::Rc,
};

use nix::{
    poll::PollFlags,
    sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, getsockname, listen,
        setsockopt, socket, sockopt,
    },
};

use super::{Connection, SEGMENT};
use crate::{
    failure::{Attempt, Checked, Diagnosis, Failure, LabError},
    lab::bench::Bench,
};

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

impl Listener {
    pub(in crate::lab) fn new(
        bench: &Rc<Bench>,
        receive_buffer: Option<usize>,
    ) -> Checked<Listener> {
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
    pub(in crate::lab) fn new(bench: &Rc<Bench>) -> Checked<Reservation> {
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

/// A port of the test's own address which is taken, so that nobody else gets it, and on which nobody listens.
pub(in crate::lab) fn refusing_address(bench: &Rc<Bench>) -> Checked<SocketAddr> {
    let reservation = Reservation::new(bench)?;
    bench.keep(reservation.socket);
    Ok(reservation.address)
}
