//! A checker that is interrupted, or killed, takes all that it started with it.

mod support;

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use support::{Course, Isolation};

/// Starts the checker on a program that sleeps, and waits until it is there.
fn begin(course: &Course, program: &Path, isolation: Isolation) -> Child {
    let mut command = Command::new(course.checker().get_program());
    command
        .current_dir(course.root())
        .args(["day2_2", "--jobs", "2", "--program"])
        .arg(program)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if !isolation.argument().is_empty() {
        command.arg(isolation.argument());
    }
    let child = command.spawn().unwrap();
    let name = program.file_name().unwrap().to_str().unwrap();
    wait_until("the program runs", || support::processes_called(name) > 0);
    child
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "not until the deadline: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn ctrl_c_ends_everything_at_once() {
    for (isolation, name) in [
        (Isolation::Namespaces, "sleeps_until_ctrl_c"),
        (Isolation::Shared, "sleeps_until_ctrl_c_too"),
    ] {
        let course = Course::real();
        let mut child = begin(&course, &course.misbehaving(name), isolation);
        let start = Instant::now();
        kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{isolation:?}");
        assert!(
            start.elapsed() < Duration::from_secs(4),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(support::processes_called(name), 0, "{isolation:?}");
    }
}

#[test]
fn a_killed_checker_leaves_nothing_running() {
    for (isolation, name) in [
        (Isolation::Namespaces, "sleeps_until_killed"),
        (Isolation::Shared, "sleeps_until_killed_too"),
    ] {
        let course = Course::real();
        let mut child = begin(&course, &course.misbehaving(name), isolation);
        child.kill().unwrap();
        child.wait().unwrap();
        wait_until("its program has ended", || {
            support::processes_called(name) == 0
        });
    }
}
