//! Other processes, and processes without number.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::fd::AsRawFd,
    process, ptr,
};

use super::{Found, result, say, tell, wait, waited_for};

fn kill(target: i32, signal: i32) -> Found {
    // SAFETY: takes numbers.
    result(unsafe { libc::kill(target, signal) }.into())
}

pub fn signals_everybody() {
    // SAFETY: takes numbers. The first is to hit the group, and not this process.
    unsafe { libc::signal(libc::SIGUSR1, libc::SIG_IGN) };
    tell("a signal to its own group", kill(0, libc::SIGUSR1));
    tell("kill(-1)", kill(-1, libc::SIGKILL));
}

/// A neighbour, in all the ways in which one can be signalled. Signal 0 only asks whether one may.
pub fn signals(target: i32) {
    tell("kill", kill(target, 0));
    tell(
        "its parent",
        match std::os::unix::process::parent_id() {
            // That is in another namespace.
            0 => Err(io::ErrorKind::NotFound.into()),
            parent => kill(parent as i32, 0),
        },
    );
    // SAFETY: numbers, and a structure on this stack.
    unsafe {
        tell("tkill", result(libc::syscall(libc::SYS_tkill, target, 0)));
        tell(
            "tgkill",
            result(libc::syscall(libc::SYS_tgkill, target, target, 0)),
        );
        let mut info: libc::siginfo_t = std::mem::zeroed();
        info.si_code = -1;
        tell(
            "sigqueue",
            result(libc::syscall(
                libc::SYS_rt_sigqueueinfo,
                target,
                0,
                &raw const info,
            )),
        );
        let pidfd = libc::syscall(libc::SYS_pidfd_open, target, 0);
        let sent = match pidfd {
            -1 => Err(io::Error::last_os_error()),
            pidfd => result(libc::syscall(
                libc::SYS_pidfd_send_signal,
                pidfd,
                0,
                ptr::null::<u8>(),
                0,
            )),
        };
        tell("pidfd_send_signal", sent);
        tell("by ownership of a socket", owned_by(target));
    }
}

/// Stops a neighbour, in the ways in which one can be signalled, and its grader, which would wait for ever. That one
/// goes on at once where it is stopped, so that it can tell of it.
pub fn stops(target: i32) {
    tell("SIGSTOP", kill(target, libc::SIGSTOP));
    // SAFETY: takes numbers, and null for what the kernel fills in itself.
    unsafe {
        tell(
            "SIGSTOP by tgkill",
            result(libc::syscall(
                libc::SYS_tgkill,
                target,
                target,
                libc::SIGSTOP,
            )),
        );
        let pidfd = libc::syscall(libc::SYS_pidfd_open, target, 0);
        let sent = match pidfd {
            -1 => Err(io::Error::last_os_error()),
            pidfd => result(libc::syscall(
                libc::SYS_pidfd_send_signal,
                pidfd,
                libc::SIGSTOP,
                ptr::null::<u8>(),
                0,
            )),
        };
        tell("SIGSTOP by pidfd_send_signal", sent);
    }
    let grader = match std::os::unix::process::parent_id() {
        // That is in another namespace.
        0 => Err(io::ErrorKind::NotFound.into()),
        parent => {
            kill(parent as i32, libc::SIGSTOP).and_then(|()| kill(parent as i32, libc::SIGCONT))
        }
    };
    tell("SIGSTOP of its grader", grader);
}

/// Whether a socket which gets data sends a signal to somebody else. SIGURG does nothing by default.
fn owned_by(target: i32) -> Found {
    let (socket, _other) = std::os::unix::net::UnixStream::pair()?;
    // SAFETY: takes numbers.
    result(unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_SETOWN, target) }.into())
}

/// A neighbour, from a child that asks not to be traced.
pub fn signals_unseen(target: i32) {
    let flags = libc::c_long::from(libc::CLONE_UNTRACED | libc::SIGCHLD);
    // SAFETY: with no stack of its own the child goes on with a copy of this one, as after fork(2).
    let child = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match child {
        0 => process::exit(kill(target, 0).is_err().into()),
        child => tell("kill by an untraced child", waited_for(child as i32)),
    }
}

