//! Machines that allow less than this one. A filter stands in for them (seccomp(2)); it holds for the checker and for all
//! that it starts.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Command, Output},
};

use libc::sock_filter;

use super::Course;

/// What Docker's default profile refuses a container without further capabilities, of the calls that the lab or a
/// program of the course might make; with the errno that it gives. ptrace and process_vm_readv it allows.
pub const DOCKER: &[Refusal] = &[
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

pub const NO_PTRACE: &[Refusal] = &[
    Refusal::of(libc::SYS_ptrace),
    Refusal::of(libc::SYS_process_vm_readv),
    Refusal::of(libc::SYS_process_vm_writev),
];

/// A call that fails.
#[derive(Clone, Copy)]
pub struct Refusal {
    pub call: libc::c_long,
    pub errno: i32,
    /// Only if its first argument has one of these bits.
    pub if_first_has: Option<u32>,
}

impl Refusal {
    pub const fn of(call: libc::c_long) -> Refusal {
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
pub fn on_a_machine_without(refusals: &[&[Refusal]], arguments: &[&str]) -> Output {
    let course = Course::real();
    let mut command = course.checker_command();
    command.args(arguments);
    refuse(&mut command, refusals);
    command.output().unwrap()
}

/// Has a command run on a machine which refuses these calls.
pub fn refuse(command: &mut Command, refusals: &[&[Refusal]]) {
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
}
