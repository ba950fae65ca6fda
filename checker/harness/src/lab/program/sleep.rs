//! How the program sleeps.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::{Program, time_limit::limited_sleep};
use crate::{
    failure::{Checked, Diagnosis},
    lab::verdict::WaitError,
    observe::{
        calls::Call,
        descriptors,
        processes::{Process, Thread},
        waiting::Event,
    },
};

/// The timed sleeps of a program which were seen: sleeps that end by themselves.
#[derive(Debug, Default)]
struct TimedSleeps {
    each: BTreeSet<(i32, u64)>,
    looks: u32,
}

impl TimedSleeps {
    /// One timed sleep may have another reason. More than these are polling.
    const MOST: usize = 3;
    /// So is one which lasts for more looks than these: half a second.
    const LONGEST: u32 = 40;

    /// Adds the threads which are in a timed sleep now, and says whether the program polls.
    fn are_polling<'a>(&mut self, sleeping: impl Iterator<Item = &'a Thread>) -> bool {
        let before = self.looks;
        for thread in sleeping {
            self.each.insert((thread.tid, thread.switches));
            self.looks = before + 1;
        }
        self.each.len() > TimedSleeps::MOST || self.looks > TimedSleeps::LONGEST
    }
}

/// Whether threads sleep on, from look to look.
#[derive(Debug, Default)]
struct Stillness {
    before: Vec<Thread>,
    returns: u32,
}

impl Stillness {
    /// In so many looks threads that a timer wakes again and again must have been back in the same calls.
    const MOST_RETURNS: u32 = 6;

    /// Whether these, which sleep now, have slept since the last look; or were in the same calls often enough.
    fn holds(&mut self, threads: Vec<Thread>) -> bool {
        let are_still = threads == self.before;
        let are_back = threads.len() == self.before.len()
            && threads.iter().zip(&self.before).all(|(now, before)| {
                let Thread {
                    tid, state, sleep, ..
                } = now;
                (tid, state, sleep) == (&before.tid, &before.state, &before.sleep)
            });
        self.returns = match are_back {
            true => self.returns + 1,
            false => 0,
        };
        self.before = threads;
        are_still || self.returns >= Stillness::MOST_RETURNS
    }
}

/// A way to sleep: see [`Program::sleeps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// Until its standard output, which is full, has room again: in write(1), or in poll for it; and with no signal left to
    /// take which would wake it there. All its other threads sleep, too.
    Printing,
    /// In a call which waits for data, for clients, for events or for a connection, as a program does that has nothing
    /// to do. To look for work again and again is [`Diagnosis::Busy`], also with short sleeps between.
    UntilSomethingComes,
    /// In any call without a time limit, and with no signal left to take.
    UntilASignalComes,
    /// In any calls, with a time limit or without, in which it stays for a while: it does not wake up to look whether
    /// there is something to do, and sleep again.
    Undisturbed,
    /// In any call but wait: it waits for something else than the end of a child.
    NotForAChild,
    /// In calls without a time limit, on sockets without one, and with no alarm or timer that is to go off; for a program
    /// which sleeps already, until something comes. Where the machine does not show that, nothing is found. Alarms are
    /// looked for where the story follows calls.
    WithoutTimeLimit,
    /// The same in all its threads and all its processes, and none of them sleeps for a time to do something then, such as
    /// to end the program. For a contract that allows no helper which does.
    WithoutTimeLimitAnywhere,
}

impl Program {
    /// Waits until it sleeps in this way.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::Stuck`] when it sleeps in another way, for ever; [`Diagnosis::Busy`] when it does not sleep, or wakes
    /// up again and again.
    pub fn sleeps(&self, sleep: Sleep) -> Checked {
        match sleep {
            Sleep::Printing => self.sleeps_in_print(),
            Sleep::UntilSomethingComes => self.sleeps_until_something_comes(),
            Sleep::UntilASignalComes => self.sleeps_until_a_signal_comes(),
            Sleep::Undisturbed => self.sleeps_undisturbed(),
            Sleep::NotForAChild => self.sleeps_but_not_for_a_child(),
            Sleep::WithoutTimeLimit => self.sleeps_without_time_limit(),
            Sleep::WithoutTimeLimitAnywhere => self.sleeps_without_time_limit_anywhere(),
        }
    }

