//! Lines of text that the program sends.

use super::{Connection, End};
use crate::{
    failure::{Checked, Diagnosis},
    lab::quote::{brief, quoted},
};

/// No line of the course is longer, in bytes. A program that never ends its line is not read for ever.
const LONGEST: usize = 4096;

impl Connection {
    /// Waits for a line, and returns it without `\n`.
    pub fn next_line(&self) -> Checked<Vec<u8>> {
        self.note("expect a line");
        let end_of_line = || self.inbox.borrow().iter().position(|&byte| byte == b'\n');
        let look = || {
            self.read_available();
            let is_decided = end_of_line().is_some()
                || self.end.get().is_some()
                || self.inbox.borrow().len() > LONGEST;
            Ok(is_decided.then_some(()))
        };
        let waited = self.try_until(look)?;
        if let Some(end) = end_of_line() {
            let mut line: Vec<u8> = self.inbox.borrow_mut().drain(..=end).collect();
            line.truncate(end);
            return Ok(line);
        }
        let goal = format!("a line on the connection with {}", self.name);
        let part = self.inbox.borrow().clone();
        let mut failure = match (waited, self.end.get()) {
            (Err(error), _) => self.context.to_failure(error, &goal, Diagnosis::Stuck),
            (Ok(()), None) => {
                let symptom = format!("your program sends {} without a line end", brief(&part));
                return self.context.fail(Diagnosis::ExtraBytes, symptom);
            }
            (Ok(()), Some(end)) => {
                let (diagnosis, verb) = match end {
                    End::Reset => (Diagnosis::Reset, "reset"),
                    End::Finished => (Diagnosis::ClosedEarly, "closed"),
                };
                let symptom = format!(
                    "your program {verb} the connection with {}, and no line has come",
                    self.name
                );
                self.context.attribute_to_exit(&goal, diagnosis, symptom)?
            }
        };
        if !part.is_empty() {
            failure.symptom += &format!("; {} has come, without \\n", quoted(&part));
        }
        Err(failure.into())
    }
}
