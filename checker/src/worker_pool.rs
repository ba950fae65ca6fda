//! A pool of workers that run tests: as many at once as there are jobs, each with a deadline, all ended with the checker.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::{
    exercise::Exercise,
    failure::{Diagnosis, Failure, LabError},
    lab::Reputation,
    sandbox::{Isolation, Jail, Network, Tracing},
    test_worker::{self, Outcome, Statement, TestRequest},
    worker::{Cancel, Cancelled, ForkServer, Reply, RunError, Worker},
};

/// Tests of one program, to be run one after the other.
#[derive(Clone, Debug)]
pub struct Batch {
    /// What the caller knows it by.
    pub key: usize,
    /// The exercise of the tests.
    pub exercise: &'static Exercise,
    /// Which tests, by their place in the exercise.
    pub tests: Vec<usize>,
    /// The program to test.
    pub program: PathBuf,
    /// Whether the first failure ends the batch.
    pub until_failure: bool,
    /// What its tests have shown so far. It is written here, and shared by the batches of one program.
    pub known: Arc<Known>,
}

/// What is known of a program from its earlier tests.
#[derive(Debug, Default)]
pub struct Known {
    /// A test has failed: the later ones follow system calls from their beginning.
    has_failed: AtomicBool,
    /// A test has found it busy.
    was_busy: AtomicBool,
    /// A test has seen a sign of life of it.
    has_lived: AtomicBool,
    /// A test has given it up while it slept with a time limit.
    has_napped: AtomicBool,
    /// A test has ended it because of its memory.
    was_greedy: AtomicBool,
    /// A test has passed.
    has_passed: AtomicBool,
    /// How many tests have given it up.
    given_up: AtomicUsize,
}

/// A program that so many tests have given up, and that has passed none, is hopeless.
const HOPELESS: usize = 6;

impl Known {
    fn learn(&self, statement: &Statement) {
        let note = |flag: &AtomicBool, is_so: bool| {
            flag.fetch_or(is_so, Ordering::Relaxed);
        };
        note(&self.has_lived, statement.has_begun);
        note(
            &self.has_passed,
            matches!(statement.outcome, Outcome::Passed),
        );
        if let Outcome::Failed(failure) = &statement.outcome {
            let is = |diagnosis| failure.diagnosis == diagnosis;
            let naps = is(Diagnosis::TimedOut) || statement.has_slept_away;
            note(&self.has_failed, true);
            note(&self.was_busy, is(Diagnosis::Busy));
            note(&self.has_napped, naps);
            note(&self.was_greedy, is(Diagnosis::OutOfMemory));
            if naps || is(Diagnosis::Busy) || is(Diagnosis::OutputFlood) {
                self.given_up.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn is_hopeless(&self) -> bool {
        self.given_up.load(Ordering::Relaxed) >= HOPELESS
            && !self.has_passed.load(Ordering::Relaxed)
    }

    /// What a test is told of its program.
    fn reputation(&self) -> Reputation {
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        Reputation {
            is_busy: is(&self.was_busy),
            is_silent: !is(&self.has_lived),
            naps: is(&self.has_napped),
            is_greedy: is(&self.was_greedy),
            is_hopeless: self.is_hopeless(),
        }
    }
}

/// How tests are run.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The seed of the run.
    pub seed: u64,
    /// Where tests run.
    pub isolation: Isolation,
    /// Whether system calls are followed. As needed means that a test which fails is run once more with calls followed,
    /// so that its report shows them.
    pub tracing: Tracing,
    /// What programs are locked into, if they are not trusted.
    pub jail: Option<Jail>,
    /// How many at once.
    pub jobs: usize,
    /// Where the folders of tests lie that have no file system of their own, if not where the environment says.
    pub temporary: Option<PathBuf>,
    /// Ends the run early.
    pub cancel: Cancel,
}

/// A statement, and the test it is about.
#[derive(Debug)]
pub struct Done {
    /// The key of the batch.
    pub key: usize,
    /// The test's place in the exercise.
    pub test: usize,
    /// What came of it.
    pub statement: Statement,
}

/// Runs every batch that `feed` sends, while it is still sending, and hands each result to `receive`, in the order in
/// which they come. Both run at the same time as the tests; this returns when all is done.
///
/// As many workers as `ahead` says are forked before there is anything to test: a build does not keep all CPUs busy, so
/// that their preparation costs no time then.
///
/// # Errors
///
/// When it is cancelled. The tests of which nothing was received are not done.
pub fn run(
    conditions: &Conditions,
    ahead: usize,
    feed: Box<dyn FnOnce(Sender<Batch>) + Send + '_>,
    receive: &mut dyn FnMut(Done),
) -> Result<(), Cancelled> {
    raise_descriptor_limit();
    let (to_workers, batches) = mpsc::channel();
    let (to_receiver, results) = mpsc::channel();
    let (to_pool, pool) = mpsc::channel();
    let batches = Mutex::new(batches);
    let workers = Workers {
        pool: Mutex::new(pool),
        fork_server: OnceLock::new(),
        networks: Mutex::default(),
    };
    let (batches, workers) = (&batches, &workers);
    thread::scope(|scope| {
        // First of all, because it takes longest: most often it builds.
        scope.spawn(move || feed(to_workers));
        scope.spawn(move || workers.prepare(conditions, ahead, &to_pool));
        for _ in 0..conditions.jobs.max(1) {
            let to_receiver = to_receiver.clone();
            scope.spawn(move || work(conditions, batches, workers, &to_receiver));
        }
        drop(to_receiver);
        for done in results {
            receive(done);
        }
    });
    conditions.cancel.check()
}

/// Each worker takes descriptors, here and in the fork server. On most machines the soft limit is low, and a process may
/// raise it (getrlimit(2)).
fn raise_descriptor_limit() {
    const ENOUGH: u64 = 4096;
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.max(hard.min(ENOUGH)), hard);
    }
}

