//! Which CPU a thread and its tracer run on.
//!
//! The two take turns: at every call that is followed, one stops and the other goes on. On one CPU that is a
//! switch; on two, each turn wakes a CPU that sleeps, which costs seven times as much. So the tracer goes to where
//! a thread is, and holds it there. Now and then the thread may choose anew, or a busy CPU would keep what an idle
//! one could take.

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

use crate::observe::processes;

/// After how many stops a thread may choose its CPU again.
const STOPS_BETWEEN_CHOICES: u32 = 64;

/// Where the threads of one program may run.
pub(super) struct Placement {
    /// The CPUs which the program was given. `None` where they cannot be asked for, or when the program has made
    /// a choice of its own: then it runs where it likes.
    given: Option<CpuSet>,
}

/// How many stops of a thread there have been since it could choose.
#[derive(Debug, Default)]
pub(super) struct Turns(u32);

impl Turns {
    /// The thread has just been released: it is held where its next stop finds it.
    pub fn begin(&mut self) {
        self.0 = 0;
    }
}

impl Placement {
    /// To be asked for before this thread moves for the first time: the program inherits what the lab has.
    pub fn new() -> Placement {
        Placement {
            given: sched_getaffinity(Pid::from_raw(0)).ok(),
        }
    }

    /// At a stop of a thread. Where it is refused, all goes on as slowly as it was.
    pub fn take_turns(&self, tid: i32, turns: &mut Turns) {
        match turns.0 {
            0 => self.hold(tid),
            STOPS_BETWEEN_CHOICES => {
                self.release(tid);
                return turns.begin();
            }
            _ => (),
        }
        turns.0 += 1;
    }

    /// Gives a stopped thread all its CPUs back, so that it sees nothing else when it asks for them.
    pub fn release(&self, tid: i32) {
        if let Some(given) = &self.given {
            let _ = sched_setaffinity(Pid::from_raw(tid), given);
        }
    }

    /// Leaves the program alone from now on.
    pub fn give_up(&mut self) {
        self.given = None;
    }

    fn hold(&self, tid: i32) {
        let mut one = CpuSet::new();
        if self.given.is_some()
            && let Some(processor) = processes::cpu_of(tid)
            && one.set(processor).is_ok()
            && sched_setaffinity(Pid::from_raw(0), &one).is_ok()
        {
            let _ = sched_setaffinity(Pid::from_raw(tid), &one);
        }
    }
}
