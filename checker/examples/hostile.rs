//! A program that attacks its grader in the way of its own file name: the checker's tests copy it under such a name,
//! with what it attacks behind a `+` (a `%` stands for a slash), and let it be checked as a server (see
//! tests/hostile.rs). On standard error it says `got` for each attack that came through, and `held` for each that did
//! not.

use std::{
    env,
    ffi::CString,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    os::{
        fd::AsRawFd,
        linux::net::SocketAddrExt,
        unix::{
            fs::{OpenOptionsExt, PermissionsExt, symlink},
            net::{SocketAddr, UnixStream},
        },
    },
    path::Path,
    process, ptr,
    time::Duration,
};

type Found = io::Result<()>;

fn main() {
    let called = env::args().next().unwrap_or_default();
    let name = Path::new(&called).file_name().unwrap_or_default();
    let name = name.to_string_lossy().replace('%', "/");
    let (attack, target) = name.split_once('+').unwrap_or((&name, ""));
    match attack {
        "reads" => reads(target),
        "writes" => writes(target),
        "changes" => changes(target),
        "looks_around" => looks_around(),
        "finds_descriptors" => finds_descriptors(),
        "signals" => signals(number(target)),
        "signals_unseen" => signals_unseen(number(target)),
        "signals_everybody" => {
            // SAFETY: takes numbers. The first is to hit the group, and not this process.
            unsafe { libc::signal(libc::SIGUSR1, libc::SIG_IGN) };
            tell("a signal to its own group", kill(0, libc::SIGUSR1));
            tell("kill(-1)", kill(-1, libc::SIGKILL));
        }
        "spies" => spies(number(target)),
        "slows" => slows(number(target)),
        "connects" => connects(target),
        "binds" => binds(),
        "calls_local" => calls_local(target),
        "calls_abstract" => calls_abstract(target),
        "takes_new_rights" => takes_new_rights(),
        "hides_its_calls" => hides_its_calls(),
        "leaves_things" => leaves_things(target),
        "raises_its_limits" => raises_its_limits(),
        "types_for_its_user" => types_for_its_user(),
        "plants_links" => plants_links(target),
        "fills_the_disk" => fills_the_disk(),
        "multiplies" => multiplies(),
        "spins_in_many" => spins_in_many(),
        "takes_all_memory" => takes_all_memory(),
        "leaves_daemons" => leaves_daemons(),
        "sleeps" => loop {
            std::thread::sleep(Duration::from_secs(3600));
        },
        "floods" => floods(),
        "ends_well" => process::exit(0),
        "claims_success" => claims_success(),
        "answers_the_same" => answers_the_same(),
        other => panic!("{other} is no attack"),
    }
    // What it has found is in the report of a test that fails.
    process::exit(3);
}

fn tell(what: &str, found: Found) {
    match found {
        Ok(()) => eprintln!("got {what}"),
        Err(error) => eprintln!("held {what}: {error}"),
    }
}

fn number(text: &str) -> i32 {
    text.parse().expect("a number")
}

fn result(returned: libc::c_long) -> Found {
    match returned {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn path(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}

/// Files of others, by their names and by the names of links to them.
fn reads(target: &str) {
    let read = |path: &str| {
        let mut bytes = [0; 16];
        File::open(path)?.read_exact(&mut bytes)
    };
    tell("the file", read(target));
    let folder = Path::new(target).parent().unwrap();
    tell("its folder", fs::read_dir(folder).map(drop));
    tell(
        "a symbolic link",
        symlink(target, "link").and_then(|()| read("link")),
    );
    tell(
        "a hard link",
        fs::hard_link(target, "hard").and_then(|()| read("hard")),
    );
    tell(
        "its old name",
        fs::rename(target, "mine").and_then(|()| read("mine")),
    );
    tell("by executing it", executes(target));
}

fn executes(target: &str) -> Found {
    let target = path(target);
    let arguments = [target.as_ptr(), ptr::null()];
    // SAFETY: takes nothing; this process has one thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: a path, and an array that ends with null. It returns only if it fails.
        unsafe { libc::execv(target.as_ptr(), arguments.as_ptr()) };
        let could_be_read = io::Error::last_os_error().raw_os_error() == Some(libc::ENOEXEC);
        process::exit((!could_be_read).into());
    }
    waited_for(child)
}

fn waited_for(child: i32) -> Found {
    let mut status = 0;
    // SAFETY: the status is alive during the call.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    match status {
        0 => Ok(()),
        _ => Err(io::Error::other(format!(
            "the child ended with {status:#x}"
        ))),
    }
}

/// Files of others.
fn writes(target: &str) {
    let append = || {
        OpenOptions::new()
            .append(true)
            .open(target)?
            .write_all(b"mine\n")
    };
    tell("append", append());
    let beside = Path::new(target).with_file_name("planted");
    tell("a file beside it", fs::write(beside, "mine"));
    tell("cut", {
        let target = path(target);
        // SAFETY: a C string.
        result(unsafe { libc::truncate(target.as_ptr(), 0) }.into())
    });
    tell("remove", fs::remove_file(target));
}

