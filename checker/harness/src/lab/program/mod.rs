//! The student's program, running: what a test can do with it and expect of it. Each file holds the words of one topic.

mod calls;
mod children;
mod descriptors;
mod ending;
mod facets;
mod faults;
mod fork;
mod gaps;
mod noise;
mod server;
mod signals;
mod sleep;
mod stderr;
mod stdin;
mod stdout;
mod time_limit;

use std::{
    cell::{Cell, RefCell},
    os::fd::OwnedFd,
    rc::Rc,
    time::Duration,
};

pub use calls::{CallLine, Calls, Mark};
pub(super) use calls::{LastCalls, last_calls};
pub use children::{Child, Children};
pub use descriptors::Descriptors;
pub use faults::{CallFilter, FaultGuard, Faults, FdKind};
pub use fork::ForkForbidden;
pub use gaps::Freeze;
pub use server::Server;
pub use signals::Signaling;
pub use sleep::Sleep;
pub use stderr::Stderr;
pub use stdin::Stdin;
pub use stdout::Stdout;

use nix::errno::Errno;

use crate::{
    failure::{Attempt, Checked, Diagnosis, Stop},
    lab::{
        context::TestContext,
        obstacle::shown,
        programs::{Running, StdinPipe, Stream, make_nonblocking},
        quote::{quoted_argument, signal_name},
    },
    observe::{processes::Process, tracer::Fault},
    sandbox::{Launch, PIPE_PAGE, StandardInput, StandardOutput},
    sys,
};

/// The student's program.
#[derive(Clone, Debug)]
pub struct Program {
    context: Rc<TestContext>,
    running: Rc<Running>,
}

impl Program {
    pub(super) fn start(context: &Rc<TestContext>, launch: &Launch) -> Checked<Program> {
        context.note(beginning(launch));
        if launch.stdout == StandardOutput::Terminal && sys::raw_terminal().is_err() {
            let why = "the test needs a pseudo-terminal, and this machine gives none";
            return Err(Stop::NotChecked(why.to_owned()));
        }
        let path = &context.executable;
        let launch = Launch {
            traced: match context.sandbox.needs_tracer() {
                true => !context.never_follows(),
                false => launch.traced && context.follows_calls(),
            },
            ..launch.clone()
        };
        let mut child = launch
            .start(path, &context.sandbox)
            .attempt(&format!("could not execute {}", path.display()))?;
        let pid = child.id() as i32;
        // Without a pidfd, the end of the program is seen at the next sample.
        let pidfd = sys::pidfd_open(pid, 0).ok();
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
            stdin: StdinPipe {
                file: RefCell::new(stdin.map(Rc::new)),
                queue: RefCell::default(),
                closes: Cell::new(false),
                written: Cell::new(0),
            },
            stdout: Stream::new(child.stdout.take().map(OwnedFd::from), true)?,
            stderr: Stream::new(child.stderr.take().map(OwnedFd::from), false)?,
            ending: Cell::new(None),
            killed: Cell::new(false),
        });
        if let Some(room) = launch.stdout_room {
            // `Launch::start` has filled it.
            running.stdout.has_been_filled(PIPE_PAGE - room);
        }
        context.programs.add(running.clone());
        let program = Program {
            context: context.clone(),
            running,
        };
        if launch.fault.is_some() {
            // Where nothing follows its calls, it meets none.
            program.tracer()?;
        }
        Ok(program)
    }

    /// Its PID as it sees it itself, in the test's pid namespace.
    pub fn own_pid(&self) -> i32 {
        self.running.own_pid
    }

    /// The most memory that it has had in use at any time, in KiB; 0 if it has ended.
    pub fn peak_memory(&self) -> u64 {
        Process::read(self.running.pid).map_or(0, |process| process.peak_kib)
    }

    /// The CPU time that its living processes have used so far, and following them: in steps of 10 ms.
    pub fn cpu_time(&self) -> Duration {
        let programs = &self.context.programs;
        Duration::from_millis(10 * programs.cpu_ticks(&programs.living()))
    }

    /// Waits for something that only the program itself can do, and none of its children: when it has ended, this is the
    /// reason, even if children live on.
    fn until<T>(
        &self,
        goal: &str,
        diagnosis: Diagnosis,
        look: impl FnMut() -> Checked<Option<T>>,
    ) -> Checked<T> {
        self.context.try_until(look)?.map_err(|error| {
            let running = &self.running;
            self.context
                .to_failure_of(running, error, goal, diagnosis)
                .into()
        })
    }

    /// The failure of a program which is not there any more when the test wants to look at it.
    fn fail_because_it_has_ended<T>(&self) -> Checked<T> {
        let (goal, diagnosis) = ("it to go on", Diagnosis::Exited);
        self.context
            .fail_or_exit(goal, diagnosis, "your program has ended")
    }
}

/// The step of a start in the transcript: its arguments, and what is unusual about it.
fn beginning(launch: &Launch) -> String {
    let arguments = launch.arguments.iter();
    let arguments: Vec<_> = arguments
        .map(|argument| quoted_argument(argument))
        .collect();
    let start = match arguments.as_slice() {
        [] => "start your program without arguments".to_owned(),
        arguments => format!("start your program with {}", arguments.join(" ")),
    };
    start + &inherited(launch)
}

/// What is unusual about a start, for its step in the transcript.
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
    if let StandardInput::File(name) = &launch.stdin {
        text += &format!(", with the file {} as its standard input", shown(name));
    }
    match &launch.stdout {
        StandardOutput::Pipe => (),
        StandardOutput::File(name) => {
            text += &format!(", with the file {} as its standard output", shown(name));
        }
        StandardOutput::Terminal => text += ", with a terminal as its standard output",
    }
    if let Some((call, fault)) = launch.fault {
        text += &match fault {
            Fault::Signal(signal) => {
                format!(
                    ", with {} just before its first {call}",
                    signal_name(signal)
                )
            }
            Fault::Errno(errno) => {
                format!(
                    ", whose first {call} is to fail with {:?}",
                    Errno::from_raw(errno)
                )
            }
            Fault::Short(most) => format!(", whose first {call} moves {most} bytes at most"),
        };
    }
    match launch.stdout_room {
        None => (),
        Some(0) => text += ", with a standard output that is full",
        Some(room) => {
            text += &format!(", with a standard output that takes {room} bytes and no more");
        }
    }
    text
}
