//! Faults that the lab injects into system calls, and the rules that choose the calls.
//!
//! A new kind of fault is a variant of [`Fault`] with its text, a rule in `possible`, and an arm where `patch` changes the
//! call. If it changes registers, `follow` repeats the change when an interrupted call is made again. Tests reach it
//! through the lab's words for faults.

use std::{fmt, path::Path, sync::Arc};

use super::{
    memory::{Buffer, Memory},
    possible::is_possible,
    registers::{Entry, Registers},
};
use crate::observe::{
    calls::{Call, Parameter, Row},
    descriptors::{self, Object},
};

/// One fault, and the calls which it hits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    /// The kind of call.
    pub call: Call,
    /// The process that must make the call.
    pub by: By,
    /// The object that the call must work on.
    pub on: On,
    /// Which of the matching calls are hit, by their order.
    pub which: Which,
    /// What happens to each call that is hit.
    pub fault: Fault,
}

impl Injection {
    /// A fault for the first call of this kind. `pid` is the process that will run the program: its own exec does not count,
    /// also if the program is a script, whose interpreter calls exec again. Of write only those to standard output count: a
    /// runtime writes to wake its threads, too.
    pub fn of_the_first(pid: i32, (call, fault): (Call, Fault)) -> Injection {
        let by = match call {
            Call::Exec => By::OthersThan(pid),
            _ => By::Anyone,
        };
        let on = match call {
            Call::Write => On::Descriptor(1),
            _ => On::Anything,
        };
        Injection {
            call,
            by,
            on,
            which: Which::First(1),
            fault,
        }
    }
}

/// The faults that are in force from the first call of a program on, when it has been started as the process of this
/// number.
pub type EarlyFaults = Box<dyn FnOnce(i32) -> Vec<Injection> + Send>;

/// None of them.
pub fn no_faults() -> EarlyFaults {
    Box::new(|_| Vec::new())
}

/// Restricts an injection to the calls of these processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The program and its descendants.
    Anyone,
    /// This process, and none of its children.
    Process(i32),
    /// All but this process: its children.
    OthersThan(i32),
}

impl By {
    fn includes(self, pid: i32) -> bool {
        match self {
            By::Anyone => true,
            By::Process(process) => pid == process,
            By::OthersThan(process) => pid != process,
        }
    }
}

/// Restricts an injection to calls on this object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// Any descriptor, or none: fork has none.
    Anything,
    /// The descriptor with this number.
    Descriptor(i32),
    /// Any socket.
    Sockets,
    /// Any descriptor that was opened by a path below this folder: a file, a named pipe. open itself never matches.
    FilesBelow(Arc<Path>),
    /// The pipe with this inode, through any descriptor.
    Pipe(u64),
    /// What bytes flow through: any socket, pipe or terminal.
    Streams,
}

impl On {
    fn includes(&self, thread: i32, descriptor: Option<i32>) -> bool {
        let object = || descriptors::object(thread, descriptor?);
        match self {
            On::Anything => true,
            On::Descriptor(number) => descriptor == Some(*number),
            On::Sockets => matches!(object(), Some(Object::Socket(_))),
            On::FilesBelow(folder) => {
                matches!(object(), Some(Object::Other(name)) if Path::new(&name).starts_with(folder))
            }
            On::Pipe(inode) => object() == Some(Object::Pipe(*inode)),
            On::Streams => match object() {
                Some(Object::Socket(_) | Object::Pipe(_)) => true,
                Some(Object::Other(name)) => name.starts_with("/dev/pts/") || name == "/dev/tty",
                None => false,
            },
        }
    }
}

/// Which of the matching calls are hit. A call matches if its kind and its object fit and the kernel could cause the fault
/// there. Matching calls of all processes are counted together, from when the injection was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The n-th, from 1.
    Nth(u64),
    /// The first n.
    First(u64),
    /// All.
    Every,
    /// The first, the third and so on: a call that is made again succeeds.
    EveryOther,
}

/// What happens to a call. The module `possible` has the rules for EINTR and for short counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The kernel does not execute the call. The program gets this errno.
    Errno(i32),
    /// A read or write moves at most this many bytes, at least one. Calls that would lose data are not changed: those on
    /// datagrams, and messages with control data or an address.
    Short(u64),
    /// The process gets this signal just before the call: between the check of a flag that a handler sets, and the call
    /// that waits. The tracer skips the call, sends the signal, and lets the program make the call again. If the signal is
    /// blocked, it is delivered when the program unblocks it, for example inside ppoll.
    Signal(i32),
}

