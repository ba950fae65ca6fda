//! The reference of day4_2_graceful_shutdown: an echo server that ends well, from the first signal to the last byte.

use std::{
    env,
    error::Error,
    ffi::{OsStr, OsString},
    fmt::Display,
    fs,
    io::{self, Write},
    os::{
        fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::FileTypeExt},
    },
    path::{Path, PathBuf},
    process::{self, ExitCode},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::{
        signal::{self, SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal},
        socket::{
            self, AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, UnixAddr, setsockopt,
            sockopt,
        },
    },
    unistd::{self, ForkResult, Pid, fork},
};

/// The longest path of a UNIX socket, in bytes: sun_path has room for one more, the 0 at its end.
const LONGEST_PATH: usize = 107;

/// How often the server was asked to end.
static REQUESTS: AtomicUsize = AtomicUsize::new(0);

struct Options {
    pid_file: Option<PathBuf>,
    address: Address,
}

enum Address {
    Tcp(SockaddrIn),
    Unix(PathBuf),
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let Some(options) = parse(&arguments) else {
        complain("usage: day4_2_graceful_shutdown [-p PIDFILE] ADDRESS:PORT|unix:PATH");
        return ExitCode::from(2);
    };
    match serve(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error);
            ExitCode::from(1)
        }
    }
}

fn parse(arguments: &[OsString]) -> Option<Options> {
    let (pid_file, address) = match arguments {
        [address] => (None, address),
        [option, file, address] if option == "-p" => (Some(PathBuf::from(file)), address),
        _ => return None,
    };
    let address = match address.as_bytes().strip_prefix(b"unix:") {
        // An empty path is no path: bind would choose a name of its own (unix(7), "autobind").
        Some(path) if path.is_empty() || path.len() > LONGEST_PATH => return None,
        Some(path) => Address::Unix(PathBuf::from(OsStr::from_bytes(path))),
        None => Address::Tcp(address.to_str()?.parse().ok()?),
    };
    Some(Options { pid_file, address })
}

/// `eprintln!` panics when nobody reads standard error any more. A server does not die of that.
fn complain(what: impl Display) {
    let _ = writeln!(io::stderr(), "day4_2_graceful_shutdown: {what}");
}

fn serve(options: &Options) -> Result<(), Box<dyn Error>> {
    // First the signals: one that comes behind the line `listening` must not end the server by its default action.
    let asleep = let_signals_wake()?;
    // The files that are this server's own: the path of its socket, and its pid file.
    let mut names = Vec::new();
    let mut listener = Some(listen(&options.address, &mut names)?);
    if let Err(error) = announce(options, listener.as_ref(), &mut names) {
        // Nobody serves here: leave nothing behind.
        remove(&mut names);
        return Err(error);
    }
    let mut children = Vec::new();
    let mut drained = 0;
    loop {
        sleep(listener.as_ref(), &asleep)?;
        reap(&mut children);
        match (REQUESTS.load(Relaxed), listener.take()) {
            (0, Some(open)) => {
                if let Some(client) = accept(&open)? {
                    give_to_a_child(client, &open, &mut children);
                }
                listener = Some(open);
            }
            // The first request: from here on nobody new comes in.
            (1, Some(open)) => {
                // The names first, while this server still listens. When it does not, they may belong to a successor.
                remove(&mut names);
                // These are connected already, and wait to be accepted. To close the socket would reset them.
                while let Some(client) = accept(&open)? {
                    give_to_a_child(client, &open, &mut children);
                }
                drained = children.len();
            }
            (0 | 1, None) => (),
            (_, _open) => {
                remove(&mut names);
                return Err(give_up(&children).into());
            }
        }
        if listener.is_none() && children.is_empty() {
            writeln!(io::stdout(), "drained {drained}")?;
            io::stdout().flush()?;
            return Ok(());
        }
    }
}

/// Blocks the signals that the server waits for, and returns the mask in which they are not blocked: so they come while
/// the server sleeps and at no other time. One that comes earlier stays pending, and the next sleep ends at once.
fn let_signals_wake() -> nix::Result<SigSet> {
    let awaited = [
        (Signal::SIGTERM, note as extern "C" fn(libc::c_int)),
        (Signal::SIGINT, note),
        (Signal::SIGCHLD, nothing),
    ];
    let set: SigSet = awaited.iter().map(|(signal, _)| *signal).collect();
    let mut asleep = set.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    for (signal, handler) in awaited {
        asleep.remove(signal);
        let action = SigAction::new(
            SigHandler::Handler(handler),
            SaFlags::SA_NOCLDSTOP,
            SigSet::empty(),
        );
        // SAFETY: the handlers touch nothing but an atomic.
        unsafe { signal::sigaction(signal, &action)? };
    }
    Ok(asleep)
}

extern "C" fn note(_signal: libc::c_int) {
    REQUESTS.fetch_add(1, Relaxed);
}

extern "C" fn nothing(_signal: libc::c_int) {}

/// The one place where the server sleeps: until a client comes, a child ends, or a signal asks it to end.
fn sleep(listener: Option<&OwnedFd>, asleep: &SigSet) -> nix::Result<()> {
    let mut ready: Vec<PollFd> = listener
        .iter()
        .map(|listener| PollFd::new(listener.as_fd(), PollFlags::POLLIN))
        .collect();
    match ppoll(&mut ready, None, Some(*asleep)) {
        Ok(_) | Err(Errno::EINTR) => (),
        Err(errno) => return Err(errno),
    }
    // While clients stand in line, ppoll reports them and lets no signal in. Here they come in: what is pending is
    // delivered before the mask is closed again.
    asleep
        .thread_swap_mask(SigmaskHow::SIG_SETMASK)?
        .thread_set_mask()
}

