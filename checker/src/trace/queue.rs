//! The events of the tracing thread, until they are written. The program never waits for a slow terminal: events for which
//! there is no room are counted and dropped.

use std::{
    collections::VecDeque,
    os::fd::{AsFd, BorrowedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::connections::{Connections, StateChange};
use crate::{
    failure::{Attempt, LabError},
    observe::tracer::{Record, TraceEvent, TraceListener},
};

/// How many events are kept at most; a few megabytes.
const MOST: usize = 8192;
/// How many are written before signals and sockets are looked at again.
const AT_ONCE: usize = 512;

/// One entry of a trace.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When it was, in microseconds since the start of the program.
    pub at_us: u64,
    /// What it is about.
    pub kind: EntryKind,
}

/// What an entry is about.
#[derive(Clone, Debug)]
pub enum EntryKind {
    /// What a process does.
    Program(TraceEvent),
    /// A call that has not returned for a while.
    Waits(Box<Record>),
    /// The state of a TCP socket.
    State(StateChange),
    /// So many events were not kept, because they came faster than they could be written.
    Missed(u64),
    /// The states of sockets cannot be seen any more.
    Blind(LabError),
}

/// The entries that wait to be written.
#[derive(Debug)]
pub(super) struct EventQueue {
    inner: Mutex<Inner>,
    /// Readable when there are entries.
    ready: EventFd,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Entry>,
    missed: u64,
    connections: Connections,
    /// Whether sock_diag has refused to answer.
    is_blind: bool,
}

/// The end of the queue in the tracing thread.
#[derive(Debug)]
pub(super) struct QueueListener(pub Arc<EventQueue>);

impl EventQueue {
    pub fn new() -> Result<Arc<EventQueue>, LabError> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let ready = EventFd::from_flags(flags).attempt("could not make an eventfd")?;
        Ok(Arc::new(EventQueue {
            inner: Mutex::default(),
            ready,
        }))
    }

    /// Takes the next entries that wait to be written; none if there are none.
    pub fn take(&self) -> Vec<Entry> {
        let mut inner = self.inner();
        let count = inner.queue.len().min(AT_ONCE);
        let mut taken: Vec<Entry> = inner.queue.drain(..count).collect();
        if inner.queue.is_empty() {
            if let (1.., Some(last)) = (inner.missed, taken.last()) {
                let kind = EntryKind::Missed(std::mem::take(&mut inner.missed));
                let at_us = last.at_us;
                taken.push(Entry { at_us, kind });
            }
            // It fails if there was nothing, and then it is as it should be.
            let _ = self.ready.read();
        }
        taken
    }

    /// Looks what has become of the sockets without a call.
    pub fn refresh_sockets(&self, at_us: u64) {
        let mut inner = self.inner();
        if !inner.is_blind {
            let seen = inner.connections.refresh_all();
            self.show(&mut inner, at_us, seen);
        }
    }

    /// Whether a connection is about to have another state.
    pub fn is_moving(&self) -> bool {
        let inner = self.inner();
        !inner.is_blind && inner.connections.is_moving()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, inner: &mut Inner, at_us: u64, seen: Result<Vec<StateChange>, LabError>) {
        match seen {
            Ok(changes) => {
                for change in changes {
                    self.push(inner, at_us, EntryKind::State(change));
                }
            }
            Err(error) => {
                inner.is_blind = true;
                self.push(inner, at_us, EntryKind::Blind(error));
            }
        }
    }

    fn push(&self, inner: &mut Inner, at_us: u64, kind: EntryKind) {
        if inner.queue.len() >= MOST {
            inner.missed += 1;
            return;
        }
        if inner.missed > 0 {
            let missed = EntryKind::Missed(std::mem::take(&mut inner.missed));
            inner.queue.push_back(Entry {
                at_us,
                kind: missed,
            });
        }
        inner.queue.push_back(Entry { at_us, kind });
        if inner.queue.len() == 1 {
            // It fails only if it is readable already.
            let _ = self.ready.write(1);
        }
    }
}

/// Readable when there are entries, to be polled.
impl AsFd for EventQueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }
}

impl TraceListener for QueueListener {
    fn on_entry(&mut self, record: &Record) {
        self.0.inner().connections.before_call(record);
    }

    fn on_event(&mut self, at_us: u64, event: TraceEvent) {
        let queue = &*self.0;
        let mut inner = queue.inner();
        let seen = match &event {
            TraceEvent::Returned(record) if !inner.is_blind => inner.connections.after_call(record),
            TraceEvent::Ended { pid, tid, .. } if pid == tid => {
                inner.connections.process_ended(*pid);
                Ok(Vec::new())
            }
            _ => Ok(Vec::new()),
        };
        queue.push(&mut inner, at_us, EntryKind::Program(event));
        queue.show(&mut inner, at_us, seen);
    }
}
