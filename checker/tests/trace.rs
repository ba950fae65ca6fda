//! `checker trace` tells what a program does, and does not get in its way.
//!
//! The programs are in `trace/programs.c`.

#[path = "trace/run.rs"]
mod run;
mod support;

use std::{
    fs,
    io::{Read, Write},
    os::unix::process::CommandExt,
    thread,
    time::Instant,
};

use nix::sys::signal::Signal;
use run::{DEADLINE, FOLDER, Trace, assert_order, command, talk};
use serde_json::Value;
use support::{Course, idle::IdleTime};

#[test]
fn a_story_has_the_calls_and_between_them_the_states() {
    let mut trace = Trace::of(&[], &["echo", "1"]);
    talk(&mut trace.connect());
    let (story, status) = trace.end();
    assert_eq!(status, 0);
    assert_order(
        &story,
        &[
            "socket(AF_INET, SOCK_STREAM, 0) = 3",
            "listen(3, 8) = 0",
            "LISTEN",
            "accept",
            " = 4",
            "ESTABLISHED",
            "\"hello\\n\"",
            " = 6",
            "write(4, \"hello\\n\", 6) = 6",
            "close(4) = 0",
            "CLOSE-WAIT → CLOSED",
            "ends with status 0",
            "The program has ended with status 0",
        ],
    );
    assert_order(
        &story,
        &[
            "ESTABLISHED → CLOSE-WAIT",
            "(the client has ended its sending side)",
        ],
    );
    for line in story.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(!story.contains('\x1b'), "{story}");
}

#[test]
fn a_patient_program_survives_a_hostile_kernel() {
    let mut trace = Trace::of(&["--hostile"], &["patient_echo", "1"]);
    let mut client = trace.connect();
    client.write_all(b"hello\n").unwrap();
    let mut echo = [0; 6];
    client.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"hello\n");
    drop(client);
    let (story, status) = trace.end();
    assert_eq!(status, 0);
    assert_order(
        &story,
        &[
            "accept",
            "(made to fail with EINTR)",
            "read(4, \"h\", 512) = 1 ",
            "(cut to 1 byte)",
            "read(4, …, 512) = -1 EINTR ",
            "(made to fail with EINTR)",
            "read(4, \"e\", 512) = 1 ",
            "(cut to 1 byte)",
        ],
    );
}

#[test]
fn an_ordinary_program_loses_its_client_under_a_hostile_kernel() {
    let mut trace = Trace::of(&["--hostile"], &["echo", "1"]);
    let line = trace.line();
    assert!(line.starts_with("listening"), "{line}");
    // Its accept was interrupted, and it takes that for its client.
    let (story, _) = trace.end();
    assert_order(
        &story,
        &["accept", "(made to fail with EINTR)", "close(-1)", "EBADF"],
    );
}

#[test]
fn a_call_is_told_with_its_line_in_the_source() {
    let source = include_str!("trace/programs.c");
    let line_of = |text: &str| {
        let place = source.lines().position(|line| line.contains(text));
        place.unwrap_or_else(|| panic!("no {text}")) + 1
    };
    let mut trace = Trace::of(&[], &["echo", "1"]);
    talk(&mut trace.connect());
    let (story, _) = trace.end();
    let place = format!("tests/trace/programs.c:{}", line_of("listen("));
    let told = story.lines().find(|line| line.contains("listen(3, 8) = 0"));
    assert!(told.is_some_and(|line| line.ends_with(&place)), "{story}");
}

#[test]
fn who_ends_first_sees_time_wait() {
    let mut trace = Trace::of(&[], &["ends_first"]);
    let mut client = trace.connect();
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
    let told = trace.stderr.until(Some("→ FIN-WAIT-2"));
    drop(client);
    let (rest, _) = trace.end();
    assert_order(
        &format!("{told}{rest}"),
        &[
            "shutdown(4, SHUT_WR) = 0",
            "ESTABLISHED → FIN-WAIT-",
            "FIN-WAIT-2 → TIME-WAIT",
            "(both have ended; the connection is remembered for a minute)",
        ],
    );
}

