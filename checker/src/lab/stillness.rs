//! When nothing will ever happen: the proof behind the stuck verdict.
//!
//! If at one moment every thread of every process of the program sleeps in a call that only somebody else can end,
//! nothing that was sent is still under way, and the test does nothing but wait, then nothing will ever happen. No
//! sampling shows one moment for several threads. But a thread that has the same count of context switches in two
//! samples has slept all the time between them; so if all threads have, any moment between the two is that moment, and
//! what lies between the samples — the look at the queues, at the timers, at the time limits — was seen at it.

use std::time::{Duration, Instant};

use super::bench::Bench;
use crate::{
    failure::Checked,
    observe::{
        calls::Call,
        descriptors::{self, Object},
        processes::{Process, Signals, Thread},
        sockets::{self, State, Transport},
    },
};

/// How long everything must have stood still. The proof needs no time; this is for what no queue shows, such as a
/// packet which a processor is just delivering.
const STILL_FOR: Duration = Duration::from_millis(60);
const SAMPLES: u32 = 4;

/// Watches for stillness over several samples.
#[derive(Debug)]
pub(super) struct Watch {
    last: Vec<Thread>,
    since: Instant,
    samples: u32,
}

/// What a sample found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Motion {
    /// Something runs, or has run since the last sample, or is under way.
    Moving,
    /// All sleep, but time itself can wake some of them.
    Dozing,
    /// All sleep, and only the test can wake them.
    Asleep,
}

impl Watch {
    pub(super) fn new() -> Watch {
        Watch {
            last: Vec::new(),
            since: Instant::now(),
            samples: 0,
        }
    }

    /// Takes one sample.
    pub(super) fn sample(&mut self, bench: &Bench) -> Checked<Motion> {
        let (processes, threads) = look_at(bench);
        // A program which is not there and has not ended was missed, by a look at the list while it changed.
        let is_complete = bench.programs().iter().all(|program| {
            program.ending().is_some()
                || processes.iter().any(|process| process.pid == program.pid())
        });
        let has_threads =
            |process: &Process| threads.iter().any(|thread| thread.pid == process.pid);
        if !is_complete
            || !threads.iter().all(is_asleep)
            || !processes.iter().all(has_threads)
            || is_under_way(bench)?
        {
            *self = Watch::new();
            return Ok(Motion::Moving);
        }
        if threads != self.last || self.samples == 0 {
            *self = Watch {
                last: threads,
                since: Instant::now(),
                samples: 1,
            };
            return Ok(Motion::Moving);
        }
        self.samples += 1;
        // The packets of others count, too, so this comes last and costs one sample at a time.
        if self.samples < SAMPLES
            || self.since.elapsed() < STILL_FOR
            || sockets::is_a_packet_in_the_air()
        {
            return Ok(Motion::Moving);
        }
        let endless = processes.iter().all(|process| {
            let threads: Vec<&Thread> = threads
                .iter()
                .filter(|thread| thread.pid == process.pid)
                .collect();
            threads.iter().all(|thread| sleeps_for_ever(thread)) && !has_alarm(process, &threads)
        });
        if !endless {
            return Ok(Motion::Dozing);
        }
        // Between the look at the threads and the look at their timers, a timer may have gone off: it no longer looks
        // armed, and has just woken its thread. If all still sleep the same sleep, none has.
        let (_, again) = look_at(bench);
        if again != self.last {
            *self = Watch::new();
            return Ok(Motion::Moving);
        }
        Ok(Motion::Asleep)
    }
}

fn look_at(bench: &Bench) -> (Vec<Process>, Vec<Thread>) {
    let processes = bench.living();
    let threads = processes.iter().flat_map(Process::thread_list).collect();
    (processes, threads)
}

/// Asleep or stopped, and nothing is pending that wakes it; or ended, as a main thread can before the others.
fn is_asleep(thread: &Thread) -> bool {
    match thread.state {
        'S' => (thread.sleep.is_some() || thread.hidden) && !thread.wakes,
        'T' | 't' | 'Z' => true,
        _ => false,
    }
}

