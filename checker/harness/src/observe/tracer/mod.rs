//! The tracer: it sees every system call in the table of [`calls`](super::calls) that a program makes, in all its processes
//! and threads, and can make one fail.
//!
//! One thread of the lab traces one program and all that comes from it (ptrace(2)). A seccomp [`Filter`] stops the program
//! at the calls of the table in [`calls`](super::calls) only. A program can tell that it is traced, but a right one
//! behaves as it does untraced. What would hide it from the tracer is refused and [recorded](Record::refused).
//!
//! Only the tracing thread may wait for the program (waitpid(2)): another waiter would take away the tracer's stops. The
//! lab asks [`Tracer::ending`], and polls [`Tracer::as_fd`].

mod argument;
mod bounds;
mod decode;
mod filter;
mod follow;
mod frames;
mod inject;
mod interrupted;
mod listener;
mod loader;
mod memory;
mod names;
mod patch;
mod placement;
mod possible;
mod probe;
mod record;
mod registers;
mod start;
mod unwind;

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::ExitStatusExt,
    },
    process::ExitStatus,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI32, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    sys::{
        eventfd::{EfdFlags, EventFd},
        ptrace::Options,
    },
    unistd::{Pid, gettid},
};

pub use argument::{Address, Argument, Data, Disposition, EpollEvent, OptionValue, PollEntry};
pub use bounds::Bounds;
pub use filter::{Condition, Filter, Refusal};
pub use frames::Frame;
pub use inject::{By, EarlyFaults, Fault, Injection, InjectionId, On, Which, no_faults};
pub use listener::{TraceEvent, TraceListener};
pub use names::{ConstantSet, FlagSet, errno as errno_name, known_signal, signal as signal_name};
pub use probe::probe;
pub use record::{CallOutcome, Record};
pub use start::before_main;

use self::{follow::Follower, inject::Rules, record::Log};
use super::{calls::Call, processes};
use crate::{failure::LabError, sys};

/// How long the end of all processes of a program may take after they were killed.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// A new process that waits for one byte from its gate, to be traced until then. If the gate closes, it must end itself.
#[derive(Debug)]
pub struct Held {
    /// Its number.
    pub pid: i32,
    /// The end of a pipe from which it reads.
    pub gate: OwnedFd,
}

/// Where a program begins. What its process does before is the lab's work, to which bounds and faults do not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    /// At its first exec.
    Exec,
    /// Behind the gate.
    Gate,
}

/// A traced program. When this is dropped, the program ends.
#[derive(Debug)]
pub struct Tracer {
    pid: i32,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the tracing thread and the lab have in common.
#[derive(Debug)]
struct Shared {
    /// From when on the time of records is counted.
    start: Instant,
    state: Mutex<TraceState>,
    /// Signalled when `TraceState::is_finished` becomes true.
    finished: Condvar,
    /// Readable from the program's end on.
    exit_event: EventFd,
    /// The number of the tracing thread.
    thread: AtomicI32,
}

#[derive(Debug, Default)]
struct TraceState {
    log: Log,
    rules: Rules,
    /// The living threads, and the process of each.
    threads: HashMap<i32, i32>,
    /// Those in a group stop.
    group_stopped: HashSet<i32>,
    /// How the program has ended, as wait(2) tells it.
    ending: Option<i32>,
    /// The file of the program itself, once it runs.
    program: Option<Arc<File>>,
    /// Whether all that is left is to be killed.
    is_being_killed: bool,
    /// Whether the tracing thread has ended.
    is_finished: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, TraceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    fn announce_ending(&self) {
        // It fails only if the counter is full, and then it is readable as well.
        let _ = self.exit_event.write(1);
    }

    fn finish(&self) {
        self.state().is_finished = true;
        self.announce_ending();
        self.finished.notify_all();
    }
}

impl Tracer {
    /// Starts a thread which makes a process with `fork` and traces it. The process [installs](Filter::install) the filter
    /// behind the gate, and then calls exec: bounds and faults apply from then on. All its calls after the gate are
    /// recorded, and told to the listener if there is one.
    ///
    /// # Errors
    ///
    /// When `fork` fails, or tracing is refused; [`probe`] tells beforehand.
    pub fn start(
        listener: Option<Box<dyn TraceListener>>,
        bounds: Bounds,
        faults: EarlyFaults,
        fork: impl FnOnce() -> io::Result<Held> + Send + 'static,
    ) -> io::Result<Tracer> {
        Tracer::start_as(Beginning::Exec, listener, bounds, faults, fork)
    }

