//! The arguments of a call as a reader of the manual writes them.

use std::{
    mem::{offset_of, size_of},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::{
    memory::Memory,
    names,
    record::{Address, Data, Record},
};
use crate::observe::calls::{Argument, Row};

/// How many bytes of data a record keeps.
const EXCERPT: usize = 32;
/// How much of a path or a word is shown.
const WORD: usize = 80;
/// How many words, descriptors and events are shown.
const MOST: usize = 8;
/// What a call has still to fill, or has not filled.
const UNKNOWN: &str = "…";
/// The signal handler's restorer is the C library's business.
const SA_RESTORER: u64 = 0x0400_0000;

/// One call at its entry or at its return.
struct Sight<'a> {
    numbers: &'a [u64; 6],
    memory: Memory,
    /// What it returned, when it has.
    result: Option<i64>,
}

/// What an argument says.
#[derive(Default)]
struct Piece {
    text: String,
    data: Option<Data>,
    address: Option<Address>,
}

/// Writes the arguments into the record of a call which is about to be made.
pub(super) fn at_entry(record: &mut Record, row: &Row, memory: Memory) {
    let numbers = record.numbers;
    let sight = Sight {
        numbers: &numbers,
        memory,
        result: None,
    };
    record.descriptor = row.has_descriptor().then_some(numbers[0] as i32);
    for (index, &argument) in row.arguments.iter().enumerate() {
        let piece = sight.piece(argument, index);
        record.arguments.push(piece.text);
        record.data = record.data.take().or(piece.data);
        record.address = record.address.take().or(piece.address);
    }
}

/// Adds what the call has filled.
pub(super) fn at_return(record: &mut Record, row: &Row, memory: Memory, result: i64) {
    let numbers = record.numbers;
    let sight = Sight {
        numbers: &numbers,
        memory,
        result: Some(result),
    };
    for (index, &argument) in row.arguments.iter().enumerate() {
        if !is_filled(argument) || result < 0 {
            continue;
        }
        let piece = sight.piece(argument, index);
        record.arguments[index] = piece.text;
        record.data = piece.data.or(record.data.take());
        record.address = piece.address.or(record.address.take());
    }
}

/// Whether the call writes there, so that it is read at the return.
fn is_filled(argument: Argument) -> bool {
    use Argument::*;
    matches!(
        argument,
        Filled(_)
            | FilledVector(_)
            | FilledMessage
            | FilledAddress(_)
            | FilledLength
            | FilledOption(_)
            | FilledEvents
            | FilledStatus
            | FilledPair
            | PollSet(_)
            | DescriptorSet
    )
}

