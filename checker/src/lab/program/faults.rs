//! Faults that peers cannot make: calls of the program that fail, take less than they are given, or meet a signal.

use nix::errno::Errno;

use super::Program;
use crate::{
    failure::{Checked, Diagnosis, Stop},
    lab::quote::signal_name,
    observe::{
        calls::Call,
        tracer::{Fault, Injection, InjectionId, Tracer, Which},
    },
};

/// A fault in force. It goes on until it is taken back, or the test ends.
#[derive(Debug)]
pub struct Trouble<'a> {
    program: &'a Program,
    id: InjectionId,
    /// What the test waits for, when it waits for the fault to strike.
    goal: String,
}

impl Program {
    /// What sees its calls.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`] where nothing does.
    pub(super) fn tracer(&self) -> Checked<&Tracer> {
        self.running
            .tracer
            .as_ref()
            .ok_or_else(|| Stop::NotChecked(self.bench.why_untraced().to_owned()))
    }

    /// From now on a call of this kind moves at most so many bytes: a short read or a short write, which every program
    /// has to expect (read(2), write(2)).
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`] where the program is not traced, as in all words of this file.
    pub fn shorten(&self, call: Call, most: u64) -> Checked<Trouble<'_>> {
        let bytes = match most {
            1 => "one byte".to_owned(),
            most => format!("{most} bytes"),
        };
        self.bench.note(format!(
            "from now on let each {call} of your program move {bytes} at most"
        ));
        self.trouble(call, Which::Every, Fault::Short(most))
    }

    /// The next call of this kind fails with this errno, without having been made.
    ///
    /// # Errors
    ///
    /// As [`Program::shorten`].
    pub fn fail_next(&self, call: Call, errno: Errno) -> Checked<Trouble<'_>> {
        self.bench
            .note(format!("let its next {call} fail with {errno:?}"));
        self.trouble(call, Which::First(1), Fault::Errno(errno as i32))
    }

    /// Every call of this kind fails with this errno, until the trouble is taken back.
    ///
    /// # Errors
    ///
    /// As [`Program::shorten`].
    pub fn fail_each(&self, call: Call, errno: Errno) -> Checked<Trouble<'_>> {
        self.bench.note(format!(
            "from now on let each {call} of your program fail with {errno:?}"
        ));
        self.trouble(call, Which::Every, Fault::Errno(errno as i32))
    }

    /// The signal comes when the program is about to make its next call of this kind: after it has looked whether it
    /// should, and before the kernel sees the call.
    ///
    /// # Errors
    ///
    /// As [`Program::shorten`].
    pub fn signal_before_next(&self, call: Call, signal: i32) -> Checked<Trouble<'_>> {
        let name = signal_name(signal);
        self.bench
            .note(format!("send it {name} just before its next {call}"));
        self.trouble(call, Which::First(1), Fault::Signal(signal))
    }

    pub(super) fn trouble(&self, call: Call, which: Which, fault: Fault) -> Checked<Trouble<'_>> {
        let id = self.tracer()?.inject(Injection {
            call,
            descriptor: None,
            which,
            fault,
        });
        Ok(Trouble {
            program: self,
            id,
            goal: format!("it to make a {call}"),
        })
    }
}

impl Trouble<'_> {
    /// How many calls it has struck.
    pub fn struck(&self) -> u64 {
        self.program
            .running
            .tracer
            .as_ref()
            .map_or(0, |tracer| tracer.struck(self.id))
    }

    /// Takes it back: calls are made as the program asks for them again.
    pub fn end(self) {
        self.program.bench.note("let its calls succeed again");
        if let Some(tracer) = &self.program.running.tracer {
            tracer.withdraw(self.id);
        }
    }

    /// Waits until it has struck once.
    ///
    /// # Errors
    ///
    /// When the program never makes such a call.
    pub fn wait_until_struck(&self) -> Checked {
        let bench = &self.program.bench;
        match bench.wait(&[], || Ok((self.struck() > 0).then_some(())))? {
            Ok(()) => Ok(()),
            Err(gave_up) => Err(bench.explain(&gave_up, &self.goal, Diagnosis::Stuck).into()),
        }
    }
}