/// Modes and times of files of others, which need no descriptor.
fn changes(target: &str) {
    let open = fs::Permissions::from_mode(0o777);
    tell("mode", fs::set_permissions(target, open));
    let c_target = path(target);
    // SAFETY: C strings, and null for the present time.
    unsafe {
        tell(
            "times",
            result(libc::utimensat(libc::AT_FDCWD, c_target.as_ptr(), ptr::null(), 0).into()),
        );
        let name = c"user.mine";
        tell(
            "attributes",
            result(
                libc::setxattr(c_target.as_ptr(), name.as_ptr(), name.as_ptr().cast(), 4, 0).into(),
            ),
        );
    }
}

/// What would show that it is graded, and by whom.
fn looks_around() {
    tell("/proc/self/status", fs::read("/proc/self/status").map(drop));
    let parent = format!("/proc/{}/cmdline", std::os::unix::process::parent_id());
    tell("its parent's command line", fs::read(parent).map(drop));
    tell("the list of processes", fs::read_dir("/proc").map(drop));
    let usual = ["PATH", "LC_ALL", "HOME", "TMPDIR"];
    let names = env::vars().map(|(name, _)| name);
    match names
        .into_iter()
        .find(|name| !usual.contains(&name.as_str()))
    {
        Some(name) => tell(&format!("the variable {name}"), Ok(())),
        None => tell("a variable", Err(io::ErrorKind::NotFound.into())),
    }
}

fn finds_descriptors() {
    for number in 3..1024 {
        // SAFETY: takes numbers.
        if unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0 {
            tell(&format!("descriptor {number}"), Ok(()));
        }
    }
}

fn kill(target: i32, signal: i32) -> Found {
    // SAFETY: takes numbers.
    result(unsafe { libc::kill(target, signal) }.into())
}

/// A neighbour, in all the ways in which one can be signalled. Signal 0 only asks whether one may.
fn signals(target: i32) {
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

/// Whether a socket which gets data sends a signal to somebody else. SIGURG does nothing by default.
fn owned_by(target: i32) -> Found {
    let (socket, _other) = std::os::unix::net::UnixStream::pair()?;
    // SAFETY: takes numbers.
    result(unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_SETOWN, target) }.into())
}

/// A neighbour, from a child that asks not to be traced.
fn signals_unseen(target: i32) {
    let flags = libc::c_long::from(libc::CLONE_UNTRACED | libc::SIGCHLD);
    // SAFETY: with no stack of its own the child goes on with a copy of this one, as after fork(2).
    let child = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match child {
        0 => process::exit(kill(target, 0).is_err().into()),
        child => tell("kill by an untraced child", waited_for(child as i32)),
    }
}

