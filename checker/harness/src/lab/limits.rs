//! What all programs of a test together may use: processes, memory, disk, output.

use std::time::{Duration, Instant};

use super::{context::TestContext, programs::FLOOD};
use crate::{
    failure::{Checked, Diagnosis},
    observe::processes::Process,
    sandbox::Room,
};

/// How many processes and how much memory all processes of a test may have together. A limit of the kernel holds for
/// one process, or for all of the user's; this one is a little lower, so that a program which meets it is told before it
/// tries again and again.
const MOST_PROCESSES: usize = 120;
const MOST_MEMORY_KIB: u64 = 1 << 20;
/// The same for a program that an earlier test has ended because of its memory.
const KNOWN_MEMORY_KIB: u64 = 1 << 18;
/// The same for the disk, in bytes, where no file system of the test's own sets a limit.
const MOST_DISK: u64 = 128 << 20;
/// So many bytes that the test has not asked for are too many when the time of a wait is over.
const FLOOD_AT_LAST: usize = 1 << 20;
/// Between two looks at the disk: to look at all files takes longer than most waits.
const LOOK_AT_DISK: Duration = Duration::from_millis(250);

impl TestContext {
    /// Reads what the programs have printed, and ends the test if they print without end.
    pub(super) fn pump(&self) -> Checked {
        self.programs.read_outputs();
        self.refuse_flood(FLOOD)
    }

    /// Ends the test if the programs have printed much when the time is over: on a busy machine it is over before they have
    /// printed what takes them no second elsewhere.
    pub(super) fn refuse_flood_at_last(&self) -> Checked {
        self.refuse_flood(FLOOD_AT_LAST)
    }

    fn refuse_flood(&self, most: usize) -> Checked {
        match self.programs.flood(most) {
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

    /// Ends a test whose programs multiply or take all memory, before the machine suffers.
    pub(super) fn guard(&self, processes: &[Process]) -> Checked {
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
        let most = match self.reputation().is_greedy {
            true => KNOWN_MEMORY_KIB,
            false => MOST_MEMORY_KIB,
        };
        if memory > most {
            return self.fail(
                Diagnosis::OutOfMemory,
                format!("your program uses {} MiB of memory", memory / 1024),
            );
        }
        if let Some(symptom) = self.full_folder() {
            return self.fail(Diagnosis::DiskFilled, symptom);
        }
        if self.is_time_for_disk() && self.sandbox.disk_used() > MOST_DISK {
            return self.fail(
                Diagnosis::DiskFilled,
                "your program fills the disk with its files",
            );
        }
        Ok(())
    }

    /// The symptom of a program that has filled its folder, if it has.
    pub(super) fn full_folder(&self) -> Option<String> {
        let (room, whole) = (self.sandbox.room()?, Room::WHOLE);
        let with = match room {
            Room { bytes: 0, .. } => format!("{} MiB", whole.bytes >> 20),
            Room { files: 0, .. } => format!("{} files", whole.files),
            _ => return None,
        };
        Some(format!(
            "your program has filled its folder: {with}, and no more fits in"
        ))
    }

    fn is_time_for_disk(&self) -> bool {
        let is_time = self.disk_seen.get().elapsed() > LOOK_AT_DISK;
        if is_time {
            self.disk_seen.set(Instant::now());
        }
        is_time
    }
}
