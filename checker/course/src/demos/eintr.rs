//! Which calls a handler interrupts, which of them SA_RESTART makes again, and what a mere stop does.

use std::{
    fs, io,
    net::SocketAddr,
    os::fd::{AsRawFd, OwnedFd},
    process,
    sync::{Mutex, PoisonError},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::{
        memfd::{MFdFlags, memfd_create},
        signal::{SaFlags, Signal},
        socket::{AddressFamily, SockFlag, SockType, setsockopt, socketpair, sockopt},
        stat::Mode,
        time::{TimeVal, TimeValLike},
    },
    unistd::{self, mkfifo},
};

use super::{Demo, Needs};
use crate::demo_context::{
    self, AfterHandler, DemoContext, DemoProcess, DemoResult, Describe, Link, ListeningSocket,
    ProcessEnd, connect_at_once, fill, ring_at,
};
use calls::{CALLS, SleepingCall};
use harness::{
    failure::{Attempt, LabError},
    observe::processes::Process,
};

mod calls;

pub const DEMO: Demo = Demo {
    name: "eintr",
    day: 4,
    question: "Which calls fail with EINTR when a handler has run, and which go on?",
    read: "A call is cut short",
    needs: Needs::Nothing,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    let places = Places::make(demo)?;
    handlers(demo, &places)?;
    stops(demo, &places)
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    GoesOn,
    Fails(Errno),
    Returns,
    Dies,
}

impl Describe for Outcome {
    fn describe(&self) -> String {
        match self {
            Outcome::GoesOn => "goes on".to_owned(),
            Outcome::Fails(errno) => errno.describe(),
            Outcome::Returns => "returns".to_owned(),
            Outcome::Dies => "the process dies".to_owned(),
        }
    }
}

/// The objects at which the calls sleep.
struct Places {
    /// Nobody connects here, and nobody sends here.
    listener: ListeningSocket,
    silent: Link,
    pipe: (OwnedFd, OwnedFd),
    /// The same with time limits of ten minutes.
    limited_listener: ListeningSocket,
    limited: Link,
    /// These have no room.
    full_pipe: (OwnedFd, OwnedFd),
    full: (OwnedFd, OwnedFd),
    limited_full: (OwnedFd, OwnedFd),
    /// Clients that connect here get no answer.
    crowded: Crowded,
    /// Somebody else has locked it.
    locked: OwnedFd,
    fifo: OwnedFd,
}

/// A listening socket whose queue is full.
struct Crowded {
    address: SocketAddr,
    _listener: ListeningSocket,
    _client: OwnedFd,
}

/// What a process finds locked that was started while it was.
static LOCK: Mutex<()> = Mutex::new(());

const MAKE: &str = "could not make what the calls sleep at";

impl Places {
    fn make(demo: &DemoContext) -> DemoResult<Places> {
        let limit = TimeVal::seconds(600);
        let limited_listener = demo.listen(5)?;
        setsockopt(&limited_listener.socket, sockopt::ReceiveTimeout, &limit).attempt(MAKE)?;
        let limited = demo.link()?;
        setsockopt(&limited.server, sockopt::ReceiveTimeout, &limit).attempt(MAKE)?;
        let full = full_socket().attempt(MAKE)?;
        let limited_full = full_socket().attempt(MAKE)?;
        setsockopt(&limited_full.0, sockopt::SendTimeout, &limit).attempt(MAKE)?;
        Ok(Places {
            listener: demo.listen(5)?,
            silent: demo.link()?,
            pipe: unistd::pipe2(OFlag::O_CLOEXEC).attempt(MAKE)?,
            limited_listener,
            limited,
            full_pipe: full_pipe().attempt(MAKE)?,
            full,
            limited_full,
            crowded: Crowded::make(demo)?,
            locked: locked().attempt(MAKE)?,
            fifo: fifo().attempt(MAKE)?,
        })
    }
}

impl Crowded {
    fn make(demo: &DemoContext) -> DemoResult<Crowded> {
        let listener = demo.listen(0)?;
        let client = demo.tcp()?;
        demo_context::connect(&client, listener.address).attempt(MAKE)?;
        // A second one, whose SYN finds no room: then the queue is full.
        let _ = connect_at_once(&demo.tcp()?, listener.address);
        Ok(Crowded {
            address: listener.address,
            _listener: listener,
            _client: client,
        })
    }
}

/// A socket of a pair that takes no more. With TCP it would be hard to say: its peer may make room at any moment.
fn full_socket() -> nix::Result<(OwnedFd, OwnedFd)> {
    let kind = SockType::Stream;
    let pair = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)?;
    fill(&pair.0)?;
    Ok(pair)
}

