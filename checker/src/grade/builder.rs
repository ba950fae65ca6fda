//! The process of one build.
//!
//! Nothing that a submission holds runs while it is built: the grader's manifests have no build scripts and no
//! procedural macros. But the compiler can be kept busy, made to eat memory, and made to print without end. So cargo
//! has limits, is locked into a jail, runs below a process that ends the whole tree when the time is over or the grader is gone, and its
//! environment is made here.

use std::{
    io::{self, Read},
    os::{
        fd::{AsFd, FromRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    path::PathBuf,
    process::{Child, ChildStdout, Command, ExitCode, Stdio},
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use serde::{Deserialize, Serialize};

use super::scratch;
use crate::{
    arena::{self, Isolation, Jail},
    crew::INTERRUPTED,
    failure::{Attempt, LabError},
};

/// The checker's hidden first argument for this process.
pub const COMMAND: &str = "__build";

/// The exit status for a build that did not end in time.
const TOO_LATE: u8 = 10;
/// How much cargo may print, in bytes; what comes later is not read.
const MOST_OUTPUT: u64 = 16 << 20;
const MOST_COMPLAINTS: u64 = 64 << 10;

/// What one build may use up, each of its processes where nothing else is said.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Address space, in bytes.
    pub memory: u64,
    /// Processor time, in seconds.
    pub processor: u64,
    /// The size of a file, in bytes.
    pub file: u64,
    /// How long all of it may take.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory: 4 << 30,
            processor: 60,
            file: 256 << 20,
            // Far more than the processor time, because others may use the processors, too.
            time: Duration::from_secs(300),
        }
    }
}

/// One call of cargo.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// The toolchain's own cargo.
    pub cargo: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, PathBuf)>,
    /// What it may use up.
    pub limits: Limits,
    /// What it is locked into, where the machine allows it.
    pub jail: Option<Jail>,
    /// The file that tells that a build is at work: see [`scratch`].
    pub lock: PathBuf,
}

/// How a build ended.
#[derive(Debug)]
pub enum Ended {
    /// Cargo came to its end. This is what it complained about.
    InTime(String),
    /// It was ended, because its time was over or its output too long.
    TooLate,
    /// It was ended by Ctrl-C.
    Interrupted,
}

impl Order {
    /// Has it carried out in a process of its own. `listen` reads what cargo prints.
    ///
    /// # Errors
    ///
    /// When the build cannot be started.
    pub fn run<T>(&self, listen: impl FnOnce(Output<'_>) -> T) -> Result<(T, Ended), LabError> {
        const START: &str = "could not start the process of a build";
        let text = serde_json::to_string(self)
            .map_err(|error| LabError::new(format!("could not write an order: {error}")))?;
        let mut child = Command::new("/proc/self/exe")
            .arg(COMMAND)
            .arg(text)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for the grader; it lets its builds clean up.
            .process_group(0)
            .spawn()
            .attempt(START)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (Some(stdout), Some(mut stderr)) = (stdout, stderr) else {
            return Err(LabError::new(START));
        };
        let complaints = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = (&mut stderr).take(MOST_COMPLAINTS).read_to_end(&mut text);
            let _ = io::copy(&mut stderr, &mut io::sink());
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut left = MOST_OUTPUT;
        let heard = listen(Output {
            stdout: &stdout,
            left: &mut left,
        });
        // If it still builds, this tells it to end.
        drop(child.stdin.take());
        drop(stdout);
        let status = child.wait().attempt("could not wait for a build")?;
        let complaints = complaints.join().unwrap_or_default();
        let ended = match status.code() {
            _ if INTERRUPTED.load(Ordering::Relaxed) => Ended::Interrupted,
            Some(0) if left > 0 => Ended::InTime(complaints),
            Some(0) => Ended::TooLate,
            Some(code) if code == i32::from(TOO_LATE) => Ended::TooLate,
            _ => {
                return Err(LabError {
                    detail: Some(complaints.trim().to_owned()).filter(|text| !text.is_empty()),
                    ..LabError::new(format!("the process of a build failed ({status})"))
                });
            }
        };
        Ok((heard, ended))
    }
}

/// What cargo prints. It ends early at Ctrl-C, and when it is too much.
pub struct Output<'a> {
    stdout: &'a ChildStdout,
    left: &'a mut u64,
}

