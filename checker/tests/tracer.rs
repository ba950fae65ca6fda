//! The tracer sees what a program does, and the program does what it would do without it.
//!
//! The programs are in `tracer/programs.c`. They run in a sandbox without namespaces, in which all tests of this file
//! share the processes' user; each ends its own program only.

#[path = "tracer/faults.rs"]
mod faults;
#[path = "tracer/run.rs"]
mod run;
mod support;

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    time::{Duration, Instant},
};

use checker::{
    observe::{
        calls::Call,
        tracer::{Address, CallOutcome, Fault, Record, Which},
    },
    sandbox::Launch,
};
use run::{PROGRAMS, Run, SANDBOX, matches, same_as_untraced, untraced, wait_until_readable};

#[test]
fn this_machine_lets_programs_be_traced() {
    checker::observe::tracer::probe().unwrap();
}

#[test]
fn an_echo_reads_as_in_the_manual() {
    let mut run = Run::traced("echo");
    run.tell("hello\n");
    assert_eq!(run.output(), "hello\n");
    assert!(run.ending().success());
    let first = run.tracer().records().remove(0);
    assert!(
        matches(
            "execve(\"*/programs\", [\"*/programs\", \"echo\"]) = 0",
            &first.to_string()
        ),
        "{first}"
    );
    let read = run.expect("read(0, \"hello\\n\", 4096) = 6");
    let data = read.data().unwrap();
    assert_eq!(
        (data.start.as_slice(), data.length),
        (b"hello\n".as_slice(), 6)
    );
    assert_eq!(
        (read.call, read.descriptor(), read.outcome),
        (Call::Read, Some(0), CallOutcome::Returned(6))
    );
    let write = run.expect("write(1, \"hello\\n\", 6) = 6");
    assert!(read.sequence < write.sequence && read.returned_us.unwrap() <= write.entered_us);
    run.expect("read(0, \"\", 4096) = 0");
    run.expect("exit_group(0) = ?");
}

#[test]
fn sockets_read_as_in_the_manual() {
    let run = same_as_untraced("sockets", "");
    run.expect("socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0) = 3");
    run.expect("setsockopt(3, SOL_SOCKET, SO_REUSEADDR, 1, 4) = 0");
    run.expect("bind(3, 127.0.0.1:0, 16) = 0");
    run.expect("listen(3, 5) = 0");
    let name = run.expect("getsockname(3, 127.0.0.1:*, [16]) = 0");
    let connect = run.expect("connect(4, 127.0.0.1:*, 16) = 0");
    assert!(matches!(connect.address(), Some(Address::Internet(address)) if address.port() > 0));
    assert_eq!(connect.address(), name.address());
    run.expect("accept4(3, NULL, NULL, SOCK_CLOEXEC) = 5");
    run.expect("write(4, \"hello\\n\", 6) = 6");
    run.expect("*poll([{5, POLLIN, POLLIN}], 1, *) = 1");
    run.expect("shutdown(4, SHUT_WR) = 0");
    run.expect("recvfrom(5, \"\", 100, 0, NULL, NULL) = 0");
    run.expect("close(3) = 0");
    run.expect("connect(3, 127.0.0.1:*, 16) = -1 ECONNREFUSED");
}

#[test]
fn all_kinds_of_children_are_followed() {
    let run = same_as_untraced("children", "");
    let main = run.tracer().pid();
    let others: Vec<Record> = run
        .records(Call::Exit)
        .into_iter()
        .filter(|record| record.pid != main)
        .collect();
    let endings: Vec<String> = others.iter().map(ToString::to_string).collect();
    assert_eq!(
        endings,
        [
            "exit_group(3) = ?",
            "exit_group(4) = ?",
            "exit_group(5) = ?"
        ]
    );
    for record in run.records(Call::Fork) {
        assert!(
            matches!(record.outcome, CallOutcome::Returned(1..)),
            "{record}"
        );
    }
    assert!(run.records(Call::Fork).len() >= 3);
    run.expect("execve(\"/bin/sh\", [\"sh\", \"-c\", \"exit 4\"]) = 0");
    run.expect(
        "wait4(*, [exited with 5], 0, NULL) = *"
            .replace(", NULL", "")
            .as_str(),
    );
}

#[test]
fn threads_are_followed() {
    let run = same_as_untraced("threads", "");
    let writers: Vec<Record> = run
        .records(Call::Write)
        .into_iter()
        .filter(|record| record.descriptor() != Some(1))
        .collect();
    assert_eq!(writers.len(), 4);
    assert!(
        writers
            .iter()
            .all(|record| record.pid == run.tracer().pid() && record.tid != record.pid)
    );
}

