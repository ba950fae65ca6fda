//! The verdict "stuck" is given at once to programs that hang, and never to one that only takes its time.
//!
//! The programs are in `stuck_verdict/servers.c`, one for each file name. Each test was seen to fail: those who nap and
//! those who wait, with a verdict that knew no blocked SIGALRM, no SIGCONT from a timer and no process without its main
//! thread; those who work, with one that took running threads for sleeping ones and did not count their switches;
//! those who hang, with one that did not know splice, and took a limit for writing for one for reading; those who hang for an
//! hour, with one that waited for every limit.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use support::{
    Course, Isolation, MACHINE, Tracing, compiler::compile_c, idle::IdleTime,
    removal::folder_until_exit,
};

/// One client, one line, one answer: one wait whose length the server chooses.
const TEST: &str = "sends a line back at once";

/// A verdict without proof comes after 5 seconds; one with it takes a tenth of one where the machine is idle.
const AT_ONCE: Duration = Duration::from_secs(4);

/// Their naps: what wakes them is time, by any of the ways in which it can.
const NAP: &[&str] = &[
    "nanosleeps",
    "polls",
    "selects",
    "waits_in_epoll",
    "catches_an_alarm",
    "catches_an_alarm_in_sigsuspend",
    "awaits_a_blocked_alarm",
    "reads_an_alarm_from_a_signalfd",
    "polls_an_alarm_from_a_signalfd",
    "catches_a_posix_timer",
    "awaits_a_posix_timer",
    "has_a_timer_with_a_thread",
    "reads_a_timerfd",
    "polls_a_timerfd",
    "has_a_timerfd_in_epoll",
    "has_a_time_limit_on_a_socket",
    "has_a_time_limit_for_sending",
    "accepts_with_a_time_limit",
    "asks_again_with_a_time_limit",
    "waits_on_a_condition_with_a_limit",
    "naps_before_it_listens",
];

/// Somebody else naps or works, and they wait for it.
const WAIT_FOR_OTHERS: &[&str] = &[
    "joins_a_thread_that_naps",
    "waits_for_a_child_that_burns",
    "waits_for_a_child_that_has_an_alarm",
    "runs_a_command",
    "runs_a_command_in_vfork",
    "has_a_grandchild_of_a_thread",
    "naps_behind_another_process",
    "is_stopped_and_continued_by_its_child",
    "is_stopped_and_continued_by_a_timer",
    "passes_work_between_threads",
    "has_20_threads",
    "lives_on_without_its_main_thread",
    "lives_on_with_a_time_limit",
    "serves_in_a_child",
];

/// They are slow, or use the processor.
const WORK: &[&str] = &[
    "computes_before_it_listens",
    "answers_one_byte_per_write",
    "burns_in_a_child",
];

/// The call in which each hangs, as the report names it.
const HANG: &[(&str, &str)] = &[
    ("hangs_in_read", "waits in read("),
    ("hangs_in_read_with_a_limit_for_writing", "waits in read("),
    ("hangs_in_read_and_catches_sigprof", "waits in read("),
    ("hangs_in_accept", "waits in accept"),
    ("hangs_in_recv", "waits in recvfrom("),
    ("hangs_in_poll", "poll"),
    ("hangs_in_ppoll", "waits in ppoll"),
    ("hangs_in_epoll", "waits in epoll_"),
    ("hangs_in_select", "select"),
    ("hangs_in_wait4", "waits in wait4"),
    ("hangs_in_a_deadlock", "waits in futex"),
    ("hangs_in_pause", "waits in "),
    ("hangs_in_sigsuspend", "waits in rt_sigsuspend"),
    ("hangs_in_sigwait", "waits in rt_sigtimedwait"),
    ("hangs_in_a_signalfd", "[signalfd]"),
    ("hangs_in_a_disarmed_timerfd", "[timerfd]"),
    ("hangs_in_a_full_pipe", "waits in write("),
    ("hangs_in_two_full_directions", "waits in write("),
    ("hangs_in_splice", "waits in splice("),
    ("hangs_in_a_thread_without_main", "waits in read("),
    ("hangs_in_sigstop", "is stopped"),
];

/// A verdict on a sleep that outlasts the test takes a second; on any other with a time limit, some seconds.
const SOON: Duration = Duration::from_millis(2500);

