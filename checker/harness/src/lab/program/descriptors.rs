//! The open descriptors of the program.

use super::Program;
use crate::{
    failure::{Checked, Diagnosis, Stop},
    observe::{
        descriptors::{self, Descriptor},
        processes::Process,
    },
};

/// The open descriptors of the program: see [`Program::descriptors`].
#[derive(Debug)]
pub struct Descriptors<'a> {
    pub(super) program: &'a Program,
}

impl Descriptors<'_> {
    /// All of them; none if it has ended.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`] where the program hides them, as in all words of this file.
    pub fn list(&self) -> Checked<Vec<Descriptor>> {
        self.program.expect_shown_descriptors()?;
        let process = Process::read(self.program.running.pid);
        Ok(process.map_or_else(Vec::new, |process| descriptors::of_process(&process)))
    }

    /// How many there are.
    pub fn count(&self) -> Checked<usize> {
        Ok(self.list()?.len())
    }

    /// Waits until it holds no more than `count`, for which it was [asked](Descriptors::count) before.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::DescriptorLeaked`] when more stay.
    pub fn expect_at_most(&self, count: usize) -> Checked {
        let context = &self.program.context;
        context.note("expect that it holds no more descriptors than before");
        let look = || Ok((self.count()? <= count).then_some(()));
        let Err(error) = context.try_until(look)? else {
            return Ok(());
        };
        let goal = match self.count()?.saturating_sub(count) {
            1 => "it to close a descriptor that it no longer needs".to_owned(),
            more => format!("it to close {more} descriptors that it no longer needs"),
        };
        let diagnosis = Diagnosis::DescriptorLeaked;
        Err(context.to_failure(error, &goal, diagnosis).into())
    }
}

impl Program {
    /// Sees that its descriptors can be looked at.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`] when it hides them.
    pub(super) fn expect_shown_descriptors(&self) -> Checked {
        match Process::read(self.running.pid).is_some_and(|process| descriptors::are_hidden(&process)) {
            false => Ok(()),
            true => Err(Stop::NotChecked(
                "the test looks at the program's descriptors, and the program hides them: by PR_SET_DUMPABLE (prctl(2)), \
                 or because its file cannot be read"
                    .to_owned(),
            )),
        }
    }
}
