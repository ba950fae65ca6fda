//! Signal handlers in the processes of a demo: they tell the demo that they have run.

use std::{
    os::fd::{AsRawFd, OwnedFd},
    sync::atomic::{AtomicI32, Ordering::Relaxed},
};

use nix::{
    fcntl::OFlag,
    sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction},
    unistd,
};

use super::{DemoContext, DemoProcess, DemoResult};
use harness::{
    failure::{Attempt, LabError},
    observe::processes::Process,
};

/// Where the handler writes its byte.
static BELL: AtomicI32 = AtomicI32::new(-1);
/// How often it has run in this process.
static RUNS: AtomicI32 = AtomicI32::new(0);

/// The handler: it rings the bell.
pub extern "C" fn ring(_: libc::c_int) {
    RUNS.fetch_add(1, Relaxed);
    // SAFETY: write is async-signal-safe, and the byte is a constant. The pipe never gets full, so errno stays as it is.
    unsafe { libc::write(BELL.load(Relaxed), b"!".as_ptr().cast(), 1) };
}

/// A pipe into which the handlers of the demo's processes write a byte each time they run. There is one at a time.
#[derive(Debug)]
pub struct HandlerBell {
    heard: OwnedFd,
    _ring: OwnedFd,
}

/// What a process does after its handler has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterHandler {
    /// It sleeps again.
    Sleeps,
    /// It has ended.
    HasEnded,
}

impl DemoContext {
    /// A new bell, for the processes that are started from now on.
    ///
    /// # Errors
    ///
    /// When there is no pipe.
    pub fn handler_bell(&self) -> DemoResult<HandlerBell> {
        let flags = OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let (heard, ring) = unistd::pipe2(flags).attempt("could not make a pipe")?;
        BELL.store(ring.as_raw_fd(), Relaxed);
        Ok(HandlerBell { heard, _ring: ring })
    }

    /// Waits until handlers have run so often, in whichever process. Those before count no more.
    ///
    /// # Errors
    ///
    /// When they do not.
    pub fn wait_for_handlers(&self, bell: &HandlerBell, times: usize) -> DemoResult {
        let mut left = times;
        let mut byte = [0];
        let look = || {
            while left > 0 && unistd::read(&bell.heard, &mut byte) == Ok(1) {
                left -= 1;
            }
            Ok((left == 0).then_some(()))
        };
        self.wait_for(&[], look)?
            .ok_or_else(|| LabError::new("a handler of the demo does not run"))
    }

    /// Waits until a process that has been woken sleeps again, or has ended.
    ///
    /// # Errors
    ///
    /// When it does neither.
    pub fn after_handler(&self, process: &DemoProcess) -> DemoResult<AfterHandler> {
        let look = || {
            let seen = Process::read(process.id());
            Ok(match seen.map(|process| process.state) {
                Some('S') => Some(AfterHandler::Sleeps),
                Some('Z') => Some(AfterHandler::HasEnded),
                _ => None,
            })
        };
        self.wait_for(&[], look)?
            .ok_or_else(|| LabError::new("a process of the demo neither sleeps nor ends"))
    }
}

/// How often the handler has run in this process.
pub fn handler_runs() -> i32 {
    RUNS.load(Relaxed)
}

/// Installs the handler that rings the bell.
pub fn ring_at(signal: Signal, flags: SaFlags) -> nix::Result<()> {
    let action = SigAction::new(SigHandler::Handler(ring), flags, SigSet::empty());
    // SAFETY: the handler makes one call, which is async-signal-safe.
    unsafe { sigaction(signal, &action) }.map(drop)
}
