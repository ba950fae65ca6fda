//! TCP sockets in a demo. Calls which can block are made when they do not, so that each wait has a limit.

use std::{
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::PollFlags,
    sys::{
        socket::{
            self, AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, SockaddrStorage,
            getsockname, getsockopt, setsockopt, sockopt,
        },
        time::{TimeVal, TimeValLike},
    },
};

use super::{DemoContext, DemoResult, PATIENCE, Received};
use harness::{
    failure::{Attempt, LabError},
    sys,
};

/// A socket that listens.
#[derive(Debug)]
pub struct ListeningSocket {
    /// The socket.
    pub socket: OwnedFd,
    /// Its address.
    pub address: SocketAddr,
}

/// The two ends of a TCP connection.
#[derive(Debug)]
pub struct Link {
    /// The end that has connected.
    pub client: OwnedFd,
    /// The end that was accepted. The listener is closed.
    pub server: OwnedFd,
    /// The addresses of both.
    pub ends: Ends,
}

/// The addresses of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// The client's.
    pub client: SocketAddr,
    /// The server's.
    pub server: SocketAddr,
}

impl Ends {
    /// As the client's kernel sees them: its own first.
    pub fn of_client(self) -> (SocketAddr, SocketAddr) {
        (self.client, self.server)
    }

    /// As the server's kernel sees them.
    pub fn of_server(self) -> (SocketAddr, SocketAddr) {
        (self.server, self.client)
    }
}

const MAKE: &str = "could not make a socket";

impl DemoContext {
    /// A new TCP socket of IPv4.
    pub fn tcp(&self) -> DemoResult<OwnedFd> {
        socket::socket(
            AddressFamily::Inet,
            SockType::Stream,
            SockFlag::SOCK_CLOEXEC,
            None,
        )
        .attempt(MAKE)
    }

    /// A new TCP socket with an address of the demo's own.
    pub fn bound(&self) -> DemoResult<(OwnedFd, SocketAddr)> {
        let socket = self.tcp()?;
        bind(&socket, self.any_port()).attempt("could not bind a socket")?;
        let address = name(&socket)?;
        Ok((socket, address))
    }

    /// A socket that listens on an address of the demo's own.
    pub fn listen(&self, backlog: i32) -> DemoResult<ListeningSocket> {
        let (socket, address) = self.bound()?;
        listen(&socket, backlog).attempt("could not listen")?;
        Ok(ListeningSocket { socket, address })
    }

    /// A TCP connection.
    pub fn link(&self) -> DemoResult<Link> {
        const CONNECT: &str = "could not make a connection";
        let listener = self.listen(1)?;
        let client = self.tcp()?;
        self.connect(&client, listener.address)?.attempt(CONNECT)?;
        let server = self.accept(&listener)?.attempt(CONNECT)?;
        let ends = Ends {
            client: name(&client)?,
            server: listener.address,
        };
        Ok(Link {
            client,
            server,
            ends,
        })
    }

    /// connect(2), which sleeps until it is decided; with EINPROGRESS where that takes more than some seconds.
    pub fn connect(&self, socket: &OwnedFd, to: SocketAddr) -> DemoResult<nix::Result<()>> {
        const LIMIT: &str = "could not set a time limit";
        let limit = TimeVal::seconds(PATIENCE.as_secs() as i64);
        setsockopt(socket, sockopt::SendTimeout, &limit).attempt(LIMIT)?;
        let result = connect(socket, to);
        setsockopt(socket, sockopt::SendTimeout, &TimeVal::zero()).attempt(LIMIT)?;
        Ok(result)
    }

    /// accept(2), when there is a client; EAGAIN when none comes within some seconds.
    pub fn accept(&self, listener: &ListeningSocket) -> DemoResult<nix::Result<OwnedFd>> {
        if !self.wait_until_ready(listener.socket.as_fd(), PollFlags::POLLIN)? {
            return Ok(Err(Errno::EAGAIN));
        }
        Ok(accept_at_once(&listener.socket))
    }

    /// recv(2), when there is something; EAGAIN when nothing comes within some seconds.
    pub fn receive(&self, socket: &OwnedFd, most: usize) -> DemoResult<nix::Result<Received>> {
        self.wait_until_ready(socket.as_fd(), PollFlags::POLLIN)?;
        Ok(receive_at_once(socket, most))
    }

    /// Reads to the end of the stream, or to an error: how many bytes have come, and what has ended them.
    pub fn receive_to_end(&self, socket: &OwnedFd) -> DemoResult<(usize, nix::Result<()>)> {
        let mut received = 0;
        loop {
            match self.receive(socket, 1 << 20)? {
                Ok(Received(bytes)) if bytes.is_empty() => return Ok((received, Ok(()))),
                Ok(Received(bytes)) => received += bytes.len(),
                Err(errno) => return Ok((received, Err(errno))),
            }
        }
    }

    /// Waits until so many bytes can be read at once, and no less.
    ///
    /// # Errors
    ///
    /// When they do not come.
    pub fn wait_for_bytes(&self, socket: &OwnedFd, count: usize) -> DemoResult {
        let look = || Ok((readable(socket) >= count).then_some(()));
        self.wait_for(&[socket.as_fd()], look)?
            .ok_or_else(|| LabError::new("bytes on loopback did not arrive"))
    }
}