impl Sight<'_> {
    fn piece(&self, argument: Argument, index: usize) -> Piece {
        use Argument::*;
        let value = self.numbers[index];
        let number = |place: usize| self.numbers[place];
        let is_pointer = is_filled(argument)
            || matches!(
                argument,
                Pointer
                    | Path
                    | Words
                    | Sent(_)
                    | SentVector(_)
                    | SentMessage
                    | Address(_)
                    | OptionValue(_)
                    | Event
                    | Action
                    | SignalSet
                    | Time
                    | Interval
            );
        if is_pointer && value == 0 {
            return Piece::of("NULL");
        }
        // What is both read and written is shown at the entry, too.
        let is_written_only =
            is_filled(argument) && !matches!(argument, PollSet(_) | DescriptorSet);
        if is_written_only && self.result.is_none() {
            return Piece::of(UNKNOWN);
        }
        let result = self.result.unwrap_or(0);
        match argument {
            Sent(length) => self.bytes(value, number(length)),
            Filled(length) => self.bytes(value, number(length).min(result as u64)),
            SentVector(count) => self.scattered(value, number(count), u64::MAX),
            FilledVector(count) => self.scattered(value, number(count), result as u64),
            SentMessage => self.message(value, u64::MAX),
            FilledMessage => self.message(value, result as u64),
            Address(length) => Piece::of_address(self.address(value, number(length))),
            FilledAddress(length) => {
                let length = self.memory.i32(number(length)).unwrap_or(0);
                Piece::of_address(self.address(value, length.max(0) as u64))
            }
            _ => Piece::of(self.text(argument, value)),
        }
    }

    fn text(&self, argument: Argument, value: u64) -> String {
        use Argument::*;
        let int = value as i32;
        let low = u64::from(value as u32);
        match argument {
            Folder if int == libc::AT_FDCWD => "AT_FDCWD".to_owned(),
            Descriptor | Folder | Int | Process | Limit => int.to_string(),
            Size => (value as i64).to_string(),
            Signal => names::signal(int),
            Family => names::one(names::FAMILIES, int.into()),
            SocketType => names::socket_type(low),
            SocketFlags => names::flags(names::SOCKET_FLAGS, low),
            Protocol if int == 0 => "0".to_owned(),
            Protocol => names::one(names::PROTOCOLS, int.into()),
            MessageFlags => names::flags(names::MESSAGE_FLAGS, low),
            How => names::one(names::HOWS, int.into()),
            Whence => names::one(names::WHENCES, int.into()),
            Level => names::one(names::LEVELS, int.into()),
            SocketOption(level) => self.option_name(self.numbers[level] as i32, int),
            EpollCommand => names::one(names::EPOLL_COMMANDS, int.into()),
            FcntlCommand => names::one(names::FCNTL_COMMANDS, int.into()),
            FcntlValue(command) => match self.numbers[command] as i32 {
                libc::F_SETFL => names::open_flags(low),
                libc::F_SETFD => names::flags(names::DESCRIPTOR_FLAGS, low),
                libc::F_GETFL | libc::F_GETFD => String::new(),
                _ => int.to_string(),
            },
            OpenFlags => names::open_flags(low),
            Mode if low == 0 => "0".to_owned(),
            Mode => format!("0{low:o}"),
            CloneFlags => names::clone_flags(low),
            WaitOptions => names::flags(names::WAIT_OPTIONS, low),
            WaitWhat => names::one(names::WAIT_WHATS, int.into()),
            MaskCommand => names::one(names::MASK_COMMANDS, int.into()),
            _ => self
                .pointed_at(argument, value)
                .unwrap_or_else(|| UNKNOWN.to_owned()),
        }
    }

    /// What a pointer points to. `None` if it cannot be read.
    fn pointed_at(&self, argument: Argument, value: u64) -> Option<String> {
        use Argument::*;
        let memory = self.memory;
        let result = self.result.unwrap_or(0);
        Some(match argument {
            Path => quoted(&memory.string(value, WORD)?, WORD),
            Words => self.words(value)?,
            FilledLength => format!("[{}]", memory.i32(value)?),
            OptionValue(length) => self.option_value(value, self.numbers[length] as u32)?,
            FilledOption(length) => {
                let length = memory.i32(self.numbers[length])?;
                format!("[{}]", self.option_value(value, length as u32)?)
            }
            PollSet(count) => self.poll_set(value, self.numbers[count]),
            DescriptorSet => self.descriptor_set(value),
            FilledEvents => {
                let size = size_of::<libc::epoll_event>();
                let bytes = memory.bytes(value, size * (result as usize).min(MOST));
                let events: Vec<String> = bytes.chunks_exact(size).filter_map(event).collect();
                format!("[{}]", events.join(", "))
            }
            Event => event(&memory.bytes(value, size_of::<libc::epoll_event>()))?,
            FilledStatus if result == 0 => UNKNOWN.to_owned(),
            FilledStatus => status(memory.i32(value)?),
            FilledPair => format!("[{}, {}]", memory.i32(value)?, memory.i32(value + 4)?),
            Action => self.action(value)?,
            SignalSet => names::signals(memory.u64(value)?),
            Time => format!(
                "{{{}, {}}}",
                memory.u64(value)? as i64,
                memory.u64(value + 8)? as i64
            ),
            Interval => {
                let field = |index: u64| memory.u64(value + 8 * index).map(|number| number as i64);
                format!(
                    "{{{{{}, {}}}, {{{}, {}}}}}",
                    field(0)?,
                    field(1)?,
                    field(2)?,
                    field(3)?
                )
            }
            _ => format!("{value:#x}"),
        })
    }

    fn bytes(&self, start: u64, length: u64) -> Piece {
        let start = self
            .memory
            .bytes(start, length.min(EXCERPT as u64) as usize);
        Piece::of_data(Data { start, length })
    }

    fn scattered(&self, start: u64, count: u64, most: u64) -> Piece {
        let buffers = self.memory.buffers(start, count);
        let whole: u64 = buffers
            .iter()
            .fold(0, |sum, buffer| sum.saturating_add(buffer.length));
        let length = whole.min(most);
        let start = self.memory.gather(&buffers, length, EXCERPT);
        Piece::of_data(Data { start, length })
    }

    fn message(&self, start: u64, most: u64) -> Piece {
        let Some(header) = self.memory.header(start) else {
            return Piece::of(UNKNOWN);
        };
        let piece = self.scattered(header.buffers, header.count, most);
        let address = self.address(header.name, header.name_length.into());
        let name = address
            .as_ref()
            .map(|address| format!("{address}, "))
            .unwrap_or_default();
        Piece {
            text: format!("{{{name}{}}}", piece.text),
            address,
            ..piece
        }
    }

    fn address(&self, start: u64, length: u64) -> Option<Address> {
        address(self.memory, start, length)
    }

    fn option_name(&self, level: i32, option: i32) -> String {
        let names = match level {
            libc::SOL_SOCKET => names::SOCKET_OPTIONS,
            libc::IPPROTO_TCP => names::TCP_OPTIONS,
            libc::IPPROTO_IPV6 => names::IPV6_OPTIONS,
            _ => &[],
        };
        names::one(names, option.into())
    }

    /// An int; or the two numbers of a linger or a time limit.
    fn option_value(&self, start: u64, length: u32) -> Option<String> {
        let start_of = |offset| start + offset;
        Some(match length {
            4 => self.memory.i32(start)?.to_string(),
            8 => format!(
                "{{{}, {}}}",
                self.memory.i32(start)?,
                self.memory.i32(start_of(4))?
            ),
            16 => format!(
                "{{{}, {}}}",
                self.memory.u64(start)?,
                self.memory.u64(start_of(8))?
            ),
            _ => UNKNOWN.to_owned(),
        })
    }

    fn words(&self, start: u64) -> Option<String> {
        let mut words = Vec::new();
        for index in 0..=MOST as u64 {
            let word = self.memory.u64(start + 8 * index)?;
            if word == 0 {
                break;
            }
            words.push(match index {
                index if index == MOST as u64 => UNKNOWN.to_owned(),
                _ => quoted(&self.memory.string(word, WORD)?, WORD),
            });
        }
        Some(format!("[{}]", words.join(", ")))
    }

    fn poll_set(&self, start: u64, count: u64) -> String {
        let size = size_of::<libc::pollfd>();
        let bytes = self
            .memory
            .bytes(start, size * count.min(MOST as u64) as usize);
        let mut words: Vec<String> = bytes
            .chunks_exact(size)
            .map(|bytes| {
                let short = |at: usize| u64::from(u16::from_ne_bytes([bytes[at], bytes[at + 1]]));
                let number = i32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                let events = names::flags(names::POLL_EVENTS, short(4));
                match self.result {
                    Some(1..) => {
                        let found = names::flags(names::POLL_EVENTS, short(6));
                        format!("{{{number}, {events}, {found}}}")
                    }
                    _ => format!("{{{number}, {events}}}"),
                }
            })
            .collect();
        if count > MOST as u64 {
            words.push(UNKNOWN.to_owned());
        }
        format!("[{}]", words.join(", "))
    }

    fn descriptor_set(&self, start: u64) -> String {
        let count = self.numbers[0].min(libc::FD_SETSIZE as u64) as usize;
        let bytes = self.memory.bytes(start, count.div_ceil(8));
        let members: Vec<String> = (0..count.min(8 * bytes.len()))
            .filter(|&number| bytes[number / 8] & (1 << (number % 8)) != 0)
            .map(|number| number.to_string())
            .collect();
        format!("[{}]", members.join(" "))
    }

    /// The kernel's own structure begins with the handler and the flags; sigaction(2), "C library/kernel differences".
    fn action(&self, start: u64) -> Option<String> {
        let handler = match self.memory.u64(start)? as libc::sighandler_t {
            libc::SIG_DFL => "SIG_DFL",
            libc::SIG_IGN => "SIG_IGN",
            _ => "handler",
        };
        let flags = self.memory.u64(start + 8)? & !SA_RESTORER;
        Some(match flags {
            0 => format!("{{{handler}}}"),
            flags => format!(
                "{{{handler}, {}}}",
                names::flags(names::ACTION_FLAGS, flags)
            ),
        })
    }
}

