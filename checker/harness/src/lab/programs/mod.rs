//! The programs of a test and their processes.

mod ending;
mod pipe;
mod running;
mod stdin;
mod stream;

use std::{
    cell::{Ref, RefCell},
    rc::Rc,
};

pub use ending::Ending;
pub(super) use pipe::{bytes_in_pipe, make_nonblocking};
pub(super) use running::Running;
pub(super) use stdin::StdinPipe;
pub(super) use stream::{FLOOD, Stream};

use crate::{
    failure::LabError,
    observe::{calls::Call, processes::Process, tracer::Tracer},
    sandbox::{Isolation, Sandbox},
    sys,
};

/// The programs which the test has started.
#[derive(Debug)]
pub(super) struct Programs {
    sandbox: Rc<Sandbox>,
    list: RefCell<Vec<Rc<Running>>>,
}

impl Programs {
    pub(super) fn new(sandbox: Rc<Sandbox>) -> Programs {
        Programs {
            sandbox,
            list: RefCell::default(),
        }
    }

    pub(super) fn add(&self, program: Rc<Running>) {
        self.list.borrow_mut().push(program);
    }

    /// All of them, in the order of their start.
    pub(super) fn list(&self) -> Ref<'_, Vec<Rc<Running>>> {
        self.list.borrow()
    }

    /// The one that was started last.
    pub(super) fn last(&self) -> Option<Rc<Running>> {
        self.list().last().cloned()
    }

    /// Whether all have ended.
    pub(super) fn have_ended(&self) -> bool {
        self.list().iter().all(|program| program.ending().is_some())
    }

    /// Ends tracing, and with it all programs that are traced.
    pub(super) fn end_tracing(&self) -> Result<(), LabError> {
        let programs = self.list();
        let ended = programs.iter().map(|program| program.end_tracing());
        ended.fold(Ok(()), Result::and)
    }

    /// Reads what the programs have printed, and sees which have ended.
    pub(super) fn read_outputs(&self) {
        for program in self.list().iter() {
            program.pump();
        }
    }

    /// How many bytes a program has printed on an output, if the test has not asked for more than so many of them.
    pub(super) fn flood(&self, most: usize) -> Option<usize> {
        self.list().iter().find_map(|program| program.flood(most))
    }

    /// Whether a PID is that of a program itself, and not of one of its children.
    pub(super) fn is_main(&self, pid: i32) -> bool {
        self.list().iter().any(|program| program.pid() == pid)
    }

    /// All their processes, zombies too. What an orphan leaves behind is reaped here, because in the machine's own pid
    /// namespace there is no init which would do it for the test.
    pub(super) fn processes(&self) -> Vec<Process> {
        let own = std::process::id() as i32;
        let is_traced = self.list().iter().any(|program| program.tracer().is_some());
        let mut found = Vec::new();
        for process in self.sandbox.processes() {
            let is_program = self.is_main(process.pid);
            if process.is_zombie() && is_program {
                // Ended, and not yet noticed by `read_outputs`.
                continue;
            }
            if process.is_zombie() && process.parent == own {
                debug_assert_eq!(self.sandbox.isolation(), Isolation::Shared);
                if !is_traced {
                    // Else its tracer reaps it.
                    let _ = sys::wait(process.pid, libc::WNOHANG);
                }
                continue;
            }
            found.push(process);
        }
        found
    }

    /// Their processes which have not ended.
    pub(super) fn living(&self) -> Vec<Process> {
        let mut found = self.processes();
        found.retain(|process| !process.is_zombie());
        found
    }

    /// Whether a program may have called alarm or setitimer: of a traced one this is known.
    pub(super) fn may_have_alarms(&self) -> bool {
        self.list().iter().any(|program| {
            program
                .tracer()
                .is_none_or(|tracer| tracer.count(Call::Alarm) > 0)
        })
    }

    /// Whether a thread in this state is stopped by SIGSTOP or a similar signal. /proc shows the same state for one that
    /// has stopped for its tracer, which goes on within microseconds.
    pub(super) fn is_stopped(&self, tid: i32, state: char) -> bool {
        if state != 't' {
            return state == 'T';
        }
        let list = self.list();
        let mut tracers = list
            .iter()
            .filter_map(|program| program.tracer())
            .peekable();
        // Without a tracer of ours, another process traces the thread, and nothing is known about it.
        tracers.peek().is_none() || tracers.any(|tracer| tracer.is_group_stopped(tid))
    }

    /// How many bytes they have taken from their standard inputs.
    pub(super) fn input_taken(&self) -> u64 {
        let list = self.list();
        list.iter().map(|program| program.stdin.taken()).sum()
    }

    /// Whether one of them has printed something.
    pub(super) fn have_printed(&self) -> bool {
        let list = self.list();
        let mut streams = list
            .iter()
            .flat_map(|program| [&program.stdout, &program.stderr]);
        streams.any(|stream| stream.total.get() > 0)
    }

    /// The CPU time which these processes have used, in ticks, with that of the tracers: a traced program spends most of
    /// its time there when it makes many calls.
    pub(super) fn cpu_ticks(&self, processes: &[Process]) -> u64 {
        let programs: u64 = processes.iter().map(Process::processor_ticks).sum();
        let list = self.list();
        let tracers = list.iter().filter_map(|program| program.tracer());
        programs + tracers.map(Tracer::processor_ticks).sum::<u64>()
    }

    /// Whether the calls of one of them are followed.
    pub(super) fn are_followed(&self) -> bool {
        self.list().iter().any(|program| program.tracer().is_some())
    }

    /// How many calls that can wait or move bytes the followed programs have made in a row, none of which moved a byte.
    pub(super) fn fruitless_calls(&self) -> u64 {
        let list = self.list();
        let tracers = list.iter().filter_map(|program| program.tracer());
        tracers.map(Tracer::fruitless_calls).sum()
    }
}
