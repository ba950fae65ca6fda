//! How a program is started in a sandbox: what it inherits, and what it may use up.

use std::{
    ffi::{CStr, OsStr, OsString},
    fs, io,
    net::IpAddr,
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, fcntl},
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::{prctl, signal::Signal, stat},
    unistd::{Pid, setpgid, setsid, write},
};
use serde::{Deserialize, Serialize};

use super::{
    Isolation, Jail, Sandbox,
    exec::{Follow, Image, Started},
    jail::{Prepared, Surroundings},
    root::Root,
    stdin::StandardInput,
    stdout::StandardOutput,
};
use crate::{
    observe::{
        calls::Call,
        processes::{Process, Signals},
        tracer::{Bounds, EarlyFaults, Fault, Injection},
    },
    sys,
};

/// What one process of the program may use up. A right program of the course stays far below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory that it alone can write to, in bytes. Its addresses may be eight times as many: for each of its first
    /// threads the C library reserves 64 MiB of them, and uses little.
    pub memory: u64,
    /// The size of a file it writes, in bytes.
    pub file: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Processes and threads of the test together, where it has a user namespace of its own.
    pub processes: u64,
    /// Processor time, in seconds.
    pub processor: u64,
    /// The size of the file with its memory that the kernel leaves when some signals end it (core(5)), in bytes.
    pub core: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory: 1 << 30,
            file: 64 << 20,
            descriptors: 1024,
            processes: 128,
            processor: 30,
            core: 0,
        }
    }
}

impl Limits {
    /// The lower of each two.
    fn at_most(&self, other: &Limits) -> Limits {
        Limits {
            memory: self.memory.min(other.memory),
            file: self.file.min(other.file),
            descriptors: self.descriptors.min(other.descriptors),
            processes: self.processes.min(other.processes),
            processor: self.processor.min(other.processor),
            core: self.core.min(other.core),
        }
    }

    /// As setrlimit(2) takes them.
    fn of_a_process(&self, isolation: Isolation) -> Vec<(libc::__rlimit_resource_t, u64)> {
        let processes = match isolation {
            Isolation::Namespaces => self.processes,
            // Here the limit counts all processes of the user, also those outside the test.
            Isolation::Shared => processes_of_this_user() + 4 * self.processes,
        };
        vec![
            (libc::RLIMIT_CORE, self.core),
            (libc::RLIMIT_DATA, self.memory),
            (libc::RLIMIT_AS, 8 * self.memory),
            (libc::RLIMIT_FSIZE, self.file),
            (libc::RLIMIT_NOFILE, self.descriptors),
            (libc::RLIMIT_NPROC, processes),
            (libc::RLIMIT_CPU, self.processor),
        ]
    }
}

/// A program about to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Its arguments, without its name.
    pub arguments: Vec<OsString>,
    /// Variables which are not in its environment, though others start with them.
    pub unset: Vec<&'static str>,
    /// Signals which it inherits as blocked.
    pub blocked: Vec<i32>,
    /// Signals which it inherits as ignored.
    pub ignored: Vec<i32>,
    /// What its standard input is.
    pub stdin: StandardInput,
    /// How many bytes its standard output takes before it is full, 4096 at most: a pipe of one page that is not read
    /// yet, so that the first write to it that does not fit sleeps. With 0 it is full from the start; `None` is an empty
    /// pipe that is read.
    pub stdout_room: Option<usize>,
    /// What its standard output is.
    pub stdout: StandardOutput,
    /// The permissions which the files that it makes do not get (umask(2)).
    pub umask: u32,
    /// Whether its calls are seen by a [`Tracer`](crate::observe::tracer::Tracer). In namespaces, no program can be traced
    /// after one that is not: the children of this thread are in another PID namespace then, and such a thread cannot start
    /// the tracer's (setns(2)).
    pub traced: bool,
    /// What its first call of this kind meets, in the program itself or in what it makes. Of exec only the calls
    /// of what it makes count, and of write only those to standard output.
    pub fault: Option<(Call, Fault)>,
    /// What it may use up.
    pub limits: Limits,
}

/// The smallest pipe that the kernel makes, in bytes. Where pages are larger, the pipe is larger, too.
pub const PIPE_PAGE: usize = 4096;

/// What the child needs between fork and exec, prepared before: there it may neither allocate nor look anything up.
pub(super) struct Preparation {
    group: Group,
    own_proc: bool,
    stdout_room: Option<usize>,
    /// None leaves it as it is.
    umask: Option<libc::mode_t>,
    blocked: u64,
    ignored: u64,
    limits: Vec<(libc::__rlimit_resource_t, u64)>,
}

