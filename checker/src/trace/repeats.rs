//! Calls that repeat themselves are written some times, and then counted.

use std::collections::VecDeque;

use crate::observe::{
    calls::Call,
    tracer::{Argument, CallOutcome, Record},
};

/// How many calls a round has at most: poll, read, poll, write.
const LONGEST: usize = 4;
/// How many rounds are written before the next are counted.
const ROUNDS: usize = 3;

/// What makes a call like another one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shape {
    call: Call,
    number: i64,
    descriptor: Option<i32>,
    /// None for those that move bytes, which differ from call to call.
    arguments: Option<Vec<Argument>>,
    outcome: CallOutcome,
}

/// The last calls of one thread.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    recent: VecDeque<Shape>,
    round: usize,
    counted: u64,
}

/// Calls that were counted and not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repeated {
    /// How many.
    pub calls: u64,
    /// How many of the written ones they repeat.
    pub round: usize,
}

impl Shape {
    fn of(record: &Record) -> Shape {
        let moves_bytes = matches!(record.call, Call::Read | Call::Write);
        Shape {
            call: record.call,
            number: record.number,
            descriptor: record.descriptor(),
            arguments: (!moves_bytes).then(|| record.arguments.clone()),
            outcome: match record.outcome {
                // How many bytes it moves is no difference, but the end of a stream is.
                CallOutcome::Returned(1..) if moves_bytes => CallOutcome::Returned(1),
                outcome => outcome,
            },
        }
    }
}

impl Repeats {
    /// Whether what was counted, if anything, goes on with this call. If not, the count has to be written first.
    pub fn continue_with(&self, record: &Record) -> bool {
        self.counted == 0 || self.round_with(&Shape::of(record)) == Some(self.round)
    }

    /// Whether a call is one more of the same, to be counted and not written.
    pub fn absorb(&mut self, record: &Record) -> bool {
        let shape = Shape::of(record);
        let round = self.round_with(&shape);
        if let Some(round) = round {
            self.round = round;
            self.counted += 1;
        }
        self.recent.push_back(shape);
        if self.recent.len() > ROUNDS * LONGEST {
            self.recent.pop_front();
        }
        round.is_some()
    }

    /// The length of the round which has been made often enough, and which this call continues.
    fn round_with(&self, shape: &Shape) -> Option<usize> {
        let length = self.recent.len();
        (1..=LONGEST).find(|&round| {
            length >= ROUNDS * round
                && self.recent[length - round] == *shape
                && (length - (ROUNDS - 1) * round..length)
                    .all(|place| self.recent[place] == self.recent[place - round])
        })
    }

    /// What was counted since it was last asked; to be written before anything else.
    pub fn counted(&mut self) -> Option<Repeated> {
        let calls = std::mem::take(&mut self.counted);
        (calls > 0).then_some(Repeated {
            calls,
            round: self.round,
        })
    }

    /// Something else has happened: what comes now is written again.
    pub fn forget(&mut self) {
        self.recent.clear();
    }
}
