//! What is seen of a test at the moment at which it fails.
//!
//! Only this file makes [`Evidence`], and no [`Failure`](crate::failure::Failure) exists without: the snapshot is taken
//! where the failure is made, while the peers of the test are still there and the program has not gone on.

use std::{collections::HashSet, net::SocketAddr};

use serde::{Deserialize, Serialize};

use super::{
    context::TestContext,
    program::{CallLine, FdKind, LastCalls, last_calls},
    programs::{Ending, Running},
};
use crate::{
    failure::{Diagnosis, Failure},
    observe::{
        calls::{Call, Sleep},
        descriptors::{self, Descriptor, Object},
        processes::Process,
        sockets::{Socket, State, Transport},
        source::SourceLine,
        tracer::Tracer,
    },
};

/// What was seen of a test when it failed, for its report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// What the test did, in order. It failed in the last step.
    pub steps: Vec<String>,
    /// What each process of the program did.
    pub processes: Vec<ProcessState>,
    /// The call in which the program itself slept, and on what, if it did.
    pub waits: Option<(Call, Option<FdKind>)>,
    /// The open descriptors that report events and carry no data, such as those of eventfd(2) and signalfd(2): each with
    /// the PID of its process, as the program itself would print it.
    pub events: Vec<(i32, i32)>,
    /// What had arrived for it when it slept, and what it had not taken.
    pub pending: Vec<Pending>,
    /// The last calls of the program and its children, in the order in which they were made; none where they are not
    /// followed.
    pub calls: Vec<CallLine>,
    /// From where in its author's source it has panicked, if it has and its calls are followed.
    pub panicked_at: Option<SourceLine>,
    /// The children that had ended with another exit status than 0, where calls are followed.
    pub failed_children: Vec<FailedChild>,
    /// The last of its calls that has made each close of a connection a reset, with what came of it.
    pub abortive: Option<String>,
    /// What the program had printed on standard output; its beginning and its end if it was much.
    pub stdout: String,
    /// The same of standard error.
    pub stderr: String,
    /// How the program had ended, if it had.
    pub ending: Option<Ending>,
    /// Whether a fault was in force which no call had met yet: the program failed before.
    pub fault_not_triggered: bool,
    /// Private, so that no other file can make evidence.
    #[serde(skip)]
    _captured: Captured,
}

#[derive(Clone, Debug, Default)]
struct Captured;

/// What the kernel keeps for a program until it takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pending {
    /// Bytes of a connection, and whose: `client 1`.
    Bytes(u32, String),
    /// Datagrams of a socket with this address; the kernel does not tell how many.
    Datagrams(String),
    /// Connections that no call has accepted.
    Connections(u32),
}

/// A child that had ended with another exit status than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedChild {
    /// Its PID, as the program itself would print it.
    pub pid: i32,
    /// Its exit status.
    pub status: i32,
}

/// What one process does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessState {
    /// Its PID, as the program itself would print it.
    pub pid: i32,
    /// Whether it is the program itself, and not one of its children.
    pub is_main: bool,
    /// `waits in read(4)`; or what it does if it is in no call: `runs`, `is stopped`, `is a zombie`.
    pub does: String,
    /// What the descriptor stands for, where that is known: `the connection with client 1, ESTABLISHED`.
    pub on: Option<String>,
}

impl ProcessState {
    /// What [`ProcessState::does`] says of a process which is in no call.
    pub const RUNS: &str = "runs";
    /// What it says of a child which has ended, and which its parent has not waited for.
    pub const ZOMBIE: &str = "has ended and is a zombie";
}

impl Failure {
    /// The failure of a program which keeps a pipe locked. No evidence can be captured: a process that reads the pipe
    /// sleeps until the program is gone.
    pub fn pipe_locked() -> Failure {
        let nothing = Evidence {
            steps: Vec::new(),
            processes: Vec::new(),
            waits: None,
            events: Vec::new(),
            pending: Vec::new(),
            calls: Vec::new(),
            panicked_at: None,
            failed_children: Vec::new(),
            abortive: None,
            stdout: String::new(),
            stderr: String::new(),
            ending: None,
            fault_not_triggered: false,
            _captured: Captured,
        };
        Failure::new(
            Diagnosis::PipeLocked,
            "your program keeps its standard input, output or error locked: it waits in splice(2) on a copy of that \
             descriptor, and meanwhile nobody can read what it has printed, or send it anything",
            nothing,
        )
    }
}

impl TestContext {
    /// Takes the snapshot. If the failure is about one call, `guilty` is the sequence number of that call.
    pub(super) fn capture(&self, guilty: Option<u64>) -> Evidence {
        self.programs.read_outputs();
        let program = self.programs.last();
        let program = program.as_ref();
        let LastCalls {
            calls,
            panicked_at,
            failed_children,
            abortive,
        } = program
            .and_then(|program| Some(last_calls(program.tracer()?, program.pid(), guilty)))
            .unwrap_or_default();
        let processes = self.programs.processes();
        let mut sockets = self.sockets(Transport::Tcp).unwrap_or_default();
        let streams = sockets.len();
        sockets.extend(self.sockets(Transport::Udp).unwrap_or_default());
        let waits = program.and_then(|program| waits(program, &processes));
        let open = processes.iter().flat_map(|process| {
            let open = descriptors::of_process(process).into_iter();
            open.map(|descriptor| (process.own_pid, descriptor))
        });
        let open: Vec<(i32, Descriptor)> = open.collect();
        Evidence {
            steps: self.transcript.steps(),
            processes: self.states_of(&processes, &sockets),
            waits,
            events: open.iter().filter_map(event_descriptor).collect(),
            pending: match waits {
                Some(_) => self.pending(&open, sockets.split_at(streams)),
                None => Vec::new(),
            },
            calls,
            panicked_at,
            failed_children,
            abortive,
            stdout: program.map(|it| it.stdout_excerpt()).unwrap_or_default(),
            stderr: program.map(|it| it.stderr_excerpt()).unwrap_or_default(),
            fault_not_triggered: program
                .and_then(|program| program.tracer())
                .is_some_and(Tracer::has_unhit_faults),
            ending: program.and_then(|program| program.ending()),
            _captured: Captured,
        }
    }

