//! One isolated place for one test: what is started in it can reach nothing outside, and ends with it.
//!
//! A worker, a process of its own for each test, enters a sandbox and then starts the student's program in it:
//!
//! ```text
//! checker                  plans, builds, schedules, reports
//!  └─ fork server          has given up root, and forks workers
//!      └─ worker           one process a test, in its own user, network and mount namespace
//!          ├─ init         pid 1 of a pid namespace: adopts orphans, and takes all with it when it ends
//!          └─ the program  pid 2 or later: its own session, no capabilities, limits, a folder of its own
//! ```
//!
//! Where the machine refuses namespaces (Docker's default profile, Ubuntu 24.04), the same worker is in the
//! machine's own: with a loopback address of its own instead of a network of its own, and as the subreaper of what
//! the program leaves behind.

mod confinement;
mod containment;
mod etc;
mod exec;
mod folder;
pub mod jail;
mod launch;
mod namespaces;
mod privileges;
mod probe;
mod root;
mod stdin;
mod stdout;
pub mod supervisor;
mod terminal;

use std::{
    fs, io,
    net::Ipv4Addr,
    os::fd::OwnedFd,
    path::Path,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal::{SigSet, SigmaskHow, Signal, kill},
        statvfs::fstatvfs,
    },
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

pub use confinement::{Confinement, Ended, Output, Stopped};
pub use containment::{Containment, Missing};
pub use exec::Started;
pub use jail::Jail;
pub use launch::{Launch, Limits, PIPE_PAGE, lower_limit};
pub use privileges::{is_open_to_all, is_root, unprivileged_copy};
pub use probe::{Probe, Tier, best_isolation, can_trace, probe};
pub use stdin::StandardInput;
pub use stdout::StandardOutput;
pub use terminal::Attended;

use self::{etc::Covers, folder::Folder, root::Root};
use crate::{
    beneath::Directory,
    failure::{Attempt, LabError},
    observe::{
        descriptors,
        processes::{self, Process},
    },
    sys,
};

/// How far a test is separated from the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// Its own user, pid, network, mount and IPC namespaces.
    Namespaces,
    /// The machine's namespaces, a loopback address of its own, a sweep at the end.
    Shared,
}

impl Isolation {
    /// Every one, the strongest first.
    pub const ALL: [Isolation; 2] = [Isolation::Namespaces, Isolation::Shared];

