//! The runners at work: as many at once as there are jobs, each bounded in time, all ended when the checker is.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::{
    arena::{Isolation, Jail, Network, Tracing},
    exercise::Exercise,
    failure::{Failure, LabError},
    runner::{self, Order, Outcome, Statement},
    worker::{Cancel, Cancelled, ForkServer, Reply, RunError, Worker},
};

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
    /// Whether a test of the program has failed. It is set here, and may be shared by several series: the tests after it
    /// are told with calls followed from their beginning.
    pub is_suspect: Arc<AtomicBool>,
}

/// How each runner works.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The seed of the run.
    pub seed: u64,
    /// Where tests run.
    pub isolation: Isolation,
    /// Whether system calls are followed. As needed means that a test which fails is told once more with calls followed,
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
///
/// So many runners as `ahead` says are started before there is anything to test: their preparations then cost no time
/// while a build does not keep all processors busy.
///
/// # Errors
///
/// When it is cancelled. The tests of which nothing was received are not done.
pub fn run<K: Clone + Send>(
    conditions: &Conditions,
    ahead: usize,
    feed: impl FnOnce(Sender<Series<K>>) + Send,
    mut receive: impl FnMut(Done<K>),
) -> Result<(), Cancelled> {
    raise_descriptor_limit();
    let (to_crew, series) = mpsc::channel();
    let (to_receiver, results) = mpsc::channel();
    let (to_pool, pool) = mpsc::channel();
    let series = Mutex::new(series);
    let runners = Runners {
        pool: Mutex::new(pool),
        fork_server: OnceLock::new(),
        networks: Mutex::default(),
    };
    let (series, runners) = (&series, &runners);
    thread::scope(|scope| {
        // First of all, because it takes longest: most often it builds.
        scope.spawn(move || feed(to_crew));
        scope.spawn(move || runners.prepare(conditions, ahead, &to_pool));
        for _ in 0..conditions.jobs.max(1) {
            let to_receiver = to_receiver.clone();
            scope.spawn(move || work(conditions, series, runners, &to_receiver));
        }
        drop(to_receiver);
        for done in results {
            receive(done);
        }
    });
    conditions.cancel.check()
}

/// Each runner takes some descriptors, here and in the fork server. Most machines set the limit low at first and allow more to
/// whoever asks (getrlimit(2)).
fn raise_descriptor_limit() {
    const ENOUGH: u64 = 4096;
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.max(hard.min(ENOUGH)), hard);
    }
}

/// Where runners come from.
struct Runners {
    /// Those that have been started ahead. They end before their fork server, which waits for them: fields are dropped
    /// in this order.
    pool: Mutex<Receiver<Worker>>,
    fork_server: OnceLock<Result<ForkServer, LabError>>,
    /// Networks of tests that are done.
    networks: Mutex<Vec<Network>>,
}

/// How many networks are given back at once. The kernel takes hardly longer for many than for one, and each holds some
/// hundred kilobytes.
const NETWORKS: usize = 64;

impl Runners {
    fn start(&self, conditions: &Conditions) -> Result<Worker, LabError> {
        self.fork_server
            .get_or_init(|| {
                let temporary = conditions.temporary.as_deref();
                ForkServer::start(&runner::JOB, &conditions.isolation, |command| {
                    command.envs(temporary.map(|folder| ("TMPDIR", folder)));
                })
            })
            .as_ref()
            .map_err(LabError::clone)?
            .fork()
    }

    /// Starts runners which wait for the first tests.
    fn prepare(&self, conditions: &Conditions, ahead: usize, pool: &Sender<Worker>) {
        for _ in 0..ahead {
            if conditions.cancel.is_cancelled() {
                return;
            }
            // Why it does not start, the first test will tell.
            let Ok(runner) = self.start(conditions) else {
                return;
            };
            if pool.send(runner).is_err() {
                return;
            }
        }
    }

    /// Has an order carried out by the next one.
    fn carry_out(
        &self,
        conditions: &Conditions,
        order: &Order,
    ) -> Result<Reply<Statement>, RunError> {
        let ahead = self.pool.lock().ok().and_then(|pool| pool.try_recv().ok());
        let runner = ahead.map_or_else(|| self.start(conditions), Ok)?;
        if let (Some(network), Ok(mut networks)) = (Network::of(runner.pid()), self.networks.lock())
        {
            if networks.len() == NETWORKS {
                networks.clear();
            }
            networks.push(network);
        }
        runner.run(order, &conditions.cancel)
    }
}

fn work<K: Clone>(
    conditions: &Conditions,
    queue: &Mutex<Receiver<Series<K>>>,
    runners: &Runners,
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
            let found = conditions.cancel.check();
            let found = found.and_then(|()| find_out(conditions, runners, &series, test));
            let Ok(statement) = found else {
                return;
            };
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

/// Finds out whether the program of a series keeps the promise of a test.
fn find_out<K>(
    conditions: &Conditions,
    runners: &Runners,
    series: &Series<K>,
    test: usize,
) -> Result<Statement, Cancelled> {
    let tell = |tracing| {
        let order = Order {
            exercise: series.exercise.name.to_owned(),
            test,
            program: series.program.clone(),
            seed: conditions.seed,
            tracing,
            jail: conditions.jail.clone(),
        };
        match runners.carry_out(conditions, &order) {
            Ok(Reply::Answer(statement)) => Ok(statement),
            Ok(Reply::PipeLocked) => Ok(Statement::failed(Failure::pipe_locked())),
            Err(RunError::Lab(error)) => Ok(Statement::broken(error)),
            Err(RunError::Cancelled) => Err(Cancelled),
        }
    };
    let is_suspect = series.is_suspect.load(Ordering::Relaxed);
    let tracing = match conditions.tracing {
        Tracing::AsNeeded if is_suspect => Tracing::On,
        tracing => tracing,
    };
    let statement = tell(tracing)?;
    if matches!(statement.outcome, Outcome::Failed(_)) {
        series.is_suspect.store(true, Ordering::Relaxed);
    }
    match tracing == Tracing::AsNeeded && statement.wants_calls() {
        true => Ok(statement.told_again(tell(Tracing::On)?)),
        false => Ok(statement),
    }
}
