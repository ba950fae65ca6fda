//! The arguments of a call as values. Only a report or a trace makes text of them, by `Display`.

use std::{
    fmt::{self, Display, Write},
    net::SocketAddr,
};

use serde::Serialize;

use super::names::{self, ConstantSet, FlagSet};

/// How many bytes of data a record keeps.
pub(super) const EXCERPT: usize = 32;
/// How much of a path or a string of argv is kept.
pub(super) const LONGEST_TEXT: usize = 80;
/// What a call has still to fill, or has not filled.
const UNKNOWN: &str = "…";

/// What an argument says, by what the call takes it for. Structures are read from the program's memory: at the entry
/// those that the call reads, at the return those that it has filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A null pointer.
    Null,
    /// What the call has still to fill, has not filled, or what cannot be read.
    Unknown,
    /// What a command does not take, such as F_GETFL (fcntl(2)).
    Absent,
    /// A descriptor.
    Fd(i32),
    /// The descriptor of a directory, or AT_FDCWD.
    Directory(i32),
    /// A number: of bytes, of a process, of milliseconds.
    Number(i64),
    /// A pointer, or flags, of which the course does not speak.
    Raw(u64),
    /// The permissions of a new file.
    Mode(u32),
    /// A signal.
    Signal(i32),
    /// One of several names.
    Constant {
        /// Which names.
        set: ConstantSet,
        /// Its value.
        value: i32,
    },
    /// Several names, joined.
    Flags {
        /// Which names.
        set: FlagSet,
        /// Their values together.
        bits: u32,
    },
    /// A path, or another C string: its first 80 bytes.
    Path(Vec<u8>),
    /// The argv of an exec.
    Argv {
        /// The first few, of each the first 80 bytes.
        strings: Vec<Vec<u8>>,
        /// Whether there are more.
        has_more: bool,
    },
    /// Bytes that are sent, or were received.
    Bytes(Data),
    /// The same, with an address (sendmsg(2), recvmsg(2)).
    Message {
        /// The address that it names, or has learnt.
        address: Option<Address>,
        /// The bytes.
        data: Data,
    },
    /// The address of a socket.
    Address(Address),
    /// The length that the call has written.
    Length(i32),
    /// The value of an option that is set.
    OptionSet(OptionValue),
    /// The value of an option that was asked for.
    OptionGot(OptionValue),
    /// What poll(2) watches.
    PollSet {
        /// The first few.
        entries: Vec<PollEntry>,
        /// Whether there are more.
        has_more: bool,
    },
    /// The descriptors in a set of select(2).
    FdSet(Vec<i32>),
    /// What epoll_ctl(2) is to watch for.
    Event(EpollEvent),
    /// What epoll_wait(2) has found ready.
    Events(Vec<EpollEvent>),
    /// How a child has ended, as wait(2) writes it.
    Status(i32),
    /// Two descriptors that were made.
    Pair([i32; 2]),
    /// What sigaction(2) sets.
    Action {
        /// What the signal does.
        disposition: Disposition,
        /// SA_RESTART and others.
        flags: u64,
    },
    /// A set of signals, one bit a signal (bit 0 is signal 1).
    Signals(u64),
    /// Seconds and nanoseconds.
    Time([i64; 2]),
    /// The interval of a timer and its first end, each in seconds and microseconds.
    Timer([[i64; 2]; 2]),
}

/// The bytes of a call: the beginning, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Data {
    /// The first 32 bytes.
    pub start: Vec<u8>,
    /// The number of bytes that the program wants to send, or has received.
    pub length: u64,
}

/// An address of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// IPv4 or IPv6.
    Internet(SocketAddr),
    /// The bytes of sun_path (unix(7)): a path, a name in the abstract namespace behind a zero byte, or nothing.
    Local(Vec<u8>),
    /// Another family.
    Family(u16),
}

/// The value of a socket option, by its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionValue {
    /// 4 bytes.
    Int(i32),
    /// 8 bytes, as struct linger.
    Ints([i32; 2]),
    /// 16 bytes, as struct timeval.
    Longs([u64; 2]),
    /// Another size.
    Other,
}

/// One descriptor of poll(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollEntry {
    /// The descriptor.
    pub fd: i32,
    /// What is waited for: POLLIN and others.
    pub events: u16,
    /// What has happened, if the call has found something.
    pub found: Option<u16>,
}

/// One event of epoll(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpollEvent {
    /// EPOLLIN and others.
    pub events: u32,
    /// What the program has given with it.
    pub data: u64,
}

/// What a signal does to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// SIG_DFL
    Default,
    /// SIG_IGN
    Ignore,
    /// It runs a handler.
    Handler,
}

