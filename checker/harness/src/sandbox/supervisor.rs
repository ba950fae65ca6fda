//! The process that watches over a command in a [confinement](super::Confinement).
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
    Confinement, Isolation, Stopped, end_descendants,
    exec::Image,
    jail::Surroundings,
    launch::{Group, Limits, Preparation},
    namespaces,
};
use crate::{
    beneath::Directory,
    failure::{Attempt, LabError},
    observe::processes,
    sys,
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

/// Which command to run, and in what.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CommandRequest {
    pub confinement: Confinement,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub folder: Option<PathBuf>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum CommandEnd {
    /// It has ended by itself.
    Ended,
    /// It took too much, and was ended.
    Stopped(Stopped),
    /// It was ended because the checker has hung up, or by a signal to the supervisor.
    Interrupted,
}

fn run(requester: &mut Requester) -> Result<(), LabError> {
    let Some(request) = requester.request::<CommandRequest>()? else {
        return Ok(());
    };
    // Locked until all that was started has ended.
    let _lock = request.confinement.lock.as_deref().map(lock).transpose()?;
    let outcome = Supervised::begin(&request)?.to_the_end(&request.confinement, requester)?;
    requester.answer(&outcome)
}

fn lock(path: &Path) -> Result<Flock<File>, LabError> {
    const LOCK: &str = "the place of this build is gone";
    let file = File::open(path).attempt(LOCK)?;
    Flock::lock(file, FlockArg::LockSharedNonblock)
        .map_err(|(_, errno)| LabError::call(LOCK, errno))
}

/// A command that runs, and what has to end with it.
struct Supervised {
    pid: i32,
    init: Option<Pid>,
    signals: SignalFd,
    start: Instant,
}

impl Supervised {
    fn begin(request: &CommandRequest) -> Result<Supervised, LabError> {
        let attempt = format!("could not start {}", request.program.display());
        let confinement = &request.confinement;
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
        let init = match confinement.isolation {
            Isolation::Namespaces => {
                namespaces::enter()?;
                Some(namespaces::start_init()?)
            }
            Isolation::Shared => None,
        };
        nix::sys::prctl::set_child_subreaper(true).attempt(&attempt)?;
        // The kernel's own limit comes later than the supervisor's, so that it is known what was too much. Without
        // namespaces it counts the processes of other builds, too, of which as many run as there are CPUs.
        let cpus = thread::available_parallelism().map_or(1, |number| number.get() as u64);
        let limits = Limits {
            processes: cpus.max(2) * confinement.jail.limits.processes,
            ..confinement.jail.limits
        };
        let preparation = Preparation::limited(Group::OwnSession, &limits, confinement.isolation);
        let mut image = Image::new(
            &request.program,
            &request.arguments,
            &confinement.environment,
            preparation,
        )
        .attempt(&attempt)?;
        if confinement.has_walls {
            let surroundings = Surroundings {
                isolation: confinement.isolation,
                folder: None,
                root: None,
            };
            image.jail = Some(confinement.jail.prepare(&request.program, surroundings)?);
        }
        if let Some(folder) = &request.folder {
            let folder = Directory::open(folder).attempt(&attempt)?;
            image.folder = Some(folder.into());
        }
        let place = init.map(|init| File::open(format!("/proc/{init}/ns/pid")));
        image.namespace = place.transpose().attempt(&attempt)?.map(OwnedFd::from);
        let pid = stdio()
            .and_then(|stdio| image.start_with(stdio))
            .attempt(&attempt)?;
        Ok(Supervised {
            pid,
            init,
            signals: SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
                .attempt("could not wait for signals")?,
            start: Instant::now(),
        })
    }

    /// Waits until the command has ended, or ends it; then none of its processes is left.
    fn to_the_end(
        &self,
        confinement: &Confinement,
        requester: &Requester,
    ) -> Result<CommandEnd, LabError> {
        let outcome = self.wait(confinement, requester);
        if let Some(init) = self.init {
            let _ = kill(init, Signal::SIGKILL);
        }
        end_descendants()?;
        outcome
    }

    fn wait(
        &self,
        confinement: &Confinement,
        requester: &Requester,
    ) -> Result<CommandEnd, LabError> {
        loop {
            if let Ok(Some(_)) = sys::wait(self.pid, libc::WNOHANG) {
                return Ok(CommandEnd::Ended);
            }
            if self.start.elapsed() > confinement.time {
                return Ok(CommandEnd::Stopped(Stopped::TooLong(confinement.time)));
            }
            if let Some(limit) = exceeded(confinement) {
                return Ok(CommandEnd::Stopped(limit));
            }
            let files = [requester.as_fd(), self.signals.as_fd()];
            let [has_hung_up, _] = wait_for_any(files, Some(Instant::now() + LOOK))
                .attempt("could not watch a command")?;
            let mut is_interrupted = has_hung_up;
            while let Ok(Some(signal)) = self.signals.read_signal() {
                is_interrupted |= signal.ssi_signo != Signal::SIGCHLD as u32;
            }
            if is_interrupted {
                return Ok(CommandEnd::Interrupted);
            }
        }
    }
}

/// The limit that all processes together exceed, if they do. A limit of the kernel holds for one process, and root has
/// none for their number.
fn exceeded(confinement: &Confinement) -> Option<Stopped> {
    let descendants = processes::descendants(std::process::id().cast_signed());
    let found = || descendants.values();
    let threads: u64 = found().map(|process| u64::from(process.threads)).sum();
    let memory: u64 = found().map(|process| process.resident_kib << 10).sum();
    let most = confinement.jail.limits.processes;
    match () {
        () if threads > most => Some(Stopped::TooManyProcesses(most)),
        () if memory > confinement.memory => Some(Stopped::TooMuchMemory(confinement.memory)),
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