#[test]
fn a_reset_is_told_from_an_end() {
    let mut trace = Trace::of(&[], &["echo", "1"]);
    let mut client = trace.connect();
    client.write_all(b"hello\n").unwrap();
    // What is not read when a socket is closed resets the connection (RFC 2525, section 2.17). It is in the queue when
    // it can be peeked.
    client.peek(&mut [0; 6]).unwrap();
    drop(client);
    let (story, _) = trace.end();
    assert_order(&story, &["ECONNRESET", "(Connection reset by peer)"]);
    assert_order(
        &story,
        &[
            "ESTABLISHED → CLOSED",
            "(the client has reset the connection)",
        ],
    );
}

#[test]
fn a_call_that_waits_is_told_before_it_returns() {
    let mut trace = Trace::of(&[], &["echo", "1"]);
    let mut client = trace.connect();
    let told = trace.stderr.until(Some("read(4, …, 512) waits since"));
    talk(&mut client);
    let (rest, _) = trace.end();
    assert_order(
        &format!("{told}{rest}"),
        &["waits since", "… read resumed: \"hello\\n\" = 6"],
    );
}

#[test]
fn each_process_and_thread_has_its_number() {
    let mut trace = Trace::of(&[], &["forks"]);
    talk(&mut trace.connect());
    let (story, _) = trace.end();
    let number = |line: &str, word: &str| -> u32 {
        let mut words = line.split_whitespace().skip_while(|&known| known != word);
        words.nth(1).unwrap().trim_end_matches(',').parse().unwrap()
    };
    let line = story.lines().find(|line| line.contains("made by")).unwrap();
    let (child, parent) = (number(line, "process"), number(line, "by"));
    assert_ne!(child, parent);
    assert_order(
        &story,
        &[
            &format!("{child} read(4, "),
            &format!("process {child} ends with status 3"),
        ],
    );
    assert_order(&story, &[&format!("{parent} close(4) = 0")]);
    assert_order(&story, &["[exited with 3]", &format!(" = {child}")]);

    let (story, _) = Trace::of(&[], &["threads"]).end();
    let line = story.lines().find(|line| line.contains("thread ")).unwrap();
    let thread = number(line, "thread");
    assert_order(&story, &[&format!("{thread} close(-5) = -1 EBADF")]);
}

#[test]
fn data_follows_its_schema() {
    let schema: Value = serde_json::from_str(include_str!("../trace.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut seen = Vec::new();
    for words in [
        &["echo", "1"][..],
        &["ends_first"],
        &["forks"],
        &["threads"],
        &["aborts"],
    ] {
        let mut trace = Trace::of(&["--format", "json"], words);
        if words[0] == "ends_first" {
            drop(trace.connect());
        } else if words[0] == "echo" || words[0] == "forks" {
            talk(&mut trace.connect());
        }
        let (story, _) = trace.end();
        for line in story.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&event)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{line}: {errors:#?}");
            seen.push(event);
        }
        assert_eq!(seen.last().unwrap()["event"], "finish");
        let is_known = |event: &Value| event["source"]["file"] == "tests/trace/programs.c";
        assert!(seen.iter().any(is_known), "{words:?}");
    }
    let has = |key: &str, value: &str| seen.iter().any(|event| event[key] == value);
    for event in ["begin", "start", "call", "state", "signal", "end"] {
        assert!(has("event", event), "no {event}");
    }
    assert!(has("to", "CLOSE-WAIT") && has("outcome", "lost") && has("signal", "SIGABRT"));
    assert!(
        seen.iter()
            .any(|event| event["event"] == "call" && event["data"]["length"] == 6)
    );
}

/// An argument by which the processes of one test are found among all of the machine.
fn mark(test: &str) -> String {
    format!("{test} in {}", FOLDER.display())
}

#[test]
fn ctrl_c_leaves_nothing_behind() {
    let mark = mark("until_ctrl_c");
    let mut trace = Trace::of(&[], &["stays", &mark]);
    assert_eq!([trace.line(), trace.line()].len(), 2);
    assert_eq!(support::processes_with(&mark), 3);
    let checker = trace.child.id() as i32;
    trace.signal(Signal::SIGINT);
    let (story, status) = trace.end();
    assert_eq!(status, 130, "{story}");
    assert_order(
        &story,
        &[
            "SIGINT arrives",
            "is killed by SIGINT",
            "was killed by SIGINT",
        ],
    );
    assert_order(&story.replace('\n', " "), &["left behind", "process "]);
    assert_eq!(support::processes_with(&mark), 0);
    assert_eq!(zombies_below(checker), 0);
}

/// How many processes were children of this one and were never waited for.
fn zombies_below(parent: i32) -> usize {
    let all = fs::read_dir("/proc").unwrap();
    all.filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("status")).ok())
        .filter(|text| text.contains(&format!("PPid:\t{parent}\n")) && text.contains("\tZ "))
        .count()
}

