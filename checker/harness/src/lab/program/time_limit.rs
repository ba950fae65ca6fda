//! What would end the program's waiting by itself, in an hour or in a second: seen, and not waited for.

use super::Program;
use crate::{
    failure::{Checked, Diagnosis},
    observe::{
        calls::Call,
        descriptors::{self, Object},
        processes::{Process, Thread},
        tracer::{Argument, CallOutcome, Record},
    },
};

impl Program {
    /// Sees that nothing but another process ends the waiting of one of its processes, `None` if that has ended.
    pub(super) fn expect_no_time_limit(&self, process: Option<&Process>, who: &str) -> Checked {
        match process {
            None => Ok(()),
            Some(process) => self.expect_no_limit_of(process, &process.thread_list(), who),
        }
    }

    /// The same, as far as these threads of it show.
    pub(super) fn expect_no_limit_of(
        &self,
        process: &Process,
        threads: &[Thread],
        who: &str,
    ) -> Checked {
        let limit = match limited_sleep(threads) {
            None => self.alarm_of(process)?,
            limit => limit,
        };
        match limit {
            None => Ok(()),
            Some(limit) => {
                let symptom = format!("{who} {limit}, and it was given none");
                self.context.fail(Diagnosis::TimeLimited, symptom)
            }
        }
    }

    /// An alarm that a process has set, and that has not gone off. Nothing but the calls show it.
    fn alarm_of(&self, process: &Process) -> Checked<Option<String>> {
        // One that its story does not follow, although it could, shows its other limits.
        let is_left_alone = self.context.follows_calls() && self.running.tracer.is_none();
        if !self.context.asks_for_calls() || is_left_alone {
            return Ok(None);
        }
        let records = self.tracer()?.records();
        let now = records.last().map_or(0, |record| record.entered_us);
        let mut settings = records.iter().rev().filter(|record| {
            let is_of_real_time = record.name() == "alarm" || record.numbers[0] == 0;
            let is_made = matches!(record.outcome, CallOutcome::Returned(_));
            record.call == Call::Alarm && record.pid == process.pid && is_of_real_time && is_made
        });
        let set = settings.next().filter(|record| is_armed(record, now));
        Ok(set.map(|record| format!("calls {record}: that is a time limit")))
    }
}

/// The limit of a call in which one of these threads waits. A thread that only naps does no harm where another one waits.
pub(super) fn limited_sleep(threads: &[Thread]) -> Option<String> {
    let waits = |thread: &Thread| {
        let call = thread.sleep.as_ref().and_then(|sleep| sleep.call);
        thread.state == 'S' && call.is_some_and(|call| !matches!(call, Call::Sleep | Call::Futex))
    };
    let judged: Vec<&Thread> = match threads.iter().any(waits) {
        true => threads.iter().filter(|thread| waits(thread)).collect(),
        false => threads.iter().collect(),
    };
    judged.into_iter().find_map(|thread| {
        let sleep = thread.sleep.as_ref()?;
        // The limits of others, such as those of a runtime, are not about what one thread waits for.
        if thread.naps() && threads.iter().any(|other| waits(other) && !other.naps()) {
            return None;
        }
        if thread.naps() {
            return Some(format!("waits in {sleep}, which has a time limit"));
        }
        let number = sleep.descriptor?;
        let Some(Object::Socket(_)) = descriptors::object(thread.tid, number) else {
            return None;
        };
        let limits = descriptors::time_limits(thread.tid, number)?;
        let is_limited = match sleep.call? {
            Call::Read | Call::Accept => limits.receive,
            Call::Write | Call::Connect => limits.send,
            _ => false,
        };
        is_limited
            .then(|| format!("waits in {sleep}, on a socket with a time limit (SO_RCVTIMEO, …)"))
    })
}

/// Whether a call of alarm or setitimer has set an alarm which is still to come. One that comes again and again ticks, and
/// is no limit.
fn is_armed(record: &Record, now: u64) -> bool {
    let micros = |[seconds, rest]: [i64; 2]| seconds.max(0) as u64 * 1_000_000 + rest.max(0) as u64;
    let (again, first) = match record.arguments.as_slice() {
        [Argument::Number(seconds)] => (0, micros([*seconds, 0])),
        [_, Argument::Timer([again, first]), ..] => (micros(*again), micros(*first)),
        _ => return false,
    };
    again == 0 && first > 0 && record.entered_us + first > now
}
