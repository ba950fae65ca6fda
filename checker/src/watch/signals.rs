//! The signals of a terminal, as an event that can be waited for.

use std::{
    os::fd::{AsFd, BorrowedFd},
    sync::{
        OnceLock,
        atomic::{AtomicU8, Ordering},
    },
};

use nix::sys::{
    eventfd::{EfdFlags, EventFd},
    signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction},
};

use crate::failure::{Attempt, LabError};

const RESIZED: u8 = 1;
const STOPPED: u8 = 2;
const CONTINUED: u8 = 4;

static SEEN: AtomicU8 = AtomicU8::new(0);
static EVENT: OnceLock<EventFd> = OnceLock::new();

/// The signals that a session takes.
#[derive(Debug)]
pub(super) struct Signals(&'static EventFd);

/// What has come since it was last asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen(u8);

impl Seen {
    /// The terminal has another size.
    pub(super) fn is_resized(self) -> bool {
        self.0 & RESIZED != 0
    }

    /// Ctrl-Z.
    pub(super) fn is_stopped(self) -> bool {
        self.0 & STOPPED != 0
    }

    /// `fg`, after a stop that nobody could notice.
    pub(super) fn is_continued(self) -> bool {
        self.0 & CONTINUED != 0
    }
}

extern "C" fn note(signal: nix::libc::c_int) {
    let bit = match signal {
        nix::libc::SIGWINCH => RESIZED,
        nix::libc::SIGTSTP => STOPPED,
        _ => CONTINUED,
    };
    SEEN.fetch_or(bit, Ordering::SeqCst);
    if let Some(event) = EVENT.get() {
        let _ = event.write(1);
    }
}

/// Handles a signal in this way, and returns how it was handled.
fn handle(signal: Signal, handler: SigHandler) -> Result<SigAction, LabError> {
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: of our handlers one does nothing, and the other changes an atomic and calls write(2), which succeeds and so
    // leaves errno as it is.
    unsafe { sigaction(signal, &action) }.attempt("could not handle a signal")
}

impl Signals {
    /// Takes them from now on.
    ///
    /// # Errors
    ///
    /// When this process has too many descriptors.
    pub(super) fn begin() -> Result<Signals, LabError> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let event = EventFd::from_flags(flags).attempt("could not make an eventfd")?;
        let signals = Signals(EVENT.get_or_init(|| event));
        for signal in [Signal::SIGWINCH, Signal::SIGTSTP, Signal::SIGCONT] {
            handle(signal, SigHandler::Handler(note))?;
        }
        Ok(signals)
    }

    /// What has come.
    pub(super) fn take(&self) -> Seen {
        let _ = self.0.read();
        Seen(SEEN.swap(0, Ordering::SeqCst))
    }

    /// Stops this process as Ctrl-Z does, until it is continued.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub(super) fn stop(&self) -> Result<(), LabError> {
        handle(Signal::SIGTSTP, SigHandler::SigDfl)?;
        raise(Signal::SIGTSTP).attempt("could not stop")?;
        handle(Signal::SIGTSTP, SigHandler::Handler(note)).map(drop)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// While another process has the terminal: Ctrl-C is for that one alone, and Ctrl-Z stops both.
#[derive(Debug)]
pub(super) struct LeftToAnother {
    interrupt: SigAction,
}

impl LeftToAnother {
    /// From now on, until it is dropped. Handlers end with exec, so that the other one has none of them.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub(super) fn begin() -> Result<LeftToAnother, LabError> {
        extern "C" fn nothing(_: nix::libc::c_int) {}
        let interrupt = handle(Signal::SIGINT, SigHandler::Handler(nothing))?;
        handle(Signal::SIGTSTP, SigHandler::SigDfl)?;
        Ok(LeftToAnother { interrupt })
    }
}

impl Drop for LeftToAnother {
    fn drop(&mut self) {
        // SAFETY: it is what handled the signal before.
        let _ = unsafe { sigaction(Signal::SIGINT, &self.interrupt) };
        let _ = handle(Signal::SIGTSTP, SigHandler::Handler(note));
    }
}
