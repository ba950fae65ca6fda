//! The reference UDP echo server: one socket for all clients.

use std::{
    env,
    error::Error,
    fmt::Display,
    io::{self, IoSliceMut, Write},
    os::fd::{AsRawFd, OwnedFd},
    process::ExitCode,
};

use nix::{
    errno::Errno,
    sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn},
};

/// The longest datagram that is sent back.
const LIMIT: usize = 1024;

fn main() -> ExitCode {
    let arguments: Result<Vec<_>, _> = env::args_os().skip(1).map(|a| a.into_string()).collect();
    let Ok([address]) = arguments.as_deref() else {
        return usage();
    };
    let Ok(address) = address.parse::<SockaddrIn>() else {
        return usage();
    };
    match serve(&address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::from(1)
        }
    }
}

fn usage() -> ExitCode {
    complain("usage: day3_1_udp_echo ADDRESS:PORT");
    ExitCode::from(2)
}

/// `eprintln!` panics when standard error cannot be written. A server does not die of that.
fn complain(what: impl Display) {
    let _ = writeln!(io::stderr(), "day3_1_udp_echo: {what}");
}

fn serve(address: &SockaddrIn) -> Result<(), Box<dyn Error>> {
    let socket = bind(address)?;
    let here: SockaddrIn = socket::getsockname(socket.as_raw_fd())?;
    let mut stdout = io::stdout();
    writeln!(stdout, "listening {here}")?;
    // Whoever reads this line through a pipe must see it now, not when a buffer is full.
    stdout.flush()?;
    let mut buffer = [0; LIMIT];
    loop {
        let (length, client) = receive(&socket, &mut buffer)?;
        // A length of 0 is nothing special here: it is an empty datagram, and the answer is an empty datagram.
        let answer = match buffer.get(..length) {
            Some(bytes) => send(&socket, bytes, &client),
            None => send(&socket, format!("too big {length}").as_bytes(), &client),
        };
        // One client's trouble is not the server's: say it and serve the next.
        if let Err(errno) = answer {
            complain(format_args!("no answer to {client}: {errno}"));
        }
    }
}

/// A bound UDP socket receives at once: no `listen`, no `accept`, and no connection that a `close` could end.
fn bind(address: &SockaddrIn) -> nix::Result<OwnedFd> {
    let socket = socket::socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // No SO_REUSEADDR. UDP has no TIME_WAIT to get past, and with the option two servers could share the port: one of
    // them would get all datagrams, without an error in either.
    socket::bind(socket.as_raw_fd(), address)?;
    Ok(socket)
}

/// Waits for the next datagram. The length is the true one: it is more than the buffer holds if the datagram was cut.
fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> nix::Result<(usize, SockaddrIn)> {
    // nix's recvfrom takes no flags, so this is recvmsg. Given MSG_TRUNC, it returns the length before the cut.
    let mut parts = [IoSliceMut::new(buffer)];
    loop {
        match socket::recvmsg::<SockaddrIn>(
            socket.as_raw_fd(),
            &mut parts,
            None,
            MsgFlags::MSG_TRUNC,
        ) {
            Ok(message) => {
                // Every datagram brings its own sender. Without one there is nobody to answer.
                if let Some(client) = message.address {
                    return Ok((message.bytes, client));
                }
            }
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
}

/// A datagram goes whole or not at all, so there is no rest to send as there is with a stream.
fn send(socket: &OwnedFd, bytes: &[u8], client: &SockaddrIn) -> nix::Result<()> {
    loop {
        match socket::sendto(socket.as_raw_fd(), bytes, client, MsgFlags::empty()) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
}
