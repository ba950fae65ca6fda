//! The reference fork server: one process for each client, and no zombies.

use std::{
    env,
    error::Error,
    io::{self, Write},
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    process::ExitCode,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::{
        signal::{self, SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal},
        socket::{
            self, AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, setsockopt, sockopt,
        },
    },
    unistd::{self, ForkResult, fork},
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
            eprintln!("day3_7_fork_server: {error}");
            ExitCode::from(1)
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: day3_7_fork_server ADDRESS:PORT");
    ExitCode::from(2)
}

fn serve(address: &SockaddrIn) -> Result<(), Box<dyn Error>> {
    let listener = listen(address)?;
    let asleep = let_children_wake()?;
    let here: SockaddrIn = socket::getsockname(listener.as_raw_fd())?;
    writeln!(io::stdout(), "listening {here}")?;
    io::stdout().flush()?;
    loop {
        let mut ready = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        // The one place where the server sleeps: until a client comes, or until a child ends (EINTR).
        match ppoll(&mut ready, None, Some(asleep)) {
            Ok(_) | Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno.into()),
        }
        // Not only after EINTR: while clients stand in line, ppoll reports them and lets no signal in.
        reap()?;
        let Some(client) = accept(&listener)? else {
            continue;
        };
        // SAFETY: this process has one thread, so the child finds no lock that another thread would have to open.
        match unsafe { fork() } {
            Ok(ForkResult::Child) => {
                // A copy of the listener in the child would keep the port busy after the parent's end.
                drop(listener);
                let status = serve_client(&client);
                // Not exit: buffers and atexit handlers are copies of the parent's, and it will use them itself.
                // SAFETY: _exit only ends this process. The kernel closes `client`.
                unsafe { libc::_exit(status) }
            }
            Ok(ForkResult::Parent { .. }) => (),
            // Too many processes: this client has bad luck, the next one may find room.
            Err(errno) => eprintln!("cannot fork: {errno}"),
        }
        // `client`, the parent's copy, is closed here: the client sees the end only when no copy is open any more.
    }
}

fn listen(address: &SockaddrIn) -> nix::Result<OwnedFd> {
    let listener = socket::socket(
        AddressFamily::Inet,
        SockType::Stream,
        // Non-blocking: accept must not sleep, for only ppoll is woken by the children.
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        None,
    )?;
    // Connections which children of an earlier run still serve are on this port. This must come before bind.
    setsockopt(&listener, sockopt::ReuseAddr, &true)?;
    socket::bind(listener.as_raw_fd(), address)?;
    socket::listen(&listener, Backlog::new(128)?)?;
    Ok(listener)
}

/// Blocks SIGCHLD, and returns the mask for ppoll, in which it is not blocked: so the signal comes while the server
/// sleeps and at no other time. One that comes earlier stays pending, and the next ppoll returns at once.
fn let_children_wake() -> nix::Result<SigSet> {
    let mut child = SigSet::empty();
    child.add(Signal::SIGCHLD);
    let mut asleep = child.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    asleep.remove(Signal::SIGCHLD);
    // A signal without a handler would not interrupt ppoll. The handler itself has nothing to do.
    let action = SigAction::new(
        SigHandler::Handler(nothing),
        SaFlags::SA_NOCLDSTOP,
        SigSet::empty(),
    );
    // SAFETY: an empty handler is safe at any moment.
    unsafe { signal::sigaction(Signal::SIGCHLD, &action)? };
    Ok(asleep)
}

extern "C" fn nothing(_signal: libc::c_int) {}

/// The next client, if there is one.
fn accept(listener: &OwnedFd) -> nix::Result<Option<OwnedFd>> {
    match socket::accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
        // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
        Ok(fd) => Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) })),
        // Nobody is there: a child has woken the server, or the client has given up.
        Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNABORTED) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Collects every child that has ended, and says how. Signals do not queue: one SIGCHLD may stand for many children.
fn reap() -> io::Result<()> {
    let mut status = 0;
    loop {
        // nix's waitpid has no name for a real-time signal which has killed a child: it returns EINVAL for it.
        // SAFETY: waitpid writes to `status` and to nothing else.
        let pid = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) };
        if pid <= 0 {
            // 0: children are left, and none of them has ended. -1 (ECHILD): no child is left.
            return Ok(());
        }
        let how = if libc::WIFEXITED(status) {
            format!("exited {}", libc::WEXITSTATUS(status))
        } else {
            format!("killed {}", libc::WTERMSIG(status))
        };
        writeln!(io::stdout(), "child {pid} {how}")?;
        io::stdout().flush()?;
    }
}

/// The child's whole life. It ends with the exit status: 0 if the client was served to its end, 1 if it was lost.
fn serve_client(client: &OwnedFd) -> libc::c_int {
    match echo(client) {
        Ok(()) => 0,
        Err(errno) => {
            eprintln!("client lost: {errno}");
            1
        }
    }
}

/// Sends back all that comes in, until the client ends its sending side.
fn echo(client: impl AsFd) -> nix::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        match unistd::read(&client, &mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => write_all(&client, &buffer[..n])?,
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno),
        }
    }
}

/// `write` may take fewer bytes than it is given, so it is asked until none are left.
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
