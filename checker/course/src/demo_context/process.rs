//! Other processes in a demo. The process of a demo has one thread, so that a child of it can do what any program can.

use std::{
    fmt, fs,
    os::fd::{AsFd, OwnedFd},
    panic::{self, AssertUnwindSafe},
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    poll::PollFlags,
    sys::{
        prctl::set_pdeathsig,
        signal::{Signal, kill},
    },
    unistd::{self, ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, getpid, getppid},
};

use super::{DemoContext, DemoResult};
use harness::{
    failure::{Attempt, LabError},
    observe::{processes::Process, tracer},
    sys,
};

/// What a process does until it ends with this exit status. Boxed, so that what starts a process is compiled once, and
/// not for each of the many things that a demo has one do.
type Work<'a> = Box<dyn FnOnce() -> i32 + 'a>;

/// How a process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessEnd {
    /// With this exit status.
    Exited(i32),
    /// Killed by this signal.
    Killed(i32),
    /// Not yet.
    Runs,
}

/// A child of the demo. It ends with this value.
#[derive(Debug)]
pub struct DemoProcess {
    pid: Pid,
    is_reaped: bool,
}

/// The descriptors 0, 1 and 2 of a child: null where there is nothing else for one.
#[derive(Default)]
pub struct Stdio {
    /// Its standard input.
    pub input: Option<OwnedFd>,
    /// Its standard output.
    pub output: Option<OwnedFd>,
}

impl fmt::Display for ProcessEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProcessEnd::Exited(status) => write!(f, "exit status {status}"),
            ProcessEnd::Killed(signal) => match tracer::known_signal(*signal) {
                Some(name) => write!(f, "killed by {name}"),
                None => write!(f, "killed by signal {signal}"),
            },
            ProcessEnd::Runs => f.write_str("still runs"),
        }
    }
}

impl DemoContext {
    /// Starts a process which does `work` and ends with what it returns as its exit status: 101 if it panics. It has the
    /// demo's descriptors (fork(2)), but its own standard input and output, which lead nowhere.
    pub fn start(&self, work: impl FnOnce() -> i32) -> DemoResult<DemoProcess> {
        self.start_with(Stdio::default(), work)
    }

    /// The same with these standard streams.
    pub fn start_with(&self, stdio: Stdio, work: impl FnOnce() -> i32) -> DemoResult<DemoProcess> {
        self.fork_off(stdio, Box::new(work))
    }

    fn fork_off(&self, stdio: Stdio, work: Work<'_>) -> DemoResult<DemoProcess> {
        let null = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/null")
            .attempt("could not open /dev/null")?;
        let null = OwnedFd::from(null);
        let demo = getpid();
        // SAFETY: this process has one thread, so the child may do what its parent may.
        match unsafe { fork() }.attempt("could not start a process")? {
            ForkResult::Parent { child } => Ok(DemoProcess {
                pid: child,
                is_reaped: false,
            }),
            ForkResult::Child => {
                let _ = set_pdeathsig(Signal::SIGKILL);
                if getppid() != demo {
                    sys::exit(1);
                }
                let _ = dup2_stdin(stdio.input.as_ref().unwrap_or(&null));
                let _ = dup2_stdout(stdio.output.as_ref().unwrap_or(&null));
                let _ = dup2_stderr(&null);
                drop((stdio, null));
                // The message of a panic would go to /dev/null.
                panic::set_hook(Box::new(|_| ()));
                let status = panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(101);
                sys::exit(status)
            }
        }
    }

    /// What a call gives to an ordinary user: `work` is done by a process without capabilities (capabilities(7)).
    pub fn as_ordinary_user(
        &self,
        work: impl FnOnce() -> nix::Result<()>,
    ) -> DemoResult<nix::Result<()>> {
        let mut child =
            self.start(
                || match sys::confine::drop_capabilities().and_then(|()| work()) {
                    Ok(()) => 0,
                    Err(errno) => errno as i32,
                },
            )?;
        match self.ending(&mut child)? {
            ProcessEnd::Exited(0) => Ok(Ok(())),
            ProcessEnd::Exited(errno) => Ok(Err(Errno::from_raw(errno))),
            ending => Err(LabError::new(format!(
                "a process of the demo does not end as it should: {ending}"
            ))),
        }
    }

    /// What a process writes to its standard output, until it and all that have copies of that have ended or closed it; and how it
    /// ends itself.
    pub fn output_of(&self, work: impl FnOnce() -> i32) -> DemoResult<(String, ProcessEnd)> {
        let (output, ending) = self.bytes_of(Box::new(work))?;
        Ok((String::from_utf8_lossy(&output).into_owned(), ending))
    }

