//! What is written down of a call, and how much of it is kept.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    net::SocketAddr,
};

use serde::{Deserialize, Serialize};

use super::inject::Fault;
use crate::observe::calls::Call;

/// One call of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its place among all calls of the program's processes, from 0, in the order in which they were entered.
    pub sequence: u64,
    /// When it was entered, in microseconds since the start of the program.
    pub entered_us: u64,
    /// When it returned, if it has.
    pub returned_us: Option<u64>,
    /// The process, as the observer sees its number.
    pub pid: i32,
    /// The process, as it sees its own number.
    pub own_pid: i32,
    /// The thread, as the observer sees its number.
    pub tid: i32,
    /// What kind of call it is.
    pub call: Call,
    /// Its name in the manual.
    pub name: Cow<'static, str>,
    /// The arguments as a reader of the manual writes them; `…` for what the call has still to fill.
    pub arguments: Vec<String>,
    /// The arguments as numbers.
    pub numbers: [u64; 6],
    /// The descriptor it works on.
    pub descriptor: Option<i32>,
    /// What it sends, or has received.
    pub data: Option<Data>,
    /// The address it names, or has learnt.
    pub address: Option<Address>,
    /// What came of it.
    pub outcome: Outcome,
    /// The fault which the lab injected into it.
    pub injected: Option<Fault>,
    /// Whether the lab refused it, because it would hide the program from the lab.
    pub refused: bool,
}

/// The bytes of a call: the beginning, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// The first 32 bytes.
    pub start: Vec<u8>,
    /// The number of bytes that the program wants to send, or has received.
    pub length: u64,
}

/// An address of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Address {
    /// IPv4 or IPv6.
    Internet(SocketAddr),
    /// A path, or a name which begins with `@` in the abstract namespace (unix(7)); empty for a socket without one.
    Local(String),
    /// Another family.
    Family(u16),
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It has not returned.
    InProgress,
    /// It returned this.
    Returned(i64),
    /// It failed with this errno.
    Failed(i32),
    /// It never returns: the thread ended in it, or left it for a handler and did not come back.
    Lost,
}

impl Outcome {
    /// From what the kernel returns.
    pub(super) fn of(result: i64) -> Outcome {
        match result {
            -4095..=-1 => Outcome::Failed(-result as i32),
            _ => Outcome::Returned(result),
        }
    }
}

impl Record {
    /// The call without what came of it: `read(4, "hello\n", 4096)`.
    pub fn call_text(&self) -> String {
        // What comes with some commands is nothing.
        let arguments: Vec<&str> = self
            .arguments
            .iter()
            .map(String::as_str)
            .filter(|argument| !argument.is_empty())
            .collect();
        format!("{}({})", self.name, arguments.join(", "))
    }

    /// Whether it has not returned.
    pub fn is_in_progress(&self) -> bool {
        self.outcome == Outcome::InProgress
    }
}

/// As strace(1) writes it: `read(4, "hello\n", 4096) = 6`.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.call_text())?;
        match self.outcome {
            Outcome::InProgress => Ok(()),
            Outcome::Returned(result) => write!(f, " = {result}"),
            Outcome::Failed(errno) => write!(f, " = -1 {}", super::names::errno(errno)),
            Outcome::Lost => f.write_str(" = ?"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Internet(address) => address.fmt(f),
            Address::Local(path) => write!(f, "{path:?}"),
            Address::Family(family) => write!(f, "family {family}"),
        }
    }
}

/// How many records are kept. A program which calls in a hot loop leaves the last ones.
const MOST: usize = 4096;

/// The last calls of a program, and how many there were.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// In the order of their sequence, without gaps.
    recent: VecDeque<Record>,
    /// Those that are older and still in progress.
    old: BTreeMap<u64, Record>,
    counts: HashMap<Call, u64>,
}

impl Log {
    /// The sequence number of the next record.
    fn next(&self) -> u64 {
        self.recent.back().map_or(0, |last| last.sequence + 1)
    }

    /// Adds a record, and gives it its number.
    pub fn add(&mut self, mut record: Record) -> u64 {
        let sequence = self.next();
        record.sequence = sequence;
        *self.counts.entry(record.call).or_default() += 1;
        self.recent.push_back(record);
        if self.recent.len() > MOST
            && let Some(first) = self.recent.pop_front()
            && first.is_in_progress()
        {
            self.old.insert(first.sequence, first);
        }
        sequence
    }

    /// A record, to go on with it. `None` if it has returned long ago.
    pub fn open(&mut self, sequence: u64) -> Option<&mut Record> {
        let first = self.recent.front()?.sequence;
        match sequence.checked_sub(first) {
            Some(place) => self.recent.get_mut(place as usize),
            None => self.old.get_mut(&sequence),
        }
    }

    /// What came of a call.
    pub fn close(&mut self, sequence: u64, outcome: Outcome, returned_us: u64) {
        if let Some(record) = self.open(sequence) {
            record.outcome = outcome;
            record.returned_us = Some(returned_us);
        }
        self.old.remove(&sequence);
    }

    /// Those which have not returned, in order.
    pub fn in_progress(&self) -> Vec<Record> {
        let all = self.old.values().chain(&self.recent);
        all.filter(|record| record.is_in_progress())
            .cloned()
            .collect()
    }

    /// All that is kept, in order.
    pub fn all(&self) -> Vec<Record> {
        self.old.values().chain(&self.recent).cloned().collect()
    }

    pub fn count(&self, call: Call) -> u64 {
        self.counts.get(&call).copied().unwrap_or(0)
    }

    pub fn total(&self) -> u64 {
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            sequence: 0,
            entered_us: 0,
            returned_us: None,
            pid: 1,
            own_pid: 1,
            tid: 1,
            call: Call::Accept,
            name: "accept4".into(),
            arguments: ["3", "NULL", "NULL", "SOCK_CLOEXEC"]
                .map(str::to_owned)
                .into(),
            numbers: [0; 6],
            descriptor: Some(3),
            data: None,
            address: None,
            outcome: Outcome::InProgress,
            injected: None,
            refused: false,
        }
    }

    #[test]
    fn reads_as_in_the_manual() {
        let mut record = record();
        assert_eq!(record.to_string(), "accept4(3, NULL, NULL, SOCK_CLOEXEC)");
        record.outcome = Outcome::of(4);
        assert!(record.to_string().ends_with(") = 4"));
        record.outcome = Outcome::of(i64::from(-libc::EMFILE));
        assert!(record.to_string().ends_with(") = -1 EMFILE"));
    }

    #[test]
    fn keeps_the_last_calls_and_those_in_progress() {
        let mut log = Log::default();
        let waiting = log.add(record());
        for _ in 0..2 * MOST {
            let number = log.add(record());
            log.close(number, Outcome::Returned(0), 1);
        }
        let kept = log.all();
        assert_eq!((kept.len(), log.total()), (MOST + 1, 2 * MOST as u64 + 1));
        assert_eq!(
            (kept[0].sequence, kept[0].is_in_progress()),
            (waiting, true)
        );
        log.close(waiting, Outcome::Returned(4), 2);
        assert_eq!(log.all().len(), MOST);
        assert_eq!(log.count(Call::Accept), log.total());
    }
}
