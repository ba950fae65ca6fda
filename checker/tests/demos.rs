//! The textbook against the kernel: every demo is played, and must agree; and a disagreement must be seen.

mod support;

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr, UdpSocket},
    process::Stdio,
    time::{Duration, Instant},
};

use checker::{
    book,
    demo_context::{DemoContext, DemoResult},
    demo_worker::{DemoRun, DemoStatus},
    demos::{DEMOS, Demo, Needs},
    observe::{
        processes::{self, Process},
        tracer,
    },
    report,
    sandbox::Isolation,
    worker,
};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use predicates::str::contains;
use serde_json::Value;
use support::{
    Course,
    idle::IdleTime,
    machine::{DOCKER, NO_PTRACE, Refusal, on_a_machine_without},
};

const COURSE: &str = include_str!("../../course.md");

/// Plays all demos; returns the exit status and the data.
fn play_all(arguments: &[&str]) -> (Option<i32>, Value) {
    let mut command = Course::real().checker();
    command.args(["demo", "all", "--format", "json"]);
    let output = command.args(arguments).output().unwrap();
    let data = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), data)
}

/// What is wrong with some showings: findings that differ, and trouble of the lab.
fn faults(data: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for demo in data["demos"].as_array().unwrap() {
        let steps = demo["steps"].as_array().unwrap().iter();
        let differ = steps.filter(|step| step["agrees"] == false);
        faults.extend(differ.map(|step| format!("{}: {step}", demo["name"])));
        if demo["error"] != Value::Null {
            faults.push(format!("{}: {}", demo["name"], demo["error"]));
        }
    }
    faults
}

fn status_of<'a>(data: &'a Value, demo: &Demo) -> &'a str {
    let mut demos = data["demos"].as_array().unwrap().iter();
    let found = demos.find(|one| one["name"] == demo.name).unwrap();
    found["status"].as_str().unwrap()
}

#[test]
fn the_kernel_does_what_the_textbook_says() {
    let (code, data) = play_all(&[]);
    assert_eq!(faults(&data), [""; 0]);
    let shows_all = data["isolation"] == "namespaces" && has_ipv6() && has_ptrace();
    let expected = match shows_all {
        true => ("agrees", Some(0)),
        // Then this is the same as the next test.
        false => ("not-shown", Some(4)),
    };
    assert_eq!((data["status"].as_str().unwrap(), code), expected);
}

