//! The reference UDP client: one question, asked again until its answer comes or the tries are used up.

use std::{
    env,
    ffi::OsString,
    fmt::{self, Display},
    io::{self, Write},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    process::{self, ExitCode},
    time::{Duration, Instant, SystemTime},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn},
};

/// How long the number of a question is.
const NUMBER: usize = 4;
/// Longer than any datagram: of one that does not fit into the buffer, the kernel throws the rest away.
const LONGEST: usize = 65536;

fn main() -> ExitCode {
    let Some(task) = Task::parse(env::args_os().skip(1)) else {
        complain("usage: day3_2_udp_client [-t MS] [-n TRIES] ADDRESS:PORT TEXT");
        return ExitCode::from(2);
    };
    match task.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(failure);
            ExitCode::from(1)
        }
    }
}

/// `eprintln!` panics when nobody reads standard error any more.
fn complain(what: impl Display) {
    let _ = writeln!(io::stderr(), "day3_2_udp_client: {what}");
}

/// What the command line asks for.
struct Task {
    limit: Duration,
    tries: u64,
    address: SockaddrIn,
    text: Vec<u8>,
}

impl Task {
    /// Reads all of the command line; `None` if it is wrong.
    fn parse(arguments: impl Iterator<Item = OsString>) -> Option<Task> {
        let mut limit = Duration::from_millis(500);
        let mut tries = 4;
        let mut arguments = arguments.peekable();
        while let Some(option) = arguments.next_if(|word| word.as_encoded_bytes().starts_with(b"-"))
        {
            let number: u64 = arguments.next()?.to_str()?.parse().ok()?;
            match option.to_str()? {
                "-t" if (1..=1_000_000).contains(&number) => limit = Duration::from_millis(number),
                "-n" if (1..=100).contains(&number) => tries = number,
                _ => return None,
            }
        }
        let address = arguments.next()?.to_str()?.parse().ok()?;
        // Bytes, not a String: an argument need not be UTF-8.
        let text = arguments.next()?.into_vec();
        if arguments.next().is_some() {
            return None;
        }
        Some(Task {
            limit,
            tries,
            address,
            text,
        })
    }

    /// Asks, and prints the answer.
    fn run(&self) -> Result<(), Failure> {
        let mut answer = self.ask()?;
        answer.push(b'\n');
        let mut stdout = io::stdout();
        stdout
            .write_all(&answer)
            .and_then(|()| stdout.flush())
            .map_err(Failure::Output)
    }

    /// Sends the question, again and again, until its answer comes.
    fn ask(&self) -> Result<Vec<u8>, Failure> {
        // One socket for all tries: its port is the address to which the answers go, also the late ones.
        let socket = connect(&self.address).map_err(Failure::of("make a socket"))?;
        // One number for all tries: they are one question, and an answer to the first of them is as good as another.
        let question = [number().to_be_bytes().as_slice(), &self.text].concat();
        for _ in 0..self.tries {
            send(&socket, &question).map_err(Failure::of("send the question"))?;
            let deadline = Instant::now() + self.limit;
            let answer = wait_for_answer(&socket, &question[..NUMBER], deadline);
            if let Some(answer) = answer.map_err(Failure::of("receive"))? {
                return Ok(answer);
            }
        }
        Err(Failure::NoAnswer)
    }
}

/// Another one in each run, so that an answer to an earlier run is not taken for one to this. Nobody but this program
/// reads it, so that it need not be a good random number.
fn number() -> u32 {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    // Two that start at the same moment have different PIDs.
    now.subsec_nanos() ^ process::id().rotate_left(16)
}

/// Connecting a UDP socket sends nothing. It tells the kernel who the partner is: datagrams of all others are passed
/// over, and the partner's ICMP message "port unreachable" becomes an error of this socket.
fn connect(address: &SockaddrIn) -> nix::Result<OwnedFd> {
    let socket = socket::socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    socket::connect(socket.as_raw_fd(), address)?;
    Ok(socket)
}

/// A datagram goes whole or not at all.
fn send(socket: &OwnedFd, datagram: &[u8]) -> nix::Result<()> {
    loop {
        match socket::send(socket.as_raw_fd(), datagram, MsgFlags::empty()) {
            Err(Errno::EINTR) => (),
            result => return result.map(drop),
        }
    }
}

/// Waits for the answer to the question with this number; `None` when the time is over.
fn wait_for_answer(
    socket: &OwnedFd,
    number: &[u8],
    deadline: Instant,
) -> nix::Result<Option<Vec<u8>>> {
    let mut buffer = vec![0; LONGEST];
    while wait_for_datagram(socket, deadline)? {
        // poll has said that there is something, and it may be gone all the same (poll(2), BUGS): do not sleep here.
        let length = match socket::recv(socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(length) => length,
            Err(Errno::EINTR | Errno::EAGAIN) => continue,
            Err(errno) => return Err(errno),
        };
        // Only what has come: the rest of the buffer is older. Nothing at all may have come, an empty datagram.
        if let Some(answer) = buffer[..length].strip_prefix(number) {
            return Ok(Some(answer.to_vec()));
        }
    }
    Ok(None)
}

/// Waits until there is a datagram or an error to receive; false when the time is over.
fn wait_for_datagram(socket: &OwnedFd, deadline: Instant) -> nix::Result<bool> {
    let mut readable = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    loop {
        // Counted anew each time: a signal, or a datagram that is no answer, has used up a part of it.
        let rest = deadline.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return Ok(false);
        }
        // Rounded up, because poll counts in milliseconds.
        let milliseconds = rest.as_micros().div_ceil(1000);
        let rest = PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX);
        match poll(&mut readable, rest) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
}

/// Why there is no answer.
enum Failure {
    Refused,
    NoAnswer,
    /// What could not be done.
    Call(&'static str, Errno),
    Output(io::Error),
}

impl Failure {
    /// What a failed call means. "Refused" is the news of an earlier datagram, so that any later call may bring it:
    /// a receive, or the next send.
    fn of(attempt: &'static str) -> impl Fn(Errno) -> Failure {
        move |errno| match errno {
            Errno::ECONNREFUSED => Failure::Refused,
            errno => Failure::Call(attempt, errno),
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused => f.write_str("refused"),
            Failure::NoAnswer => f.write_str("no answer"),
            Failure::Call(attempt, errno) => write!(f, "cannot {attempt}: {errno}"),
            Failure::Output(error) => write!(f, "cannot write to standard output: {error}"),
        }
    }
}
