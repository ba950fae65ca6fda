//! A checker that is interrupted, or killed, takes all that it started with it.

mod support;

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use checker::{
    observe::processes::{self, Process},
    test_worker, worker,
};
use nix::{
    sys::signal::{Signal, kill, killpg},
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

/// A cargo that is ended says nothing about the exercises, and the terminal's Ctrl-C goes to all processes.
#[test]
fn ctrl_c_during_a_build_ends_it_and_starts_no_other() {
    let course = Course::copy_of(&["day1_1_file_copy", "day2_2_echo_server"]);
    let temporary = temporary_folder();
    let (cargo, pids) = (
        temporary.path().join("cargo"),
        temporary.path().join("pids"),
    );
    let pids_file = pids.display();
    let script = format!("#!/bin/sh\nsleep 1000 &\necho $$ $! >>{pids_file}\nwait\n");
    fs::write(&cargo, script).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let child = course
        .checker_command()
        .env("CARGO", &cargo)
        .env("TMPDIR", temporary.path())
        .args(["all", "--color=never"])
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = || fs::read_to_string(&pids).unwrap_or_default();
    wait_until("cargo runs", || started().ends_with('\n'));
    killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(started().lines().count(), 1);
    for pid in started().split_whitespace() {
        wait_until("cargo and its children have ended", || {
            Process::read(pid.parse().unwrap()).is_none_or(|process| process.state == 'Z')
        });
    }
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
