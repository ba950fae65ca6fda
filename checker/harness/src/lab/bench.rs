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

use serde::{Deserialize, Serialize};

use super::{
    links::Links,
    program::{CallLine, Ending, Running, last_calls},
};
use crate::{
    arena::{Arena, Isolation, Tracing},
    beneath::Directory,
    failure::{Checked, Diagnosis, Failure, LabError},
    observe::{
        calls::{Call, Sleep},
        descriptors::{self, Descriptor, Object},
        processes::Process,
        sockets::{self, Socket, State, Transport},
        tracer::Tracer,
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
    /// What was seen when a step failed. Afterwards the peers of the test are gone, and the program goes on.
    scene: RefCell<Option<Witness>>,
    /// Descriptors that are held until the test ends.
    kept: RefCell<Vec<OwnedFd>>,
    /// The links which the test has made in its folder.
    links: RefCell<Links>,
    /// When the disk was looked at.
    disk_seen: Cell<Instant>,
}

/// Between two looks at the disk.
const LOOK_AT_DISK: Duration = Duration::from_millis(250);

/// What was seen of a test, for its report.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Witness {
    /// What the test did, in order. If it failed, it failed in the last one.
    pub steps: Vec<String>,
    /// What each process of the program did when the test ended.
    pub sleepers: Vec<Sleeper>,
    /// The last calls of the program and its children, in the order in which they were made; none where they are not
    /// followed.
    pub calls: Vec<CallLine>,
    /// What the program printed on standard output; its beginning and its end if it was much.
    pub stdout: String,
    /// The same of standard error.
    pub stderr: String,
    /// How the program had ended, if it had.
    pub ending: Option<Ending>,
    /// Whether a fault was in force which had not struck any call: the program failed before it could meet it.
    pub was_spared: bool,
}

/// One process and what it waits in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sleeper {
    /// Its number, as the program itself would print it.
    pub pid: i32,
    /// Whether it is the program itself, and not one of its children.
    pub is_main: bool,
    /// `read(4)`; or what it does if it is in no call: `runs`, `is stopped`, `is a zombie`.
    pub does: String,
    /// What the descriptor stands for, where that is known: `the connection with client 1, ESTABLISHED`.
    pub on: Option<String>,
}

