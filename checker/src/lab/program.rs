//! The student's program, running.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, VecDeque},
    fs::File,
    io::{self, Read, Write},
    net::SocketAddr,
    ops::Deref,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
    process::ChildStdin,
    rc::Rc,
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use serde::{Deserialize, Serialize};

use super::{bench::Bench, tcp::Connection, wait::GaveUp};
use crate::{
    arena::Launch,
    failure::{Attempt, Checked, Comparison, Diagnosis, Failure, LabError},
    observe::{
        calls::Call,
        descriptors::{self, Descriptor, Object},
        processes::{Process, Signals, Thread},
        sockets::{self, State},
    },
};

pub(super) use crate::observe::sockets::Transport;

/// Bytes which the test has not asked for yet: more than this is a program that prints without end.
const FLOOD: usize = 32 << 20;
/// How much of an output a report keeps.
const HEAD: usize = 2 << 10;
const TAIL: usize = 4 << 10;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// With this exit status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

/// A started program, as the bench keeps it.
#[derive(Debug)]
pub struct Running {
    pid: i32,
    /// Becomes readable when the process ends.
    pidfd: Option<OwnedFd>,
    stdin: Stdin,
    stdout: Stream,
    stderr: Stream,
    ending: Cell<Option<Ending>>,
    /// Whether the test itself has ended it with SIGKILL.
    killed: Cell<bool>,
}

/// A program's input.
#[derive(Debug)]
struct Stdin {
    file: RefCell<Option<ChildStdin>>,
    /// What is written as soon as there is room, while the test does other things.
    queue: RefCell<VecDeque<u8>>,
    /// Whether it is closed when all of that is written.
    closes: Cell<bool>,
}

/// One of a program's outputs.
#[derive(Debug)]
struct Stream {
    file: File,
    /// False when the last process that could write has closed it.
    open: Cell<bool>,
    /// True while nobody reads from it, and bytes that are not the program's fill it.
    full: Cell<bool>,
    /// What came, and the test has not asked for yet.
    unread: RefCell<VecDeque<u8>>,
    /// How many bytes of that are known to hold no line end.
    searched: Cell<usize>,
    /// The beginning of all that came, for reports: the message of a panic comes before its backtrace.
    head: RefCell<Vec<u8>>,
    /// The end of all that came, for reports.
    tail: RefCell<VecDeque<u8>>,
    total: Cell<usize>,
}

/// The student's program.
#[derive(Clone, Debug)]
pub struct Program {
    bench: Rc<Bench>,
    running: Rc<Running>,
}

/// The process which a server has made for one client.
#[derive(Clone, Debug)]
pub struct Child {
    server: Program,
    /// `the child of client 1`
    name: String,
    pid: i32,
    own_pid: i32,
}

/// The student's program as a server, with the address on which it listens.
#[derive(Clone, Debug)]
pub struct Server {
    program: Program,
    /// What it has announced.
    said: SocketAddr,
    /// Where its clients go.
    address: SocketAddr,
}

