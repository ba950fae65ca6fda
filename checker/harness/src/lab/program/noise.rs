//! Calls that tell nothing, of which a report shows less.

use std::collections::HashMap;

use crate::observe::{
    calls::Call,
    tracer::{Argument, CallOutcome, Data, Record},
};

/// Calls as a report shows them: one, or several that stand in one line.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// The call; of several the one that would have done the same.
    pub record: Record,
    /// How many there were.
    pub count: usize,
}

impl Shown {
    /// `read(4, "hello\n", 4096) = 6`
    pub(super) fn text(&self) -> String {
        /// The report shows standard error besides; how it came there has to fit into a line.
        const LONGEST: usize = 20;
        if self.count == 1 {
            return self.record.to_string();
        }
        let mut record = self.record.clone();
        for argument in &mut record.arguments {
            if let Argument::Bytes(data) = argument {
                data.start.truncate(LONGEST);
            }
        }
        let call = record.call_text();
        format!("{call} in {} calls{}", self.count, record.outcome)
    }
}

/// Leaves out the looks at descriptors that are about to be closed, and joins the writes which make one line on standard
/// error: Rust's `eprintln!` makes one for each part of its format. The call that a report is about stays as it is.
pub(super) fn without_noise(records: Vec<Record>, guilty: Option<u64>) -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    // Of each thread: the place of its last call.
    let mut last: HashMap<i32, usize> = HashMap::new();
    for record in records {
        let before = last.get(&record.tid).copied();
        let is_guilty = guilty == Some(record.sequence);
        if let Some(before) = before.map(|place| &mut shown[place])
            && guilty != Some(before.record.sequence)
            && !is_guilty
        {
            if is_look(&before.record) && closes_the_same(&before.record, &record) {
                before.record = record;
                continue;
            }
            if let Some(joined) = joined(&before.record, &record) {
                before.record = joined;
                before.count += 1;
                continue;
            }
        }
        last.insert(record.tid, shown.len());
        shown.push(Shown { record, count: 1 });
    }
    shown
}

/// `fcntl(4, F_GETFD)`: the standard library asks so whether a descriptor is open before it closes it, if it is built for
/// debugging.
fn is_look(record: &Record) -> bool {
    record.name() == "fcntl"
        && record.numbers[1] == libc::F_GETFD as u64
        && record.injected.is_none()
        && matches!(record.outcome, CallOutcome::Returned(_))
}

fn closes_the_same(look: &Record, record: &Record) -> bool {
    record.name() == "close" && record.descriptor() == look.descriptor()
}

/// Two writes that follow each other as one, if both are parts of one line.
fn joined(first: &Record, second: &Record) -> Option<Record> {
    let (one, other) = (part_of_a_line(first)?, part_of_a_line(second)?);
    // What the record does not hold cannot be joined.
    if one.start.len() as u64 != one.length || one.start.ends_with(b"\n") {
        return None;
    }
    let data = Data {
        start: [&*one.start, &*other.start].concat(),
        length: one.length + other.length,
    };
    let length = data.length as i64;
    let mut whole = second.clone();
    whole.entered_us = first.entered_us;
    whole.outcome = CallOutcome::Returned(length);
    for argument in &mut whole.arguments {
        match argument {
            Argument::Bytes(bytes) => bytes.clone_from(&data),
            Argument::Number(number) => *number = length,
            _ => (),
        }
    }
    Some(whole)
}

/// What a write to standard error has written, if that was all that it was given.
fn part_of_a_line(record: &Record) -> Option<&Data> {
    let data = record.data()?;
    let is_part = record.call == Call::Write
        && record.name() == "write"
        && record.descriptor() == Some(libc::STDERR_FILENO)
        && record.injected.is_none()
        && record.outcome == CallOutcome::Returned(data.length as i64);
    is_part.then_some(data)
}
