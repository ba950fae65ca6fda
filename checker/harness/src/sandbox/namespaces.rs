//! Namespaces of the test's own, made by an ordinary user (user_namespaces(7)).

use std::{fs, path::Path};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::{prctl, signal::Signal},
    unistd::{Pid, getgid, getuid, pause, setsid},
};

use super::folder::Folder;
use crate::{
    failure::{Attempt, LabError},
    sys,
};

/// How many buckets the kernel's table of connections gets in the network namespace of a test: some connections for
/// each of the few that have more than one.
const BUCKETS: u32 = 256;
/// Where that is set, for networks which are made from the one at hand (Linux 6.1).
const CHILD_BUCKETS: &str = "/proc/sys/net/ipv4/tcp_child_ehash_entries";

/// Makes the tables of networks small which are made from here. By default they all share the machine's, of a hundred
/// thousand buckets or more: who asks for the sockets of one network walks through all of it, each time.
pub(super) fn prepare() -> Result<(), LabError> {
    if !Path::new(CHILD_BUCKETS).exists() {
        return Ok(());
    }
    make(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    // Where it is refused, the tables are the machine's.
    let _ = fs::write(CHILD_BUCKETS, BUCKETS.to_string());
    Ok(())
}

/// Moves this process into new user, network, mount and IPC namespaces. It keeps its user and group number.
pub(super) fn enter() -> Result<(), LabError> {
    make(
        CloneFlags::CLONE_NEWUSER
            | CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWIPC,
    )?;
    let unchanged: Option<&str> = None;
    mount(
        unchanged,
        "/",
        unchanged,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        unchanged,
    )
    .attempt("could not separate the mounts of the test")?;
    raise_loopback()
}

/// Moves this process into new namespaces, of which one is a user namespace with its own numbers.
fn make(kinds: CloneFlags) -> Result<(), LabError> {
    let (user, group) = (getuid(), getgid());
    unshare(kinds).attempt("could not make namespaces for the test")?;
    for (file, line) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{user} {user} 1")),
        ("gid_map", format!("{group} {group} 1")),
    ] {
        fs::write(format!("/proc/self/{file}"), line)
            .attempt("could not set up the user namespace of the test")?;
    }
    Ok(())
}

/// A new network namespace has a loopback interface which is down.
fn raise_loopback() -> Result<(), LabError> {
    sys::socket::raise_interface("lo").attempt("could not raise the loopback interface of the test")
}

/// How much fits into the folder of a test, in bytes: more than any test needs, and little enough to be memory.
pub(super) const ROOM: u64 = 64 << 20;
/// How many files and folders fit into it.
pub(super) const FILES: u64 = 4096;

/// Folders which most machines have, and in which a test needs nothing. What lies in one of them is hidden, and it may be
/// the program: so it is the first one which is empty. The first of all is where shared memory has its names
/// (shm_open(3)), which are then the test's own as well.
const PLACES: [&str; 4] = ["/dev/shm", "/srv", "/mnt", "/media"];

/// The first of these places that is empty.
pub(super) fn empty_place() -> Option<&'static str> {
    let is_empty = |place: &&str| {
        let entries = fs::read_dir(place);
        entries.is_ok_and(|mut entries| entries.next().is_none())
    };
    PLACES.into_iter().find(is_empty)
}

/// A file system in memory, limited in size, which only this mount namespace sees: nothing has to be removed
/// afterwards. `None` where there is no place to mount it.
pub(super) fn make_folder() -> Option<Folder> {
    let place = empty_place().or(PLACES.first().copied())?;
    mount(
        Some("tmpfs"),
        place,
        Some("tmpfs"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        Some(format!("size={ROOM},nr_inodes={FILES},mode=0755").as_str()),
    )
    .ok()?;
    Folder::beneath(Path::new(place)).ok()
}

/// Starts pid 1 of a new pid namespace. Without it, the student's program would be pid 1, for which the rules of
/// signals and orphans are other ones (pid_namespaces(7)).
///
/// This process stays outside: one whose children are to start elsewhere can have no new threads (clone(2), EINVAL).
/// A thread that starts a program enters the namespace before.
pub(super) fn start_init() -> Result<Pid, LabError> {
    // SAFETY: the child makes async-signal-safe calls only.
    let pid = unsafe { sys::exec::fork_into_pid_namespace(|| be_init()) }
        .attempt("could not start the init process of the test")?;
    Ok(Pid::from_raw(pid))
}

fn be_init() -> ! {
    let _ = prctl::set_pdeathsig(Signal::SIGKILL);
    // Ignoring SIGCHLD lets the kernel reap the orphans that come here.
    let _ = sys::set_disposition(libc::SIGCHLD, true);
    let _ = setsid();
    // The worker's descriptors must close with the worker.
    // SAFETY: all that this process does from now on is to sleep.
    unsafe { sys::close_all() };
    loop {
        pause();
    }
}
