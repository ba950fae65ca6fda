//! The reference: a server on several addresses, which tells each client the two names of its connection.

use std::{
    env,
    error::Error,
    fmt::Display,
    io::{self, Write},
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    process::ExitCode,
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{
        self, AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, setsockopt, sockopt,
    },
    unistd,
};

fn main() -> ExitCode {
    let addresses: Result<Vec<_>, _> = env::args_os().skip(1).map(|a| text(a).parse()).collect();
    let addresses = match addresses {
        Ok(addresses) if !addresses.is_empty() => addresses,
        _ => {
            complain("usage: day2_5_socket_names ADDRESS:PORT...");
            return ExitCode::from(2);
        }
    };
    match serve(&addresses) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::from(1)
        }
    }
}

/// `eprintln!` panics when nobody reads standard error any more. A server does not die of that.
fn complain(what: impl Display) {
    let _ = writeln!(io::stderr(), "day2_5_socket_names: {what}");
}

fn serve(addresses: &[SocketAddr]) -> Result<(), Box<dyn Error>> {
    let mut listeners = Vec::new();
    for &address in addresses {
        listeners.push(listen(address).map_err(|errno| format!("{address}: {errno}"))?);
    }
    // Nothing is said before all of them listen. Which ports they have, only the kernel knows.
    let mut stdout = io::stdout();
    for listener in &listeners {
        writeln!(stdout, "listening {}", own_name(listener)?)?;
    }
    stdout.flush()?;
    loop {
        for listener in wait_for_clients(&listeners)? {
            let Some(client) = accept(listener)? else {
                continue;
            };
            // One client's trouble is not the server's.
            if let Err(error) = answer(&client) {
                complain(format_args!("client lost: {error}"));
            }
            // `client` is dropped here, which closes it: the client sees the end of the stream.
        }
    }
}

fn listen(address: SocketAddr) -> nix::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    // Without SOCK_NONBLOCK, accept would wait when the client for whom poll woke us has gone meanwhile.
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let listener = socket::socket(family, SockType::Stream, flags, None)?;
    // We close first, so every client leaves a connection in TIME_WAIT on this port.
    setsockopt(&listener, sockopt::ReuseAddr, &true)?;
    if address.is_ipv6() {
        // [::] is for IPv4 clients, too. The default is the administrator's (net.ipv6.bindv6only), and after bind it
        // is too late.
        setsockopt(&listener, sockopt::Ipv6V6Only, &false)?;
    }
    socket::bind(listener.as_raw_fd(), &SockaddrStorage::from(address))?;
    socket::listen(&listener, Backlog::new(128)?)?;
    Ok(listener)
}

/// Sleeps until a client waits at one of these, and returns all at which one does.
fn wait_for_clients(listeners: &[OwnedFd]) -> nix::Result<Vec<&OwnedFd>> {
    let mut watched: Vec<PollFd> = listeners
        .iter()
        .map(|listener| PollFd::new(listener.as_fd(), PollFlags::POLLIN))
        .collect();
    while let Err(errno) = poll(&mut watched, PollTimeout::NONE) {
        if errno != Errno::EINTR {
            return Err(errno);
        }
    }
    let both = listeners.iter().zip(&watched);
    let ready = both.filter(|(_, watched)| watched.any().unwrap_or(true));
    Ok(ready.map(|(listener, _)| listener).collect())
}

/// The next client, if there still is one.
fn accept(listener: &OwnedFd) -> nix::Result<Option<OwnedFd>> {
    match socket::accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
        // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
        Ok(fd) => Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) })),
        // Whoever still waits lets the next poll return at once.
        Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNABORTED | Errno::EPROTO) => Ok(None),
        // A shortage passes, and the client keeps its place in the queue. Without the pause we would spin: poll says
        // again and again that it is there.
        Err(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM)) => {
            complain(format_args!("accept: {errno}"));
            thread::sleep(Duration::from_millis(10));
            Ok(None)
        }
        Err(errno) => Err(errno),
    }
}

/// Tells a client the two names of its connection.
fn answer(client: &OwnedFd) -> io::Result<()> {
    // Of the connected socket: the listening one may be bound to all addresses, and cannot say which one was reached.
    let (you, me) = (plain(peer_name(client)?), plain(own_name(client)?));
    let family = if you.is_ipv4() { 4 } else { 6 };
    let line = format!("you={you} me={me} family={family}\n");
    write_all(client, line.as_bytes())
}

fn own_name(socket: &OwnedFd) -> io::Result<SocketAddr> {
    internet_address(socket::getsockname(socket.as_raw_fd())?)
}

fn peer_name(socket: &OwnedFd) -> io::Result<SocketAddr> {
    internet_address(socket::getpeername(socket.as_raw_fd())?)
}

/// A `sockaddr_storage` has room for an address of any family. Its first field says which one is in it.
fn internet_address(name: SockaddrStorage) -> io::Result<SocketAddr> {
    let v4 = name
        .as_sockaddr_in()
        .map(|name| SocketAddr::V4((*name).into()));
    let v6 = name
        .as_sockaddr_in6()
        .map(|name| SocketAddr::V6((*name).into()));
    Ok(v4.or(v6).ok_or(Errno::EAFNOSUPPORT)?)
}

/// An IPv4 client of an IPv6 socket appears as ::ffff:192.0.2.1, an IPv4-mapped address. This is 192.0.2.1.
fn plain(name: SocketAddr) -> SocketAddr {
    SocketAddr::new(name.ip().to_canonical(), name.port())
}

/// `write` may take fewer bytes than it is given, so it is asked until none are left.
fn write_all(client: &OwnedFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match unistd::write(client, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// What is not UTF-8 becomes a word that is no address either.
fn text(word: std::ffi::OsString) -> String {
    word.to_string_lossy().into()
}
