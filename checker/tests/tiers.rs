//! What the lab still does on a machine that allows less: under Docker's default seccomp profile, where ptrace is
//! refused, and where nothing about system calls can be seen.
//!
//! A filter stands in for the machine. It holds for the checker and for all that it starts.

mod support;

use std::{
    io,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Output},
    sync::LazyLock,
};

use libc::sock_filter;
use support::Course;

const EXERCISE: &str = "day2_2_echo_server";

/// What Docker's default profile refuses a container without further capabilities, of the calls that the lab or a
/// program of the course might make; with the errno that it gives. ptrace and process_vm_readv it allows.
const DOCKER: &[Refusal] = &[
    Refusal::of(libc::SYS_unshare),
    Refusal::of(libc::SYS_setns),
    Refusal::of(libc::SYS_mount),
    Refusal::of(libc::SYS_umount2),
    Refusal::of(libc::SYS_pivot_root),
    Refusal::of(libc::SYS_move_mount),
    Refusal::of(libc::SYS_open_tree),
    Refusal::of(libc::SYS_fsopen),
    Refusal::of(libc::SYS_fsmount),
    Refusal::of(libc::SYS_sethostname),
    Refusal::of(libc::SYS_bpf),
    Refusal::of(libc::SYS_perf_event_open),
    Refusal::of(libc::SYS_pidfd_getfd),
    Refusal::of(libc::SYS_kcmp),
    Refusal::of(libc::SYS_userfaultfd),
    Refusal::of(libc::SYS_keyctl),
    Refusal::of(libc::SYS_open_by_handle_at),
    Refusal::of(libc::SYS_io_uring_setup),
    Refusal::of(libc::SYS_io_uring_enter),
    Refusal::of(libc::SYS_io_uring_register),
    Refusal {
        errno: libc::ENOSYS,
        ..Refusal::of(libc::SYS_clone3)
    },
    Refusal {
        // Any CLONE_NEW….
        if_first_has: Some(0x7e02_0000),
        ..Refusal::of(libc::SYS_clone)
    },
];

const NO_PTRACE: &[Refusal] = &[
    Refusal::of(libc::SYS_ptrace),
    Refusal::of(libc::SYS_process_vm_readv),
    Refusal::of(libc::SYS_process_vm_writev),
];

/// A call that fails.
#[derive(Clone, Copy)]
struct Refusal {
    call: libc::c_long,
    errno: i32,
    /// Only if its first argument has one of these bits.
    if_first_has: Option<u32>,
}

impl Refusal {
    const fn of(call: libc::c_long) -> Refusal {
        Refusal {
            call,
            errno: libc::EPERM,
            if_first_has: None,
        }
    }
}

/// The program of a seccomp filter (seccomp(2)) with these refusals.
fn filter(refusals: &[&[Refusal]]) -> Vec<sock_filter> {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const IS: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const HAS: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    const NUMBER: u32 = 0;
    const FIRST_ARGUMENT: u32 = 16;
    let step = |code, k, jt, jf| sock_filter { code, jt, jf, k };
    let mut program = Vec::new();
    for refusal in refusals.iter().copied().flatten() {
        let refuse = libc::SECCOMP_RET_ERRNO | refusal.errno as u32;
        program.push(step(LOAD, NUMBER, 0, 0));
        match refusal.if_first_has {
            None => program.push(step(IS, refusal.call as u32, 0, 1)),
            Some(bits) => program.extend([
                step(IS, refusal.call as u32, 0, 3),
                step(LOAD, FIRST_ARGUMENT, 0, 0),
                step(HAS, bits, 0, 1),
            ]),
        }
        program.push(step(RETURN, refuse, 0, 0));
    }
    program.push(step(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0));
    program
}

/// Runs the checker on a machine which refuses these calls.
fn on_a_machine_without(refusals: &[&[Refusal]], arguments: &[&str]) -> Output {
    let course = Course::real();
    let mut command = Command::new(course.checker().get_program());
    command.current_dir(course.root()).args(arguments);
    let program = filter(refusals);
    // SAFETY: two async-signal-safe calls, with a filter that was made before the fork.
    unsafe {
        command.pre_exec(move || {
            let filter = libc::sock_fprog {
                len: program.len() as u16,
                filter: program.as_ptr().cast_mut(),
            };
            let mode = libc::SECCOMP_SET_MODE_FILTER;
            let done = libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                && libc::syscall(libc::SYS_seccomp, mode, 0, &raw const filter) == 0;
            match done {
                true => Ok(()),
                false => Err(io::Error::last_os_error()),
            }
        });
    }
    command.output().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

static SOLUTION: LazyLock<PathBuf> = LazyLock::new(|| Course::real().built_solution(EXERCISE));

/// The status of every test of the solution, and how the checker ended.
fn statuses(refusals: &[&[Refusal]]) -> (Vec<String>, Option<i32>) {
    let solution = SOLUTION.to_str().unwrap();
    let arguments = [EXERCISE, "--format", "json", "--program", solution];
    let output = on_a_machine_without(refusals, &arguments);
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", printed(&output)));
    let tests = report["exercises"][0]["tests"].as_array().unwrap();
    let status = |test: &serde_json::Value| test["status"].as_str().unwrap().to_owned();
    (tests.iter().map(status).collect(), output.status.code())
}

#[test]
fn under_dockers_profile_every_test_is_checked() {
    let doctor = printed(&on_a_machine_without(&[DOCKER], &["doctor"]));
    assert!(doctor.contains("no   namespaces"), "{doctor}");
    assert!(doctor.contains("yes  ptrace"), "{doctor}");
    assert!(doctor.contains("Tier T2"), "{doctor}");
    let (statuses, code) = statuses(&[DOCKER]);
    assert!(
        statuses.iter().all(|status| status == "passed"),
        "{statuses:?}"
    );
    assert_eq!(code, Some(0));
}

#[test]
fn without_ptrace_some_tests_are_not_checked_and_none_of_them_passes() {
    for refusals in [&[NO_PTRACE][..], &[DOCKER, NO_PTRACE]] {
        let doctor = printed(&on_a_machine_without(refusals, &["doctor"]));
        assert!(doctor.contains("no   ptrace"), "{doctor}");
        assert!(doctor.contains("Tier T3"), "{doctor}");
        let (statuses, code) = statuses(refusals);
        let count = |status: &str| statuses.iter().filter(|one| *one == status).count();
        assert!(count("passed") > 10, "{statuses:?}");
        assert!(count("not-checked") >= 2, "{statuses:?}");
        assert_eq!(count("passed") + count("not-checked"), statuses.len());
        assert_eq!(code, Some(4));
    }
}

#[test]
fn a_program_whose_calls_are_hidden_gets_its_verdict_from_the_clock() {
    let course = Course::real();
    let program = course.misbehaving("hides_its_calls");
    let arguments = [
        EXERCISE,
        "--only",
        "announces the address on which it listens",
        "--isolation=shared",
        "--format=json",
        "--program",
        program.to_str().unwrap(),
    ];
    let output = on_a_machine_without(&[NO_PTRACE], &arguments);
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", printed(&output)));
    let test = &report["exercises"][0]["tests"][0];
    assert_eq!(test["failure"]["diagnosis"], "timed-out", "{test}");
    let milliseconds = test["milliseconds"].as_f64().unwrap();
    assert!((4000.0..10_000.0).contains(&milliseconds), "{test}");
}