fn has_ipv6() -> bool {
    UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

fn has_ptrace() -> bool {
    tracer::probe().is_ok()
}

#[test]
fn without_namespaces_it_does_so_too_and_what_needs_them_is_not_shown() {
    let (code, data) = play_all(&["--isolation", "shared"]);
    assert_eq!(faults(&data), [""; 0]);
    assert_eq!(code, Some(4));
    for demo in DEMOS {
        let expected = match demo.needs {
            Needs::Nothing => "agrees",
            Needs::Ipv6 if has_ipv6() => "agrees",
            Needs::Tracing if has_ptrace() => "agrees",
            Needs::Ipv6 | Needs::OwnNetwork | Needs::Tracing => "not-shown",
        };
        assert_eq!(status_of(&data, demo), expected, "{}", demo.name);
    }
}

#[test]
fn on_machines_that_allow_less_nothing_differs_and_nothing_breaks() {
    let arguments = ["demo", "all", "--format", "json"];
    for refusals in [&[DOCKER][..], &[DOCKER, NO_PTRACE]] {
        let output = on_a_machine_without(refusals, &arguments);
        let data: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(faults(&data), [""; 0]);
        assert_eq!(output.status.code(), Some(4));
    }
}

#[test]
fn no_demo_takes_more_than_some_seconds() {
    let (begun, idle) = (Instant::now(), IdleTime::start());
    let (_, data) = play_all(&[]);
    // What of its time is due to other work on this machine, a demo cannot help.
    let share = idle.elapsed().as_secs_f64() / begun.elapsed().as_secs_f64();
    for demo in data["demos"].as_array().unwrap() {
        // Three times what is promised.
        let milliseconds = demo["milliseconds"].as_f64().unwrap();
        assert!(share * milliseconds < 9000.0, "{demo}");
    }
}

/// A demo whose textbook is wrong in one thing.
const WRONG: Demo = Demo {
    name: "wrong",
    day: 2,
    question: "Is a wrong textbook noticed?",
    read: "nowhere",
    needs: Needs::Nothing,
    run: |demo| {
        demo.does("bind a port that is taken");
        let (_taken, address) = demo.bound()?;
        let refused = checker::demo_context::bind(&demo.tcp()?, address);
        demo.expect("right", Err(Errno::EADDRINUSE), refused);
        demo.expect("wrong", Err(Errno::EADDRNOTAVAIL), refused);
        demo.expect_within("wrong bounds", 70_000, 80_000, u32::from(address.port()));
        Ok(())
    },
};

fn play(demo: &Demo) -> DemoRun {
    let mut context = DemoContext::new(Isolation::Shared, Ipv4Addr::LOCALHOST, None);
    let ended = (demo.run)(&mut context);
    DemoRun::new(demo, context.into_steps(), ended, Duration::ZERO)
}

#[test]
fn a_wrong_textbook_is_seen() {
    let showing = play(&WRONG);
    assert_eq!(showing.status, DemoStatus::Disagrees);
    assert_eq!(showing.agreement(), (1, 3));
    let text = report::demo::showing(&showing, &book::Places::default(), 80);
    let text = anstream::adapter::strip_str(&text).to_string();
    for part in [
        "agrees     right → EADDRINUSE",
        "DIFFERS    wrong\n",
        "textbook  EADDRNOTAVAIL",
        "kernel    EADDRINUSE",
        "textbook  70000 to 80000",
        "Kernel and textbook differ: 1 of 3 statements agree.",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn a_part_that_is_not_shown_is_no_agreement_and_trouble_is_not_the_kernels() {
    let not_shown = Demo {
        run: |demo| demo.in_own_network("a part", |_| Ok(())),
        ..WRONG
    };
    assert_eq!(play(&not_shown).status, DemoStatus::NotShown);
    fn breaks(demo: &mut DemoContext) -> DemoResult {
        demo.does("something");
        Err(checker::failure::LabError::new("could not do it"))
    }
    let showing = play(&Demo {
        run: breaks,
        ..WRONG
    });
    assert_eq!(showing.status, DemoStatus::Broken);
    assert_eq!(showing.steps.len(), 1);
}

#[test]
fn no_demo_waits_when_its_lifeline_has_hung_up() {
    let (hung_up, _) = std::io::pipe().unwrap();
    let demo = DemoContext::new(Isolation::Shared, Ipv4Addr::LOCALHOST, Some(hung_up.into()));
    let waited = demo.wait_for(&[], || Ok(None::<()>));
    assert!(waited.is_err(), "{waited:?}");
}

#[test]
fn the_machines_own_settings_cannot_be_changed() {
    let demo = DemoContext::new(Isolation::Shared, Ipv4Addr::LOCALHOST, None);
    let before = demo.setting("net.ipv4.tcp_syn_retries").unwrap();
    assert!(demo.set("net.ipv4.tcp_syn_retries", "1").is_err());
    assert_eq!(demo.setting("net.ipv4.tcp_syn_retries").unwrap(), before);
    let route = checker::demo_context::Route::Blackhole;
    assert!(
        demo.add_route(route, Ipv4Addr::new(203, 0, 113, 9))
            .is_err()
    );
}

#[test]
fn a_kernel_that_does_something_else_is_exit_status_1() {
    let getpeername = Refusal {
        errno: libc::EDOM,
        ..Refusal::of(libc::SYS_getpeername)
    };
    let output = on_a_machine_without(&[&[getpeername]], &["demo", "endian"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("kernel    EDOM"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn demos_are_listed_by_day_and_found_by_near_names() {
    let course = Course::real();
    let list = course.checker().arg("demo").assert().code(0);
    let list = String::from_utf8(list.get_output().stdout.clone()).unwrap();
    for demo in DEMOS {
        assert!(list.contains(&format!("\n  {:<12}", demo.name)), "{list}");
    }
    for (typed, meant) in [("backlgo", "backlog"), ("al", "all"), ("sigpip", "sigpipe")] {
        let assert = course.checker().args(["demo", typed]).assert();
        assert
            .code(2)
            .stderr(contains(format!("did you mean {meant}")));
    }
    let assert = course.checker().args(["demo", "xyzzy"]).assert();
    assert
        .code(2)
        .stderr(contains("`cargo lab demo` lists them"));
}

#[test]
fn several_demos_are_played_once_each_in_the_order_of_the_course() {
    let course = Course::real();
    let arguments = ["demo", "addrlen", "endian", "addrlen", "--format=json"];
    let output = course.checker().args(arguments).output().unwrap();
    let data: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<&Value> = data["demos"]
        .as_array()
        .unwrap()
        .iter()
        .map(|demo| &demo["name"])
        .collect();
    assert_eq!(names, ["endian", "addrlen"]);
}

#[test]
fn json_follows_its_schema() {
    let schema: Value = serde_json::from_str(include_str!("../demo.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for arguments in [&[][..], &["--isolation=shared"]] {
        let (_, data) = play_all(arguments);
        let errors: Vec<String> = validator
            .iter_errors(&data)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, [""; 0]);
    }
}

#[test]
fn it_fits_80_columns_and_has_no_colour_for_a_file() {
    for isolation in ["namespaces", "shared"] {
        let output = Course::real()
            .checker()
            .args(["demo", "all", "--isolation", isolation])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains('\u{1b}'));
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
    let list = Course::real().checker().arg("demo").output().unwrap();
    let text = String::from_utf8(list.stdout).unwrap();
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn ctrl_c_ends_a_demo_at_once_and_leaves_nothing() {
    let course = Course::real();
    // Its seconds go by in waits, and in a close that nobody can end: there is time to interrupt it.
    let mut child = course
        .checker_command()
        .args(["demo", "linger", "backlog", "linger"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let own = child.id().cast_signed();
    let players = || {
        let mut all = processes::descendants(own);
        all.retain(|pid, _| {
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
            line.is_ok_and(|line| line.contains(worker::COMMAND))
        });
        all
    };
    wait_until("a demo is played", || !players().is_empty());
    let players = players();
    let start = IdleTime::start();
    kill(Pid::from_raw(own), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    wait_until("all are gone", || {
        players.keys().all(|&pid| Process::read(pid).is_none())
    });
}

#[test]
fn a_killed_checker_leaves_no_demo() {
    let course = Course::real();
    let mut child = course
        .checker_command()
        .args(["demo", "backlog"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let own = child.id().cast_signed();
    wait_until("a demo is played", || {
        !processes::descendants(own).is_empty()
    });
    let all = processes::descendants(own);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("all are gone", || {
        all.keys().all(|&pid| Process::read(pid).is_none())
    });
}

fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    support::wait_until(what, Duration::from_secs(20), condition);
}

/// The demos which the textbook names: `(demo backlog)`, also with the name in backticks, or on the next line.
fn named_in_the_course() -> BTreeSet<String> {
    let words: Vec<&str> = COURSE.split_whitespace().collect();
    words
        .windows(2)
        .filter(|pair| matches!(pair[0], "demo" | "(demo"))
        .filter_map(|pair| {
            let name = pair[1].trim_start_matches('`');
            let end = name.find(['`', ')', ',', ';'])?;
            let is_name = name[..end]
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric());
            is_name.then(|| name[..end].to_owned())
        })
        .collect()
}

fn all_names() -> BTreeSet<String> {
    DEMOS.iter().map(|demo| demo.name.to_owned()).collect()
}

#[test]
fn every_demo_that_the_textbook_names_is_there() {
    let unknown: Vec<String> = named_in_the_course()
        .difference(&all_names())
        .cloned()
        .collect();
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn every_demo_is_named_in_the_textbook() {
    let unnamed: Vec<String> = all_names()
        .difference(&named_in_the_course())
        .cloned()
        .collect();
    assert_eq!(unnamed, [""; 0]);
}

#[test]
fn every_demo_belongs_to_a_heading_of_the_textbook() {
    let headings: BTreeSet<String> = book::headings(COURSE)
        .into_iter()
        .map(|heading| heading.title)
        .collect();
    for demo in DEMOS {
        assert!(headings.contains(demo.read), "{}: {}", demo.name, demo.read);
    }
}

#[test]
fn names_are_different_and_questions_end_with_a_question_mark() {
    assert_eq!(all_names().len(), DEMOS.len());
    for demo in DEMOS {
        assert!(demo.question.ends_with('?'), "{}", demo.name);
        assert!(DEMOS.is_sorted_by_key(|demo| demo.day));
    }
}
