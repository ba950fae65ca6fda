//! The gap between the moment when a program looks at what has happened and the moment when it sleeps: here the test acts in
//! that gap, which no peer can do.
//!
//! A program that looks at a flag, finds nothing, and then goes to sleep, misses what happens between the two. The gap is
//! a few instructions wide; the tracer makes it as wide as the test needs.

use nix::errno::Errno;

use super::{CallFilter, FaultGuard, Program, Signaling};
use crate::{
    failure::{Attempt, Checked, Diagnosis, Failure},
    lab::{Ending, quote::signal_name},
    observe::{
        calls::Call,
        processes::{Process, Thread},
        tracer::{By, Fault, On, Record, Which},
    },
    sys,
};

/// In which calls a program waits for signals, those first in which it does nothing else.
const FOR_SIGNALS: &[Call] = &[Call::Signal, Call::Poll, Call::Read];
/// In which calls a server waits for clients.
const FOR_CLIENTS: &[Call] = &[Call::Accept, Call::Poll, Call::Signal, Call::Read];

impl<'a> Signaling<'a> {
    /// Wakes it with one signal, and sends it another one in the gap: when it has looked at what the first has changed,
    /// and is about to sleep again. A program which stays in its call, because all is done in handlers with SA_RESTART
    /// for example, has no gap; it gets the second signal there.
    pub fn send_in_the_gap(&self, waking: i32, signal: i32) -> Checked {
        let (call, name) = self
            .program
            .sleep_in(FOR_SIGNALS, "it to wait for signals")?;
        self.program.context.note(format!(
            "wake it with {}; send it {} just before it calls {name} again",
            signal_name(waking),
            signal_name(signal)
        ));
        let gap = self.program.signal_before_its_next(call, signal)?;
        self.program.kill_with(waking)?;
        let mut before = Vec::new();
        let look = || {
            if gap.hits() > 0 || self.program.running.ending().is_some() {
                return Ok(Some(true));
            }
            let process = Process::read(self.program.running.pid);
            let is_due = process.as_ref().is_none_or(|it| it.signals.due() != 0);
            let threads = process.map_or_else(Vec::new, |process| process.thread_list());
            let is_asleep = |thread: &Thread| thread.state == 'S' && !thread.has_signal_due;
            let asleep = !is_due && threads.iter().all(is_asleep);
            let twice = asleep && threads == before;
            before = threads;
            Ok(twice.then_some(false))
        };
        match self
            .program
            .until_taken(&format!("it to take {}", signal_name(waking)), look)?
        {
            true => Ok(()),
            false => self.program.kill_with(signal),
        }
    }

    /// Freezes it (SIGSTOP) in the gap: when its next client has woken it, and it is about to sleep again. Wait for it
    /// with [`Signaling::wait_until_frozen`].
    pub fn freeze_in_the_gap(&self) -> Checked<FaultGuard<'a>> {
        let (call, name) = self
            .program
            .sleep_in(FOR_CLIENTS, "it to wait for clients")?;
        self.program.context.note(format!(
            "from now on watch it: freeze it (SIGSTOP) just before it calls {name} again"
        ));
        self.program.signal_before_its_next(call, libc::SIGSTOP)
    }

    /// What has frozen the process, or is to freeze it, that was started with [`Launch::fault`](crate::sandbox::Launch), a
    /// SIGSTOP before its first call of this kind.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`](crate::failure::Stop::NotChecked) where it is not traced.
    pub fn frozen_from_the_start(&self, call: Call) -> Checked<Freeze<'a>> {
        self.program.tracer()?;
        Ok(Freeze {
            program: self.program,
            filter: call.into(),
        })
    }

    /// Freezes the process that makes the second call of this kind from now on (SIGSTOP), just before the call, so that the
    /// test sees what the first one has done.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`](crate::failure::Stop::NotChecked) where it is not traced.
    pub fn freeze_before_second(&self, filter: impl Into<CallFilter>) -> Checked<Freeze<'a>> {
        let filter = filter.into();
        let step =
            format!("freeze it (SIGSTOP) between the first {filter} from now on and the second");
        self.freeze_at(filter, Which::Nth(2), step)
    }

    /// Freezes the process that makes the next call of this kind (SIGSTOP), just before the call.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`](crate::failure::Stop::NotChecked) where it is not traced.
    pub fn freeze_before(&self, filter: impl Into<CallFilter>) -> Checked<Freeze<'a>> {
        let filter = filter.into();
        let step = format!("freeze it (SIGSTOP) just before its next {filter}");
        self.freeze_at(filter, Which::First(1), step)
    }

    fn freeze_at(&self, filter: CallFilter, which: Which, step: String) -> Checked<Freeze<'a>> {
        self.program.context.note(step);
        self.program.inject(filter, which, FREEZE)?;
        Ok(Freeze {
            program: self.program,
            filter,
        })
    }
}

impl Program {
    /// The call in which it is, of the first of these kinds; and the name of that call.
    fn sleep_in(&self, kinds: &[Call], goal: &str) -> Checked<(Call, String)> {
        let tracer = self.tracer()?;
        let look = || {
            let mut records = tracer.in_progress();
            records.retain(|record| record.pid == self.running.pid);
            let first = |kind: &Call| {
                let record = records.iter().find(|record| record.call == *kind)?;
                Some((*kind, record.name().into_owned()))
            };
            Ok(kinds.iter().find_map(first))
        };
        self.until(goal, Diagnosis::Stuck, look)
    }