/// A pipe that takes no more.
fn full_pipe() -> nix::Result<(OwnedFd, OwnedFd)> {
    let pipe = unistd::pipe2(OFlag::O_CLOEXEC)?;
    let room = fcntl(&pipe.1, FcntlArg::F_GETPIPE_SZ)?;
    unistd::write(&pipe.1, &vec![0; room as usize])?;
    Ok(pipe)
}

/// A file on which this process has both kinds of lock.
fn locked() -> nix::Result<OwnedFd> {
    let file = memfd_create("locked", MFdFlags::MFD_CLOEXEC)?;
    // SAFETY: flock takes a descriptor, which is open.
    Errno::result(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) })?;
    fcntl(&file, FcntlArg::F_SETLK(&calls::whole_file()))?;
    Ok(file)
}

/// A named pipe that has lost its name: it can be opened through /proc/self/fd.
fn fifo() -> io::Result<OwnedFd> {
    let path = std::env::temp_dir().join(format!("socket-lab-eintr-{}", process::id()));
    mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?;
    let opened = nix::fcntl::open(&path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty());
    fs::remove_file(&path)?;
    Ok(opened?)
}

/// Starts a process that makes this call; it ends with the errno of the call.
fn sleeper(
    demo: &DemoContext,
    call: &SleepingCall,
    places: &Places,
    handler: Option<SaFlags>,
) -> DemoResult<DemoProcess> {
    demo.start(|| {
        if let Some(flags) = handler
            && ring_at(Signal::SIGUSR1, flags).is_err()
        {
            return 0;
        }
        match (call.make)(demo, places) {
            Ok(()) => 0,
            Err(errno) => errno as i32,
        }
    })
}

fn outcome(demo: &DemoContext, process: &mut DemoProcess) -> DemoResult<Outcome> {
    if demo.after_handler(process)? == AfterHandler::Sleeps {
        return Ok(Outcome::GoesOn);
    }
    Ok(match demo.ending(process)? {
        ProcessEnd::Exited(0) => Outcome::Returns,
        ProcessEnd::Exited(errno) => Outcome::Fails(Errno::from_raw(errno)),
        _ => Outcome::Dies,
    })
}

fn handlers(demo: &mut DemoContext, places: &Places) -> DemoResult {
    demo.does("processes sleep in a call; a handler runs, first without SA_RESTART, then with it");
    // The children's copies of it stay locked.
    let lock = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let bell = demo.handler_bell()?;
    let mut processes = Vec::new();
    for call in CALLS {
        for flags in [SaFlags::empty(), SaFlags::SA_RESTART] {
            processes.push(sleeper(demo, call, places, Some(flags))?);
        }
    }
    for process in &processes {
        demo.wait_until_asleep(process)?;
    }
    for process in &processes {
        process.signal(Signal::SIGUSR1)?;
    }
    demo.wait_for_handlers(&bell, processes.len())?;
    let mut outcomes = Vec::new();
    for process in &mut processes {
        outcomes.push(outcome(demo, process)?);
    }
    drop((lock, processes));
    for (call, seen) in CALLS.iter().zip(outcomes.as_chunks::<2>().0) {
        let expected = (
            ended_if(call.is_interrupted),
            ended_if(call.is_interrupted && !call.is_restarted),
        );
        demo.expect(call.name, expected, (seen[0], seen[1]));
    }
    Ok(())
}

fn ended_if(is_interrupted: bool) -> Outcome {
    match is_interrupted {
        true => Outcome::Fails(Errno::EINTR),
        false => Outcome::GoesOn,
    }
}

fn stops(demo: &mut DemoContext, places: &Places) -> DemoResult {
    demo.does("processes without any handler sleep in a call; SIGSTOP, and then SIGCONT");
    let lock = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let mut processes = Vec::new();
    for call in CALLS {
        processes.push(sleeper(demo, call, places, None)?);
    }
    for process in &processes {
        demo.wait_until_asleep(process)?;
        process.signal(Signal::SIGSTOP)?;
    }
    for process in &processes {
        wait_until_stopped(demo, process)?;
        process.signal(Signal::SIGCONT)?;
    }
    let mut outcomes = Vec::new();
    for process in &mut processes {
        outcomes.push(outcome(demo, process)?);
    }
    drop((lock, processes));
    for (call, seen) in CALLS.iter().zip(outcomes) {
        demo.expect(call.name, ended_if(call.is_interrupted_by_stop), seen);
    }
    Ok(())
}

fn wait_until_stopped(demo: &DemoContext, process: &DemoProcess) -> DemoResult {
    let look = || {
        let seen = Process::read(process.id());
        Ok(seen
            .is_some_and(|process| process.state == 'T')
            .then_some(()))
    };
    demo.wait_for(&[], look)?
        .ok_or_else(|| LabError::new("a process of the demo does not stop"))
}
