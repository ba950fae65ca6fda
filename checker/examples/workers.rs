//! A program with workers of its own, for the checker's tests (see tests/workers.rs). Its argument is what to do with
//! them; it panics when something else happens than that name says.

use std::{
    env, fs,
    io::Read,
    path::Path,
    process::{self, ExitCode},
    thread,
    time::Duration,
};

use checker::{
    failure::LabError,
    observe::processes::{self, Process},
    sandbox::{Isolation, Launch, Sandbox, best_isolation},
    test_worker::{self, Statement, TestRequest},
    worker::{
        self, Cancel, ForkServer, Forked, Job, Reply, Requester, RunError, Worker, fork_workers,
    },
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const fn job(name: &'static str, run: fn(&mut Requester) -> Result<(), LabError>) -> Job {
    Job {
        name,
        process: "the process of an example",
        deadline: Duration::from_secs(100),
        run,
    }
}

/// A worker without a fork server, which answers what it was asked.
static ECHO: Job = job("echo", echo);
/// The same from a fork server.
static FORKED_ECHO: Job = job("forked-echo", |requester| {
    requester.request::<()>()?;
    match fork_workers(requester)? {
        Forked::Worker => echo(requester),
        Forked::Server => Ok(()),
    }
});
static PANICS: Job = job("panics", |_| panic!("it cannot go on"));
static FAILS: Job = job("fails", |_| Err(LabError::new("it could not do that")));
/// Has a child, does not answer, and ends with its child when the requester hangs up.
static WAITS: Job = job("waits", |requester| {
    requester.request::<serde_json::Value>()?;
    let mut sleeps = std::process::Command::new("sleep")
        .arg("1000")
        .spawn()
        .expect("a child");
    let gone = requester.wait_until_gone();
    sleeps.kill().and_then(|()| sleeps.wait()).expect("its end");
    gone
});
static INPUT: Job = job("input", |requester| {
    let input = fs::read_link("/proc/self/fd/0").expect("a descriptor");
    requester.answer(&input)
});

/// Covers a file of the machine in a sandbox, and tells what programs find there.
static COVERS: Job = job("covers", |requester| {
    requester.request::<()>()?;
    let sandbox = Sandbox::enter(Isolation::Namespaces)?;
    let mut found = Vec::new();
    for content in ["the first one\n", "another\n"] {
        let covered = sandbox.cover(MACHINES_FILE.as_ref(), content.as_bytes())?;
        assert!(covered, "{MACHINES_FILE}");
        let launch = Launch {
            traced: false,
            ..Launch::new([MACHINES_FILE])
        };
        let mut cat = launch.start(Path::new("/bin/cat"), &sandbox).expect("cat");
        let mut text = String::new();
        let mut stdout = cat.stdout.take().expect("a pipe");
        stdout.read_to_string(&mut text).expect("text");
        found.push(text);
    }
    let left = sandbox.directory().list(10);
    assert!(left.expect("the folder").is_empty(), "a file has a name");
    sandbox.end()?;
    requester.answer(&found.concat())
});

const JOBS: &[&Job] = &[
    &ECHO,
    &FORKED_ECHO,
    &PANICS,
    &FAILS,
    &WAITS,
    &INPUT,
    &COVERS,
    &test_worker::JOB,
];

/// One which every machine has.
const MACHINES_FILE: &str = "/etc/hosts";

fn echo(requester: &mut Requester) -> Result<(), LabError> {
    match requester.request::<String>()? {
        Some(request) => requester.answer(&request),
        None => Ok(()),
    }
}

fn main() -> ExitCode {
    if let Some(status) = worker::dispatch(JOBS) {
        return status;
    }
    match env::args().nth(1).expect("what to do").as_str() {
        "answers" => answers(),
        "fails" => fails(),
        "is-killed" => is_killed(),
        "is-cancelled" => is_cancelled(),
        "is-dropped" => is_dropped(),
        "shows-its-kind-only" => shows_its_kind_only(),
        "covers" => covers(),
        "stays" => stays(),
        other => panic!("what is {other}?"),
    }
    ExitCode::SUCCESS
}

fn start(job: &'static Job) -> Worker {
    Worker::start(job, |_| ()).expect("a worker")
}

fn never() -> Cancel {
    Cancel::new().expect("an eventfd")
}

fn answer(reply: Result<Reply<String>, RunError>) -> String {
    reply.expect("a reply").into_answer().expect("an answer")
}

fn error(reply: Result<Reply<String>, RunError>) -> String {
    match reply {
        Err(RunError::Lab(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn answers() {
    // The long one takes many packets in each direction.
    for request in ["short".to_owned(), "ä long one\n".repeat(200_000)] {
        let reply = start(&ECHO).run(&request, &never());
        assert_eq!(answer(reply), request);
        let server = ForkServer::start(&FORKED_ECHO, &(), |_| ()).expect("a fork server");
        let workers = [(); 3].map(|()| server.fork().expect("a worker"));
        for worker in workers {
            assert_eq!(answer(worker.run(&request, &never())), request);
        }
    }
    let input = start(&INPUT).run(&(), &never());
    assert_eq!(answer(input), "/dev/null");
}

fn fails() {
    assert_eq!(
        error(start(&FAILS).run(&(), &never())),
        "it could not do that"
    );
    let said = error(start(&PANICS).run(&(), &never()));
    assert!(said.contains("it cannot go on"), "{said}");
    let server = ForkServer::start(&FAILS, &(), |_| ()).expect("a fork server");
    for _ in 0..2 {
        let error = server.fork().expect_err("a worker of no fork server");
        assert_eq!(error.to_string(), "it could not do that");
    }
}

fn is_killed() {
    let server = ForkServer::start(&FORKED_ECHO, &(), |_| ()).expect("a fork server");
    for worker in [start(&WAITS), server.fork().expect("a worker")] {
        kill(Pid::from_raw(worker.pid()), Signal::SIGKILL).expect("a worker");
        let said = error(worker.run(&"request", &never()));
        assert!(said.contains("SIGKILL"), "{said}");
    }
}

fn is_cancelled() {
    let cancel = never();
    let worker = start(&WAITS);
    let pid = worker.pid();
    let other = cancel.clone();
    let child = thread::spawn(move || {
        let child = child_of(pid);
        other.cancel();
        child
    });
    let reply = worker.run::<String>(&(), &cancel);
    assert!(matches!(reply, Err(RunError::Cancelled)), "{reply:?}");
    expect_gone(pid);
    expect_gone(child.join().expect("a child"));
    assert!(cancel.is_cancelled(), "for good");
}

fn is_dropped() {
    let worker = start(&WAITS);
    let pid = worker.pid();
    worker.request(&()).expect("a request");
    let child = child_of(pid);
    drop(worker);
    expect_gone(pid);
    expect_gone(child);
}

fn shows_its_kind_only() {
    let worker = start(&WAITS);
    worker.request(&"secret").expect("a request");
    child_of(worker.pid());
    let line = fs::read_to_string(format!("/proc/{}/cmdline", worker.pid()));
    assert_eq!(line.expect("a line"), "/proc/self/exe\0__worker\0waits\0");
}

fn covers() {
    if best_isolation() != Isolation::Namespaces {
        return;
    }
    let before = fs::read(MACHINES_FILE).expect("a file");
    let reply = start(&COVERS).run(&(), &never());
    assert_eq!(answer(reply), "the first one\nanother\n");
    assert_eq!(fs::read(MACHINES_FILE).expect("a file"), before);
}

/// The network of a test is kept (see `Workers`): there has to be a moment at which its worker is surely in it.
fn stays() {
    let network = |pid| fs::read_link(format!("/proc/{pid}/ns/net"));
    let isolation = best_isolation();
    let server = ForkServer::start(&test_worker::JOB, &isolation, |_| ()).expect("a fork server");
    for _ in 0..20 {
        let mut worker = server.fork().expect("a worker");
        let request = TestRequest::without_story();
        worker.request(&request).expect("a request");
        let reply = worker.reply::<Statement>(&never());
        reply.expect("a reply").into_answer().expect("an answer");
        let found = network(worker.pid()).expect("the worker is there");
        let is_ours = found == network(process::id().cast_signed()).expect("a network");
        assert_eq!(is_ours, isolation == Isolation::Shared);
    }
}

/// Waits until a process has a child.
fn child_of(pid: i32) -> i32 {
    loop {
        match processes::descendants(pid).into_keys().next() {
            Some(child) => return child,
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn expect_gone(pid: i32) {
    assert!(Process::read(pid).is_none(), "{pid} is still there");
}
