//! The system calls of the program: what a test expects of them, and what a report shows of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    super::evidence::FailedChild,
    Program,
    noise::{Shown, without_noise},
};
use crate::{
    failure::{Checked, Diagnosis},
    observe::{
        calls::Call,
        source::{SourceLine, SourceLines},
        tracer::{CallOutcome, Record, Tracer, before_main},
    },
};

/// One call, for a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallLine {
    /// The PID of the process which made it, in its own pid namespace.
    pub pid: i32,
    /// Which of its threads, from 1, in the order in which they were made; none where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<usize>,
    /// Whether that is the program itself, and not one of its children.
    pub is_main: bool,
    /// What kind of call it is.
    pub call: Call,
    /// The descriptor it works on, if its first argument is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptor: Option<i32>,
    /// `read(4, "hello\n", 4096) = 6`
    pub text: String,
    /// What came of it, with which the text ends.
    pub outcome: CallOutcome,
    /// What the lab did to it, if it did something.
    pub injected: Option<String>,
    /// Why the reader should look at it, if there is a reason.
    pub mark: Option<Mark>,
    /// Where in its author's source it was made, if that is known.
    #[serde(default)]
    pub source: Option<SourceLine>,
}

/// Why a call stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// It has not returned.
    Waits,
    /// It is what the failure is about.
    Guilty,
}

impl CallLine {
    /// The call itself, and what came of it: `read(4, "hello\n", 4096)` and ` = 6`.
    pub fn parts(&self) -> (&str, &str) {
        let result = self.outcome.to_string().len();
        let end = self.text.len().saturating_sub(result);
        self.text.split_at_checked(end).unwrap_or((&self.text, ""))
    }
}

/// How many calls a report shows, besides those that have not returned.
const SHOWN: usize = 12;

/// What a report shows of the calls of a program.
#[derive(Debug, Default)]
pub(in crate::lab) struct LastCalls {
    /// The last ones, and all that have not returned.
    pub calls: Vec<CallLine>,
    /// From where in its author's source it has panicked, if it has.
    pub panicked_at: Option<SourceLine>,
    /// Its children that have ended with another exit status than 0.
    pub failed_children: Vec<FailedChild>,
    /// The last of its calls that has made each close of a connection a reset.
    pub abortive: Option<String>,
}

/// The last calls of a program, and all that have not returned; without those that it has made before its `main`, and
/// without those of other programs, which have taken the place of its children by exec.
pub(in crate::lab) fn last_calls(tracer: &Tracer, main: i32, guilty: Option<u64>) -> LastCalls {
    let mut records = tracer.records();
    records.drain(..before_main(&records));
    leave_out_other_programs(&mut records, main);
    let source = match tracer.program() {
        Some(program) if !records.is_empty() => SourceLines::read(&program),
        _ => SourceLines::default(),
    };
    let panic = records.iter().rev().find(|record| tells_of_panic(record));
    let panicked_at = panic.and_then(|record| source.innermost(&record.frames));
    let threads = Threads::of(&records);
    let failed_children = failed_children(&records, main);
    let abortive = records.iter().rfind(|record| record.makes_close_a_reset());
    let abortive = abortive.map(Record::to_string);
    let mut calls = without_noise(records, guilty);
    let recent = calls.len().saturating_sub(SHOWN);
    let mut place = 0;
    calls.retain(|Shown { record, .. }| {
        place += 1;
        place > recent || record.is_in_progress() || guilty == Some(record.sequence)
    });
    let line = |shown: &Shown| {
        let record = &shown.record;
        CallLine {
            pid: record.own_pid,
            thread: threads.number(record),
            is_main: record.pid == main,
            call: record.call,
            descriptor: record.descriptor(),
            text: shown.text(),
            outcome: record.outcome,
            injected: match record.refused {
                true => Some("refused by the lab".to_owned()),
                false => record.injected.map(|fault| fault.to_string()),
            },
            mark: match guilty == Some(record.sequence) {
                true => Some(Mark::Guilty),
                false => record.is_in_progress().then_some(Mark::Waits),
            },
            source: source.innermost(&record.frames),
        }
    };
    LastCalls {
        calls: calls.iter().map(line).collect(),
        panicked_at,
        failed_children,
        abortive,
    }
}

