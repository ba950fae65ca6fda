//! The one place where the lab waits.

use std::{
    iter,
    time::{Duration, Instant},
};

use super::{
    budget::Budget,
    context::TestContext,
    polling::PolledFile,
    quiescence::{Activity, FIRST_LOOK, LOOK, SETTLED_AFTER, Watch},
    verdict::WaitError,
};
use crate::failure::{Checked, Diagnosis};

/// A program was hardly seen asleep if it was so in one of this many samples at most. (A traced program sleeps for a
/// moment before its exec.)
const SELDOM: u32 = 20;
/// Before the first sample for a verdict, and between two. Most events come before the first.
const FIRST_SAMPLE: Duration = Duration::from_millis(4);
const SAMPLE: Duration = Duration::from_millis(16);

/// Twice as long each time.
fn doubling(first: Duration) -> impl Iterator<Item = Duration> {
    iter::successors(Some(first), |pause| Some(LOOK.min(2 * *pause)))
}

impl TestContext {
    /// Waits until `look` finds something. If it never does, the program has broken its promise: `goal` completes the
    /// sentence "the test waits for …", and `diagnosis` is what it means when the program sleeps instead.
    pub(super) fn until<T>(
        &self,
        goal: &str,
        diagnosis: Diagnosis,
        look: impl FnMut() -> Checked<Option<T>>,
    ) -> Checked<T> {
        self.until_on(&[], goal, diagnosis, look)
    }

    /// The same, polling these files to look again as soon as one of them is ready.
    pub(super) fn until_on<T>(
        &self,
        files: &[PolledFile<'_>],
        goal: &str,
        diagnosis: Diagnosis,
        look: impl FnMut() -> Checked<Option<T>>,
    ) -> Checked<T> {
        self.try_until_on(files, look)?
            .map_err(|error| self.to_failure(error, goal, diagnosis).into())
    }

    /// The same for a word which takes the end of the wait as an answer: no failure is made, and no evidence captured.
    pub(super) fn try_until<T>(
        &self,
        look: impl FnMut() -> Checked<Option<T>>,
    ) -> Checked<Result<T, WaitError>> {
        self.try_until_on(&[], look)
    }

    /// The same, polling these files.
    pub(super) fn try_until_on<T>(
        &self,
        files: &[PolledFile<'_>],
        look: impl FnMut() -> Checked<Option<T>>,
    ) -> Checked<Result<T, WaitError>> {
        self.wait_in_steps(doubling(FIRST_LOOK), files, look)
    }

    /// Waits until `look` finds something, with these pauses between two looks.
    fn wait_in_steps<T>(
        &self,
        mut pauses: impl Iterator<Item = Duration>,
        files: &[PolledFile<'_>],
        mut look: impl FnMut() -> Checked<Option<T>>,
    ) -> Checked<Result<T, WaitError>> {
        let mut found = None;
        let mut finds = || {
            found = look()?;
            Ok(found.is_some())
        };
        let unseen = self.wait_until_true(&mut pauses, files, &mut finds)?;
        Ok(match unseen {
            Some(error) => Err(error),
            None => Ok(found.expect("a wait without an error has found something")),
        })
    }

    /// Waits until `finds` says so, or tells why it never will. Meanwhile what the programs print is read, and they are
    /// watched: when nothing can happen any more, the wait ends. Compiled once, and not for each look.
    fn wait_until_true(
        &self,
        pauses: &mut dyn Iterator<Item = Duration>,
        files: &[PolledFile<'_>],
        finds: &mut dyn FnMut() -> Checked<bool>,
    ) -> Checked<Option<WaitError>> {
        let start = Instant::now();
        let mut budget = Budget::new(self);
        let mut watch = Watch::for_a_verdict();
        let mut next_sample = start + FIRST_SAMPLE;
        let (mut samples, mut asleep) = (0, 0);
        loop {
            self.pump()?;
            if finds()? {
                return Ok(None);
            }
            let now = Instant::now();
            if now >= next_sample {
                let activity = watch.sample(self)?;
                if activity == Activity::Deadlocked {
                    // One last look: the event may have come between the look before and the sample.
                    self.pump()?;
                    return Ok((!finds()?).then_some(WaitError::Deadlocked));
                }
                if watch.sees_no_end() {
                    // The same as to wait until it has slept for too long.
                    return Ok(Some(WaitError::TimedOut));
                }
                self.guard(watch.living())?;
                samples += 1;
                asleep += u32::from(watch.sees_sleep());
                let is_awake = asleep <= samples / SELDOM;
                if budget.is_exceeded(self, watch.living(), is_awake) {
                    return Ok(Some(WaitError::Busy));
                }
                let is_slept_away = budget.is_slept_away(self, watch.sees_naps());
                if budget.is_over() {
                    self.refuse_flood_at_last()?;
                    let is_busy = is_awake && budget.suffices_at_last();
                    return Ok(Some(match is_busy {
                        true => WaitError::Busy,
                        false => WaitError::TimedOut,
                    }));
                }
                if is_slept_away {
                    return Ok(Some(WaitError::TimedOut));
                }
                next_sample = now + SAMPLE;
            }
            let rest = next_sample.saturating_duration_since(Instant::now());
            self.poll(files, rest.min(pauses.next().unwrap_or(LOOK)))?;
        }
    }

    /// Waits until all processes sleep and nothing is under way.
    pub(super) fn settle(&self) -> Checked {
        let mut watch = Watch::for_the_next_step();
        let look = || match watch.sample(self)? {
            Activity::Active => Ok(None),
            Activity::TimedWait | Activity::Deadlocked => Ok(Some(())),
        };
        // It takes two samples with this time between them to see that all sleep. More samples would only cost time.
        let pause = SETTLED_AFTER;
        let pauses = iter::repeat_n(pause, 3).chain(doubling(pause));
        let napped = self.napped();
        let settled = self.wait_in_steps(pauses, &[], look)?;
        self.forgive_naps(napped);
        match settled {
            Ok(()) | Err(WaitError::Deadlocked) => Ok(()),
            // It does nothing but sleep for a while, again and again: that is rest, too. On a busy machine a timer that
            // wakes one of many threads hides it from the samples.
            Err(WaitError::TimedOut) if watch.sees_naps() => Ok(()),
            Err(error) => Err(self
                .to_failure(error, "it to come to rest", Diagnosis::Busy)
                .into()),
        }
    }
}
