//! Calls that repeat themselves are told once or twice, and then counted.

use std::collections::VecDeque;

use crate::observe::{
    calls::Call,
    tracer::{Argument, Outcome, Record},
};

/// How many calls a round has at most: poll, read, poll, write.
const LONGEST: usize = 4;
/// How many rounds are told before the next are counted.
const ROUNDS: usize = 3;

/// What makes a call like another one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shape {
    call: Call,
    number: i64,
    descriptor: Option<i32>,
    /// None for those that move bytes, which differ from call to call.
    arguments: Option<Vec<Argument>>,
    outcome: Outcome,
}

/// The last calls of one thread.
#[derive(Debug, Default)]
pub(super) struct Fold {
    recent: VecDeque<Shape>,
    round: usize,
    counted: u64,
}

/// Calls that were counted and not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Folded {
    /// How many.
    pub calls: u64,
    /// How many of the told ones they repeat.
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
                Outcome::Returned(1..) if moves_bytes => Outcome::Returned(1),
                outcome => outcome,
            },
        }
    }
}

impl Fold {
    /// Whether what was counted, if anything, goes on with this call. If not, it is to be told first.
    pub fn goes_on_with(&self, record: &Record) -> bool {
        self.counted == 0 || self.round_with(&Shape::of(record)) == Some(self.round)
    }

    /// Whether a call is one more of the same, to be counted and not told.
    pub fn takes(&mut self, record: &Record) -> bool {
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

    /// What was counted since it was last asked; to be told before anything else.
    pub fn counted(&mut self) -> Option<Folded> {
        let calls = std::mem::take(&mut self.counted);
        (calls > 0).then_some(Folded {
            calls,
            round: self.round,
        })
    }

    /// Something else has happened: what comes now is told again.
    pub fn forget(&mut self) {
        self.recent.clear();
    }
}