/// Whether nothing about its call ends a thread's sleep.
fn sleeps_for_ever(thread: &Thread) -> bool {
    if thread.state != 'S' {
        return true;
    }
    let Some(sleep) = thread.sleep.as_ref().filter(|sleep| sleep.endless) else {
        return false;
    };
    let (receives, sends) = match sleep.call {
        _ if sleep.second.is_some() => (true, true),
        Some(Call::Read | Call::Accept) => (true, false),
        Some(Call::Write) => (false, true),
        _ => return true,
    };
    [sleep.descriptor, sleep.second]
        .into_iter()
        .flatten()
        .all(|number| match descriptors::object(thread.tid, number) {
            Some(Object::Socket(_)) => descriptors::time_limits(thread.pid, thread.tid, number)
                .is_some_and(|limits| !(receives && limits.receive || sends && limits.send)),
            Some(Object::Pipe(_)) => true,
            // A path is a file, a device or a named pipe. Files sleep where a program serves them (FUSE, 9p), and
            // a named pipe has two ends, of which the other may be anybody's.
            Some(Object::Other(name)) => name.starts_with("anon_inode:"),
            None => false,
        })
}

/// Whether time may do something to a process, whatever its threads sleep in: end a sleep by a signal, or make a
/// descriptor ready which one of them, or one of another process, waits for.
fn has_alarm(process: &Process, threads: &[&Thread]) -> bool {
    let living = threads.iter().find(|thread| thread.state != 'Z');
    let descriptors = living.map_or_else(Vec::new, |thread| descriptors::of(thread.tid));
    let pid = living.map_or(process.pid, |thread| thread.tid);
    // The signals for which somebody is prepared: a handler, a thread in sigwait, a signalfd.
    let awaited = threads
        .iter()
        .filter_map(|thread| thread.awaited_signals())
        .map(|signals| signals.unwrap_or(u64::MAX));
    let taken = descriptors
        .iter()
        .filter_map(|descriptor| descriptor.signals(pid));
    let expected = awaited
        .chain(taken)
        .fold(process.signals.caught, |all, set| all | set);
    // alarm and setitimer cannot be seen; where somebody is prepared for their signal, it may be armed. (The two
    // timers of setitimer that count processor time stand still while all sleep.)
    if Signals::contains(expected, libc::SIGALRM) {
        return true;
    }
    let has_timer = process.has_timer().unwrap_or_else(|| {
        // Rust's own handlers, for a stack that overflows: no timer sends these.
        let faults = [libc::SIGSEGV, libc::SIGBUS];
        (1..=64).any(|signal| !faults.contains(&signal) && Signals::contains(expected, signal))
    });
    has_timer
        || descriptors
            .iter()
            .any(|descriptor| descriptor.is_ring() || descriptor.is_armed_timer(pid))
}

/// Whether something that a TCP socket of this test has sent is not yet where it goes. Pipes are never under way: what
/// is written arrives in the call. Datagrams and resets do so, too, or lie where
/// [`sockets::is_a_packet_in_the_air`] sees them.
fn is_under_way(bench: &Bench) -> Checked<bool> {
    let sockets = bench.sockets(Transport::Tcp)?;
    Ok(sockets.iter().any(|socket| {
        // A request to connect that meets a full accept queue is dropped, and sent again for minutes. Only an accept
        // lets it in. One that was let in half before the queue was full waits as long on the server's side.
        let port = match socket.state {
            State::SynSent => Some(socket.peer.port()),
            State::SynReceived => Some(socket.local.port()),
            _ => None,
        };
        let is_shut_out = port.is_some()
            && sockets.iter().any(|listener| {
                listener.state == State::Listen
                    && Some(listener.local.port()) == port
                    && listener.receive_queue > listener.send_queue
            });
        // What the peer has no room for moves only when the peer reads: its window is 0, and unread bytes fill its
        // buffer. Both are needed. A window that is merely small lets some bytes through at the next probe, 200 ms
        // later, and wakes a writer. And a peer which has read everything opens its window again: at once, or, if it
        // thinks that this is not worth a segment, when the probe asks.
        let has_no_room = socket.waits_for_room
            && sockets
                .iter()
                .any(|peer| peer.is_peer_of(socket) && peer.receive_queue > 0);
        socket.is_under_way() && !is_shut_out && !has_no_room
    }))
}
