//! What is written down of a call, and how much of it is kept.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    sync::Arc,
};

use nix::{errno::Errno, fcntl::OFlag};

use serde::{Deserialize, Serialize};

use super::{
    argument::{Address, Argument, Data, OptionValue},
    frames::Frame,
    inject::Fault,
    names::{self, FlagSet},
};
use crate::observe::calls::{Call, Endless, Parameter, Row};

/// One call of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Its number.
    pub number: i64,
    /// Its row of the table; none for a call for another kind of machine.
    pub(in crate::observe) row: Option<&'static Row>,
    /// What its arguments say.
    pub arguments: Vec<Argument>,
    /// The arguments as numbers.
    pub numbers: [u64; 6],
    /// What came of it.
    pub outcome: CallOutcome,
    /// The fault which the lab injected into it.
    pub injected: Option<Fault>,
    /// Whether the lab refused it, because it would hide the program from the lab.
    pub refused: bool,
    /// From where in the program it was made, the innermost place first: see [`source`](crate::observe::source).
    pub frames: Arc<[Frame]>,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallOutcome {
    /// It has not returned.
    InProgress,
    /// It returned this.
    Returned(i64),
    /// It failed with this errno.
    Failed(i32),
    /// It never returns: the thread ended in it, or left it for a handler and did not come back.
    Lost,
}

impl CallOutcome {
    /// The error of a call that has failed.
    pub fn errno(self) -> Option<Errno> {
        match self {
            CallOutcome::Failed(errno) => Some(Errno::from_raw(errno)),
            _ => None,
        }
    }

    /// From what the kernel returns.
    pub(super) fn of(result: i64) -> CallOutcome {
        match result {
            -4095..=-1 => CallOutcome::Failed(-result as i32),
            _ => CallOutcome::Returned(result),
        }
    }
}

impl Record {
    /// Its name in the manual.
    pub fn name(&self) -> Cow<'static, str> {
        match self.row {
            Some(row) => row.name.into(),
            None => format!("foreign call {}", self.number as u32).into(),
        }
    }

    /// The descriptor it works on.
    pub fn descriptor(&self) -> Option<i32> {
        match self.arguments.first() {
            Some(Argument::Fd(number)) => Some(*number),
            _ => None,
        }
    }

    /// What it sends, or has received.
    pub fn data(&self) -> Option<&Data> {
        self.arguments.iter().find_map(|argument| match argument {
            Argument::Bytes(data) | Argument::Message { data, .. } => Some(data),
            _ => None,
        })
    }

    /// The address it names, or has learnt.
    pub fn address(&self) -> Option<&Address> {
        self.arguments.iter().find_map(|argument| match argument {
            Argument::Address(address) => Some(address),
            Argument::Message { address, .. } => address.as_ref(),
            _ => None,
        })
    }

    /// With which flags it opens a file, if it does: those of creat(2) go without saying.
    pub fn open_flags(&self) -> Option<OFlag> {
        let given = self.arguments.iter().find_map(|argument| match argument {
            Argument::Flags { set, bits } if *set == FlagSet::Open => Some(bits.cast_signed()),
            _ => None,
        });
        let implied = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC;
        (self.call == Call::Open).then(|| OFlag::from_bits_retain(given.unwrap_or(implied)))
    }

    /// The error with which it has failed.
    pub fn errno(&self) -> Option<Errno> {
        self.outcome.errno()
    }

    /// Whether it has made each close of its socket a reset: SO_LINGER with a time of 0 (socket(7)).
    pub fn makes_close_a_reset(&self) -> bool {
        let is_linger = self.call == Call::SetOption
            && self.numbers[1] as i32 == libc::SOL_SOCKET
            && self.numbers[2] as i32 == libc::SO_LINGER;
        let has_no_time = |argument: &Argument| matches!(argument, Argument::OptionSet(OptionValue::Ints([on, 0])) if *on != 0);
        is_linger
            && self.outcome == CallOutcome::Returned(0)
            && self.arguments.iter().any(has_no_time)
    }

    /// Whether it is select(2) or a relative, which counts the time that is left down in the program's memory.
    pub fn is_select(&self) -> bool {
        self.row
            .is_some_and(|row| row.parameters.contains(&Parameter::DescriptorSet))
    }

    /// Whether it is poll(2) or a relative, and sets no limit to its sleep: a timer may be among what it watches.
    pub fn polls_without_time_limit(&self) -> bool {
        let is_endless = |row: &Row| row.endless.holds(|place| self.numbers[place]);
        self.call == Call::Poll && self.row.is_some_and(is_endless)
    }

    /// Whether it can sleep, and ends by itself after a time that it names: poll(2) with 100 milliseconds, or
    /// nanosleep(2), but not poll with 0.
    pub fn sleeps_for_a_time(&self) -> bool {
        let is_some_time =
            |argument: &Argument| matches!(argument, Argument::Time(time) if *time != [0, 0]);
        let Some(row) = self.row else {
            return false;
        };
        match (self.call, row.endless) {
            (Call::Sleep, _) => self.arguments.iter().any(is_some_time),
            (_, Endless::IfNull(place)) => self.arguments.get(place).is_some_and(is_some_time),
            (_, Endless::IfNegative(place)) => (self.numbers[place] as u32).cast_signed() > 0,
            (_, Endless::Always | Endless::Never) => false,
        }
    }

    /// The call without what came of it: `read(4, "hello\n", 4096)`.
    pub fn call_text(&self) -> String {
        // What comes with some commands is nothing.
        let arguments = self.arguments.iter();
        let arguments: Vec<String> = arguments
            .filter(|argument| **argument != Argument::Absent)
            .map(ToString::to_string)
            .collect();
        format!("{}({})", self.name(), arguments.join(", "))
    }

    /// Whether it has moved bytes, taken a client or a child, or made a connection. `None` for a call that does nothing
    /// of the kind. poll and its relatives move nothing: they only tell what can be moved. A call that a fault has
    /// interrupted counts as fruitful: the fault keeps the program awake, and a right program makes the call again, with
    /// whatever it does in between, however often.
    fn is_fruitful(&self) -> Option<bool> {
        if self.injected == Some(Fault::Errno(libc::EINTR)) {
            return Some(true);
        }
        let CallOutcome::Returned(result) = self.outcome else {
            let waits = matches!(
                self.call,
                Call::Read | Call::Write | Call::Accept | Call::Connect | Call::Poll | Call::Wait
            );
            return waits.then_some(false);
        };
        match self.call {
            // waitid returns 0 in any case.
            Call::Wait if self.number == libc::SYS_waitid => None,
            Call::Read | Call::Write | Call::Wait => Some(result > 0),
            Call::Accept | Call::Connect => Some(true),
            Call::Poll => Some(false),
            _ => None,
        }
    }

    /// Whether it has not returned.
    pub fn is_in_progress(&self) -> bool {
        self.outcome == CallOutcome::InProgress
    }
}

