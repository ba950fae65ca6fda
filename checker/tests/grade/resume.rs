//! A run that was killed goes on.

use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Child, ExitStatus},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use crate::class::{
    Class, Deserves, NAME, RIGHT, exercise, expect_deserved, finished, inside, solution_of,
    wait_until,
};

/// So many submissions of all kinds, in turns.
fn mixed_class(size: usize) -> Class {
    let mut class = Class::new();
    for number in 0..size {
        let name = |kind: &str| format!("{number:02}-{kind}");
        let wrong = |class: &mut Class, mistake| {
            let name = name(mistake);
            class.program(&name, Deserves::Mistake(mistake), &solution_of(mistake));
        };
        match number % 10 {
            0 | 4 => class.program(&name("right"), Deserves::All, RIGHT),
            1 => wrong(&mut class, "never_closes"),
            2 => class.program(&name("error"), Deserves::NoProgram, "fn main() { x }\n"),
            3 => class.hostile(&name("hostile")),
            5 => class.program(&name("empty"), Deserves::Nothing, "fn main() {}\n"),
            6 => wrong(&mut class, "keeps_the_line"),
            7 => class.zip(
                &format!("{}.zip", name("zip")),
                Deserves::All,
                &[(&inside("src/main.rs"), RIGHT.as_bytes())],
            ),
            8 => {
                let root = class.folder(&name("link"), Deserves::NoProgram, &[("src/x.rs", "")]);
                let main = root.join("exercises").join(NAME).join("src/main.rs");
                std::os::unix::fs::symlink("/etc/passwd", main).unwrap();
            }
            _ => class.program(
                &name("endless"),
                Deserves::NoProgram,
                "#![allow(long_running_const_eval)]\nconst X: () = loop {};\nfn main() { X }\n",
            ),
        }
    }
    class
}

/// Starts grading in a process group of its own, and waits for a moment: until the builds have a folder and so many
/// results are there, and then as long as chance has it.
fn begin(class: &Class, out: &str, results: usize, more: Duration) -> Child {
    let mut command = class.grade(out);
    let child = command.arg("--jobs=2").process_group(0).spawn().unwrap();
    wait_until("a folder for builds is there", || {
        fs::read_dir(class.tmp()).unwrap().count() > 0
    });
    wait_until("enough results are there", || {
        class.results(out).len() >= results
    });
    thread::sleep(more);
    child
}

/// As a terminal does with Ctrl-C, or the end of a machine's patience: all of the checker's group.
fn end(child: &mut Child, signal: Signal) -> ExitStatus {
    killpg(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
    child.wait().unwrap()
}

/// Grades a class in one go, and once more with a kill whenever so many results are there.
fn expect_the_same_after_kills(class: &Class, moments: &[usize]) {
    let (status, ..) = finished(class.grade("whole").arg("--jobs=2"));
    assert_eq!(status, Some(0));
    expect_deserved(class, "whole");
    class.expect_clean();
    let seed = fastrand::u64(..);
    let mut chance = fastrand::Rng::with_seed(seed);
    for (place, results) in moments.iter().enumerate() {
        let before = class.results("out");
        let more = Duration::from_millis(chance.u64(0..1500));
        let signal = [Signal::SIGKILL, Signal::SIGINT][place % 2];
        println!("{signal} {more:?} after {results} results, by the seed {seed}");
        let mut child = begin(class, "out", *results, more);
        let status = end(&mut child, signal);
        let after = class.results("out");
        if signal == Signal::SIGINT && after.len() < class.deserved.len() {
            assert_eq!(status.code(), Some(130));
        }
        class.expect_clean();
        // What was finished stays as it is: the times of its tests would differ, had they been run again.
        assert!(
            before
                .iter()
                .all(|(path, content)| after.get(path) == Some(content))
        );
    }
    let before = class.results("out");
    let (status, ..) = finished(&mut class.grade("out"));
    assert_eq!(status, Some(0));
    let after = class.results("out");
    assert!(
        before
            .iter()
            .all(|(path, content)| after.get(path) == Some(content))
    );
    assert_eq!(class.csv("out"), class.csv("whole"));
    expect_deserved(class, "out");
    class.expect_clean();
}

#[test]
fn a_killed_run_is_taken_up_again() {
    expect_the_same_after_kills(&mixed_class(10), &[0, 1, 3, 7]);
}

/// Gradescope shows what is there when time runs out.
#[test]
fn what_a_student_gets_tells_what_is_done_by_then() {
    let mut class = Class::new();
    let spins_at_last = RIGHT.replacen(
        "fn main() -> ExitCode {",
        "fn main() -> ExitCode {\n    while std::env::args().count() != 2 {}",
        1,
    );
    assert_ne!(spins_at_last, RIGHT);
    class.program("slow", Deserves::Nothing, &spins_at_last);
    let mut command = class.grade("out");
    let mut child = command
        .arg("--format=gradescope")
        .process_group(0)
        .spawn()
        .unwrap();
    let letter = class.path("out/feedback/slow.json");
    wait_until("something is told", || letter.exists());
    end(&mut child, Signal::SIGKILL);
    let told: serde_json::Value = serde_json::from_slice(&fs::read(letter).unwrap()).unwrap();
    let tests = told["tests"].as_array().unwrap();
    assert_eq!(tests.len(), exercise().tests.len());
    let score: f64 = tests.iter().filter_map(|test| test["score"].as_f64()).sum();
    let points: u32 = exercise().tests.iter().map(|test| test.points).sum();
    assert!(score > 0.0 && score < f64::from(points), "{told:#}");
    assert!(told.to_string().contains("before this test was done"));
    class.expect_clean();
}

#[test]
#[ignore = "takes minutes; `cargo test --test grade -- --ignored`"]
fn a_large_class_can_be_killed_at_any_moment() {
    let moments: Vec<usize> = (0..8).map(|number| number * 5).collect();
    expect_the_same_after_kills(&mixed_class(40), &moments);
}
