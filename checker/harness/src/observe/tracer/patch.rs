//! What the tracer changes about a call at its entry, and restores at its return.

use super::{
    inject::{self, Fault},
    memory::Memory,
    possible::raises_sigpipe,
    registers::{Entry, Registers},
};
use crate::observe::calls::{Call, Row};

/// What is still to be done at the return of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryPatch {
    /// Its registers were changed, and get back what the program had there.
    Restore,
    /// It was not made, and returns this.
    Return(i64),
    /// It was not made, and fails with EPIPE; the thread gets SIGPIPE, as from the kernel.
    BreakPipe,
    /// It was not made; the signal is sent, and then it is made.
    SignalFirst(i32),
}

impl EntryPatch {
    /// Does not let a call be made. None if that fails: the thread has been killed.
    pub fn skip(tid: i32, patch: EntryPatch) -> Option<EntryPatch> {
        let skipped = Registers::read(tid).and_then(|mut registers| {
            registers.skip();
            registers.write()
        });
        skipped.is_ok().then_some(patch)
    }

    /// Injects a fault into a call which is about to be made; none if it cannot be.
    pub fn inject(tid: i32, row: &Row, entry: &Entry, fault: Fault) -> Option<EntryPatch> {
        match fault {
            Fault::Errno(libc::EPIPE) if raises_sigpipe(tid, row, entry) => {
                EntryPatch::skip(tid, EntryPatch::BreakPipe)
            }
            Fault::Errno(errno) => EntryPatch::skip(tid, EntryPatch::Return(-i64::from(errno))),
            Fault::Signal(signal) => EntryPatch::skip(tid, EntryPatch::SignalFirst(signal)),
            Fault::Short(most) => {
                let mut registers = Registers::read(tid).ok()?;
                let memory = Memory { thread: tid };
                let is_changed = inject::shorten(&mut registers, row, entry, memory, most);
                (is_changed && registers.write().is_ok()).then_some(EntryPatch::Restore)
            }
        }
    }

    /// The signal that the program gets at the return.
    pub fn signal(self) -> Option<i32> {
        match self {
            EntryPatch::SignalFirst(signal) => Some(signal),
            EntryPatch::BreakPipe => Some(libc::SIGPIPE),
            EntryPatch::Restore | EntryPatch::Return(_) => None,
        }
    }

    /// A new process is followed, even if it asks not to be.
    pub fn keep_traced(tid: i32, entry: &Entry) -> Option<EntryPatch> {
        const UNTRACED: u64 = libc::CLONE_UNTRACED as u64;
        if entry.number != libc::SYS_clone || entry.arguments[0] & UNTRACED == 0 {
            return None;
        }
        let changed = Registers::read(tid).and_then(|mut registers| {
            registers.set_argument(0, entry.arguments[0] & !UNTRACED);
            registers.write()
        });
        changed.is_ok().then_some(EntryPatch::Restore)
    }

    /// At the return: gives the program back its registers, and the result which it is to see. That result is returned.
    pub fn restore(self, tid: i32, entry: &Entry, result: i64) -> i64 {
        let Ok(mut registers) = Registers::read(tid) else {
            return result;
        };
        let seen = match self {
            EntryPatch::Restore => {
                registers.restore(entry.number, &entry.arguments);
                result
            }
            EntryPatch::Return(value) => {
                registers.set_result(value);
                value
            }
            EntryPatch::BreakPipe => {
                let value = -i64::from(libc::EPIPE);
                registers.set_result(value);
                value
            }
            EntryPatch::SignalFirst(_) => {
                registers.go_back(entry);
                result
            }
        };
        // It fails only if the thread has been killed.
        let _ = registers.write();
        seen
    }
}

/// The errno of a call that the lab does not allow, because what it does would be hidden from the lab.
pub(super) fn refusal(call: Call) -> Option<i32> {
    match call {
        Call::Trace | Call::Filter => Some(libc::EPERM),
        Call::Ring | Call::OtherAbi => Some(libc::ENOSYS),
        _ => None,
    }
}

/// Whether a call only has its number in common with one that is refused.
pub(super) fn is_harmless(row: &Row, entry: &Entry) -> bool {
    let command = entry.arguments[0];
    match entry.number {
        libc::SYS_prctl => command != libc::PR_SET_SECCOMP as u64,
        // Questions about what the kernel knows.
        libc::SYS_seccomp => command > u64::from(libc::SECCOMP_SET_MODE_FILTER),
        _ => row.call == Call::Futex,
    }
}
