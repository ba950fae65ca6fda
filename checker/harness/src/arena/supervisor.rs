//! The process that watches over a command in a [cell](super::Cell).
//!
//! Killing cargo does not end what cargo has started; the end of this [worker](crate::worker) does. It ends when the
//! command does, at its deadline, when all of it together uses too much, or when the checker is gone.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::{
    fcntl::{Flock, FlockArg},
    sys::{
        signal::{SigSet, Signal, kill},
        signalfd::{SfdFlags, SignalFd},
    },
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use super::{
    Cell, Isolation, Stopped, end_descendants,
    exec::Image,
    launch::{Group, Limits, Preparation},
    namespaces,
};
use crate::{
    beneath::Directory,
    failure::{Attempt, LabError},
    observe::processes,
    worker::{Job, Requester, wait_for_any},
};

/// The job of the supervisor. The deadline is for its answer once the command has ended, or is not wanted any more.
pub static JOB: Job = Job {
    name: "build",
    process: "the process that watches over a build",
    deadline: Duration::from_secs(30),
    run,
};

/// Between two looks at what all of it uses.
const LOOK: Duration = Duration::from_millis(50);

/// A command in a cell.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub cell: Cell,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub folder: Option<PathBuf>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// It has ended with this wait status (waitpid(2)).
    Ended(i32),
    /// It took too much, and was ended.
    Stopped(Stopped),
    /// It was ended because the checker does not want it any more, or a signal told the supervisor to.
    Interrupted,
}

fn run(requester: &mut Requester) -> Result<(), LabError> {
    let Some(order) = requester.request::<Order>()? else {
        return Ok(());
    };
    // Held until all that was started has ended.
    let _at_work = order.cell.lock.as_deref().map(hold).transpose()?;
    let outcome = Watch::begin(&order)?.to_the_end(&order.cell, requester)?;
    requester.answer(&outcome)
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
    fn begin(order: &Order) -> Result<Watch, LabError> {
        let attempt = format!("could not start {}", order.program.display());
        let cell = &order.cell;
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
        // The kernel's own limit comes later than the supervisor's, so that it is known what was too much. Without namespaces
        // it counts the processes of other builds, too, of which as many are at work as there are processors.
        let processors = thread::available_parallelism().map_or(1, |number| number.get() as u64);
        let limits = Limits {
            processes: processors.max(2) * cell.jail.limits.processes,
            ..cell.jail.limits
        };
        let preparation = Preparation::limited(Group::OwnSession, &limits, cell.isolation);
        let mut image = Image::new(
            &order.program,
            &order.arguments,
            &cell.environment,
            preparation,
        )
        .attempt(&attempt)?;
        if cell.has_walls {
            image.jail = Some(cell.jail.prepare(&order.program, None, cell.isolation)?);
        }
        if let Some(folder) = &order.folder {
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
    fn to_the_end(&self, cell: &Cell, requester: &Requester) -> Result<Outcome, LabError> {
        let outcome = self.wait(cell, requester);
        if let Some(init) = self.init {
            let _ = kill(init, Signal::SIGKILL);
        }
        end_descendants()?;
        outcome
    }

    fn wait(&self, cell: &Cell, requester: &Requester) -> Result<Outcome, LabError> {
        loop {
            let mut status = 0;
            // SAFETY: the status is alive during the call.
            let ended = unsafe { libc::waitpid(self.pid, &raw mut status, libc::WNOHANG) };
            if ended == self.pid {
                return Ok(Outcome::Ended(status));
            }
            if self.start.elapsed() > cell.time {
                return Ok(Outcome::Stopped(Stopped::TooLong(cell.time)));
            }
            if let Some(excess) = excess(cell) {
                return Ok(Outcome::Stopped(excess));
            }
            let files = [requester.as_fd(), self.signals.as_fd()];
            let [is_gone, _] = wait_for_any(files, Some(Instant::now() + LOOK))
                .attempt("could not watch a command")?;
            let mut is_told = is_gone;
            while let Ok(Some(signal)) = self.signals.read_signal() {
                is_told |= signal.ssi_signo != Signal::SIGCHLD as u32;
            }
            if is_told {
                return Ok(Outcome::Interrupted);
            }
        }
    }
}

/// Of what all processes together use too much. A limit of the kernel holds for one process, and root has none for
/// their number.
fn excess(cell: &Cell) -> Option<Stopped> {
    let found = processes::descendants(std::process::id().cast_signed());
    let found = || found.values();
    let threads: u64 = found().map(|process| u64::from(process.threads)).sum();
    let memory: u64 = found().map(|process| process.resident_kib << 10).sum();
    let most = cell.jail.limits.processes;
    match () {
        () if threads > most => Some(Stopped::TooManyProcesses(most)),
        () if memory > cell.memory => Some(Stopped::TooMuchMemory(cell.memory)),
        () => None,
    }
}

/// Nothing to read, and the supervisor's own ends to write to.
fn stdio() -> io::Result<[OwnedFd; 3]> {
    Ok([
        File::open("/dev/null")?.into(),
        io::stdout().as_fd().try_clone_to_owned()?,
        io::stderr().as_fd().try_clone_to_owned()?,
    ])
}