/// As a reader of the manual writes it: `"hello\n"`, `127.0.0.1:80`, `O_WRONLY|O_CREAT`.
impl Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Argument::Null => f.write_str("NULL"),
            Argument::Unknown => f.write_str(UNKNOWN),
            Argument::Absent => Ok(()),
            Argument::Directory(libc::AT_FDCWD) => f.write_str("AT_FDCWD"),
            Argument::Fd(number) | Argument::Directory(number) => number.fmt(f),
            Argument::Number(number) => number.fmt(f),
            Argument::Raw(value) => write!(f, "{value:#x}"),
            Argument::Mode(0) => f.write_str("0"),
            Argument::Mode(mode) => write!(f, "0{mode:o}"),
            Argument::Signal(signal) => f.write_str(&names::signal(*signal)),
            Argument::Constant { set, value } => f.write_str(&set.text(*value)),
            Argument::Flags { set, bits } => f.write_str(&set.text(*bits)),
            Argument::Path(path) => quoted(f, path),
            Argument::Argv { strings, has_more } => {
                let strings = strings.iter().map(|string| Quoted(string));
                listed(f, strings, *has_more)
            }
            Argument::Bytes(data) => data.fmt(f),
            Argument::Message { address, data } => match address {
                Some(address) => write!(f, "{{{address}, {data}}}"),
                None => write!(f, "{{{data}}}"),
            },
            Argument::Address(address) => address.fmt(f),
            Argument::Length(length) => write!(f, "[{length}]"),
            Argument::OptionSet(value) => value.fmt(f),
            Argument::OptionGot(value) => write!(f, "[{value}]"),
            Argument::PollSet { entries, has_more } => listed(f, entries.iter(), *has_more),
            Argument::FdSet(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", numbers.join(" "))
            }
            Argument::Event(event) => event.fmt(f),
            Argument::Events(events) => listed(f, events.iter(), false),
            Argument::Status(status) => ended(f, *status),
            Argument::Pair([one, other]) => write!(f, "[{one}, {other}]"),
            Argument::Action { disposition, flags } => {
                let name = match disposition {
                    Disposition::Default => "SIG_DFL",
                    Disposition::Ignore => "SIG_IGN",
                    Disposition::Handler => "handler",
                };
                match flags {
                    0 => write!(f, "{{{name}}}"),
                    flags => {
                        let flags = names::flags(names::ACTION_FLAGS, *flags);
                        write!(f, "{{{name}, {flags}}}")
                    }
                }
            }
            Argument::Signals(set) => f.write_str(&names::signals(*set)),
            Argument::Time([seconds, rest]) => write!(f, "{{{seconds}, {rest}}}"),
            Argument::Timer([[seconds, rest], [first, first_rest]]) => {
                write!(f, "{{{{{seconds}, {rest}}}, {{{first}, {first_rest}}}}}")
            }
        }
    }
}

impl Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        quoted(f, &self.start)?;
        match self.length > self.start.len() as u64 {
            true => f.write_str(UNKNOWN),
            false => Ok(()),
        }
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Internet(address) => address.fmt(f),
            Address::Local(path) => {
                let text = match path.as_slice() {
                    [0, name @ ..] => format!("@{}", String::from_utf8_lossy(name)),
                    path => {
                        let end = path.iter().position(|&byte| byte == 0);
                        String::from_utf8_lossy(&path[..end.unwrap_or(path.len())]).into_owned()
                    }
                };
                write!(f, "{text:?}")
            }
            Address::Family(family) => write!(f, "family {family}"),
        }
    }
}

impl Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionValue::Int(value) => value.fmt(f),
            OptionValue::Ints([one, other]) => write!(f, "{{{one}, {other}}}"),
            OptionValue::Longs([one, other]) => write!(f, "{{{one}, {other}}}"),
            OptionValue::Other => f.write_str(UNKNOWN),
        }
    }
}

impl Display for PollEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |events: u16| names::flags(names::POLL_EVENTS, events.into());
        write!(f, "{{{}, {}", self.fd, text(self.events))?;
        match self.found {
            Some(found) => write!(f, ", {}}}", text(found)),
            None => f.write_char('}'),
        }
    }
}

impl Display for EpollEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The highest bit, which is the sign of the C library's constant.
        const EPOLLET: u32 = 1 << 31;
        let events = names::flags(names::EPOLL_EVENTS, u64::from(self.events & !EPOLLET));
        let edge = match self.events & EPOLLET {
            0 => "",
            _ => "|EPOLLET",
        };
        write!(f, "{{{events}{edge}, {}}}", self.data)
    }
}

/// Text in quotes, for a list of such.
struct Quoted<'a>(&'a [u8]);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        quoted(f, self.0)
    }
}

/// `"hello\n"`
fn quoted(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_char('"')?;
    for byte in bytes {
        Display::fmt(&std::ascii::escape_default(*byte), f)?;
    }
    f.write_char('"')
}

