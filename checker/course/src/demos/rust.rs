//! What Rust's library and nix do unasked.

use std::{
    ffi::CStr,
    io::{self, Read},
    net::{TcpListener, TcpStream},
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
    path::Path,
    process::{Command, Stdio as Streams},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, FdFlag, fcntl},
    sys::{
        signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction},
        socket::{self, Backlog, getsockopt, sockopt},
        wait::waitpid,
    },
    unistd::{self, Pid},
};

use super::{Demo, Needs};
use crate::demo_context::{
    DemoContext, DemoProcess, DemoResult, Link, ProcessEnd, Received, Stdio, receive_at_once,
    sleep_for_ever,
};
use harness::{
    failure::{Attempt, LabError},
    observe::{
        processes::{Process, Signals},
        sockets,
    },
    sys,
};

pub const DEMO: Demo = Demo {
    name: "rust",
    day: 2,
    question: "What do Rust's std and nix do without being asked, and what not?",
    read: "What the libraries decide for you",
    needs: Needs::Nothing,
    run,
};

fn run(demo: &mut DemoContext) -> DemoResult {
    sigpipe(demo)?;
    println(demo)?;
    listener(demo)?;
    accept(demo)?;
    interrupted(demo)?;
    backlog(demo);
    real_time_signal(demo)
}

fn ignores_sigpipe(pid: i32) -> DemoResult<bool> {
    let process =
        Process::read(pid).ok_or_else(|| LabError::new("a process of the demo has ended"))?;
    Ok(Signals::contains(process.signals.ignored, libc::SIGPIPE))
}

fn sigpipe(demo: &mut DemoContext) -> DemoResult {
    const START: &str = "could not start cat";
    demo.does("look for SIGPIPE in the SigIgn of /proc/PID/status");
    demo.expect(
        "this program is Rust: ignored since before main",
        true,
        ignores_sigpipe(unistd::getpid().as_raw())?,
    );
    let mut cat = Command::new("cat")
        .stdin(Streams::piped())
        .stdout(Streams::null())
        .spawn()
        .attempt(START)?;
    let seen = ignores_sigpipe(cat.id().cast_signed());
    drop(cat.stdin.take());
    cat.wait().attempt(START)?;
    demo.expect(
        "cat, started by std::process::Command: ignored",
        false,
        seen?,
    );

    let (input, hold) = unistd::pipe().attempt("could not make a pipe")?;
    let number = hold.as_raw_fd();
    let stdio = Stdio {
        input: Some(input),
        output: None,
    };
    let mut child = demo.start_with(stdio, || {
        let _ = unistd::close(number);
        let name: &CStr = c"cat";
        let _ = unistd::execvp(name, &[name]);
        127
    })?;
    let is_cat = || {
        let comm = std::fs::read_to_string(format!("/proc/{}/comm", child.id()));
        Ok(comm.is_ok_and(|comm| comm.trim() == "cat").then_some(()))
    };
    demo.wait_for(&[], is_cat)?
        .ok_or_else(|| LabError::new(START))?;
    let seen = ignores_sigpipe(child.id())?;
    demo.expect("cat, started by fork and exec of nix: ignored", true, seen);
    drop(hold);
    demo.ending(&mut child)?;
    Ok(())
}

/// A process whose standard output is this pipe.
fn into_pipe(output: OwnedFd) -> Stdio {
    Stdio {
        input: None,
        output: Some(output),
    }
}

