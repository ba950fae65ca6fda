//! The reference echo server: one client after the other.

use std::{
    env,
    error::Error,
    fmt::Display,
    io::{self, Write},
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    process::ExitCode,
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::socket::{
        self, AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, setsockopt, sockopt,
    },
    unistd,
};

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
    complain("usage: day2_2_echo_server ADDRESS:PORT");
    ExitCode::from(2)
}

/// `eprintln!` panics when nobody reads standard error any more. A server does not die of that.
fn complain(what: impl Display) {
    let _ = writeln!(io::stderr(), "day2_2_echo_server: {what}");
}

fn serve(address: &SockaddrIn) -> Result<(), Box<dyn Error>> {
    let listener = listen(address)?;
    // The port that was asked for may be 0; only the kernel knows which one it has chosen.
    let here: SockaddrIn = socket::getsockname(listener.as_raw_fd())?;
    let mut stdout = io::stdout();
    writeln!(stdout, "listening {here}")?;
    // Whoever reads this line through a pipe must see it now, not when a buffer is full.
    stdout.flush()?;
    loop {
        let client = accept(&listener)?;
        // One client's trouble is not the server's: say it and serve the next.
        if let Err(errno) = echo(&client) {
            complain(format_args!("client lost: {errno}"));
        }
        // `client` is dropped here, and dropping an OwnedFd closes it: the client sees the end of the stream.
    }
}

fn listen(address: &SockaddrIn) -> nix::Result<OwnedFd> {
    let listener = socket::socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // Connections of an earlier run may still be in TIME_WAIT on this port. This must come before bind.
    setsockopt(&listener, sockopt::ReuseAddr, &true)?;
    socket::bind(listener.as_raw_fd(), address)?;
    // We are busy with one client most of the time, so the others need room to wait.
    socket::listen(&listener, Backlog::new(128)?)?;
    Ok(listener)
}

/// Waits for the next client, through interruptions and through clients who gave up while they waited.
fn accept(listener: &OwnedFd) -> nix::Result<OwnedFd> {
    loop {
        match socket::accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
            // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
            Ok(fd) => return Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
            Err(Errno::EINTR | Errno::ECONNABORTED | Errno::EPROTO) => (),
            // A shortage passes, and the client keeps its place in the queue. Without the pause we would spin:
            // accept does not wait when it has no descriptor to give.
            Err(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM)) => {
                complain(format_args!("accept: {errno}"));
                thread::sleep(Duration::from_millis(10));
            }
            Err(errno) => return Err(errno),
        }
    }
}

/// Sends back all that comes in, until the client ends its sending side.
fn echo(client: impl AsFd) -> nix::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match unistd::read(&client, &mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => write_all(&client, &buffer[..n])?,
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
}

/// `write` may take fewer bytes than it is given, so it is asked until none are left. To a client who has gone it
/// fails with EPIPE or ECONNRESET: the Rust runtime ignores SIGPIPE, which would end the process.
fn write_all(client: impl AsFd, mut bytes: &[u8]) -> nix::Result<()> {
    while !bytes.is_empty() {
        match unistd::write(&client, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