impl Program {
    pub(super) fn start(bench: &Rc<Bench>, launch: &Launch) -> Checked<Program> {
        let arguments: Vec<_> = launch
            .arguments
            .iter()
            .map(|a| a.to_string_lossy())
            .collect();
        let start = match arguments.as_slice() {
            [] => "start your program without arguments".to_owned(),
            arguments => format!("start your program with {}", arguments.join(" ")),
        };
        bench.note(start + &inherited(launch));
        let path = bench.program_path();
        let mut child = launch
            .start(path, bench.arena())
            .attempt(&format!("could not execute {}", path.display()))?;
        let pid = child.id() as i32;
        // SAFETY: takes a number, makes a new descriptor.
        let pidfd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) } as i32;
        let stdin = child.stdin.take();
        if let Some(stdin) = &stdin {
            make_nonblocking(stdin)?;
        }
        let running = Rc::new(Running {
            pid,
            // SAFETY: if it is not negative, the kernel has just made it, and nobody else knows it. Without one, an
            // ending is seen at the next sample.
            pidfd: (pidfd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(pidfd) }),
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
            running.stdout.full.set(true);
        }
        bench.add(running.clone());
        Ok(Program {
            bench: bench.clone(),
            running,
        })
    }

    // Standard input and output

    /// Writes to its standard input, and waits until the pipe has taken all.
    ///
    /// # Errors
    ///
    /// When it sleeps for ever without reading, or has ended.
    pub fn write_stdin(&self, bytes: impl AsRef<[u8]>) -> Checked {
        self.feed_stdin(bytes);
        let goal = "it to read its standard input";
        let stdin = &self.running.stdin;
        let look =
            || Ok((stdin.queue.borrow().is_empty() || stdin.file.borrow().is_none()).then_some(()));
        match self.bench.wait(&[], look)? {
            Ok(()) if stdin.queue.borrow().is_empty() => Ok(()),
            Ok(()) => {
                let closed = Failure::new(
                    Diagnosis::ClosedEarly,
                    "your program has closed its standard input; the test has more to write",
                );
                Err(self.bench.blame(goal, closed)?.into())
            }
            Err(gave_up) => Err(self.bench.explain(&gave_up, goal, Diagnosis::Stuck).into()),
        }
    }

    /// Has these bytes written to its standard input as soon as it makes room, while the test goes on. If it closes
    /// its input or ends, the rest is forgotten.
    pub fn feed_stdin(&self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.bench
            .note(format!("write {} to its standard input", brief(bytes)));
        self.running.stdin.queue.borrow_mut().extend(bytes);
        self.running.stdin.pump();
    }

    /// Closes its standard input, as soon as all is written: its next read finds the end of the file.
    pub fn close_stdin(&self) {
        self.bench.note("close its standard input");
        self.running.stdin.closes.set(true);
        self.running.stdin.pump();
    }

    /// Waits until it has read all of its standard input so far, and sleeps in the next read of it.
    ///
    /// # Errors
    ///
    /// When it does not read it.
    pub fn wait_until_stdin_read(&self) -> Checked {
        self.bench
            .note("wait until it has read its standard input and waits for more");
        let look = || {
            let stdin = &self.running.stdin;
            let unread = stdin
                .file
                .borrow()
                .as_ref()
                .map_or(0, |file| bytes_in_pipe(file.as_fd()));
            let reads = Process::read(self.running.pid).is_some_and(|process| {
                process.thread_list().iter().any(|thread| {
                    thread.state == 'S'
                        && (thread.hidden
                            || thread.sleep.as_ref().is_some_and(|sleep| {
                                sleep.call == Some(Call::Poll)
                                    || sleep.call == Some(Call::Read)
                                        && sleep
                                            .descriptor
                                            .is_some_and(|number| self.is_stdin(number))
                            }))
                })
            });
            Ok((unread == 0 && stdin.queue.borrow().is_empty() && reads).then_some(()))
        };
        match self.bench.wait(&[], look)? {
            Ok(()) => Ok(()),
            Err(gave_up) => {
                let goal = "it to read its standard input";
                Err(self.bench.explain(&gave_up, goal, Diagnosis::Stuck).into())
            }
        }
    }

    /// Stops reading its standard output and fills the pipe, so that its next write to it sleeps.
    ///
    /// # Errors
    ///
    /// When the pipe cannot be filled.
    pub fn fill_stdout(&self) -> Checked {
        self.bench
            .note("fill its standard output, and do not read it");
        self.bench.pump()?;
        Ok(self.running.stdout.fill()?)
    }

    /// Makes room on its standard output again, and reads on.
    ///
    /// # Errors
    ///
    /// When the pipe cannot be read.
    pub fn drain_stdout(&self) -> Checked {
        self.bench.note("read its standard output again");
        Ok(self.running.stdout.drain()?)
    }

    /// Waits for its next line on standard output, which must be this one (given without `\n`).
    ///
    /// # Errors
    ///
    /// When another line comes, or none.
    pub fn expect_line(&self, expected: impl AsRef<[u8]>) -> Checked {
        let expected = expected.as_ref();
        self.bench.note(format!(
            "expect the line {} on its standard output",
            quoted(expected)
        ));
        let goal = format!("the line {}", quoted(expected));
        let line = self.line_of_output(&goal)?;
        match Comparison::of_text("the line", expected, &line) {
            None => Ok(()),
            difference => {
                self.bench.keep_scene();
                Err(Failure::new(
                    Diagnosis::WrongOutput,
                    format!(
                        "your program prints {}; the test expects {}",
                        quoted(&line),
                        quoted(expected)
                    ),
                )
                .comparing(difference)
                .into())
            }
        }
    }

    /// Waits for its next line on standard output, and returns it without `\n`.
    ///
    /// # Errors
    ///
    /// When none comes.
    pub fn next_line(&self) -> Checked<Vec<u8>> {
        self.bench.note("wait for a line on its standard output");
        self.line_of_output("a line on standard output")
    }

    /// The same for one of many lines: the diary tells it in the caller's step, and `goal` completes the sentence "the
    /// test waits for …".
    ///
    /// # Errors
    ///
    /// When none comes.
    pub fn next_line_for(&self, goal: &str) -> Checked<Vec<u8>> {
        self.line_of_output(goal)
    }

    fn line_of_output(&self, goal: &str) -> Checked<Vec<u8>> {
        let look = || Ok(self.running.stdout.take_line());
        match self.bench.wait(&[], look)? {
            Ok(Some(line)) => Ok(line),
            Ok(None) => {
                let mut failure = self.output_ended(goal)?;
                let partial = self.running.stdout.unread();
                if !partial.is_empty() {
                    failure.symptom += &format!("; {} has no \\n behind it", quoted(&partial));
                }
                Err(failure.into())
            }
            Err(gave_up) => {
                let failure = self.explain(&gave_up, goal, Diagnosis::Stuck);
                let partial = self.running.stdout.unread();
                let comparison = (!partial.is_empty())
                    .then(|| {
                        Comparison::of_text("standard output (no line end yet)", b"", &partial)
                    })
                    .flatten();
                Err(failure.comparing(comparison).into())
            }
        }
    }

    /// Waits for exactly these bytes on standard output.
    ///
    /// # Errors
    ///
    /// When other bytes come, or not all of them.
    pub fn expect_stdout(&self, expected: impl AsRef<[u8]>) -> Checked {
        let expected = expected.as_ref();
        self.bench
            .note(format!("expect {} on its standard output", brief(expected)));
        // Each look compares what is new since the last one: there are many looks at a long answer.
        let mut compared = 0;
        let look = || {
            let stdout = &self.running.stdout;
            let mut unread = stdout.unread.borrow_mut();
            let known = unread.len().min(expected.len());
            let differs = unread.make_contiguous()[compared..known] != expected[compared..known];
            compared = known;
            Ok((differs || known == expected.len() || !stdout.open.get()).then_some(()))
        };
        let waited = self.bench.wait(&[], look)?;
        let mut got = self.running.stdout.unread();
        got.truncate(expected.len());
        let comparison = Comparison::of("standard output", expected, &got);
        if comparison.is_none() {
            self.running
                .stdout
                .unread
                .borrow_mut()
                .drain(..expected.len());
            self.running.stdout.searched.set(0);
            return Ok(());
        }
        let goal = format!("{} on standard output", brief(expected));
        let failure = match waited {
            Ok(()) if expected.starts_with(&got) => self.output_ended(&goal)?,
            Ok(()) => Failure::new(
                Diagnosis::WrongOutput,
                "your program prints other bytes than it should",
            ),
            Err(gave_up) => self.bench.explain(&gave_up, &goal, Diagnosis::Stuck),
        };
        Err(failure.comparing(comparison).into())
    }

    /// Waits until its standard output is closed, by all processes that hold it; nothing more may come.
    ///
    /// # Errors
    ///
    /// When more comes, or the end does not.
    pub fn expect_stdout_end(&self) -> Checked {
        self.bench
            .note("expect nothing more on its standard output");
        let look = || {
            let stdout = &self.running.stdout;
            Ok((!stdout.open.get() || !stdout.unread.borrow().is_empty()).then_some(()))
        };
        match self.bench.wait(&[], look)? {
            Ok(()) => self.expect_nothing_printed(),
            Err(gave_up) => {
                let goal = "the end of its standard output";
                Err(self
                    .bench
                    .explain(&gave_up, goal, Diagnosis::StillRunning)
                    .into())
            }
        }
    }

    /// Waits until its standard output is closed, by all processes that hold it. What has come by then must be these
    /// bytes or the beginning of them, for a program which may stop printing when it sees that something is wrong.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::WrongOutput`] when a byte differs, [`Diagnosis::ExtraOutput`] when more come, and when the end does
    /// not.
    pub fn expect_stdout_part(&self, whole: impl AsRef<[u8]>) -> Checked {
        let whole = whole.as_ref();
        self.bench.note(format!(
            "expect {}, or the beginning of it, on its standard output",
            brief(whole)
        ));
        let stdout = &self.running.stdout;
        let ended = || Ok((!stdout.open.get()).then_some(()));
        if let Err(gave_up) = self.bench.wait(&[], ended)? {
            let goal = "the end of its standard output";
            return Err(self
                .bench
                .explain(&gave_up, goal, Diagnosis::StillRunning)
                .into());
        }
        let got = stdout.unread();
        let part = &got[..got.len().min(whole.len())];
        if !whole.starts_with(part) {
            return Err(Failure::new(
                Diagnosis::WrongOutput,
                "your program prints other bytes than it should",
            )
            .comparing(Comparison::of("standard output", whole, &got))
            .into());
        }
        stdout.unread.borrow_mut().drain(..part.len());
        self.expect_nothing_printed()
    }

    /// Waits until it sleeps; nothing may have come on standard output.
    ///
    /// # Errors
    ///
    /// When something has.
    pub fn expect_quiet_stdout(&self) -> Checked {
        self.bench.note("see that it prints nothing more");
        self.bench.settle()?;
        self.expect_nothing_printed()
    }

    /// Sees that nothing more has come on standard output so far.
    ///
    /// # Errors
    ///
    /// When something has.
    pub fn expect_nothing_printed_yet(&self) -> Checked {
        self.bench.note("see that it has printed nothing more");
        self.bench.pump()?;
        self.expect_nothing_printed()
    }

    fn expect_nothing_printed(&self) -> Checked {
        let extra = self.running.stdout.unread();
        match Comparison::of_text("standard output", b"", &extra) {
            None => Ok(()),
            difference => Err(Failure::new(
                Diagnosis::ExtraOutput,
                format!("your program prints {} more than it should", brief(&extra)),
            )
            .comparing(difference)
            .into()),
        }
    }

    /// Waits for the end of its standard output, which must be these lines (given without `\n`) and nothing else. For
    /// a program which prints its results and ends: here a missing line is the matter, and not the end.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::ExtraOutput`] when these lines come and more, [`Diagnosis::WrongOutput`] when one of them differs
    /// or is missing.
    pub fn expect_all_output(&self, lines: &[impl AsRef<[u8]>]) -> Checked {
        self.bench.note(match lines.len() {
            0 => "expect nothing on its standard output".to_owned(),
            1 => format!(
                "expect the line {} and nothing else on its standard output",
                quoted(lines[0].as_ref())
            ),
            count => format!("expect {count} lines and nothing else on its standard output"),
        });
        let stdout = &self.running.stdout;
        let ended = || Ok((!stdout.open.get()).then_some(()));
        if let Err(gave_up) = self.bench.wait(&[], ended)? {
            let goal = "the end of its standard output";
            return Err(self
                .bench
                .explain(&gave_up, goal, Diagnosis::StillRunning)
                .into());
        }
        for (index, expected) in lines.iter().map(AsRef::as_ref).enumerate() {
            let symptom = match stdout.take_line().flatten() {
                Some(line) if line == expected => continue,
                Some(line) => {
                    let symptom = format!(
                        "your program prints {}; the test expects {}",
                        quoted(&line),
                        quoted(expected)
                    );
                    return Err(Failure::new(Diagnosis::WrongOutput, symptom)
                        .comparing(Comparison::of_text("the line", expected, &line))
                        .into());
                }
                None if !stdout.unread().is_empty() => format!(
                    "your program prints {} without a line end; the test expects {} and then \\n",
                    quoted(&stdout.unread()),
                    quoted(expected)
                ),
                None => match index {
                    0 => format!(
                        "your program prints nothing; the test expects {}",
                        quoted(expected)
                    ),
                    1 => format!(
                        "your program prints 1 line; the test expects {}",
                        lines.len()
                    ),
                    index => format!(
                        "your program prints {index} lines; the test expects {}",
                        lines.len()
                    ),
                },
            };
            return Err(Failure::new(Diagnosis::WrongOutput, symptom).into());
        }
        self.expect_nothing_printed()
    }

    /// Whether this descriptor of the program's is its standard input: number 0, or a copy (dup(2), /dev/stdin).
    fn is_stdin(&self, number: i32) -> bool {
        let file = self.running.stdin.file.borrow();
        let own = file.as_ref().and_then(|file| {
            descriptors::object(std::process::id() as i32, file.as_fd().as_raw_fd())
        });
        number == 0 || own.is_some() && own == descriptors::object(self.running.pid, number)
    }

    fn output_ended(&self, goal: &str) -> Checked<Failure> {
        let closed = Failure::new(
            Diagnosis::OutputClosed,
            format!("your program has closed its standard output; the test waits for {goal}"),
        );
        self.bench.blame(goal, closed)
    }

    // Its end

    /// Waits until it ends, which it must do with this exit status.
    ///
    /// # Errors
    ///
    /// When it ends otherwise, or not at all.
    pub fn expect_exit(&self, status: i32) -> Checked {
        self.bench
            .note(format!("expect it to end with exit status {status}"));
        let ending = self.wait_for_end("it to end")?;
        if ending == Ending::Status(status) {
            return Ok(());
        }
        Err(match ending {
            Ending::Status(got) if got != Ending::PANIC => Failure::new(
                Diagnosis::WrongStatus,
                format!("your program ends with exit status {got}; {status} is right here"),
            ),
            ending => ending.instead_of("ending as it should"),
        }
        .into())
    }

    /// Sees that it has written something on standard error. Ask when it has ended: then all that it will ever say is
    /// there.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::WrongOutput`] when it has not.
    pub fn expect_reason_on_stderr(&self) -> Checked {
        self.bench
            .note("see that it has given a reason on its standard error");
        self.bench.pump()?;
        match self.running.stderr.total.get() {
            0 => Err(Failure::new(
                Diagnosis::WrongOutput,
                "your program ends without a word on standard error",
            )
            .into()),
            _ => Ok(()),
        }
    }

    /// Waits until it ends, however it does.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub fn wait_for_end(&self, goal: &str) -> Checked<Ending> {
        match self.bench.wait(&[], || Ok(self.running.ending()))? {
            Ok(ending) => Ok(ending),
            Err(gave_up) => Err(self
                .bench
                .explain(&gave_up, goal, Diagnosis::StillRunning)
                .into()),
        }
    }

    /// Sees that it has not ended, after it has come to rest.
    ///
    /// # Errors
    ///
    /// When it has.
    pub fn expect_alive(&self) -> Checked {
        self.bench.note("see that it still runs");
        self.bench.settle()?;
        match self.running.ending() {
            None => Ok(()),
            Some(ending) => {
                self.bench.keep_scene();
                Err(ending.instead_of("going on").into())
            }
        }
    }

    /// Ends it with SIGKILL, and waits until it has ended. Its children live on.
    ///
    /// # Errors
    ///
    /// When the kernel does not end it.
    pub fn kill(&self) -> Checked {
        self.bench.note("end it with SIGKILL");
        self.running.killed.set(true);
        self.send(libc::SIGKILL)?;
        self.wait_for_end("it to be killed").map(drop)
    }

    // Signals

    /// Sends it a signal (kill(2)).
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn signal(&self, signal: i32) -> Checked {
        self.bench.note(format!("send it {}", signal_name(signal)));
        self.send(signal)
    }

    fn send(&self, signal: i32) -> Checked {
        if self.running.ending().is_some() {
            return Ok(());
        }
        // SAFETY: takes two numbers. The process has not been waited for, so that its number is still its own.
        let result = unsafe { libc::kill(self.running.pid, signal) };
        nix::errno::Errno::result(result).attempt("could not send a signal to your program")?;
        Ok(())
    }

    /// Sends it a signal and waits until it has taken it: the signal is no longer pending, and the program sleeps again
    /// or has ended.
    ///
    /// # Errors
    ///
    /// When it sleeps for ever with the signal blocked.
    pub fn deliver(&self, signal: i32) -> Checked {
        self.bench.note(format!(
            "send it {} and wait until it has taken it",
            signal_name(signal)
        ));
        self.send(signal)?;
        let look = || {
            let Some(process) =
                Process::read(self.running.pid).filter(|process| !process.is_zombie())
            else {
                return Ok(Some(()));
            };
            let is_pending = Signals::contains(process.signals.due(), signal);
            Ok((!is_pending && process.state == 'S').then_some(()))
        };
        match self.bench.wait(&[], look)? {
            Ok(()) => Ok(()),
            Err(gave_up) => {
                let goal = format!("it to take {}", signal_name(signal));
                Err(self.untaken(&gave_up, &goal).into())
            }
        }
    }

    /// Waits until it sleeps, in a call which has no time limit and with no signal left to take.
    ///
    /// # Errors
    ///
    /// When it has ended; when it sleeps for ever with a signal blocked; when it is not asleep, or only naps.
    pub fn expect_asleep(&self) -> Checked {
        // A nap that is seen this often is no accident.
        const NAPS: usize = 8;
        self.bench.note("see that it sleeps until a signal comes");
        let mut before = Vec::new();
        let mut naps = 0;
        let look = || {
            if let Some(ending) = self.running.ending() {
                return Err(ending.instead_of("sleeping until a signal comes").into());
            }
            let Some(process) = Process::read(self.running.pid) else {
                return Ok(None);
            };
            let threads = process.thread_list();
            let asleep = !threads.is_empty()
                && process.signals.due() == 0
                && threads
                    .iter()
                    .all(|thread| thread.state == 'S' && (thread.hidden || thread.sleep.is_some()));
            if !asleep {
                return Ok(None);
            }
            let nap = threads
                .iter()
                .filter_map(|thread| thread.sleep.as_ref())
                .find(|sleep| sleep.call.is_some() && !sleep.endless);
            let Some(nap) = nap else {
                // A thread may wait for another one for a moment.
                let still = threads.len() == 1 || threads == before;
                before = threads;
                return Ok(still.then_some(()));
            };
            naps += 1;
            if naps < NAPS {
                return Ok(None);
            }
            Err(Failure::new(
                Diagnosis::Busy,
                format!(
                    "your program waits in {nap}, which has a time limit, again and again; it should sleep until a \
                     signal comes"
                ),
            )
            .into())
        };
        match self.bench.wait(&[], look)? {
            Ok(()) => Ok(()),
            Err(gave_up) => Err(self
                .untaken(&gave_up, "it to sleep until a signal comes")
                .into()),
        }
    }

    /// The failure of a program which does not come to take a signal. If it sleeps, and signals are pending and
    /// blocked, then this is the reason.
    fn untaken(&self, gave_up: &GaveUp, goal: &str) -> Failure {
        let signals = Process::read(self.running.pid).map(|process| process.signals);
        let held: Vec<String> = signals
            .map(|signals| signals.due() & signals.blocked)
            .into_iter()
            .flat_map(|held| (1..=64).filter(move |&signal| Signals::contains(held, signal)))
            .map(signal_name)
            .collect();
        match gave_up {
            GaveUp::Asleep(sleepers) if !held.is_empty() => Failure::new(
                Diagnosis::WrongDisposition,
                format!(
                    "{} for ever: {} pending, but blocked",
                    self.bench.says_instead(sleepers),
                    match held.as_slice() {
                        [one] => format!("{one} is"),
                        several => format!("{} are", several.join(" and ")),
                    }
                ),
            ),
            _ => self.bench.explain(gave_up, goal, Diagnosis::Stuck),
        }
    }

    /// Waits until one of its threads sleeps in write(1), because standard output is full, and until no signal is left
    /// which would wake it there.
    ///
    /// # Errors
    ///
    /// When it has ended, or does not write.
    pub fn expect_asleep_in_print(&self) -> Checked {
        self.bench
            .note("see that it sleeps in write(1) until its line has room");
        let mut before = Vec::new();
        let look = || {
            let threads = Process::read(self.running.pid)
                .map(|process| process.thread_list())
                .unwrap_or_default();
            let is_printing = |thread: &Thread| {
                thread.hidden
                    || thread.sleep.as_ref().is_some_and(|sleep| {
                        sleep.call == Some(Call::Write) && sleep.descriptor == Some(1)
                    })
            };
            let there = threads.iter().any(is_printing)
                && threads
                    .iter()
                    .all(|thread| thread.state == 'S' && !thread.wakes);
            let twice = there && threads == before;
            before = threads;
            Ok(twice.then_some(()))
        };
        match self.bench.wait(&[], look)? {
            Ok(()) => Ok(()),
            Err(gave_up) => {
                let goal = "it to sleep in write(1) until its line has room";
                Err(self.bench.explain(&gave_up, goal, Diagnosis::Stuck).into())
            }
        }
    }

    /// Stops it with SIGSTOP, and waits until it has stopped. Freeze it only when it is known what it does: see
    /// [`Program::wait_until_in`].
    ///
    /// # Errors
    ///
    /// When it does not stop.
    pub fn freeze(&self) -> Checked {
        self.bench.note("freeze it (SIGSTOP)");
        self.send(libc::SIGSTOP)?;
        // Every thread: one that still runs may take a signal that is sent next.
        self.wait_for_state("it to stop", |state| matches!(state, 'T' | 't' | 'Z' | 'X'))
    }

    /// Lets it go on with SIGCONT.
    ///
    /// # Errors
    ///
    /// When it does not go on.
    pub fn resume(&self) -> Checked {
        self.bench.note("let it go on (SIGCONT)");
        self.send(libc::SIGCONT)?;
        self.wait_for_state("it to go on", |state| !matches!(state, 'T' | 't'))
    }

    fn wait_for_state(&self, goal: &str, is_right: impl Fn(char) -> bool) -> Checked {
        let look = || {
            let threads = Process::read(self.running.pid).map(|process| process.thread_list());
            let right = threads
                .unwrap_or_default()
                .iter()
                .all(|thread| is_right(thread.state));
            Ok(right.then_some(()))
        };
        match self.bench.wait(&[], look)? {
            Ok(()) => Ok(()),
            Err(gave_up) => Err(self.bench.explain(&gave_up, goal, Diagnosis::Stuck).into()),
        }
    }

    /// Waits until its main thread sleeps in a call of this kind.
    ///
    /// # Errors
    ///
    /// When it sleeps in another call, for ever.
    pub fn wait_until_in(&self, call: Call) -> Checked {
        self.wait_until_in_any(&[call])
    }

    /// Waits until its main thread sleeps in a call of one of these kinds.
    ///
    /// # Errors
    ///
    /// When it sleeps in another call, for ever.
    pub fn wait_until_in_any(&self, calls: &[Call]) -> Checked {
        let names: Vec<String> = calls
            .iter()
            .map(|call| format!("{call:?}").to_lowercase())
            .collect();
        let goal = format!("it to sleep in {}", names.join(" or "));
        self.bench.note(format!("wait for {goal}"));
        self.wait_for_call(&goal, |call| calls.contains(&call))
    }

    /// Waits until its main thread sleeps, and not because it waits for a child.
    ///
    /// # Errors
    ///
    /// When it waits for a child, for ever.
    pub fn wait_until_it_rests(&self) -> Checked {
        self.bench.note("wait until it sleeps");
        self.wait_for_call("it to wait for clients", |call| call != Call::Wait)
    }

    fn wait_for_call(&self, goal: &str, is_right: impl Fn(Call) -> bool) -> Checked {
        let mut before = None;
        let look = || {
            let threads = Process::read(self.running.pid).map(|process| process.thread_list());
            let main = threads
                .unwrap_or_default()
                .into_iter()
                .find(|thread| thread.tid == self.running.pid);
            let there = main.as_ref().is_some_and(|thread| {
                let call = thread.sleep.as_ref().and_then(|sleep| sleep.call);
                let asleep = thread.state == 'S' && !thread.wakes;
                asleep && (thread.hidden || call.is_some_and(&is_right))
            });
            let twice = there && before == main;
            before = main;
            Ok(twice.then_some(()))
        };
        match self.bench.wait(&[], look)? {
            Ok(()) => Ok(()),
            Err(gave_up) => Err(self.explain(&gave_up, goal, Diagnosis::Stuck).into()),
        }
    }

    /// Waits until it sleeps in a call which waits for data or events, as a server does that has nothing to do.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::Busy`] when it looks for work again and again instead, be it with naps between; [`Diagnosis::Stuck`]
    /// when it sleeps in another call, for ever.
    pub fn wait_until_idle(&self) -> Checked {
        const GOAL: &str = "it to sleep until something comes";
        /// One nap may have another reason. So many are a habit.
        const MOST_NAPS: usize = 3;
        self.bench.note(format!("wait for {GOAL}"));
        let mut before = Vec::new();
        let mut naps = BTreeSet::new();
        let look = || {
            let threads = Process::read(self.running.pid)
                .map(|process| process.thread_list())
                .unwrap_or_default();
            let is_in = |thread: &Thread, calls: &[Call]| {
                let call = thread.sleep.as_ref().and_then(|sleep| sleep.call);
                call.is_some_and(|call| calls.contains(&call))
            };
            naps.extend(
                threads
                    .iter()
                    .filter(|thread| thread.state == 'S' && is_in(thread, &[Call::Sleep]))
                    .map(|thread| (thread.tid, thread.switches)),
            );
            if naps.len() > MOST_NAPS {
                return Err(Failure::new(
                    Diagnosis::Busy,
                    "your program naps, looks, and naps again, although nothing is there; the test waits for it to \
                     sleep until something comes",
                )
                .into());
            }
            let idle = threads.iter().all(|thread| thread.state == 'S')
                && threads
                    .iter()
                    .any(|thread| thread.hidden || is_in(thread, &[Call::Read, Call::Poll]));
            let twice = idle && before == threads;
            before = threads;
            Ok(twice.then_some(()))
        };
        match self.bench.wait(&[], look)? {
            Ok(()) => Ok(()),
            Err(gave_up) => Err(self.bench.explain(&gave_up, GOAL, Diagnosis::Stuck).into()),
        }
    }

    // What the kernel shows

    /// Its process number as it sees it itself, in the test's pid namespace.
    pub fn own_pid(&self) -> i32 {
        Process::read(self.running.pid).map_or(self.running.pid, |process| process.own_pid)
    }

    /// What it has set up for signals.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn signals(&self) -> Checked<Signals> {
        match Process::read(self.running.pid) {
            Some(process) => Ok(process.signals),
            None => Err(self
                .bench
                .blame(
                    "it to go on",
                    Failure::new(Diagnosis::Exited, "your program has ended"),
                )?
                .into()),
        }
    }

    /// The processes which it has made and which have not ended, children and their children.
    pub fn children(&self) -> Vec<Process> {
        let mut found = self.bench.living();
        found.retain(|process| !self.bench.is_main(process.pid));
        found
    }

    /// Its open descriptors.
    pub fn descriptors(&self) -> Vec<Descriptor> {
        descriptors::of(self.running.pid)
    }

    /// Waits until it has this many living children.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::ProcessLeft`] when more stay, [`Diagnosis::ProcessMissing`] when fewer come.
    pub fn expect_children(&self, count: usize) -> Checked {
        self.bench.note(match count {
            0 => "expect that no child is left".to_owned(),
            1 => "expect that it has one child".to_owned(),
            count => format!("expect that it has {count} children"),
        });
        let look = || Ok((self.children().len() == count).then_some(()));
        match self.bench.wait(&[], look)? {
            Ok(()) => Ok(()),
            Err(gave_up) => {
                let diagnosis = match self.children().len() > count {
                    true => Diagnosis::ProcessLeft,
                    false => Diagnosis::ProcessMissing,
                };
                let goal = format!("it to have {count} children");
                Err(self.bench.explain(&gave_up, &goal, diagnosis).into())
            }
        }
    }

    /// Waits until none of its processes is a zombie.
    ///
    /// # Errors
    ///
    /// When some stay.
    pub fn expect_no_zombies(&self) -> Checked {
        self.bench
            .note("expect that every child which has ended is reaped");
        let zombies = || {
            let mut processes = self.bench.processes();
            processes.retain(Process::is_zombie);
            processes.len()
        };
        match self
            .bench
            .wait(&[], || Ok((zombies() == 0).then_some(())))?
        {
            Ok(()) => Ok(()),
            Err(gave_up) => {
                let goal = match zombies() {
                    1 => "it to reap a child that has ended".to_owned(),
                    count => format!("it to reap {count} children that have ended"),
                };
                Err(self
                    .bench
                    .explain(&gave_up, &goal, Diagnosis::ZombieLeft)
                    .into())
            }
        }
    }

    /// Waits until it holds no more descriptors than `before` (see [`Program::descriptors`]).
    ///
    /// # Errors
    ///
    /// When more stay.
    pub fn expect_no_leaked_descriptor(&self, before: &[Descriptor]) -> Checked {
        self.bench
            .note("expect that it holds no more descriptors than before");
        let look = || Ok((self.descriptors().len() <= before.len()).then_some(()));
        match self.bench.wait(&[], look)? {
            Ok(()) => Ok(()),
            Err(gave_up) => {
                let count = self.descriptors().len() - before.len().min(self.descriptors().len());
                let goal = match count {
                    1 => "it to close a descriptor that it no longer needs".to_owned(),
                    count => format!("it to close {count} descriptors that it no longer needs"),
                };
                Err(self
                    .bench
                    .explain(&gave_up, &goal, Diagnosis::DescriptorLeaked)
                    .into())
            }
        }
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
        self.bench
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
            Err(nix::errno::Errno::ESRCH) => {
                let seen = Failure::new(Diagnosis::Exited, "your program has ended");
                Err(self.bench.blame("it to go on", seen)?.into())
            }
            Err(errno) => Err(LabError::call("could not limit your program", errno).into()),
        }
    }

    // Its children

    /// Waits for the process which it has made for this client, and which serves it. Ask before the next client comes.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::ProcessMissing`] when there is none.
    pub fn child_of(&self, client: &Connection) -> Checked<Child> {
        let name = format!("the child of {}", client.name());
        self.bench.note(format!(
            "expect that {} has a child of its own",
            client.name()
        ));
        let look = || {
            let sockets = self.bench.sockets(Transport::Tcp)?;
            let Some(socket) = sockets
                .iter()
                .find(|socket| socket.peer == client.local_address() && socket.inode != 0)
            else {
                return Ok(None);
            };
            // A server which is late to close its own copy passes it on to children of later clients.
            Ok(self
                .children()
                .into_iter()
                .filter(|process| {
                    descriptors::of(process.pid)
                        .iter()
                        .any(|descriptor| descriptor.object == Object::Socket(socket.inode))
                })
                .min_by_key(|process| process.own_pid))
        };
        match self.bench.wait(&[], look)? {
            Ok(process) => Ok(Child {
                server: self.clone(),
                name,
                pid: process.pid,
                own_pid: process.own_pid,
            }),
            Err(gave_up) => {
                let goal = format!("a child which serves {}", client.name());
                let diagnosis = Diagnosis::ProcessMissing;
                Err(self.explain(&gave_up, &goal, diagnosis).into())
            }
        }
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
        self.program.bench.note("let fork succeed again");
        self.program
            .exchange_process_limit(Some(self.before))
            .map(drop)
    }
}

