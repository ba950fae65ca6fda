//! The thread that traces: it answers each stop of each thread of a program, and lets it go on. What it does with a call
//! that is about to be made stands in `entry`.
//!
//! A call which the filter names stops twice, before it is made and when it has returned. Other stops are signals that
//! are about to be delivered, new and changed processes, and the group stops of SIGSTOP and its relatives. A thread may
//! be killed while it is stopped, so any ptrace call may fail; its end is reported like any other.

mod entry;

use std::{collections::HashMap, ops::Range, sync::Arc, time::Instant};

use nix::{errno::Errno, unistd::Pid};

use super::{
    Beginning, Shared,
    bounds::Bounds,
    decode,
    frames::{Image, Program},
    inject::Fault,
    interrupted::{Interrupted, Pause, Verdict},
    listener::{Recorder, TraceEvent, TraceListener},
    loader,
    memory::Memory,
    patch::EntryPatch,
    placement::{Placement, Turns},
    record::CallOutcome,
    registers::{Entry, Position, position},
};
use crate::{
    observe::{
        calls::{Call, Row},
        processes::{Process, Signals, read_text, status_number},
    },
    sys::{self, ptrace},
};

/// How many interrupted calls of one thread are remembered: as many as its handlers interrupt each other.
const DEEPEST: usize = 16;

/// The threads of a program, as its tracer knows them.
pub(super) struct Follower {
    shared: Arc<Shared>,
    /// The process that was started.
    main: i32,
    recorder: Recorder,
    bounds: Bounds,
    /// The program itself, once it runs, and not still what starts it.
    program: Option<Program>,
    placement: Placement,
    threads: HashMap<i32, Tracee>,
    processes: HashMap<i32, Inherited>,
}

/// What a process hands down to its children.
#[derive(Clone, Debug, Default)]
struct Inherited {
    /// The signals whose handlers let calls be made again (SA_RESTART), one bit a signal.
    restarting: u64,
    /// Where the dynamic loader is (ld.so(8)). Its calls, before `main` and in dlopen(3), are not recorded.
    loader: Range<u64>,
    /// What its memory holds, while it runs the program itself and not another one.
    image: Option<Image>,
}

/// One thread.
struct Tracee {
    pid: i32,
    own_pid: i32,
    turns: Turns,
    /// The call between its two stops.
    call: Option<PendingCall>,
    /// Calls that were interrupted and may go on, the innermost last.
    interrupted: Vec<Interrupted>,
    /// Whether it has been in a group stop, and not yet made or finished a call.
    was_stopped: bool,
}

/// A call between its entry and its return.
struct PendingCall {
    sequence: u64,
    /// None for a call of another machine.
    row: Option<&'static Row>,
    entry: Entry,
    entered: Instant,
    patch: Option<EntryPatch>,
    fault: Option<Fault>,
}

impl Follower {
    pub fn new(
        shared: Arc<Shared>,
        main: i32,
        beginning: Beginning,
        listener: Option<Box<dyn TraceListener>>,
        bounds: Bounds,
    ) -> Follower {
        Follower {
            bounds,
            recorder: Recorder::new(shared.clone(), listener),
            shared,
            main,
            program: (beginning == Beginning::Gate).then(|| Program::of(main)),
            placement: Placement::new(),
            threads: HashMap::new(),
            processes: HashMap::new(),
        }
    }

