//! What the test's end of a connection receives, and how the stream ends.

use super::{Connection, End};
use crate::{
    failure::{Checked, Comparison, Diagnosis},
    lab::{
        quiescence::{Activity, Watch},
        quote::brief,
        verdict::WaitError,
    },
};

/// What has come to the end of a connection: see [`Connection::until_end`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// All bytes that were not expected before.
    pub bytes: Vec<u8>,
    /// Whether a reset came behind them, and not the end of the stream.
    pub is_reset: bool,
}

impl Connection {
    /// Waits for exactly these bytes.
    ///
    /// # Errors
    ///
    /// When other bytes come, or not all of them.
    pub fn expect(&self, expected: impl AsRef<[u8]>) -> Checked {
        let expected = expected.as_ref();
        self.note(format_args!("expect {}", brief(expected)));
        self.receive(expected)
    }

    /// Reads what comes until the program sleeps, and leaves the judgement to the next [`Connection::expect`] or
    /// [`Connection::expect_echo`].
    ///
    /// # Errors
    ///
    /// When the program runs without end.
    pub fn read_until_quiet(&self) -> Checked {
        self.note("read what comes, until nothing more does");
        let mut watch = Watch::for_the_next_step();
        let look = || {
            self.read_available();
            Ok(match watch.sample(&self.context)? {
                Activity::Active => None,
                Activity::TimedWait | Activity::Deadlocked => Some(()),
            })
        };
        match self.try_until(look)? {
            Ok(()) | Err(WaitError::Deadlocked) => Ok(()),
            Err(error) => {
                let goal = format!("it to come to rest, while {} reads", self.name);
                Err(self
                    .context
                    .to_failure(error, &goal, Diagnosis::Busy)
                    .into())
            }
        }
    }

    /// Waits until all that was sent, and has not come back yet, comes back.
    pub fn expect_echo(&self) -> Checked {
        let expected = self.unechoed.take();
        self.note(match expected.len() {
            0..=32 => format!("expect {} back", brief(&expected)),
            length => format!("expect all {length} bytes back"),
        });
        self.receive(&expected)
    }

    fn receive(&self, expected: &[u8]) -> Checked {
        // Each look compares what is new since the last one: there are many looks at a long reply.
        let (mut compared, mut differs) = (0, false);
        let look = || {
            self.read_available();
            let inbox = self.inbox.borrow();
            let known = inbox.len().min(expected.len());
            differs = inbox[compared..known] != expected[compared..known];
            compared = known;
            Ok((differs || known == expected.len() || self.end.get().is_some()).then_some(()))
        };
        let waited = self.try_until(look)?;
        if !differs && compared == expected.len() {
            self.inbox.borrow_mut().drain(..compared);
            return Ok(());
        }
        let mut got = self.inbox.borrow().clone();
        got.truncate(expected.len());
        let comparison = Comparison::of(self.what_it_receives(), expected, &got);
        let missing = expected.len() - got.len();
        let goal = match (got.len(), missing) {
            (0, _) => format!("{} on the connection with {}", brief(expected), self.name),
            (_, 1) => format!("1 more byte on the connection with {}", self.name),
            _ => format!("{missing} more bytes on the connection with {}", self.name),
        };
        let failure = match waited {
            Err(error) => self.context.to_failure(error, &goal, Diagnosis::Stuck),
            Ok(()) if !expected.starts_with(&got) => self.context.failure(
                Diagnosis::WrongBytes,
                "your program sends other bytes than it should",
            ),
            Ok(()) => {
                let (diagnosis, verb) = match self.end.get() {
                    Some(End::Reset) => (Diagnosis::Reset, "reset"),
                    _ => (Diagnosis::ClosedEarly, "closed"),
                };
                let symptom = format!(
                    "your program {verb} the connection with {} while {} still due",
                    self.name,
                    match missing {
                        1 => "1 byte was".to_owned(),
                        _ => format!("{missing} bytes were"),
                    }
                );
                self.context.attribute_to_exit(&goal, diagnosis, symptom)?
            }
        };
        Err(failure.comparing(comparison).into())
    }