/// Identifies an injection, so that it can be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InjectionId(u64);

/// The active injections.
#[derive(Debug, Default)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    added: u64,
    /// Whether one that is not in force any more has hit a call.
    has_hit: bool,
}

#[derive(Debug)]
struct Rule {
    id: InjectionId,
    injection: Injection,
    /// How many calls have matched. Not all of them were hit.
    matched: u64,
    /// How many it has hit.
    hits: u64,
}

impl Rules {
    pub fn add(&mut self, injection: Injection) -> InjectionId {
        self.added += 1;
        let id = InjectionId(self.added);
        self.rules.push(Rule {
            id,
            injection,
            matched: 0,
            hits: 0,
        });
        id
    }

    /// Removes an injection. Returns how many calls it has hit.
    pub fn remove(&mut self, id: InjectionId) -> u64 {
        let hits = self.hits(id);
        self.has_hit |= hits > 0;
        self.rules.retain(|rule| rule.id != id);
        hits
    }

    pub fn hits(&self, id: InjectionId) -> u64 {
        self.rules
            .iter()
            .find(|rule| rule.id == id)
            .map_or(0, |rule| rule.hits)
    }

    /// Whether there are injections, and none of them has hit a call, nor one before them.
    pub fn are_all_unhit(&self) -> bool {
        !self.rules.is_empty() && !self.has_hit && self.rules.iter().all(|rule| rule.hits == 0)
    }

    /// The fault for a call which a thread of this process is about to make: that of the first injection whose turn it is.
    pub fn fault_for(
        &mut self,
        pid: i32,
        thread: i32,
        row: &Row,
        entry: &Entry,
    ) -> Option<(InjectionId, Fault)> {
        let number = |place: usize| entry.arguments[place] as i32;
        let own = row.has_descriptor().then(|| number(0));
        let roles = match row.copies() {
            // A call which copies is a read at the one end and a write at the other.
            Some((from, to)) => vec![
                (Call::Read, Some(number(from))),
                (Call::Write, Some(number(to))),
            ],
            None => vec![(row.call, own)],
        };
        let mut found = None;
        for rule in &mut self.rules {
            let Injection {
                call: kind,
                by,
                on,
                which,
                fault,
            } = &rule.injection;
            let is_meant = |&(call, descriptor): &(Call, _)| {
                call == *kind
                    && by.includes(pid)
                    && on.includes(thread, descriptor)
                    && is_possible(*fault, thread, row, entry, (call, descriptor))
            };
            if !roles.iter().any(is_meant) {
                continue;
            }
            rule.matched += 1;
            let is_due = match which {
                Which::Nth(turn) => rule.matched == *turn,
                Which::First(turns) => rule.matched <= *turns,
                Which::Every => true,
                Which::EveryOther => rule.matched % 2 == 1,
            };
            if is_due && found.is_none() {
                found = Some((rule.id, *fault));
            }
        }
        found
    }

    /// The chosen call could not be changed: it moves no more bytes than it may, for example. The next matching call is
    /// chosen.
    pub fn take_back(&mut self, id: InjectionId) {
        if let Some(rule) = self.rules.iter_mut().find(|rule| rule.id == id) {
            rule.matched -= 1;
        }
    }

    /// Counts a call which was hit.
    pub fn count(&mut self, id: InjectionId) {
        if let Some(rule) = self.rules.iter_mut().find(|rule| rule.id == id) {
            rule.hits += 1;
        }
    }
}