impl Child {
    /// Its process number as the server sees it.
    pub fn own_pid(&self) -> i32 {
        self.own_pid
    }

    /// Ends it with SIGKILL.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn kill(&self) -> Checked {
        self.server
            .bench
            .note(format!("end {} with SIGKILL", self.name));
        if self.state().is_some_and(|state| state != 'Z') {
            // SAFETY: takes two numbers.
            let result = unsafe { libc::kill(self.pid, libc::SIGKILL) };
            match nix::errno::Errno::result(result) {
                Ok(_) | Err(nix::errno::Errno::ESRCH) => (),
                Err(errno) => return Err(LabError::call("could not end a child", errno).into()),
            }
        }
        Ok(())
    }

    /// Waits until it has ended; the server may have collected it or not.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::ProcessLeft`] when it goes on.
    pub fn expect_ended(&self) -> Checked {
        let bench = &self.server.bench;
        bench.note(format!("expect that {} ends", self.name));
        match bench.wait(&[], || Ok(self.has_ended().then_some(())))? {
            Ok(()) => Ok(()),
            Err(gave_up) => {
                let goal = format!("the end of {}", self.name);
                Err(bench
                    .explain(&gave_up, &goal, Diagnosis::ProcessLeft)
                    .into())
            }
        }
    }

    /// Waits until it has ended and its server has collected it.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::ZombieLeft`] when it stays.
    pub fn expect_collected(&self) -> Checked {
        let bench = &self.server.bench;
        bench.note(format!("expect that {} is collected", self.name));
        let goal = format!("it to collect {}", self.name);
        let waited = bench.wait(&[], || Ok(self.state().is_none().then_some(())))?;
        match (waited, self.server.running.fate()) {
            // When a server ends, the kernel collects its children.
            (_, Some(ending)) => Err(ending.while_waiting_for(&goal).into()),
            (Ok(()), None) => Ok(()),
            (Err(gave_up), None) => {
                let failure = bench.explain(&gave_up, &goal, Diagnosis::ZombieLeft);
                Err(match gave_up {
                    GaveUp::Asleep(sleepers) => Failure {
                        symptom: format!(
                            "{} has ended and stays a zombie; {} for ever",
                            self.name,
                            bench.says_of_main(&sleepers)
                        ),
                        ..failure
                    },
                    _ => failure,
                }
                .into())
            }
        }
    }

    /// Waits until it has ended or sleeps: what becomes of it is the business of another test.
    ///
    /// # Errors
    ///
    /// When it runs without end.
    pub fn wait_until_ended_or_asleep(&self) -> Checked {
        let bench = &self.server.bench;
        bench.note(format!("wait until {} has ended or sleeps", self.name));
        let mut before = Vec::new();
        let look = || {
            if self.has_ended() {
                return Ok(Some(()));
            }
            let threads = Process::read(self.pid).map_or_else(Vec::new, |one| one.thread_list());
            let asleep = threads.iter().all(|thread| thread.state == 'S');
            let twice = asleep && threads == before;
            before = threads;
            Ok(twice.then_some(()))
        };
        match bench.wait(&[], look)? {
            Ok(()) | Err(GaveUp::Asleep(_)) => Ok(()),
            Err(gave_up) => {
                let goal = format!("{} to end or to sleep", self.name);
                Err(bench.explain(&gave_up, &goal, Diagnosis::Busy).into())
            }
        }
    }

    fn has_ended(&self) -> bool {
        let has_ended = self.state().is_none_or(|state| state == 'Z');
        if has_ended {
            // A zombie is seen a moment before its parent gets SIGCHLD. The kernel gives no list of children between
            // the two (its tasklist_lock), so asking for one waits for the second.
            drop(self.server.children());
        }
        has_ended
    }

    /// As in [`Process::state`], where X counts as Z. `None` when it has been collected.
    fn state(&self) -> Option<char> {
        Process::read(self.pid)
            // Not somebody who got its number after it.
            .filter(|process| process.own_pid == self.own_pid)
            .map(|process| {
                if process.is_zombie() {
                    'Z'
                } else {
                    process.state
                }
            })
    }
}

