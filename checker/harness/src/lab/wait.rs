//! The one place where the lab waits.

use std::{
    iter,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, ppoll};

use super::{
    bench::Bench,
    stillness::{self, Motion, Watch},
    verdict::WaitError,
};
use crate::{
    arena::Room,
    failure::{Checked, Diagnosis, LabError},
    observe::{processes::Process, tracer::Tracer},
};

/// The last resort, for a program which neither sleeps for ever nor uses the processor all the time. A right program
/// does what is due within milliseconds; this leaves room for a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_secs(20);
/// Processor time within one wait from which on a program counts as busy: 2 seconds. What a right program does between
/// two events takes milliseconds.
const BUSY_TICKS: u64 = 200;
/// The same at the deadline, for a program which was hardly seen asleep: others kept the processors busy.
const BUSY_TICKS_AT_LAST: u64 = BUSY_TICKS / 8;
/// In one of so many looks at most it may sleep then: a program that is followed sleeps before its exec.
const SELDOM: u32 = 20;
/// How long all may sleep in calls with a time limit, or in calls which the machine does not let us see.
const DOZE: Duration = Duration::from_secs(5);
/// Before the first sample for a verdict, and between two. Most events come before the first.
const FIRST_SAMPLE: Duration = Duration::from_millis(4);
const SAMPLE: Duration = Duration::from_millis(16);
/// Between two looks for an event of which no descriptor tells: short at first, and twice as long each time, up to this.
const FIRST_LOOK: Duration = Duration::from_micros(250);
const LOOK: Duration = SAMPLE;
/// A wait of nothing would spin.
const SHORTEST_POLL: Duration = Duration::from_micros(50);
/// How many processes and how much memory all processes of a test may have together. A limit of the kernel holds for
/// one process, or for all of the user's.
const MOST_PROCESSES: usize = 160;
const MOST_MEMORY_KIB: u64 = 1 << 20;
/// The same for the disk, in bytes, where no file system of the test's own sets a limit.
const MOST_DISK: u64 = 128 << 20;

/// A file to poll, and the events to poll it for.
pub(super) type PolledFile<'a> = (BorrowedFd<'a>, PollFlags);

/// Twice as long each time.
fn doubling(first: Duration) -> impl Iterator<Item = Duration> {
    iter::successors(Some(first), |pause| Some(LOOK.min(2 * *pause)))
}

impl Bench {
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

    /// The same for who takes the end of the wait for an answer, and not for a failure: no evidence is captured.
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