/// Where workers come from.
struct Workers {
    /// Those that were forked ahead. They end before their fork server, which waits for them: fields are dropped
    /// in this order.
    pool: Mutex<Receiver<Worker>>,
    fork_server: OnceLock<Result<ForkServer, LabError>>,
    /// The network namespaces of tests that are done.
    networks: Mutex<Vec<Network>>,
}

/// How many network namespaces are closed at once. The kernel takes hardly longer for many than for one, and each holds
/// some hundred kilobytes.
const NETWORKS: usize = 64;

impl Workers {
    fn start(&self, conditions: &Conditions) -> Result<Worker, LabError> {
        self.fork_server
            .get_or_init(|| {
                let temporary = conditions.temporary.as_deref();
                ForkServer::start(&test_worker::JOB, &conditions.isolation, |command| {
                    command.envs(temporary.map(|folder| ("TMPDIR", folder)));
                })
            })
            .as_ref()
            .map_err(LabError::clone)?
            .fork()
    }

    /// Forks workers which wait for the first tests.
    fn prepare(&self, conditions: &Conditions, ahead: usize, pool: &Sender<Worker>) {
        for _ in 0..ahead {
            if conditions.cancel.is_cancelled() {
                return;
            }
            // If there is an error, the first test reports it.
            let Ok(worker) = self.start(conditions) else {
                return;
            };
            if pool.send(worker).is_err() {
                return;
            }
        }
    }

    /// Runs a test in the next worker.
    fn run(
        &self,
        conditions: &Conditions,
        request: &TestRequest,
    ) -> Result<Reply<Statement>, RunError> {
        let ahead = self.pool.lock().ok().and_then(|pool| pool.try_recv().ok());
        let mut worker = ahead.map_or_else(|| self.start(conditions), Ok)?;
        worker.request(request)?;
        let reply = worker.reply(&conditions.cancel);
        // Before that it may not have one yet; from then on it stays until this process hangs up.
        if let Ok(Reply::Answer(_)) = reply {
            self.keep(Network::of(worker.pid()));
        }
        let _ = worker.end();
        reply
    }

    fn keep(&self, network: Option<Network>) {
        if let (Some(network), Ok(mut networks)) = (network, self.networks.lock()) {
            if networks.len() == NETWORKS {
                networks.clear();
            }
            networks.push(network);
        }
    }
}

fn work(
    conditions: &Conditions,
    queue: &Mutex<Receiver<Batch>>,
    workers: &Workers,
    results: &Sender<Done>,
) {
    loop {
        let next = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_) => return,
        };
        let Ok(batch) = next else {
            return;
        };
        for &test in &batch.tests {
            let found = conditions.cancel.check();
            let found = found.and_then(|()| run_test(conditions, workers, &batch, test));
            let Ok(statement) = found else {
                return;
            };
            let failed = matches!(statement.outcome, Outcome::Failed(_) | Outcome::Broken(_));
            let done = Done {
                key: batch.key,
                test,
                statement,
            };
            if results.send(done).is_err() {
                return;
            }
            if batch.until_failure && failed {
                break;
            }
        }
    }
}

/// Runs a test of a batch: once more with calls followed, if that shows more.
fn run_test(
    conditions: &Conditions,
    workers: &Workers,
    batch: &Batch,
    test: usize,
) -> Result<Statement, Cancelled> {
    let run_once = |tracing, reputation| {
        let request = TestRequest {
            exercise: batch.exercise.name.to_owned(),
            test,
            program: batch.program.clone(),
            seed: conditions.seed,
            tracing,
            reputation,
            jail: conditions.jail.clone(),
        };
        match workers.run(conditions, &request) {
            Ok(Reply::Answer(statement)) => Ok(statement),
            Ok(Reply::PipeLocked) => Ok(Statement::failed(Failure::pipe_locked())),
            Err(RunError::Lab(error)) => Ok(Statement::broken(error)),
            Err(RunError::Cancelled) => Err(Cancelled),
        }
    };
    let has_failed = batch.known.has_failed.load(Ordering::Relaxed);
    // The calls of a hopeless program are known from its first tests, and to follow them takes long.
    let is_hopeless = batch.known.is_hopeless();
    let tracing = match conditions.tracing {
        Tracing::AsNeeded if has_failed && !is_hopeless => Tracing::On,
        tracing => tracing,
    };
    let statement = run_once(tracing, batch.known.reputation())?;
    batch.known.learn(&statement);
    match tracing == Tracing::AsNeeded && !is_hopeless && statement.wants_calls() {
        // What is wrong is known already, so that this run need not be patient.
        true => {
            let known = Reputation {
                is_hopeless: true,
                ..batch.known.reputation()
            };
            Ok(statement.merge_rerun(run_once(Tracing::On, known)?))
        }
        false => Ok(statement),
    }
}