impl Server {
    pub(super) fn start(
        bench: &Rc<Bench>,
        wanted: SocketAddr,
        further: &[&str],
        transport: Transport,
    ) -> Checked<Server> {
        let address = wanted.to_string();
        let arguments = [&[address.as_str()], further].concat();
        let program = Program::start(bench, &Launch::new(arguments))?;
        Server::of(program, wanted, transport)
    }

    /// Waits until a program which was started with the address `wanted` says that it listens, and makes sure that it
    /// does.
    fn of(program: Program, wanted: SocketAddr, transport: Transport) -> Checked<Server> {
        let said = program.wait_for_announcement(wanted)?;
        let mut address = said;
        if said.ip().is_unspecified() {
            // It listens on every address, so on this one, too.
            address.set_ip(wanted.ip());
        }
        let server = Server {
            program,
            said,
            address,
        };
        server.expect_listening(transport)?;
        Ok(server)
    }

    /// Sees that it has taken the address that it was asked for; port 0 stands for any.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::ListensElsewhere`] when it has taken another.
    pub fn expect_address(&self, wanted: SocketAddr) -> Checked {
        let said = self.said;
        let asked = match wanted.port() {
            0 => wanted.ip().to_string(),
            _ => wanted.to_string(),
        };
        self.program.bench.note(format!(
            "see that it listens on {asked}, as it was asked to"
        ));
        let is_right_port = wanted.port() == 0 || wanted.port() == said.port();
        if said.ip() == wanted.ip() && is_right_port {
            return Ok(());
        }
        Err(Failure::new(
            Diagnosis::ListensElsewhere,
            format!("your program was asked to listen on {asked}, and listens on {said}"),
        )
        .into())
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connects a client to it.
    ///
    /// # Errors
    ///
    /// When it refuses, or its accept queue stays full.
    pub fn connect(&self) -> Checked<Connection> {
        Connection::connect(&self.program.bench, self.address, None)
    }

    /// Connects a client with a small receive buffer (SO_RCVBUF, in bytes), so that the server soon has to wait when
    /// the client does not read.
    ///
    /// # Errors
    ///
    /// As [`Server::connect`].
    pub fn connect_with_receive_buffer(&self, bytes: usize) -> Checked<Connection> {
        Connection::connect(&self.program.bench, self.address, Some(bytes))
    }

    /// Waits until nobody listens on its address any more, for a server which has been killed.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::DescriptorLeaked`] when a process of it still holds the listening socket.
    pub fn expect_not_listening(&self) -> Checked {
        let bench = &self.program.bench;
        bench.note(format!(
            "expect that nobody listens on {} any more",
            self.address
        ));
        let look = || {
            let sockets = bench.sockets(Transport::Tcp)?;
            Ok((!sockets
                .iter()
                .any(|socket| socket.state == State::Listen && socket.local == self.address))
            .then_some(()))
        };
        match bench.wait(&[], look)? {
            Ok(()) => Ok(()),
            Err(GaveUp::Asleep(_)) => {
                bench.keep_scene();
                Err(Failure::new(
                Diagnosis::DescriptorLeaked,
                format!(
                    "your server has ended, but {} still listens: a child holds the listening socket",
                    self.address
                ),
            )
            .into())
            }
            Err(gave_up) => {
                let goal = format!("{} to listen no more", self.address);
                let diagnosis = Diagnosis::DescriptorLeaked;
                Err(bench.explain(&gave_up, &goal, diagnosis).into())
            }
        }
    }

    /// Waits until the kernel shows a socket on the announced address. The line may be a moment ahead of it.
    fn expect_listening(&self, transport: Transport) -> Checked {
        let bench = &self.program.bench;
        let listening = || {
            let mut sockets = sockets::all(transport)?;
            sockets.retain(|socket| match transport {
                Transport::Tcp => socket.state == State::Listen,
                Transport::Udp => true,
            });
            Ok::<_, LabError>(sockets)
        };
        let look = || {
            Ok(listening()?
                .iter()
                .any(|socket| socket.local == self.said)
                .then_some(()))
        };
        let Err(gave_up) = bench.wait(&[], look)? else {
            return Ok(());
        };
        let own: Vec<u64> = self
            .program
            .descriptors()
            .into_iter()
            .filter_map(|descriptor| match descriptor.object {
                Object::Socket(inode) => Some(inode),
                _ => None,
            })
            .collect();
        let really = listening()?
            .into_iter()
            .find(|socket| own.contains(&socket.inode));
        Err(match really {
            Some(socket) => Failure::new(
                Diagnosis::ListensElsewhere,
                format!(
                    "your program says `listening {}`, but listens on {}",
                    self.said, socket.local
                ),
            ),
            None => bench.explain(
                &gave_up,
                &format!("a listening socket on {}", self.said),
                Diagnosis::ListensElsewhere,
            ),
        }
        .into())
    }
}

impl Program {
    /// Waits until it says `listening IP:PORT`, and makes sure that it listens there; for a TCP server which was
    /// started by [`super::Lab::launch`] with the address `wanted`.
    ///
    /// # Errors
    ///
    /// As [`super::Lab::start_server`].
    pub fn expect_announcement(&self, wanted: SocketAddr) -> Checked<Server> {
        Server::of(self.clone(), wanted, Transport::Tcp)
    }

