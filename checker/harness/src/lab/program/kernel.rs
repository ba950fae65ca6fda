//! What the kernel shows of the program and allows it: numbers, descriptors, memory, limits.

use super::Program;
use crate::{
    failure::{Attempt, Checked, Diagnosis, LabError},
    observe::{
        descriptors::{self, Descriptor},
        processes::Process,
    },
};

impl Program {
    /// Its process number as it sees it itself, in the test's pid namespace.
    pub fn own_pid(&self) -> i32 {
        self.running.own_pid
    }

    /// Its open descriptors.
    pub fn descriptors(&self) -> Vec<Descriptor> {
        descriptors::of(self.running.pid)
    }

    /// Waits until it holds no more descriptors than `before` (see [`Program::descriptors`]).
    ///
    /// # Errors
    ///
    /// When more stay.
    pub fn expect_no_leaked_descriptor(&self, before: &[Descriptor]) -> Checked {
        self.context
            .note("expect that it holds no more descriptors than before");
        let look = || Ok((self.descriptors().len() <= before.len()).then_some(()));
        self.context.try_until(look)?.map_err(|error| {
            let goal = match self.descriptors().len().saturating_sub(before.len()) {
                1 => "it to close a descriptor that it no longer needs".to_owned(),
                count => format!("it to close {count} descriptors that it no longer needs"),
            };
            let diagnosis = Diagnosis::DescriptorLeaked;
            self.context.to_failure(error, &goal, diagnosis).into()
        })
    }

    /// The most memory that it has had in use at any time, in KiB; 0 if it has ended.
    pub fn peak_memory(&self) -> u64 {
        Process::read(self.running.pid).map_or(0, |process| process.peak_kib)
    }

    /// Changes a limit of the running program (prlimit(2)): `libc::RLIMIT_NPROC` 0 makes fork fail,
    /// `libc::RLIMIT_NOFILE` makes accept fail. A limit which is lowered stays so.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn limit(&self, resource: u32, most: u64) -> Checked {
        let limit = libc::rlimit {
            rlim_cur: most,
            rlim_max: most,
        };
        // SAFETY: a number, a number, a structure that is alive during the call, and null for no answer.
        let result = unsafe {
            libc::prlimit(
                self.running.pid,
                resource as _,
                &raw const limit,
                std::ptr::null_mut(),
            )
        };
        nix::errno::Errno::result(result).attempt("could not limit your program")?;
        Ok(())
    }

    /// Makes fork fail in the running program: it may have no more processes (RLIMIT_NPROC 0). The running ones stay.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn forbid_fork(&self) -> Checked<Forbidden<'_>> {
        self.context
            .note("let fork fail: lower its limit of processes to 0");
        let before = self.exchange_process_limit(None)?;
        // Only the soft limit: the hard one could not be raised again.
        self.exchange_process_limit(Some(libc::rlimit {
            rlim_cur: 0,
            ..before
        }))?;
        Ok(Forbidden {
            program: self,
            before,
        })
    }

    fn exchange_process_limit(&self, new: Option<libc::rlimit>) -> Checked<libc::rlimit> {
        let mut old = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        let new = new
            .as_ref()
            .map_or(std::ptr::null(), |limit| &raw const *limit);
        // SAFETY: two numbers, and two structures (or null) that are alive during the call.
        let result =
            unsafe { libc::prlimit(self.running.pid, libc::RLIMIT_NPROC, new, &raw mut old) };
        match nix::errno::Errno::result(result) {
            Ok(_) => Ok(old),
            // It has ended.
            Err(nix::errno::Errno::ESRCH) => self.fail_because_it_has_ended(),
            Err(errno) => Err(LabError::call("could not limit your program", errno).into()),
        }
    }
}

/// A running program which can make no processes.
#[derive(Debug)]
#[must_use = "it should be allowed again"]
pub struct Forbidden<'a> {
    program: &'a Program,
    before: libc::rlimit,
}

impl Forbidden<'_> {
    /// Gives it its old limit back.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn allow_again(self) -> Checked {
        self.program.context.note("let fork succeed again");
        self.program
            .exchange_process_limit(Some(self.before))
            .map(drop)
    }
}
