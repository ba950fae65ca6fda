//! Programs that attack their grader. In a jail they get nothing, leave nothing, and slow nobody; and without the jail
//! the same attacks come through, so that it is the jail which holds them.
//!
//! As root and as an ordinary user, in namespaces and without. The programs are in examples/hostile.

mod attacks;
mod disk;
mod leavings;
mod peers;
mod scene;
#[path = "../support/mod.rs"]
mod support;

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::{
        fs::PermissionsExt,
        process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::Stdio,
    sync::LazyLock,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use scene::{EXERCISE, FIRST_TEST, Scene, User, Walls, is_root, text};
use serde_json::Value;
use support::{Course, Isolation, idle::IdleTime, skipped::skipped};

static SOLUTION: LazyLock<PathBuf> = LazyLock::new(|| Course::real().built_solution(EXERCISE));

/// Everywhere, with what is left checked each time.
fn everywhere(name: &str, mut see: impl FnMut(&mut Scene, Isolation)) {
    for &user in User::all() {
        for isolation in Isolation::ALL {
            let mut scene = Scene::new(user);
            see(&mut scene, isolation);
            scene.expect_clean(name);
        }
    }
}

/// Starts an attack with nothing around it, which comes through, and ends all of it.
fn control(name: &str, expected: &str) {
    let scene = Scene::new(User::Ordinary);
    let mut bare = scene.bare(name);
    let mut program = bare.stderr(Stdio::piped()).spawn().unwrap();
    // Its children hold the other end, too, and stay.
    let stderr = BufReader::new(program.stderr.take().unwrap());
    let first = stderr.lines().next();
    let _ = killpg(Pid::from_raw(program.id().cast_signed()), Signal::SIGKILL);
    program.wait().unwrap();
    assert_eq!(first.unwrap().unwrap(), format!("got {expected}"), "{name}");
}

fn diagnosis(test: &Value) -> &str {
    assert_eq!(test["status"], "failed", "{test}");
    test["failure"]["diagnosis"].as_str().unwrap()
}

// 3
#[test]
fn a_signal_to_everybody_reaches_nobody_else() {
    let name = "signals_everybody";
    everywhere(name, |scene, isolation| {
        let test = scene.check(name, isolation, Walls::Jail);
        let said = test["failure"]["stderr"].as_str().unwrap_or_default();
        assert_eq!(diagnosis(&test), "exited", "{test}");
        // In a namespace, everybody is nobody but itself.
        let got = said.contains("got kill(-1)");
        assert!(!got || isolation == Isolation::Namespaces, "{test}");
    });
    control_of_a_signal_to_everybody(name);
}

/// It ends all processes of its user. So it gets a user of its own.
fn control_of_a_signal_to_everybody(name: &str) {
    const NOBODY_ELSE: u32 = 61_235;
    if !is_root() {
        return skipped("the control, which needs a user of its own");
    }
    let scene = Scene::new(User::Ordinary);
    let mut neighbour = scene::sleeper(Some(NOBODY_ELSE));
    let mut bare = scene.bare(name);
    bare.uid(NOBODY_ELSE).gid(NOBODY_ELSE).output().unwrap();
    let ended = neighbour.wait().unwrap();
    assert_eq!(ended.signal(), Some(libc::SIGKILL));
}

// 1
#[test]
fn one_that_multiplies_is_stopped_at_its_limit() {
    let name = "multiplies";
    everywhere(name, |scene, isolation| {
        let test = scene.check(name, isolation, Walls::Jail);
        if diagnosis(&test) == "process-left" {
            // On a busy machine the lab looks while the program still multiplies, and ends it then.
            return;
        }
        let said = test["failure"]["stderr"].as_str().unwrap_or_default();
        let held = said.trim().strip_prefix("held 400 children: ");
        assert!(held.is_some(), "{isolation:?}: {said}");
        let made: u32 = held.unwrap().split(' ').next().unwrap().parse().unwrap();
        // Where others run as the same user, the processes that they end make room for more.
        let is_limited = isolation == Isolation::Shared || made <= 128;
        assert!(made > 0 && is_limited, "{isolation:?}: {said}");
    });
    control(name, "400 children");
}

// 28
#[test]
fn one_that_takes_all_memory_is_stopped() {
    let name = "takes_all_memory+20";
    everywhere(name, |scene, isolation| {
        let start = IdleTime::start();
        let test = scene.check(name, isolation, Walls::Jail);
        // Where it takes 2 s of the processor to get so much memory, this is noticed first.
        let is_stopped = ["out-of-memory", "busy"].contains(&diagnosis(&test));
        assert!(is_stopped, "{isolation:?}: {test}");
        assert!(start.elapsed() < Duration::from_secs(20));
    });
    control("takes_all_memory+17", "17 times 64 MiB");
}

// 21
#[test]
fn daemons_end_with_their_test() {
    let name = "leaves_daemons";
    everywhere(name, |scene, isolation| {
        let test = scene.check(name, isolation, Walls::Jail);
        diagnosis(&test);
    });
    let scene = Scene::new(User::Ordinary);
    let mut bare = scene.bare(name);
    let mut program = bare.stderr(Stdio::piped()).spawn().unwrap();
    program.wait().unwrap();
    let said = BufReader::new(program.stderr.take().unwrap());
    for line in said.lines().take(3) {
        let line = line.unwrap();
        let (_, daemon) = line.split_once(": ").unwrap();
        kill(Pid::from_raw(daemon.parse().unwrap()), Signal::SIGKILL).unwrap();
    }
}

// 5, 7, 8, 27, 29, 35. A right program passes: see below.
#[test]
fn one_that_does_nothing_right_fails() {
    for name in [
        "ends_well",
        "ends_before_main",
        "panics_well",
        "claims_success",
        "answers_the_same",
        "floods",
        "sleeps",
    ] {
        everywhere(name, |scene, isolation| {
            let program = scene.hostile(name);
            let arguments = ["--format=json", "--program", program.to_str().unwrap()];
            let arguments = match name {
                // Its first promise is kept, and the others are not.
                "answers_the_same" => [&arguments[..], &["--only", "sends a line back"]].concat(),
                _ => [&arguments[..], &["--only", FIRST_TEST]].concat(),
            };
            let output = scene
                .command(EXERCISE, &arguments, isolation, Walls::Jail)
                .output()
                .unwrap();
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(report["points"], 0, "{name} {isolation:?}: {report}");
            assert_eq!(report["status"], "failed", "{name} {isolation:?}: {report}");
            assert_eq!(output.status.code(), Some(1), "{name} {isolation:?}");
        });
    }
}

// 35
#[test]
fn one_that_ends_its_process_would_deceive_a_grader_in_the_same_process() {
    let scene = Scene::new(User::Ordinary);
    for name in ["ends_before_main", "panics_well"] {
        let output = scene.bare(name).output().unwrap();
        assert!(output.status.success(), "{name}: {output:?}");
        assert!(
            text(&output.stdout).starts_with("test result: ok"),
            "{name}"
        );
    }
}

// 6
#[test]
fn what_it_prints_is_only_quoted() {
    let scene = Scene::new(User::Ordinary);
    let program = scene.hostile("claims_success");
    let steering = ["\u{1b}]0;", "\u{1b}[2J", "\u{7}", "\r"];
    let commands = |printed: &str| printed.lines().any(|line| line.starts_with("::"));
    let bare = text(&scene.bare("claims_success").output().unwrap().stdout);
    assert!(steering.iter().all(|steering| bare.contains(steering)) && commands(&bare));
    for format in ["human", "json", "junit"] {
        let format = format!("--format={format}");
        let arguments = [
            format.as_str(),
            "--color=always",
            "--program",
            program.to_str().unwrap(),
        ];
        let output = scene
            .command(EXERCISE, &arguments, Isolation::Namespaces, Walls::Jail)
            .output()
            .unwrap();
        let printed = text(&output.stdout);
        for steering in steering {
            assert!(!printed.contains(steering), "{format}: {printed}");
        }
        assert!(!commands(&printed), "{printed}");
    }
}

// 11
#[test]
fn links_that_it_plants_lead_the_grader_nowhere() {
    for &user in User::all() {
        for isolation in Isolation::ALL {
            let mut scene = Scene::new(user);
            let folder = scene.path("secrets").display().to_string();
            let name = format!("plants_links+{folder}");
            scene.check(&name, isolation, Walls::Jail);
            assert!(Path::new(&scene.secret("solution.rs")).is_file());
            scene.expect_clean(&name);
        }
    }
    // The links are there, and lead where they should not; and a folder is closed to whoever cleans up.
    let scene = Scene::new(User::Ordinary);
    let name = format!("plants_links+{}", scene.path("secrets").display());
    scene.bare(&name).output().unwrap();
    let planted = scene.path("temporary");
    assert!(planted.join("folder/solution.rs").is_file());
    let closed = planted.join("closed");
    assert_eq!(closed.metadata().unwrap().permissions().mode() & 0o777, 0);
    fs::set_permissions(closed, fs::Permissions::from_mode(0o700)).unwrap();
}

/// A test that gives a program a path for a UNIX socket, and one that gives it files of its own in /etc.
const SOCKETS_AT_PATHS: (&str, &str) = (
    "day4_2_graceful_shutdown",
    "takes the path of a server that was killed",
);
const FILES_IN_ETC: (&str, &str) = ("day3_5_resolve", "knows the names of services");

/// In namespaces a jail has a root directory of its own. Elsewhere the paths of the machine's sockets would be in sight.
#[test]
fn in_namespaces_a_jail_takes_no_test_from_a_right_program() {
    for (exercise, test) in [SOCKETS_AT_PATHS, FILES_IN_ETC] {
        let solution = Course::real().built_solution(exercise);
        everywhere("right", |scene, isolation| {
            scene.program(&solution, "right");
            let seen = scene.check_by((exercise, test), "right", isolation, Walls::Jail);
            let expected = match isolation {
                Isolation::Namespaces => "passed",
                Isolation::Shared => "not-checked",
            };
            assert_eq!(seen["status"], expected, "{isolation:?}: {seen}");
        });
    }
}

/// Beside each of the worst, a right program gets all its points.
#[test]
fn a_right_program_beside_a_hostile_one_gets_all_points() {
    for &user in User::all() {
        for isolation in Isolation::ALL {
            let mut scene = Scene::new(user);
            for name in ["spins_in_many", "signals_everybody", "floods", "multiplies"] {
                let attackers = scene.hostile(name);
                let right = scene.program(&SOLUTION, "right");
                let arguments = |program: &Path| {
                    ["--format=json", "--program"]
                        .map(str::to_owned)
                        .into_iter()
                        .chain([program.to_str().unwrap().to_owned()])
                        .collect::<Vec<_>>()
                };
                let start = |program: &Path, further: &[&str]| {
                    let arguments = arguments(program);
                    let arguments: Vec<&str> = arguments
                        .iter()
                        .map(String::as_str)
                        .chain(further.iter().copied())
                        .collect();
                    scene
                        .command(EXERCISE, &arguments, isolation, Walls::Jail)
                        .stdout(Stdio::piped())
                        .spawn()
                        .unwrap()
                };
                let mut attacker = start(&attackers, &["--only", FIRST_TEST, "--jobs=1"]);
                let at_work = format!("{}\0127.", attackers.display());
                support::wait_until("the attacker is at work", Duration::from_secs(60), || {
                    // A swift one may already have been seen to fail.
                    support::processes_with(&at_work) > 0 || attacker.try_wait().unwrap().is_some()
                });
                let beside = start(&right, &[]);
                let output = beside.wait_with_output().unwrap();
                let report: Value = serde_json::from_slice(&output.stdout).unwrap();
                assert_eq!(
                    report["points"], report["max_points"],
                    "beside {name}, {user:?}, {isolation:?}: {report:#}"
                );
                let output = attacker.wait_with_output().unwrap();
                let report: Value = serde_json::from_slice(&output.stdout).unwrap();
                assert_eq!(report["status"], "failed", "{name} {isolation:?}: {report}");
                scene.expect_clean(name);
            }
        }
    }
}
