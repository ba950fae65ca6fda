//! The calls of the course, and the one in which a thread sleeps, from `/proc/PID/task/TID/syscall` (proc(5)).
//!
//! Calls are told apart by meaning: `poll` and `ppoll`, `accept` and `accept4` are one [`Call`] each, because which of
//! them a program makes depends on its library and its processor.

mod table;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(super) use table::{Endless, Parameter, Row};

/// A kind of call, by what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// read, readv, recv, recvfrom, recvmsg: waits for data.
    Read,
    /// write, writev, send, sendto, sendmsg: waits for room.
    Write,
    /// accept, accept4: waits for a client.
    Accept,
    /// connect: waits for the server's kernel.
    Connect,
    /// poll, select, epoll_wait and their relatives: waits for events.
    Poll,
    /// wait4, waitid: waits for a child.
    Wait,
    /// pause, sigsuspend, sigtimedwait: waits for a signal.
    Signal,
    /// nanosleep: waits for time to pass.
    Sleep,
    /// futex: waits for another thread.
    Futex,
    /// socket, socketpair.
    Socket,
    /// bind.
    Bind,
    /// listen.
    Listen,
    /// shutdown.
    Shutdown,
    /// setsockopt.
    SetOption,
    /// getsockopt.
    GetOption,
    /// getsockname.
    Name,
    /// getpeername.
    Peer,
    /// open, openat, creat.
    Open,
    /// close, close_range.
    Close,
    /// pipe, pipe2.
    Pipe,
    /// dup, dup2, dup3.
    Dup,
    /// fcntl.
    Fcntl,
    /// unlink, unlinkat: removes a name.
    Remove,
    /// lseek.
    Seek,
    /// ftruncate.
    Truncate,
    /// epoll_create, epoll_ctl.
    Epoll,
    /// fork, vfork, clone: a process or a thread more.
    Fork,
    /// execve, execveat.
    Exec,
    /// exit, exit_group.
    Exit,
    /// setpgid, setsid: puts a process into a group.
    Group,
    /// sigaction.
    SigAction,
    /// sigprocmask.
    SigMask,
    /// signalfd.
    SignalFd,
    /// kill, tgkill: sends a signal.
    Kill,
    /// alarm, setitimer.
    Alarm,
    /// sched_getaffinity, sched_setaffinity: on which CPUs a thread may run. It is not recorded.
    Processor,
    /// ptrace and its relatives, which a traced program is refused.
    Trace,
    /// seccomp: a filter of its own, refused likewise.
    Filter,
    /// io_uring: reads and writes that are not seen as calls, refused likewise.
    Ring,
    /// A call of another ABI, such as that of 32 bits, refused likewise. Traces call it `foreign`.
    #[serde(rename = "foreign")]
    OtherAbi,
}

impl Call {
    /// The kind of call with this name in the manual: `recvfrom` is `Read`. None if it is not recorded.
    pub fn named(name: &str) -> Option<Call> {
        Row::recorded()
            .find(|row| row.name == name || row.call.to_string() == name)
            .map(|row| row.call)
    }

    /// The names of all kinds that are recorded, in the order of the table.
    pub fn names() -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in Row::recorded().map(|row| row.call.to_string()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// The name which the manual gives it, or the most common of several.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Call::Read => "read",
            Call::Write => "write",
            Call::Accept => "accept",
            Call::Connect => "connect",
            Call::Poll => "poll",
            Call::Wait => "wait",
            Call::Signal => "pause",
            Call::Sleep => "sleep",
            Call::Futex => "futex",
            Call::Socket => "socket",
            Call::Bind => "bind",
            Call::Listen => "listen",
            Call::Shutdown => "shutdown",
            Call::SetOption => "setsockopt",
            Call::GetOption => "getsockopt",
            Call::Name => "getsockname",
            Call::Peer => "getpeername",
            Call::Open => "open",
            Call::Close => "close",
            Call::Pipe => "pipe",
            Call::Dup => "dup",
            Call::Fcntl => "fcntl",
            Call::Remove => "unlink",
            Call::Seek => "lseek",
            Call::Truncate => "ftruncate",
            Call::Epoll => "epoll_ctl",
            Call::Fork => "fork",
            Call::Exec => "exec",
            Call::Exit => "exit",
            Call::Group => "setpgid",
            Call::SigAction => "sigaction",
            Call::SigMask => "sigprocmask",
            Call::SignalFd => "signalfd",
            Call::Kill => "kill",
            Call::Alarm => "alarm",
            Call::Processor => "sched_getaffinity",
            Call::Trace => "ptrace",
            Call::Filter => "seccomp",
            Call::Ring => "io_uring",
            Call::OtherAbi => "a foreign call",
        })
    }
}

