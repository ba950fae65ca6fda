//! A process that watches over a command in a jail: a build of somebody else's code.
//!
//! The checker starts itself once more for it ([`run`]), as it does for a test. Killing cargo does not end what cargo has
//! started; the end of this process does. It ends when the command does, at its deadline, when all of it together uses
//! too much, or when the checker is gone.

use std::{
    ffi::OsStr,
    fmt,
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal, kill},
        signalfd::{SfdFlags, SignalFd},
    },
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use super::{
    Isolation, Jail, end_descendants,
    exec::{Image, c_string},
    launch::{Group, Preparation},
    namespaces,
};
use crate::{
    failure::{Attempt, LabError},
    observe::processes::{self, Process},
};

/// The checker's hidden first argument for this process.
pub const COMMAND: &str = "__watch-over";

/// Between two looks at what all of it uses.
const LOOK: Duration = Duration::from_millis(50);

/// Exit statuses of this process where the command's own does not count. Cargo and rustc end with 0, 1 or 101.
mod exit {
    pub const TOO_MUCH: u8 = 123;
    pub const TOO_LONG: u8 = 124;
    pub const BROKEN: u8 = 125;
    pub const INTERRUPTED: u8 = 130;
}

/// A jail, and where it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cell {
    /// What holds the command.
    pub jail: Jail,
    /// Whether it gets namespaces of its own.
    pub isolation: Isolation,
    /// All of its environment.
    pub environment: Vec<(String, String)>,
}

/// Why a command was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It took longer than its jail allows.
    TooLong,
    /// All its processes together were too many, or had too much memory.
    TooMuch,
}

/// A command in a cell, as the warden reads it.
#[derive(Debug, Serialize, Deserialize)]
struct Sentence {
    cell: Cell,
    program: PathBuf,
    arguments: Vec<String>,
    folder: Option<PathBuf>,
}

impl Cell {
    /// The same command, in this cell: of its own settings, arguments and folder count. Its standard input must stay
    /// open as long as it is to run.
    ///
    /// # Errors
    ///
    /// When an argument is not UTF-8.
    pub fn around(&self, command: &Command) -> Result<Command, LabError> {
        let text = |text: &OsStr| {
            text.to_str()
                .map(str::to_owned)
                .ok_or_else(|| LabError::new(format!("{} is not UTF-8", text.display())))
        };
        let sentence = Sentence {
            cell: self.clone(),
            program: command.get_program().into(),
            arguments: command.get_args().map(text).collect::<Result<_, _>>()?,
            folder: command.get_current_dir().map(PathBuf::from),
        };
        let sentence = serde_json::to_string(&sentence)
            .map_err(|error| LabError::new(format!("could not write down a command: {error}")))?;
        let mut warden = Command::new("/proc/self/exe");
        // What the checker knows from its own environment is nobody's business in there.
        warden.arg(COMMAND).arg(sentence).env_clear();
        warden.stdin(Stdio::piped());
        Ok(warden)
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stopped::TooLong => "error: the build took too long, and was ended",
            Stopped::TooMuch => {
                "error: the build took too much memory or too many processes, and was ended"
            }
        })
    }
}

impl Stopped {
    /// Why a warden has ended its command, by the warden's exit status.
    pub fn of(status: ExitStatus) -> Option<Stopped> {
        match status.code().map(u8::try_from) {
            Some(Ok(exit::TOO_LONG)) => Some(Stopped::TooLong),
            Some(Ok(exit::TOO_MUCH)) => Some(Stopped::TooMuch),
            _ => None,
        }
    }

    /// Whether the warden itself failed. What it said is on its standard error.
    pub fn is_trouble(status: ExitStatus) -> bool {
        status.code() == Some(exit::BROKEN.into())
    }
}

/// Carries out a sentence. Returns the exit status of this process.
pub fn run(sentence: &str) -> u8 {
    let watched = serde_json::from_str::<Sentence>(sentence)
        .map_err(|error| LabError::new(format!("could not read a command: {error}")))
        .and_then(|sentence| Watch::begin(&sentence)?.to_the_end(&sentence.cell.jail));
    watched.unwrap_or_else(|error| {
        eprintln!("checker: {error}");
        exit::BROKEN
    })
}

