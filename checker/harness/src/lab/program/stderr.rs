//! What the program says on its standard error.

use super::Program;
use crate::failure::{Checked, Diagnosis};

/// The program's standard error: see [`Program::stderr`].
#[derive(Debug)]
pub struct Stderr<'a> {
    pub(super) program: &'a Program,
}

impl Stderr<'_> {
    /// Sees that it has written something there since this word was used before. Use it when the program has ended or sleeps:
    /// then all that it has to say is there.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::WrongOutput`] when it has not.
    pub fn expect_reason(&self) -> Checked {
        let context = &self.program.context;
        context.note("see that it has given a reason on its standard error");
        context.pump()?;
        let stderr = &self.program.running.stderr;
        let total = stderr.total.get();
        match total - stderr.asked.replace(total) {
            0 => context.fail(
                Diagnosis::WrongOutput,
                "your program says nothing on standard error",
            ),
            _ => Ok(()),
        }
    }

    /// What it has written so far; the beginning and the end if it was much.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::OutputFlood`] when it prints without end.
    pub fn text(&self) -> Checked<String> {
        self.program.context.pump()?;
        Ok(self.program.running.stderr_excerpt())
    }
}
