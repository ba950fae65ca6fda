//! The reference: one address after the other, each with a time limit, until one answers.

use std::{
    env,
    fmt::{self, Display},
    io::{self, Write},
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrStorage, getsockopt, sockopt},
};

fn main() -> ExitCode {
    let Some(task) = Task::parse(env::args_os().skip(1).map(text)) else {
        complain("usage: day2_6_connect [-t MS] [-r N] [-p MS] ADDRESS:PORT...");
        return ExitCode::from(2);
    };
    match task.run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            complain("no address answers");
            ExitCode::from(1)
        }
        Err(error) => {
            complain(error);
            ExitCode::from(1)
        }
    }
}

/// `eprintln!` panics when nobody reads standard error any more.
fn complain(what: impl Display) {
    let _ = writeln!(io::stderr(), "day2_6_connect: {what}");
}

/// Prints one line, now: whoever reads it wants to know it before the next try is over.
fn say(line: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// What the command line asks for.
struct Task {
    limit: Option<Duration>,
    rounds: u64,
    pause: Duration,
    addresses: Vec<SocketAddr>,
}

impl Task {
    /// Reads all of the command line before anything is tried; `None` if it is wrong.
    fn parse(arguments: impl Iterator<Item = String>) -> Option<Task> {
        let mut task = Task {
            limit: None,
            rounds: 0,
            pause: Duration::from_millis(100),
            addresses: Vec::new(),
        };
        let mut arguments = arguments.peekable();
        while let Some(option) = arguments.next_if(|word| word.starts_with('-')) {
            let number: u64 = arguments.next()?.parse().ok()?;
            let is_time = (1..=1_000_000).contains(&number);
            match option.as_str() {
                "-t" if is_time => task.limit = Some(Duration::from_millis(number)),
                "-p" if is_time => task.pause = Duration::from_millis(number),
                "-r" if number <= 10 => task.rounds = number,
                _ => return None,
            }
        }
        let addresses: Option<Vec<_>> = arguments.map(|word| word.parse().ok()).collect();
        task.addresses = addresses.filter(|addresses| !addresses.is_empty())?;
        Some(task)
    }

    /// Whether an address has answered.
    fn run(&self) -> io::Result<bool> {
        let mut pause = self.pause;
        for round in 0..=self.rounds {
            if round > 0 {
                say(format_args!("again in {} ms", pause.as_millis()))?;
                thread::sleep(pause);
                // A server that has too much to do is not helped by clients who ask more and more often.
                pause *= 2;
            }
            for &address in &self.addresses {
                match connect(address, self.limit) {
                    Ok(connection) => {
                        say(format_args!("{address} connected"))?;
                        say(format_args!("local {}", local_address(&connection)?))?;
                        return Ok(true);
                    }
                    // The socket is gone already: `connect` has dropped it.
                    Err(errno) => say(format_args!("{address} {}", Outcome(errno)))?,
                }
            }
        }
        Ok(false)
    }
}

/// One try. When the time is over, the errno is the one with which the kernel gives up: ETIMEDOUT.
fn connect(address: SocketAddr, limit: Option<Duration>) -> nix::Result<OwnedFd> {
    let deadline = limit.map(|limit| Instant::now() + limit);
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    // A new socket each time: the family may be another one, and POSIX does not say what a refused socket is good for.
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket::socket(family, SockType::Stream, flags, None)?;
    match socket::connect(socket.as_raw_fd(), &SockaddrStorage::from(address)) {
        Ok(()) => return Ok(socket),
        // The SYN is sent, and the answer is not here yet.
        Err(Errno::EINPROGRESS) => (),
        // No route, for example: the kernel knows at once.
        Err(errno) => return Err(errno),
    }
    wait_for_outcome(&socket, deadline)?;
    // Writable means "decided", not "connected". SO_ERROR tells which, and forgets it when it has told.
    match getsockopt(&socket, sockopt::SocketError)? {
        0 => Ok(socket),
        error => Err(Errno::from_raw(error)),
    }
}

/// Waits until the handshake has ended, well or badly, but not beyond the deadline.
fn wait_for_outcome(socket: &OwnedFd, deadline: Option<Instant>) -> nix::Result<()> {
    let mut handshake = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
    loop {
        // Counted anew each time, because a signal may have used up a part of it; and rounded up, because poll counts
        // in milliseconds.
        let rest = match deadline {
            None => PollTimeout::NONE,
            Some(deadline) => {
                let rest = deadline.saturating_duration_since(Instant::now());
                let milliseconds = rest.as_micros().div_ceil(1000);
                PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX)
            }
        };
        match poll(&mut handshake, rest) {
            Ok(0) => return Err(Errno::ETIMEDOUT),
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
}

/// The address that connect has chosen for this end. Before connect it would be 0.0.0.0:0.
fn local_address(connection: &OwnedFd) -> nix::Result<SockaddrStorage> {
    socket::getsockname(connection.as_raw_fd())
}

/// An error of a try, in the words of the contract.
struct Outcome(Errno);

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Errno::ECONNREFUSED => f.write_str("refused"),
            Errno::ETIMEDOUT => f.write_str("timeout"),
            Errno::ENETUNREACH | Errno::EHOSTUNREACH => f.write_str("unreachable"),
            // The Debug form of an Errno is its name in the manual.
            errno => write!(f, "error {errno:?}"),
        }
    }
}

/// What is not UTF-8 becomes a word that is no address either.
fn text(word: std::ffi::OsString) -> String {
    word.to_string_lossy().into()
}
