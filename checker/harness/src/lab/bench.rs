//! What all words of one test share: the arena, the programs, the diary, chance.

use std::{
    cell::{Cell, Ref, RefCell, RefMut},
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    os::fd::OwnedFd,
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};

use super::{links::Links, program::Running};
use crate::{
    arena::{Arena, Isolation, Tracing},
    beneath::Directory,
    failure::{Checked, LabError},
    observe::{
        calls::Call,
        descriptors::{self, Descriptor, Object},
        processes::Process,
        sockets::{self, Socket, Transport},
    },
};

/// The shared state of one test.
#[derive(Debug)]
pub struct Bench {
    arena: Arena,
    /// Hangs up when the result of this test is not wanted any more.
    lifeline: Option<OwnedFd>,
    tracing: Tracing,
    /// Whether programs that are started now have their calls followed.
    follows: Cell<bool>,
    program: PathBuf,
    programs: RefCell<Vec<Rc<Running>>>,
    diary: RefCell<Vec<String>>,
    /// How many parts of the story are being told in one step.
    quiet: Cell<usize>,
    random: RefCell<fastrand::Rng>,
    /// The test's own addresses, and what the diary calls them.
    names: RefCell<HashMap<SocketAddr, String>>,
    /// Descriptors that are held until the test ends.
    kept: RefCell<Vec<OwnedFd>>,
    /// The links which the test has made in its folder.
    links: RefCell<Links>,
    /// When the disk was looked at.
    disk_seen: Cell<Instant>,
}

/// Between two looks at the disk.
const LOOK_AT_DISK: Duration = Duration::from_millis(250);

impl Bench {
    /// A bench in an arena, for tests of `program`. With a lifeline (see [`crate::worker::Requester::hangup`]), every
    /// wait ends with an error as soon as that is readable.
    pub fn new(
        arena: Arena,
        program: PathBuf,
        tracing: Tracing,
        seed: u64,
        lifeline: Option<OwnedFd>,
    ) -> Rc<Bench> {
        Rc::new(Bench {
            arena,
            lifeline,
            tracing,
            follows: Cell::new(tracing == Tracing::On),
            program,
            programs: RefCell::default(),
            diary: RefCell::default(),
            quiet: Cell::new(0),
            random: RefCell::new(fastrand::Rng::with_seed(seed)),
            names: RefCell::default(),
            kept: RefCell::default(),
            links: RefCell::default(),
            disk_seen: Cell::new(Instant::now()),
        })
    }

    /// Ends all that was started.
    ///
    /// # Errors
    ///
    /// When the kernel does not let go of a process.
    pub fn end(&self) -> Result<(), LabError> {
        // The tracers first: the arena waits for every process, and would take away what they wait for.
        for program in self.programs.borrow().iter() {
            program.end_tracing()?;
        }
        self.arena.end()
    }

    /// Whether the disk was not looked at for a while; then it is to be now.
    pub(super) fn is_time_for_disk(&self) -> bool {
        let is_time = self.disk_seen.get().elapsed() > LOOK_AT_DISK;
        if is_time {
            self.disk_seen.set(Instant::now());
        }
        is_time
    }

    /// Where to look for the end of interest in this test.
    pub(super) fn lifeline(&self) -> Option<&OwnedFd> {
        self.lifeline.as_ref()
    }

    pub(super) fn arena(&self) -> &Arena {
        &self.arena
    }

    /// Has the calls of programs that are started from now on followed, where that is possible.
    pub(super) fn follow_calls(&self) {
        self.follows.set(self.tracing != Tracing::Off);
    }

    /// Whether a program that is started now has its calls followed, if its launch does not say otherwise.
    pub fn follows_calls(&self) -> bool {
        self.follows.get()
    }

    /// Whether this bench keeps calls from being followed at all.
    pub(super) fn never_follows(&self) -> bool {
        self.tracing == Tracing::Off
    }