impl Sleeper {
    /// What [`Sleeper::does`] says of a process which is in no call.
    pub const RUNS: &str = "runs";
}

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
            scene: RefCell::default(),
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

    /// Everything that was seen, for the report: at the failure, if it was one in which the program was looked at, and
    /// else now.
    pub fn witness(&self) -> Witness {
        let scene = self.scene.take();
        scene.unwrap_or_else(|| {
            let last = self.programs.borrow().last().cloned();
            if last.is_some_and(|program| program.has_closed_stdout()) {
                // Most have done so because they end, and how they end belongs into the report. If this goes wrong,
                // the failure that is there already is worth more.
                let _ = self.fate();
            }
            self.look_around(None)
        })
    }

    /// Keeps what is seen now for the report of a failure which is about to be returned.
    pub(super) fn keep_scene(&self) {
        self.scene.replace(Some(self.look_around(None)));
    }

    /// The same for a failure which is about one call, by its place among all.
    pub(super) fn keep_scene_of(&self, call: u64) {
        self.scene.replace(Some(self.look_around(Some(call))));
    }

    fn look_around(&self, guilty: Option<u64>) -> Witness {
        let _ = self.pump();
        let program = self.programs.borrow().last().cloned();
        Witness {
            steps: self.diary.borrow().clone(),
            sleepers: self.sleepers(),
            calls: program
                .as_ref()
                .and_then(|program| Some(last_calls(program.tracer()?, program.pid(), guilty)))
                .unwrap_or_default(),
            stdout: program
                .as_ref()
                .map(|p| p.stdout_excerpt())
                .unwrap_or_default(),
            stderr: program
                .as_ref()
                .map(|p| p.stderr_excerpt())
                .unwrap_or_default(),
            was_spared: program
                .as_ref()
                .and_then(|program| program.tracer())
                .is_some_and(Tracer::waits_to_strike),
            ending: program.and_then(|p| p.ending()),
        }
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
        // The story goes on, so what seemed to fail did not.
        self.scene.take();
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

    /// How many names begin like this, to number the next one.
    pub(super) fn count_names(&self, start: &str) -> usize {
        let names = self.names.borrow();
        names
            .values()
            .filter(|name| name.starts_with(start))
            .count()
    }

    /// Reads what the programs have printed, and sees which have ended.
    pub(super) fn pump(&self) -> Checked {
        for program in self.programs.borrow().iter() {
            program.pump()?;
        }
        Ok(())
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

    /// What every process of the programs does now.
    pub(super) fn sleepers(&self) -> Vec<Sleeper> {
        let mut sockets = self.sockets(Transport::Tcp).unwrap_or_default();
        sockets.extend(self.sockets(Transport::Udp).unwrap_or_default());
        let mut found: Vec<Sleeper> = self
            .processes()
            .iter()
            .map(|process| {
                let sleep = match process.state {
                    'S' | 'D' => telling_sleep(process),
                    // Its main thread has ended, and others go on.
                    'Z' if !process.is_zombie() => telling_sleep(process),
                    _ => None,
                };
                Sleeper {
                    pid: process.own_pid,
                    is_main: self.is_main(process.pid),
                    on: sleep
                        .as_ref()
                        .and_then(|sleep| self.object_of(process.pid, sleep, &sockets)),
                    does: match (process.state, sleep) {
                        (_, Some(sleep)) => format!("waits in {sleep}"),
                        (state, None) if self.is_stopped(process.pid, state) => {
                            "is stopped".to_owned()
                        }
                        ('Z' | 'X', None) if process.is_zombie() => {
                            "has ended and is a zombie".to_owned()
                        }
                        _ => Sleeper::RUNS.to_owned(),
                    },
                }
            })
            .collect();
        found.sort_by_key(|sleeper| (!sleeper.is_main, sleeper.pid));
        found
    }

    /// What the descriptor in a call stands for, in the words of the diary.
    fn object_of(&self, pid: i32, sleep: &Sleep, sockets: &[Socket]) -> Option<String> {
        let number = sleep.descriptor?;
        match descriptors::object(pid, number)? {
            Object::Socket(inode) => {
                let socket = sockets.iter().find(|socket| socket.inode == inode)?;
                if socket.state == State::Listen {
                    return Some(format!("the listening socket {}", socket.local));
                }
                if socket.state == State::Close {
                    return Some(format!("the socket {}", socket.local));
                }
                let names = self.names.borrow();
                let peer = names
                    .get(&canonical(socket.peer))
                    .cloned()
                    .unwrap_or_else(|| socket.peer.to_string());
                Some(format!("the connection with {peer}, {}", socket.state))
            }
            Object::Pipe(_) if number == 0 => Some("standard input".to_owned()),
            Object::Pipe(_) if number == 1 => Some("standard output".to_owned()),
            Object::Pipe(_) if number == 2 => Some("standard error".to_owned()),
            Object::Pipe(_) => Some("a pipe".to_owned()),
            Object::Other(name) => Some(name),
        }
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

    /// How the program which was started last has ended, if not by the test's own hand. A peer that sees the end of a
    /// stream is a moment ahead of the kernel's notice that the process has ended, so this waits until it has ended, or
    /// sleeps, or is clearly alive.
    pub(super) fn fate(&self) -> Checked<Option<Ending>> {
        let Some(program) = self.programs.borrow().last().cloned() else {
            return Ok(None);
        };
        let _ = self.wait_until_asleep(|| Ok(program.ending().is_some()))?;
        Ok(program.fate())
    }

    /// A failure that names the end of the program if it has ended, and else what was seen.
    pub(super) fn blame(&self, waited_for: &str, seen: Failure) -> Checked<Failure> {
        let fate = self.fate()?;
        self.keep_scene();
        Ok(match fate {
            Some(ending) => Failure {
                comparison: seen.comparison,
                ..ending.while_waiting_for(waited_for)
            },
            None => seen,
        })
    }

    /// Says what the program itself does, whatever its children do.
    pub(super) fn says_of_main(&self, sleepers: &[Sleeper]) -> String {
        let main: Vec<Sleeper> = sleepers.iter().filter(|one| one.is_main).cloned().collect();
        self.says_instead(&main)
    }

    /// Says what the program does instead of what the test waits for.
    pub(super) fn says_instead(&self, sleepers: &[Sleeper]) -> String {
        let tell = |sleeper: &Sleeper| match &sleeper.on {
            Some(on) => format!("{} ({on})", sleeper.does),
            None => sleeper.does.clone(),
        };
        let main = sleepers.iter().find(|sleeper| sleeper.is_main);
        let others: Vec<&Sleeper> = sleepers.iter().filter(|sleeper| !sleeper.is_main).collect();
        let others = match others.as_slice() {
            [] => String::new(),
            [child] => format!("a child {}", tell(child)),
            [first, ..] => format!(
                "{} children are there, of which one {}",
                others.len(),
                tell(first)
            ),
        };
        match (main, others.is_empty()) {
            (Some(main), true) => format!("your program {}", tell(main)),
            (Some(main), false) => format!("your program {}, and {others}", tell(main)),
            (None, false) => format!("your program has ended, and {others}"),
            (None, true) => "your program has ended".to_owned(),
        }
    }

    /// Fails because a wait ended without its event.
    pub(super) fn explain(
        &self,
        gave_up: &super::wait::GaveUp,
        goal: &str,
        diagnosis: Diagnosis,
    ) -> Failure {
        self.keep_scene();
        gave_up.explain(self, goal, diagnosis)
    }
}

/// An IPv4 client whom an IPv6 socket shows under a mapped address, by its own.
fn canonical(address: SocketAddr) -> SocketAddr {
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

/// The call in which a process sleeps. Of several threads, one that waits for another tells less than that other one.
fn telling_sleep(process: &Process) -> Option<Sleep> {
    let mut sleeps: Vec<Sleep> = process
        .thread_list()
        .into_iter()
        .filter(|thread| thread.state != 'Z')
        .filter_map(|thread| thread.sleep)
        .collect();
    sleeps.sort_by_key(|sleep| sleep.call == Some(Call::Futex));
    sleeps.into_iter().next()
}