/// The memory, the descriptors and the secrets of a neighbour.
pub fn spies(target: i32) {
    for file in [
        "environ",
        "mem",
        "cmdline",
        "maps",
        "root/etc/passwd",
        "cwd",
    ] {
        let path = format!("/proc/{target}/{file}");
        tell(file, File::open(&path).map(drop));
    }
    tell("exe", fs::read(format!("/proc/{target}/exe")).map(drop));
    let mut bytes = [0u8; 8];
    let local = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let here = &raw const local;
    // SAFETY: the kernel writes to a buffer of this stack, of another process at most nothing.
    unsafe {
        tell(
            "process_vm_readv",
            result(libc::process_vm_readv(target, here, 1, here, 1, 0) as libc::c_long).or_else(
                |error| match error.raw_os_error() {
                    // It may; only there is nothing at this address.
                    Some(libc::EFAULT) => Ok(()),
                    _ => Err(error),
                },
            ),
        );
        let seized = libc::ptrace(libc::PTRACE_SEIZE, target, 0, 0);
        tell("ptrace", result(seized));
        let pidfd = libc::syscall(libc::SYS_pidfd_open, target, 0);
        let stolen = match pidfd {
            -1 => Err(io::Error::last_os_error()),
            pidfd => result(libc::syscall(libc::SYS_pidfd_getfd, pidfd, 0, 0)),
        };
        tell("pidfd_getfd", stolen);
    }
}

/// A neighbour's priority, processors and limits.
pub fn slows(target: i32) {
    let none = libc::rlimit64 {
        rlim_cur: 1 << 40,
        rlim_max: 1 << 40,
    };
    // SAFETY: numbers, and structures on this stack.
    unsafe {
        // A lower one than its own it could not choose anyway.
        let own = libc::getpriority(libc::PRIO_PROCESS, 0);
        tell(
            "setpriority of a user",
            result(libc::setpriority(libc::PRIO_USER, libc::getuid(), own).into()),
        );
        tell(
            "setpriority of another",
            result(libc::setpriority(libc::PRIO_PROCESS, target as u32, 19).into()),
        );
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(0, &mut set);
        tell(
            "sched_setaffinity",
            result(libc::sched_setaffinity(target, size_of_val(&set), &raw const set).into()),
        );
        tell(
            "prlimit",
            result(
                libc::prlimit64(target, libc::RLIMIT_CPU, &raw const none, ptr::null_mut()).into(),
            ),
        );
        let class_best_effort: libc::c_long = 2 << 13 | 7;
        tell(
            "ioprio_set",
            result(libc::syscall(
                libc::SYS_ioprio_set,
                1,
                target,
                class_best_effort,
            )),
        );
    }
}

/// How many children it can have.
pub fn multiplies() {
    let mut made = 0;
    for _ in 0..400 {
        // SAFETY: the child waits to be killed.
        match unsafe { libc::fork() } {
            0 => wait(),
            -1 => break,
            _ => made += 1,
        }
    }
    tell(
        "400 children",
        match made {
            400 => Ok(()),
            made => Err(io::Error::other(format!("{made} were made"))),
        },
    );
}

/// All processors, by as many processes as it gets.
pub fn spins_in_many() {
    loop {
        // SAFETY: the child does the same as its parent, with one thread each.
        if unsafe { libc::fork() } < 0 {
            loop {
                std::hint::spin_loop();
            }
        }
    }
}

/// Blocks of memory that are really used, by children which share them out among them.
pub fn takes_all_memory(blocks: i32) {
    const BLOCK: usize = 64 << 20;
    const PAGE: usize = 4096;
    let (mut filled, full) = io::pipe().expect("a pipe");
    for _ in 0..blocks {
        // SAFETY: the child allocates, with one thread.
        if unsafe { libc::fork() } == 0 {
            let mut hoard = vec![0u8; BLOCK];
            // SAFETY: an address and a length within a block which is alive. In huge pages it takes little time, or
            // else the program is ended for using the processor; where there are none, it takes more.
            unsafe {
                let start = hoard.as_mut_ptr();
                let start = start.add(start.align_offset(PAGE));
                libc::madvise(start.cast(), BLOCK - PAGE, libc::MADV_HUGEPAGE);
            }
            hoard.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
            std::hint::black_box(&hoard);
            let _ = (&full).write_all(&[1]);
            wait();
        }
    }
    let mut each = vec![0; blocks as usize];
    let all = filled.read_exact(&mut each);
    tell(&format!("{blocks} times 64 MiB"), all);
    // It holds them for as long as a test may take.
    wait();
}

pub fn leaves_daemons() {
    for _ in 0..3 {
        // SAFETY: forks twice, in a process of one thread.
        unsafe {
            if libc::fork() == 0 {
                libc::setsid();
                for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT] {
                    libc::signal(signal, libc::SIG_IGN);
                }
                if libc::fork() == 0 {
                    say(&format!("got a daemon: {}", process::id()));
                    wait();
                }
                libc::_exit(0);
            }
        }
    }
    process::exit(0);
}
