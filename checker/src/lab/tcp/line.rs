//! Lines of text that the program sends.

use super::{Connection, End};
use crate::{
    failure::{Checked, Diagnosis, Failure},
    lab::quote::{brief, quoted},
};

/// No line of the course is longer, in bytes. A program that never ends its line is not read for ever.
const LONGEST: usize = 4096;

impl Connection {
    /// Waits for a line, and returns it without `\n`. What is not UTF-8 in it is replaced.
    ///
    /// # Errors
    ///
    /// When none comes, or one without end.
    pub fn next_line(&self) -> Checked<String> {
        self.note("expect a line");
        let end_of_line = || self.inbox.borrow().iter().position(|&byte| byte == b'\n');
        let look = || {
            self.read_available();
            let is_decided = end_of_line().is_some()
                || self.end.get().is_some()
                || self.inbox.borrow().len() > LONGEST;
            Ok(is_decided.then_some(()))
        };
        let waited = self.wait(look)?;
        if let Some(end) = end_of_line() {
            let line: Vec<u8> = self.inbox.borrow_mut().drain(..=end).collect();
            return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
        }
        let goal = format!("a line on the connection with {}", self.name);
        let part = self.inbox.borrow().clone();
        let mut failure = match (waited, self.end.get()) {
            (Err(gave_up), _) => self.bench.explain(&gave_up, &goal, Diagnosis::Stuck),
            (Ok(()), None) => Failure::new(
                Diagnosis::ExtraBytes,
                format!("your program sends {}, and no line", brief(&part)),
            ),
            (Ok(()), Some(end)) => {
                let (diagnosis, verb) = match end {
                    End::Reset => (Diagnosis::Reset, "reset"),
                    End::Finished => (Diagnosis::ClosedEarly, "closed"),
                };
                let symptom = format!(
                    "your program {verb} the connection with {}, and no line has come",
                    self.name
                );
                self.bench.blame(&goal, Failure::new(diagnosis, symptom))?
            }
        };
        if !part.is_empty() {
            failure.symptom += &format!("; {} has come, without \\n", quoted(&part));
        }
        Err(failure.into())
    }
}
