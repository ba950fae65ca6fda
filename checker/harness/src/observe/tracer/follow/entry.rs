//! What the tracer does when a thread is about to make a call: it records the call, and may refuse or change it.

use std::time::{Duration, Instant};

use super::{Follower, PendingCall};
use crate::observe::{
    calls::{Call, Endless, Row},
    tracer::{
        bounds::{Bounds, Tree},
        decode,
        inject::{self, Fault},
        memory::Memory,
        patch::{EntryPatch, is_harmless, refusal},
        record::{CallOutcome, Record},
        registers::{Entry, Position, Registers, position},
    },
};

impl Follower {
    /// A thread is about to make a call.
    pub(super) fn on_entry(&mut self, tid: i32) {
        if let Ok(Position::Entry(entry)) = position(tid) {
            let pending = match self.resume_restarted(tid, &entry) {
                Some(pending) => Some(pending),
                None => self.begin_call(tid, entry),
            };
            if let Some(thread) = self.threads.get_mut(&tid) {
                thread.call = pending;
                thread.was_stopped = false;
            }
        }
        self.resume(tid, 0);
    }

    /// Goes on with the record of a call that a signal had interrupted, and that is now made again: it is the same call.
    fn resume_restarted(&mut self, tid: i32, entry: &Entry) -> Option<PendingCall> {
        let thread = self.threads.get_mut(&tid)?;
        while let Some(top) = thread.interrupted.last() {
            if top.goes_on_with(entry) {
                break;
            }
            if entry.stack < top.entry.stack {
                // A handler runs, further down on the stack.
                return None;
            }
            // It was left for good, by longjmp for example.
            self.recorder.close(top.sequence, top.outcome_if_left());
            thread.interrupted.pop();
        }
        let call = thread.interrupted.pop()?;
        // The memory to which its arguments point may have changed meanwhile.
        if self.out_of_bounds(tid, call.row.call, entry).is_some() {
            self.recorder.close(call.sequence, call.outcome_if_left());
            return None;
        }
        let mut pending = PendingCall {
            sequence: call.sequence,
            row: Some(call.row),
            entry: call.entry,
            entered: call.entered,
            patch: None,
            fault: call.fault,
        };
        match pending.row {
            Some(row) if row.call == Call::Fork => {
                pending.patch = EntryPatch::keep_traced(tid, entry);
            }
            _ if entry.number == call.entry.number => self.patch_again(tid, &mut pending),
            _ => (),
        }
        Some(pending)
    }

    /// Applies the patch of the first entry of a call again, and takes what has passed off its time limit.
    fn patch_again(&self, tid: i32, pending: &mut PendingCall) {
        let (Some(row), Ok(mut registers)) = (pending.row, Registers::read(tid)) else {
            return;
        };
        let mut is_changed = false;
        if let Some(Fault::Short(most)) = pending.fault {
            let memory = Memory { thread: tid };
            is_changed |= inject::shorten(&mut registers, row, &pending.entry, memory, most);
        }
        if let Endless::IfNegative(place) = row.endless {
            let limit = pending.entry.arguments[place] as i32;
            let limit = Duration::from_millis(u64::from(limit.max(0).cast_unsigned()));
            if !limit.is_zero() {
                let left = limit.saturating_sub(pending.entered.elapsed());
                registers.set_argument(place, left.as_micros().div_ceil(1000) as u64);
                is_changed = true;
            }
        }
        if is_changed && registers.write().is_ok() {
            pending.patch = Some(EntryPatch::Restore);
        }
    }

