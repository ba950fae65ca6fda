//! Calls which a signal has interrupted, and whether they go on.
//!
//! The kernel says "interrupted" in several ways, of which a program sees only one, EINTR (signal(7)). A traced thread is
//! interrupted even by signals that have no effect: SIGCHLD by default, or any that is ignored. Most calls are then made
//! again by the kernel itself; but epoll_wait, and a recv with a time limit, fail with EINTR, which an untraced program
//! would never see. The tracer makes those again.

use std::time::Instant;

use super::{
    inject::Fault,
    record::CallOutcome,
    registers::{Entry, Registers},
};
use crate::observe::{calls::Row, processes::Signals};

/// The kernel's own errnos, which no program ever sees (linux/errno.h).
const ERESTARTSYS: i64 = 512;
const ERESTARTNOINTR: i64 = 513;
const ERESTARTNOHAND: i64 = 514;
const ERESTART_RESTARTBLOCK: i64 = 516;

/// A call that was interrupted.
pub(super) struct Interrupted {
    pub sequence: u64,
    pub row: &'static Row,
    pub entry: Entry,
    pub entered: Instant,
    pub fault: Option<Fault>,
    pub pause: Pause,
}

/// How far it is clear what becomes of an interrupted call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// It has failed with EINTR. If the signal has no effect, it must not.
    Failed,
    /// The kernel makes it again, unless a handler runs.
    UnlessHandled,
    /// The kernel makes it again, unless a handler without SA_RESTART runs.
    UnlessHandledWithoutRestart,
    /// The tracer has set the thread back to before the call.
    SetBack,
    /// It is made again, after the handler if there is one.
    GoesOn,
}

/// What a signal means for an interrupted call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The signal has no effect, but the call has failed: undo it.
    Undo,
    /// The program sees EINTR.
    Fails,
    /// It is made again.
    GoesOn,
    /// The next stop will tell.
    Open,
}

impl Pause {
    /// From what the kernel returns. `None` if the call was not interrupted.
    pub fn of(result: i64) -> Option<Pause> {
        match -result {
            ERESTARTNOINTR => Some(Pause::GoesOn),
            ERESTARTSYS => Some(Pause::UnlessHandledWithoutRestart),
            ERESTARTNOHAND | ERESTART_RESTARTBLOCK => Some(Pause::UnlessHandled),
            error if error == i64::from(libc::EINTR) => Some(Pause::Failed),
            _ => None,
        }
    }
}

impl Interrupted {
    /// Whether the call that a thread is about to make is this one: from the same place, with the same stack and arguments.
    pub fn goes_on_with(&self, entry: &Entry) -> bool {
        let is_same =
            || entry.number == self.entry.number && entry.arguments == self.entry.arguments;
        entry.next_instruction == self.entry.next_instruction
            && entry.stack == self.entry.stack
            && (entry.number == libc::SYS_restart_syscall || is_same())
    }

    /// What came of it if the thread goes on elsewhere.
    pub fn outcome_if_left(&self) -> CallOutcome {
        match self.pause {
            Pause::Failed => CallOutcome::Failed(libc::EINTR),
            _ => CallOutcome::Lost,
        }
    }

    /// What the delivery of a signal means. `restarts` says whether its handler was set with SA_RESTART, `was_stopped`
    /// that the thread has been in a group stop since the call: then untraced programs see EINTR as well (signal(7),
    /// "Interruption of system calls by stop signals").
    pub fn judge(
        &self,
        signal: i32,
        signals: &Signals,
        restarts: bool,
        was_stopped: bool,
    ) -> Verdict {
        let is_caught = |signal| Signals::contains(signals.caught, signal);
        if is_caught(signal) {
            return match self.pause {
                Pause::UnlessHandledWithoutRestart if restarts => Verdict::GoesOn,
                Pause::GoesOn => Verdict::GoesOn,
                _ => Verdict::Fails,
            };
        }
        if self.pause != Pause::Failed {
            return Verdict::Open;
        }
        if !has_no_effect(signal, signals) || was_stopped {
            return Verdict::Fails;
        }
        // The next signal decides, if it has a handler.
        let next = signals.pending & !signals.blocked;
        match (1..=64).any(|other| Signals::contains(next, other) && is_caught(other)) {
            true => Verdict::Open,
            false => Verdict::Undo,
        }
    }

    /// Sets a thread that has just failed back to before the call.
    pub fn make_again(&self, tid: i32) -> nix::Result<()> {
        let mut registers = Registers::read(tid)?;
        registers.go_back(&self.entry);
        registers.write()
    }

    /// Lets a thread that was set back fail after all: a handler is about to run.
    pub fn let_fail(&self, tid: i32) -> nix::Result<()> {
        let mut registers = Registers::read(tid)?;
        registers.go_behind(&self.entry);
        registers.set_result(-i64::from(libc::EINTR));
        registers.write()
    }
}

/// Whether the delivery of a signal without a handler does nothing.
fn has_no_effect(signal: i32, signals: &Signals) -> bool {
    Signals::contains(signals.ignored, signal) || Signals::is_ignored_by_default(signal)
}
