//! When nothing will ever happen: the proof behind the stuck verdict.
//!
//! If at one moment every thread of every process of the program sleeps in a call that only another process can end,
//! nothing that was sent is still under way, and the test does nothing but wait, then nothing will ever happen. No
//! sampling shows one moment for several threads. But a thread that has the same count of context switches in two
//! samples has slept all the time between them; so if all threads have, any moment between the two is that moment, and
//! what lies between the samples — the look at the queues, at the timers, at the time limits — was seen at it.

use std::time::{Duration, Instant};

use super::context::TestContext;
use crate::{
    failure::Checked,
    observe::{
        calls::Call,
        descriptors::{self, Object},
        processes::{Process, Signals, Thread},
        sockets::{self, State, Transport},
        tracer::Tracer,
    },
};

/// How long everything must have stood still before the lab says that a program is stuck. The proof needs no time; this
/// is for what no queue shows, such as a packet which a CPU is just delivering.
const STUCK_AFTER: Duration = Duration::from_millis(60);
/// The same before the test itself goes on. A program that moves again has lost nothing by it.
pub(super) const SETTLED_AFTER: Duration = Duration::from_millis(2);
/// After so many timed sleeps a program which is in one counts as settled.
const MOST_TIMED_SLEEPS: u32 = 8;
/// In so many samples a program that a timer wakes again and again, and soon again, must have been back in the same calls.
const MOST_RETURNS: u32 = 12;

/// A time limit beyond which no test lasts, however long ago the call began that set it: a wait ends after a minute.
const FAR: Duration = Duration::from_secs(5 * 60);
/// In so many samples a program must have slept the same sleeps, with such limits, before time is out of question: more than
/// the looks after which some words know what a sleep with a limit means.
const FAR_SAMPLES: u32 = 64;

/// Between two looks for an event which no descriptor announces: short at first, and twice as long each time, up to this.
pub(super) const FIRST_LOOK: Duration = Duration::from_micros(250);
pub(super) const LOOK: Duration = Duration::from_millis(16);

/// Watches over several samples whether anything still happens.
#[derive(Debug)]
pub(super) struct Watch {
    patience: Duration,
    /// The processes of the last sample which had not ended.
    living: Vec<Process>,
    /// What every thread did at the last sample, if all were asleep.
    last: Option<Vec<Thread>>,
    since: Instant,
    timed_sleeps: u32,
    returns: Returns,
    /// Whether time alone moves them.
    naps: bool,
    /// In how many samples they slept on, and time alone moves them, but not before the test is over.
    far: u32,
}

/// How often all threads were found in the same calls as before, while time alone has woken them between.
#[derive(Debug, Default)]
struct Returns {
    /// Each thread, without its switches.
    to: Vec<Thread>,
    count: u32,
}

impl Returns {
    /// Whether they are in the same calls as the last time.
    fn are_back(&mut self, threads: &[Thread]) -> bool {
        let mut to = threads.to_vec();
        to.iter_mut().for_each(|thread| thread.switches = 0);
        let are_back = self.to == to;
        self.to = to;
        are_back
    }
}

/// What a sample found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    /// Something runs, or has run since the last sample, or is under way.
    Active,
    /// All sleep, but time itself can wake some of them.
    TimedWait,
    /// All sleep, and only the test can wake them.
    Deadlocked,
}

impl Watch {
    /// For the verdict that nothing will ever happen.
    pub(super) fn for_a_verdict() -> Watch {
        Watch {
            patience: STUCK_AFTER,
            living: Vec::new(),
            last: None,
            since: Instant::now(),
            timed_sleeps: 0,
            returns: Returns::default(),
            naps: false,
            far: 0,
        }
    }

    /// For a test which goes on when nothing more happens.
    pub(super) fn for_the_next_step() -> Watch {
        Watch {
            patience: SETTLED_AFTER,
            ..Watch::for_a_verdict()
        }
    }

    /// Whether all were asleep at the last sample.
    pub(super) fn sees_sleep(&self) -> bool {
        self.last.is_some()
    }

    /// Whether at the last samples all were asleep, nothing was under way, and only time could wake them.
    pub(super) fn sees_naps(&self) -> bool {
        self.naps
    }