    /// Numbers that are found by a process of its own, which may change its signals, its limits and its children.
    ///
    /// # Errors
    ///
    /// Those of `work`, without their words.
    pub fn numbers_of<const N: usize>(
        &self,
        work: impl FnOnce() -> DemoResult<[i32; N]>,
    ) -> DemoResult<[i32; N]> {
        let tell = || {
            let bytes: Vec<u8> = match work() {
                Ok(numbers) => numbers.into_iter().flat_map(i32::to_ne_bytes).collect(),
                Err(_) => return 1,
            };
            match unistd::write(sys::stdout(), &bytes) {
                Ok(count) if count == bytes.len() => 0,
                _ => 1,
            }
        };
        let (output, _) = self.bytes_of(Box::new(tell))?;
        let (numbers, _) = output.as_chunks();
        let numbers: Vec<i32> = numbers.iter().copied().map(i32::from_ne_bytes).collect();
        let numbers = <[i32; N]>::try_from(numbers);
        numbers.map_err(|_| LabError::new("a process of the demo could not do its part"))
    }

    fn bytes_of(&self, work: Work<'_>) -> DemoResult<(Vec<u8>, ProcessEnd)> {
        const READ: &str = "could not read what a process of the demo writes";
        let (reader, writer) = unistd::pipe2(OFlag::O_CLOEXEC).attempt(READ)?;
        let stdio = Stdio {
            input: None,
            output: Some(writer),
        };
        let mut child = self.fork_off(stdio, work)?;
        let mut output = Vec::new();
        let mut buffer = [0; 4096];
        while self.wait_until_ready(reader.as_fd(), PollFlags::POLLIN)? {
            match unistd::read(&reader, &mut buffer).attempt(READ)? {
                0 => break,
                count => output.extend_from_slice(&buffer[..count]),
            }
        }
        Ok((output, self.ending(&mut child)?))
    }

    /// Waits until a process has ended and is a zombie: its parent has not reaped it.
    ///
    /// # Errors
    ///
    /// When it does not end within some seconds.
    pub fn wait_until_zombie(&self, pid: i32) -> DemoResult {
        let ended = || {
            let process = Process::read(pid);
            Ok(process
                .is_some_and(|process| process.is_zombie())
                .then_some(()))
        };
        self.wait_for(&[], ended)?
            .ok_or_else(|| LabError::new("a process of the demo does not become a zombie"))
    }

    /// Waits until a child sleeps in a call.
    ///
    /// # Errors
    ///
    /// When it does not within some seconds, or has ended.
    pub fn wait_until_asleep(&self, child: &DemoProcess) -> DemoResult {
        let sleeps = || {
            let process = Process::read(child.id())
                .ok_or_else(|| LabError::new("a process of the demo has ended before its time"))?;
            Ok((process.state == 'S').then_some(()))
        };
        self.wait_for(&[], sleeps)?
            .ok_or_else(|| LabError::new("a process of the demo never sleeps"))
    }

    /// Waits until a child has ended, and reaps it; [`ProcessEnd::Runs`] if it has not within some seconds.
    pub fn ending(&self, child: &mut DemoProcess) -> DemoResult<ProcessEnd> {
        let look = || child.reap();
        Ok(self.wait_for(&[], look)?.unwrap_or(ProcessEnd::Runs))
    }
}

/// What a child does that only has to be there: it sleeps until a signal kills it.
pub fn sleep_for_ever() -> i32 {
    loop {
        nix::unistd::pause();
    }
}

impl DemoContext {
    /// How a child has ended by now.
    pub fn ending_now(&self, child: &mut DemoProcess) -> DemoResult<ProcessEnd> {
        Ok(child.reap()?.unwrap_or(ProcessEnd::Runs))
    }
}

impl DemoProcess {
    /// Its number.
    pub fn id(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> DemoResult {
        kill(self.pid, signal).attempt("could not send a signal to a process of the demo")
    }

    /// To be called when it was reaped in another way: its PID may be another process's now.
    pub fn was_reaped(&mut self) {
        self.is_reaped = true;
    }

    fn reap(&mut self) -> DemoResult<Option<ProcessEnd>> {
        let ended = sys::wait(self.id(), libc::WNOHANG)
            .attempt("could not wait for a process of the demo")?;
        self.is_reaped = ended.is_some();
        Ok(ended.map(|(_, status)| match libc::WIFSIGNALED(status) {
            true => ProcessEnd::Killed(libc::WTERMSIG(status)),
            false => ProcessEnd::Exited(libc::WEXITSTATUS(status)),
        }))
    }
}

impl Drop for DemoProcess {
    fn drop(&mut self) {
        if self.is_reaped {
            return;
        }
        let _ = kill(self.pid, Signal::SIGKILL);
        let _ = sys::wait(self.id(), 0);
    }
}