/// Lets a call move at most `most` bytes, by its registers alone: a scattered read or write becomes a plain one of its
/// first buffer. False if it moves no more anyway, or must not be cut.
pub(super) fn shorten(
    registers: &mut Registers,
    row: &Row,
    entry: &Entry,
    memory: Memory,
    most: u64,
) -> bool {
    let most = most.max(1);
    let numbers = &entry.arguments;
    let length_at = row.parameters.iter().find_map(|parameter| match parameter {
        Parameter::Sent(length) | Parameter::Filled(length) => Some(*length),
        _ => None,
    });
    let length_at = length_at.or(match entry.number {
        libc::SYS_sendfile => Some(3),
        libc::SYS_splice | libc::SYS_copy_file_range => Some(4),
        _ => None,
    });
    let cut = match (length_at, entry.number) {
        (Some(length), _) => (numbers[length] > most).then(|| vec![(length, most)]),
        (None, libc::SYS_recvmsg | libc::SYS_sendmsg) => cut_message(entry, memory, most),
        (None, _) => cut_vector(entry, memory, most),
    };
    let Some(cut) = cut.filter(|_| !keeps_messages_apart(memory, entry)) else {
        return false;
    };
    if length_at.is_none()
        && let Some(plain) = without_vector(entry)
    {
        registers.set_number(plain);
    }
    for (place, value) in cut {
        registers.set_argument(place, value);
    }
    true
}

fn keeps_messages_apart(memory: Memory, entry: &Entry) -> bool {
    descriptors::keeps_messages_apart(memory.thread, entry.arguments[0] as i32)
}

/// The arguments of the plain call.
fn cut_vector(entry: &Entry, memory: Memory, most: u64) -> Option<Vec<(usize, u64)>> {
    without_vector(entry)?;
    let buffers = memory.buffers(entry.arguments[1], entry.arguments[2]);
    let (start, length) = cut_to_first(&buffers, most)?;
    Some(vec![(1, start), (2, length)])
}

/// The same for a message. Descriptors that are passed would be lost; and so would an address, which the plain call has no
/// place for. A stream has none (recv(2)).
fn cut_message(entry: &Entry, memory: Memory, most: u64) -> Option<Vec<(usize, u64)>> {
    let header = memory.header(entry.arguments[1])?;
    if header.control_length > 0 || header.name != 0 {
        return None;
    }
    let buffers = memory.buffers(header.buffers, header.count);
    let (start, length) = cut_to_first(&buffers, most)?;
    let flags = entry.arguments[2];
    Some(vec![(1, start), (2, length), (3, flags), (4, 0), (5, 0)])
}

/// The first buffer, at most `most` bytes of it. None if all buffers together have no more, or if they have more than the
/// kernel takes: such a call fails with EINVAL (readv(2)).
fn cut_to_first(buffers: &[Buffer], most: u64) -> Option<(u64, u64)> {
    const MOST: u64 = isize::MAX as u64;
    let lengths = buffers.iter().map(|buffer| buffer.length);
    let whole = lengths.fold(0u64, u64::saturating_add);
    let first = buffers.iter().find(|buffer| buffer.length > 0)?;
    (whole > most && whole <= MOST).then(|| (first.start, first.length.min(most)))
}

/// The call that moves one buffer in place of several (readv(2), recvmsg(2)). With the flags of preadv2, none has the same
/// meaning.
fn without_vector(entry: &Entry) -> Option<libc::c_long> {
    let [.., place, _, flags] = entry.arguments;
    // The offset -1 means the present one.
    let is_placed = place as i64 != -1;
    Some(match entry.number {
        libc::SYS_readv => libc::SYS_read,
        libc::SYS_writev => libc::SYS_write,
        libc::SYS_preadv => libc::SYS_pread64,
        libc::SYS_pwritev => libc::SYS_pwrite64,
        libc::SYS_preadv2 if flags == 0 && is_placed => libc::SYS_pread64,
        libc::SYS_pwritev2 if flags == 0 && is_placed => libc::SYS_pwrite64,
        libc::SYS_preadv2 if flags == 0 => libc::SYS_read,
        libc::SYS_pwritev2 if flags == 0 => libc::SYS_write,
        libc::SYS_recvmsg => libc::SYS_recvfrom,
        libc::SYS_sendmsg => libc::SYS_sendto,
        _ => return None,
    })
}

/// What the lab did to a call, for a report.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Fault::Errno(errno) => write!(f, "made to fail with {}", super::names::errno(errno)),
            Fault::Short(1) => f.write_str("cut to 1 byte"),
            Fault::Short(most) => write!(f, "cut to {most} bytes"),
            Fault::Signal(signal) => {
                write!(f, "{} sent just before it", super::names::signal(signal))
            }
        }
    }
}
