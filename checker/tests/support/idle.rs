//! Upper bounds in time that hold on a busy machine, too.

use std::{fs, time::Duration};

use nix::{
    sched::{CpuSet, sched_getaffinity},
    unistd::Pid,
};

/// Measures for how long the processors that these tests may use had nothing to do.
///
/// What waits for a clock takes as long as that on an idle machine, and the processors are idle meanwhile. On a busy
/// machine nobody can say how long anything takes; but there no processor is idle, so that this time stands still. It is
/// never more than the time on the wall.
pub struct IdleTime {
    before: u64,
}

impl IdleTime {
    /// Begins to measure.
    pub fn start() -> IdleTime {
        IdleTime {
            before: idle_milliseconds(),
        }
    }

    /// The idle time since then, on average over the processors.
    pub fn elapsed(&self) -> Duration {
        Duration::from_millis(idle_milliseconds().saturating_sub(self.before))
    }
}

/// How long since the start of the machine the processors of this process had nothing to do, and no disk to wait for:
/// the fourth number in their lines of /proc/stat, in hundredths of seconds.
fn idle_milliseconds() -> u64 {
    let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap();
    let is_allowed = |number: usize| number < CpuSet::count() && allowed.is_set(number).unwrap();
    let stat = fs::read_to_string("/proc/stat").unwrap();
    let (mut ticks, mut processors) = (0, 0);
    for line in stat.lines() {
        let mut words = line.split_whitespace();
        let number = words.next().and_then(|word| word.strip_prefix("cpu"));
        if number
            .and_then(|number| number.parse().ok())
            .is_some_and(is_allowed)
        {
            ticks += words.nth(3).unwrap().parse::<u64>().unwrap();
            processors += 1;
        }
    }
    10 * ticks / processors
}