    /// The same of a process that never calls exec: it is the program from the gate on.
    pub fn start_without_exec(
        fork: impl FnOnce() -> io::Result<Held> + Send + 'static,
    ) -> io::Result<Tracer> {
        Tracer::start_as(Beginning::Gate, None, Bounds::default(), no_faults(), fork)
    }

    fn start_as(
        beginning: Beginning,
        listener: Option<Box<dyn TraceListener>>,
        bounds: Bounds,
        faults: EarlyFaults,
        fork: impl FnOnce() -> io::Result<Held> + Send + 'static,
    ) -> io::Result<Tracer> {
        let shared = Arc::new(Shared {
            start: Instant::now(),
            state: Mutex::default(),
            finished: Condvar::new(),
            exit_event: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
            thread: AtomicI32::new(0),
        });
        let (sender, receiver) = mpsc::channel();
        let theirs = shared.clone();
        let thread = thread::Builder::new()
            .name("tracer".to_owned())
            .spawn(move || {
                theirs.thread.store(gettid().as_raw(), Ordering::Relaxed);
                let started = fork().and_then(|held| seize(&held).map(|()| held));
                match started {
                    Ok(Held { pid, gate }) => {
                        for fault in faults(pid) {
                            theirs.state().rules.add(fault);
                        }
                        let mut follower = Follower::new(theirs, pid, beginning, listener, bounds);
                        let opened = nix::unistd::write(&gate, b"!").map_err(io::Error::from);
                        drop(gate);
                        sender.send(opened.map(|_| pid)).expect("the caller waits");
                        follower.run();
                    }
                    Err(error) => {
                        let _ = sender.send(Err(error));
                    }
                }
            })?;
        let gone = || io::Error::other("the tracing thread ended without a word");
        let pid = receiver.recv().map_err(|_| gone())??;
        Ok(Tracer {
            pid,
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// The number of the program's first process.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The processor time which the tracing itself has used, in clock ticks: it is spent for the program's calls.
    pub fn processor_ticks(&self) -> u64 {
        processes::processor_ticks(self.shared.thread.load(Ordering::Relaxed))
    }

    /// Whether the tracing thread has ended before the program did: it has panicked, or could not wait. The kernel ends
    /// the program then, and nobody learns how.
    pub fn has_failed(&self) -> bool {
        let state = self.shared.state();
        state.is_finished && state.ending.is_none()
    }

    /// How the program has ended, if it has. Processes which it has left behind may go on.
    pub fn ending(&self) -> Option<ExitStatus> {
        self.shared.state().ending.map(ExitStatus::from_raw)
    }

    /// The file of the program, whatever has become of its path: the addresses in [`Record::frames`] are of it. None if
    /// the program does not run yet, or may not be read.
    pub fn program(&self) -> Option<Arc<File>> {
        self.shared.state().program.clone()
    }

    /// The calls of all processes of the program, the last 4096 and those which have not returned, in the order in which
    /// they were entered.
    pub fn records(&self) -> Vec<Record> {
        self.shared.state().log.all()
    }

    /// The calls which have not returned, in the order in which they were entered.
    pub fn in_progress(&self) -> Vec<Record> {
        self.shared.state().log.in_progress()
    }

    /// Whether all processes that came from the program have ended.
    pub fn is_finished(&self) -> bool {
        self.shared.state().is_finished
    }

    /// The processes that came from the program and live, in the order of their numbers.
    pub fn processes(&self) -> Vec<i32> {
        let mut processes: Vec<i32> = self.shared.state().threads.values().copied().collect();
        processes.sort_unstable();
        processes.dedup();
        processes
    }

    /// Microseconds since the start of the program, by the clock of its records.
    pub fn now_us(&self) -> u64 {
        self.shared.now_us()
    }

    /// How many calls of a kind the program has made, kept or not.
    pub fn count(&self, call: Call) -> u64 {
        self.shared.state().log.count(call)
    }

    /// How many calls of all kinds it has made.
    pub fn total(&self) -> u64 {
        self.shared.state().log.total()
    }

    /// How many calls in a row could have moved bytes or taken a client, and have not. A right program sleeps before
    /// there are many.
    pub fn fruitless_calls(&self) -> u64 {
        self.shared.state().log.fruitless()
    }

    /// Injects a fault into calls which are entered from now on.
    pub fn inject(&self, injection: Injection) -> InjectionId {
        self.shared.state().rules.add(injection)
    }

    /// Takes an injection back; how many calls it has hit.
    pub fn withdraw(&self, id: InjectionId) -> u64 {
        self.shared.state().rules.remove(id)
    }

    /// How many calls an injection has hit.
    pub fn hits(&self, id: InjectionId) -> u64 {
        self.shared.state().rules.hits(id)
    }

    /// Whether injections are in force, and no injection has hit a call yet, neither one of these nor an earlier one.
    pub fn has_unhit_faults(&self) -> bool {
        self.shared.state().rules.are_all_unhit()
    }

    /// Whether a thread rests in a group stop, of SIGSTOP or its relatives. /proc shows it in the same state as one
    /// which has stopped for the tracer and goes on within microseconds.
    pub fn is_group_stopped(&self, tid: i32) -> bool {
        self.shared.state().group_stopped.contains(&tid)
    }

    /// Whether a thread is still followed. /proc shows a zombie before the tracer has reaped it, and its parent gets SIGCHLD
    /// only after that.
    pub fn follows(&self, tid: i32) -> bool {
        self.shared.state().threads.contains_key(&tid)
    }

    /// Whether all stops have been answered, so that nothing of the program waits for the tracer.
    pub fn is_idle(&self) -> bool {
        // The tracing thread sleeps only in waitpid(2), and a stop makes it runnable. Without such a thread, all has ended.
        processes::own_thread_state(self.shared.thread.load(Ordering::Relaxed))
            .is_none_or(|state| state == 'S')
    }

    /// Ends all processes that came from the program, and waits until they are gone. What was recorded stays.
    ///
    /// # Errors
    ///
    /// When some are still there after ten seconds, because the kernel does not let go of them.
    pub fn end(&self) -> Result<(), LabError> {
        let deadline = Instant::now() + KILL_LIMIT;
        let mut state = self.shared.state();
        state.is_being_killed = true;
        while !state.is_finished {
            for &pid in state.threads.values() {
                // The process is there, or has ended in this moment.
                let _ = sys::kill(pid, libc::SIGKILL);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(LabError::new(
                    "could not end all processes of a traced program",
                ));
            }
            // Again now and then: a process may have been made meanwhile.
            let moment = left.min(Duration::from_millis(10));
            (state, _) = self
                .shared
                .finished
                .wait_timeout(state, moment)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // It has said that it has finished. A panic in it has been printed.
            let _ = thread.join();
        }
        Ok(())
    }
}

/// Readable from the program's end on, to be polled.
impl AsFd for Tracer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.exit_event.as_fd()
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // A caller that wants the error has called it before.
        let _ = self.end();
    }
}

/// Begins to trace a child of this thread. If that fails, the child is ended.
fn seize(held: &Held) -> io::Result<()> {
    let options = Options::PTRACE_O_EXITKILL
        | Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACESECCOMP
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC;
    nix::sys::ptrace::seize(Pid::from_raw(held.pid), options).map_err(|errno| {
        // The child has not been reaped, so that its number is not another one's.
        let _ = sys::kill(held.pid, libc::SIGKILL);
        let _ = sys::wait(held.pid, libc::__WALL);
        io::Error::from(errno)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    struct Panics;

    impl TraceListener for Panics {
        fn on_entry(&mut self, _: &Record) {}

        fn on_event(&mut self, _: u64, _: TraceEvent) {
            panic!("this test wants the tracing thread to panic");
        }
    }

    #[test]
    fn a_program_whose_tracer_fails_is_not_waited_for() {
        if probe().is_err() {
            eprintln!("skipped: tracer: this machine lets no program be traced");
            return;
        }
        let fork = || Ok(probe::start_child()?);
        let listener = Some(Box::new(Panics) as Box<dyn TraceListener>);
        let tracer = Tracer::start(listener, Bounds::default(), no_faults(), fork).unwrap();
        let mut watched = [PollFd::new(tracer.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut watched, PollTimeout::from(20_000u16)), Ok(1));
        assert!(tracer.has_failed());
        assert_eq!(tracer.ending(), None);
    }
}
