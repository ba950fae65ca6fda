//! What fork copies, and what parent and child share.

use std::{
    ffi::c_int,
    fs,
    io::{Read, Seek},
    os::fd::{AsRawFd, IntoRawFd},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, FdFlag, OFlag, fcntl},
    sys::{
        resource::{Resource, setrlimit},
        signal::{SigSet, SigmaskHow, Signal, raise, sigprocmask},
        socket::{self, AddressFamily, SockFlag, SockType},
    },
    unistd::{self, alarm, getpid, getppid},
};

use super::{Demo, Needs};
use crate::demo_context::{DemoContext, DemoResult, ProcessEnd, Received};
use harness::{
    failure::{Attempt, LabError},
    observe::processes::{Process, Signals},
    sys,
};

pub const DEMO: Demo = Demo {
    name: "fork",
    day: 3,
    question: "What does fork copy, and what do parent and child share?",
    read: "What a child inherits",
    needs: Needs::Nothing,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    variables(demo)?;
    pages(demo)?;
    descriptors(demo)?;
    signals(demo)?;
    convention(demo)?;
    failure(demo)
}

fn variables(demo: &mut DemoContext) -> DemoResult {
    demo.does("fork; the child adds 1 to a variable that is 1, and ends with its value");
    let parent = getpid();
    let mut value = 1;
    let mut child = demo.start(|| {
        value += 1;
        value
    })?;
    let seen = demo.ending(&mut child)?;
    demo.expect("the child's variable", ProcessEnd::Exited(2), seen);
    demo.expect("the parent's variable", 1, value);
    let [seen] = demo.numbers_of(|| Ok([getppid().as_raw()]))?;
    demo.expect(
        "getppid in the child is the parent",
        true,
        seen == parent.as_raw(),
    );
    Ok(())
}

/// How many KiB of this process's memory are its own and written.
fn private_kib() -> DemoResult<i32> {
    const READ: &str = "could not read /proc/self/smaps_rollup";
    let text = fs::read_to_string("/proc/self/smaps_rollup").attempt(READ)?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Private_Dirty:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number
        .and_then(|number| number.trim().parse().ok())
        .ok_or_else(|| LabError::new(READ))
}

fn pages(demo: &mut DemoContext) -> DemoResult {
    const MEMORY: usize = 32 << 20;
    const HALF_IN_KIB: i32 = 16 << 10;
    demo.does("a process with 32 MiB forks; the child writes to half of them");
    let mut memory = vec![1_u8; MEMORY];
    let [at_start, written] = demo.numbers_of(|| {
        let at_start = private_kib()?;
        memory[..MEMORY / 2].fill(2);
        Ok([at_start, private_kib()?])
    })?;
    demo.expect_within(
        "KiB that belong to the child alone, at its start",
        0,
        4096,
        at_start,
    );
    demo.expect_within(
        "… and when it has written (copy on write)",
        HALF_IN_KIB,
        HALF_IN_KIB + 4096,
        written,
    );
    demo.expect(
        "the parent's memory has changed",
        false,
        memory.contains(&2),
    );
    Ok(())
}

fn descriptors(demo: &mut DemoContext) -> DemoResult {
    const FILE: &str = "could not use a file";
    demo.does("open a file with 0123456789, and fork; the child reads 3 bytes");
    fs::write("digits", "0123456789").attempt(FILE)?;
    let mut file = fs::File::open("digits").attempt(FILE)?;
    let mut other = fs::File::open("digits").attempt(FILE)?;
    let read = || {
        let mut buffer = [0; 3];
        i32::from((&file).read_exact(&mut buffer).is_err())
    };
    let mut child = demo.start(read)?;
    demo.ending(&mut child)?;
    let mut buffer = [0; 3];
    file.read_exact(&mut buffer).attempt(FILE)?;
    demo.expect(
        "then the parent reads (the offset is shared)",
        Received::bytes("345"),
        Received::bytes(buffer),
    );
    demo.expect(
        "a second open of the file has its own offset",
        0,
        other.stream_position().attempt(FILE)?,
    );

    demo.does("the child sets O_APPEND and FD_CLOEXEC, and closes the file");
    let flags = |file: &fs::File| -> nix::Result<(bool, bool)> {
        let status = OFlag::from_bits_retain(fcntl(file, FcntlArg::F_GETFL)?);
        let own = FdFlag::from_bits_retain(fcntl(file, FcntlArg::F_GETFD)?);
        Ok((
            status.contains(OFlag::O_APPEND),
            own.contains(FdFlag::FD_CLOEXEC),
        ))
    };
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty())).attempt(FILE)?;
    demo.numbers_of(|| {
        fcntl(&file, FcntlArg::F_SETFL(OFlag::O_APPEND)).attempt(FILE)?;
        fcntl(&file, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).attempt(FILE)?;
        unistd::close(file.as_raw_fd()).attempt(FILE)?;
        Ok([])
    })?;
    demo.expect(
        "the parent's descriptor is open, and has O_APPEND, FD_CLOEXEC",
        Ok((true, false)),
        flags(&file),
    );
    Ok(())
}

