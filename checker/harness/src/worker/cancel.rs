//! Cancellation: one event which everything that waits can wait for, too.

use std::{
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
    time::Instant,
};

use nix::sys::{
    epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags},
    eventfd::{EfdFlags, EventFd},
};

use super::is_readable;
use crate::failure::{Attempt, LabError};

/// Cancels work: everything that holds a copy of it stops. Once cancelled, it stays so.
///
/// It is an eventfd(2) that is never read: from the first write on it stays readable. So a wait polls it beside what it
/// waits for, and needs no timeout to notice it.
#[derive(Clone, Debug)]
pub struct Cancel(Arc<Event>);

#[derive(Debug)]
struct Event {
    own: EventFd,
    /// Of a [part](Cancel::part): readable as soon as its own event or that of the whole is.
    either: Option<Epoll>,
    /// Stays open as long as it is waited for.
    _whole: Option<Cancel>,
}

/// Work stopped because it was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

/// Why work stopped before its end.
#[derive(Clone, Debug)]
pub enum RunError {
    /// It was cancelled.
    Cancelled,
    /// The lab could not do it.
    Lab(LabError),
}

impl Cancel {
    /// An event that has not happened yet.
    ///
    /// # Errors
    ///
    /// When this process has too many descriptors.
    pub fn new() -> Result<Cancel, LabError> {
        Ok(Cancel(Arc::new(Event {
            own: new_event()?,
            either: None,
            _whole: None,
        })))
    }

    /// A cancellation of a part of the work: it is cancelled with the whole, and the whole is not with it.
    ///
    /// # Errors
    ///
    /// When this process has too many descriptors.
    pub fn part(&self) -> Result<Cancel, LabError> {
        const MAKE: &str = "could not make an epoll instance";
        let own = new_event()?;
        let either = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).attempt(MAKE)?;
        for event in [own.as_fd(), self.as_fd()] {
            let readable = EpollEvent::new(EpollFlags::EPOLLIN, 0);
            either.add(event, readable).attempt(MAKE)?;
        }
        Ok(Cancel(Arc::new(Event {
            own,
            either: Some(either),
            _whole: Some(self.clone()),
        })))
    }

    /// Cancels. It is async-signal-safe: one write(2).
    pub fn cancel(&self) {
        // It can fail only when the counter is full, and then it is readable.
        let _ = self.0.own.write(1);
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        is_readable(self, Some(Instant::now())).unwrap_or(false)
    }

    /// Stops a function whose work was cancelled: `cancel.check()?`.
    ///
    /// # Errors
    ///
    /// When it was.
    pub fn check(&self) -> Result<(), Cancelled> {
        match self.is_cancelled() {
            true => Err(Cancelled),
            false => Ok(()),
        }
    }
}

/// Readable (poll(2)) from the moment on at which it is cancelled.
impl AsFd for Cancel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.0.either {
            Some(either) => either.0.as_fd(),
            None => self.0.own.as_fd(),
        }
    }
}

fn new_event() -> Result<EventFd, LabError> {
    let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
    EventFd::from_flags(flags).attempt("could not make an eventfd")
}

impl From<Cancelled> for RunError {
    fn from(_: Cancelled) -> RunError {
        RunError::Cancelled
    }
}

impl From<LabError> for RunError {
    fn from(error: LabError) -> RunError {
        RunError::Lab(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_cancelled_with_the_whole_and_not_the_whole_with_it() {
        let whole = Cancel::new().unwrap();
        let (one, other) = (whole.part().unwrap(), whole.part().unwrap());
        one.cancel();
        assert!(one.is_cancelled() && !whole.is_cancelled() && !other.is_cancelled());
        whole.cancel();
        assert!(whole.is_cancelled() && other.is_cancelled());
    }
}
