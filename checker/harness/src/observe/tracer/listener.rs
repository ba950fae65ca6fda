//! The listener that learns at once what a program does.

use std::sync::Arc;

use super::{
    Shared,
    record::{CallOutcome, Record},
};

/// What a traced program does, at the moment when it does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceEvent {
    /// A thread is there; it is a new process if its number is that of its process.
    Started {
        /// Its process.
        pid: i32,
        /// Its own number.
        tid: i32,
        /// The process that made it; for a thread, its own.
        parent: i32,
    },
    /// A call has returned, or never will.
    Returned(Box<Record>),
    /// A signal arrives.
    Signalled {
        /// The process.
        pid: i32,
        /// The thread.
        tid: i32,
        /// Its number.
        signal: i32,
    },
    /// A thread has ended.
    Ended {
        /// Its process.
        pid: i32,
        /// Its own number.
        tid: i32,
        /// How, as wait(2) tells it.
        status: i32,
    },
}

/// Gets each call on the tracing thread, while the thread that makes it stands still: what it sees of the kernel
/// then is what the call has left. All of the program waits meanwhile, so it must be quick and never wait.
pub trait TraceListener: Send {
    /// A call is about to be made. The record has no sequence number yet.
    fn on_entry(&mut self, record: &Record);

    /// Something has happened, so many microseconds after the start of the program.
    fn on_event(&mut self, at_us: u64, event: TraceEvent);
}

/// Records what becomes of calls, and reports it to the listener, if there is one.
pub(super) struct Recorder {
    shared: Arc<Shared>,
    listener: Option<Box<dyn TraceListener>>,
}

impl Recorder {
    pub fn new(shared: Arc<Shared>, listener: Option<Box<dyn TraceListener>>) -> Recorder {
        Recorder { shared, listener }
    }

    pub fn report_entry(&mut self, record: &Record) {
        if let Some(listener) = &mut self.listener {
            listener.on_entry(record);
        }
    }

    pub fn report(&mut self, event: TraceEvent) {
        if let Some(listener) = &mut self.listener {
            listener.on_event(self.shared.now_us(), event);
        }
    }

    /// What came of a call, if it is still in progress.
    pub fn close(&mut self, sequence: u64, outcome: CallOutcome) {
        let now = self.shared.now_us();
        let mut state = self.shared.state();
        let closed = match (&self.listener, state.log.open(sequence)) {
            (Some(_), Some(record)) if record.is_in_progress() => Some(record.clone()),
            _ => None,
        };
        state.log.close(sequence, outcome, now);
        // The lab may ask while the listener works.
        drop(state);
        if let Some(record) = closed {
            self.report(TraceEvent::Returned(Box::new(Record {
                outcome,
                returned_us: Some(now),
                ..record
            })));
        }
    }
}
