//! The process that watches over a command in a [cell](super::Cell).
//!
//! The checker starts itself once more for it ([`run`]), as it does for a test. Killing cargo does not end what cargo has
//! started; the end of this process does. It ends when the command does, at its deadline, when all of it together uses
//! too much, or when the checker is gone.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal, kill},
        signalfd::{SfdFlags, SignalFd},
    },
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use super::{
    Cell, Isolation, end_descendants,
    exec::Image,
    launch::{Group, Limits, Preparation},
    namespaces,
};
use crate::{
    beneath::Directory,
    failure::{Attempt, LabError},
    observe::processes,
};

/// The checker's hidden first argument for this process.
pub const COMMAND: &str = "__watch-over";

/// Between two looks at what all of it uses.
const LOOK: Duration = Duration::from_millis(50);

/// Exit statuses of this process where the command's own does not count. Cargo and rustc end with 0, 1 or 101.
pub(super) mod exit {
    /// Too many processes.
    pub const TOO_MANY: u8 = 122;
    /// Too much memory.
    pub const TOO_MUCH: u8 = 123;
    pub const TOO_LONG: u8 = 124;
    pub const BROKEN: u8 = 125;
    pub const INTERRUPTED: u8 = 130;
}

/// A command in a cell.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sentence {
    pub cell: Cell,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub folder: Option<PathBuf>,
}

/// Carries out a sentence. Returns the exit status of this process.
pub fn run(sentence: &str) -> u8 {
    let watched = serde_json::from_str::<Sentence>(sentence)
        .map_err(|error| LabError::new(format!("could not read a command: {error}")))
        .and_then(|sentence| {
            // Held until all that was started has ended.
            let _at_work = sentence.cell.lock.as_deref().map(hold).transpose()?;
            Watch::begin(&sentence)?.to_the_end(&sentence.cell)
        });
    watched.unwrap_or_else(|error| {
        eprintln!("checker: {error}");
        exit::BROKEN
    })
}

fn hold(lock: &Path) -> Result<Flock<File>, LabError> {
    const HOLD: &str = "the place of this build is gone";
    let file = File::open(lock).attempt(HOLD)?;
    Flock::lock(file, FlockArg::LockSharedNonblock)
        .map_err(|(_, errno)| LabError::call(HOLD, errno))
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
        // The kernel's own limit comes later than the warden's, so that it is known what was too much. Without namespaces
        // it counts the processes of other builds, too, of which as many are at work as there are processors.
        let processors = thread::available_parallelism().map_or(1, |number| number.get() as u64);
        let limits = Limits {
            processes: processors.max(2) * cell.jail.limits.processes,
            ..cell.jail.limits
        };
        let preparation = Preparation::limited(Group::OwnSession, &limits, cell.isolation);
        let mut image = Image::new(
            &sentence.program,
            &sentence.arguments,
            &cell.environment,
            preparation,
        )
        .attempt(&attempt)?;
        if cell.has_walls {
            image.jail = Some(cell.jail.prepare(&sentence.program, None, cell.isolation)?);
        }
        if let Some(folder) = &sentence.folder {
            let folder = Directory::open(folder).map_err(|error| error.attempting(&attempt))?;
            image.folder = Some(folder.into());
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
    fn to_the_end(&self, cell: &Cell) -> Result<u8, LabError> {
        let status = self.wait(cell);
        if let Some(init) = self.init {
            let _ = kill(init, Signal::SIGKILL);
        }
        end_descendants()?;
        status
    }

    fn wait(&self, cell: &Cell) -> Result<u8, LabError> {
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
            if self.start.elapsed() > cell.time {
                return Ok(exit::TOO_LONG);
            }
            if let Some(excess) = excess(cell) {
                return Ok(excess);
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
}

/// Of what all processes together use too much. A limit of the kernel holds for one process, and root has none for
/// their number.
fn excess(cell: &Cell) -> Option<u8> {
    let found = processes::descendants(std::process::id().cast_signed());
    let found = || found.values();
    let threads: u64 = found().map(|process| u64::from(process.threads)).sum();
    let memory: u64 = found().map(|process| process.resident_kib << 10).sum();
    match () {
        () if threads > cell.jail.limits.processes => Some(exit::TOO_MANY),
        () if memory > cell.memory => Some(exit::TOO_MUCH),
        () => None,
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
