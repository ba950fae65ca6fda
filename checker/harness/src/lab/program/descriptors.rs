//! The open descriptors of the program.

use super::Program;
use crate::{
    failure::{Checked, Diagnosis},
    observe::descriptors::{self, Descriptor},
};

/// The open descriptors of the program: see [`Program::descriptors`].
#[derive(Debug)]
pub struct Descriptors<'a> {
    pub(super) program: &'a Program,
}

impl Descriptors<'_> {
    /// All of them; none if it has ended.
    pub fn list(&self) -> Vec<Descriptor> {
        descriptors::of(self.program.running.pid)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.list().len()
    }

    /// Waits until it holds no more than `count`, for which it was [asked](Descriptors::count) before.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::DescriptorLeaked`] when more stay.
    pub fn expect_at_most(&self, count: usize) -> Checked {
        let context = &self.program.context;
        context.note("expect that it holds no more descriptors than before");
        let look = || Ok((self.count() <= count).then_some(()));
        context.try_until(look)?.map_err(|error| {
            let goal = match self.count().saturating_sub(count) {
                1 => "it to close a descriptor that it no longer needs".to_owned(),
                more => format!("it to close {more} descriptors that it no longer needs"),
            };
            let diagnosis = Diagnosis::DescriptorLeaked;
            context.to_failure(error, &goal, diagnosis).into()
        })
    }
}