    /// What each of these processes does now.
    fn states_of(&self, processes: &[Process], sockets: &[Socket]) -> Vec<ProcessState> {
        let mut found: Vec<ProcessState> = processes
            .iter()
            .map(|process| self.state_of(process, sockets))
            .collect();
        found.sort_by_key(|state| (!state.is_main, state.pid));
        found
    }

    /// What the kernel keeps for the open descriptors of processes, of their TCP and of their UDP sockets.
    fn pending(
        &self,
        open: &[(i32, Descriptor)],
        (streams, datagrams): (&[Socket], &[Socket]),
    ) -> Vec<Pending> {
        let open: HashSet<u64> = open
            .iter()
            .filter_map(|(_, descriptor)| match descriptor.object {
                Object::Socket(inode) => Some(inode),
                _ => None,
            })
            .collect();
        let is_kept = |socket: &&Socket| socket.receive_queue > 0 && open.contains(&socket.inode);
        let of_stream = |socket: &Socket| match socket.state {
            State::Listen => Pending::Connections(socket.receive_queue),
            _ => Pending::Bytes(socket.receive_queue, self.name_of(socket.peer)),
        };
        let of_datagrams = |socket: &Socket| Pending::Datagrams(socket.local.to_string());
        let streams = streams.iter().filter(is_kept).map(of_stream);
        let datagrams = datagrams.iter().filter(is_kept).map(of_datagrams);
        streams.chain(datagrams).collect()
    }

    fn name_of(&self, peer: SocketAddr) -> String {
        self.names.of(peer).unwrap_or_else(|| peer.to_string())
    }

    fn state_of(&self, process: &Process, sockets: &[Socket]) -> ProcessState {
        let sleep = match process.state {
            'S' | 'D' => telling_sleep(process),
            // Its main thread has ended, and others go on.
            'Z' if !process.is_zombie() => telling_sleep(process),
            _ => None,
        };
        ProcessState {
            pid: process.own_pid,
            is_main: self.programs.is_main(process.pid),
            on: sleep
                .as_ref()
                .and_then(|sleep| self.object_of(process.pid, sleep, sockets)),
            does: match (process.state, sleep) {
                (_, Some(sleep)) => format!("waits in {sleep}"),
                (state, None) if self.programs.is_stopped(process.pid, state) => {
                    "is stopped".to_owned()
                }
                ('Z' | 'X', None) if process.is_zombie() => ProcessState::ZOMBIE.to_owned(),
                _ => ProcessState::RUNS.to_owned(),
            },
        }
    }

    /// What the descriptor in a call stands for, in the words of the report's steps.
    fn object_of(&self, pid: i32, sleep: &Sleep, sockets: &[Socket]) -> Option<String> {
        let fd = sleep.descriptor?;
        match descriptors::object(pid, fd)? {
            Object::Socket(inode) => {
                let socket = sockets.iter().find(|socket| socket.inode == inode)?;
                if socket.state == State::Listen {
                    return Some(format!("the listening socket {}", socket.local));
                }
                if socket.state == State::Close {
                    return Some(format!("the socket {}", socket.local));
                }
                let peer = self.name_of(socket.peer);
                Some(format!("the connection with {peer}, {}", socket.state))
            }
            Object::Pipe(_) if fd == 0 => Some("standard input".to_owned()),
            Object::Pipe(_) if fd == 1 => Some("standard output".to_owned()),
            Object::Pipe(_) if fd == 2 => Some("standard error".to_owned()),
            Object::Pipe(_) => Some("a pipe".to_owned()),
            Object::Other(name) => Some(name),
        }
    }
}

/// A descriptor that reports events: no path, no socket and no pipe belongs to it.
fn event_descriptor((own_pid, descriptor): &(i32, Descriptor)) -> Option<(i32, i32)> {
    match &descriptor.object {
        Object::Other(name) if name.starts_with("anon_inode:") => {
            Some((*own_pid, descriptor.number))
        }
        _ => None,
    }
}

/// The call in which a program itself sleeps, and on what.
fn waits(program: &Running, processes: &[Process]) -> Option<(Call, Option<FdKind>)> {
    let mut processes = processes.iter();
    let main = processes.find(|process| process.pid == program.pid())?;
    let sleep = telling_sleep(main)?;
    let object = sleep
        .descriptor
        .and_then(|number| descriptors::object(main.pid, number));
    let on = object.and_then(|object| FdKind::of(program, &object));
    Some((sleep.call?, on))
}

/// The call in which a process sleeps. Of several threads, one that waits for another tells less than that other one.
fn telling_sleep(process: &Process) -> Option<Sleep> {
    let mut sleeps: Vec<Sleep> = process
        .thread_list()
        .into_iter()
        .filter(|thread| thread.state != 'Z')
        .filter_map(|thread| thread.sleep)
        .collect();
    sleeps.sort_by_key(|sleep| sleep.call == Some(Call::Futex));
    sleeps.into_iter().next()
}