/// As strace(1) writes it: `read(4, "hello\n", 4096) = 6`.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.call_text(), self.outcome)
    }
}

/// As it stands behind the call: ` = 6`; nothing as long as there is nothing to say.
impl fmt::Display for CallOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallOutcome::InProgress => Ok(()),
            CallOutcome::Returned(result) => write!(f, " = {result}"),
            CallOutcome::Failed(errno) => write!(f, " = -1 {}", names::errno(*errno)),
            CallOutcome::Lost => f.write_str(" = ?"),
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
    /// How many calls in a row could have moved something, and have not.
    fruitless: u64,
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
    pub fn close(&mut self, sequence: u64, outcome: CallOutcome, returned_us: u64) {
        if let Some(record) = self.open(sequence) {
            record.outcome = outcome;
            record.returned_us = Some(returned_us);
            match record.is_fruitful() {
                Some(true) => self.fruitless = 0,
                Some(false) => self.fruitless += 1,
                None => (),
            }
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

    pub fn fruitless(&self) -> u64 {
        self.fruitless
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
            number: libc::SYS_accept4,
            row: Row::of(libc::SYS_accept4),
            arguments: vec![
                Argument::Fd(3),
                Argument::Null,
                Argument::Null,
                Argument::Flags {
                    set: FlagSet::Socket,
                    bits: libc::SOCK_CLOEXEC.cast_unsigned(),
                },
            ],
            numbers: [0; 6],
            outcome: CallOutcome::InProgress,
            injected: None,
            refused: false,
            frames: Arc::default(),
        }
    }

    #[test]
    fn reads_as_in_the_manual() {
        let mut record = record();
        assert_eq!(record.to_string(), "accept4(3, NULL, NULL, SOCK_CLOEXEC)");
        record.outcome = CallOutcome::of(4);
        assert!(record.to_string().ends_with(") = 4"));
        record.outcome = CallOutcome::of(i64::from(-libc::EMFILE));
        assert!(record.to_string().ends_with(") = -1 EMFILE"));
    }

    #[test]
    fn keeps_the_last_calls_and_those_in_progress() {
        let mut log = Log::default();
        let waiting = log.add(record());
        for _ in 0..2 * MOST {
            let number = log.add(record());
            log.close(number, CallOutcome::Returned(0), 1);
        }
        let kept = log.all();
        assert_eq!((kept.len(), log.total()), (MOST + 1, 2 * MOST as u64 + 1));
        assert_eq!(
            (kept[0].sequence, kept[0].is_in_progress()),
            (waiting, true)
        );
        log.close(waiting, CallOutcome::Returned(4), 2);
        assert_eq!(log.all().len(), MOST);
        assert_eq!(log.count(Call::Accept), log.total());
    }

    #[test]
    fn counts_calls_that_move_nothing_until_one_does() {
        let mut log = Log::default();
        let mut end = |call, number, result| {
            let record = Record {
                call,
                number,
                ..record()
            };
            let sequence = log.add(record);
            log.close(sequence, CallOutcome::of(result), 1);
            log.fruitless()
        };
        let again = i64::from(-libc::EAGAIN);
        assert_eq!(end(Call::Read, libc::SYS_read, 0), 1);
        assert_eq!(end(Call::Poll, libc::SYS_poll, 1), 2);
        assert_eq!(end(Call::Accept, libc::SYS_accept4, again), 3);
        assert_eq!(end(Call::Close, libc::SYS_close, 0), 3);
        assert_eq!(end(Call::Write, libc::SYS_write, 1), 0);
        assert_eq!(end(Call::Wait, libc::SYS_waitid, 0), 0);
        assert_eq!(end(Call::Wait, libc::SYS_wait4, 0), 1);
        assert_eq!(end(Call::Accept, libc::SYS_accept4, 4), 0);
        let mut fail = |errno| {
            let mut hit = record();
            hit.injected = Some(Fault::Errno(errno));
            let sequence = log.add(hit);
            log.close(sequence, CallOutcome::Failed(errno), 1);
            log.fruitless()
        };
        assert_eq!(fail(libc::EMFILE), 1);
        assert_eq!(fail(libc::EINTR), 0);
    }
}