/// Who gets a signal of the terminal together with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// None: it has a session of its own, and no terminal.
    OwnSession,
    /// Only its own children.
    Own,
    /// The checker.
    Checkers,
}

impl Launch {
    /// The umask of most users: others than the owner must not write.
    pub const UMASK: u32 = 0o022;

    /// A program with these arguments, and nothing unusual about it.
    pub fn new<S: Into<OsString>>(arguments: impl IntoIterator<Item = S>) -> Launch {
        Launch {
            arguments: arguments.into_iter().map(Into::into).collect(),
            unset: Vec::new(),
            blocked: Vec::new(),
            ignored: Vec::new(),
            stdin: StandardInput::Pipe,
            stdout_room: None,
            stdout: StandardOutput::Pipe,
            umask: Launch::UMASK,
            traced: true,
            fault: None,
            limits: Limits::default(),
        }
    }

    /// Starts `program` with a pipe as its standard error, and also as its standard input and output where these are not to
    /// be something else: in the sandbox's folder, in a session of
    /// its own, with a clean environment, no descriptor but 0, 1 and 2, and every signal as it is by default.
    pub fn start(&self, program: &Path, sandbox: &Sandbox) -> io::Result<Started> {
        let folder = sandbox.folder();
        let mut environment = vec![
            ("PATH", OsStr::new("/usr/local/bin:/usr/bin:/bin")),
            ("LC_ALL", OsStr::new("C.UTF-8")),
            ("HOME", folder.as_os_str()),
            ("TMPDIR", folder.as_os_str()),
        ];
        environment.retain(|(name, _)| !self.unset.contains(name));
        let preparation = self.prepare(sandbox);
        let mut image = Image::new(program, &self.arguments, &environment, preparation)?;
        // One that has taken its own rights to the folder away is not the only one who starts there.
        let _ = sandbox.directory().open_to_owner();
        image.folder = Some(sandbox.directory().as_fd().try_clone_to_owned()?);
        image.namespace = sandbox.pid_namespace()?;
        image.jail = sandbox
            .jail()
            .map(|jail| jail_of(jail, program, sandbox))
            .transpose()?;
        let follow = match self.traced {
            false => Follow::Untraced,
            true => Follow::Traced(None, self.bounds(sandbox), self.early_faults()),
        };
        let stdin = self.stdin.ends(sandbox)?;
        image.start(stdin, self.stdout.ends(sandbox)?, follow)
    }

    /// What its first calls meet.
    fn early_faults(&self) -> EarlyFaults {
        let fault = self.fault;
        Box::new(move |pid| Vec::from_iter(fault.map(|fault| Injection::of_the_first(pid, fault))))
    }

    /// What the tracer has to keep it from, because nothing else does.
    fn bounds(&self, sandbox: &Sandbox) -> Bounds {
        match (sandbox.jail(), sandbox.isolation()) {
            (None, _) => Bounds::default(),
            (Some(jail), isolation) => Bounds {
                threads: Some(self.limits.processes.min(jail.limits.processes) as usize),
                own_signals: isolation == Isolation::Shared,
                addresses: (isolation == Isolation::Shared).then(|| {
                    [sandbox.address(), sandbox.other_address()]
                        .map(IpAddr::V4)
                        .into()
                }),
            },
        }
    }

    fn prepare(&self, sandbox: &Sandbox) -> Preparation {
        let limits = match sandbox.jail() {
            None => self.limits,
            Some(jail) => self.limits.at_most(&jail.limits),
        };
        let set = |signals: &[i32]| {
            signals
                .iter()
                .filter(|signal| (1..=64).contains(*signal))
                .fold(0u64, |set, signal| set | 1 << (signal - 1))
        };
        Preparation {
            // A jail shows no /proc.
            own_proc: sandbox.isolation() == Isolation::Namespaces && sandbox.jail().is_none(),
            stdout_room: self.stdout_room,
            umask: Some(self.umask),
            blocked: set(&self.blocked),
            ignored: set(&self.ignored),
            ..Preparation::limited(Group::OwnSession, &limits, sandbox.isolation())
        }
    }
}

/// The jail of a sandbox, for this program.
fn jail_of(jail: &Jail, program: &Path, sandbox: &Sandbox) -> io::Result<Prepared> {
    if let Some(root) = &sandbox.root {
        root.show(program)?;
    }
    let surroundings = Surroundings {
        isolation: sandbox.isolation(),
        folder: Some(sandbox.directory().as_fd()),
        root: sandbox.root.as_ref().map(Root::entry),
    };
    jail.prepare(program, surroundings)
        .map_err(io::Error::other)
}