#[test]
fn a_thread_may_exec() {
    let mut run = Run::traced("exec_in_a_thread");
    assert_eq!(run.output(), "hello: 1\n");
    assert!(run.ending().success());
    let write = run.expect("write(1, \"hello: 1\\n\", 9) = 9");
    assert_eq!(
        (write.pid, write.tid),
        (run.tracer().pid(), run.tracer().pid())
    );
    let exec = run.expect("execve(*, [*, \"greets\"]) = 0");
    assert!(!exec.is_in_progress() && exec.tid != exec.pid);
    assert!(
        run.tracer()
            .records()
            .iter()
            .all(|record| !record.is_in_progress()),
        "{}",
        run.story()
    );
}

#[test]
fn a_daemon_ends_with_its_tracer() {
    let mut run = Run::traced("daemonizes");
    let daemon: i32 = run.output().trim().parse().unwrap();
    assert!(run.ending().success());
    let pause = run.wait_for(|record| record.call == Call::Signal && record.pid == daemon);
    assert!(pause.is_in_progress());
    run.tracer().end().unwrap();
    // SAFETY: takes two numbers.
    assert_eq!(unsafe { libc::kill(daemon, 0) }, -1);
    run.expect("pause() = ?");
}

#[test]
fn a_stopped_program_rests_and_goes_on() {
    let mut run = Run::traced("stops");
    let pid = run.tracer().pid();
    run.wait(|| run.tracer().is_group_stopped(pid).then_some(()));
    // It does not go on by itself.
    let moment = Instant::now() + Duration::from_millis(100);
    let stdout = run.started.stdout.as_ref().unwrap();
    assert!(!wait_until_readable(stdout, moment) && run.tracer().is_group_stopped(pid));
    // SAFETY: takes two numbers.
    unsafe { libc::kill(pid, libc::SIGCONT) };
    assert_eq!(run.output(), "goes on: 1\n");
    assert!(run.ending().success() && !run.tracer().is_group_stopped(pid));
}

#[test]
fn a_signal_has_the_effect_which_it_has_untraced() {
    let run = same_as_untraced("interrupted", "");
    assert!(
        run.records(Call::Poll)
            .iter()
            .any(|record| record.outcome == CallOutcome::Failed(libc::EINTR))
    );
}

#[test]
fn a_stop_interrupts_what_it_interrupts_untraced() {
    let run = same_as_untraced("stopped_with_a_thread", "");
    run.expect("epoll_wait(*, 400) = -1 EINTR");
}

#[test]
fn signals_of_no_effect_do_not_lengthen_a_time_limit() {
    same_as_untraced("sleeps_among_children", "");
}

#[test]
fn a_call_that_goes_on_after_a_signal_is_one_call() {
    let run = same_as_untraced("is_interrupted_in_read", "");
    let main = run.tracer().pid();
    let mut reads = run.records(Call::Read);
    // The loader reads files.
    reads.retain(|record| record.pid == main && record.numbers[2] == 1);
    let lines: Vec<String> = reads
        .iter()
        .map(|read| read.to_string().replace(char::is_numeric, ""))
        .collect();
    assert_eq!(
        lines,
        ["read(, …, ) = - EINTR", "read(, \"x\", ) = "],
        "{}",
        run.story()
    );
}

#[test]
fn a_call_that_a_handler_leaves_is_another_one_than_the_next() {
    let run = same_as_untraced("leaves_a_read", "");
    let main = run.tracer().pid();
    let mut reads = run.records(Call::Read);
    reads.retain(|record| record.pid == main && record.numbers[2] == 1);
    let outcomes: Vec<CallOutcome> = reads.iter().map(|read| read.outcome).collect();
    assert_eq!(
        outcomes,
        [CallOutcome::Lost, CallOutcome::Returned(1)],
        "{}",
        run.story()
    );
    assert_ne!(reads[0].numbers[0], reads[1].numbers[0]);
}

#[test]
fn nobody_escapes_by_asking_for_it() {
    let run = same_as_untraced("clones_untraced", "\n");
    run.expect_followed_child();
}

#[test]
fn nobody_escapes_when_a_signal_lets_the_call_be_made_again() {
    let mut run = Run::traced("clones_untraced");
    run.inject(Call::Fork, Which::First(1), Fault::Signal(libc::SIGURG));
    run.tell("\n");
    assert_eq!(run.output(), "child: 7\nchild ended: 1\n");
    run.expect_followed_child();
}

#[test]
#[cfg(target_arch = "x86_64")]
fn nobody_escapes_by_the_loaders_instructions() {
    let run = same_as_untraced("calls_in_the_loader", "");
    run.expect_followed_child();
}

