//! Peers that it should not have, and peers that it plays itself.

use std::{
    env,
    io::{self, BufRead, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr as LocalAddress, UnixStream},
    },
    thread,
    time::Duration,
};

use super::{Found, tell, wait};

/// Somebody else's port.
pub fn connects(target: &str) {
    let limit = Duration::from_secs(2);
    let address: SocketAddr = target.parse().expect("an address");
    tell("TCP", TcpStream::connect_timeout(&address, limit).map(drop));
    let datagram = || {
        let any = if address.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        UdpSocket::bind(any)?.send_to(b"hello", address)
    };
    tell("UDP", datagram().map(drop));
    let connected = || {
        let any = if address.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        UdpSocket::bind(any)?.connect(address)
    };
    tell("connected UDP", connected().map(drop));
}

/// On the address of all interfaces and on others: a free port each, so that the attack fails for no other reason than a
/// wall. On all interfaces a jail allows a port that the kernel chooses, so these are chosen here: below those that the
/// kernel gives away.
pub fn binds() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        tell(address, TcpListener::bind(address).map(drop));
    }
    for ip in ["0.0.0.0", "[::]"] {
        let first = 20_000 + std::process::id() % 10_000;
        let tries = (first..first + 100).map(|port| TcpListener::bind(format!("{ip}:{port}")));
        let is_taken = |result: &io::Result<TcpListener>| matches!(result, Err(error) if error.kind() == io::ErrorKind::AddrInUse);
        let bound = tries.into_iter().find(|result| !is_taken(result));
        tell(
            ip,
            bound
                .unwrap_or(Err(io::ErrorKind::AddrInUse.into()))
                .map(drop),
        );
    }
}

/// A server at a path, such as Docker's.
pub fn calls_local(target: &str) {
    tell("a socket at a path", UnixStream::connect(target).map(drop));
    // There are more steps up than there are folders: the parent of the root is the root.
    let from_below = format!("{}{target}", "../".repeat(20));
    tell(
        "the same from below",
        UnixStream::connect(from_below).map(drop),
    );
    let datagram = || {
        let (one, _other) = std::os::unix::net::UnixDatagram::pair()?;
        one.connect(target)
            .or_else(|error| match error.raw_os_error() {
                // It may; only that one takes streams.
                Some(libc::EPROTOTYPE) => Ok(()),
                _ => Err(error),
            })
    };
    tell("a pair of datagram sockets", datagram());
}

pub fn calls_abstract(target: &str) {
    let call = || UnixStream::connect_addr(&LocalAddress::from_abstract_name(target)?);
    tell("an abstract socket", call().map(drop));
}

/// A server with one answer for all.
pub fn answers_the_same() {
    let address = env::args().nth(1).unwrap_or_default();
    let listener = TcpListener::bind(address).expect("a port");
    println!("listening {}", listener.local_addr().expect("an address"));
    for client in listener.incoming().flatten() {
        let mut client = client;
        let _ = client.write_all(b"hello\n");
    }
}

/// A server that is somebody else's, and a right one.
pub fn announces_anothers(address: &str) {
    println!("listening {address}");
    wait();
}

/// The same, in a process of which nobody may see what it holds.
pub fn announces_anothers_unseen(address: &str) {
    // SAFETY: takes numbers.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
    announces_anothers(address);
}

/// The port on which the test listens: a second socket there would get some of its clients.
pub fn squats() {
    let address = asked_for();
    tell("the test's port", bound_too(address));
    let any = SocketAddr::new([0, 0, 0, 0].into(), address.port());
    tell("the test's port on all addresses", bound_too(any));
}

fn asked_for() -> SocketAddr {
    let address = env::args().nth(1).unwrap_or_default();
    address.parse().expect("an address")
}

fn bound_too(address: SocketAddr) -> Found {
    use nix::sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt,
        socket, sockopt,
    };
    use std::os::fd::AsRawFd;
    let stream = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::empty(),
        None,
    )?;
    setsockopt(&stream, sockopt::ReuseAddr, &true)?;
    setsockopt(&stream, sockopt::ReusePort, &true)?;
    bind(stream.as_raw_fd(), &SockaddrStorage::from(address))?;
    listen(&stream, Backlog::MAXCONN)?;
    Ok(())
}

/// A client whose server is a thread of its own: all that it prints is right, and nobody was asked.
pub fn answers_itself() {
    let own = TcpListener::bind((asked_for().ip(), 0)).expect("a port");
    let address = own.local_addr().expect("an address");
    thread::spawn(move || {
        for mut client in own.incoming().flatten() {
            let _ = client
                .try_clone()
                .and_then(|mut from| io::copy(&mut from, &mut client));
        }
    });
    let mut server = TcpStream::connect(address).expect("its own server");
    for line in io::stdin().lock().split(b'\n').map_while(Result::ok) {
        let mut line = [&line[..], b"\n"].concat();
        let _ = server.write_all(&line);
        let _ = server.read_exact(&mut line);
        let _ = io::stdout().write_all(&line);
    }
    std::process::exit(0);
}