#[test]
fn other_signals_are_for_the_program_too() {
    let mut trace = Trace::of(&[], &["catches"]);
    while trace.line() != "ready" {}
    trace.signal(Signal::SIGTERM);
    let (story, status) = trace.end();
    assert_eq!(status, 9, "{story}");
    assert_order(&story, &["SIGTERM arrives", "ends with status 9"]);
}

#[test]
fn a_killed_checker_leaves_nothing_running() {
    let mark = mark("until_killed");
    let mut trace = Trace::of(&[], &["stays", &mark]);
    let _ = [trace.line(), trace.line()];
    trace.child.kill().unwrap();
    trace.child.wait().unwrap();
    let deadline = Instant::now() + DEADLINE;
    while support::processes_with(&mark) > 0 {
        assert!(Instant::now() < deadline);
        thread::yield_now();
    }
}

#[test]
fn many_calls_cost_little_time_and_memory() {
    let start = IdleTime::start();
    let mut trace = Trace::of(&[], &["alike", "100000"]);
    assert_eq!(trace.line(), "done");
    assert!(start.elapsed() < DEADLINE);
    let status = fs::read_to_string(format!("/proc/{}/status", trace.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let (story, status) = trace.end();
    assert_eq!(status, 7);
    assert_order(
        &story,
        &["close(-1) = -1 EBADF", " more like this", "write(1"],
    );
    // A program that gets no processor for a while may have its count told in parts. And where whoever tells the story
    // gets none, calls come too fast to be told; a few of the loader's and of the last may be among those.
    let told = story
        .lines()
        .filter(|line| line.contains("close(-1)"))
        .count() as u64;
    let (counted, missed) = (
        counted_in(&story, " more like this"),
        counted_in(&story, " calls came too fast"),
    );
    let all = told + counted + missed;
    let most = if missed == 0 { 100_000 } else { 100_100 };
    assert!((100_000..=most).contains(&all), "{all}: {story}");
    // However often that happens: never a line for each call.
    assert!(
        missed > 0 || story.lines().count() < 40,
        "{}: {story}",
        story.lines().count()
    );
    assert!(story.lines().count() < 5000, "{}", story.lines().count());
    if let Some(peak) = peak {
        let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kib < 64 << 10, "{kib} KiB");
    }
}

/// The sum of the numbers before these words: `… 511 more like this`.
fn counted_in(story: &str, words: &str) -> u64 {
    story
        .lines()
        .filter_map(|line| line.split_once("… ")?.1.split_once(words))
        .filter_map(|(number, _)| number.parse::<u64>().ok())
        .sum()
}

#[test]
fn a_slow_reader_does_not_stop_the_program() {
    let mut trace = Trace::of(&[], &["different", "20000"]);
    // Nobody reads the story until the program has done all its calls.
    assert_eq!(trace.line(), "done");
    let (story, status) = trace.end();
    assert_eq!(status, 7);
    let missed = story
        .lines()
        .find(|line| line.contains("came too fast"))
        .unwrap();
    let missed: u64 = missed.split_whitespace().nth(1).unwrap().parse().unwrap();
    let told = story
        .lines()
        .filter(|line| line.contains(" close(-"))
        .count() as u64;
    assert!(
        told > 8000 && missed > 1000 && told + missed <= 20_100,
        "{told}, {missed}"
    );
}

#[test]
fn only_some_calls_and_to_a_file() {
    let file = FOLDER.join("story");
    let output = file.to_str().unwrap();
    let options = [
        "--only",
        "write,accept4",
        "--color",
        "always",
        "--output",
        output,
    ];
    let mut trace = Trace::of(&options, &["echo", "1"]);
    talk(&mut trace.connect());
    let (on_terminal, status) = trace.end();
    assert_eq!((on_terminal.as_str(), status), ("", 0));
    let story = fs::read_to_string(file).unwrap();
    assert_order(&story, &["accept(3", "write(4"]);
    assert!(!story.contains("read(") && !story.contains("socket(") && !story.contains('\x1b'));
}

#[test]
fn exit_statuses_tell_whose_trouble_it_is() {
    let (story, status) = Trace::of(&[], &["aborts"]).end();
    assert_eq!(status, 128 + libc::SIGABRT, "{story}");
    let course = Course::real();
    for (arguments, status, said) in [
        (&["trace", "day2"][..], 2, "name one"),
        (
            &["trace", "day2_2", "--only", "raed"],
            2,
            "did you mean read?",
        ),
        (
            &[
                "trace",
                "day2_2",
                "--output",
                "/dev/full",
                "--program",
                "/bin/true",
            ],
            3,
            "ENOSPC",
        ),
        (
            &["trace", "day2_2", "--program", "/nowhere"],
            2,
            "there is no program",
        ),
        (
            &[
                "trace",
                "day2_2",
                "--output",
                "/nowhere/x",
                "--program",
                "/bin/true",
            ],
            3,
            "/nowhere/x",
        ),
    ] {
        let output = course.checker().args(arguments).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{printed}");
        assert!(printed.contains(said), "{printed}");
    }
}

#[test]
fn a_crate_that_does_not_compile_is_not_run() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    course.write(
        "exercises/day2_2_echo_server/src/main.rs",
        "fn main() { nonsense }\n",
    );
    let output = course.checker().args(["trace", "day2_2"]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(
        printed.contains("nonsense") && printed.contains("does not compile"),
        "{printed}"
    );
    course.write(
        "exercises/day2_2_echo_server/src/main.rs",
        "fn main() { std::process::exit(5) }\n",
    );
    let output = course.checker().args(["trace", "day2_2"]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{printed}");
}

#[test]
fn without_ptrace_it_says_what_to_do() {
    let mut command = command(&[], &["aborts"]);
    // SAFETY: between fork and exec, two async-signal-safe calls with structures on this stack.
    unsafe { command.pre_exec(refuse_ptrace) };
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr).replace("\n  ", " ");
    assert_eq!(output.status.code(), Some(3), "{printed}");
    assert!(
        printed.contains("EPERM") && printed.contains("cargo lab doctor"),
        "{printed}"
    );
}

/// A filter like those of some containers.
fn refuse_ptrace() -> std::io::Result<()> {
    let statement = |code: u32, jt, jf, k| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let mut program = [
        // The number is the first field of struct seccomp_data.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            0,
            1,
            libc::SYS_ptrace as u32,
        ),
        statement(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::EPERM as u32,
        ),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog {
        len: 4,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the filter lives until the call returns.
    let refused = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &raw const filter,
            ) != 0
    };
    match refused {
        true => Err(std::io::Error::last_os_error()),
        false => Ok(()),
    }
}

#[test]
fn a_program_is_never_roots() {
    let mut trace = Trace::of(&[], &["user"]);
    assert_ne!(trace.line(), "0");
    assert_eq!(trace.end().1, 0);
}
