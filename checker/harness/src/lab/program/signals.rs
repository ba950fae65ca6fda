//! Signals: what the program is sent, and what it has set up for them.

use super::Program;
use crate::{
    failure::{Attempt, Checked, Diagnosis},
    lab::quote::signal_name,
    observe::processes::{Process, Signals, Thread},
    sys,
};

/// The signals of the program: see [`Program::signals`].
#[derive(Debug)]
pub struct Signaling<'a> {
    pub(super) program: &'a Program,
}

impl Signaling<'_> {
    /// Sends it a signal (kill(2)).
    pub fn send(&self, signal: i32) -> Checked {
        self.program
            .context
            .note(format!("send it {}", signal_name(signal)));
        self.program.kill_with(signal)
    }

    /// Sends a signal to its process group, as the terminal does for Control-C: to it and to the children that it has made.
    pub fn send_to_group(&self, signal: i32) -> Checked {
        self.program.context.note(format!(
            "send {} to all its processes, as a terminal does",
            signal_name(signal)
        ));
        if self.program.running.ending().is_some() {
            return Ok(());
        }
        // It leads a session of its own. Nobody else can have the number of its group before we reap it.
        sys::kill(-self.program.running.pid, signal)
            .attempt("could not send a signal to your program's group")?;
        Ok(())
    }

    /// Sends it a signal and waits until it has taken it: the signal is no longer pending, and the program sleeps again
    /// or has ended.
    ///
    /// # Errors
    ///
    /// When it sleeps for ever with the signal blocked.
    pub fn deliver(&self, signal: i32) -> Checked {
        self.program.context.note(format!(
            "send it {} and wait until it has taken it",
            signal_name(signal)
        ));
        self.program.kill_with(signal)?;
        let look = || {
            let Some(process) =
                Process::read(self.program.running.pid).filter(|process| !process.is_zombie())
            else {
                return Ok(Some(()));
            };
            let is_pending = Signals::contains(process.signals.due(), signal);
            Ok((!is_pending && process.state == 'S').then_some(()))
        };
        self.program
            .until_taken(&format!("it to take {}", signal_name(signal)), look)
    }

    /// Stops it with SIGSTOP, and waits until it has stopped. Wait first until it [sleeps](Program::sleeps), so that it is
    /// known where it stops.
    pub fn freeze(&self) -> Checked {
        self.program.context.note("freeze it (SIGSTOP)");
        self.program.kill_with(libc::SIGSTOP)?;
        self.wait_until_stopped()
    }

    /// Waits until a stop which was prepared by [`Signaling::freeze_in_the_gap`] has happened.
    pub fn wait_until_frozen(&self) -> Checked {
        self.program.context.note("wait until it is frozen");
        self.wait_until_stopped()
    }

    fn wait_until_stopped(&self) -> Checked {
        // Every thread: one that still runs may take a signal that is sent next.
        self.wait_for_threads("it to stop", |thread| {
            matches!(thread.state, 'Z' | 'X')
                || self
                    .program
                    .context
                    .programs
                    .is_stopped(thread.tid, thread.state)
        })
    }

    /// Lets it go on with SIGCONT.
    pub fn resume(&self) -> Checked {
        self.program.context.note("let it go on (SIGCONT)");
        self.program.kill_with(libc::SIGCONT)?;
        self.wait_for_threads("it to go on", |thread| {
            !self
                .program
                .context
                .programs
                .is_stopped(thread.tid, thread.state)
        })
    }

    fn wait_for_threads(&self, goal: &str, is_right: impl Fn(&Thread) -> bool) -> Checked {
        let look = || {
            let threads =
                Process::read(self.program.running.pid).map(|process| process.thread_list());
            let right = threads.unwrap_or_default().iter().all(&is_right);
            Ok(right.then_some(()))
        };
        self.program.context.until(goal, Diagnosis::Stuck, look)
    }

    /// What it has set up for signals.
    pub fn dispositions(&self) -> Checked<Signals> {
        match Process::read(self.program.running.pid) {
            Some(process) => Ok(process.signals),
            None => self.program.fail_because_it_has_ended(),
        }
    }
}

impl Program {
    /// Sends it a signal, without a step in the transcript.
    pub(super) fn kill_with(&self, signal: i32) -> Checked {
        if self.running.ending().is_some() {
            return Ok(());
        }
        // The PID cannot be reused before we reap the process.
        sys::kill(self.running.pid, signal).attempt("could not send a signal to your program")?;
        Ok(())
    }

    /// Waits for an effect of a signal. If it does not come, a blocked signal may be the reason: see
    /// [`TestContext::untaken`].
    pub(super) fn until_taken<T>(
        &self,
        goal: &str,
        look: impl FnMut() -> Checked<Option<T>>,
    ) -> Checked<T> {
        self.context.try_until(look)?.map_err(|error| {
            let signals = Process::read(self.running.pid).map(|process| process.signals);
            self.context.untaken(error, goal, signals).into()
        })
    }
}
