//! A program in which fork fails.

use super::{Faults, Program};
use crate::{
    failure::{Checked, LabError},
    sys,
};

impl<'a> Faults<'a> {
    /// Makes fork fail in the running program: it may have no more processes (RLIMIT_NPROC 0). The running ones stay.
    pub fn forbid_fork(&self) -> Checked<ForkForbidden<'a>> {
        let program = self.program;
        program
            .context
            .note("let fork fail: lower its limit of processes to 0");
        let before = program.exchange_process_limit(None)?;
        // Only the soft limit: the hard one could not be raised again.
        program.exchange_process_limit(Some(libc::rlimit {
            rlim_cur: 0,
            ..before
        }))?;
        Ok(ForkForbidden { program, before })
    }
}

impl Program {
    fn exchange_process_limit(&self, new: Option<libc::rlimit>) -> Checked<libc::rlimit> {
        match sys::prlimit(self.running.pid, libc::RLIMIT_NPROC, new) {
            Ok(old) => Ok(old),
            // It has ended.
            Err(nix::errno::Errno::ESRCH) => self.fail_because_it_has_ended(),
            Err(errno) => Err(LabError::call("could not limit your program", errno).into()),
        }
    }
}

/// A running program which can make no processes.
#[derive(Debug)]
#[must_use = "it should be allowed again"]
pub struct ForkForbidden<'a> {
    program: &'a Program,
    before: libc::rlimit,
}

impl ForkForbidden<'_> {
    /// Restores the limit: fork succeeds again.
    pub fn allow_again(self) -> Checked {
        self.program.context.note("let fork succeed again");
        self.program
            .exchange_process_limit(Some(self.before))
            .map(drop)
    }
}