    /// Records a new call, and injects what is due. `None` for a call that is not recorded.
    fn begin_call(&mut self, tid: i32, entry: Entry) -> Option<PendingCall> {
        let row = Row::of(entry.number).filter(|_| entry.native);
        match row {
            None if entry.native => return None,
            Some(row) if is_harmless(row, &entry) => return None,
            _ => (),
        }
        let call = row.map_or(Call::OtherAbi, |row| row.call);
        if call == Call::Processor {
            self.release_cpus(entry.number);
            return None;
        }
        let refusal = refusal(call).or_else(|| self.out_of_bounds(tid, call, &entry));
        let process = self.processes.entry(self.threads.get(&tid)?.pid);
        // A program can jump to the instructions of the loader: what is refused, and new processes, are seen there, too.
        let is_of_the_program = refusal.is_some() || call == Call::Fork;
        if !is_of_the_program
            && process
                .or_default()
                .loader
                .contains(&entry.next_instruction)
        {
            return None;
        }
        let mut record = self.record_of(tid, call, row, &entry)?;
        let due = match (refusal, row) {
            (None, Some(row)) if self.program.is_some() => {
                let rules = &mut self.shared.state().rules;
                rules.fault_for(record.pid, tid, row, &entry)
            }
            _ => None,
        };
        let patch = match (refusal, due, row) {
            (Some(errno), ..) => EntryPatch::skip(tid, EntryPatch::Return(-i64::from(errno))),
            (None, Some((_, fault)), Some(row)) => EntryPatch::inject(tid, row, &entry, fault),
            (None, None, Some(row)) if row.call == Call::Fork => {
                EntryPatch::keep_traced(tid, &entry)
            }
            _ => None,
        };
        record.refused = refusal.is_some();
        record.injected = due.map(|(_, fault)| fault).filter(|_| patch.is_some());
        let fault = record.injected;
        self.recorder.report_entry(&record);
        let mut state = self.shared.state();
        match (due, fault) {
            (Some((id, _)), Some(_)) => state.rules.count(id),
            (Some((id, _)), None) => state.rules.take_back(id),
            (None, _) => (),
        }
        Some(PendingCall {
            sequence: state.log.add(record),
            row,
            entry,
            entered: Instant::now(),
            patch,
            fault,
        })
    }

    /// What a call is, and from where in the program it comes.
    fn record_of(
        &mut self,
        tid: i32,
        call: Call,
        row: Option<&'static Row>,
        entry: &Entry,
    ) -> Option<Record> {
        let thread = self.threads.get(&tid)?;
        let process = self.processes.entry(thread.pid).or_default();
        let frames = process.image.as_mut().map(|image| image.frames(tid));
        let mut record = Record {
            sequence: 0,
            entered_us: self.shared.now_us(),
            returned_us: None,
            pid: thread.pid,
            own_pid: thread.own_pid,
            tid,
            call,
            number: entry.number,
            row,
            arguments: Vec::new(),
            numbers: entry.arguments,
            outcome: CallOutcome::InProgress,
            injected: None,
            refused: false,
            frames: frames.unwrap_or_default(),
        };
        if let Some(row) = row {
            decode::at_entry(&mut record, row, Memory { thread: tid });
        }
        Some(record)
    }

    /// The errno of a call which leaves the program's bounds.
    fn out_of_bounds(&self, tid: i32, call: Call, entry: &Entry) -> Option<i32> {
        if self.program.is_none() || self.bounds == Bounds::default() {
            return None;
        }
        let pending = self
            .threads
            .values()
            .filter_map(|thread| thread.call.as_ref());
        let forks = pending.filter(|pending| pending.row.is_some_and(|row| row.call == Call::Fork));
        let members = self.threads.iter().map(|(&tid, thread)| (tid, thread.pid));
        let tree = Tree {
            members: members.collect(),
            to_come: forks.count(),
        };
        self.bounds
            .refusal(call, entry, Memory { thread: tid }, &tree)
    }

    /// The program asks for its processors, or chooses among them, perhaps those of another thread.
    fn release_cpus(&mut self, number: libc::c_long) {
        for (&tid, thread) in &mut self.threads {
            self.placement.release(tid);
            thread.turns.begin();
        }
        if number == libc::SYS_sched_setaffinity {
            self.placement.give_up();
        }
    }
}
