//! The reference of `close`: a server whose answer arrives whole, whatever its client still sends.

use std::{
    env,
    error::Error,
    ffi::OsString,
    fmt::Display,
    io::{self, Write},
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{
        self, AddressFamily, Backlog, Shutdown, SockFlag, SockType, SockaddrIn, setsockopt, sockopt,
    },
    unistd,
};

/// The largest N of `GET N`.
const MOST: usize = 10_000_000;
/// The longest line, with its newline.
const LINE: usize = 100;
/// So many bytes of a client are drained, and no more.
const DRAIN: usize = 1_000_000;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let Some((address, limit)) = parse(&arguments) else {
        complain("usage: day3_4_close [-t MS] ADDRESS:PORT");
        return ExitCode::from(2);
    };
    match serve(&address, limit) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::from(1)
        }
    }
}

fn parse(arguments: &[OsString]) -> Option<(SockaddrIn, Duration)> {
    let words: Option<Vec<&str>> = arguments.iter().map(|word| word.to_str()).collect();
    let (milliseconds, address) = match words?.as_slice() {
        [address] => (3000, *address),
        ["-t", milliseconds, address] => (number(milliseconds, 1_000_000)?, *address),
        _ => return None,
    };
    let limit = Duration::from_millis(milliseconds as u64);
    Some((address.parse().ok()?, limit)).filter(|_| milliseconds > 0)
}

/// A decimal number up to `most`. Digits only: `parse` alone takes a sign, too.
fn number(text: &str, most: usize) -> Option<usize> {
    let is_decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_decimal)?;
    (number <= most).then_some(number)
}

/// `eprintln!` panics when nobody reads standard error any more. A server does not die of that.
fn complain(what: impl Display) {
    let _ = writeln!(io::stderr(), "day3_4_close: {what}");
}

fn serve(address: &SockaddrIn, limit: Duration) -> Result<(), Box<dyn Error>> {
    let listener = listen(address)?;
    // The port that was asked for may be 0; only the kernel knows which one it has chosen.
    let here: SockaddrIn = socket::getsockname(listener.as_raw_fd())?;
    let mut stdout = io::stdout();
    writeln!(stdout, "listening {here}")?;
    stdout.flush()?;
    loop {
        let client = accept(&listener)?;
        // One client's trouble is not the server's: say it and serve the next.
        if let Err(errno) = attend(&client, limit) {
            complain(format_args!("client lost: {errno}"));
        }
        // `client` is dropped here, which closes the connection.
    }
}

fn listen(address: &SockaddrIn) -> nix::Result<OwnedFd> {
    let listener = socket::socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // This server ends its sending side first, so that its connections stay in TIME_WAIT on this port.
    setsockopt(&listener, sockopt::ReuseAddr, &true)?;
    socket::bind(listener.as_raw_fd(), address)?;
    // One client may take some seconds, so the others need room to wait.
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
            // A shortage passes, and the client keeps its place in the queue. accept does not wait for its end.
            Err(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM)) => {
                complain(format_args!("accept: {errno}"));
                thread::sleep(Duration::from_millis(10));
            }
            Err(errno) => return Err(errno),
        }
    }
}

/// One client, from its line to the end of the drain.
fn attend(client: &OwnedFd, limit: Duration) -> nix::Result<()> {
    match read_request(client, Instant::now() + limit)? {
        Some(count) => send_digits(client, count)?,
        None => write_all(client, b"bad request\n")?,
    }
    // The client sees the end of the answer now, and we can still read. To close here would be too early: for bytes
    // that are unread, or that come later, the kernel sends a RST, and that destroys what the client does not have yet.
    socket::shutdown(client.as_raw_fd(), Shutdown::Write)?;
    drain(client, Instant::now() + limit)
}

/// The N of `GET N`; `None` if the client sends something else, or no whole line until the deadline.
fn read_request(client: &OwnedFd, deadline: Instant) -> nix::Result<Option<usize>> {
    let mut buffer = [0; LINE];
    let mut filled = 0;
    // A read may bring a part of the line, and more than the line.
    while filled < LINE {
        let n = match read_before(client, &mut buffer[filled..], deadline)? {
            None | Some(0) => return Ok(None),
            Some(n) => n,
        };
        filled += n;
        if let Some(end) = buffer[..filled].iter().position(|byte| *byte == b'\n') {
            let line = str::from_utf8(&buffer[..end]).ok();
            let text = line.and_then(|line| line.strip_prefix("GET "));
            return Ok(text.and_then(|text| number(text, MOST)));
        }
    }
    Ok(None)
}

/// Sends the first `count` bytes of the endless text `012345678901234…`.
fn send_digits(client: &OwnedFd, count: usize) -> nix::Result<()> {
    // The length is a multiple of 10, so that each piece begins with 0.
    let piece: Vec<u8> = b"0123456789".repeat(2000);
    let mut left = count;
    while left > 0 {
        let n = left.min(piece.len());
        write_all(client, &piece[..n])?;
        left -= n;
    }
    Ok(())
}

/// Reads and throws away what the client still sends, until it ends its side, or one of the two bounds is reached.
fn drain(client: &OwnedFd, deadline: Instant) -> nix::Result<()> {
    let mut buffer = [0; 16 * 1024];
    let mut left = DRAIN;
    while left > 0 {
        let most = left.min(buffer.len());
        match read_before(client, &mut buffer[..most], deadline)? {
            None | Some(0) => break,
            Some(n) => left -= n,
        }
    }
    Ok(())
}

/// Reads as soon as something has come; `None` if nothing has by the deadline. The deadline is a point in time, so that
/// neither a signal nor a byte now and then makes the wait longer.
fn read_before(
    client: &OwnedFd,
    buffer: &mut [u8],
    deadline: Instant,
) -> nix::Result<Option<usize>> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        // In whole milliseconds, rounded up: 0 would not wait, and turn the last one into a busy loop.
        let milliseconds = left.as_micros().div_ceil(1000) as i32;
        let timeout = PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX);
        let mut files = [PollFd::new(client.as_fd(), PollFlags::POLLIN)];
        match poll(&mut files, timeout) {
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) => (),
            Err(errno) => return Err(errno),
        }
        match unistd::read(client, buffer) {
            Ok(n) => return Ok(Some(n)),
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
