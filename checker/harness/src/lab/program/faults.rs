//! Faults that peers cannot make: calls of the program that fail, take less than they are given, or meet a signal.

use std::{
    collections::BTreeSet,
    fmt,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::Program;
use crate::{
    failure::{Checked, Diagnosis, Stop},
    lab::{programs::Running, verdict::WaitError},
    observe::{
        calls::Call,
        descriptors::{self, Object},
        processes::Thread,
        tracer::{By, Fault, Injection, InjectionId, On, Record, Tracer, Which},
    },
};

/// The calls which a fault may hit: all of a kind, or with [`Call::on`] those that work on one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallFilter {
    call: Call,
    kind: Option<FdKind>,
    by: Option<Caller>,
}

/// The processes whose calls a filter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Program,
    Child,
}

/// What a call works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FdKind {
    /// Any socket.
    Socket,
    /// A file in the test's folder, where the program starts; not one that its runtime opens for itself.
    File,
    /// The pipe which is the program's standard input, through any of its fds.
    Stdin,
    /// The pipe which is its standard output.
    Stdout,
}

impl Call {
    /// Only the calls of this kind that work on this.
    pub fn on(self, kind: FdKind) -> CallFilter {
        CallFilter {
            call: self,
            kind: Some(kind),
            by: None,
        }
    }
}

impl CallFilter {
    /// Only those of the program itself, and not of a process that it has made.
    pub fn by_itself(self) -> CallFilter {
        CallFilter {
            by: Some(Caller::Program),
            ..self
        }
    }

    /// Only those of a process that the program has made.
    pub fn by_a_child(self) -> CallFilter {
        CallFilter {
            by: Some(Caller::Child),
            ..self
        }
    }

    pub(super) fn is_of_a_child(self) -> bool {
        self.by == Some(Caller::Child)
    }

    pub(super) fn call(self) -> Call {
        self.call
    }
}

impl From<Call> for CallFilter {
    fn from(call: Call) -> CallFilter {
        CallFilter {
            call,
            kind: None,
            by: None,
        }
    }
}

/// `read`, `read on a socket`
impl fmt::Display for CallFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.call)?;
        f.write_str(match self.kind {
            None => "",
            Some(FdKind::Socket) => " on a socket",
            Some(FdKind::File) => " on a file",
            Some(FdKind::Stdin) => " on standard input",
            Some(FdKind::Stdout) => " on standard output",
        })?;
        f.write_str(match self.by {
            None => "",
            Some(Caller::Program) => " by itself",
            Some(Caller::Child) => " by a child",
        })
    }
}

/// A fault in force. It goes on until it is taken back, or the test ends.
#[derive(Debug)]
pub struct FaultGuard<'a> {
    program: &'a Program,
    id: InjectionId,
    call: Call,
    fault: Fault,
    /// What the test waits for, when it waits for the fault to hit a call.
    goal: String,
}

/// What can go wrong with the calls of the program: see [`Program::faults`].
#[derive(Debug)]
pub struct Faults<'a> {
    pub(super) program: &'a Program,
}

