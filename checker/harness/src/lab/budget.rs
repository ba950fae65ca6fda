//! What a program may use in one wait before the lab says that it gets nowhere: CPU time, calls, and time.

use std::time::{Duration, Instant};

use super::context::TestContext;
use crate::observe::processes::Process;

/// The last resort, for a program which neither sleeps for ever nor uses the CPU all the time. A right program
/// does what is due within milliseconds; this leaves room for a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_secs(20);
/// The same for a wait in which something moves again and again.
const LAST_DEADLINE: Duration = Duration::from_secs(60);
/// CPU time, in ticks of 10 ms, from which on a program counts as busy that has not shown any sign of life yet: the
/// start of a virtual machine takes up to a second.
const START_TICKS: u64 = 200;
/// The same later. What a right program does between two events takes milliseconds.
const BUSY_TICKS: u64 = 100;
/// The same for a program that an earlier test has found busy.
const KNOWN_TICKS: u64 = 25;
/// The same at the deadline, for a program which was hardly seen asleep: other programs kept the CPUs busy.
const TICKS_AT_LAST: u64 = 25;
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
            self.moved = moved;
            self.ticks = None;
            self.fruitless = fruitless;
        }
        // The count begins again when a call moves something.
        self.fruitless = self.fruitless.min(fruitless);
        self.used = ticks.saturating_sub(*self.ticks.get_or_insert(ticks));
        self.used > allowed(context) || is_awake && fruitless - self.fruitless > MOST_FRUITLESS
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

/// How much CPU time, in ticks. To follow a call takes as long as the call, so that a followed program gets twice as much.
fn allowed(context: &TestContext) -> u64 {
    let has_begun = context.bytes_moved() > 0 || context.programs.have_printed();
    let ticks = match (context.is_known_busy(), has_begun) {
        (true, true) => KNOWN_TICKS,
        (false, false) => START_TICKS,
        _ => BUSY_TICKS,
    };
    match context.programs.are_followed() {
        true => 2 * ticks,
        false => ticks,
    }
}