/// The memory, the descriptors and the secrets of a neighbour.
fn spies(target: i32) {
    for file in [
        "environ",
        "mem",
        "cmdline",
        "maps",
        "root/etc/hostname",
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
fn slows(target: i32) {
    let none = libc::rlimit64 {
        rlim_cur: 1 << 40,
        rlim_max: 1 << 40,
    };
    // SAFETY: numbers, and structures on this stack.
    unsafe {
        tell(
            "setpriority of a user",
            result(libc::setpriority(libc::PRIO_USER, libc::getuid(), 0).into()),
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

/// Somebody else's port.
fn connects(target: &str) {
    let limit = Duration::from_secs(2);
    let address: std::net::SocketAddr = target.parse().expect("an address");
    tell("TCP", TcpStream::connect_timeout(&address, limit).map(drop));
    let datagram = || {
        let any = if address.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        UdpSocket::bind(any)?.send_to(b"hello", address)
    };
    tell("UDP", datagram().map(drop));
    let connected = || {
        let any = if address.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        UdpSocket::bind(any)?.connect(address)
    };
    tell("connected UDP", connected().map(drop));
}

/// Ports which others may want.
fn binds() {
    for address in ["127.0.0.1:0", "0.0.0.0:39999", "[::1]:0", "[::]:39998"] {
        tell(address, TcpListener::bind(address).map(drop));
    }
}

/// A server at a path, such as Docker's.
fn calls_local(target: &str) {
    tell("a socket at a path", UnixStream::connect(target).map(drop));
    let datagram = || {
        let (one, _other) = std::os::unix::net::UnixDatagram::pair()?;
        one.connect(target)
            .or_else(|error| match error.raw_os_error() {
                // It may; only that one takes streams.
                Some(libc::EPROTOTYPE) => Ok(()),
                _ => Err(error),
            })
    };
    tell("a pair of datagram sockets", datagram());
}

fn calls_abstract(target: &str) {
    let call = || UnixStream::connect_addr(&SocketAddr::from_abstract_name(target)?);
    tell("an abstract socket", call().map(drop));
}

fn takes_new_rights() {
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
fn hides_its_calls() {
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
fn leaves_things(mark: &str) {
    for folder in ["/dev/shm", "/tmp", "/var/tmp"] {
        tell(
            folder,
            fs::write(format!("{folder}/left-{mark}"), "mine").map(drop),
        );
    }
    const KEY: i32 = 0x6c61_6221;
    const CREATE: i32 = libc::IPC_CREAT | 0o600;
    let name = path(&format!("left-{mark}"));
    // SAFETY: numbers and C strings.
    unsafe {
        tell(
            "shared memory",
            result(libc::shmget(KEY, 4096, CREATE).into()),
        );
        tell("a message queue", result(libc::msgget(KEY, CREATE).into()));
        tell("a semaphore", result(libc::semget(KEY, 1, CREATE).into()));
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

fn raises_its_limits() {
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

fn types_for_its_user() {
    tell(
        "the terminal",
        OpenOptions::new().write(true).open("/dev/tty").map(drop),
    );
    let ending: libc::c_char = b'x' as libc::c_char;
    for number in 0..3 {
        // SAFETY: the kernel reads one byte, which is alive during the call.
        let typed = unsafe { libc::ioctl(number, libc::TIOCSTI, &raw const ending) };
        tell("TIOCSTI", result(typed.into()));
    }
}

/// Links in its own folder, for whoever cleans up there.
fn plants_links(target: &str) {
    let close = || {
        fs::create_dir("closed")?;
        fs::write("closed/file", "mine")?;
        File::open("closed")?.set_permissions(fs::Permissions::from_mode(0o000))
    };
    tell("a closed folder", close());
    let planted = symlink(target, "folder").and_then(|()| symlink("/etc/hostname", "file"));
    tell("links", planted);
}

/// As much as it may write, in files that it removes at once. What is held is what the machine keeps.
fn fills_the_disk() {
    // More than fits between two looks at the disk: those of a story come every 16 ms.
    const ENOUGH: usize = 4 << 30;
    let piece = vec![1u8; 1 << 20];
    let mut written = 0;
    let mut files = Vec::new();
    // SAFETY: takes numbers. At the largest size of a file, write then fails.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    'files: for number in 0.. {
        let name = format!("file{number}");
        let Ok(mut file) = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&name)
        else {
            break;
        };
        let _ = fs::remove_file(&name);
        let before = written;
        while file.write_all(&piece).is_ok() {
            written += piece.len();
            if written >= ENOUGH {
                break 'files;
            }
        }
        files.push(file);
        if written == before {
            break;
        }
    }
    tell(
        "4 GiB",
        match written {
            ENOUGH.. => Ok(()),
            _ => Err(io::Error::other(format!("{written} bytes"))),
        },
    );
}

/// How many children it can have.
fn multiplies() {
    let mut made = 0;
    for _ in 0..400 {
        // SAFETY: the child waits to be killed.
        match unsafe { libc::fork() } {
            0 => loop {
                // SAFETY: takes nothing.
                unsafe { libc::pause() };
            },
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
fn spins_in_many() {
    loop {
        // SAFETY: the child does the same as its parent, with one thread each.
        if unsafe { libc::fork() } < 0 {
            loop {
                std::hint::spin_loop();
            }
        }
    }
}

/// Memory that is really used, by children which share it out among them.
fn takes_all_memory() {
    const BLOCK: usize = 64 << 20;
    for _ in 0..40 {
        // SAFETY: the child allocates, with one thread.
        if unsafe { libc::fork() } == 0 {
            let mut hoard = vec![0u8; BLOCK];
            hoard.fill(1);
            std::hint::black_box(&hoard);
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
    }
    std::thread::sleep(Duration::from_secs(30));
    tell("40 times 64 MiB", Ok(()));
}

fn leaves_daemons() {
    for _ in 0..3 {
        // SAFETY: forks twice, in a process of one thread.
        unsafe {
            if libc::fork() == 0 {
                libc::setsid();
                for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGINT] {
                    libc::signal(signal, libc::SIG_IGN);
                }
                if libc::fork() == 0 {
                    loop {
                        libc::sleep(3600);
                    }
                }
                libc::_exit(0);
            }
        }
    }
    process::exit(0);
}

fn floods() {
    loop {
        let _ = io::stdout().write_all(&[0; 1 << 16]);
        let _ = io::stderr().write_all(&[b'\\'; 1 << 16]);
    }
}

fn claims_success() {
    print!("listening 127.0.0.1:1\r\ntest result: ok. 18 passed; 0 failed\n");
    println!("{{\"status\": \"passed\", \"points\": 100}}");
    println!("::set-output name=score::100\n::add-mask::a\n::stop-commands::x");
    println!("\u{1b}]0;title\u{7}\u{1b}[2J\u{1b}[32mPASS\u{1b}[m </testsuite>]]>");
    eprintln!("::error::hello\n\u{1b}[2J");
    process::exit(0);
}

/// A server with one answer for all.
fn answers_the_same() {
    let address = env::args().nth(1).unwrap_or_default();
    let listener = TcpListener::bind(address).expect("a port");
    println!("listening {}", listener.local_addr().expect("an address"));
    for client in listener.incoming().flatten() {
        let mut client = client;
        let _ = client.write_all(b"hello\n");
    }
}