    fn sleeps_undisturbed(&self) -> Checked {
        const WHILE: Duration = Duration::from_millis(250);
        const MOST_SLEEPS: u32 = 3;
        self.context
            .note("see that it sleeps, and does not look again and again");
        let mut before = Vec::new();
        let mut since = None;
        let mut sleeps = 0;
        let look = || {
            if let Some(ending) = self.running.ending() {
                return Err(self.context.ended_instead_of(ending, "sleeping").into());
            }
            let threads = self.threads();
            let asleep = !threads.is_empty()
                && threads
                    .iter()
                    .all(|thread| thread.state == 'Z' || thread.sleeps_in_a_call());
            if !asleep {
                since = None;
                return Ok(None);
            }
            let are_still = threads == before;
            before = threads;
            if are_still {
                let begun = since.get_or_insert_with(Instant::now);
                return Ok((begun.elapsed() >= WHILE).then_some(()));
            }
            since = None;
            sleeps += 1;
            if sleeps <= MOST_SLEEPS {
                return Ok(None);
            }
            let symptom = "your program sleeps a little, looks, and sleeps again, although nothing happens; it should \
                           sleep until something does";
            self.context.fail(Diagnosis::Busy, symptom)
        };
        match self.context.try_until(look)? {
            // It sleeps without end.
            Ok(()) | Err(WaitError::Deadlocked) => Ok(()),
            Err(error) => {
                let goal = "it to sleep";
                Err(self.context.to_failure(error, goal, Diagnosis::Busy).into())
            }
        }
    }

    fn sleeps_but_not_for_a_child(&self) -> Checked {
        self.context.note("wait until it sleeps");
        let mut stillness = Stillness::default();
        let look = || {
            let threads = Process::read(self.running.pid).map(|process| process.thread_list());
            let main = threads
                .unwrap_or_default()
                .into_iter()
                .find(|thread| thread.tid == self.running.pid);
            let there = main.as_ref().is_some_and(|thread| {
                let call = thread.sleep.as_ref().and_then(|sleep| sleep.call);
                let asleep = thread.state == 'S' && !thread.has_signal_due;
                asleep && (thread.hides_its_call || call.is_some_and(|call| call != Call::Wait))
            });
            Ok((there && stillness.holds(main.into_iter().collect())).then_some(()))
        };
        self.until("it to wait for clients", Diagnosis::Stuck, look)
    }

    fn sleeps_until_something_comes(&self) -> Checked {
        const GOAL: &str = "it to sleep until something comes";
        const WAITING: [Call; 4] = [Call::Read, Call::Accept, Call::Poll, Call::Connect];
        self.context.note(format!("wait for {GOAL}"));
        let mut stillness = Stillness::default();
        let mut timed = TimedSleeps::default();
        let look = || {
            let threads = self.threads();
            let is_in = |thread: &Thread, calls: &[Call]| {
                let call = thread.sleep.as_ref().and_then(|sleep| sleep.call);
                call.is_some_and(|call| calls.contains(&call))
            };
            let sleeping = threads
                .iter()
                .filter(|thread| thread.naps() && is_in(thread, &[Call::Sleep]));
            if timed.are_polling(sleeping) {
                return self.context.fail(
                    Diagnosis::Busy,
                    "your program sleeps a little, looks, and sleeps again, although nothing is there; the test \
                     waits for it to sleep until something comes",
                );
            }
            let idle = threads.iter().all(sleeps_or_has_ended)
                && threads
                    .iter()
                    .any(|thread| thread.hides_its_call || is_in(thread, &WAITING));
            Ok((idle && stillness.holds(threads)).then_some(()))
        };
        self.context.until(GOAL, Diagnosis::Stuck, look)
    }

    fn sleeps_without_time_limit(&self) -> Checked {
        self.context.note("see that it sleeps without a time limit");
        let mut timed = TimedSleeps::default();
        let mut awake = 0;
        let look = || {
            let Some(process) = Process::read(self.running.pid) else {
                return Ok(Some(None));
            };
            let threads = process.thread_list();
            // The kernel may have woken it for a moment, to send what there is room for by now.
            let is_awake = !threads
                .iter()
                .all(|thread| thread.state == 'Z' || thread.sleeps_in_a_call());
            // In a row: one that naps is also found awake, the more often the busier the machine is.
            awake = if is_awake { awake + 1 } else { 0 };
            let mut napping = threads.iter().filter(|thread| thread.naps()).peekable();
            // One that naps may still be on its way to the call in which it stays.
            let is_on_its_way = napping.peek().is_some()
                && limited_sleep(&threads).is_some()
                && !timed.are_polling(napping);
            let is_early = is_awake && awake <= TimedSleeps::LONGEST;
            Ok((!is_early && !is_on_its_way).then_some(Some((process, threads))))
        };
        let goal = "it to sleep without a time limit";
        match self.context.until(goal, Diagnosis::Stuck, look)? {
            None => Ok(()),
            Some((process, threads)) => self.expect_no_limit_of(&process, &threads, "your program"),
        }
    }

