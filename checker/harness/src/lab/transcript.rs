//! The steps of a test, as its report tells them.

use std::cell::{Cell, RefCell};

/// What the test has done so far.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    steps: RefCell<Vec<String>>,
    /// How many parts of the test are being told in one step.
    quiet: Cell<usize>,
}

impl Transcript {
    /// Adds a step.
    pub(super) fn note(&self, step: impl Into<String>) {
        if self.quiet.get() == 0 {
            self.steps.borrow_mut().push(step.into());
        }
    }

    /// Does a part of the test without adding its steps.
    pub(super) fn quietly<T>(&self, part: impl FnOnce() -> T) -> T {
        self.quiet.set(self.quiet.get() + 1);
        let result = part();
        self.quiet.set(self.quiet.get() - 1);
        result
    }

    /// Does a part of the test, without its steps, under a step of its own, which stays only where the part fails.
    pub(super) fn provisionally<T, E>(
        &self,
        step: impl Into<String>,
        part: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let before = self.steps.borrow().len();
        self.note(step);
        let done = self.quietly(part)?;
        self.steps.borrow_mut().truncate(before);
        Ok(done)
    }

    /// The steps so far.
    pub(super) fn steps(&self) -> Vec<String> {
        self.steps.borrow().clone()
    }
}
