//! The reference echo client: one line out, the same bytes back, then the next line.

use std::{
    env,
    error::Error,
    io::{self, BufRead, Write},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    process::ExitCode,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{
        self, AddressFamily, Shutdown, SockFlag, SockType, SockaddrIn, getsockopt, sockopt,
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
    match talk(&address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("day2_3_echo_client: {error}");
            ExitCode::from(1)
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: day2_3_echo_client ADDRESS:PORT");
    ExitCode::from(2)
}

fn talk(address: &SockaddrIn) -> Result<(), Box<dyn Error>> {
    let server = connect(address)?;
    // One reader for all lines: it may hold the beginning of the next line already.
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        // The newline belongs to the line, and a last line without one is a line too: only 0 bytes are the end.
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        write_all(&server, &line)?;
        read_back(&server, &line)?;
    }
    // "I send no more": the server reads end of file, and can still send. close would end both directions.
    socket::shutdown(server.as_raw_fd(), Shutdown::Write)?;
    expect_end(&server)
}

fn connect(address: &SockaddrIn) -> nix::Result<OwnedFd> {
    let server = socket::socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // No bind: connect chooses the local address and a free port itself.
    match socket::connect(server.as_raw_fd(), address) {
        Ok(()) => Ok(server),
        // A signal ends only the waiting. The handshake goes on, and must not be asked for again.
        Err(Errno::EINTR) => connected(&server).map(|()| server),
        Err(errno) => Err(errno),
    }
}

/// Waits until the handshake has ended, well or badly: the socket becomes writable, and SO_ERROR tells which.
fn connected(server: &OwnedFd) -> nix::Result<()> {
    let mut handshake = [PollFd::new(server.as_fd(), PollFlags::POLLOUT)];
    while let Err(errno) = poll(&mut handshake, PollTimeout::NONE) {
        if errno != Errno::EINTR {
            return Err(errno);
        }
    }
    match getsockopt(server, sockopt::SocketError)? {
        0 => Ok(()),
        error => Err(Errno::from_raw(error)),
    }
}

/// `write` may take fewer bytes than it is given, so it is asked until none are left.
fn write_all(server: impl AsFd, mut bytes: &[u8]) -> nix::Result<()> {
    while !bytes.is_empty() {
        // Rust ignores SIGPIPE before main, so a server that has gone is an error here (EPIPE), not our death.
        match unistd::write(&server, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Reads and prints as many bytes as `line` has, however many pieces they come in, and compares them with `line`.
fn read_back(server: impl AsFd, line: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut output = io::stdout().lock();
    let mut buffer = [0; 16 * 1024];
    let mut back = 0;
    while back < line.len() {
        // Never ask for more than is missing: what comes after it belongs to the next line.
        let missing = buffer.len().min(line.len() - back);
        let n = match unistd::read(&server, &mut buffer[..missing]) {
            Ok(0) => {
                let all = line.len();
                return Err(format!("the server ends after {back} of {all} bytes").into());
            }
            Ok(n) => n,
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno.into()),
        };
        let (piece, sent) = (&buffer[..n], &line[back..back + n]);
        // First show what came, whatever it is; then judge it.
        output.write_all(piece)?;
        output.flush()?;
        if let Some(i) = (0..n).find(|&i| piece[i] != sent[i]) {
            let (position, came, went) = (back + i + 1, piece[i], sent[i]);
            return Err(
                format!("byte {position} of the line comes back as {came}, not {went}").into(),
            );
        }
        back += n;
    }
    Ok(())
}

/// Waits for the server's end of file: only then is it certain that nothing is missing and nothing is left over.
fn expect_end(server: impl AsFd) -> Result<(), Box<dyn Error>> {
    let mut byte = [0];
    loop {
        match unistd::read(&server, &mut byte) {
            Ok(0) => return Ok(()),
            Ok(_) => return Err("the server sends more than it was given".into()),
            Err(Errno::EINTR) => (),
            // A reset is not an end of file: the server has not said that all is well.
            Err(errno) => return Err(errno.into()),
        }
    }
}