    /// As the command line knows it.
    pub fn name(self) -> &'static str {
        match self {
            Isolation::Namespaces => "namespaces",
            Isolation::Shared => "shared",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Isolation> {
        Isolation::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// When the system calls of the student's program are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tracing {
    /// Where a story asks for it. Of a promise that is kept nobody asks to see the calls, and to follow them takes as
    /// long as all the rest of a test.
    AsNeeded,
    /// Always.
    On,
    /// Never: tests which need it are not checked.
    Off,
}

/// The network of a process, which stays as long as this is there, whatever becomes of the process.
#[derive(Debug)]
#[expect(dead_code, reason = "the open file holds the network")]
pub struct Network(fs::File);

impl Network {
    /// That of the process with this number. `None` if there is no such process (any more), or it is closed to us.
    pub fn of(pid: i32) -> Option<Network> {
        fs::File::open(format!("/proc/{pid}/ns/net"))
            .ok()
            .map(Network)
    }
}

/// The place of one test.
#[derive(Debug)]
pub struct Sandbox {
    isolation: Isolation,
    address: Ipv4Addr,
    folder: Folder,
    init: Option<Pid>,
    jail: Option<Jail>,
    /// What programs in the jail see of the machine's files, where that is possible.
    root: Option<Root>,
    covers: Covers,
}

/// What all sandboxes have in common, for a process whose copies each [enter](Sandbox::enter) one: it becomes an unprivileged
/// user for ever, and prepares what networks of their own are made from. It must have one thread only.
pub fn prepare(isolation: Isolation) -> Result<(), LabError> {
    processes::expect_lists_of_children()?;
    privileges::give_up_root()?;
    match isolation {
        Isolation::Namespaces => namespaces::prepare(),
        Isolation::Shared => Ok(()),
    }
}

impl Sandbox {
    /// Makes this process the worker of a test. It must have one thread only, and can do this once.
    ///
    /// # Errors
    ///
    /// When the machine refuses what `isolation` needs; [`probe`] tells beforehand.
    pub fn enter(isolation: Isolation) -> Result<Sandbox, LabError> {
        privileges::give_up_root()?;
        match isolation {
            Isolation::Namespaces => {
                namespaces::enter()?;
                let folder = match namespaces::make_folder() {
                    Some(folder) => folder,
                    None => Folder::temporary()?,
                };
                Ok(Sandbox {
                    isolation,
                    address: Ipv4Addr::LOCALHOST,
                    folder,
                    init: Some(namespaces::start_init()?),
                    jail: None,
                    root: None,
                    covers: Covers::default(),
                })
            }
            Isolation::Shared => {
                nix::sys::prctl::set_child_subreaper(true)
                    .attempt("could not become the subreaper of what the program leaves behind")?;
                Ok(Sandbox {
                    isolation,
                    address: own_loopback_address(std::process::id()),
                    folder: Folder::temporary()?,
                    init: None,
                    jail: None,
                    root: None,
                    covers: Covers::default(),
                })
            }
        }
    }

    /// Small send buffers: a test that fills both directions of a connection then needs 200 kB for it, and not 6 MB.
    /// Where the network is not the sandbox's own, or the kernel does not allow it, the same tests take longer.
    pub fn shrink_send_buffers(&self) {
        if self.isolation == Isolation::Namespaces {
            let _ = fs::write("/proc/sys/net/ipv4/tcp_wmem", "4096 16384 65536");
        }
    }

    /// Locks every program that is started here from now on into a jail. In namespaces it gets a root directory of its
    /// own, where the machine allows it.
    #[must_use]
    pub fn locked(self, jail: Option<Jail>) -> Sandbox {
        let root = jail.as_ref().and_then(|jail| self.root_for(jail));
        Sandbox { jail, root, ..self }
    }

    /// None where the mounts are the machine's own, or it refuses more of them.
    fn root_for(&self, jail: &Jail) -> Option<Root> {
        let place = match self.isolation {
            Isolation::Namespaces => namespaces::empty_place()?,
            Isolation::Shared => return None,
        };
        Root::make(Path::new(place), jail, self.folder.path()).ok()
    }

    /// Whether a tracer has to keep every program within its bounds, since nothing else does.
    pub fn needs_tracer(&self) -> bool {
        self.jail.is_some() && self.isolation == Isolation::Shared
    }

    /// Whether its programs may have UNIX sockets: those in a jail only where a path leads to no socket but their own.
    pub fn allows_unix_sockets(&self) -> bool {
        self.jail.is_none() || self.root.is_some()
    }

    fn jail(&self) -> Option<&Jail> {
        self.jail.as_ref()
    }

    /// How far this sandbox is separated.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// The IPv4 address that belongs to this test alone.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Another loopback address which belongs to this test alone, and which no program can guess.
    pub fn other_address(&self) -> Ipv4Addr {
        // The first one is 127.0.0.1, or one from 127.64.0.0 to 127.127.255.255.
        let [net, high, middle, low] = self.address.octets();
        Ipv4Addr::new(net, high ^ 0xc0, middle, low)
    }

    /// The folder in which programs start. It is empty at first, and vanishes with the sandbox.
    ///
    /// In namespaces it is a file system of its own, so that nothing more can be written once it is full (ENOSPC), and
    /// how full it is can be [asked](Sandbox::room). Elsewhere it lies on the machine's disk, where a program is only
    /// [watched](Sandbox::disk_used): between two looks it may write what the disk takes.
    ///
    /// This is its name, for programs. The lab itself opens everything below its [directory](Sandbox::directory).
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The same folder, for the lab.
    pub fn directory(&self) -> &Directory {
        self.folder.directory()
    }

    /// Lets this process work there.
    pub fn work_there(&self) -> Result<(), LabError> {
        nix::unistd::fchdir(self.directory()).attempt("could not change to the folder of the test")
    }

    /// The pid namespace in which programs start, if it is not the lab's own.
    fn pid_namespace(&self) -> io::Result<Option<OwnedFd>> {
        let open = |init| fs::File::open(format!("/proc/{init}/ns/pid"));
        Ok(self.init.map(open).transpose()?.map(OwnedFd::from))
    }

    /// All processes which the test's programs have made, and the programs: the init of the namespace is left out.
    pub fn processes(&self) -> Vec<Process> {
        let init = self.init.map(Pid::as_raw);
        let found = processes::descendants_but(std::process::id() as i32, init);
        found.into_values().collect()
    }

    /// Ends every process that was started here, whatever it did to escape, and waits until they are gone.
    ///
    /// # Errors
    ///
    /// When some are still there after ten seconds, because the kernel does not let go of them.
    pub fn end(&self) -> Result<(), LabError> {
        match self.init {
            // The kernel ends a whole pid namespace with its pid 1, and there is no way out of one.
            Some(init) => {
                let _ = kill(init, Signal::SIGKILL);
                outlive_children(|| ())?;
            }
            None => end_descendants()?,
        }
        self.folder.clear()
    }

    /// How much still fits into the folder, where it is a file system of the test's own.
    pub fn room(&self) -> Option<Room> {
        let found = match self.folder.is_on_disk() {
            false => fstatvfs(self.directory()).ok()?,
            true => return None,
        };
        Some(Room {
            bytes: found.blocks_available() * found.fragment_size(),
            files: found.files_available(),
        })
    }

    /// How much of the machine's disk and memory the files of the test's programs take, in bytes: those in its folder, if
    /// that is not a file system of its own, and those without a name that they hold open. `u64::MAX` for too many.
    pub fn disk_used(&self) -> u64 {
        let named = match self.folder.is_on_disk() {
            true => self.folder.size(),
            false => 0,
        };
        named.saturating_add(descriptors::unnamed_bytes(&self.processes()))
    }
}

/// What still fits into a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// In bytes.
    pub bytes: u64,
    /// Files and folders, in their number.
    pub files: u64,
}

impl Room {
    /// What fits into the folder of a test while it is empty.
    pub const WHOLE: Room = Room {
        bytes: namespaces::ROOM,
        files: namespaces::FILES,
    };
}

/// Ends all processes below this one, and waits until they are gone. It must be the subreaper of what they leave.
///
/// # Errors
///
/// When some are still there after ten seconds, because the kernel does not let go of them.
pub fn end_descendants() -> Result<(), LabError> {
    outlive_children(|| {
        for pid in processes::descendants(std::process::id() as i32).into_keys() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    })
}

/// Waits until there is no child any more, and then nothing else below this process either: what a child leaves behind
/// comes to its subreaper before it is reaped. Before each moment of waiting it does `urge`.
fn outlive_children(urge: impl Fn()) -> Result<(), LabError> {
    // A blocked SIGCHLD stays pending, so that a child which ends between two calls is not missed.
    let children = SigSet::from(Signal::SIGCHLD);
    let before = children.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let before = before.attempt("could not block SIGCHLD")?;
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut are_left = true;
    while are_left && Instant::now() < deadline {
        urge();
        are_left = reap_all(&children);
    }
    // What is started later would inherit the mask.
    before
        .thread_set_mask()
        .attempt("could not put the signal mask back")?;
    match are_left {
        false => Ok(()),
        true => Err(LabError::new("could not end all processes of a test")),
    }
}

/// Waits a moment for a child to end, and reaps all that have ended; false if there is no child at all. SIGCHLD, the only
/// signal in `children`, is blocked.
fn reap_all(children: &SigSet) -> bool {
    loop {
        match sys::wait(-1, libc::WNOHANG | libc::__WALL) {
            Ok(None) => break,
            Err(_) => return false,
            Ok(Some(_)) => (),
        }
    }
    sys::wait_for_signal(children, Duration::from_millis(10));
    true
}

/// All of 127.0.0.0/8 is loopback (RFC 1122, 3.2.1.3), so each worker can have an address which no other uses, and
/// ports of its own on it. Process numbers have 22 bits at most.
fn own_loopback_address(pid: u32) -> Ipv4Addr {
    let [_, high, middle, low] = (pid & 0x3f_ffff).to_be_bytes();
    Ipv4Addr::new(127, 64 | high, middle, low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_process_number_has_an_address_of_its_own() {
        assert_eq!(own_loopback_address(1), Ipv4Addr::new(127, 64, 0, 1));
        assert_eq!(
            own_loopback_address(0x3f_ffff),
            Ipv4Addr::new(127, 127, 255, 255)
        );
        assert_ne!(own_loopback_address(256), own_loopback_address(1));
    }
}