/// How many processes and threads the user of this process has.
fn processes_of_this_user() -> u64 {
    let own = nix::unistd::getuid().as_raw();
    let Ok(entries) = fs::read_dir("/proc") else {
        return 0;
    };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            (entry.metadata().ok()?.uid() == own).then_some(())?;
            Some(u64::from(Process::read(pid)?.threads))
        })
        .sum()
}

/// Sets a limit that this process and all below it cannot raise again. A lower one that is in force already stays. It is
/// async-signal-safe.
pub fn lower_limit(resource: libc::__rlimit_resource_t, most: u64) -> nix::Result<()> {
    const THIS_PROCESS: i32 = 0;
    let before = sys::prlimit(THIS_PROCESS, resource, None)?;
    let most = most.min(before.rlim_max);
    let lower = libc::rlimit {
        rlim_cur: most,
        rlim_max: most,
    };
    sys::prlimit(THIS_PROCESS, resource, Some(lower)).map(drop)
}

impl Preparation {
    /// Nothing but what tracing needs, and signals as they are by default.
    pub(super) fn at_a_terminal(group: Group) -> Preparation {
        Preparation {
            group,
            own_proc: false,
            stdout_room: None,
            umask: None,
            blocked: 0,
            ignored: 0,
            limits: Vec::new(),
        }
    }

    /// Signals and the umask as they are by default, and these limits.
    pub(super) fn limited(group: Group, limits: &Limits, isolation: Isolation) -> Preparation {
        Preparation {
            umask: Some(Launch::UMASK),
            limits: limits.of_a_process(isolation),
            ..Preparation::at_a_terminal(group)
        }
    }

    /// Runs in the child, between fork and exec: it changes the whole process, and is async-signal-safe.
    pub(super) fn apply(&self) -> nix::Result<()> {
        if let Some(room) = self.stdout_room {
            fill_stdout(room)?;
        }
        if let Some(umask) = self.umask {
            stat::umask(stat::Mode::from_bits_retain(umask));
        }
        // A process that has just been made leads no group, so that neither is refused.
        let _ = match self.group {
            Group::OwnSession => setsid().map(drop),
            Group::Own => setpgid(Pid::from_raw(0), Pid::from_raw(0)),
            Group::Checkers => Ok(()),
        };
        let _ = prctl::set_pdeathsig(Signal::SIGKILL);
        if self.own_proc {
            mount_own_proc();
        }
        self.set_signals();
        for &(resource, most) in &self.limits {
            lower_limit(resource, most)?;
        }
        prctl::set_no_new_privs()?;
        // The pipe through which a failing exec is reported must last until then.
        let _ = sys::close_from_at_exec(3);
        Ok(())
    }

    /// Dispositions that are "ignored" and the mask of blocked signals survive exec (signal(7)), so a checker which
    /// was started with `nohup` would pass them on.
    fn set_signals(&self) {
        for signal in 1..=64 {
            // KILL, STOP and the C library's own two refuse; they are never changed.
            let _ = sys::set_disposition(signal, Signals::contains(self.ignored, signal));
        }
        sys::set_blocked_signals(self.blocked);
    }
}

/// /proc shows the processes of the namespace in which it was mounted. Where mounting is refused, the program
/// sees the machine's, which does no harm.
fn mount_own_proc() {
    if unshare(CloneFlags::CLONE_NEWNS).is_ok() {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        // C strings: a path would be copied, which may allocate.
        let _ = mount(Some(c"proc"), c"/proc", Some(c"proc"), flags, None::<&CStr>);
    }
}

/// Makes standard output, an empty pipe, one page small, and leaves room for so many bytes: a write that fits joins the
/// page (pipe(7)).
fn fill_stdout(room: usize) -> nix::Result<()> {
    const ZEROS: [u8; PIPE_PAGE] = [0; PIPE_PAGE];
    fcntl(
        sys::stdout(),
        FcntlArg::F_SETPIPE_SZ(PIPE_PAGE as libc::c_int),
    )?;
    let filler = &ZEROS[room.min(PIPE_PAGE)..];
    // It fits, so that the write does not sleep.
    match write(sys::stdout(), filler)? {
        written if written == filler.len() => Ok(()),
        _ => Err(Errno::EIO),
    }
}