    /// Whether nothing will happen in the time of the test: all are asleep, nothing is under way, and the time limits that
    /// could wake them are too far off.
    pub(super) fn sees_no_end(&self) -> bool {
        self.far >= FAR_SAMPLES
    }

    /// The processes which had not ended at the last sample.
    pub(super) fn living(&self) -> &[Process] {
        &self.living
    }

    /// Takes one sample.
    pub(super) fn sample(&mut self, context: &TestContext) -> Checked<Activity> {
        let far = std::mem::take(&mut self.far);
        self.living = context.programs.living();
        let Some(threads) = sleepers(context, &self.living) else {
            self.last = None;
            self.naps = false;
            return Ok(Activity::Active);
        };
        if self.last.as_ref() != Some(&threads) {
            return self.see_change(context, threads);
        }
        if self.since.elapsed() < self.patience {
            return Ok(Activity::Active);
        }
        // Packets of other tests are counted as well; there are few.
        if is_under_way(context)? || sockets::is_a_packet_in_the_air() {
            self.since = Instant::now();
            self.returns = Returns::default();
            self.naps = false;
            return Ok(Activity::Active);
        }
        let outlasts_the_test =
            |thread: &Thread| sleeps_for_ever(thread) || sleeps_for_long(thread);
        let is_far = threads.iter().all(outlasts_the_test) && !self.have_alarms(context, &threads);
        let endless = is_far && threads.iter().all(sleeps_for_ever);
        // Between the look at the threads and the look at their timers, a timer may have gone off: it no longer looks
        // armed, and has just woken its thread. If all still sleep the same sleep, none has.
        if sleepers(context, &context.programs.living()).is_none_or(|again| again != threads) {
            self.last = None;
            self.naps = false;
            return Ok(Activity::Active);
        }
        self.naps = !endless;
        self.far = if is_far { far + 1 } else { 0 };
        if endless {
            return Ok(Activity::Deadlocked);
        }
        if self.since.elapsed() < STUCK_AFTER && self.timed_sleeps < MOST_TIMED_SLEEPS {
            return Ok(Activity::Active);
        }
        Ok(Activity::TimedWait)
    }

    /// Takes a sample in which all are asleep, and some have not slept all the time since the last one. A timer that
    /// wakes them more often than the watch has patience does not keep them busy.
    fn see_change(&mut self, context: &TestContext, threads: Vec<Thread>) -> Checked<Activity> {
        let are_back = self.returns.are_back(&threads);
        let is_timed =
            threads.iter().any(Thread::naps) || are_back && self.have_alarms(context, &threads);
        self.timed_sleeps += u32::from(is_timed);
        self.naps = is_timed && !is_under_way(context)? && !sockets::is_a_packet_in_the_air();
        self.returns.count = match are_back && self.naps {
            true => self.returns.count + 1,
            false => 0,
        };
        self.since = Instant::now();
        self.last = Some(threads);
        Ok(match self.returns.count >= MOST_RETURNS {
            true => Activity::TimedWait,
            false => Activity::Active,
        })
    }

    /// Whether time may do something to one of the processes: see [`has_alarm`].
    fn have_alarms(&self, context: &TestContext, threads: &[Thread]) -> bool {
        self.living.iter().any(|process| {
            let of_it = threads.iter().filter(|thread| thread.pid == process.pid);
            has_alarm(context, process, &of_it.collect::<Vec<_>>())
        })
    }
}

impl TestContext {
    /// Waits until `found` says so (true), or until all processes sleep, be it only for a while (false). It ends
    /// after a second at the latest: then they are clearly alive.
    pub(super) fn wait_until_asleep(
        &self,
        mut found: impl FnMut() -> Checked<bool>,
    ) -> Checked<bool> {
        let start = Instant::now();
        let mut watch = Watch::for_the_next_step();
        let mut pause = FIRST_LOOK;
        loop {
            self.programs.read_outputs();
            if found()? {
                return Ok(true);
            }
            if watch.sample(self)? != Activity::Active || start.elapsed() > Duration::from_secs(1) {
                self.programs.read_outputs();
                return found();
            }
            self.poll(&[], pause)?;
            pause = LOOK.min(2 * pause);
        }
    }
}