/// The address of a socket, as it lies in memory.
pub(super) fn address(memory: Memory, start: u64, length: u64) -> Option<Address> {
    let bytes = memory.bytes(start, length.min(128) as usize);
    let family = u16::from_ne_bytes(bytes.first_chunk().copied()?);
    let port = |bytes: &[u8]| u16::from_be_bytes([bytes[2], bytes[3]]);
    Some(match i32::from(family) {
        libc::AF_INET if bytes.len() >= 8 => {
            let ip = Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7]);
            Address::Internet(SocketAddr::from((ip, port(&bytes))))
        }
        libc::AF_INET6 if bytes.len() >= 24 => {
            let ip: [u8; 16] = bytes[8..24].try_into().ok()?;
            Address::Internet(SocketAddr::from((Ipv6Addr::from(ip), port(&bytes))))
        }
        libc::AF_UNIX => Address::Local(match &bytes[2..] {
            [] => String::new(),
            [0, name @ ..] => format!("@{}", String::from_utf8_lossy(name)),
            path => {
                let end = path
                    .iter()
                    .position(|&byte| byte == 0)
                    .unwrap_or(path.len());
                String::from_utf8_lossy(&path[..end]).into_owned()
            }
        }),
        _ => Address::Family(family),
    })
}

impl Piece {
    fn of(text: impl Into<String>) -> Piece {
        Piece {
            text: text.into(),
            ..Piece::default()
        }
    }

