//! Cancellation: one event which everything that waits can wait for, too.

use std::{
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
    time::Instant,
};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::is_readable;
use crate::failure::{Attempt, LabError};

/// Cancels work: everything that holds a copy of it stops. Once cancelled, it stays so.
///
/// It is an eventfd(2) that is never read: from the first write on it stays readable. So a wait polls it beside what it
/// waits for, and needs no timeout to notice it.
#[derive(Clone, Debug)]
pub struct Cancel(Arc<EventFd>);

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
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let event = EventFd::from_flags(flags).attempt("could not make an eventfd")?;
        Ok(Cancel(Arc::new(event)))
    }

    /// Cancels. It is async-signal-safe: one write(2).
    pub fn cancel(&self) {
        // It can fail only when the counter is full, and then it is readable.
        let _ = self.0.write(1);
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
        self.0.as_fd()
    }
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
