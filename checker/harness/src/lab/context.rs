//! What all words of one test share.

use std::{
    cell::{Cell, RefCell, RefMut},
    net::Ipv4Addr,
    os::fd::OwnedFd,
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};

use super::{
    chance::Chance, links::Links, names::Names, programs::Programs, reputation::Reputation,
    transcript::Transcript,
};
use crate::{
    beneath::Directory,
    failure::LabError,
    sandbox::{Sandbox, Tracing},
};

/// The shared state of one test.
#[derive(Debug)]
pub struct TestContext {
    pub(super) sandbox: Rc<Sandbox>,
    pub(super) transcript: Transcript,
    pub(super) programs: Programs,
    pub(super) names: Names,
    pub(super) chance: Chance,
    /// Readable as soon as the result of this test is not wanted any more.
    pub(super) lifeline: Option<OwnedFd>,
    /// The program to test.
    pub(super) executable: PathBuf,
    /// How many bytes the test has sent to the program and received from it, but for its standard streams.
    moved: Cell<u64>,
    /// What earlier tests have shown of this program.
    reputation: Cell<Reputation>,
    /// How long the program has slept with time limits while the test waited for it.
    napped: Cell<Duration>,
    /// How long it may do so besides what every program may, because the story has given it time limits.
    allowed_naps: Cell<Duration>,
    /// When the disk was looked at.
    pub(super) disk_seen: Cell<Instant>,
    tracing: Tracing,
    /// Whether programs that are started now have their calls followed.
    follows: Cell<bool>,
    /// Whether the story has asked for it, be it possible or not.
    asks_for_calls: Cell<bool>,
    /// The links which the test has made in its folder.
    links: RefCell<Links>,
    /// Descriptors that stay open until the test ends.
    kept: RefCell<Vec<OwnedFd>>,
}

impl TestContext {
    /// The context of a test of `executable` in a sandbox. With a lifeline (see
    /// [`crate::worker::Requester::hangup`]), every wait ends with an error as soon as that is readable.
    pub fn new(
        sandbox: Sandbox,
        executable: PathBuf,
        tracing: Tracing,
        seed: u64,
        lifeline: Option<OwnedFd>,
    ) -> Rc<TestContext> {
        let sandbox = Rc::new(sandbox);
        Rc::new(TestContext {
            transcript: Transcript::default(),
            programs: Programs::new(sandbox.clone()),
            names: Names::default(),
            chance: Chance::with_seed(seed),
            sandbox,
            lifeline,
            executable,
            moved: Cell::new(0),
            reputation: Cell::default(),
            napped: Cell::default(),
            allowed_naps: Cell::default(),
            disk_seen: Cell::new(Instant::now()),
            tracing,
            follows: Cell::new(tracing == Tracing::On),
            asks_for_calls: Cell::new(false),
            links: RefCell::default(),
            kept: RefCell::default(),
        })
    }

    /// Says what earlier tests have shown of the program.
    pub fn expect(&self, reputation: Reputation) {
        self.reputation.set(reputation);
    }

    /// What earlier tests have shown of it.
    pub(super) fn reputation(&self) -> Reputation {
        self.reputation.get()
    }

    /// Whether the program has shown a sign of life: it has moved a byte, or printed one.
    pub fn has_begun(&self) -> bool {
        self.bytes_moved() > 0 || self.programs.have_printed()
    }

    /// Counts time in which the program slept with time limits while the test waited for it.
    pub(super) fn has_napped(&self, time: Duration) {
        self.napped.set(self.napped.get() + time);
    }

    /// All of this time.
    pub(super) fn napped(&self) -> Duration {
        self.napped.get()
    }

    /// Forgets what came of this time since it was so much: the test did not wait for the program.
    pub(super) fn forgive_naps(&self, before: Duration) {
        self.napped.set(before);
    }

    /// Lets the program sleep with time limits for so much longer.
    pub(super) fn allow_naps(&self, time: Duration) {
        self.allowed_naps.set(self.allowed_naps.get() + time);
    }

    /// All of this time.
    pub(super) fn allowed_naps(&self) -> Duration {
        self.allowed_naps.get()
    }

    /// Counts bytes which a peer has sent to the program, or received from it; and those which it has printed as the test
    /// expects them.
    pub(super) fn has_moved(&self, bytes: usize) {
        self.moved.set(self.moved.get() + bytes as u64);
    }

    /// How many bytes have gone between the test and the program. What it prints besides does not count: a program that
    /// prints in a loop gets nowhere.
    pub(super) fn bytes_moved(&self) -> u64 {
        self.moved.get() + self.programs.input_taken()
    }

    /// Ends all that was started.
    ///
    /// # Errors
    ///
    /// When the kernel does not let go of a process.
    pub fn end(&self) -> Result<(), LabError> {
        // The tracers first: the sandbox waits for every process, and would take away what they wait for.
        let tracing = self.programs.end_tracing();
        tracing.and(self.sandbox.end())
    }

    /// What the test has done so far, step by step.
    pub fn steps(&self) -> Vec<String> {
        self.transcript.steps()
    }

    /// Has the calls of programs that are started from now on followed, where that is possible.
    pub(super) fn follow_calls(&self) {
        self.follows.set(self.tracing != Tracing::Off);
        self.asks_for_calls.set(true);
    }

    /// Whether the story follows calls, or would if it could.
    pub(super) fn asks_for_calls(&self) -> bool {
        self.asks_for_calls.get()
    }

    /// Whether a program that is started now has its calls followed, if its launch does not say otherwise.
    pub fn follows_calls(&self) -> bool {
        self.follows.get()
    }

    /// Whether calls are not to be followed at all.
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

    /// The test's own loopback address.
    pub(super) fn address(&self) -> Ipv4Addr {
        self.sandbox.address()
    }

    /// The folder in which programs start.
    pub(super) fn directory(&self) -> &Directory {
        self.sandbox.directory()
    }

    /// The links in it that are the test's own.
    pub(super) fn links(&self) -> RefMut<'_, Links> {
        self.links.borrow_mut()
    }

    /// Keeps a descriptor open until the test ends.
    pub(super) fn keep(&self, descriptor: OwnedFd) {
        self.kept.borrow_mut().push(descriptor);
    }

    /// Adds a step to the transcript.
    pub(super) fn note(&self, step: impl Into<String>) {
        self.transcript.note(step);
    }
}
