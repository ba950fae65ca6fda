//! The call in which a thread sleeps, from `/proc/PID/task/TID/syscall` (proc(5)).
//!
//! Calls are told apart by meaning: `poll` and `ppoll`, `accept` and `accept4` are one [`Call`] each, because which of
//! them a program makes depends on its library and its processor.

use serde::{Deserialize, Serialize};

/// A kind of call in which a program can sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// When a call which sleeps can go on only through somebody else's action.
#[derive(Clone, Copy, Debug)]
enum Endless {
    /// It has no time limit of its own.
    Always,
    /// Its time limit is a pointer, in this argument; null means none.
    IfNull(usize),
    /// Its time limit is a number of milliseconds, in this argument; negative means none.
    IfNegative(usize),
    /// It always ends by itself.
    Never,
}

struct Row {
    number: libc::c_long,
    name: &'static str,
    call: Call,
    endless: Endless,
    /// Whether its first argument is a descriptor.
    descriptor: bool,
    /// Which other argument is one, too.
    second: Option<usize>,
}

const fn row(
    number: libc::c_long,
    name: &'static str,
    call: Call,
    endless: Endless,
    descriptor: bool,
) -> Row {
    Row {
        number,
        name,
        call,
        endless,
        descriptor,
        second: None,
    }
}

/// Every call in which the programs of the course sleep. One row a call.
///
/// Left out is what others than the test could end: flock, fcntl, msgrcv and semop wait for whoever holds the lock or
/// the queue, which may be the program of another test. Of a call which is not here, nobody knows when it ends.
const TABLE: &[Row] = &[
    row(libc::SYS_read, "read", Call::Read, Endless::Always, true),
    row(libc::SYS_readv, "readv", Call::Read, Endless::Always, true),
    row(
        libc::SYS_recvfrom,
        "recvfrom",
        Call::Read,
        Endless::Always,
        true,
    ),
    row(
        libc::SYS_recvmsg,
        "recvmsg",
        Call::Read,
        Endless::Always,
        true,
    ),
    row(
        libc::SYS_recvmmsg,
        "recvmmsg",
        Call::Read,
        Endless::IfNull(4),
        true,
    ),
    row(libc::SYS_write, "write", Call::Write, Endless::Always, true),
    row(
        libc::SYS_writev,
        "writev",
        Call::Write,
        Endless::Always,
        true,
    ),
    row(
        libc::SYS_sendto,
        "sendto",
        Call::Write,
        Endless::Always,
        true,
    ),
    row(
        libc::SYS_sendmsg,
        "sendmsg",
        Call::Write,
        Endless::Always,
        true,
    ),
    row(
        libc::SYS_sendmmsg,
        "sendmmsg",
        Call::Write,
        Endless::Always,
        true,
    ),
    // These two wait at either end.
    Row {
        second: Some(1),
        ..row(
            libc::SYS_sendfile,
            "sendfile",
            Call::Write,
            Endless::Always,
            true,
        )
    },
    Row {
        second: Some(2),
        ..row(
            libc::SYS_splice,
            "splice",
            Call::Read,
            Endless::Always,
            true,
        )
    },
    row(
        libc::SYS_accept,
        "accept",
        Call::Accept,
        Endless::Always,
        true,
    ),
    row(
        libc::SYS_accept4,
        "accept4",
        Call::Accept,
        Endless::Always,
        true,
    ),
    row(
        libc::SYS_connect,
        "connect",
        Call::Connect,
        Endless::Never,
        true,
    ),
    row(
        libc::SYS_ppoll,
        "ppoll",
        Call::Poll,
        Endless::IfNull(2),
        false,
    ),
    row(
        libc::SYS_pselect6,
        "pselect6",
        Call::Poll,
        Endless::IfNull(4),
        false,
    ),
    row(
        libc::SYS_epoll_pwait,
        "epoll_pwait",
        Call::Poll,
        Endless::IfNegative(3),
        true,
    ),
    row(
        libc::SYS_epoll_pwait2,
        "epoll_pwait2",
        Call::Poll,
        Endless::IfNull(3),
        true,
    ),
    row(libc::SYS_wait4, "wait4", Call::Wait, Endless::Always, false),
    row(
        libc::SYS_waitid,
        "waitid",
        Call::Wait,
        Endless::Always,
        false,
    ),
    row(
        libc::SYS_rt_sigsuspend,
        "rt_sigsuspend",
        Call::Signal,
        Endless::Always,
        false,
    ),
    row(
        libc::SYS_rt_sigtimedwait,
        "rt_sigtimedwait",
        Call::Signal,
        Endless::IfNull(2),
        false,
    ),
    row(
        libc::SYS_nanosleep,
        "nanosleep",
        Call::Sleep,
        Endless::Never,
        false,
    ),
    row(
        libc::SYS_clock_nanosleep,
        "clock_nanosleep",
        Call::Sleep,
        Endless::Never,
        false,
    ),
    // FUTEX_WAIT and its relatives take the time limit as the fourth argument.
    row(
        libc::SYS_futex,
        "futex",
        Call::Futex,
        Endless::IfNull(3),
        false,
    ),
    row(
        libc::SYS_futex_waitv,
        "futex_waitv",
        Call::Futex,
        Endless::IfNull(3),
        false,
    ),
    #[cfg(target_arch = "x86_64")]
    row(
        libc::SYS_poll,
        "poll",
        Call::Poll,
        Endless::IfNegative(2),
        false,
    ),
    #[cfg(target_arch = "x86_64")]
    row(
        libc::SYS_select,
        "select",
        Call::Poll,
        Endless::IfNull(4),
        false,
    ),
    #[cfg(target_arch = "x86_64")]
    row(
        libc::SYS_epoll_wait,
        "epoll_wait",
        Call::Poll,
        Endless::IfNegative(3),
        true,
    ),
    #[cfg(target_arch = "x86_64")]
    row(
        libc::SYS_pause,
        "pause",
        Call::Signal,
        Endless::Always,
        false,
    ),
];

/// The call in which a thread sleeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sleep {
    /// Its kind; `None` for a call which is not in the table.
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
    /// Whether the call itself sets no limit to the sleep. A timer, an alarm or a socket's own time limit may still
    /// end it.
    pub endless: bool,
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
        // The kernel reads a descriptor and a time limit from the low 32 bits of their registers.
        let as_int = |index: usize| argument(index) as u32 as i32;
        // A program for 32 bits has its stack below 4 GiB, and numbers its calls otherwise: its 0 is not read, but
        // the rest of a sleep that a signal has interrupted.
        let is_foreign = cfg!(target_pointer_width = "64")
            && arguments
                .get(6)
                .is_some_and(|&stack| u32::try_from(stack).is_ok());
        let row = TABLE.iter().find(|row| row.number == number && !is_foreign);
        let Some(row) = row else {
            return Some(Sleep {
                call: None,
                name: format!("call {number}"),
                descriptor: None,
                second: None,
                awaited: None,
                endless: false,
            });
        };
        Some(Sleep {
            call: Some(row.call),
            name: row.name.to_owned(),
            descriptor: row.descriptor.then(|| as_int(0)),
            second: row.second.map(as_int),
            awaited: (number == libc::SYS_rt_sigtimedwait).then(|| argument(0)),
            endless: match row.endless {
                Endless::Always => true,
                Endless::IfNull(index) => argument(index) == 0,
                Endless::IfNegative(index) => as_int(index) < 0,
                Endless::Never => false,
            },
        })
    }
}

impl std::fmt::Display for Sleep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
