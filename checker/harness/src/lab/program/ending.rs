//! How the program ends.

use super::Program;
use crate::{
    failure::{Checked, Diagnosis},
    lab::programs::Ending,
};

impl Program {
    /// Waits until it ends, which it must do with this exit status.
    ///
    /// # Errors
    ///
    /// When it ends otherwise, or not at all.
    pub fn expect_exit(&self, status: i32) -> Checked {
        self.context
            .note(format!("expect it to end with exit status {status}"));
        let ending = self.wait_for_end("it to end")?;
        if ending == Ending::Status(status) {
            return Ok(());
        }
        match ending {
            Ending::Status(got) if got != Ending::PANIC => self.context.fail(
                Diagnosis::WrongStatus,
                format!("your program ends with exit status {got}; {status} is right here"),
            ),
            ending => Err(self
                .context
                .ended_instead_of(ending, "ending as it should")
                .into()),
        }
    }

    /// Sees that it has written something on standard error, since this was asked before. Ask when it has ended, or has
    /// come to rest: then all that it has to say is there.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::WrongOutput`] when it has not.
    pub fn expect_reason_on_stderr(&self) -> Checked {
        self.context
            .note("see that it has given a reason on its standard error");
        self.context.pump()?;
        let total = self.running.stderr.total.get();
        match total - self.running.stderr.asked.replace(total) {
            0 => self.context.fail(
                Diagnosis::WrongOutput,
                "your program says nothing on standard error",
            ),
            _ => Ok(()),
        }
    }

    /// Sees that these numbers are among what it has written on standard error, in whatever words. Ask when it has ended.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::WrongOutput`] when one is missing.
    pub fn expect_numbers_on_stderr(&self, numbers: &[usize]) -> Checked {
        let wanted: Vec<String> = numbers.iter().map(usize::to_string).collect();
        let list = wanted.join(" and ");
        self.context
            .note(format!("see that its standard error tells {list}"));
        self.context.pump()?;
        let said = self.running.stderr_excerpt();
        let told: Vec<&str> = said.split(|c: char| !c.is_ascii_digit()).collect();
        match wanted.iter().all(|number| told.contains(&number.as_str())) {
            true => Ok(()),
            false => self.context.fail(
                Diagnosis::WrongOutput,
                format!("your program does not tell {list} on standard error"),
            ),
        }
    }

    /// Waits until it ends, however it does.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub fn wait_for_end(&self, goal: &str) -> Checked<Ending> {
        let look = || Ok(self.running.ending());
        self.context.until(goal, Diagnosis::StillRunning, look)
    }

    /// Sees that it has not ended, after it has come to rest.
    ///
    /// # Errors
    ///
    /// When it has.
    pub fn expect_alive(&self) -> Checked {
        self.context.note("see that it still runs");
        self.context.settle()?;
        match self.running.ending() {
            None => Ok(()),
            Some(ending) => Err(self.context.ended_instead_of(ending, "going on").into()),
        }
    }

    /// Ends it with SIGKILL, and waits until it has ended. Its children live on.
    ///
    /// # Errors
    ///
    /// When the kernel does not end it.
    pub fn kill(&self) -> Checked {
        self.context.note("end it with SIGKILL");
        self.running.killed.set(true);
        self.send(libc::SIGKILL)?;
        self.wait_for_end("it to be killed").map(drop)
    }
}