extern "C" fn handle(_: c_int) {}

fn signals(demo: &mut DemoContext) -> DemoResult {
    demo.does("block SIGUSR2, raise it, handle SIGUSR1, set an alarm; then fork");
    const SIGNALS: &str = "could not set up signals";
    let [pending, blocked, caught, seconds] = demo.numbers_of(|| {
        let blocked = SigSet::from(Signal::SIGUSR2);
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&blocked), None).attempt(SIGNALS)?;
        raise(Signal::SIGUSR2).attempt(SIGNALS)?;
        set_handler(Signal::SIGUSR1).attempt(SIGNALS)?;
        alarm::set(100);
        demo.numbers_of(|| {
            let signals = Process::read(getpid().as_raw())
                .ok_or_else(|| LabError::new(SIGNALS))?
                .signals;
            Ok([
                i32::from(Signals::contains(signals.pending, libc::SIGUSR2)),
                i32::from(Signals::contains(signals.blocked, libc::SIGUSR2)),
                i32::from(Signals::contains(signals.caught, libc::SIGUSR1)),
                alarm::cancel().unwrap_or(0) as i32,
            ])
        })
    })?;
    demo.expect("the child has the signal mask", true, blocked == 1);
    demo.expect("… and the handler", true, caught == 1);
    demo.expect("… but not the pending signal", false, pending == 1);
    demo.expect("… and not the alarm: seconds left", 0, seconds);
    Ok(())
}

fn set_handler(signal: Signal) -> nix::Result<()> {
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, sigaction};
    let action = SigAction::new(
        SigHandler::Handler(handle),
        SaFlags::empty(),
        SigSet::empty(),
    );
    // SAFETY: the handler does nothing.
    unsafe { sigaction(signal, &action) }.map(drop)
}

fn convention(demo: &mut DemoContext) -> DemoResult {
    demo.does("a process closes 0, 1 and 2, and makes a socket");
    let mut child = demo.start(|| {
        for number in 0..=2 {
            let _ = unistd::close(number);
        }
        let (family, kind) = (AddressFamily::Inet, SockType::Stream);
        let socket = socket::socket(family, kind, SockFlag::empty(), None);
        socket.map_or(100, |socket| socket.into_raw_fd())
    })?;
    let seen = match demo.ending(&mut child)? {
        ProcessEnd::Exited(number) => number,
        _ => 100,
    };
    demo.expect("0 to 2 are only a habit: the socket is descriptor", 0, seen);
    Ok(())
}

fn failure(demo: &mut DemoContext) -> DemoResult {
    demo.does("a user may have no process more (RLIMIT_NPROC); fork");
    let [errno] = demo.numbers_of(|| {
        setrlimit(Resource::RLIMIT_NPROC, 0, 0).attempt("could not set a limit")?;
        // SAFETY: this process has one thread; the child only ends.
        Ok([match unsafe { unistd::fork() } {
            Ok(unistd::ForkResult::Child) => sys::exit(0),
            Ok(unistd::ForkResult::Parent { .. }) => 0,
            Err(errno) => errno as i32,
        }])
    })?;
    demo.expect("it fails", Errno::EAGAIN, Errno::from_raw(errno));
    Ok(())
}
