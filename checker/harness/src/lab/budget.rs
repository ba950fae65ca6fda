//! What a program may use in one wait before the lab says that it gets nowhere: CPU time, calls, and time.

use std::time::{Duration, Instant};

use super::{context::TestContext, reputation::Reputation};
use crate::observe::processes::Process;

/// The last resort, for a program which neither sleeps for ever nor uses the CPU all the time. A right program
/// does what is due within milliseconds; this leaves room for a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_secs(20);
/// The same for a wait in which something moves again and again.
const LAST_DEADLINE: Duration = Duration::from_secs(60);
/// CPU time, in ticks of 10 ms, from which on a program with several threads counts as busy that has not shown any sign of
/// life yet: the start of a virtual machine takes up to a second.
const START_TICKS: u64 = 200;
/// The same later, or with one thread. What a right program does between two events takes milliseconds.
const BUSY_TICKS: u64 = 100;
/// The same for a program that an earlier test has found busy.
const KNOWN_TICKS: u64 = 25;
/// The same at the deadline, for a program which was hardly seen asleep: other programs kept the CPUs busy.
const TICKS_AT_LAST: u64 = 25;
/// The same for a program that has not shown any sign of life yet, and has done nothing since the last look but compute: its
/// main thread has not slept, and it has touched no page of memory that it had not touched before. A virtual machine that
/// starts does both all the time.
const SPIN_TICKS: u64 = 50;
/// How long a program may sleep in calls with a time limit, or in calls which the machine does not let us see, while nothing
/// moves between it and the test.
const NAP: Duration = Duration::from_secs(5);
/// The same for a program which an earlier test has given up for that. One that tries again after a second is in time.
const KNOWN_NAP: Duration = Duration::from_millis(1300);
/// How long it may do so in all waits of a test together, in which something moves again and again.
const ALL_NAPS: Duration = Duration::from_secs(6);
/// The same for a program which an earlier test has given up for its sleeps.
const KNOWN_ALL_NAPS: Duration = Duration::from_secs(2);
/// Both for a program that sleeps away its time and has passed no test.
const HOPELESS_NAPS: Duration = Duration::from_millis(800);
/// Calls in a row that move nothing, from which on a program counts as busy that is hardly seen asleep. To follow so many
/// takes 60 ms.
const MOST_FRUITLESS: u64 = 4000;

/// What a program has used since something moved between it and the test.
#[derive(Debug)]
pub(super) struct Budget {
    begun: Instant,
    /// The time of the last movement, and what was counted at that time.
    since: Instant,
    moved: u64,
    /// Counted from the first look on: most waits end before it, and to read the CPU time takes longer than they do.
    ticks: Option<u64>,
    fruitless: u64,
    used: u64,
    spinning: Spinning,
    naps: Naps,
}

/// How long it has done nothing but compute.
#[derive(Debug, Default)]
struct Spinning {
    /// What its processes had done besides, and the CPU time they had used, at the last look.
    before: Vec<u64>,
    ticks: u64,
    used: u64,
}

/// How long it has done nothing but sleep with time limits.
#[derive(Debug)]
struct Naps {
    since: Instant,
    /// How long it has been awake since then. That it wakes up now and then changes nothing.
    awake: Duration,
    looked: Instant,
}

impl Budget {
    pub(super) fn new(context: &TestContext) -> Budget {
        let now = Instant::now();
        Budget {
            begun: now,
            since: now,
            moved: context.bytes_moved(),
            ticks: None,
            fruitless: context.programs.fruitless_calls(),
            used: 0,
            spinning: Spinning::default(),
            naps: Naps {
                since: now,
                awake: Duration::ZERO,
                looked: now,
            },
        }
    }

