//! The runners at work: as many at once as there are jobs, each bounded in time, all ended when the checker is.

use std::{
    io::Read,
    os::{
        fd::{AsFd, FromRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    arena::{Isolation, Jail, Tracing},
    exercise::Exercise,
    failure::{Attempt, LabError},
    observe::processes::{self, Process},
    runner::{self, Order, Outcome, Statement},
};

/// A runner ends by itself long before this. If it does not, the lab is at fault.
const DEADLINE: Duration = Duration::from_secs(180);
/// How long a runner may be in a call that no signal ends. It makes none that takes longer than an instant, but on a pipe
/// which a program holds locked: splice(2) keeps the lock while it waits for a socket. At the standard descriptors it
/// cannot (see the tracer's filter), at copies of them it can.
const LOCKED: Duration = Duration::from_secs(10);

/// Set by Ctrl-C: no runner is started any more, and those at work end.
pub static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Tests of one program, to be run one after the other.
#[derive(Clone, Debug)]
pub struct Series<K> {
    /// What the caller knows it by.
    pub key: K,
    /// Whose tests.
    pub exercise: &'static Exercise,
    /// Which tests, by their place in the exercise.
    pub tests: Vec<usize>,
    /// Of which program.
    pub program: PathBuf,
    /// Whether the first failure ends the series.
    pub until_failure: bool,
}

/// How each runner works.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The seed of the run.
    pub seed: u64,
    /// Where tests run.
    pub isolation: Isolation,
    /// Whether system calls are followed.
    pub tracing: Tracing,
    /// What programs are locked into, if they are not trusted.
    pub jail: Option<Jail>,
    /// How many at once.
    pub jobs: usize,
}

/// A statement, and the test it is about.
#[derive(Debug)]
pub struct Done<K> {
    /// The key of the series.
    pub key: K,
    /// The test's place in the exercise.
    pub test: usize,
    /// What came of it.
    pub statement: Statement,
}

/// Runs every series that `feed` sends, while it is still sending, and hands each result to `receive`, in the order in
/// which they come. Both run at the same time as the tests; this returns when all is done.
pub fn run<K: Clone + Send>(
    conditions: &Conditions,
    feed: impl FnOnce(Sender<Series<K>>) + Send,
    mut receive: impl FnMut(Done<K>),
) {
    let (to_crew, series) = mpsc::channel();
    let (to_receiver, results) = mpsc::channel();
    let series = Mutex::new(series);
    thread::scope(|scope| {
        scope.spawn(move || feed(to_crew));
        for _ in 0..conditions.jobs.max(1) {
            let to_receiver = to_receiver.clone();
            let series = &series;
            scope.spawn(move || work(conditions, series, &to_receiver));
        }
        drop(to_receiver);
        for done in results {
            receive(done);
        }
    });
}

fn work<K: Clone>(
    conditions: &Conditions,
    queue: &Mutex<Receiver<Series<K>>>,
    results: &Sender<Done<K>>,
) {
    loop {
        let next = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_) => return,
        };
        let Ok(series) = next else {
            return;
        };
        for &test in &series.tests {
            if INTERRUPTED.load(Ordering::Relaxed) {
                return;
            }
            let order = Order {
                exercise: series.exercise.name.to_owned(),
                test,
                program: series.program.clone(),
                seed: conditions.seed,
                isolation: conditions.isolation,
                tracing: conditions.tracing,
                jail: conditions.jail.clone(),
            };
            let statement = run_one(&order).unwrap_or_else(Statement::broken);
            let failed = matches!(statement.outcome, Outcome::Failed(_) | Outcome::Broken(_));
            let done = Done {
                key: series.key.clone(),
                test,
                statement,
            };
            if results.send(done).is_err() {
                return;
            }
            if series.until_failure && failed {
                break;
            }
        }
    }
}

/// Runs one test in a process of its own.
///
/// # Errors
///
/// When that process cannot be started, or does not state anything.
pub fn run_one(order: &Order) -> Result<Statement, LabError> {
    let text = serde_json::to_string(order)
        .map_err(|error| LabError::new(format!("could not write an order: {error}")))?;
    let mut child = Command::new("/proc/self/exe")
        .arg(runner::COMMAND)
        .arg(text)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C is for the checker; it lets its runners clean up.
        .process_group(0)
        .spawn()
        .attempt("could not start the process of a test")?;
    let answer = listen_to(&mut child);
    // If it still runs, its standard input ends here, which tells it to clean up and end.
    drop(child.stdin.take());
    let status = end(&mut child)?;
    serde_json::from_slice(&answer?).map_err(|_| {
        // It has ended, so that what it complained about is all in the pipe.
        let mut complaint = String::new();
        if let Some(stderr) = &mut child.stderr {
            let _ = stderr.read_to_string(&mut complaint);
        }
        LabError {
            detail: Some(complaint.trim().to_owned()).filter(|text| !text.is_empty()),
            ..LabError::new(format!(
                "the process of a test ended without a result ({status})"
            ))
        }
    })
}

/// Reads all that a runner says, until it closes its output, the deadline, or Ctrl-C.
fn listen_to(child: &mut Child) -> Result<Vec<u8>, LabError> {
    const LISTEN: &str = "could not listen to the process of a test";
    let Some(mut stdout) = child.stdout.take() else {
        return Err(LabError::new(LISTEN));
    };
    let deadline = Instant::now() + DEADLINE;
    let mut said = Vec::new();
    let mut buffer = [0; 64 * 1024];
    let mut last_free = Instant::now();
    loop {
        let runner = Process::read(child.id().cast_signed());
        if runner.is_none_or(|runner| runner.state != 'D') {
            last_free = Instant::now();
        }
        if last_free.elapsed() > LOCKED {
            return Err(LabError::new(
                "your program keeps a pipe of the lab locked, as splice(2) does with a copy of a standard descriptor \
                 while it waits for a socket; the lab cannot check that. Copy with read and write",
            ));
        }
        if INTERRUPTED.load(Ordering::Relaxed) {
            return Err(LabError::new("interrupted"));
        }
        if Instant::now() > deadline {
            return Err(LabError::new("the process of a test did not end in time"));
        }
        // Short, because Ctrl-C may be noticed by another thread.
        match poll(
            &mut [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)],
            PollTimeout::from(100u8),
        ) {
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) => (),
            Err(errno) => return Err(LabError::call(LISTEN, errno)),
        }
        match stdout.read(&mut buffer).attempt(LISTEN)? {
            0 => return Ok(said),
            n => said.extend_from_slice(&buffer[..n]),
        }
    }
}

/// Waits until the runner has ended; its own clean-up is bounded by twice ten seconds.
fn end(child: &mut Child) -> Result<ExitStatus, LabError> {
    const END: &str = "could not wait for the process of a test";
    // SAFETY: takes a number, makes a new descriptor.
    let pidfd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.id(), 0) } as i32;
    Errno::result(pidfd).attempt(END)?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    let ended = poll(
        &mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)],
        PollTimeout::from(25_000u16),
    );
    if ended != Ok(1) {
        // The programs first: a runner that touches a pipe which a program holds locked in splice(2) cannot even be
        // killed before.
        for pid in processes::descendants(child.id().cast_signed()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let _ = child.kill();
    }
    child.wait().attempt(END)
}
