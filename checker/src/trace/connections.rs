//! The TCP sockets of a program, and what becomes of their states.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
};

use crate::{
    failure::LabError,
    observe::{
        calls::Call,
        descriptors::{self, Object},
        sockets::{self, Socket, State, Transport},
        tracer::{CallOutcome, Record},
    },
};

/// How many sockets are watched at once. Those in TIME-WAIT, of which nothing is to be learnt, make room.
const MOST: usize = 512;
/// So many sockets are cheaper to ask about all at once than one by one.
const MANY: usize = 64;

/// A TCP socket has another state than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// The process that used it last.
    pub pid: i32,
    /// Its descriptor there.
    pub descriptor: i32,
    /// Its own address.
    pub local: SocketAddr,
    /// Its peer's address; port 0 for a listener.
    pub peer: SocketAddr,
    /// Its state before; none if it is new.
    pub from: Option<State>,
    /// Its state now.
    pub to: State,
    /// Who is at the other end.
    pub side: Side,
    /// Whether the program has ended its sending side, by shutdown, close or its own end.
    pub has_ended: bool,
}

/// How a socket came to its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// By connect: the peer is a server.
    Client,
    /// By accept: the peer is a client.
    Server,
    /// It was there already.
    Unknown,
}

/// The sockets that are watched, by their inodes.
#[derive(Debug, Default)]
pub(super) struct Connections {
    watched: BTreeMap<u64, StateChange>,
    /// Sockets which have no state of TCP.
    others: BTreeSet<u64>,
    /// What the threads are about to close.
    closing: HashMap<i32, u64>,
    /// The processes that were seen.
    processes: BTreeSet<i32>,
}

impl Connections {
    /// A call is about to be made. After a close, it is unknown what the descriptor was.
    pub fn before_call(&mut self, record: &Record) {
        self.processes.insert(record.pid);
        if record.call == Call::Close
            && let Some(inode) = inode(record.pid, record.descriptor())
            && self.watched.contains_key(&inode)
        {
            self.closing.insert(record.tid, inode);
        }
    }

    /// A process has ended.
    pub fn process_ended(&mut self, pid: i32) {
        self.processes.remove(&pid);
    }

    /// A call has returned; what it has changed. The thread that made it stands still.
    pub fn after_call(&mut self, record: &Record) -> Result<Vec<StateChange>, LabError> {
        let result = match record.outcome {
            CallOutcome::Returned(result) => result as i32,
            CallOutcome::Failed(_) => -1,
            CallOutcome::InProgress | CallOutcome::Lost => return Ok(Vec::new()),
        };
        let own = inode(record.pid, record.descriptor());
        match record.call {
            Call::Accept if result >= 0 => {
                let accepted = inode(record.pid, Some(result));
                self.track(accepted, record.pid, result, Side::Server)
            }
            // A connect in progress has an address, too.
            Call::Connect | Call::Listen => {
                own.map(|inode| self.others.remove(&inode));
                let descriptor = record.descriptor().unwrap_or_default();
                self.track(own, record.pid, descriptor, Side::Client)
            }
            Call::Close => match self.closing.remove(&record.tid) {
                Some(inode) => self.refresh(inode, None),
                None => Ok(Vec::new()),
            },
            Call::Shutdown if result >= 0 && record.numbers[1] as i32 != libc::SHUT_RD => {
                let Some(inode) = own else {
                    return Ok(Vec::new());
                };
                if let Some(socket) = self.watched.get_mut(&inode) {
                    socket.has_ended = true;
                }
                self.refresh(inode, None)
            }
            Call::Read | Call::Write | Call::GetOption | Call::Shutdown => {
                let descriptor = record.descriptor().unwrap_or_default();
                self.track(own, record.pid, descriptor, Side::Unknown)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// What has changed without a call.
    pub fn refresh_all(&mut self) -> Result<Vec<StateChange>, LabError> {
        let inodes: Vec<u64> = self.watched.keys().copied().collect();
        let all = match inodes.len() {
            0..MANY => None,
            // In this order: none is missed that ends between the two questions.
            _ => Some([sockets::all(Transport::Tcp)?, sockets::in_time_wait()?].concat()),
        };
        let mut changes = Vec::new();
        for inode in inodes {
            changes.extend(self.refresh(inode, all.as_deref())?);
        }
        Ok(changes)
    }

    /// Whether a connection is on its way from one state to the next, at the pace of the kernels.
    pub fn is_moving(&self) -> bool {
        self.watched.values().any(|socket| {
            matches!(
                socket.to,
                State::FinWait1 | State::FinWait2 | State::Closing | State::LastAck
            )
        })
    }

    /// A socket which may be new.
    fn track(
        &mut self,
        inode: Option<u64>,
        pid: i32,
        descriptor: i32,
        side: Side,
    ) -> Result<Vec<StateChange>, LabError> {
        let Some(inode) = inode.filter(|inode| !self.others.contains(inode)) else {
            return Ok(Vec::new());
        };
        if let Some(socket) = self.watched.get_mut(&inode) {
            // After a fork, it may be another process which goes on with it.
            (socket.pid, socket.descriptor) = (pid, descriptor);
            return self.refresh(inode, None);
        }
        let found = sockets::of_inode(inode)?;
        let Some(socket) = found.filter(|socket| socket.state != State::Close) else {
            if self.others.len() >= MOST {
                self.others.clear();
            }
            self.others.insert(inode);
            return Ok(Vec::new());
        };
        let change = StateChange {
            pid,
            descriptor,
            local: socket.local,
            peer: socket.peer,
            from: None,
            to: socket.state,
            side,
            has_ended: false,
        };
        if self.watched.len() >= MOST {
            self.watched
                .retain(|_, socket| socket.to != State::TimeWait);
        }
        if self.watched.len() < MOST {
            self.watched.insert(inode, change.clone());
        }
        Ok(vec![change])
    }

    /// Asks for the state of a socket; `all` are the answers, if they are there already.
    fn refresh(
        &mut self,
        inode: u64,
        all: Option<&[Socket]>,
    ) -> Result<Vec<StateChange>, LabError> {
        let Some(before) = self.watched.get(&inode) else {
            return Ok(Vec::new());
        };
        let now = match (all, before.to) {
            (_, State::Listen) => sockets::listening()?
                .into_iter()
                .find(|socket| socket.inode == inode),
            (None, _) => sockets::between(before.local, before.peer)?,
            (Some(all), _) => {
                let mut all = all.iter();
                all.find(|socket| socket.local == before.local && socket.peer == before.peer)
                    .cloned()
            }
        };
        let to = now.map_or(State::Close, |socket| socket.state);
        if to == before.to {
            return Ok(Vec::new());
        }
        let has_ended = before.has_ended || !self.is_held(inode);
        let change = StateChange {
            from: Some(before.to),
            to,
            has_ended,
            ..before.clone()
        };
        match to {
            State::Close => self.watched.remove(&inode),
            _ => self.watched.insert(inode, change.clone()),
        };
        Ok(vec![change])
    }

    /// Whether a process still has a descriptor of this socket.
    fn is_held(&self, inode: u64) -> bool {
        self.processes.iter().any(|&pid| {
            let mut all = descriptors::of(pid).into_iter();
            all.any(|descriptor| descriptor.object == Object::Socket(inode))
        })
    }
}

fn inode(pid: i32, descriptor: Option<i32>) -> Option<u64> {
    match descriptors::object(pid, descriptor?)? {
        Object::Socket(inode) => Some(inode),
        _ => None,
    }
}