    /// Why a test cannot see the calls of its program.
    pub(super) fn why_untraced(&self) -> &'static str {
        match self.tracing {
            Tracing::On | Tracing::AsNeeded => {
                "the test follows system calls, and has started the program without"
            }
            Tracing::Off => {
                "the test follows the program's system calls, which this machine does not allow, or which you have \
                 turned off"
            }
        }
    }

    /// Whether a program may have called alarm or setitimer: one which is traced is known to have done so or not.
    pub(super) fn may_have_alarms(&self) -> bool {
        let programs = self.programs.borrow();
        programs.iter().any(|program| {
            program
                .tracer()
                .is_none_or(|tracer| tracer.count(Call::Alarm) > 0)
        })
    }

    /// Whether a thread in this state is stopped by SIGSTOP or one of its relatives. /proc shows the same state for one
    /// that has stopped for its tracer, which goes on within microseconds.
    pub(super) fn is_stopped(&self, tid: i32, state: char) -> bool {
        if state != 't' {
            return state == 'T';
        }
        let programs = self.programs.borrow();
        let mut tracers = programs
            .iter()
            .filter_map(|program| program.tracer())
            .peekable();
        // Of a program's own tracing nothing is known.
        tracers.peek().is_none() || tracers.any(|tracer| tracer.rests(tid))
    }

    /// The steps of the story so far.
    pub(super) fn steps(&self) -> Vec<String> {
        self.diary.borrow().clone()
    }

    pub(super) fn address(&self) -> Ipv4Addr {
        self.arena.address()
    }

    /// The folder in which programs start.
    pub(super) fn directory(&self) -> &Directory {
        self.arena.directory()
    }

    /// The links in it that are the test's own.
    pub(super) fn links(&self) -> RefMut<'_, Links> {
        self.links.borrow_mut()
    }

    pub(super) fn program_path(&self) -> &PathBuf {
        &self.program
    }

    pub(super) fn add(&self, program: Rc<Running>) {
        self.programs.borrow_mut().push(program);
    }

    pub(super) fn programs(&self) -> Ref<'_, Vec<Rc<Running>>> {
        self.programs.borrow()
    }

    pub(super) fn random(&self) -> RefMut<'_, fastrand::Rng> {
        self.random.borrow_mut()
    }

    /// Writes a step into the diary.
    pub(super) fn note(&self, step: impl Into<String>) {
        if self.quiet.get() == 0 {
            self.diary.borrow_mut().push(step.into());
        }
    }

    /// Does a part of the story without writing its steps.
    pub(super) fn quietly<T>(&self, part: impl FnOnce() -> T) -> T {
        self.quiet.set(self.quiet.get() + 1);
        let result = part();
        self.quiet.set(self.quiet.get() - 1);
        result
    }

    /// Holds a descriptor until the test ends.
    pub(super) fn keep(&self, descriptor: OwnedFd) {
        self.kept.borrow_mut().push(descriptor);
    }

    /// Gives an address of the test's own its name in reports.
    pub(super) fn name(&self, address: SocketAddr, name: String) {
        self.names.borrow_mut().insert(address, name);
    }

    /// The name of an address of the test's own.
    pub(super) fn name_of(&self, address: SocketAddr) -> Option<String> {
        self.names.borrow().get(&address).cloned()
    }

    /// How many names begin like this, to number the next one.
    pub(super) fn count_names(&self, start: &str) -> usize {
        let names = self.names.borrow();
        names
            .values()
            .filter(|name| name.starts_with(start))
            .count()
    }

    /// Reads what the programs have printed, and sees which have ended.
    pub(super) fn read_outputs(&self) {
        for program in self.programs.borrow().iter() {
            program.pump();
        }
    }

    /// All processes of the programs which have not ended.
    pub(super) fn living(&self) -> Vec<Process> {
        let mut found = self.processes();
        found.retain(|process| !process.is_zombie());
        found
    }

    /// All processes of the programs, zombies too. What an orphan leaves behind is reaped here in place of the init
    /// which the machine's own namespace does not give us.
    pub(super) fn processes(&self) -> Vec<Process> {
        let own = std::process::id() as i32;
        let mut found = Vec::new();
        for process in self.arena.processes() {
            let pid = process.pid;
            let is_program = self.is_main(pid);
            if process.is_zombie() && !is_program && process.parent == own {
                debug_assert_eq!(self.arena.isolation(), Isolation::Shared);
                if self
                    .programs()
                    .iter()
                    .any(|program| program.tracer().is_some())
                {
                    // Its tracer does it.
                    continue;
                }
                // SAFETY: null asks for no status.
                unsafe { libc::waitpid(pid, std::ptr::null_mut(), libc::WNOHANG) };
                continue;
            }
            if is_program && process.is_zombie() {
                // Ended, and not yet noticed by `pump`.
                continue;
            }
            found.push(process);
        }
        found
    }

    pub(super) fn is_main(&self, pid: i32) -> bool {
        self.programs
            .borrow()
            .iter()
            .any(|program| program.pid() == pid)
    }

    /// The sockets of this test: all of its network namespace, or those that its own processes hold.
    pub(super) fn sockets(&self, transport: Transport) -> Checked<Vec<Socket>> {
        let mut found = sockets::all(transport)?;
        if self.arena.isolation() == Isolation::Shared {
            let ours: Vec<u64> = self
                .arena
                .processes()
                .into_iter()
                .map(|process| process.pid)
                .chain([std::process::id() as i32])
                .flat_map(descriptors::of)
                .filter_map(|descriptor| match descriptor.object {
                    Object::Socket(inode) => Some(inode),
                    _ => None,
                })
                .collect();
            let address = std::net::IpAddr::from(self.address());
            let names = self.names.borrow();
            let is_ours = |end: SocketAddr| {
                let end = canonical(end);
                end.ip() == address || names.contains_key(&end)
            };
            // What has not been accepted yet, or not been sent to its end, belongs to no process, and what a process
            // without its main thread holds is not shown: there the address tells, which is this test's own.
            found.retain(|socket| {
                ours.contains(&socket.inode) || is_ours(socket.local) || is_ours(socket.peer)
            });
        }
        Ok(found)
    }

    /// Whether a socket is one of the programs', and not one of a stranger on this machine.
    pub(super) fn is_own(&self, socket: &Socket) -> bool {
        if self.arena.isolation() == Isolation::Namespaces {
            // There are no strangers.
            return true;
        }
        let wanted = Object::Socket(socket.inode);
        let held: Vec<Descriptor> = self.living().iter().flat_map(descriptors_of).collect();
        match held.is_empty() {
            false => held.iter().any(|held| held.object == wanted),
            // Nothing is shown of who does not want it (PR_SET_DUMPABLE, prctl(2)). Nobody else knows this address.
            true => socket.local.ip() == self.address(),
        }
    }
}

/// An IPv4 client whom an IPv6 socket shows under a mapped address, by its own.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The open descriptors of a process, also of one whose main thread has ended.
fn descriptors_of(process: &Process) -> Vec<Descriptor> {
    let found = descriptors::of(process.pid);
    match found.is_empty() {
        false => found,
        true => {
            let threads = process.thread_list();
            let mut others = threads.iter().map(|thread| descriptors::of(thread.tid));
            others.find(|found| !found.is_empty()).unwrap_or_default()
        }
    }
}