    /// Whether one of its sockets listens for TCP clients at this moment.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub fn listens(&self) -> Checked<bool> {
        let own = self.descriptors();
        let sockets = self.bench.sockets(Transport::Tcp)?;
        Ok(sockets.iter().any(|socket| {
            let is_this =
                |descriptor: &Descriptor| descriptor.object == Object::Socket(socket.inode);
            socket.state == State::Listen && own.iter().any(is_this)
        }))
    }

    fn wait_for_announcement(&self, wanted: SocketAddr) -> Checked<SocketAddr> {
        self.bench.note("wait for the line `listening IP:PORT`");
        let goal = "the line `listening IP:PORT`";
        let look = || Ok(self.running.stdout.take_line());
        let line = match self.bench.wait(&[], look)? {
            Ok(Some(line)) => line,
            Ok(None) if wanted.port() != 0 => {
                let seen = self.output_ended(goal)?;
                let diagnosis = match seen.diagnosis {
                    Diagnosis::Exited => Diagnosis::CannotRestart,
                    other => other,
                };
                return Err(Failure {
                    diagnosis,
                    symptom: format!("started again on {wanted}, {}", seen.symptom),
                    ..seen
                }
                .into());
            }
            Ok(None) => return Err(self.output_ended(goal)?.into()),
            Err(gave_up) => {
                return Err(self
                    .bench
                    .explain(&gave_up, goal, Diagnosis::NeverListened)
                    .into());
            }
        };
        let address = str::from_utf8(&line)
            .ok()
            .and_then(|line| line.strip_prefix("listening "))
            .and_then(|address| address.parse::<SocketAddr>().ok());
        match address {
            Some(address) if address.port() != 0 => Ok(address),
            Some(_) => Err(Failure::new(
                Diagnosis::BadAnnouncement,
                format!(
                    "your program prints {}; port 0 is a request, not an address",
                    quoted(&line)
                ),
            )
            .into()),
            None => Err(Failure::new(
                Diagnosis::BadAnnouncement,
                format!(
                    "your program prints {}; the test expects `listening IP:PORT`",
                    quoted(&line)
                ),
            )
            .into()),
        }
    }
}