/// `[one, two, …]`
fn listed(
    f: &mut fmt::Formatter<'_>,
    all: impl Iterator<Item = impl Display>,
    has_more: bool,
) -> fmt::Result {
    let rest = has_more.then(|| UNKNOWN.to_owned());
    let texts: Vec<String> = all.map(|one| one.to_string()).chain(rest).collect();
    write!(f, "[{}]", texts.join(", "))
}

fn ended(f: &mut fmt::Formatter<'_>, status: i32) -> fmt::Result {
    if libc::WIFEXITED(status) {
        write!(f, "[exited with {}]", libc::WEXITSTATUS(status))
    } else if libc::WIFSIGNALED(status) {
        let signal = names::signal(libc::WTERMSIG(status));
        write!(f, "[killed by {signal}]")
    } else if libc::WIFSTOPPED(status) {
        let signal = names::signal(libc::WSTOPSIG(status));
        write!(f, "[stopped by {signal}]")
    } else {
        f.write_str("[continued]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(start: &[u8], length: u64) -> Data {
        Data {
            start: start.to_vec(),
            length,
        }
    }

    #[test]
    fn values_read_as_in_the_manual() {
        let address = Address::Internet(SocketAddr::from(([127, 0, 0, 1], 80)));
        let watched = |found| PollEntry {
            fd: 5,
            events: libc::POLLIN as u16,
            found,
        };
        let polled = |entries, has_more| Argument::PollSet { entries, has_more };
        let event = |events| EpollEvent { events, data: 7 };
        let edge = libc::EPOLLIN.cast_unsigned() | 1 << 31;
        let action = |disposition, flags| Argument::Action { disposition, flags };
        let argv = |has_more| Argument::Argv {
            strings: vec![b"sh".to_vec(), b"-c".to_vec()],
            has_more,
        };
        let message = |address| Argument::Message {
            address,
            data: data(b"x", 1),
        };
        let texts = [
            (Argument::Fd(-100), "-100"),
            (Argument::Directory(-100), "AT_FDCWD"),
            (Argument::Directory(3), "3"),
            (Argument::Raw(0x1f), "0x1f"),
            (Argument::Mode(0), "0"),
            (Argument::Mode(0o644), "0644"),
            (Argument::Path(b"/tmp/\xe4\"".to_vec()), r#""/tmp/\xe4\"""#),
            (argv(false), r#"["sh", "-c"]"#),
            (argv(true), r#"["sh", "-c", …]"#),
            (Argument::Bytes(data(b"a\n", 2)), r#""a\n""#),
            (Argument::Bytes(data(b"a\n", 3)), r#""a\n"…"#),
            (message(None), r#"{"x"}"#),
            (message(Some(address)), r#"{127.0.0.1:80, "x"}"#),
            (Argument::Length(16), "[16]"),
            (Argument::OptionSet(OptionValue::Ints([1, 0])), "{1, 0}"),
            (Argument::OptionGot(OptionValue::Int(-1)), "[-1]"),
            (Argument::OptionGot(OptionValue::Other), "[…]"),
            (polled(vec![watched(None)], false), "[{5, POLLIN}]"),
            (polled(vec![watched(Some(0))], true), "[{5, POLLIN, 0}, …]"),
            (Argument::FdSet(vec![3, 5]), "[3 5]"),
            (Argument::Event(event(edge)), "{EPOLLIN|EPOLLET, 7}"),
            (
                Argument::Events(vec![event(1); 2]),
                "[{EPOLLIN, 7}, {EPOLLIN, 7}]",
            ),
            (Argument::Status(3 << 8), "[exited with 3]"),
            (Argument::Status(libc::SIGKILL), "[killed by SIGKILL]"),
            (Argument::Pair([3, 4]), "[3, 4]"),
            (action(Disposition::Ignore, 0), "{SIG_IGN}"),
            (
                action(Disposition::Handler, libc::SA_RESTART as u64),
                "{handler, SA_RESTART}",
            ),
            (Argument::Signals(1 << 14), "[SIGTERM]"),
            (Argument::Time([1, 5]), "{1, 5}"),
            (Argument::Timer([[0, 0], [1, 5]]), "{{0, 0}, {1, 5}}"),
        ];
        for (argument, text) in texts {
            assert_eq!(argument.to_string(), text, "{argument:?}");
        }
    }

    #[test]
    fn names_of_local_sockets_are_paths_or_abstract() {
        let text = |path: &[u8]| Address::Local(path.to_vec()).to_string();
        assert_eq!(text(b""), r#""""#);
        assert_eq!(text(b"/tmp/socket\0\0"), r#""/tmp/socket""#);
        assert_eq!(text(b"\0name"), r#""@name""#);
    }
}