/// bind(2).
pub fn bind(socket: &OwnedFd, to: SocketAddr) -> nix::Result<()> {
    socket::bind(socket.as_raw_fd(), &SockaddrStorage::from(to))
}

/// listen(2) with any number, also such as nix refuses.
pub fn listen(socket: &OwnedFd, backlog: i32) -> nix::Result<()> {
    sys::socket::listen(socket, backlog)
}

/// connect(2). It sleeps as long as the kernel likes.
pub fn connect(socket: &OwnedFd, to: SocketAddr) -> nix::Result<()> {
    socket::connect(socket.as_raw_fd(), &SockaddrStorage::from(to))
}

/// connect(2) without waiting: EINPROGRESS where it would.
pub fn connect_at_once(socket: &OwnedFd, to: SocketAddr) -> nix::Result<()> {
    without_blocking(socket, || connect(socket, to))
}

/// accept(2) without waiting: EAGAIN where it would.
pub fn accept_at_once(listener: &OwnedFd) -> nix::Result<OwnedFd> {
    without_blocking(listener, || sys::socket::accept(listener))
}

/// recv(2) without waiting: EAGAIN where it would.
pub fn receive_at_once(socket: &OwnedFd, most: usize) -> nix::Result<Received> {
    receive_with(socket, most, MsgFlags::MSG_DONTWAIT)
}

/// recv(2) with these flags.
pub fn receive_with(socket: &OwnedFd, most: usize, flags: MsgFlags) -> nix::Result<Received> {
    let mut buffer = vec![0; most];
    let received = socket::recv(socket.as_raw_fd(), &mut buffer, flags)?;
    buffer.truncate(received);
    Ok(Received(buffer))
}

/// send(2) without a signal, and without waiting: EAGAIN where it would.
pub fn send(socket: &OwnedFd, bytes: impl AsRef<[u8]>) -> nix::Result<usize> {
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    socket::send(socket.as_raw_fd(), bytes.as_ref(), flags)
}

/// Sends until the kernel takes no more; returns how many bytes it has taken.
pub fn fill(socket: &OwnedFd) -> nix::Result<usize> {
    const PIECE: usize = 64 * 1024;
    /// Far more than any send buffer and receive buffer hold together.
    const MOST: usize = 256 << 20;
    let mut taken = 0;
    while taken < MOST {
        match send(socket, [0; PIECE]) {
            Ok(count) => taken += count,
            Err(Errno::EAGAIN) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(taken)
}

/// getsockname(2).
///
/// # Errors
///
/// When it is no socket of IPv4 or IPv6.
pub fn name(socket: &OwnedFd) -> DemoResult<SocketAddr> {
    let storage: SockaddrStorage =
        getsockname(socket.as_raw_fd()).attempt("could not ask for the name of a socket")?;
    in_std(&storage).ok_or_else(|| LabError::new("a socket has no name that can be read"))
}

/// getpeername(2).
pub fn peer_name(socket: &OwnedFd) -> DemoResult<SocketAddr> {
    let storage: SockaddrStorage = socket::getpeername(socket.as_raw_fd())
        .attempt("could not ask for the name of a socket's peer")?;
    in_std(&storage).ok_or_else(|| LabError::new("a peer has no name that can be read"))
}

/// shutdown(2).
pub fn shutdown(socket: &OwnedFd, how: Shutdown) -> nix::Result<()> {
    socket::shutdown(socket.as_raw_fd(), how)
}

/// SO_LINGER (socket(7)): how many seconds the last close of this socket may wait.
pub fn set_linger(socket: &OwnedFd, seconds: i32) -> DemoResult {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: seconds,
    };
    setsockopt(socket, sockopt::Linger, &linger).attempt("could not set SO_LINGER")
}

/// An address of IPv4 or IPv6 as the standard library has it.
fn in_std(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage
        .as_sockaddr_in()
        .map(|address| SocketAddr::from((address.ip(), address.port())));
    v4.or_else(|| {
        storage
            .as_sockaddr_in6()
            .map(|address| SocketAddr::from((address.ip(), address.port())))
    })
}

/// SO_ERROR (socket(7)): what has gone wrong since it was last asked. To ask takes it away.
///
/// # Errors
///
/// The one that was there.
pub fn pending_error(socket: &OwnedFd) -> nix::Result<()> {
    match getsockopt(socket, sockopt::SocketError)? {
        0 => Ok(()),
        errno => Err(Errno::from_raw(errno)),
    }
}

/// FIONREAD: how many bytes wait to be read.
pub fn readable(socket: &OwnedFd) -> usize {
    sys::bytes_to_read(socket).unwrap_or(0)
}

fn without_blocking<T>(socket: &OwnedFd, call: impl FnOnce() -> nix::Result<T>) -> nix::Result<T> {
    let before = OFlag::from_bits_retain(fcntl(socket, FcntlArg::F_GETFL)?);
    fcntl(socket, FcntlArg::F_SETFL(before | OFlag::O_NONBLOCK))?;
    let result = call();
    fcntl(socket, FcntlArg::F_SETFL(before))?;
    result
}
