//! What the tracing thread hears, on its way to whoever tells it. The program never waits for a slow terminal: what finds
//! no room is counted.

use std::{
    collections::VecDeque,
    os::fd::{AsFd, BorrowedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::connections::{Change, Connections};
use crate::{
    failure::{Attempt, LabError},
    observe::tracer::{self, Listener, Record},
};

/// How many events wait to be told at most; a few megabytes.
const MOST: usize = 8192;
/// How many are told before signals and sockets are looked after again.
const AT_ONCE: usize = 512;

/// One thing to tell.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it was, in microseconds since the start of the program.
    pub at_us: u64,
    /// What it is.
    pub what: What,
}

/// What there is to tell.
#[derive(Clone, Debug)]
pub enum What {
    /// What a process does.
    Act(tracer::Event),
    /// A call that has not returned for a while.
    Waits(Box<Record>),
    /// The state of a TCP socket.
    State(Change),
    /// So many events were not kept, because they came faster than they could be told.
    Missed(u64),
    /// The states of sockets cannot be seen any more.
    Blind(LabError),
}

/// The events that wait to be told.
#[derive(Debug)]
pub(super) struct Feed {
    inner: Mutex<Inner>,
    /// Readable when there is something to tell.
    ready: EventFd,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Event>,
    missed: u64,
    connections: Connections,
    /// Whether sock_diag has refused to answer.
    is_blind: bool,
}

/// The end of the feed in the tracing thread.
#[derive(Debug)]
pub(super) struct Ear(pub Arc<Feed>);

impl Feed {
    pub fn new() -> Result<Arc<Feed>, LabError> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let ready = EventFd::from_flags(flags).attempt("could not make an eventfd")?;
        Ok(Arc::new(Feed {
            inner: Mutex::default(),
            ready,
        }))
    }

    /// Takes the next events that wait to be told; none if there are none.
    pub fn take(&self) -> Vec<Event> {
        let mut inner = self.inner();
        let count = inner.queue.len().min(AT_ONCE);
        let mut taken: Vec<Event> = inner.queue.drain(..count).collect();
        if inner.queue.is_empty() {
            if let (1.., Some(last)) = (inner.missed, taken.last()) {
                let what = What::Missed(std::mem::take(&mut inner.missed));
                let at_us = last.at_us;
                taken.push(Event { at_us, what });
            }
            // It fails if there was nothing, and then it is as it should be.
            let _ = self.ready.read();
        }
        taken
    }

    /// Looks what has become of the sockets without a call.
    pub fn look(&self, at_us: u64) {
        let mut inner = self.inner();
        if !inner.is_blind {
            let seen = inner.connections.meanwhile();
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

    fn show(&self, inner: &mut Inner, at_us: u64, seen: Result<Vec<Change>, LabError>) {
        match seen {
            Ok(changes) => {
                for change in changes {
                    self.push(inner, at_us, What::State(change));
                }
            }
            Err(error) => {
                inner.is_blind = true;
                self.push(inner, at_us, What::Blind(error));
            }
        }
    }

    fn push(&self, inner: &mut Inner, at_us: u64, what: What) {
        if inner.queue.len() >= MOST {
            inner.missed += 1;
            return;
        }
        if inner.missed > 0 {
            let missed = What::Missed(std::mem::take(&mut inner.missed));
            inner.queue.push_back(Event {
                at_us,
                what: missed,
            });
        }
        inner.queue.push_back(Event { at_us, what });
        if inner.queue.len() == 1 {
            // It fails only if it is readable already.
            let _ = self.ready.write(1);
        }
    }
}

/// Readable when there is something to tell, to be polled.
impl AsFd for Feed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }
}

impl Listener for Ear {
    fn entered(&mut self, record: &Record) {
        self.0.inner().connections.before(record);
    }

    fn hear(&mut self, at_us: u64, event: tracer::Event) {
        let feed = &*self.0;
        let mut inner = feed.inner();
        let seen = match &event {
            tracer::Event::Returned(record) if !inner.is_blind => inner.connections.after(record),
            tracer::Event::Ended { pid, tid, .. } if pid == tid => {
                inner.connections.gone(*pid);
                Ok(Vec::new())
            }
            _ => Ok(Vec::new()),
        };
        feed.push(&mut inner, at_us, What::Act(event));
        feed.show(&mut inner, at_us, seen);
    }
}
