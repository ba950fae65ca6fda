//! Wrong on purpose: waits with poll, but then sends with a `write` that blocks until it has sent everything.
//! When the server does not read, the program sleeps in it and no longer receives: both sides wait for ever.

use std::{
    env, io,
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
    let stdin = io::stdin();
    let (mut sending, mut receiving) = (true, true);
    let mut failure = None;
    let mut buffer = [0; 16 * 1024];
    let (mut sent, mut received) = (0, 0);
    while sending || receiving {
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::POLLIN, receiving);
        let mut ready = vec![PollFd::new(socket.as_fd(), wanted)];
        if sending {
            ready.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) => (),
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(format!("cannot poll: {errno}")),
        }
        let news = ready[0].revents().unwrap_or(PollFlags::all());
        let hung_up = news.intersects(PollFlags::POLLHUP | PollFlags::POLLERR);
        let input_ready = ready.get(1).is_some_and(|fd| fd.any().unwrap_or(true));
        if receiving && (hung_up || news.contains(PollFlags::POLLIN)) {
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
        // The server had ended its side before, and now the connection is gone altogether.
        if hung_up && !receiving && sending {
            failure = Some(format!("the server is gone after {sent} bytes"));
            sending = false;
        }
        if input_ready && sending {
            match unistd::read(&stdin, &mut buffer) {
                Ok(0) => {
                    sending = false;
                    socket::shutdown(socket.as_raw_fd(), Shutdown::Write)
                        .map_err(|errno| format!("cannot end the sending: {errno}"))?;
                }
                Ok(n) => match write_all(&socket, &buffer[..n]) {
                    Ok(()) => sent += n,
                    Err(errno) => {
                        failure = Some(format!("cannot send after {sent} bytes: {errno}"));
                        sending = false;
                    }
                },
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