impl<'a> Faults<'a> {
    /// From now on a call of this kind moves at most so many bytes: a short read or a short write, which every program
    /// has to expect (read(2), write(2)).
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`] where the program is not traced, as in all words of this file.
    pub fn shorten(&self, filter: impl Into<CallFilter>, most: u64) -> Checked<FaultGuard<'a>> {
        let filter = filter.into();
        let bytes = match most {
            1 => "one byte".to_owned(),
            most => format!("{most} bytes"),
        };
        self.program.context.note(format!(
            "from now on let each {filter} of your program move {bytes} at most"
        ));
        self.program
            .inject(filter, Which::Every, Fault::Short(most))
    }

    /// The next call of this kind fails with this errno, without having been made.
    pub fn fail_next(
        &self,
        filter: impl Into<CallFilter>,
        errno: Errno,
    ) -> Checked<FaultGuard<'a>> {
        self.fail(filter, Which::First(1), errno, |filter| {
            format!("let its next {filter}")
        })
    }

    /// The next two calls of this kind fail with this errno. Two, because a program that repeats a call only once has not
    /// understood why.
    pub fn fail_twice(
        &self,
        filter: impl Into<CallFilter>,
        errno: Errno,
    ) -> Checked<FaultGuard<'a>> {
        self.fail(filter, Which::First(2), errno, |filter| {
            format!("let its next two {filter}")
        })
    }

    /// The next call of this kind is made, and the one after it fails with this errno, without having been made.
    pub fn fail_second(
        &self,
        filter: impl Into<CallFilter>,
        errno: Errno,
    ) -> Checked<FaultGuard<'a>> {
        self.fail(filter, Which::Nth(2), errno, |filter| {
            format!("let the second {filter} from now on")
        })
    }

    /// Signals interrupt the next two calls of this kind before they have done anything: they fail with EINTR, as if a
    /// handler had run (signal(7)). Two, because a program that repeats a call only once has not understood why.
    pub fn interrupt_twice(&self, filter: impl Into<CallFilter>) -> Checked<FaultGuard<'a>> {
        let filter = filter.into();
        self.program.context.note(format!(
            "interrupt its next {filter} twice, so that it fails with EINTR"
        ));
        self.program
            .inject(filter, Which::First(2), Fault::Errno(Errno::EINTR as i32))
    }

    /// The next call of this kind moves at most so many bytes, and signals interrupt the two behind it. So a part is done
    /// when they come, and the program must not begin again from the start.
    pub fn interrupt_after_a_part(&self, filter: impl Into<CallFilter>, most: u64) -> Checked {
        let filter = filter.into();
        self.program.context.note(format!(
            "let its next {filter} move {most} bytes at most, and interrupt the two after it: they fail with EINTR"
        ));
        self.program
            .inject(filter, Which::First(1), Fault::Short(most))?;
        for turn in [2, 3] {
            self.program
                .inject(filter, Which::Nth(turn), Fault::Errno(Errno::EINTR as i32))?;
        }
        Ok(())
    }

    /// Signals interrupt the next two reads there, and the next two polls, with which the program may wait for them: see
    /// [`Faults::interrupt_twice`].
    pub fn interrupt_read_twice(&self, kind: FdKind) -> Checked {
        let filter = Call::Read.on(kind);
        self.program.context.note(format!(
            "interrupt its next {filter} twice, and its next poll if it polls: they fail with EINTR"
        ));
        self.program.context.transcript.quietly(|| {
            self.interrupt_twice(filter)?;
            self.interrupt_twice(Call::Poll).map(drop)
        })
    }

    /// Every call of this kind fails with this errno, until the fault is taken back.
    pub fn fail_each(
        &self,
        filter: impl Into<CallFilter>,
        errno: Errno,
    ) -> Checked<FaultGuard<'a>> {
        self.fail(filter, Which::Every, errno, |filter| {
            format!("from now on let each {filter} of your program")
        })
    }

    /// `name` says in the report which calls are meant.
    fn fail(
        &self,
        filter: impl Into<CallFilter>,
        which: Which,
        errno: Errno,
        name: impl Fn(CallFilter) -> String,
    ) -> Checked<FaultGuard<'a>> {
        let filter = filter.into();
        let step = format!("{} fail with {errno:?}", name(filter));
        self.program.context.note(step);
        self.program
            .inject(filter, which, Fault::Errno(errno as i32))
    }
}

impl Program {
    /// Its tracer, which sees its calls.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`] where nothing does.
    pub(super) fn tracer(&self) -> Checked<&Tracer> {
        self.running
            .tracer
            .as_ref()
            .ok_or_else(|| Stop::NotChecked(self.context.why_untraced().to_owned()))
    }

    /// Puts a fault in force.
    pub(super) fn inject(
        &self,
        filter: impl Into<CallFilter>,
        which: Which,
        fault: Fault,
    ) -> Checked<FaultGuard<'_>> {
        let filter = filter.into();
        let by = match filter.by {
            None => By::Anyone,
            Some(Caller::Program) => By::Process(self.running.pid),
            Some(Caller::Child) => By::OthersThan(self.running.pid),
        };
        let Some(kind) = filter.kind else {
            return self.inject_on(filter, by, On::Anything, which, fault);
        };
        // Before the descriptors, because without a tracer the answer is another one.
        self.tracer()?;
        self.expect_shown_descriptors()?;
        self.inject_on(filter, by, self.object_of(kind), which, fault)
    }

    /// The same for calls on an object that no filter names.
    pub(super) fn inject_on(
        &self,
        filter: CallFilter,
        by: By,
        on: On,
        which: Which,
        fault: Fault,
    ) -> Checked<FaultGuard<'_>> {
        let id = self.tracer()?.inject(Injection {
            call: filter.call,
            by,
            on,
            which,
            fault,
        });
        Ok(FaultGuard {
            program: self,
            id,
            call: filter.call,
            fault,
            goal: format!("it to make a {filter}"),
        })
    }

    fn object_of(&self, kind: FdKind) -> On {
        let pipe = |own_end| pipe_of(own_end).map(On::Pipe);
        match kind {
            FdKind::Socket => On::Sockets,
            FdKind::File => On::FilesBelow(self.context.sandbox.folder().into()),
            FdKind::Stdin => {
                let stdin = self.running.stdin.file.borrow();
                let pipe = stdin.as_ref().and_then(|stdin| pipe(stdin.as_fd()));
                pipe.unwrap_or(On::Descriptor(0))
            }
            FdKind::Stdout => pipe(self.running.stdout.file.as_fd()).unwrap_or(On::Descriptor(1)),
        }
    }
}