    /// Waits until `look` finds something, with these pauses between two looks. Meanwhile what the programs print is read,
    /// and they are watched: when nothing can happen any more, the wait ends.
    fn wait_in_steps<T>(
        &self,
        mut pauses: impl Iterator<Item = Duration>,
        files: &[PolledFile<'_>],
        mut look: impl FnMut() -> Checked<Option<T>>,
    ) -> Checked<Result<T, WaitError>> {
        let start = Instant::now();
        // Counted from the first sample on: most waits end before, and to ask takes longer than they do.
        let mut ticks_before = None;
        let mut watch = Watch::for_a_verdict();
        let mut next_sample = start + FIRST_SAMPLE;
        let mut awake = start;
        let (mut samples, mut asleep) = (0, 0);
        loop {
            self.pump()?;
            if let Some(found) = look()? {
                return Ok(Ok(found));
            }
            let now = Instant::now();
            if now >= next_sample {
                let motion = watch.sample(self)?;
                if motion == Motion::Asleep {
                    // What came between the last look and the sample is still to be seen.
                    self.pump()?;
                    return match look()? {
                        Some(found) => Ok(Ok(found)),
                        None => Ok(Err(WaitError::Asleep)),
                    };
                }
                self.guard(watch.living())?;
                let ticks = self.ticks(watch.living());
                let used = ticks.saturating_sub(*ticks_before.get_or_insert(ticks));
                if used > BUSY_TICKS {
                    return Ok(Err(WaitError::Busy));
                }
                samples += 1;
                asleep += u32::from(watch.sees_sleep());
                if motion == Motion::Moving {
                    awake = now;
                }
                let is_awake = asleep <= samples / SELDOM;
                if now - start > DEADLINE && is_awake && used > BUSY_TICKS_AT_LAST {
                    return Ok(Err(WaitError::Busy));
                }
                if now - start > DEADLINE || now - awake > DOZE {
                    return Ok(Err(WaitError::TimedOut));
                }
                next_sample = now + SAMPLE;
            }
            let rest = next_sample.saturating_duration_since(Instant::now());
            self.poll(files, rest.min(pauses.next().unwrap_or(LOOK)))?;
        }
    }

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
            self.read_outputs();
            if found()? {
                return Ok(true);
            }
            if watch.sample(self)? != Motion::Moving || start.elapsed() > Duration::from_secs(1) {
                self.read_outputs();
                return found();
            }
            self.poll(&[], pause)?;
            pause = LOOK.min(2 * pause);
        }
    }

    /// Waits until all processes sleep and nothing is under way.
    pub(super) fn settle(&self) -> Checked {
        let mut watch = Watch::for_the_next_step();
        let look = || match watch.sample(self)? {
            Motion::Moving => Ok(None),
            Motion::Dozing | Motion::Asleep => Ok(Some(())),
        };
        // Rest shows in two looks, with this between them; looks between those would only take time.
        let pause = stillness::SETTLED_AFTER;
        let pauses = iter::repeat_n(pause, 3).chain(doubling(pause));
        match self.wait_in_steps(pauses, &[], look)? {
            Ok(()) | Err(WaitError::Asleep) => Ok(()),
            Err(error) => Err(self
                .to_failure(error, "it to come to rest", Diagnosis::Busy)
                .into()),
        }
    }

    /// Reads what the programs have printed, and ends the test if they print without end.
    pub(super) fn pump(&self) -> Checked {
        self.read_outputs();
        let printed = self.programs().iter().find_map(|program| program.flood());
        match printed {
            None => Ok(()),
            Some(bytes) => self.fail(
                Diagnosis::OutputFlood,
                format!(
                    "your program prints without end: {} MiB so far",
                    bytes >> 20
                ),
            ),
        }
    }

    fn poll(&self, files: &[PolledFile<'_>], limit: Duration) -> Checked {
        let programs = self.programs().clone();
        let hungry: Vec<OwnedFd> = programs
            .iter()
            .filter_map(|program| program.hungry())
            .collect();
        let mut watched: Vec<PollFd<'_>> = files
            .iter()
            .map(|(file, events)| PollFd::new(*file, *events))
            .collect();
        watched.extend(
            hungry
                .iter()
                .map(|file| PollFd::new(file.as_fd(), PollFlags::POLLOUT)),
        );
        for program in &programs {
            watched.extend(
                program
                    .streams()
                    .map(|stream| PollFd::new(stream, PollFlags::POLLIN)),
            );
            if let Some(pidfd) = program.awaited() {
                watched.push(PollFd::new(pidfd, PollFlags::POLLIN));
            }
        }
        let lifeline = self.lifeline();
        watched.extend(lifeline.map(|line| PollFd::new(line.as_fd(), PollFlags::POLLIN)));
        match ppoll(&mut watched, Some(limit.max(SHORTEST_POLL).into()), None) {
            Ok(_) if lifeline.is_some() && watched.last().and_then(PollFd::any) == Some(true) => {
                Err(LabError::new("the checker has gone").into())
            }
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(errno) => Err(LabError::call("could not poll", errno).into()),
        }
    }

    /// The processor time which all processes have used, in ticks, with that of their tracers: a traced program spends
    /// most of its time there when it calls and calls.
    fn ticks(&self, processes: &[Process]) -> u64 {
        let programs: u64 = processes.iter().map(Process::processor_ticks).sum();
        let all = self.programs();
        let tracers = all.iter().filter_map(|program| program.tracer());
        programs + tracers.map(Tracer::processor_ticks).sum::<u64>()
    }

    /// Ends a test whose programs multiply or take all memory, before the machine suffers.
    fn guard(&self, processes: &[Process]) -> Checked {
        if processes.len() > MOST_PROCESSES {
            return self.fail(
                Diagnosis::ProcessLeft,
                format!(
                    "your program has made {} processes, and goes on",
                    processes.len()
                ),
            );
        }
        let memory: u64 = processes.iter().map(|process| process.resident_kib).sum();
        if memory > MOST_MEMORY_KIB {
            return self.fail(
                Diagnosis::OutOfMemory,
                format!("your program uses {} MiB of memory", memory / 1024),
            );
        }
        if let Some(symptom) = self.full_folder() {
            return self.fail(Diagnosis::DiskFilled, symptom);
        }
        // To look at all files takes longer than most waits.
        if self.is_time_for_disk() && self.arena().disk_used() > MOST_DISK {
            return self.fail(
                Diagnosis::DiskFilled,
                "your program fills the disk with its files",
            );
        }
        Ok(())
    }

    /// The symptom of a program that has filled its folder, if it has.
    pub(super) fn full_folder(&self) -> Option<String> {
        let (room, whole) = (self.arena().room()?, Room::WHOLE);
        let with = match room {
            Room { bytes: 0, .. } => format!("{} MiB", whole.bytes >> 20),
            Room { files: 0, .. } => format!("{} files", whole.files),
            _ => return None,
        };
        Some(format!(
            "your program has filled its folder: {with}, and no more fits in"
        ))
    }
}
