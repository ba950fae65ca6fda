//! A checker that is interrupted, or killed, takes all that it started with it.

mod support;

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use checker::{
    observe::processes::{self, Process},
    test_worker, worker,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use support::{Course, Isolation, idle::IdleTime};
use tempfile::TempDir;

/// For temporary files of a checker, which a killed one cannot remove.
fn temporary_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    folder
}

/// Starts the checker on a program that sleeps, and waits until it is there.
fn begin(course: &Course, program: &Path, isolation: Isolation, temporary: &TempDir) -> Child {
    let mut command = course.checker_command();
    command
        .env("TMPDIR", temporary.path())
        .args(["day2_2", "--jobs", "2", "--program"])
        .arg(program)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if !isolation.argument().is_empty() {
        command.arg(isolation.argument());
    }
    let child = command.spawn().unwrap();
    wait_until("the program runs", || support::processes_of(program) > 0);
    child
}

fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    support::wait_until(what, Duration::from_secs(20), condition);
}

#[test]
fn ctrl_c_ends_everything_at_once() {
    for isolation in Isolation::ALL {
        let course = Course::real();
        let temporary = temporary_folder();
        let program = course.misbehaving("sleeps_until_ctrl_c");
        let mut child = begin(&course, &program, isolation, &temporary);
        let start = IdleTime::start();
        kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{isolation:?}");
        assert!(
            start.elapsed() < Duration::from_secs(4),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(support::processes_of(&program), 0, "{isolation:?}");
    }
}

#[test]
fn a_killed_checker_leaves_nothing_running() {
    for isolation in Isolation::ALL {
        let course = Course::real();
        let temporary = temporary_folder();
        let program = course.misbehaving("sleeps_until_killed");
        let mut child = begin(&course, &program, isolation, &temporary);
        child.kill().unwrap();
        child.wait().unwrap();
        wait_until("its program has ended", || {
            support::processes_of(&program) == 0
        });
    }
}

/// A checker in a group of its own, whose cargo notes that it has begun, says this, and then waits for a process that is
/// there, as it does for a compiler.
fn begin_build(course: &Course, said: &str) -> (Child, PathBuf) {
    let compiler = course.misbehaving("sleeps_as_a_compiler");
    let cargo = course.script(&format!(
        "echo begun >> \"$0.log\"\necho '{said}'\n{} &\nwait",
        compiler.display()
    ));
    let mut command: Command = course.checker_command();
    command
        .args(["day1_2", "day2_2", "--fail-fast"])
        .env("CARGO", &cargo)
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = command.spawn().unwrap();
    wait_until("the compiler runs", || support::processes_of(&compiler) > 0);
    (child, cargo.with_file_name("script.log"))
}

/// Waits for the end of a checker whose build goes on for ever, and of its compiler.
fn expect_end_of_build(course: &Course, mut child: Child, log: &Path, status: i32) {
    wait_until("the checker has ended", || {
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(child.wait().unwrap().code(), Some(status));
    let compiler = course.misbehaving("sleeps_as_a_compiler");
    wait_until("the compiler has ended", || {
        support::processes_of(&compiler) == 0
    });
    assert_eq!(fs::read_to_string(log).unwrap(), "begun\n");
}

/// Ctrl-C goes to all processes in the foreground, and a signal from elsewhere to the checker alone.
#[test]
fn an_interrupted_build_ends_with_its_compiler_and_no_other_begins() {
    let course = Course::copy_of(&["day1_2_endianness", "day2_2_echo_server"]);
    for (signal, sign) in [(Signal::SIGINT, -1), (Signal::SIGTERM, 1)] {
        let (child, log) = begin_build(&course, "");
        kill(Pid::from_raw(sign * child.id().cast_signed()), signal).unwrap();
        expect_end_of_build(&course, child, &log, 130);
        fs::remove_file(log).unwrap();
    }
}

#[test]
fn the_first_failure_of_a_fast_run_ends_the_build() {
    let course = Course::copy_of(&["day1_2_endianness", "day2_2_echo_server"]);
    let program = course.misbehaving("ends_at_once");
    let built = support::built("day1_2_endianness", course.root(), &program);
    let (child, log) = begin_build(&course, &built);
    expect_end_of_build(&course, child, &log, 1);
}

/// They are started while the program is still being compiled.
#[test]
fn workers_that_wait_for_a_build_in_vain_end_with_the_checker() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    course.write(
        "exercises/day2_2_echo_server/src/main.rs",
        "fn main() { nonsense }",
    );
    for (end, status) in [
        (Some(Signal::SIGKILL), None),
        (Some(Signal::SIGINT), Some(130)),
        (None, Some(1)),
    ] {
        let temporary = temporary_folder();
        let mut child = course
            .checker_command()
            .env("TMPDIR", temporary.path())
            .arg("day2_2")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let own = child.id().cast_signed();
        let mut workers = Vec::new();
        wait_until("a worker waits", || {
            workers =
                support::pids_with(&format!("{}\0{}", worker::COMMAND, test_worker::JOB.name));
            let below = processes::descendants(own);
            workers.retain(|pid| below.contains_key(pid));
            !workers.is_empty()
        });
        let start = IdleTime::start();
        if let Some(signal) = end {
            kill(Pid::from_raw(own), signal).unwrap();
        }
        assert_eq!(child.wait().unwrap().code(), status, "{end:?}");
        assert!(
            start.elapsed() < Duration::from_secs(15),
            "{end:?}: {:?}",
            start.elapsed()
        );
        wait_until("they have ended", || {
            workers.iter().all(|&pid| Process::read(pid).is_none())
        });
    }
}