    /// Follows until no thread is left. What is left after the lab has ended the program is killed at its next stop.
    pub fn run(&mut self) {
        self.attach(self.main);
        loop {
            // Only children and tracees of this very thread: the other threads of the lab wait for their own.
            match sys::wait(-1, libc::__WALL | libc::__WNOTHREAD) {
                Ok(Some((tid, status))) => self.on_stop(tid, status),
                Err(Errno::EINTR) => (),
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn on_stop(&mut self, tid: i32, status: i32) {
        if !libc::WIFSTOPPED(status) {
            return self.on_exit(tid, status);
        }
        self.attach(tid);
        self.place(tid);
        if self.shared.state().is_being_killed {
            // The stopped thread has not been reaped, so that its number is not another one's.
            let _ = sys::kill(tid, libc::SIGKILL);
            return;
        }
        let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
        match event {
            libc::PTRACE_EVENT_SECCOMP => self.on_entry(tid),
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                if let Some(child) = event_message(tid) {
                    self.attach(child);
                }
                self.resume(tid, 0);
            }
            libc::PTRACE_EVENT_EXEC => self.on_exec(tid),
            libc::PTRACE_EVENT_STOP => match signal {
                libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => {
                    self.on_group_stop(tid)
                }
                _ => {
                    self.shared.state().group_stopped.remove(&tid);
                    self.resume(tid, 0);
                }
            },
            0 if signal == libc::SIGTRAP | 0x80 => self.on_return(tid),
            0 => self.on_signal(tid, signal),
            _ => self.resume(tid, 0),
        }
    }

    fn place(&mut self, tid: i32) {
        if let Some(thread) = self.threads.get_mut(&tid) {
            self.placement.take_turns(tid, &mut thread.turns);
        }
    }

    /// Lets a thread run until its next stop: the return of its call, if it is in one.
    fn resume(&mut self, tid: i32, signal: i32) {
        let is_in_call = self
            .threads
            .get(&tid)
            .is_some_and(|thread| thread.call.is_some());
        let until = match is_in_call {
            true => ptrace::Until::Call,
            false => ptrace::Until::Stop,
        };
        let _ = ptrace::resume(tid, until, signal);
    }

    /// A thread is new: at its own first stop, or at that of the call which made it, whichever comes first.
    fn attach(&mut self, tid: i32) {
        if self.threads.contains_key(&tid) {
            return;
        }
        let status = read_text(&format!("/proc/{tid}/status")).unwrap_or_default();
        let field = |name| status_number(&status, name);
        let pid = field("Tgid").unwrap_or(tid);
        let parent = field("PPid").unwrap_or_default();
        if !self.processes.contains_key(&pid) {
            let inherited = self.processes.get(&parent).cloned();
            self.processes.insert(pid, inherited.unwrap_or_default());
        }
        self.shared.state().threads.insert(tid, pid);
        let tracee = Tracee {
            pid,
            own_pid: field("NStgid").unwrap_or(pid),
            turns: Turns::default(),
            call: None,
            interrupted: Vec::new(),
            was_stopped: false,
        };
        self.threads.insert(tid, tracee);
        self.recorder.report(TraceEvent::Started {
            pid,
            tid,
            parent: if pid == tid { parent } else { pid },
        });
    }

    /// A thread has ended, and was reaped: from now on its number may be another one's.
    fn on_exit(&mut self, tid: i32, status: i32) {
        self.shared.state().threads.remove(&tid);
        if let Some(thread) = self.threads.remove(&tid) {
            let pid = thread.pid;
            self.lose_calls(&thread);
            self.recorder.report(TraceEvent::Ended { pid, tid, status });
        }
        self.processes.remove(&tid);
        let mut state = self.shared.state();
        state.group_stopped.remove(&tid);
        if tid == self.main {
            state.ending = Some(status);
            drop(state);
            self.shared.announce_ending();
        }
    }

    /// What a thread was doing when it ended never returns.
    fn lose_calls(&mut self, thread: &Tracee) {
        let interrupted = thread.interrupted.iter().map(|call| call.sequence);
        let calls = thread.call.iter().map(|call| call.sequence);
        for sequence in calls.chain(interrupted) {
            self.recorder.close(sequence, CallOutcome::Lost);
        }
    }

    /// exec has replaced a program. The thread which called it now has the number of the process, and all others are
    /// gone; the former main thread is not reported.
    fn on_exec(&mut self, tid: i32) {
        if tid == self.main && self.program.is_none() {
            let program = self.program.insert(Program::of(tid));
            self.shared.state().program = program.file.clone();
        }
        let process = self.processes.entry(tid).or_default();
        process.loader = loader::place(tid);
        process.image = (self.program.as_ref()).and_then(|program| program.image(tid));
        let caller = event_message(tid).unwrap_or(tid);
        if let Some(thread) = self.threads.get_mut(&caller) {
            // The handler that called exec does not return to what it had interrupted.
            for call in thread.interrupted.drain(..) {
                self.recorder.close(call.sequence, CallOutcome::Lost);
            }
        }
        if caller != tid
            && let Some(thread) = self.threads.remove(&caller)
        {
            self.shared.state().threads.remove(&caller);
            if let Some(former) = self.threads.insert(tid, thread) {
                self.lose_calls(&former);
            }
        }
        self.resume(tid, 0);
    }

    /// A group stop: the thread stays where it is until SIGCONT.
    fn on_group_stop(&mut self, tid: i32) {
        if let Some(thread) = self.threads.get_mut(&tid) {
            thread.was_stopped = true;
        }
        self.shared.state().group_stopped.insert(tid);
        let _ = ptrace::listen(tid);
    }

    /// A call has returned.
    fn on_return(&mut self, tid: i32) {
        // If the thread has been killed meanwhile, its call is lost when its end is reported.
        if let Ok(Position::Return(result)) = position(tid)
            && let Some(thread) = self.threads.get_mut(&tid)
            && let Some(pending) = thread.call.take()
        {
            thread.was_stopped = false;
            let result = match pending.patch {
                Some(patch) => patch.restore(tid, &pending.entry, result),
                None => result,
            };
            let pause = match pending.patch {
                Some(EntryPatch::SignalFirst(_)) => Some(Pause::GoesOn),
                // This is no signal's doing.
                Some(EntryPatch::Return(_) | EntryPatch::BreakPipe) => None,
                Some(EntryPatch::Restore) | None => Pause::of(result),
            };
            match (pause, pending.row) {
                (Some(pause), Some(row)) => {
                    self.interrupt(
                        tid,
                        Interrupted {
                            sequence: pending.sequence,
                            row,
                            entry: pending.entry,
                            entered: pending.entered,
                            fault: pending.fault,
                            pause,
                        },
                    );
                }
                _ => self.record_result(tid, &pending, result),
            }
            if let Some(signal) = pending.patch.and_then(EntryPatch::signal)
                && let Some(thread) = self.threads.get(&tid)
            {
                // A process stops when one of its threads takes SIGSTOP; this one takes it before it makes the call.
                // SIGPIPE is for the thread that has written. All other signals are for the process: which thread takes
                // one is the program's choice. The process is there, for this thread of it is stopped.
                let _ = match signal {
                    libc::SIGSTOP | libc::SIGPIPE => sys::kill_thread(thread.pid, tid, signal),
                    _ => sys::kill(thread.pid, signal),
                };
            }
        }
        self.resume(tid, 0);
    }

    fn interrupt(&mut self, tid: i32, call: Interrupted) {
        let Some(thread) = self.threads.get_mut(&tid) else {
            return;
        };
        if thread.interrupted.len() >= DEEPEST {
            let oldest = thread.interrupted.remove(0);
            self.recorder.close(oldest.sequence, CallOutcome::Lost);
        }
        thread.interrupted.push(call);
    }

    /// Writes down what came of a call.
    fn record_result(&mut self, tid: i32, pending: &PendingCall, result: i64) {
        let memory = Memory { thread: tid };
        if let Some(row) = pending.row
            && row.call == Call::SigAction
            && result == 0
        {
            self.learn_disposition(tid, &pending.entry, memory);
        }
        if let Some(row) = pending.row
            && let Some(record) = self.shared.state().log.open(pending.sequence)
        {
            decode::at_return(record, row, memory, result);
        }
        self.recorder
            .close(pending.sequence, CallOutcome::of(result));
    }

    /// Remembers whether calls go on after the handler of a signal, which nothing but sigaction(2) itself tells.
    fn learn_disposition(&mut self, tid: i32, entry: &Entry, memory: Memory) {
        let (signal, action) = (entry.arguments[0] as i32, entry.arguments[1]);
        let (Some(thread), Some(flags), 1..=64) =
            (self.threads.get(&tid), memory.u64(action + 8), signal)
        else {
            return;
        };
        if action == 0 {
            return;
        }
        let set = &mut self.processes.entry(thread.pid).or_default().restarting;
        let bit = 1 << (signal - 1);
        match flags & libc::SA_RESTART as u64 != 0 {
            true => *set |= bit,
            false => *set &= !bit,
        }
    }

    /// A signal is about to be delivered. Without a tracer, a signal that has no effect does not interrupt a call, so the
    /// tracer lets the thread make that call again.
    fn on_signal(&mut self, tid: i32, signal: i32) {
        let mut delivered = signal;
        if let Some(thread) = self.threads.get(&tid) {
            let pid = thread.pid;
            self.recorder
                .report(TraceEvent::Signalled { pid, tid, signal });
        }
        if let Some(thread) = self.threads.get_mut(&tid)
            && let Some(top) = thread.interrupted.last_mut()
            && top.pause != Pause::GoesOn
            && let Some(process) = Process::read(tid)
        {
            let process_of = self.processes.get(&thread.pid);
            let restarts =
                process_of.is_some_and(|known| Signals::contains(known.restarting, signal));
            let was_stopped = thread.was_stopped;
            match top.judge(signal, &process.signals, restarts, was_stopped) {
                Verdict::Undo => {
                    if top.make_again(tid).is_ok() {
                        top.pause = Pause::SetBack;
                        delivered = 0;
                    }
                }
                Verdict::Fails => {
                    if top.pause == Pause::SetBack {
                        // The thread may have been killed; then nothing is to be done.
                        let _ = top.let_fail(tid);
                    }
                    self.recorder
                        .close(top.sequence, CallOutcome::Failed(libc::EINTR));
                    thread.interrupted.pop();
                }
                Verdict::GoesOn => top.pause = Pause::GoesOn,
                Verdict::Open => (),
            }
            if signal == libc::SIGCONT {
                thread.was_stopped = false;
            }
        }
        self.resume(tid, delivered);
    }
}

/// However this thread ends, the lab learns that the program is not traced any more.
impl Drop for Follower {
    fn drop(&mut self) {
        self.shared.finish();
    }
}

/// What comes with an event: the number of a new thread, or the former number of one which has called exec.
fn event_message(tid: i32) -> Option<i32> {
    let message = nix::sys::ptrace::getevent(Pid::from_raw(tid));
    message.ok().map(|message| message as i32)
}