    fn sleeps_without_time_limit_anywhere(&self) -> Checked {
        self.sleeps_without_time_limit()?;
        let mut timed = TimedSleeps::default();
        let look = || {
            let mut processes = self.context.programs.living();
            let is_other = |pid| pid != self.running.pid && self.context.programs.is_main(pid);
            processes.retain(|process| !is_other(process.pid));
            let threads: Vec<Thread> = processes.iter().flat_map(Process::thread_list).collect();
            // A runtime lets threads of its own wait in futex for a minute, and does not mean the program's time by it.
            let sleeps = |thread: &&Thread| {
                let call = thread.sleep.as_ref().and_then(|sleep| sleep.call);
                thread.naps() && call == Some(Call::Sleep)
            };
            let mut sleeping = threads.iter().filter(sleeps).peekable();
            let Some(sleep) = sleeping.peek().and_then(|thread| thread.sleep.clone()) else {
                return Ok(Some(processes));
            };
            // One that sleeps for a moment has something to do at once.
            match timed.are_polling(sleeping) {
                false => Ok(None),
                true => {
                    let symptom = format!(
                        "a thread of your program waits in {sleep}, which has a time limit, and it was given none"
                    );
                    self.context.fail(Diagnosis::TimeLimited, symptom)
                }
            }
        };
        let goal = "all its threads to sleep without a time limit";
        let processes = self.context.until(goal, Diagnosis::TimeLimited, look)?;
        let mut children = processes.iter().filter(|one| one.pid != self.running.pid);
        children
            .try_for_each(|child| self.expect_no_time_limit(Some(child), "a child of your program"))
    }

    fn sleeps_until_a_signal_comes(&self) -> Checked {
        self.context.note("see that it sleeps until a signal comes");
        let mut before = Vec::new();
        let mut timed = TimedSleeps::default();
        let look = || {
            if let Some(ending) = self.running.ending() {
                let due = "sleeping until a signal comes";
                return Err(self.context.ended_instead_of(ending, due).into());
            }
            let Some(process) = Process::read(self.running.pid) else {
                return Ok(None);
            };
            let threads = process.thread_list();
            let asleep = !threads.is_empty()
                && process.signals.due() == 0
                && threads.iter().all(Thread::sleeps_in_a_call);
            if !asleep {
                return Ok(None);
            }
            let sleeping = threads.iter().filter(|thread| thread.naps());
            let Some(sleep) = sleeping.clone().find_map(|thread| thread.sleep.as_ref()) else {
                // A thread may wait for another one for a moment.
                let still = threads.len() == 1 || threads == before;
                before = threads;
                return Ok(still.then_some(()));
            };
            if !timed.are_polling(sleeping) {
                return Ok(None);
            }
            self.context.fail(
                Diagnosis::Busy,
                format!(
                    "your program waits in {sleep}, which has a time limit, again and again; it should sleep until a \
                     signal comes"
                ),
            )
        };
        self.until_taken("it to sleep until a signal comes", look)
    }

    fn sleeps_in_print(&self) -> Checked {
        self.context
            .note("see that it sleeps in write(1) until its line has room");
        let pipe = self.running.stdout.pipe();
        let mut stillness = Stillness::default();
        let look = || {
            let threads = self.threads();
            let is_stdout = |tid, number| {
                number == 1 || pipe.is_some() && descriptors::object(tid, number) == pipe
            };
            let prints = |thread: &Thread| {
                thread.awaits(Event::Room, |number| is_stdout(thread.tid, number))
            };
            let there = threads.iter().any(prints)
                && threads
                    .iter()
                    .all(|thread| sleeps_or_has_ended(thread) && !thread.has_signal_due);
            if !there {
                return Ok(None);
            }
            // A thread which naps may wake between two looks, and has nothing to do with the line.
            let (printing, mut others): (Vec<Thread>, Vec<Thread>) =
                threads.into_iter().partition(prints);
            others.retain(|thread| !thread.naps());
            let threads = [printing, others].concat();
            Ok(stillness.holds(threads).then_some(()))
        };
        let goal = "it to sleep in write(1) until its line has room";
        self.context.until(goal, Diagnosis::Stuck, look)
    }

    /// Its threads; none if it has ended.
    fn threads(&self) -> Vec<Thread> {
        let process = Process::read(self.running.pid);
        process.map_or_else(Vec::new, |process| process.thread_list())
    }
}

/// Whether a thread sleeps, or has ended, as a main thread can before the others.
fn sleeps_or_has_ended(thread: &Thread) -> bool {
    matches!(thread.state, 'S' | 'Z')
}
