//! One look of the lab at everything: polls what the test waits for, and serves the programs' pipes meanwhile.

use std::{
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use nix::poll::{PollFd, PollFlags, ppoll};

use super::context::TestContext;
use crate::{
    failure::{Checked, LabError},
    observe::tracer::Tracer,
};

/// A file to poll, and the events to poll it for.
pub(super) type PolledFile<'a> = (BorrowedFd<'a>, PollFlags);

/// With a timeout of 0 the wait would be a busy loop.
const SHORTEST_POLL: Duration = Duration::from_micros(50);

/// How long an output that brings much in small pieces gathers them. The smallest writes do not fill a pipe in that time.
const GATHER: Duration = Duration::from_millis(2);

impl TestContext {
    /// Sleeps until one of these files is ready, a program prints, reads or ends, or the time is over.
    pub(super) fn poll(&self, files: &[PolledFile<'_>], limit: Duration) -> Checked {
        let programs = self.programs.list().clone();
        let inputs: Vec<_> = programs
            .iter()
            .filter_map(|program| program.input_to_write())
            .collect();
        let mut watched: Vec<PollFd<'_>> = files
            .iter()
            .map(|(file, events)| PollFd::new(*file, *events))
            .collect();
        watched.extend(
            inputs
                .iter()
                .map(|file| PollFd::new(file.as_fd(), PollFlags::POLLOUT)),
        );
        for program in &programs {
            if program.tracer().is_some_and(Tracer::has_failed) {
                return Err(LabError::new("the tracer of a program has failed").into());
            }
            watched.extend(
                program
                    .streams()
                    .map(|stream| PollFd::new(stream, PollFlags::POLLIN)),
            );
            if let Some(pidfd) = program.awaited() {
                watched.push(PollFd::new(pidfd, PollFlags::POLLIN));
            }
        }
        let limit = match programs.iter().any(|program| program.dribbles()) {
            true => limit.min(GATHER),
            false => limit,
        };
        let lifeline = self.lifeline.as_ref();
        watched.extend(lifeline.map(|line| PollFd::new(line.as_fd(), PollFlags::POLLIN)));
        match ppoll(&mut watched, Some(limit.max(SHORTEST_POLL).into()), None) {
            Ok(_) if lifeline.is_some() && watched.last().and_then(PollFd::any) == Some(true) => {
                Err(LabError::new("the checker has gone").into())
            }
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(errno) => Err(LabError::call("could not poll", errno).into()),
        }
    }
}