impl FdKind {
    /// What a descriptor of the program stands for, if a filter can name it.
    pub(in crate::lab) fn of(program: &Running, object: &Object) -> Option<FdKind> {
        match *object {
            Object::Socket(_) => Some(FdKind::Socket),
            Object::Pipe(inode) => {
                let stdin = program.stdin.file.borrow();
                let is_stdin = stdin.as_ref().and_then(|stdin| pipe_of(stdin.as_fd()));
                let is_stdout = pipe_of(program.stdout.file.as_fd());
                match Some(inode) {
                    pipe if pipe == is_stdin => Some(FdKind::Stdin),
                    pipe if pipe == is_stdout => Some(FdKind::Stdout),
                    _ => None,
                }
            }
            Object::Other(_) => None,
        }
    }
}

/// The inode of a pipe of which the lab holds one end. Both ends have one.
fn pipe_of(own_end: BorrowedFd<'_>) -> Option<u64> {
    let own_pid = std::process::id() as i32;
    match descriptors::object(own_pid, own_end.as_raw_fd())? {
        Object::Pipe(inode) => Some(inode),
        _ => None,
    }
}

impl FaultGuard<'_> {
    /// How many calls it has hit.
    pub fn hits(&self) -> u64 {
        self.program
            .running
            .tracer
            .as_ref()
            .map_or(0, |tracer| tracer.hits(self.id))
    }

    /// Takes it back: calls are made as the program asks for them again.
    pub fn end(self) {
        self.program.context.note("let its calls succeed again");
        if let Some(tracer) = &self.program.running.tracer {
            tracer.withdraw(self.id);
        }
    }

    /// Waits until it has hit a call.
    ///
    /// # Errors
    ///
    /// When the program never makes such a call.
    pub fn wait_until_hit(&self) -> Checked {
        let context = &self.program.context;
        let look = || Ok((self.hits() > 0).then_some(()));
        context.until(&self.goal, Diagnosis::Stuck, look)
    }

    /// Waits until each thread whose call it has hit has been seen asleep, also for a moment only: the thread pauses
    /// before it makes the call again. If no call is hit, this waits until all threads sleep. A pause of a second or two
    /// is not held against the program: it was asked for.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::Busy`] when one never sleeps.
    pub fn wait_until_it_pauses(&self) -> Checked {
        const GOAL: &str = "it to pause before it tries again";
        // A program that pauses for a millisecond each time is seen asleep long before. On a machine that is busy with
        // other things this limit is reached sooner than that of CPU time.
        const MOST_HITS: u64 = 200;
        let program = self.program;
        let context = &program.context;
        context.note("wait until it pauses, even for a moment");
        let tracer = program.tracer()?;
        let mut seen_asleep = BTreeSet::new();
        let look = || {
            let is_hit =
                |record: &Record| record.call == self.call && record.injected == Some(self.fault);
            let records = tracer.records();
            let hit: BTreeSet<i32> = records
                .iter()
                .filter(|record| is_hit(record))
                .map(|record| record.tid)
                .collect();
            // A thread whose call was hit does not sleep in that call: it fails at once.
            let threads = context.programs.living().into_iter();
            let asleep = threads
                .flat_map(|process| process.thread_list())
                .filter(|thread| hit.contains(&thread.tid) && rests(thread));
            seen_asleep.extend(asleep.map(|thread| thread.tid));
            if !hit.is_empty() && hit.is_subset(&seen_asleep) {
                return Ok(Some(()));
            }
            let hits = self.hits();
            if hits > MOST_HITS {
                let symptom = format!(
                    "your program has made the call {hits} times without a pause; the test waits for {GOAL}"
                );
                return context.fail(Diagnosis::Busy, symptom);
            }
            Ok(None)
        };
        let napped = context.napped();
        let paused = context.try_until(look)?;
        if paused.is_ok() {
            context.forgive_naps(napped);
        }
        match paused {
            // If it has ended, the next step of the story says so.
            Ok(()) | Err(WaitError::Deadlocked) => Ok(()),
            Err(error) => Err(context.to_failure(error, GOAL, Diagnosis::Busy).into()),
        }
    }
}

/// Whether a thread sleeps, and not in a write.
fn rests(thread: &Thread) -> bool {
    let call = thread.sleep.as_ref().map(|sleep| sleep.call);
    thread.state == 'S'
        && (thread.hides_its_call || call.is_some_and(|call| call != Some(Call::Write)))
}