/// A command that runs.
struct Watch {
    pid: i32,
    init: Option<Pid>,
    signals: SignalFd,
    start: Instant,
}

impl Watch {
    fn begin(sentence: &Sentence) -> Result<Watch, LabError> {
        let attempt = format!("could not start {}", sentence.program.display());
        let cell = &sentence.cell;
        let mut signals = SigSet::empty();
        for signal in [
            Signal::SIGCHLD,
            Signal::SIGINT,
            Signal::SIGTERM,
            Signal::SIGHUP,
        ] {
            signals.add(signal);
        }
        signals.thread_block().attempt(&attempt)?;
        let init = match cell.isolation {
            Isolation::Namespaces => {
                namespaces::enter()?;
                Some(namespaces::start_init()?)
            }
            Isolation::Shared => None,
        };
        nix::sys::prctl::set_child_subreaper(true).attempt(&attempt)?;
        let preparation =
            Preparation::limited(Group::OwnSession, &cell.jail.limits, cell.isolation);
        let mut image = Image::new(
            &sentence.program,
            &sentence.arguments,
            &cell.environment,
            preparation,
        )
        .attempt(&attempt)?;
        image.jail = Some(cell.jail.prepare(&sentence.program, cell.isolation)?);
        if let Some(folder) = &sentence.folder {
            image.folder = Some(c_string(folder.as_os_str()).attempt(&attempt)?);
        }
        let place = init.map(|init| File::open(format!("/proc/{init}/ns/pid")));
        image.namespace = place.transpose().attempt(&attempt)?.map(OwnedFd::from);
        let pid = stdio()
            .and_then(|stdio| image.start_with(stdio))
            .attempt(&attempt)?;
        Ok(Watch {
            pid,
            init,
            signals: SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
                .attempt("could not wait for signals")?,
            start: Instant::now(),
        })
    }

    /// Waits for the end, or brings it about; then nothing is left of it.
    fn to_the_end(&self, jail: &Jail) -> Result<u8, LabError> {
        let status = self.wait(jail);
        if let Some(init) = self.init {
            let _ = kill(init, Signal::SIGKILL);
        }
        end_descendants()?;
        status
    }

    fn wait(&self, jail: &Jail) -> Result<u8, LabError> {
        let stdin = io::stdin();
        loop {
            let mut status = 0;
            // SAFETY: the status is alive during the call.
            let ended = unsafe { libc::waitpid(self.pid, &raw mut status, libc::WNOHANG) };
            if ended == self.pid {
                return Ok(match libc::WIFEXITED(status) {
                    true => libc::WEXITSTATUS(status) as u8,
                    false => 128 + libc::WTERMSIG(status) as u8,
                });
            }
            if self.start.elapsed() > jail.time {
                return Ok(exit::TOO_LONG);
            }
            if self.uses_too_much(jail) {
                return Ok(exit::TOO_MUCH);
            }
            let mut files = [
                PollFd::new(stdin.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut files, PollTimeout::from(LOOK.as_millis() as u8)) {
                Ok(_) | Err(Errno::EINTR) => (),
                Err(errno) => return Err(LabError::call("could not watch a command", errno)),
            }
            let is_gone = files[0].any().unwrap_or(true);
            while let Ok(Some(signal)) = self.signals.read_signal() {
                if signal.ssi_signo != Signal::SIGCHLD as u32 {
                    return Ok(exit::INTERRUPTED);
                }
            }
            if is_gone {
                return Ok(exit::INTERRUPTED);
            }
        }
    }

    /// A limit of the kernel holds for one process, and root has none for their number.
    fn uses_too_much(&self, jail: &Jail) -> bool {
        let found = processes::descendants(std::process::id().cast_signed());
        let found: Vec<Process> = found.into_iter().filter_map(Process::read).collect();
        let threads: u64 = found.iter().map(|process| u64::from(process.threads)).sum();
        let memory: u64 = found.iter().map(|process| process.resident_kib << 10).sum();
        threads > jail.limits.processes || memory > jail.limits.memory
    }
}

/// Nothing to read, and the warden's own ends to write to.
fn stdio() -> io::Result<[OwnedFd; 3]> {
    Ok([
        File::open("/dev/null")?.into(),
        io::stdout().as_fd().try_clone_to_owned()?,
        io::stderr().as_fd().try_clone_to_owned()?,
    ])
}