/// What they sleep in would end by itself, an hour later.
const HANG_FOR_AN_HOUR: &[&str] = &[
    "hangs_in_poll_for_an_hour",
    "hangs_in_ppoll_for_an_hour",
    "hangs_in_sigtimedwait_for_an_hour",
    "hangs_in_nanosleep_for_an_hour",
];

/// The programs, compiled once.
static SERVERS: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = folder_until_exit();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stuck_verdict/servers.c");
    compile_c(source, folder.join("servers"));
    folder
});

fn server(name: &str) -> PathBuf {
    let path = SERVERS.join(name);
    // Under one name for each of its ways; a link, because a copy that is still open for writing cannot be executed.
    let _ = fs::hard_link(SERVERS.join("servers"), &path);
    path
}

/// Where and how a program is watched.
type Place = (Isolation, Tracing);

/// What a test of one of these programs came to.
struct Outcome {
    name: &'static str,
    place: Place,
    /// `passed`, or the diagnosis.
    result: String,
    symptom: String,
    /// How long that took beside other work.
    idle: Duration,
}

fn check(name: &'static str, place: Place) -> Outcome {
    let (isolation, tracing) = place;
    let start = IdleTime::start();
    let report = Course::real().check_test("day2_2", TEST, &server(name), isolation, tracing);
    let test = &report["exercises"][0]["tests"][0];
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    Outcome {
        name,
        place,
        result: text(&test["failure"]["diagnosis"])
            .or_else(|| text(&test["status"]))
            .unwrap_or_default(),
        symptom: text(&test["failure"]["symptom"]).unwrap_or_else(|| test["error"].to_string()),
        idle: start.elapsed(),
    }
}

/// Checks all of these, with and without namespaces, traced and not. They sleep most of the time, so several run side by side.
fn check_all(names: &[&'static str]) -> Vec<Outcome> {
    const AT_ONCE: usize = 4;
    let places = Isolation::ALL
        .into_iter()
        .flat_map(|isolation| Tracing::ALL.map(|tracing| (isolation, tracing)));
    let work: Vec<(&'static str, Place)> = places
        .flat_map(|place| names.iter().map(move |&name| (name, place)))
        .collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = Vec::new();
                    while let Some(&(name, place)) = work.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        done.push(check(name, place));
                    }
                    done
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    })
}

fn all_pass(names: &[&'static str]) {
    let wrong: Vec<String> = check_all(names)
        .into_iter()
        .filter(|outcome| outcome.result != "passed")
        .map(|outcome| {
            format!(
                "{}, {:?}: {}: {}",
                outcome.name, outcome.place, outcome.result, outcome.symptom
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn who_naps_is_not_stuck() {
    all_pass(NAP);
}

#[test]
fn who_waits_for_others_is_not_stuck() {
    all_pass(WAIT_FOR_OTHERS);
}

#[test]
fn who_works_is_not_stuck() {
    all_pass(WORK);
}

/// Only a tracer knows that nobody has set the alarm.
#[test]
fn who_catches_sigalrm_and_sets_no_alarm_is_stuck_where_calls_are_followed() {
    for isolation in Isolation::ALL {
        let outcome = check(
            "hangs_in_read_and_catches_sigalrm",
            (isolation, Tracing::On),
        );
        let expected = if MACHINE.tracing.is_ok() {
            "stuck"
        } else {
            "timed-out"
        };
        assert_eq!(outcome.result, expected, "{}", outcome.symptom);
    }
}

#[test]
fn who_hangs_is_stuck_and_told_so_at_once() {
    let names: Vec<&'static str> = HANG.iter().map(|&(name, _)| name).collect();
    let wrong: Vec<String> = check_all(&names)
        .into_iter()
        .filter(|outcome| {
            let call = HANG.iter().find(|(name, _)| *name == outcome.name);
            outcome.result != "stuck"
                || outcome.idle > AT_ONCE
                || call.is_some_and(|(_, call)| !outcome.symptom.contains(call))
        })
        .map(|outcome| {
            format!(
                "{}, {:?}: {} after {:?}: {}",
                outcome.name, outcome.place, outcome.result, outcome.idle, outcome.symptom
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn who_sleeps_for_longer_than_the_test_is_not_waited_for() {
    let wrong: Vec<String> = check_all(HANG_FOR_AN_HOUR)
        .into_iter()
        .filter(|outcome| outcome.result != "timed-out" || outcome.idle > SOON)
        .map(|outcome| {
            format!(
                "{}, {:?}: {} after {:?}: {}",
                outcome.name, outcome.place, outcome.result, outcome.idle, outcome.symptom
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