fn println(demo: &mut DemoContext) -> DemoResult {
    demo.does("println! into a pipe whose reader has gone");
    let (reader, writer) = unistd::pipe().attempt("could not make a pipe")?;
    drop(reader);
    let mut child = demo.start_with(into_pipe(writer), || {
        println!("anybody there?");
        0
    })?;
    let seen = demo.ending(&mut child)?;
    demo.expect("it panics", ProcessEnd::Exited(101), seen);

    demo.does("a signal handler calls println!, while println! sleeps in write");
    extern "C" fn prints(_: libc::c_int) {
        println!("from the handler");
    }
    let (reader, writer) = unistd::pipe().attempt("could not make a pipe")?;
    let mut child = demo.start_with(into_pipe(writer), || {
        let action = SigAction::new(
            SigHandler::Handler(prints),
            SaFlags::empty(),
            SigSet::empty(),
        );
        // SAFETY: that this handler is not async-signal-safe is the point; the process ends by it.
        if unsafe { sigaction(Signal::SIGUSR1, &action) }.is_err() {
            return 1;
        }
        // More than a pipe holds, and there is no reader.
        println!("{}", "x".repeat(1 << 20));
        0
    })?;
    demo.wait_until_asleep(&child)?;
    child.signal(Signal::SIGUSR1)?;
    let seen = demo.ending(&mut child)?;
    drop(reader);
    demo.expect(
        "the output is locked by the one it interrupts: the process aborts",
        ProcessEnd::Killed(libc::SIGABRT),
        seen,
    );
    Ok(())
}

fn listener(demo: &mut DemoContext) -> DemoResult {
    demo.does("make a listener with std::net::TcpListener, and a socket with nix");
    let listener = TcpListener::bind(demo.any_port()).attempt("could not listen")?;
    let by_nix = socket::socket(
        socket::AddressFamily::Inet,
        socket::SockType::Stream,
        socket::SockFlag::empty(),
        None,
    )
    .attempt("could not make a socket")?;
    demo.expect(
        "SO_REUSEADDR of std",
        Ok(true),
        getsockopt(&listener, sockopt::ReuseAddr),
    );
    demo.expect(
        "SO_REUSEADDR of nix",
        Ok(false),
        getsockopt(&by_nix, sockopt::ReuseAddr),
    );
    demo.expect("closed on exec, std", Ok(true), closed_on_exec(&listener));
    demo.expect(
        "closed on exec, nix without SOCK_CLOEXEC",
        Ok(false),
        closed_on_exec(&by_nix),
    );
    let address = listener.local_addr().attempt("could not ask for a name")?;
    let all = sockets::listening()?;
    let found = all.iter().find(|socket| socket.local == address);
    let limit = demo.setting_number("net.core.somaxconn")?;
    demo.expect(
        "the backlog of std",
        Some(limit.min(128)),
        found.map(|socket| socket.send_queue),
    );
    Ok(())
}

fn closed_on_exec(socket: &impl AsFd) -> nix::Result<bool> {
    let flags = fcntl(socket, FcntlArg::F_GETFD)?;
    Ok(FdFlag::from_bits_retain(flags).contains(FdFlag::FD_CLOEXEC))
}

fn accept(demo: &mut DemoContext) -> DemoResult {
    const CONNECT: &str = "could not make a connection";
    demo.does("accept with nix, and forget the number that it returns");
    let listener = demo.listen(2)?;
    let client = demo.tcp()?;
    demo.connect(&client, listener.address)?.attempt(CONNECT)?;
    let number = socket::accept(listener.socket.as_raw_fd()).attempt(CONNECT)?;
    let is_open = |number: i32| Path::new(&format!("/proc/self/fd/{number}")).exists();
    demo.expect(
        "it is a bare number, and nothing closes it: still open",
        true,
        is_open(number),
    );
    demo.expect(
        "the client waits",
        Err(Errno::EAGAIN),
        receive_at_once(&client, 1),
    );
    demo.does("put the number into an OwnedFd, and let that go out of scope");
    // SAFETY: accept has made this descriptor, and no other code owns it.
    drop(unsafe { OwnedFd::from_raw_fd(number) });
    demo.expect("now it is closed: still open", false, is_open(number));
    let seen = demo.receive(&client, 1)?;
    demo.expect("the client reads the end", Ok(Received::end()), seen);
    Ok(())
}

