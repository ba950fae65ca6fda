//! The gap between a program's look at what has happened and its sleep: the test acts in it, which no peer can.
//!
//! A program that looks at a flag, finds nothing, and then goes to sleep, misses what happens between the two. The gap is
//! a few instructions wide; the tracer makes it as wide as the test needs.

use super::{Aim, Program, Trouble};
use crate::{
    failure::{Checked, Diagnosis},
    lab::quote::signal_name,
    observe::{
        calls::Call,
        processes::{Process, Thread},
        tracer::{Fault, Which},
    },
};

/// In which calls a program waits for signals, those first in which it does nothing else.
const FOR_SIGNALS: &[Call] = &[Call::Signal, Call::Poll, Call::Read];
/// In which calls a server waits for clients.
const FOR_CLIENTS: &[Call] = &[Call::Accept, Call::Poll, Call::Signal, Call::Read];

impl Program {
    /// Wakes it with one signal, and sends it another one in the gap: when it has looked at what the first has changed,
    /// and is about to sleep again. A program which stays in its call, because all is done in handlers with SA_RESTART
    /// for example, has no gap; it gets the second signal there.
    ///
    /// # Errors
    ///
    /// When it does not wait for signals; [`Stop::NotChecked`](crate::failure::Stop::NotChecked) where it is not traced.
    pub fn signal_in_the_gap(&self, waking: i32, signal: i32) -> Checked {
        let (call, name) = self.sleep_in(FOR_SIGNALS, "it to wait for signals")?;
        self.bench.note(format!(
            "wake it with {}; send it {} just before it calls {name} again",
            signal_name(waking),
            signal_name(signal)
        ));
        let gap = self.trouble(call, Which::First(1), Fault::Signal(signal))?;
        self.send(waking)?;
        let mut before = Vec::new();
        let look = || {
            if gap.struck() > 0 || self.running.ending().is_some() {
                return Ok(Some(true));
            }
            let process = Process::read(self.running.pid);
            let is_due = process.as_ref().is_none_or(|it| it.signals.due() != 0);
            let threads = process.map_or_else(Vec::new, |process| process.thread_list());
            let is_asleep = |thread: &Thread| thread.state == 'S' && !thread.wakes;
            let asleep = !is_due && threads.iter().all(is_asleep);
            let twice = asleep && threads == before;
            before = threads;
            Ok(twice.then_some(false))
        };
        match self.bench.wait(&[], look)? {
            Ok(true) => Ok(()),
            Ok(false) => self.send(signal),
            Err(gave_up) => {
                let goal = format!("it to take {}", signal_name(waking));
                Err(self.untaken(&gave_up, &goal).into())
            }
        }
    }

    /// Freezes it (SIGSTOP) in the gap: when its next client has woken it, and it is about to sleep again. Wait for that
    /// with [`Program::wait_until_frozen`].
    ///
    /// # Errors
    ///
    /// When it does not wait for clients; [`Stop::NotChecked`](crate::failure::Stop::NotChecked) where it is not traced.
    pub fn freeze_in_the_gap(&self) -> Checked<Trouble<'_>> {
        let (call, name) = self.sleep_in(FOR_CLIENTS, "it to wait for clients")?;
        self.bench.note(format!(
            "from now on watch it: freeze it (SIGSTOP) just before it calls {name} again"
        ));
        self.trouble(call, Which::First(1), Fault::Signal(libc::SIGSTOP))
    }

    /// Freezes it (SIGSTOP) just before it makes the next call of this kind, and not in it. Wait for that with
    /// [`Program::wait_until_frozen`].
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`](crate::failure::Stop::NotChecked) where it is not traced.
    pub fn freeze_before_next(&self, aim: impl Into<Aim>) -> Checked<Trouble<'_>> {
        let aim = aim.into();
        self.bench
            .note(format!("freeze it (SIGSTOP) just before its next {aim}"));
        self.trouble(aim, Which::First(1), Fault::Signal(libc::SIGSTOP))
    }

    /// The call in which it is, of the first of these kinds; and the name of that call.
    fn sleep_in(&self, kinds: &[Call], goal: &str) -> Checked<(Call, String)> {
        let tracer = self.tracer()?;
        let look = || {
            let mut records = tracer.in_progress();
            records.retain(|record| record.pid == self.running.pid);
            let first = |kind: &Call| {
                let record = records.iter().find(|record| record.call == *kind)?;
                Some((*kind, record.name.to_string()))
            };
            Ok(kinds.iter().find_map(first))
        };
        match self.bench.wait(&[], look)? {
            Ok(call) => Ok(call),
            Err(gave_up) => Err(self.explain(&gave_up, goal, Diagnosis::Stuck).into()),
        }
    }
}
