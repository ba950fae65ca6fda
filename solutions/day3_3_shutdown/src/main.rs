//! The reference upload: one thread for each direction, so that neither can hold up the other.

use std::{
    env, io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    process::{self, ExitCode},
    sync::Arc,
    thread,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{
        self, AddressFamily, Shutdown, SockFlag, SockType, SockaddrIn, getsockopt, setsockopt,
        sockopt,
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

fn upload(address: &SockaddrIn) -> Result<(), String> {
    let socket = Arc::new(connect(address).map_err(|errno| format!("cannot connect: {errno}"))?);
    let sender = thread::spawn({
        let socket = Arc::clone(&socket);
        move || send_input(&*socket)
    });
    // A failure here ends the program at once, even while the other thread waits for input that nobody needs any more.
    // That is why this is no `thread::scope`: a scope would wait for the thread.
    let received = print_answer(&*socket).inspect_err(|_| reset_on_close(&*socket))?;
    // The server has said all it had to say, but it may still listen: the rest of the input is sent. And only now is
    // it known whether sending has failed: the kernel reports a reset once. If `write` got it, `read` has seen a
    // plain end of stream.
    let sent = sender
        .join()
        .map_err(|_| "the sending thread panicked")?
        .inspect_err(|_| reset_on_close(&*socket))?;
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

/// Sends standard input, and then the end of the stream. Returns the number of bytes.
fn send_input(socket: impl AsFd) -> Result<u64, String> {
    let mut buffer = [0; 16 * 1024];
    let mut sent = 0;
    loop {
        match unistd::read(io::stdin(), &mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                // A reset is found out here, or a server that is gone. (Not by SIGPIPE: Rust's runtime ignores it.)
                // The answer may already be here all the same, so this ends the sending and not the program.
                write_all(&socket, &buffer[..n])
                    .map_err(|errno| format!("cannot send after {sent} bytes: {errno}"))?;
                sent += n as u64;
            }
            Err(Errno::EINTR) => (),
            Err(errno) => {
                // The other thread waits for a server that waits for us: only the end of the process wakes it.
                eprintln!("day3_3_shutdown: cannot read standard input: {errno}");
                reset_on_close(&socket);
                process::exit(1);
            }
        }
    }
    // Not `close`: the answer is still to come, through the same descriptor. What is queued goes out before the FIN.
    // ENOTCONN is the news of a reset that came after the last write, so it is not ignored.
    socket::shutdown(socket.as_fd().as_raw_fd(), Shutdown::Write)
        .map_err(|errno| format!("cannot end the sending after {sent} bytes: {errno}"))?;
    Ok(sent)
}

/// Prints what the server sends, as it comes, until the server ends its sending side. Returns the number of bytes.
fn print_answer(socket: impl AsFd) -> Result<u64, String> {
    let mut buffer = [0; 16 * 1024];
    let mut received = 0;
    loop {
        match unistd::read(&socket, &mut buffer) {
            Ok(0) => return Ok(received),
            Ok(n) => {
                // Straight to the descriptor: `io::stdout` keeps what follows the last newline in its buffer.
                write_all(io::stdout(), &buffer[..n])
                    .map_err(|errno| format!("cannot write to standard output: {errno}"))?;
                received += n as u64;
            }
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(format!("cannot receive after {received} bytes: {errno}")),
        }
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

/// Makes the closing of the socket, which the end of the process brings, a reset. A clean end of stream would tell the
/// server that it has got the whole input. Where this fails there is no connection left.
fn reset_on_close(socket: impl AsFd) {
    let at_once = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    let _ = setsockopt(&socket, sockopt::Linger, &at_once);
}