/// Lets SIGUSR1 interrupt calls.
fn be_interrupted() -> nix::Result<()> {
    sys::set_empty_handler(Signal::SIGUSR1, false)
}

fn interrupted(demo: &mut DemoContext) -> DemoResult {
    demo.does("processes sleep in a call, and a signal comes (handler without SA_RESTART)");
    // What each call says: 0 for success, else the errno.
    let say = |result: io::Result<()>| match result {
        Ok(()) => 0,
        Err(error) => error.raw_os_error().unwrap_or(100),
    };
    let Link { client, server, .. } = demo.link()?;
    let number = client.as_raw_fd();
    let mut stream = TcpStream::from(server.try_clone().attempt("could not dup")?);
    let listener = demo.listen(1)?;
    let std_listener = TcpListener::from(listener.socket.try_clone().attempt("could not dup")?);
    let eintr = ProcessEnd::Exited(libc::EINTR);

    let mut child = demo.start(|| {
        let _ = (unistd::close(number), be_interrupted());
        say(stream.read(&mut [0; 1]).map(drop))
    })?;
    demo.expect(
        "read of TcpStream returns EINTR, ErrorKind::Interrupted",
        eintr,
        ending_by_signal(demo, &mut child)?,
    );
    let mut child = demo.start(|| {
        let _ = be_interrupted();
        socket::accept(listener.socket.as_raw_fd()).map_or_else(|errno| errno as i32, |_| 0)
    })?;
    demo.expect(
        "accept of nix returns EINTR",
        eintr,
        ending_by_signal(demo, &mut child)?,
    );
    let mut child = demo.start(|| {
        let _ = be_interrupted();
        say(std_listener.accept().map(drop))
    })?;
    demo.wait_until_asleep(&child)?;
    child.signal(Signal::SIGUSR1)?;
    demo.wait_until_asleep(&child)?;
    demo.expect(
        "accept of TcpListener calls again",
        ProcessEnd::Runs,
        demo.ending_now(&mut child)?,
    );
    let late = demo.tcp()?;
    demo.connect(&late, listener.address)?
        .attempt("could not connect")?;
    let seen = demo.ending(&mut child)?;
    demo.expect("… until a client comes", ProcessEnd::Exited(0), seen);
    Ok(())
}

fn ending_by_signal(demo: &DemoContext, child: &mut DemoProcess) -> DemoResult<ProcessEnd> {
    demo.wait_until_asleep(child)?;
    child.signal(Signal::SIGUSR1)?;
    demo.ending(child)
}

fn backlog(demo: &mut DemoContext) {
    demo.does("nix::sys::socket::Backlog::new");
    let backlog = |number| Backlog::new(number).map(drop);
    demo.expect("4096", Ok(()), backlog(4096));
    demo.expect(
        "4097, which listen(2) would cut",
        Err(Errno::EINVAL),
        backlog(4097),
    );
}

fn real_time_signal(demo: &mut DemoContext) -> DemoResult {
    demo.does("a child is killed by SIGRTMIN; waitpid of nix");
    let mut child = demo.start(sleep_for_ever)?;
    let pid = Pid::from_raw(child.id());
    sys::kill(child.id(), libc::SIGRTMIN()).attempt("could not send a signal")?;
    let ended = || {
        Ok(Process::read(pid.as_raw())
            .is_none_or(|child| child.is_zombie())
            .then_some(()))
    };
    demo.wait_for(&[], ended)?;
    demo.expect(
        "it has no name for that signal",
        Err(Errno::EINVAL),
        waitpid(pid, None).map(drop),
    );
    let again = waitpid(pid, None).map(drop);
    if again == Err(Errno::ECHILD) {
        child.was_reaped();
    }
    demo.expect(
        "but the child has been reaped: waitpid again",
        Err(Errno::ECHILD),
        again,
    );
    Ok(())
}
