//! How the program ends.

use serde::{Deserialize, Serialize};

use super::Program;
use crate::{
    failure::{Checked, Diagnosis},
    lab::quote::signal_name,
};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// With this exit status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

impl Ending {
    /// Rust's exit status after a panic.
    pub const PANIC: i32 = 101;
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ending::Status(Ending::PANIC) => f.write_str("panicked (exit status 101)"),
            Ending::Status(status) => write!(f, "ended with exit status {status}"),
            Ending::Signal(signal) => write!(f, "was killed by {}", signal_name(*signal)),
        }
    }
}

impl Program {
    /// Waits until it ends, which it must do with this exit status.
    ///
    /// # Errors
    ///
    /// When it ends otherwise, or not at all.
    pub fn expect_exit(&self, status: i32) -> Checked {
        self.bench
            .note(format!("expect it to end with exit status {status}"));
        let ending = self.wait_for_end("it to end")?;
        if ending == Ending::Status(status) {
            return Ok(());
        }
        match ending {
            Ending::Status(got) if got != Ending::PANIC => self.bench.fail(
                Diagnosis::WrongStatus,
                format!("your program ends with exit status {got}; {status} is right here"),
            ),
            ending => Err(self
                .bench
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
        self.bench
            .note("see that it has given a reason on its standard error");
        self.bench.pump()?;
        let total = self.running.stderr.total.get();
        match total - self.running.stderr.asked.replace(total) {
            0 => self.bench.fail(
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
        self.bench
            .note(format!("see that its standard error tells {list}"));
        self.bench.pump()?;
        let said = self.running.stderr_excerpt();
        let told: Vec<&str> = said.split(|c: char| !c.is_ascii_digit()).collect();
        match wanted.iter().all(|number| told.contains(&number.as_str())) {
            true => Ok(()),
            false => self.bench.fail(
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
        self.bench.until(goal, Diagnosis::StillRunning, look)
    }

    /// Sees that it has not ended, after it has come to rest.
    ///
    /// # Errors
    ///
    /// When it has.
    pub fn expect_alive(&self) -> Checked {
        self.bench.note("see that it still runs");
        self.bench.settle()?;
        match self.running.ending() {
            None => Ok(()),
            Some(ending) => Err(self.bench.ended_instead_of(ending, "going on").into()),
        }
    }

    /// Ends it with SIGKILL, and waits until it has ended. Its children live on.
    ///
    /// # Errors
    ///
    /// When the kernel does not end it.
    pub fn kill(&self) -> Checked {
        self.bench.note("end it with SIGKILL");
        self.running.killed.set(true);
        self.send(libc::SIGKILL)?;
        self.wait_for_end("it to be killed").map(drop)
    }
}