/// All that can be done with a program can be done with a server.
impl Deref for Server {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

impl Running {
    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    /// How it has ended, if it has.
    pub(super) fn ending(&self) -> Option<Ending> {
        if self.ending.get().is_none() {
            let mut status = 0;
            // nix's waitpid knows no real-time signals: it would reap the process and return an error.
            // SAFETY: the status is alive during the call.
            let pid = unsafe { libc::waitpid(self.pid, &raw mut status, libc::WNOHANG) };
            if pid == self.pid {
                self.ending.set(Some(match libc::WIFSIGNALED(status) {
                    true => Ending::Signal(libc::WTERMSIG(status)),
                    false => Ending::Status(libc::WEXITSTATUS(status)),
                }));
            }
        }
        self.ending.get()
    }

    /// How it has ended without the test's doing, if it has.
    pub(super) fn fate(&self) -> Option<Ending> {
        self.ending().filter(|_| !self.killed.get())
    }

    /// The descriptor which becomes readable when it ends; none when it has.
    pub(super) fn awaited(&self) -> Option<BorrowedFd<'_>> {
        match self.ending() {
            None => self.pidfd.as_ref().map(AsFd::as_fd),
            Some(_) => None,
        }
    }

    /// Its outputs that are open.
    pub(super) fn streams(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        [&self.stdout, &self.stderr]
            .into_iter()
            .filter(|stream| stream.open.get() && !stream.full.get())
            .map(|stream| stream.file.as_fd())
    }

