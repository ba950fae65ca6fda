//! Wrong on purpose: takes what one read brings for one whole message. A piece of one is a bad frame to it.

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
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address] = arguments.as_slice() else {
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
    let mut buffer = vec![0; 4 + MOST];
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
            Err(Errno::EINTR | Errno::ECONNABORTED) => (),
            Err(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM)) => {
                complain(format_args!("accept: {errno}"));
                thread::sleep(Duration::from_millis(100));
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
    loop {
        let n = read_some(&client, buffer)?;
        if n == 0 {
            return Ok(());
        }
        let mut rest = &buffer[..n];
        while !rest.is_empty() {
            let (length, behind) = split_length(rest)?;
            let payload = behind.get(..length).ok_or(Trouble::BadFrame)?;
            write_all(&client, &answer_to(payload))?;
            rest = &behind[length..];
        }
    }
}

/// The length of the next message, and what is behind it.
fn split_length(bytes: &[u8]) -> Result<(usize, &[u8]), Trouble> {
    let (header, behind) = bytes.split_first_chunk().ok_or(Trouble::BadFrame)?;
    match u32::from_be_bytes(*header) as usize {
        length if length <= MOST => Ok((length, behind)),
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

/// One read, through interruptions.
fn read_some(client: impl AsFd, buffer: &mut [u8]) -> nix::Result<usize> {
    loop {
        match unistd::read(&client, buffer) {
            Err(Errno::EINTR) => (),
            result => return result,
        }
    }
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