    fn of_data(data: Data) -> Piece {
        let mut text = quoted(&data.start, EXCERPT);
        if data.length > data.start.len() as u64 {
            text.push_str(UNKNOWN);
        }
        Piece {
            text,
            data: Some(data),
            address: None,
        }
    }

    fn of_address(address: Option<Address>) -> Piece {
        match address {
            Some(address) => Piece {
                text: address.to_string(),
                address: Some(address),
                data: None,
            },
            None => Piece::of(UNKNOWN),
        }
    }
}

/// `"hello\n"`.
fn quoted(bytes: &[u8], most: usize) -> String {
    let text = bytes
        .iter()
        .take(most)
        .copied()
        .flat_map(std::ascii::escape_default);
    format!("\"{}\"", text.map(char::from).collect::<String>())
}

fn event(bytes: &[u8]) -> Option<String> {
    let events = u32::from_ne_bytes(bytes.first_chunk().copied()?);
    let data = bytes.get(offset_of!(libc::epoll_event, u64)..)?;
    let data = u64::from_ne_bytes(data.first_chunk().copied()?);
    // EPOLLET is the highest bit.
    const EDGE: u32 = 1 << 31;
    let mut text = names::flags(names::EPOLL_EVENTS, u64::from(events & !EDGE));
    if events & EDGE != 0 {
        text.push_str("|EPOLLET");
    }
    Some(format!("{{{text}, {data}}}"))
}

/// What wait(2) says about a child.
fn status(status: i32) -> String {
    if libc::WIFEXITED(status) {
        format!("[exited with {}]", libc::WEXITSTATUS(status))
    } else if libc::WIFSIGNALED(status) {
        format!("[killed by {}]", names::signal(libc::WTERMSIG(status)))
    } else if libc::WIFSTOPPED(status) {
        format!("[stopped by {}]", names::signal(libc::WSTOPSIG(status)))
    } else {
        "[continued]".to_owned()
    }
}
