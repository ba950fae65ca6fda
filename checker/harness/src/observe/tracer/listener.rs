//! Whoever wants to know at once what a program does.

use std::sync::Arc;

use super::{
    Shared,
    record::{Outcome, Record},
};

/// What a traced program does, at the moment when it does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
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

/// Hears of each call on the tracing thread, while the thread that makes it stands still: what it sees of the kernel
/// then is what the call has left. All of the program waits meanwhile, so it must be quick and never wait.
pub trait Listener: Send {
    /// A call is about to be made. The record has no number yet.
    fn entered(&mut self, record: &Record);

    /// Something has happened, so many microseconds after the start of the program.
    fn hear(&mut self, at_us: u64, event: Event);
}

/// Writes down what becomes of calls, and tells it to whoever listens.
pub(super) struct Diary {
    shared: Arc<Shared>,
    listener: Option<Box<dyn Listener>>,
}

impl Diary {
    pub fn new(shared: Arc<Shared>, listener: Option<Box<dyn Listener>>) -> Diary {
        Diary { shared, listener }
    }

    pub fn enter(&mut self, record: &Record) {
        if let Some(listener) = &mut self.listener {
            listener.entered(record);
        }
    }

    pub fn tell(&mut self, event: Event) {
        if let Some(listener) = &mut self.listener {
            listener.hear(self.shared.now_us(), event);
        }
    }

    /// What came of a call, if it is still in progress.
    pub fn close(&mut self, sequence: u64, outcome: Outcome) {
        let now = self.shared.now_us();
        let mut story = self.shared.story();
        let heard = match (&self.listener, story.log.open(sequence)) {
            (Some(_), Some(record)) if record.is_in_progress() => Some(record.clone()),
            _ => None,
        };
        story.log.close(sequence, outcome, now);
        // The lab may ask meanwhile.
        drop(story);
        if let Some(record) = heard {
            self.tell(Event::Returned(Box::new(Record {
                outcome,
                returned_us: Some(now),
                ..record
            })));
        }
    }
}
