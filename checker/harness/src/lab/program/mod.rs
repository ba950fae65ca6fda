//! The student's program, running: what a test can do with it and expect of it. Each file holds the words of one topic.

mod calls;
mod children;
mod ending;
mod faults;
mod gaps;
mod input;
mod kernel;
mod output;
mod running;
mod server;
mod signals;
mod sleep;
mod stream;

use std::{
    cell::{Cell, RefCell},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    rc::Rc,
};

pub(super) use calls::last_calls;
pub use calls::{CallLine, Mark};
pub use children::Child;
pub use ending::Ending;
pub use faults::{Aim, Place, Trouble};
pub use gaps::Freeze;
pub use running::Running;
pub use server::Server;

use input::Stdin;
use running::make_nonblocking;
use stream::Stream;

use crate::{
    arena::Launch,
    failure::{Attempt, Checked, Diagnosis, Failure},
    lab::{bench::Bench, quote::signal_name, wait::GaveUp},
    observe::processes::{self, Process},
};

/// The student's program.
#[derive(Clone, Debug)]
pub struct Program {
    bench: Rc<Bench>,
    running: Rc<Running>,
}

impl Program {
    pub(super) fn start(bench: &Rc<Bench>, launch: &Launch) -> Checked<Program> {
        let arguments: Vec<_> = launch
            .arguments
            .iter()
            .map(|argument| match argument.to_str() {
                Some(text) => text.to_owned(),
                None => argument.as_bytes().escape_ascii().to_string(),
            })
            .collect();
        let start = match arguments.as_slice() {
            [] => "start your program without arguments".to_owned(),
            arguments => format!("start your program with {}", arguments.join(" ")),
        };
        bench.note(start + &inherited(launch));
        let path = bench.program_path();
        let launch = Launch {
            traced: match bench.arena().needs_tracer() {
                true => !bench.never_follows(),
                false => launch.traced && bench.follows_calls(),
            },
            ..launch.clone()
        };
        let mut child = launch
            .start(path, bench.arena())
            .attempt(&format!("could not execute {}", path.display()))?;
        let pid = child.id() as i32;
        // Without one, an ending is seen at the next sample.
        let pidfd = processes::pidfd(pid, 0).ok();
        let stdin = child.stdin.take();
        if let Some(stdin) = &stdin {
            make_nonblocking(stdin)?;
        }
        // A traced program that has ended already is gone, and its first call is known.
        let own_pid = Process::read(pid)
            .map(|process| process.own_pid)
            .or_else(|| Some(child.tracer.as_ref()?.records().first()?.own_pid))
            .unwrap_or(pid);
        let running = Rc::new(Running {
            pid,
            own_pid,
            tracer: child.tracer.take(),
            pidfd,
            stdin: Stdin {
                file: RefCell::new(stdin),
                queue: RefCell::default(),
                closes: Cell::new(false),
            },
            stdout: Stream::new(child.stdout.take().map(OwnedFd::from))?,
            stderr: Stream::new(child.stderr.take().map(OwnedFd::from))?,
            ending: Cell::new(None),
            killed: Cell::new(false),
        });
        if launch.full_stdout {
            // `Launch::start` has filled it.
            running.stdout.has_been_filled();
        }
        bench.add(running.clone());
        Ok(Program {
            bench: bench.clone(),
            running,
        })
    }

    /// Explains a wait for something that only the program itself can do, and none of its children: when it has ended,
    /// this is the reason, whoever may live on.
    fn explain(&self, gave_up: &GaveUp, goal: &str, diagnosis: Diagnosis) -> Failure {
        let failure = self.bench.explain(gave_up, goal, diagnosis);
        match self.running.fate() {
            Some(ending) => ending.while_waiting_for(goal),
            None => failure,
        }
    }
}

/// What is unusual about a start, to be said behind it.
fn inherited(launch: &Launch) -> String {
    let names = |signals: &[i32]| {
        let names: Vec<String> = signals.iter().copied().map(signal_name).collect();
        names.join(", ")
    };
    let mut text = String::new();
    if !launch.blocked.is_empty() {
        text += &format!(", with {} blocked", names(&launch.blocked));
    }
    if !launch.ignored.is_empty() {
        text += &format!(", with {} ignored", names(&launch.ignored));
    }
    if launch.umask != Launch::UMASK {
        text += &format!(", with the umask {:03o}", launch.umask);
    }
    if launch.full_stdout {
        text += ", with a standard output that is full";
    }
    text
}