// The address, and its names

fn listen(address: &Address, names: &mut Vec<PathBuf>) -> Result<OwnedFd, Box<dyn Error>> {
    let listener = match address {
        Address::Tcp(address) => {
            let listener = stream_socket(AddressFamily::Inet)?;
            // Connections which the predecessor still serves are on this port. This must come before bind.
            setsockopt(&listener, sockopt::ReuseAddr, &true)?;
            socket::bind(listener.as_raw_fd(), address)?;
            listener
        }
        Address::Unix(path) => {
            let listener = stream_socket(AddressFamily::Unix)?;
            bind_path(&listener, path).map_err(|errno| format!("{}: {errno}", path.display()))?;
            names.push(path.clone());
            listener
        }
    };
    socket::listen(&listener, Backlog::new(128)?)?;
    Ok(listener)
}

/// Non-blocking: only ppoll may sleep, for only there the signals wake the server.
fn stream_socket(family: AddressFamily) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket::socket(family, SockType::Stream, flags, None)
}

/// A UNIX socket has no SO_REUSEADDR: as long as something has this path, bind fails.
fn bind_path(listener: &OwnedFd, path: &Path) -> nix::Result<()> {
    let address = UnixAddr::new(path)?;
    match socket::bind(listener.as_raw_fd(), &address) {
        Err(Errno::EADDRINUSE) if is_left_behind(path, &address)? => {
            unistd::unlink(path)?;
            socket::bind(listener.as_raw_fd(), &address)
        }
        result => result,
    }
}

/// Whether the path is that of a socket on which nobody listens any more. connect asks the kernel; but it also refuses
/// every file that is no socket.
fn is_left_behind(path: &Path, address: &UnixAddr) -> nix::Result<bool> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let probe = stream_socket(AddressFamily::Unix)?;
    let answer = socket::connect(probe.as_raw_fd(), address);
    Ok(is_socket && answer == Err(Errno::ECONNREFUSED))
}

/// Writes the pid file, then says that the server listens.
fn announce(
    options: &Options,
    listener: Option<&OwnedFd>,
    names: &mut Vec<PathBuf>,
) -> Result<(), Box<dyn Error>> {
    if let Some(path) = &options.pid_file {
        fs::write(path, format!("{}\n", process::id()))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        names.push(path.clone());
    }
    let mut line = b"listening ".to_vec();
    match (&options.address, listener) {
        (Address::Unix(path), _) => {
            line.extend(b"unix:");
            line.extend(path.as_os_str().as_bytes());
        }
        (Address::Tcp(_), Some(listener)) => {
            let here: SockaddrIn = socket::getsockname(listener.as_raw_fd())?;
            line.extend(here.to_string().as_bytes());
        }
        (Address::Tcp(_), None) => (),
    }
    line.push(b'\n');
    io::stdout().write_all(&line)?;
    Ok(io::stdout().flush()?)
}

/// Removes these files, once.
fn remove(names: &mut Vec<PathBuf>) {
    for name in names.drain(..) {
        if let Err(error) = fs::remove_file(&name) {
            complain(format_args!("{}: {error}", name.display()));
        }
    }
}

// The clients, and the children that serve them

/// The next client, if there is one.
fn accept(listener: &OwnedFd) -> nix::Result<Option<OwnedFd>> {
    match socket::accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
        // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
        Ok(fd) => Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) })),
        Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNABORTED) => Ok(None),
        // A shortage passes, and the client keeps its place in the queue.
        Err(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM)) => {
            complain(format_args!("accept: {errno}"));
            thread::sleep(Duration::from_millis(10));
            Ok(None)
        }
        Err(errno) => Err(errno),
    }
}

/// Forks a child which serves this client. The parent's copy of the connection is closed at the end.
fn give_to_a_child(client: OwnedFd, listener: &OwnedFd, children: &mut Vec<Pid>) {
    // SAFETY: this process has one thread, so the child finds no lock that another thread would have to open.
    match unsafe { fork() } {
        Ok(ForkResult::Child) => {
            // A copy of the listener in a child would keep the port busy while the server drains.
            let _ = unistd::close(listener.as_raw_fd());
            let status = match echo(&client) {
                Ok(()) => 0,
                Err(errno) => {
                    complain(format_args!("client lost: {errno}"));
                    1
                }
            };
            // The signals are still blocked here: Control-C reaches all processes of the terminal, and only the parent
            // shall take it.
            // SAFETY: _exit only ends this process. The kernel closes `client`.
            unsafe { libc::_exit(status) }
        }
        Ok(ForkResult::Parent { child }) => children.push(child),
        // Too many processes: this client has bad luck, the next one may find room.
        Err(errno) => complain(format_args!("cannot fork: {errno}")),
    }
}

/// Collects every child that has ended. Signals do not queue: one SIGCHLD may stand for many children.
fn reap(children: &mut Vec<Pid>) {
    let mut status = 0;
    loop {
        // nix's waitpid has no name for a real-time signal which has killed a child: it returns EINVAL for it.
        // SAFETY: waitpid writes to `status` and to nothing else.
        let pid = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) };
        if pid <= 0 {
            return;
        }
        children.retain(|child| child.as_raw() != pid);
    }
}

/// The second request: with the children end their connections.
fn give_up(children: &[Pid]) -> String {
    for child in children {
        // The child has not been collected, so that its number still belongs to it. SIGTERM is blocked there.
        let _ = signal::kill(*child, Signal::SIGKILL);
    }
    format!("a second signal: {} clients cut off", children.len())
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
