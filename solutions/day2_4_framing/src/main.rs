//! The reference server of messages: one client after the other, one message after the other.

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

/// The longest payload of a message, in bytes.
const MOST: usize = 65_536;

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
    complain("usage: day2_4_framing ADDRESS:PORT");
    ExitCode::from(2)
}

/// `eprintln!` panics when nobody reads standard error any more. A server does not die of that.
fn complain(what: impl Display) {
    let _ = writeln!(io::stderr(), "day2_4_framing: {what}");
}

fn serve(address: &SockaddrIn) -> Result<(), Box<dyn Error>> {
    let listener = listen(address)?;
    let here: SockaddrIn = socket::getsockname(listener.as_raw_fd())?;
    let mut stdout = io::stdout();
    writeln!(stdout, "listening {here}")?;
    stdout.flush()?;
    // One buffer for all messages. No client can make it longer.
    let mut buffer = vec![0; MOST];
    loop {
        let client = accept(&listener)?;
        match converse(&client, &mut buffer) {
            Ok(()) => (),
            Err(Trouble::BadFrame) => {
                writeln!(stdout, "bad frame")?;
                stdout.flush()?;
            }
            Err(Trouble::Lost(errno)) => complain(format_args!("client lost: {errno}")),
        }
        // Nothing of this client is kept: `client` is closed here, and `buffer` is overwritten before it is read.
    }
}

fn listen(address: &SockaddrIn) -> nix::Result<OwnedFd> {
    let listener = socket::socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    setsockopt(&listener, sockopt::ReuseAddr, &true)?;
    socket::bind(listener.as_raw_fd(), address)?;
    socket::listen(&listener, Backlog::new(128)?)?;
    Ok(listener)
}

/// Waits for the next client, as in exercise 2.2.
fn accept(listener: &OwnedFd) -> nix::Result<OwnedFd> {
    loop {
        match socket::accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
            // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
            Ok(fd) => return Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
            Err(Errno::EINTR | Errno::ECONNABORTED | Errno::EPROTO) => (),
            Err(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM)) => {
                complain(format_args!("accept: {errno}"));
                thread::sleep(Duration::from_millis(10));
            }
            Err(errno) => return Err(errno),
        }
    }
}

/// Why a conversation ends before the client has ended it.
enum Trouble {
    /// The client breaks the agreement about messages.
    BadFrame,
    /// The connection does not work any more.
    Lost(Errno),
}

impl From<Errno> for Trouble {
    fn from(errno: Errno) -> Trouble {
        Trouble::Lost(errno)
    }
}

/// Answers one message after the other, until the client ends its sending side between two of them.
fn converse(client: impl AsFd, buffer: &mut [u8]) -> Result<(), Trouble> {
    while let Some(length) = read_length(&client)? {
        let payload = &mut buffer[..length];
        if read_up_to(&client, payload)? < length {
            return Err(Trouble::BadFrame);
        }
        write_all(&client, &answer_to(payload))?;
    }
    Ok(())
}

/// The length of the next message; none when the stream ends where a message may end.
fn read_length(client: impl AsFd) -> Result<Option<usize>, Trouble> {
    let mut header = [0; 4];
    match read_up_to(client, &mut header)? {
        0 => return Ok(None),
        4 => (),
        _ => return Err(Trouble::BadFrame),
    }
    // A length comes from a stranger. It is looked at before anything is done with it.
    match u32::from_be_bytes(header) as usize {
        length if length <= MOST => Ok(Some(length)),
        _ => Err(Trouble::BadFrame),
    }
}

/// The whole answer, header and text together: one write, and most of the time one segment.
fn answer_to(payload: &[u8]) -> Vec<u8> {
    // 65536 bytes of at most 255 are less than 2^24: the sum cannot overflow.
    let sum: u32 = payload.iter().map(|&byte| u32::from(byte)).sum();
    let text = format!("{} {sum}", payload.len());
    let mut answer = (text.len() as u32).to_be_bytes().to_vec();
    answer.extend_from_slice(text.as_bytes());
    answer
}

/// Fills the buffer, with as many reads as it takes, and returns how many bytes there are: fewer than asked for only
/// when the stream has ended. It never asks for more than is missing, so what follows stays in the socket.
fn read_up_to(client: impl AsFd, buffer: &mut [u8]) -> nix::Result<usize> {
    let mut have = 0;
    while have < buffer.len() {
        match unistd::read(&client, &mut buffer[have..]) {
            Ok(0) => break,
            Ok(n) => have += n,
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
    Ok(have)
}

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