    /// Its children may make such calls, too, and get no signal.
    fn signal_before_its_next(&self, call: Call, signal: i32) -> Checked<FaultGuard<'_>> {
        let itself = By::Process(self.running.pid);
        self.inject_on(
            call.into(),
            itself,
            On::Anything,
            Which::First(1),
            Fault::Signal(signal),
        )
    }
}

/// A process of a program that is to be frozen, or is: see [`Signaling::freeze_before`].
#[derive(Debug)]
#[must_use = "it stays frozen until it is told to go on"]
pub struct Freeze<'a> {
    program: &'a Program,
    filter: CallFilter,
}

const FREEZE: Fault = Fault::Signal(libc::SIGSTOP);

impl Freeze<'_> {
    /// Waits until it is frozen, with all its threads.
    ///
    /// # Errors
    ///
    /// When the program never makes such a call; [`Diagnosis::ProcessMissing`] when it has ended as if all were well, and
    /// the call was one of a child.
    pub fn wait_until_frozen(&self) -> Checked {
        let context = &self.program.context;
        context.note("wait until it is frozen".to_owned());
        let look = || {
            let process = self.frozen()?.and_then(Process::read);
            let is_stopped = |thread: &Thread| {
                matches!(thread.state, 'Z' | 'X')
                    || context.programs.is_stopped(thread.tid, thread.state)
            };
            let threads = process.map(|process| process.thread_list());
            Ok(threads
                .is_some_and(|threads| threads.iter().all(is_stopped))
                .then_some(()))
        };
        let goal = format!("it to make a {}", self.filter);
        let Err(error) = context.try_until(look)? else {
            return Ok(());
        };
        let failure = context.to_failure(error, &goal, Diagnosis::Stuck);
        let ends_well = failure.diagnosis == Diagnosis::Exited
            && failure.evidence.ending == Some(Ending::Status(0));
        Err(match self.filter.is_of_a_child() && ends_well {
            false => failure,
            true => Failure {
                diagnosis: Diagnosis::ProcessMissing,
                symptom: format!(
                    "your program has ended, and there was no {} of it",
                    self.filter
                ),
                ..failure
            },
        }
        .into())
    }

    /// Waits until the program itself sleeps, also in vfork until this process has called exec; or until it has ended.
    pub fn wait_until_the_program_rests(&self) -> Checked {
        let context = &self.program.context;
        context.note("wait until your program sleeps".to_owned());
        let mut before = Vec::new();
        let look = || {
            let process = Process::read(self.program.running.pid);
            let threads = process.map_or_else(Vec::new, |process| process.thread_list());
            let rests = |thread: &Thread| match thread.state {
                'S' => !thread.has_signal_due,
                state => state != 'R',
            };
            let twice = threads.iter().all(rests) && threads == before;
            before = threads;
            Ok(twice.then_some(()))
        };
        context.until("it to sleep", Diagnosis::Busy, look)
    }

    /// Whether it is the program itself, and not a process which that has made.
    pub fn is_the_program(&self) -> Checked<bool> {
        Ok(self.frozen()? == Some(self.program.running.pid))
    }

    /// Lets it go on with SIGCONT, and make the call.
    pub fn resume(self) -> Checked {
        self.program
            .context
            .note("let it go on (SIGCONT)".to_owned());
        match self.frozen()? {
            Some(pid) => self.send(pid, libc::SIGCONT),
            None => Ok(()),
        }
    }

    /// Ends it with this signal, so that it never makes the call.
    pub fn end_by(self, signal: i32) -> Checked {
        self.program
            .context
            .note(format!("end this process with {}", signal_name(signal)));
        let Some(pid) = self.frozen()? else {
            return Ok(());
        };
        self.send(pid, signal)?;
        // It stays pending while the process is stopped, but for SIGKILL. The PID is kept: once this process has been killed,
        // the first that is still stopped is another one.
        self.send(pid, libc::SIGCONT)
    }

    fn send(&self, pid: i32, signal: i32) -> Checked {
        // A program may have let it go on itself, and then it may have ended.
        if !self.is_stopped(pid) {
            return Ok(());
        }
        // It is stopped, so that its PID is still its own. Only its parent can have ended it meanwhile, with SIGKILL.
        match sys::kill(pid, signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(errno).attempt("could not send a signal to your program")?,
        }
    }

    /// The process which was about to make the call; of several the first that is still stopped.
    fn frozen(&self) -> Checked<Option<i32>> {
        let records = self.program.tracer()?.records();
        let is_hit =
            |record: &&Record| record.call == self.filter.call() && record.injected == Some(FREEZE);
        let mut hits = records.iter().filter(is_hit).map(|record| record.pid);
        let first = hits.clone().next();
        Ok(hits.find(|pid| self.is_stopped(*pid)).or(first))
    }

    fn is_stopped(&self, pid: i32) -> bool {
        let programs = &self.program.context.programs;
        Process::read(pid).is_some_and(|process| programs.is_stopped(pid, process.state))
    }
}
