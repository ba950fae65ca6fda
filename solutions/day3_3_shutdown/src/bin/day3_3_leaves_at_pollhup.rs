//! Wrong on purpose: leaves when poll reports POLLHUP, after one more read. Both directions have ended, but what has
//! come is longer than one read.

use std::{
    env, io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    process::ExitCode,
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{
        self, AddressFamily, Shutdown, SockFlag, SockType, SockaddrIn, getsockopt, sockopt,
    },
    unistd,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address] = arguments.as_slice() else {
        return usage();
    };
    let Ok(address) = address.parse::<SockaddrIn>() else {
        return usage();
    };
    match upload(&address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("day3_3_shutdown: {reason}");
            ExitCode::from(1)
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: day3_3_shutdown ADDRESS:PORT");
    ExitCode::from(2)
}

/// Both directions in one thread: `poll` tells which one can go on.
fn upload(address: &SockaddrIn) -> Result<(), String> {
    let socket = connect(address).map_err(|errno| format!("cannot connect: {errno}"))?;
    fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| errno.to_string())?;
    let stdin = io::stdin();
    let (mut sending, mut receiving) = (true, true);
    let mut failure = None;
    let mut buffer = [0; 16 * 1024];
    // Read from standard input, not yet taken by the socket.
    let mut pending: Vec<u8> = Vec::new();
    let (mut sent, mut received) = (0, 0);
    while sending || receiving {
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::POLLIN, receiving);
        wanted.set(PollFlags::POLLOUT, !pending.is_empty());
        let mut ready = vec![PollFd::new(socket.as_fd(), wanted)];
        if sending && pending.is_empty() {
            ready.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) => (),
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(format!("cannot poll: {errno}")),
        }
        let news = ready[0].revents().unwrap_or(PollFlags::all());
        if news.contains(PollFlags::POLLERR) {
            failure = Some(format!("the server is gone after {sent} bytes"));
            pending.clear();
            sending = false;
        }
        let input_ready = ready.get(1).is_some_and(|fd| fd.any().unwrap_or(true));
        if receiving && news.contains(PollFlags::POLLIN) {
            match unistd::read(&socket, &mut buffer) {
                Ok(0) => receiving = false,
                Ok(n) => {
                    write_all(io::stdout(), &buffer[..n])
                        .map_err(|errno| format!("cannot write to standard output: {errno}"))?;
                    received += n;
                }
                Err(Errno::EAGAIN | Errno::EINTR) => (),
                Err(errno) => {
                    return Err(format!("cannot receive after {received} bytes: {errno}"));
                }
            }
        }
        if !sending && news.contains(PollFlags::POLLHUP) {
            receiving = false;
        }
        if !pending.is_empty() && news.contains(PollFlags::POLLOUT) {
            match unistd::write(&socket, &pending) {
                Ok(n) => {
                    pending.drain(..n);
                    sent += n;
                }
                Err(Errno::EAGAIN | Errno::EINTR) => (),
                Err(errno) => {
                    failure = Some(format!("cannot send after {sent} bytes: {errno}"));
                    pending.clear();
                    sending = false;
                }
            }
        }
        if input_ready && sending {
            match unistd::read(&stdin, &mut buffer) {
                Ok(0) => {
                    sending = false;
                    socket::shutdown(socket.as_raw_fd(), Shutdown::Write)
                        .map_err(|errno| format!("cannot end the sending: {errno}"))?;
                }
                Ok(n) => pending.extend_from_slice(&buffer[..n]),
                Err(Errno::EINTR) => (),
                Err(errno) => return Err(format!("cannot read standard input: {errno}")),
            }
        }
    }
    if let Some(failure) = failure {
        return Err(failure);
    }
    eprintln!("sent {sent} bytes, received {received} bytes");
    Ok(())
}

fn connect(address: &SockaddrIn) -> nix::Result<OwnedFd> {
    let socket = socket::socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    match socket::connect(socket.as_raw_fd(), address) {
        // An interrupted connect goes on in the kernel. It is over when the socket is writable.
        Err(Errno::EINTR) => wait_for_connection(&socket)?,
        result => result?,
    }
    Ok(socket)
}

fn wait_for_connection(socket: impl AsFd) -> nix::Result<()> {
    let mut writable = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
    while let Err(errno) = poll(&mut writable, PollTimeout::NONE) {
        if errno != Errno::EINTR {
            return Err(errno);
        }
    }
    match getsockopt(&socket, sockopt::SocketError)? {
        0 => Ok(()),
        errno => Err(Errno::from_raw(errno)),
    }
}

/// `write` may take fewer bytes than it is given, so it is asked until none are left.
fn write_all(to: impl AsFd, mut bytes: &[u8]) -> nix::Result<()> {
    while !bytes.is_empty() {
        match unistd::write(&to, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