impl Read for Output<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if INTERRUPTED.load(Ordering::Relaxed) || *self.left == 0 {
                return Ok(0);
            }
            // Short, because Ctrl-C may be noticed by another thread.
            match poll(
                &mut [PollFd::new(self.stdout.as_fd(), PollFlags::POLLIN)],
                PollTimeout::from(100u8),
            ) {
                Ok(0) | Err(Errno::EINTR) => continue,
                Ok(_) => (),
                Err(errno) => return Err(errno.into()),
            }
            let length = nix::unistd::read(self.stdout, buffer)?;
            *self.left = self.left.saturating_sub(length as u64);
            return Ok(length);
        }
    }
}

/// Carries out an order: the whole life of the process of a build.
pub fn run_order(order: &str) -> ExitCode {
    let result = serde_json::from_str::<Order>(order)
        .map_err(|error| LabError::new(format!("could not read the order: {error}")))
        .and_then(|order| carry_out(&order));
    match result {
        Ok(status) => status,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(order: &Order) -> Result<ExitCode, LabError> {
    // Held until all that was started has ended.
    let _at_work = scratch::hold(&order.lock).attempt("the folder of the builds is gone")?;
    nix::sys::prctl::set_child_subreaper(true)
        .attempt("could not become the subreaper of what a build leaves behind")?;
    let deadline = Instant::now() + order.limits.time;
    let mut cargo = start(order)?;
    let in_time = wait(&cargo, deadline)?;
    // A cargo that was killed leaves its compilers.
    arena::end_descendants()?;
    let _ = cargo.try_wait();
    Ok(match in_time {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(TOO_LATE),
    })
}

fn start(order: &Order) -> Result<Child, LabError> {
    let limits = [
        (libc::RLIMIT_CORE, 0),
        (libc::RLIMIT_AS, order.limits.memory),
        (libc::RLIMIT_CPU, order.limits.processor),
        (libc::RLIMIT_FSIZE, order.limits.file),
        (libc::RLIMIT_NOFILE, 1024),
    ];
    let mut command = Command::new(&order.cargo);
    command
        .args(&order.arguments)
        .env_clear()
        .envs(order.environment.iter().map(|(name, value)| (name, value)))
        // Cargo looks for its settings in the current folder and all above it.
        .current_dir("/")
        .stdin(Stdio::null());
    // SAFETY: the child makes async-signal-safe calls only, with values that live in the closure.
    unsafe {
        command.pre_exec(move || {
            libc::setsid();
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            libc::umask(0o022);
            for (resource, most) in limits {
                limit(resource, most)?;
            }
            Ok(())
        });
    }
    // Last, because the jail refuses what the above needs.
    if let Some(jail) = &order.jail {
        jail.lock(&mut command, Isolation::Shared)?;
    }
    command
        .spawn()
        .map_err(|error| LabError::io(format!("could not start {}", order.cargo.display()), &error))
}

/// Sets a limit that this process and all below it cannot raise again.
fn limit(resource: libc::__rlimit_resource_t, most: u64) -> io::Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both calls take a structure that is alive.
    unsafe {
        libc::getrlimit(resource, &raw mut limit);
        let most = most.min(limit.rlim_max);
        limit.rlim_cur = most;
        limit.rlim_max = most;
        match libc::setrlimit(resource, &raw const limit) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// Waits until cargo ends; false if the deadline or the end of the grader came first.
fn wait(cargo: &Child, deadline: Instant) -> Result<bool, LabError> {
    const WAIT: &str = "could not wait for cargo";
    // SAFETY: takes a number, makes a new descriptor.
    let pidfd = unsafe { libc::syscall(libc::SYS_pidfd_open, cargo.id(), 0) } as i32;
    Errno::result(pidfd).attempt(WAIT)?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    let stdin = io::stdin();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        // Nobody writes to the standard input: it is ready when the grader's end is closed.
        let mut events = [
            PollFd::new(pidfd.as_fd(), PollFlags::POLLIN),
            PollFd::new(stdin.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut events, left) {
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(LabError::call(WAIT, errno)),
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(events[0].any().unwrap_or(false)),
        }
    }
}
