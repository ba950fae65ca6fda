//! A started program, as the lab keeps it.

use std::{
    cell::Cell,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::ExitStatusExt,
    },
    process::ChildStdin,
    rc::Rc,
};

use super::{ending::Ending, stdin::StdinPipe, stream::Stream};
use crate::{failure::LabError, observe::tracer::Tracer, sys};

/// A started program, as the lab keeps it.
#[derive(Debug)]
pub struct Running {
    pub(in crate::lab) pid: i32,
    /// Its PID in its own pid namespace.
    pub(in crate::lab) own_pid: i32,
    /// Sees its calls, if it is traced; then only the tracer may wait for it (waitpid(2)).
    pub(in crate::lab) tracer: Option<Tracer>,
    /// Becomes readable when the process ends.
    pub(in crate::lab) pidfd: Option<OwnedFd>,
    pub(in crate::lab) stdin: StdinPipe,
    pub(in crate::lab) stdout: Stream,
    pub(in crate::lab) stderr: Stream,
    pub(in crate::lab) ending: Cell<Option<Ending>>,
    /// Whether the test itself has ended it with SIGKILL.
    pub(in crate::lab) killed: Cell<bool>,
}

impl Running {
    pub(in crate::lab) fn pid(&self) -> i32 {
        self.pid
    }

    /// How it has ended, if it has.
    pub(in crate::lab) fn ending(&self) -> Option<Ending> {
        if let Some(tracer) = &self.tracer {
            let status = tracer.ending()?;
            return Some(match status.signal() {
                Some(signal) => Ending::Signal(signal),
                None => Ending::Status(status.code().unwrap_or_default()),
            });
        }
        if self.ending.get().is_none()
            && let Ok(Some((_, status))) = sys::wait(self.pid, libc::WNOHANG)
        {
            self.ending.set(Some(match libc::WIFSIGNALED(status) {
                true => Ending::Signal(libc::WTERMSIG(status)),
                false => Ending::Status(libc::WEXITSTATUS(status)),
            }));
        }
        self.ending.get()
    }

    pub(in crate::lab) fn tracer(&self) -> Option<&Tracer> {
        self.tracer.as_ref()
    }

    /// Ends it, if it is traced, and all that it has started.
    pub(in crate::lab) fn end_tracing(&self) -> Result<(), LabError> {
        self.tracer.as_ref().map_or(Ok(()), Tracer::end)
    }

    /// How it has ended, if it has, and if the test has not ended it.
    pub(in crate::lab) fn exit_reason(&self) -> Option<Ending> {
        self.ending().filter(|_| !self.killed.get())
    }

    /// The descriptor which becomes readable when it ends; none when it has.
    pub(in crate::lab) fn awaited(&self) -> Option<BorrowedFd<'_>> {
        match (self.ending(), &self.tracer) {
            (Some(_), _) => None,
            (None, Some(tracer)) => Some(tracer.as_fd()),
            (None, None) => self.pidfd.as_ref().map(AsFd::as_fd),
        }
    }

    /// Its outputs that are open.
    pub(in crate::lab) fn streams(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        [&self.stdout, &self.stderr]
            .into_iter()
            .filter(|stream| stream.open.get() && !stream.is_full() && !stream.dribbles())
            .map(|stream| stream.file.as_fd())
    }

    /// Whether one of its outputs should be left to gather more before it is read again.
    pub(in crate::lab) fn dribbles(&self) -> bool {
        self.stdout.dribbles() || self.stderr.dribbles()
    }

    /// The end of its input, if there is something to write to it.
    pub(in crate::lab) fn input_to_write(&self) -> Option<Rc<ChildStdin>> {
        let is_waiting = !self.stdin.queue.borrow().is_empty();
        self.stdin.file.borrow().clone().filter(|_| is_waiting)
    }

    pub(in crate::lab) fn pump(&self) {
        self.stdin.pump();
        // Before the pipes are read: if it has ended, all that it printed is in them by now.
        let _ = self.ending();
        self.stdout.pump();
        self.stderr.pump();
    }

    /// How many bytes it has printed on an output, if the test has not asked for more than so many of them.
    pub(in crate::lab) fn flood(&self, most: usize) -> Option<usize> {
        let mut streams = [&self.stdout, &self.stderr].into_iter();
        let flooded = streams.find(|stream| stream.surplus() > most)?;
        Some(flooded.total.get())
    }

    pub(in crate::lab) fn has_closed_stdout(&self) -> bool {
        !self.stdout.open.get()
    }

    pub(in crate::lab) fn stdout_excerpt(&self) -> String {
        self.stdout.excerpt()
    }

    pub(in crate::lab) fn stderr_excerpt(&self) -> String {
        self.stderr.excerpt()
    }
}