/// The call in which a thread sleeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sleep {
    /// Its kind; `None` for a call which is not known for sleeping, so that it is unknown what ends it.
    pub call: Option<Call>,
    /// As in the manual: `read`, or `call 42` for one which is not in the table.
    pub name: String,
    /// The descriptor it works on, if it works on one.
    pub descriptor: Option<i32>,
    /// The other descriptor of a call which works on two.
    pub second: Option<i32>,
    /// Where in the thread's memory the set of signals lies which it awaits: for rt_sigtimedwait, which is also what
    /// sigwait and sigwaitinfo call.
    pub awaited: Option<u64>,
    /// Which descriptors it watches, for poll and its relatives.
    pub watched: Option<Watched>,
    /// Whether the call itself sets no limit to the sleep. A timer, an alarm or a socket's own time limit may still
    /// end it.
    pub endless: bool,
    /// The limit that it sets, where it names how long it sleeps at most.
    pub limit: Option<TimeLimit>,
}

/// Where it stands how long a call sleeps at most, from its beginning on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// It is this number.
    Milliseconds(u32),
    /// A struct timespec at an address of the thread's memory.
    Timespec(u64),
}

impl TimeLimit {
    /// `None` where a call sets no limit, or names a moment and not a time (clock_nanosleep(2), TIMER_ABSTIME). What select(2)
    /// has is another struct, in which the kernel counts down.
    fn of(row: &Row, argument: impl Fn(usize) -> u64) -> Option<TimeLimit> {
        match (row.call, row.endless) {
            _ if row.endless.holds(&argument) => None,
            (Call::Poll, Endless::IfNegative(place)) => {
                Some(TimeLimit::Milliseconds(argument(place) as u32))
            }
            (Call::Poll, Endless::IfNull(place)) if row.name.starts_with("ppoll") => {
                Some(TimeLimit::Timespec(argument(place)))
            }
            (Call::Signal, Endless::IfNull(place)) => Some(TimeLimit::Timespec(argument(place))),
            (Call::Sleep, _) => match row.parameters {
                [Parameter::Time] => Some(TimeLimit::Timespec(argument(0))),
                [_, _, Parameter::Time] if argument(1) == 0 => {
                    Some(TimeLimit::Timespec(argument(2)))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// Where it stands which descriptors a call watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// So many `struct pollfd` at an address of the thread's memory (poll(2)).
    Array {
        /// The address.
        start: u64,
        /// How many there are.
        count: u64,
    },
    /// Two sets of bits in its memory, for the descriptors below `count` (select(2)); 0 stands for no set.
    Sets {
        /// How many descriptors there may be.
        count: u64,
        /// The address of those which are watched for data.
        read: u64,
        /// Of those which are watched for room.
        write: u64,
    },
    /// The set belongs to this descriptor (epoll(7)).
    Epoll(i32),
}

impl Watched {
    pub(super) fn of(row: &Row, argument: impl Fn(usize) -> u64) -> Option<Watched> {
        match (row.call, row.parameters) {
            (Call::Poll, [Parameter::PollSet(count), ..]) => Some(Watched::Array {
                start: argument(0),
                count: argument(*count),
            }),
            (Call::Poll, [Parameter::Int, Parameter::DescriptorSet, ..]) => Some(Watched::Sets {
                count: u64::from(argument(0) as u32),
                read: argument(1),
                write: argument(2),
            }),
            (Call::Poll, [Parameter::Descriptor, ..]) => {
                Some(Watched::Epoll(argument(0) as u32 as i32))
            }
            _ => None,
        }
    }
}

impl Sleep {
    /// Reads the one line of `/proc/PID/task/TID/syscall`: `NR ARG0 … ARG5 SP PC`. `None` if the thread is not in a
    /// call: it runs, or it stopped on its own account.
    pub fn parse(line: &str) -> Option<Sleep> {
        let mut words = line.split_whitespace();
        let number: libc::c_long = words.next()?.parse().ok()?;
        if number < 0 {
            return None;
        }
        let arguments: Vec<u64> = words
            .map_while(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok())
            .collect();
        let argument = |index: usize| arguments.get(index).copied().unwrap_or(0);
        // The kernel reads a descriptor from the low 32 bits of its register.
        let as_int = |index: usize| argument(index) as u32 as i32;
        // A program for 32 bits has its stack below 4 GiB, and numbers its calls otherwise: its 0 is not read, but
        // the rest of a sleep that a signal has interrupted.
        let is_foreign = cfg!(target_pointer_width = "64")
            && arguments
                .get(6)
                .is_some_and(|&stack| u32::try_from(stack).is_ok());
        let row = Row::of(number).filter(|_| !is_foreign);
        let Some(row) = row else {
            return Some(Sleep {
                call: None,
                name: format!("call {number}"),
                descriptor: None,
                second: None,
                awaited: None,
                watched: None,
                endless: false,
                limit: None,
            });
        };
        Some(Sleep {
            call: row.sleeps().then_some(row.call),
            name: row.name.to_owned(),
            descriptor: row.has_descriptor().then(|| as_int(0)),
            second: row.second_descriptor().map(as_int),
            awaited: (number == libc::SYS_rt_sigtimedwait).then(|| argument(0)),
            watched: Watched::of(row, argument),
            endless: row.endless.holds(argument),
            limit: TimeLimit::of(row, argument),
        })
    }
}

impl fmt::Display for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.descriptor {
            Some(descriptor) => write!(f, "{}({descriptor})", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_call_with_its_descriptor() {
        let line = format!(
            "{} 0x4 0x7ffd 0x4000 0x0 0x0 0x0 0x7ffd00000000 0x7f",
            libc::SYS_read
        );
        let sleep = Sleep::parse(&line).unwrap();
        assert_eq!(
            (sleep.call, sleep.descriptor, sleep.endless),
            (Some(Call::Read), Some(4), true)
        );
        assert_eq!(sleep.to_string(), "read(4)");
    }

    #[test]
    fn a_time_limit_is_not_for_ever() {
        let ppoll = |limit: &str| {
            Sleep::parse(&format!(
                "{} 0x7ffd 0x1 {limit} 0x0 0x8 0x0 0x7ffd00000000 0x7f",
                libc::SYS_ppoll
            ))
            .unwrap()
        };
        assert!(ppoll("0x0").endless);
        assert!(!ppoll("0x7ffd10").endless);
        let epoll = |limit: &str| {
            Sleep::parse(&format!(
                "{} 0x3 0x7ffd 0x8 {limit} 0x0 0x8 0x7ffd00000000 0x7f",
                libc::SYS_epoll_pwait
            ))
            .unwrap()
        };
        assert!(epoll("0xffffffff").endless);
        assert!(!epoll("0x64").endless);
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_program_for_32_bits_has_other_numbers() {
        let sleep = Sleep::parse("0 0x4 0x0 0x0 0x0 0x0 0x0 0xff8012f0 0xf7f0b549").unwrap();
        assert_eq!((sleep.call, sleep.endless), (None, false));
    }

    #[test]
    fn a_call_may_work_on_two_descriptors() {
        let line = format!(
            "{} 0x4 0x0 0x6 0x0 0x1000 0x0 0x7ffd00000000 0x7f",
            libc::SYS_splice
        );
        let sleep = Sleep::parse(&line).unwrap();
        assert_eq!((sleep.descriptor, sleep.second), (Some(4), Some(6)));
    }

    #[test]
    fn a_running_thread_is_in_no_call() {
        assert_eq!(Sleep::parse("running"), None);
        assert_eq!(Sleep::parse("-1 0x7ffd 0x7f"), None);
    }
}
