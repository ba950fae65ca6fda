//! The reference of `sigpipe`: a server that sends its standard input to several clients, and loses only those that
//! leave, break or stop reading.

use std::{
    env,
    error::Error,
    ffi::OsString,
    fmt::Display,
    io::{self, Write},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    process::ExitCode,
};

use nix::{
    errno::Errno,
    sys::socket::{
        self, AddressFamily, Backlog, MsgFlags, SockFlag, SockType, SockaddrIn, setsockopt, sockopt,
    },
    unistd,
};

/// The most clients that it takes.
const MOST: usize = 100;
/// So many bytes are read at once. The server never holds more of its input than this.
const BLOCK: usize = 64 * 1024;

/// A client, with the number by which reports call it. The number stays its own when others are lost.
struct Client {
    number: usize,
    connection: OwnedFd,
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let Some((address, count)) = parse(&arguments) else {
        complain(format_args!(
            "usage: day4_4_sigpipe ADDRESS:PORT N, where N is from 1 to {MOST}"
        ));
        return ExitCode::from(2);
    };
    match serve(&address, count) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::from(1)
        }
    }
}

fn parse(arguments: &[OsString]) -> Option<(SockaddrIn, usize)> {
    let [address, count] = arguments else {
        return None;
    };
    let count = count.to_str()?;
    // Digits only: `parse` alone takes a sign, too.
    let is_decimal = count.bytes().all(|byte| byte.is_ascii_digit());
    let count = count.parse().ok().filter(|_| is_decimal)?;
    let address = address.to_str()?.parse().ok()?;
    (1..=MOST).contains(&count).then_some((address, count))
}

/// `eprintln!` panics when nobody reads standard error any more. A server does not die of that.
fn complain(what: impl Display) {
    let _ = writeln!(io::stderr(), "day4_4_sigpipe: {what}");
}

fn serve(address: &SockaddrIn, count: usize) -> Result<(), Box<dyn Error>> {
    let listener = listen(address)?;
    // The port that was asked for may be 0; only the kernel knows which one it has chosen.
    let here: SockaddrIn = socket::getsockname(listener.as_raw_fd())?;
    say(format_args!("listening {here}"))?;
    let mut clients = Vec::with_capacity(count);
    for number in 1..=count {
        let connection = accept(&listener)?;
        clients.push(Client { number, connection });
    }
    // Who comes now is refused at once, and does not wait in a queue that nobody empties.
    drop(listener);
    broadcast(clients)
}

fn listen(address: &SockaddrIn) -> nix::Result<OwnedFd> {
    let listener = socket::socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // This server ends its connections first, so that they stay in TIME_WAIT on this port.
    setsockopt(&listener, sockopt::ReuseAddr, &true)?;
    socket::bind(listener.as_raw_fd(), address)?;
    socket::listen(&listener, Backlog::new(128)?)?;
    Ok(listener)
}

fn accept(listener: &OwnedFd) -> nix::Result<OwnedFd> {
    loop {
        match socket::accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
            // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
            Ok(fd) => return Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
}

/// Sends standard input to all clients, to its end or until none of them is left.
fn broadcast(mut clients: Vec<Client>) -> Result<(), Box<dyn Error>> {
    let mut block = vec![0; BLOCK];
    let mut sent: u64 = 0;
    loop {
        let length = match unistd::read(io::stdin(), &mut block) {
            Ok(0) => break,
            Ok(length) => length,
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno.into()),
        };
        sent += length as u64;
        let mut left = Vec::with_capacity(clients.len());
        for client in clients {
            match send_all(&client.connection, &block[..length]) {
                Ok(()) => left.push(client),
                // The client is not moved into `left`, so it is dropped here, which closes its connection.
                Err(errno) => say(format_args!("lost {}: {errno:?}", client.number))?,
            }
        }
        clients = left;
        if clients.is_empty() {
            return Err("no client is left".into());
        }
    }
    let count = clients.len();
    // An ordinary close: the kernel still delivers what is in its buffers.
    drop(clients);
    say(format_args!("sent {sent} bytes to {count} clients"))?;
    Ok(())
}

/// Offers all of these bytes, and waits for nobody. The kernel's buffers are the queue of a client, and their size is its
/// bound.
///
/// MSG_NOSIGNAL: a connection that is gone is the error EPIPE, and no signal. The Rust runtime has ignored SIGPIPE
/// before main, so the flag changes nothing here; but whether it is ignored is decided elsewhere, and this call does not
/// depend on that. MSG_DONTWAIT is O_NONBLOCK for this one call.
fn send_all(connection: &OwnedFd, mut bytes: &[u8]) -> nix::Result<()> {
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    while !bytes.is_empty() {
        match socket::send(connection.as_raw_fd(), bytes, flags) {
            Ok(taken) => bytes = &bytes[taken..],
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Prints a line at once. `println!` panics when nobody reads standard output any more.
fn say(line: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