    /// Waits for the end of the stream; nothing more may come before it.
    ///
    /// # Errors
    ///
    /// When more comes, or a reset, or the end does not come.
    pub fn expect_end(&self) -> Checked {
        self.note("expect the end of the stream");
        let look = || {
            self.read_available();
            Ok((self.end.get().is_some() || !self.inbox.borrow().is_empty()).then_some(()))
        };
        let waited = self.try_until(look)?;
        self.expect_empty_inbox()?;
        match (waited, self.end.get()) {
            (Err(error), _) => {
                let goal = format!("the end of the stream on the connection with {}", self.name);
                let diagnosis = Diagnosis::LeftOpen;
                Err(self.context.to_failure(error, &goal, diagnosis).into())
            }
            (Ok(()), Some(End::Reset)) => {
                let symptom = format!(
                    "your program reset the connection with {}, where the end of the stream was due",
                    self.name
                );
                let (goal, diagnosis) = ("the end of the stream", Diagnosis::Reset);
                self.context.fail_or_exit(goal, diagnosis, symptom)
            }
            (Ok(()), _) => Ok(()),
        }
    }

    /// Waits until the program turns the client away, by the end of the stream or by a reset; nothing more may come
    /// before it.
    ///
    /// # Errors
    ///
    /// When more comes, or neither does.
    pub fn expect_turned_away(&self) -> Checked {
        self.note("expect the end of the stream, or a reset");
        let look = || {
            self.read_available();
            Ok((self.end.get().is_some() || !self.inbox.borrow().is_empty()).then_some(()))
        };
        let waited = self.try_until(look)?;
        self.expect_empty_inbox()?;
        waited.map_err(|error| {
            let goal = format!("the end of the connection with {}", self.name);
            let diagnosis = Diagnosis::LeftOpen;
            self.context.to_failure(error, &goal, diagnosis).into()
        })
    }

    /// Waits until the program closes or resets the connection, and returns all that has come before and was not expected
    /// yet.
    ///
    /// # Errors
    ///
    /// When it does neither.
    pub fn until_end(&self) -> Checked<Rest> {
        self.note("read to the end of the stream, or to a reset");
        let look = || {
            self.read_available();
            Ok(self.end.get().map(drop))
        };
        let goal = format!("the end of the connection with {}", self.name);
        self.until(&goal, Diagnosis::LeftOpen, look)?;
        Ok(Rest {
            bytes: self.inbox.take(),
            is_reset: self.end.get() == Some(End::Reset),
        })
    }

    /// Sees that nothing comes until the program sleeps, and that the stream has not ended.
    pub fn expect_quiet(&self) -> Checked {
        self.note("see that nothing comes");
        self.context.settle()?;
        self.read_available();
        self.expect_empty_inbox()?;
        match self.end.get() {
            None => Ok(()),
            Some(_) => {
                let symptom = format!(
                    "your program closed the connection with {} too early",
                    self.name
                );
                let (goal, diagnosis) = ("it to keep the connection", Diagnosis::ClosedEarly);
                self.context.fail_or_exit(goal, diagnosis, symptom)
            }
        }
    }

    /// How many bytes have come by now that the test has not asked for.
    pub fn arrived(&self) -> usize {
        self.read_available();
        self.inbox.borrow().len()
    }

    /// Sees that no more bytes come until the program sleeps. The stream may have ended.
    pub fn expect_no_more_bytes(&self) -> Checked {
        self.note("see that no more bytes come");
        self.context.settle()?;
        self.read_available();
        self.expect_empty_inbox()
    }

    fn expect_empty_inbox(&self) -> Checked {
        let extra = self.inbox.borrow();
        match Comparison::of(self.what_it_receives(), b"", &extra) {
            None => Ok(()),
            difference => {
                let symptom = format!("your program sends {} more than it should", brief(&extra));
                let failure = self.context.failure(Diagnosis::ExtraBytes, symptom);
                Err(failure.comparing(difference).into())
            }
        }
    }
}