/// All threads of all processes, if every one is asleep.
fn sleepers(context: &TestContext, processes: &[Process]) -> Option<Vec<Thread>> {
    // A program that has not ended and is not in the list was missed, because the list changed while it was read.
    let is_complete = context.programs.list().iter().all(|program| {
        program.ending().is_some() || processes.iter().any(|process| process.pid == program.pid())
    });
    if !is_complete {
        return None;
    }
    let mut threads = Vec::new();
    for process in processes {
        let known = threads.len();
        threads.extend(process.thread_list());
        let seen = &threads[known..];
        if seen.is_empty() || !seen.iter().all(|thread| is_asleep(thread, context)) {
            return None;
        }
    }
    // A thread whose tracer has not answered yet looks as if it slept.
    let is_answered = context
        .programs
        .list()
        .iter()
        .filter_map(|program| program.tracer())
        .all(Tracer::is_idle);
    is_answered.then_some(threads)
}

/// Asleep or stopped, and nothing is pending that wakes it; or ended, as a main thread can before the others.
fn is_asleep(thread: &Thread, context: &TestContext) -> bool {
    match thread.state {
        'S' => thread.sleeps_in_a_call() && !thread.has_signal_due,
        'Z' => true,
        state => context.programs.is_stopped(thread.tid, state),
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
        // A connect which sleeps, and of which nothing is under way, meets a full accept queue: only an accept ends that,
        // or the kernel after minutes.
        Some(Call::Write | Call::Connect) => (false, true),
        _ => return true,
    };
    [sleep.descriptor, sleep.second]
        .into_iter()
        .flatten()
        .all(|number| match descriptors::object(thread.tid, number) {
            Some(Object::Socket(_)) => descriptors::time_limits(thread.tid, number)
                .is_some_and(|limits| !(receives && limits.receive || sends && limits.send)),
            Some(Object::Pipe(_)) => true,
            // A path is a file, a device or a named pipe. Files sleep where a program serves them (FUSE, 9p), and
            // the other end of a named pipe may belong to any process.
            Some(Object::Other(name)) => name.starts_with("anon_inode:"),
            None => false,
        })
}

/// Whether it sleeps for a time that is longer than any test.
fn sleeps_for_long(thread: &Thread) -> bool {
    thread.state == 'S' && thread.time_limit().is_some_and(|limit| limit > FAR)
}

/// Whether time may do something to a process, whatever its threads sleep in: end a sleep by a signal, or make a
/// descriptor ready which one of them, or one of another process, waits for.
fn has_alarm(context: &TestContext, process: &Process, threads: &[&Thread]) -> bool {
    let living = threads.iter().find(|thread| thread.state != 'Z');
    let descriptors = living.map_or_else(Vec::new, |thread| descriptors::of(thread.tid));
    let pid = living.map_or(process.pid, |thread| thread.tid);
    if descriptors.is_empty() && descriptors::are_hidden(process) {
        return true;
    }
    // The signals for which the program is prepared: by a handler, a thread in sigwait, a signalfd.
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
    // The timers of alarm and setitimer are not visible, only the calls that arm them. If the program is prepared for
    // their signal, one may be armed. (The two timers of setitimer that count CPU time stand still while all
    // sleep.)
    if Signals::contains(expected, libc::SIGALRM) && context.programs.may_have_alarms() {
        return true;
    }
    let has_timer = process.has_timer().unwrap_or_else(|| {
        // Rust's own handlers, for stack overflows: no timer sends these signals.
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
fn is_under_way(context: &TestContext) -> Checked<bool> {
    let sockets = context.sockets(Transport::Tcp)?;
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
        // Bytes for which the peer has no room move only when the peer reads. Two conditions show that: its window is 0,
        // and unread bytes fill its buffer. Both are needed. A window that is merely small lets some bytes through at the next probe, 200 ms
        // later, and wakes a writer. And a peer which has read everything opens its window again: at once, or, if it
        // thinks that this is not worth a segment, when the probe asks.
        let has_no_room = socket.waits_for_room
            && sockets
                .iter()
                .any(|peer| peer.is_peer_of(socket) && peer.receive_queue > 0);
        socket.is_under_way() && !is_shut_out && !has_no_room
    }))
}
