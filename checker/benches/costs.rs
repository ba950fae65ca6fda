//! What the lab costs: `cargo bench -p checker`. Every figure is the median of several runs of whole processes.

use checker::{
    sandbox::Isolation,
    test_worker::{self, Outcome, Statement, TestRequest},
    worker::{self, Cancel, ForkServer, Reply},
    workspace,
};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

/// How often each thing is measured. Fewer tell little on a machine that others share.
const RUNS: usize = 21;
const EXERCISE: &str = "day2_2_echo_server";

fn main() -> ExitCode {
    if let Some(status) = worker::dispatch(checker::JOBS) {
        return status;
    }
    let course = Course::new();
    println!("medians of {RUNS} runs; in brackets least and most\n");
    edit_to_verdict(&course);
    hanging_program(&course);
    empty_test();
    memory(&course);
    ExitCode::SUCCESS
}

/// A course with one exercise, solved, in a folder of its own, built by the release or bench profile's checker.
struct Course {
    checker: PathBuf,
    folder: tempfile::TempDir,
}

impl Course {
    fn new() -> Course {
        let real = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("a folder above");
        let folder = tempfile::tempdir().expect("a folder");
        let exercise = folder.path().join("exercises").join(EXERCISE);
        fs::create_dir_all(exercise.join("src")).expect("a folder");
        let manifest = workspace::manifest(&["exercises/*"]);
        fs::write(folder.path().join("Cargo.toml"), manifest).expect("a manifest");
        fs::copy(real.join("Cargo.lock"), folder.path().join("Cargo.lock")).expect("a lock file");
        fs::copy(
            real.join("exercises").join(EXERCISE).join("Cargo.toml"),
            exercise.join("Cargo.toml"),
        )
        .expect("a manifest");
        let course = Course {
            checker: PathBuf::from(env!("CARGO_BIN_EXE_checker")),
            folder,
        };
        course.edit(0);
        course.build();
        course
    }

    fn source(&self) -> PathBuf {
        self.folder
            .path()
            .join("exercises")
            .join(EXERCISE)
            .join("src/main.rs")
    }

    /// Changes one line of the solution, so that cargo has something to do.
    fn edit(&self, round: usize) {
        let solution = include_str!("../../solutions/day2_2_echo_server/src/main.rs");
        let marked = format!("{solution}\n#[used]\nstatic ROUND: usize = {round};\n");
        fs::write(self.source(), marked).expect("a source file");
    }

    fn hang(&self) {
        fs::write(
            self.source(),
            "fn main() { std::io::stdin().lines().for_each(drop); }\n",
        )
        .expect("a source file");
    }

    fn build(&self) -> Duration {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--package", EXERCISE]);
        timed(cargo.current_dir(self.folder.path()))
    }

    fn check(&self, arguments: &[&str]) -> Duration {
        let mut checker = Command::new(&self.checker);
        timed(checker.args(arguments).current_dir(self.folder.path()))
    }
}

fn timed(command: &mut Command) -> Duration {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    command.status().expect("a process");
    start.elapsed()
}

fn edit_to_verdict(course: &Course) {
    let (mut builds, mut checks, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..RUNS {
        course.edit(2 * round + 1);
        let build = course.build();
        course.edit(2 * round + 2);
        let check = course.check(&[EXERCISE]);
        builds.push(milliseconds(build));
        checks.push(milliseconds(check));
        ratios.push(check.as_secs_f64() / build.as_secs_f64());
    }
    line("bare cargo build after an edit", &builds, "ms");
    line("from an edit to the verdict, all tests", &checks, "ms");
    line("ratio of the two (goal: at most 1.5)", &ratios, "");
}

fn hanging_program(course: &Course) {
    course.hang();
    course.build();
    let nothing_to_build: Vec<f64> = (0..RUNS).map(|_| milliseconds(course.build())).collect();
    let first = checker::syllabus::find(EXERCISE)
        .expect("the exercise")
        .tests[0]
        .name;
    let verdicts: Vec<f64> = (0..RUNS)
        .map(|_| milliseconds(course.check(&[EXERCISE, "--only", first])))
        .collect();
    let beyond: Vec<f64> = verdicts
        .iter()
        .zip(&nothing_to_build)
        .map(|(verdict, build)| verdict - build)
        .collect();
    line(
        "verdict on a program that hangs, beyond the build (goal: under 200)",
        &beyond,
        "ms",
    );
}

/// The place of a test without a story: the process, the namespaces, pid 1, and the end of them.
fn empty_test() {
    for (isolation, what) in [
        (Isolation::Namespaces, "an empty test in namespaces"),
        (Isolation::Shared, "an empty test without namespaces"),
    ] {
        let fork_server =
            ForkServer::start(&test_worker::JOB, &isolation, |_| ()).expect("a fork server");
        let cancel = Cancel::new().expect("an eventfd");
        let empty = || {
            let start = Instant::now();
            let worker = fork_server.fork().expect("a worker");
            let reply = worker.run::<Statement>(&TestRequest::without_story(), &cancel);
            let passed = |statement: &Statement| matches!(statement.outcome, Outcome::Passed);
            assert!(
                matches!(&reply, Ok(Reply::Answer(statement)) if passed(statement)),
                "{reply:?}"
            );
            start.elapsed()
        };
        let costs: Vec<f64> = (0..RUNS).map(|_| milliseconds(empty())).collect();
        line(what, &costs, "ms");
    }
}

/// The largest of checker, workers and program; without cargo and rustc.
fn memory(course: &Course) {
    course.edit(0);
    course.build();
    let program = course.folder.path().join("target/debug").join(EXERCISE);
    let mut checker = Command::new(&course.checker);
    checker
        .arg(EXERCISE)
        .arg("--program")
        .arg(program)
        .current_dir(course.folder.path());
    checker
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = checker.spawn().expect("a process");
    // SAFETY: a rusage is plain integers, for which all zeros are valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: writes the two, which are alive during the call; nobody else waits for this child.
    unsafe { libc::wait4(child.id() as i32, &mut 0, 0, &raw mut usage) };
    let _ = child.wait();
    println!(
        "{:<70} {:>8.2} MiB",
        "peak memory of the largest process (checker, worker, program)",
        usage.ru_maxrss as f64 / 1024.0
    );
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn line(what: &str, figures: &[f64], unit: &str) {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    println!(
        "{what:<70} {:>8.2} {unit} [{:.2} … {:.2}]",
        sorted[sorted.len() / 2],
        sorted[0],
        sorted[sorted.len() - 1]
    );
}
