//! What it may see and do, whatever it is.

use std::{
    env,
    fs::{self, OpenOptions},
    io,
};

use super::{Found, number, path, result, tell};

/// What would show that it is graded, and by whom.
pub fn looks_around() {
    tell("/proc/self/status", fs::read("/proc/self/status").map(drop));
    let parent = format!("/proc/{}/cmdline", std::os::unix::process::parent_id());
    tell("its parent's command line", fs::read(parent).map(drop));
    tell("the list of processes", fs::read_dir("/proc").map(drop));
    let usual = ["PATH", "LC_ALL", "HOME", "TMPDIR"];
    let mut names = env::vars().map(|(name, _)| name);
    tell(
        "a variable",
        there_is(names.any(|name| !usual.contains(&name.as_str()))),
    );
    let mut found = [0u64; 16];
    let root = MountRequest {
        size: size_of::<MountRequest>() as u32,
        spare: 0,
        mount: u64::MAX,
        after: 0,
    };
    // SAFETY: the kernel reads a structure, and writes to a buffer, both of this stack.
    let listed = unsafe {
        libc::syscall(
            LISTMOUNT,
            &raw const root,
            found.as_mut_ptr(),
            found.len(),
            0,
        )
    };
    tell("the list of mounts", result(listed));
}

const LISTMOUNT: libc::c_long = 458;

/// `struct mnt_id_req`
#[repr(C)]
struct MountRequest {
    size: u32,
    spare: u32,
    mount: u64,
    after: u64,
}

fn there_is(found: bool) -> Found {
    match found {
        true => Ok(()),
        false => Err(io::ErrorKind::NotFound.into()),
    }
}

pub fn finds_descriptors() {
    // SAFETY: takes numbers.
    let is_open = |&number: &i32| unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0;
    tell(
        "a descriptor",
        there_is((3..1024).any(|number| is_open(&number))),
    );
}

pub fn takes_new_rights() {
    // SAFETY: takes numbers.
    unsafe {
        tell(
            "setuid programs",
            match libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) {
                0 => Ok(()),
                _ => Err(io::ErrorKind::PermissionDenied.into()),
            },
        );
        tell("root", result(libc::setuid(0).into()));
        for (name, flag) in [
            ("a user namespace", libc::CLONE_NEWUSER),
            ("a mount namespace", libc::CLONE_NEWNS),
        ] {
            let flags = libc::c_long::from(flag | libc::SIGCHLD);
            let child = libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0);
            if child == 0 {
                libc::_exit(0);
            }
            tell(&format!("{name} by clone"), result(child));
            tell(name, result(libc::unshare(flag).into()));
        }
    }
}

/// Ways past a tracer.
pub fn hides_its_calls() {
    let filter = [libc::sock_filter {
        code: (libc::BPF_RET | libc::BPF_K) as u16,
        jt: 0,
        jf: 0,
        k: libc::SECCOMP_RET_ALLOW,
    }];
    let program = libc::sock_fprog {
        len: 1,
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies a program of one step; the other structure is zeros, of which it wants none.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        tell(
            "seccomp",
            result(libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                0,
                &raw const program,
            )),
        );
        tell(
            "prctl",
            result(
                libc::prctl(
                    libc::PR_SET_SECCOMP,
                    libc::SECCOMP_MODE_FILTER,
                    &raw const program,
                )
                .into(),
            ),
        );
        let mut parameters = [0u8; 256];
        tell(
            "io_uring",
            result(libc::syscall(
                libc::SYS_io_uring_setup,
                4,
                parameters.as_mut_ptr(),
            )),
        );
        #[cfg(target_arch = "x86_64")]
        {
            const X32: libc::c_long = 0x4000_0000;
            tell("x32", result(libc::syscall(X32 | libc::SYS_getpid)));
            tell(
                "int 0x80",
                match by_interrupt() {
                    errno if errno < 0 => Err(io::Error::from_raw_os_error(-errno)),
                    _ => Ok(()),
                },
            );
        }
    }
}

/// getpid(2) as a program of 32 bits makes it.
#[cfg(target_arch = "x86_64")]
fn by_interrupt() -> i32 {
    let mut result: i32 = 20;
    // SAFETY: the call takes nothing, and changes eax only; the kernel clears r8 to r11.
    unsafe {
        std::arch::asm!(
            "int 0x80",
            inout("eax") result,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    result
}

/// What would be there for the next test.
pub fn leaves_things(mark: &str) {
    for folder in ["/dev/shm", "/tmp", "/var/tmp"] {
        tell(
            folder,
            fs::write(format!("{folder}/left-{mark}"), "mine").map(drop),
        );
    }
    // The number is nobody else's, so that what is left can be told from what others leave.
    let key = 0x6c00_0000 + number(mark);
    const CREATE: i32 = libc::IPC_CREAT | 0o600;
    let name = path(&format!("left-{mark}"));
    // SAFETY: numbers and C strings.
    unsafe {
        tell(
            "shared memory",
            result(libc::shmget(key, 4096, CREATE).into()),
        );
        tell("a message queue", result(libc::msgget(key, CREATE).into()));
        tell("a semaphore", result(libc::semget(key, 1, CREATE).into()));
        tell(
            "a queue of POSIX",
            result(libc::syscall(
                libc::SYS_mq_open,
                name.as_ptr(),
                libc::O_CREAT | libc::O_RDWR,
                0o600,
                0,
            )),
        );
        const USER_KEYRING: i32 = -4;
        tell(
            "a key",
            result(libc::syscall(
                libc::SYS_add_key,
                c"user".as_ptr(),
                name.as_ptr(),
                name.as_ptr(),
                4,
                USER_KEYRING,
            )),
        );
    }
}

pub fn raises_its_limits() {
    for (name, resource) in [
        ("processes", libc::RLIMIT_NPROC),
        ("memory", libc::RLIMIT_AS),
        ("files", libc::RLIMIT_FSIZE),
    ] {
        let more = libc::rlimit {
            rlim_cur: libc::RLIM_INFINITY,
            rlim_max: libc::RLIM_INFINITY,
        };
        // SAFETY: the structure is alive during the call.
        tell(
            name,
            result(unsafe { libc::setrlimit(resource, &raw const more) }.into()),
        );
    }
}

pub fn types_for_its_user() {
    tell(
        "the terminal",
        OpenOptions::new().write(true).open("/dev/tty").map(drop),
    );
    let letter: libc::c_char = b'x' as libc::c_char;
    // SAFETY: the kernel reads one byte, which is alive during the call.
    let type_into =
        |number| result(unsafe { libc::ioctl(number, libc::TIOCSTI, &raw const letter) }.into());
    let typed = (0..3).map(type_into).find(Result::is_ok);
    tell("TIOCSTI", typed.unwrap_or_else(|| type_into(0)));
}
