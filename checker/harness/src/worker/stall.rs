//! Workers that sleep in a call which no signal ends.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::observe::processes::{self, Process};

/// How long a worker may sleep in such a call. It makes none that takes longer than an instant, but on a pipe which a
/// program holds locked: splice(2) keeps the lock while it waits for a socket. On the standard descriptors the tracer's
/// filter refuses that, on copies of them it cannot.
const LONGEST: Duration = Duration::from_secs(10);
/// Between two looks. Most tests end before the first.
const LOOK: Duration = Duration::from_secs(1);

/// Why a worker does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stall {
    /// A program that it has started holds a pipe locked.
    PipeLocked,
    /// Something else, for example a disk that does not answer.
    Other,
}

/// A look at a worker now and then.
pub(super) struct StallWatch {
    pid: i32,
    next_look: Instant,
    /// Since when it sleeps in such a call, and how many context switches it had made then. The same count means that
    /// it has not moved.
    asleep: Option<(Instant, u64)>,
}

impl StallWatch {
    pub fn new(pid: i32) -> StallWatch {
        StallWatch {
            pid,
            next_look: Instant::now() + LOOK,
            asleep: None,
        }
    }

    /// When to look next.
    pub fn next_look(&self) -> Instant {
        self.next_look
    }

    /// Looks, if it is time for that, and says why the worker stalls, if it does.
    pub fn look(&mut self) -> Option<Stall> {
        let now = Instant::now();
        if now < self.next_look {
            return None;
        }
        self.next_look = now + LOOK;
        self.asleep = uninterruptible_sleep(self.pid).map(|switches| match self.asleep {
            Some((since, before)) if before == switches => (since, switches),
            _ => (now, switches),
        });
        let (since, _) = self.asleep?;
        (now - since > LONGEST).then(|| match waits_for_a_pipe(self.pid) {
            true => Stall::PipeLocked,
            false => Stall::Other,
        })
    }
}

/// The context switches of a process, if it is in uninterruptible sleep.
fn uninterruptible_sleep(pid: i32) -> Option<u64> {
    let process = Process::read(pid).filter(|process| process.state == 'D')?;
    let threads = process.thread_list();
    let main = threads.iter().find(|thread| thread.tid == pid)?;
    Some(main.switches)
}

/// Whether a process sleeps because of a program below it: the call in which it sleeps is one on a pipe, or a program
/// sleeps in splice.
fn waits_for_a_pipe(pid: i32) -> bool {
    let is_at_a_pipe = || {
        let call = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
        let first = call.split_whitespace().nth(1)?.trim_start_matches("0x");
        let fd = u64::from_str_radix(first, 16).ok()? as u32;
        let file = fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok()?;
        Some(file.as_os_str().as_encoded_bytes().starts_with(b"pipe:"))
    };
    let splices = |program: &Process| {
        let threads = program.thread_list();
        let mut sleeps = threads.iter().filter_map(|thread| thread.sleep.as_ref());
        sleeps.any(|sleep| sleep.name == "splice")
    };
    is_at_a_pipe() == Some(true) || processes::descendants(pid).values().any(splices)
}
