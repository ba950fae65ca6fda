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
        let ending = self.wait_for_end()?;
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

    /// Waits until it ends, however it does.
    pub fn wait_for_end(&self) -> Checked<Ending> {
        self.until_end("it to end")
    }

    fn until_end(&self, goal: &str) -> Checked<Ending> {
        let look = || Ok(self.running.ending());
        self.context.until(goal, Diagnosis::StillRunning, look)
    }

    /// Sees that it still runs when all its processes sleep.
    pub fn expect_alive(&self) -> Checked {
        self.context.note("see that it still runs");
        self.context.settle()?;
        match self.running.ending() {
            None => Ok(()),
            Some(ending) => Err(self.context.ended_instead_of(ending, "going on").into()),
        }
    }

    /// Ends it with SIGKILL, and waits until it has ended. Its children live on.
    pub fn kill(&self) -> Checked {
        self.context.note("end it with SIGKILL");
        self.running.killed.set(true);
        self.kill_with(libc::SIGKILL)?;
        self.until_end("it to be killed").map(drop)
    }
}