    /// The end of its input, if there is something to write to it.
    pub(super) fn hungry(&self) -> Option<OwnedFd> {
        let file = self.stdin.file.borrow();
        let is_waiting = !self.stdin.queue.borrow().is_empty();
        file.as_ref()
            .filter(|_| is_waiting)?
            .as_fd()
            .try_clone_to_owned()
            .ok()
    }

    pub(super) fn pump(&self) -> Checked {
        self.stdin.pump();
        // Asked first: what it printed before its end is in the pipes by now.
        let _ = self.ending();
        self.stdout.pump(true)?;
        self.stderr.pump(false)
    }

    pub(super) fn stdout_excerpt(&self) -> String {
        self.stdout.excerpt()
    }

    pub(super) fn stderr_excerpt(&self) -> String {
        self.stderr.excerpt()
    }
}

impl Stdin {
    /// Writes what the pipe takes now.
    fn pump(&self) {
        let mut queue = self.queue.borrow_mut();
        let mut file = self.file.borrow_mut();
        while let Some(open) = file.as_mut() {
            if queue.is_empty() {
                if self.closes.get() {
                    *file = None;
                }
                return;
            }
            match open.write(queue.as_slices().0) {
                Ok(n) => drop(queue.drain(..n)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // It has closed its input. The signal SIGPIPE is ignored in every Rust program.
                Err(_) => *file = None,
            }
        }
    }
}

/// The smallest pipe that the kernel makes, in bytes.
const PAGE: i32 = 4096;

impl Stream {
    fn fill(&self) -> Result<(), LabError> {
        const FILL: &str = "could not fill a pipe";
        fcntl(self.file.as_fd(), FcntlArg::F_SETPIPE_SZ(PAGE)).attempt(FILL)?;
        // Opened anew through /proc, a pipe gets a description of its own: not to sleep in it does not concern the
        // program.
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        let mut end = File::options()
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .attempt(FILL)?;
        loop {
            match end.write(&[0; PAGE as usize]) {
                Ok(_) => (),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(LabError::io(FILL, &error)),
            }
        }
        self.full.set(true);
        Ok(())
    }