/// The children that have called exit_group(2) with another status than 0; the last call of a thread is no such end.
fn failed_children(records: &[Record], main: i32) -> Vec<FailedChild> {
    let ended = |record: &&Record| record.pid != main && record.number == libc::SYS_exit_group;
    let child = |record: &Record| FailedChild {
        pid: record.own_pid,
        status: (record.numbers[0] & 0xff) as i32,
    };
    let children = records.iter().filter(ended).map(child);
    children.filter(|child| child.status != 0).collect()
}

/// Whether it prints what Rust's standard library says when a thread panics. Then all that the thread was doing is still
/// below it on the stack, also where the panic itself is in a library.
fn tells_of_panic(record: &Record) -> bool {
    const BEGINNING: &[u8] = b"\nthread '";
    record.call == Call::Write
        && record.descriptor() == Some(libc::STDERR_FILENO)
        && (record.data()).is_some_and(|data| data.start.starts_with(BEGINNING))
}

/// The threads of processes that have several, by the order in which they were made.
struct Threads(BTreeMap<i32, BTreeSet<i32>>);

impl Threads {
    fn of(records: &[Record]) -> Threads {
        let mut threads = BTreeMap::new();
        for record in records {
            let of_it = threads.entry(record.pid).or_insert_with(BTreeSet::new);
            // The first one has the number of its process, whether it has called anything or not.
            of_it.extend([record.pid, record.tid]);
        }
        Threads(threads)
    }

    /// The number of the thread that made a call, from 1; none where it is the only one.
    fn number(&self, record: &Record) -> Option<usize> {
        let threads = self
            .0
            .get(&record.pid)
            .filter(|threads| threads.len() > 1)?;
        let place = threads.iter().position(|&tid| tid == record.tid);
        place.map(|place| place + 1)
    }
}

/// Drops what was called in children after their exec, and in the children of these. The exec itself stays.
fn leave_out_other_programs(records: &mut Vec<Record>, main: i32) {
    // By the number by which a fork calls a child.
    let mut others = BTreeSet::new();
    records.retain(|record| {
        let is_other = others.contains(&record.own_pid);
        match (record.call, record.outcome) {
            (Call::Fork, CallOutcome::Returned(child)) if is_other => {
                others.insert(child as i32);
            }
            (Call::Exec, CallOutcome::Returned(_)) if record.pid != main => {
                others.insert(record.own_pid);
            }
            _ => (),
        }
        !is_other
    });
}

/// The system calls of the program: see [`Program::calls`].
#[derive(Debug)]
pub struct Calls<'a> {
    pub(super) program: &'a Program,
}

impl Calls<'_> {
    /// All calls that it has made, with its children's: the last 4096.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`](crate::failure::Stop::NotChecked) where it is not traced, as in all words about calls.
    pub fn records(&self) -> Checked<Vec<Record>> {
        Ok(self.program.tracer()?.records())
    }

    /// Sees that it has made no call of this kind which fits, so far.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::CallForbidden`] when it has.
    pub fn expect_none(&self, what: &str, call: Call, fits: impl Fn(&Record) -> bool) -> Checked {
        self.program
            .context
            .note(format!("see that it never calls {what}"));
        let mut records = self.records()?.into_iter();
        match records.find(|record| record.call == call && fits(record)) {
            None => Ok(()),
            Some(record) => {
                let symptom = format!("your program calls {record}");
                self.program.context.fail_at_call(
                    record.sequence,
                    Diagnosis::CallForbidden,
                    symptom,
                )
            }
        }
    }

    /// The [`Record::sequence`] of the call that it has made last, with its children's; 0 before the first.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`](crate::failure::Stop::NotChecked) where it is not traced.
    pub fn latest(&self) -> Checked<u64> {
        let records = self.records()?;
        Ok(records.last().map_or(0, |record| record.sequence))
    }

    /// Sees that it has made no call since this one, by its [`Record::sequence`], in which it could sleep for a time,
    /// however short that is: it is seen, and need not be met.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::TimeLimited`] when it has.
    pub fn expect_no_time_limit_since(&self, sequence: u64) -> Checked {
        self.program
            .context
            .note("see that it has slept in no call with a time limit");
        let mut records = self.records()?.into_iter();
        let limited =
            records.find(|record| record.sequence > sequence && record.sleeps_for_a_time());
        match limited {
            None => Ok(()),
            Some(record) => self.program.context.fail_at_call(
                record.sequence,
                Diagnosis::TimeLimited,
                format!(
                    "your program calls {record}, which has a time limit, and it was given none"
                ),
            ),
        }
    }
}