    /// Whether these processes have used too much by now. `is_awake` says that they were hardly seen asleep.
    pub(super) fn is_exceeded(
        &mut self,
        context: &TestContext,
        living: &[Process],
        is_awake: bool,
    ) -> bool {
        let ticks = context.programs.cpu_ticks(living);
        let fruitless = context.programs.fruitless_calls();
        let moved = context.bytes_moved();
        if moved != self.moved {
            self.since = Instant::now();
            self.naps.begin_again();
            self.moved = moved;
            self.ticks = None;
            self.fruitless = fruitless;
        }
        // The count begins again when a call moves something.
        self.fruitless = self.fruitless.min(fruitless);
        self.used = ticks.saturating_sub(*self.ticks.get_or_insert(ticks));
        self.used > allowed(context, living)
            || is_awake && fruitless - self.fruitless > MOST_FRUITLESS
            || !context.has_begun() && self.spinning.is_exceeded(context, living, ticks)
    }

    /// Whether it has slept with time limits for too long. `naps` says whether it does nothing else now.
    pub(super) fn is_slept_away(&mut self, context: &TestContext, naps: bool) -> bool {
        let (longest, all) = match context.reputation() {
            Reputation {
                naps: true,
                is_hopeless: true,
                ..
            } => (HOPELESS_NAPS, HOPELESS_NAPS),
            Reputation { naps: true, .. } => (KNOWN_NAP, KNOWN_ALL_NAPS),
            _ => (NAP, ALL_NAPS),
        };
        context.has_napped(self.naps.look(naps));
        let allowed = context.allowed_naps();
        self.naps.since.elapsed() > longest + allowed || context.napped() > all + allowed
    }

    /// Whether the time is over.
    pub(super) fn is_over(&self) -> bool {
        self.since.elapsed() > DEADLINE || self.begun.elapsed() > LAST_DEADLINE
    }

    /// Whether a program that was awake all the time has used enough to be called busy when the time is over.
    pub(super) fn suffices_at_last(&self) -> bool {
        self.used > TICKS_AT_LAST
    }
}

impl Spinning {
    /// Whether these processes have computed for too long, and done nothing else.
    fn is_exceeded(&mut self, context: &TestContext, living: &[Process], ticks: u64) -> bool {
        let done = |process: &Process| [process.voluntary_switches, process.page_faults()];
        let now: Vec<u64> = living.iter().flat_map(done).collect();
        self.used = match now == self.before {
            true => self.used + ticks.saturating_sub(self.ticks),
            false => 0,
        };
        (self.before, self.ticks) = (now, ticks);
        let most = match context.reputation().is_busy {
            true => KNOWN_TICKS,
            false => SPIN_TICKS,
        };
        self.used > most
    }
}

impl Naps {
    /// How long it has napped since the last look. A look that comes late has not seen all that was between.
    fn look(&mut self, naps: bool) -> Duration {
        const LONGEST: Duration = Duration::from_millis(50);
        /// The part of the time that it may be awake.
        const SELDOM: u32 = 5;
        let now = Instant::now();
        let time = LONGEST.min(now - self.looked);
        self.looked = now;
        if naps {
            return time;
        }
        self.awake += time;
        if self.awake * SELDOM > self.since.elapsed() {
            self.begin_again();
        }
        Duration::ZERO
    }

    fn begin_again(&mut self) {
        self.since = Instant::now();
        self.awake = Duration::ZERO;
    }
}

impl TestContext {
    /// Whether the program has slept with time limits for so long that later tests of it need not wait as long again.
    pub fn has_slept_away(&self) -> bool {
        self.napped() > KNOWN_ALL_NAPS + self.allowed_naps()
    }
}

/// How much CPU time, in ticks. To follow a call takes as long as the call, so that a followed program gets twice as much,
/// unless it is hopeless.
fn allowed(context: &TestContext, living: &[Process]) -> u64 {
    let Reputation {
        is_busy,
        is_silent,
        is_hopeless,
        ..
    } = context.reputation();
    let is_suspect = is_busy || is_hopeless;
    let ticks = match context.has_begun() {
        true if is_suspect => KNOWN_TICKS,
        true => BUSY_TICKS,
        // It may be a virtual machine that starts.
        false if living.iter().any(|process| process.threads > 1) => match is_suspect {
            true => BUSY_TICKS,
            false => START_TICKS,
        },
        false if is_busy && is_silent || is_hopeless => KNOWN_TICKS,
        false => BUSY_TICKS,
    };
    match context.programs.are_followed() && !is_hopeless {
        true => 2 * ticks,
        false => ticks,
    }
}