#[test]
fn what_would_hide_a_program_is_refused_and_recorded() {
    let mut run = Run::traced("hides");
    assert_eq!(
        run.output(),
        "seccomp: EPERM\nprctl: EPERM\nptrace: EPERM\nprocess_vm_readv: EPERM\nio_uring_setup: ENOSYS\n\
         prctl of no harm: 0\n"
    );
    assert!(run.ending().success());
    let records = run.tracer().records();
    let refused: Vec<_> = records
        .iter()
        .filter(|record| record.refused)
        .map(Record::name)
        .collect();
    assert_eq!(
        refused,
        [
            "seccomp",
            "prctl",
            "ptrace",
            "process_vm_readv",
            "io_uring_setup"
        ]
    );
}

#[test]
#[cfg(target_arch = "x86_64")]
fn calls_for_32_bits_are_refused_and_recorded() {
    let mut run = Run::traced("calls_for_32_bits");
    assert_eq!(run.output(), "getpid: ENOSYS\nx32: ENOSYS\ngoes on: 1\n");
    let foreign = run.records(Call::OtherAbi);
    assert_eq!(foreign.len(), 2);
    assert!(foreign.iter().all(|record| record.refused));
}

#[test]
fn storms_of_processes_are_followed() {
    let run = same_as_untraced("vfork_storm", "");
    assert_eq!(run.tracer().count(Call::Wait), 200);
}

#[test]
fn a_storm_of_threads_that_ends_at_any_moment_is_followed() {
    for _ in 0..100 {
        let run = Run::traced("thread_storm");
        assert_eq!(run.ending().code(), Some(9));
        run.tracer().end().unwrap();
        assert!(
            run.tracer()
                .records()
                .iter()
                .all(|record| !record.is_in_progress())
        );
    }
}

#[test]
fn a_hot_loop_leaves_its_last_calls() {
    let run = same_as_untraced("calls_often", "");
    assert!(run.tracer().count(Call::Close) >= 10_000 && run.tracer().records().len() <= 4200);
    run.expect("close(-1) = -1 EBADF");
    run.expect("write(1, \"done: 1\\n\", 8) = 8");
}

#[test]
fn a_program_sees_all_its_processors_and_keeps_its_choice() {
    let mut run = Run::traced("processors");
    run.tell("");
    let output = run.output();
    assert_eq!(output, untraced("processors", ""), "{}", run.story());
    assert!(output.ends_with("choice: 0\nchosen: 1 processors\nthere: 1\n"));
    assert!(run.records(Call::Processor).is_empty());
}

#[test]
fn a_script_runs() {
    let script = SANDBOX.folder().join("script");
    fs::write(&script, "#!/bin/sh\necho \"from a script\"\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let launch = Launch {
        traced: true,
        ..Launch::new([""; 0])
    };
    let mut run = Run {
        started: launch.start(&script, &SANDBOX).unwrap(),
    };
    assert_eq!(run.output(), "from a script\n");
    assert!(run.ending().success());
}

#[test]
fn an_ending_is_told() {
    let run = Run::traced("is_killed");
    assert_eq!(run.ending().signal(), Some(libc::SIGKILL));
    let run = Run::traced("unknown");
    assert_eq!(run.ending().code(), Some(2));
}

#[test]
fn a_program_that_cannot_start_is_an_error() {
    for traced in [false, true] {
        let launch = Launch {
            traced,
            ..Launch::new([""; 0])
        };
        let error = launch
            .start(&SANDBOX.folder().join("missing"), &SANDBOX)
            .unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
        let error = launch.start(SANDBOX.folder(), &SANDBOX).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EACCES));
    }
}

/// In a sandbox with namespaces of its own, where processes have two numbers, and in the other kind.
#[test]
fn a_program_is_followed_in_its_own_namespaces() {
    // The fixture lies beside the tests.
    let tests = std::env::current_exe().unwrap();
    let fixture = tests.ancestors().nth(2).unwrap().join("examples/traced");
    for isolation in ["namespaces", "shared"] {
        let output = support::environment::command(&fixture)
            .arg(isolation)
            .arg(&*PROGRAMS)
            .arg("daemonizes")
            .output()
            .unwrap();
        if output.status.code() == Some(77) {
            support::skipped::skipped(format_args!("the part with {isolation}"));
            continue;
        }
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{isolation}: {error}");
        let text = String::from_utf8(output.stdout).unwrap();
        let (daemon, calls) = text.split_once('\n').unwrap();
        let write = calls
            .lines()
            .find(|line| line.contains("write(1, "))
            .unwrap();
        let numbers: Vec<&str> = write.split(' ').take(2).collect();
        assert_eq!(numbers[1], daemon, "{text}");
        assert_eq!(numbers[0] == numbers[1], isolation == "shared", "{text}");
        assert!(text.ends_with("left: 0\n"), "{text}");
    }
}