    fn drain(&self) -> Result<(), LabError> {
        (&self.file)
            .read_exact(&mut [0; PAGE as usize])
            .attempt("could not empty a pipe")?;
        self.full.set(false);
        Ok(())
    }

    fn new(pipe: Option<OwnedFd>) -> Result<Stream, LabError> {
        let pipe = pipe.ok_or_else(|| LabError::new("a program was started without its pipes"))?;
        make_nonblocking(&pipe)?;
        Ok(Stream {
            file: File::from(pipe),
            open: Cell::new(true),
            full: Cell::new(false),
            unread: RefCell::default(),
            searched: Cell::new(0),
            head: RefCell::default(),
            tail: RefCell::default(),
            total: Cell::new(0),
        })
    }

    /// Takes what is there. `keep` says whether the test will ask for it, or only its end is of interest.
    fn pump(&self, keep: bool) -> Checked {
        let mut buffer = [0; 16 * 1024];
        // Bounded, so that a program that prints without end does not hold the lab here.
        for _ in 0..64 {
            if !self.open.get() || self.full.get() {
                return Ok(());
            }
            match (&self.file).read(&mut buffer) {
                Ok(0) => self.open.set(false),
                Ok(n) => self.take(&buffer[..n], keep)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(_) => self.open.set(false),
            }
        }
        Ok(())
    }

    fn take(&self, bytes: &[u8], keep: bool) -> Checked {
        self.total.set(self.total.get() + bytes.len());
        let mut head = self.head.borrow_mut();
        let room = HEAD - head.len().min(HEAD);
        head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let mut tail = self.tail.borrow_mut();
        tail.extend(bytes);
        let surplus = tail.len().saturating_sub(TAIL);
        tail.drain(..surplus);
        let mut unread = self.unread.borrow_mut();
        if keep {
            unread.extend(bytes);
        }
        let flood = if keep { unread.len() } else { self.total.get() };
        if flood > FLOOD {
            return Err(Failure::new(
                Diagnosis::OutputFlood,
                format!(
                    "your program prints without end: {} MiB so far",
                    self.total.get() >> 20
                ),
            )
            .into());
        }
        Ok(())
    }

    fn unread(&self) -> Vec<u8> {
        self.unread.borrow().iter().copied().collect()
    }

    /// A whole line without its `\n`; `Some(None)` when the stream has ended without one.
    #[allow(
        clippy::option_option,
        reason = "not yet, never, and a line are three things"
    )]
    fn take_line(&self) -> Option<Option<Vec<u8>>> {
        let mut unread = self.unread.borrow_mut();
        // Only what is new is searched: a program may print megabytes without a line end.
        let known = self.searched.get().min(unread.len());
        let end = unread.range(known..).position(|&byte| byte == b'\n');
        self.searched.set(unread.len());
        match end {
            Some(end) => {
                let mut line: Vec<u8> = unread.drain(..=known + end).collect();
                line.pop();
                self.searched.set(0);
                Some(Some(line))
            }
            None if !self.open.get() => Some(None),
            None => None,
        }
    }

    /// What came, or its beginning and its end if it was much.
    fn excerpt(&self) -> String {
        let tail: Vec<u8> = self.tail.borrow().iter().copied().collect();
        let tail = String::from_utf8_lossy(&tail);
        if self.total.get() <= TAIL {
            return tail.into_owned();
        }
        format!(
            "{}\n…\n{tail}",
            String::from_utf8_lossy(&self.head.borrow())
        )
    }
}

impl Ending {
    /// Rust's exit status after a panic.
    pub const PANIC: i32 = 101;

    fn diagnosis(self) -> Diagnosis {
        match self {
            Ending::Status(Ending::PANIC) => Diagnosis::Panicked,
            Ending::Status(_) => Diagnosis::Exited,
            Ending::Signal(_) => Diagnosis::Killed,
        }
    }

    /// The failure of a program which ended before it did what the test waited for.
    pub(super) fn while_waiting_for(self, goal: &str) -> Failure {
        Failure::new(
            self.diagnosis(),
            format!("your program {self}; the test waits for {goal}"),
        )
    }

    /// The failure of a program which ended in place of something else.
    pub(super) fn instead_of(self, due: &str) -> Failure {
        Failure::new(
            self.diagnosis(),
            format!("your program {self} instead of {due}"),
        )
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ending::Status(Ending::PANIC) => f.write_str("panicked (exit status 101)"),
            Ending::Status(status) => write!(f, "ended with exit status {status}"),
            Ending::Signal(signal) => write!(f, "was killed by {}", signal_name(*signal)),
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
    if launch.full_stdout {
        text += ", with a standard output that is full";
    }
    text
}

/// `SIGTERM`, `SIGRTMIN+1`.
pub(super) fn signal_name(signal: i32) -> String {
    match nix::sys::signal::Signal::try_from(signal) {
        Ok(signal) => signal.as_str().to_owned(),
        Err(_) if signal >= libc::SIGRTMIN() => match signal - libc::SIGRTMIN() {
            0 => "SIGRTMIN".to_owned(),
            more => format!("SIGRTMIN+{more}"),
        },
        Err(_) => format!("signal {signal}"),
    }
}

/// How many bytes are in a pipe and have not been read (ioctl_pipe(2)).
fn bytes_in_pipe(pipe: BorrowedFd<'_>) -> i32 {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes an int, which is alive during the call.
    let result = unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut count) };
    if result == 0 { count } else { 0 }
}

fn make_nonblocking(file: &impl AsFd) -> Result<(), LabError> {
    const MAKE: &str = "could not make a pipe non-blocking";
    let fd = file.as_fd();
    let flags = fcntl(fd, FcntlArg::F_GETFL).attempt(MAKE)?;
    fcntl(
        fd,
        FcntlArg::F_SETFL(OFlag::from_bits_retain(flags) | OFlag::O_NONBLOCK),
    )
    .attempt(MAKE)?;
    Ok(())
}

/// Bytes for a step of the diary: themselves if they are few, else how many.
pub(super) fn brief(bytes: &[u8]) -> String {
    match bytes.len() {
        0..=32 => quoted(bytes),
        length => format!("{length} bytes"),
    }
}

/// Bytes as text between quotation marks, with escapes, cut where it would fill the screen.
pub fn quoted(bytes: &[u8]) -> String {
    const MOST: usize = 60;
    if bytes.len() > MOST {
        format!(
            "\"{}…\" ({} bytes)",
            bytes[..MOST].escape_ascii(),
            bytes.len()
        )
    } else {
        format!("\"{}\"", bytes.escape_ascii())
    }
}
