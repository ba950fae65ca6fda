//! Reads the arguments of a call, while the thread that makes it is stopped. Only what lies in its memory is read then;
//! text is made of it later, if a report or a trace shows the call.

use std::{
    mem::{offset_of, size_of},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use super::{
    argument::{
        Address, Argument, Data, Disposition, EXCERPT, EpollEvent, LONGEST_TEXT, OptionValue,
        PollEntry,
    },
    memory::Memory,
    names::{ConstantSet, FlagSet},
    record::Record,
};
use crate::observe::calls::{Parameter, Row};

/// How many strings, descriptors and events are kept.
const MOST: usize = 8;
/// The signal handler's restorer is the C library's business.
const SA_RESTORER: u64 = 0x0400_0000;

/// One call at its entry or at its return.
struct Decoder<'a> {
    numbers: &'a [u64; 6],
    memory: Memory,
    /// What it returned, when it has.
    result: Option<i64>,
}

/// Reads the arguments of a call which is about to be made.
pub(super) fn at_entry(record: &mut Record, row: &Row, memory: Memory) {
    let decoder = Decoder {
        numbers: &record.numbers,
        memory,
        result: None,
    };
    let parameters = row.parameters.iter().enumerate();
    record.arguments = parameters
        .map(|(index, &parameter)| decoder.argument(parameter, index))
        .collect();
}

/// Reads what the call has filled.
pub(super) fn at_return(record: &mut Record, row: &Row, memory: Memory, result: i64) {
    if result < 0 {
        return;
    }
    let decoder = Decoder {
        numbers: &record.numbers,
        memory,
        result: Some(result),
    };
    for (index, &parameter) in row.parameters.iter().enumerate() {
        if is_filled(parameter) {
            record.arguments[index] = decoder.argument(parameter, index);
        }
    }
}

/// Whether the call writes there, so that it is read at the return.
fn is_filled(parameter: Parameter) -> bool {
    use Parameter::*;
    matches!(
        parameter,
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

fn is_pointer(parameter: Parameter) -> bool {
    use Parameter::*;
    is_filled(parameter)
        || matches!(
            parameter,
            Pointer
                | Path
                | Argv
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
        )
}

impl Decoder<'_> {
    fn argument(&self, parameter: Parameter, index: usize) -> Argument {
        use Parameter::{DescriptorSet, PollSet};
        let value = self.numbers[index];
        if is_pointer(parameter) && value == 0 {
            return Argument::Null;
        }
        // What is both read and written is read at the entry, too.
        let is_written_only =
            is_filled(parameter) && !matches!(parameter, PollSet(_) | DescriptorSet);
        if is_written_only && self.result.is_none() {
            return Argument::Unknown;
        }
        match is_pointer(parameter) {
            true => self
                .pointed_at(parameter, value)
                .unwrap_or(Argument::Unknown),
            false => self.number(parameter, value),
        }
    }

    /// What lies in a register.
    fn number(&self, parameter: Parameter, value: u64) -> Argument {
        use Parameter::*;
        let int = value as i32;
        let bits = value as u32;
        let constant = |set| Argument::Constant { set, value: int };
        let flags = |set| Argument::Flags { set, bits };
        match parameter {
            Descriptor => Argument::Fd(int),
            Directory => Argument::Directory(int),
            Int | Process | Limit => Argument::Number(int.into()),
            Size => Argument::Number(value as i64),
            Signal => Argument::Signal(int),
            Family => constant(ConstantSet::Family),
            Protocol => constant(ConstantSet::Protocol),
            How => constant(ConstantSet::How),
            Whence => constant(ConstantSet::Whence),
            Level => constant(ConstantSet::Level),
            SocketOption(level) => match self.numbers[level] as i32 {
                libc::SOL_SOCKET => constant(ConstantSet::SocketOption),
                libc::IPPROTO_TCP => constant(ConstantSet::TcpOption),
                libc::IPPROTO_IPV6 => constant(ConstantSet::Ipv6Option),
                _ => Argument::Number(int.into()),
            },
            EpollCommand => constant(ConstantSet::EpollCommand),
            FcntlCommand => constant(ConstantSet::FcntlCommand),
            WaitWhat => constant(ConstantSet::WaitWhat),
            MaskCommand => constant(ConstantSet::MaskCommand),
            SocketType => flags(FlagSet::SocketType),
            SocketFlags => flags(FlagSet::Socket),
            MessageFlags => flags(FlagSet::Message),
            OpenFlags => flags(FlagSet::Open),
            CloneFlags => flags(FlagSet::Clone),
            WaitOptions => flags(FlagSet::Wait),
            FcntlValue(command) => match self.numbers[command] as i32 {
                libc::F_SETFL => flags(FlagSet::Open),
                libc::F_SETFD => flags(FlagSet::Descriptor),
                libc::F_GETFL | libc::F_GETFD => Argument::Absent,
                _ => Argument::Number(int.into()),
            },
            Mode => Argument::Mode(bits),
            _ => Argument::Raw(value),
        }
    }

    /// What a pointer points to. `None` if it cannot be read.
    fn pointed_at(&self, parameter: Parameter, start: u64) -> Option<Argument> {
        use Parameter::*;
        let memory = self.memory;
        let number = |place: usize| self.numbers[place];
        let result = self.result.unwrap_or(0);
        Some(match parameter {
            Sent(length) => Argument::Bytes(self.bytes(start, number(length))),
            Filled(length) => Argument::Bytes(self.bytes(start, number(length).min(result as u64))),
            SentVector(count) => Argument::Bytes(self.scattered(start, number(count), u64::MAX)),
            FilledVector(count) => {
                Argument::Bytes(self.scattered(start, number(count), result as u64))
            }
            SentMessage => self.message(start, u64::MAX)?,
            FilledMessage => self.message(start, result as u64)?,
            Address(length) => Argument::Address(address(memory, start, number(length))?),
            FilledAddress(length) => {
                let length = memory.i32(number(length)).unwrap_or(0);
                Argument::Address(address(memory, start, length.max(0) as u64)?)
            }
            FilledLength => Argument::Length(memory.i32(start)?),
            Path => Argument::Path(memory.string(start, LONGEST_TEXT)?),
            Argv => self.argv(start)?,
            OptionValue(length) => {
                Argument::OptionSet(self.option_value(start, number(length) as u32)?)
            }
            FilledOption(length) => {
                let length = memory.i32(number(length))?;
                Argument::OptionGot(self.option_value(start, length as u32)?)
            }
            PollSet(count) => self.poll_set(start, number(count)),
            DescriptorSet => self.descriptor_set(start),
            FilledEvents => {
                let bytes = memory.bytes(start, EpollEvent::SIZE * (result as usize).min(MOST));
                let events = bytes.chunks_exact(EpollEvent::SIZE);
                Argument::Events(events.filter_map(EpollEvent::parse).collect())
            }
            Event => Argument::Event(EpollEvent::parse(&memory.bytes(start, EpollEvent::SIZE))?),
            // There was no child to tell of.
            FilledStatus if result == 0 => Argument::Unknown,
            FilledStatus => Argument::Status(memory.i32(start)?),
            FilledPair => Argument::Pair(memory.i32s(start)?),
            Action => self.action(start)?,
            SignalSet => Argument::Signals(memory.u64(start)?),
            Time => Argument::Time(memory.u64s(start)?.map(u64::cast_signed)),
            Interval => {
                let [a, b, c, d] = memory.u64s(start)?.map(u64::cast_signed);
                Argument::Timer([[a, b], [c, d]])
            }
            _ => Argument::Raw(start),
        })
    }

    fn bytes(&self, start: u64, length: u64) -> Data {
        let most = length.min(EXCERPT as u64) as usize;
        Data {
            start: self.memory.bytes(start, most),
            length,
        }
    }

    fn scattered(&self, start: u64, count: u64, most: u64) -> Data {
        let buffers = self.memory.buffers(start, count);
        let whole: u64 = buffers
            .iter()
            .fold(0, |sum, buffer| sum.saturating_add(buffer.length));
        let length = whole.min(most);
        Data {
            start: self.memory.gather(&buffers, length, EXCERPT),
            length,
        }
    }

    fn message(&self, start: u64, most: u64) -> Option<Argument> {
        let header = self.memory.header(start)?;
        Some(Argument::Message {
            address: address(self.memory, header.name, header.name_length.into()),
            data: self.scattered(header.buffers, header.count, most),
        })
    }

    /// An int; or the two numbers of a linger or a time limit.
    fn option_value(&self, start: u64, length: u32) -> Option<OptionValue> {
        Some(match length {
            4 => OptionValue::Int(self.memory.i32(start)?),
            8 => OptionValue::Ints(self.memory.i32s(start)?),
            16 => OptionValue::Longs(self.memory.u64s(start)?),
            _ => OptionValue::Other,
        })
    }

    fn argv(&self, start: u64) -> Option<Argument> {
        let mut strings = Vec::new();
        let mut has_more = false;
        for index in 0..=MOST {
            let string = self.memory.u64(start + 8 * index as u64)?;
            if string == 0 {
                break;
            }
            match index {
                MOST => has_more = true,
                _ => strings.push(self.memory.string(string, LONGEST_TEXT)?),
            }
        }
        Some(Argument::Argv { strings, has_more })
    }

    fn poll_set(&self, start: u64, count: u64) -> Argument {
        let size = size_of::<libc::pollfd>();
        let most = size * count.min(MOST as u64) as usize;
        let bytes = self.memory.bytes(start, most);
        let entries = bytes.chunks_exact(size).map(|bytes| {
            let short = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
            PollEntry {
                fd: i32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
                events: short(4),
                found: matches!(self.result, Some(1..)).then(|| short(6)),
            }
        });
        Argument::PollSet {
            entries: entries.collect(),
            has_more: count > MOST as u64,
        }
    }

    fn descriptor_set(&self, start: u64) -> Argument {
        let count = self.numbers[0].min(libc::FD_SETSIZE as u64) as usize;
        let bytes = self.memory.bytes(start, count.div_ceil(8));
        let members = (0..count.min(8 * bytes.len()))
            .filter(|&number| bytes[number / 8] & (1 << (number % 8)) != 0)
            .map(|number| number as i32);
        Argument::FdSet(members.collect())
    }

    /// The kernel's own structure begins with the handler and the flags; sigaction(2), "C library/kernel differences".
    fn action(&self, start: u64) -> Option<Argument> {
        let [handler, flags] = self.memory.u64s(start)?;
        let disposition = match handler as libc::sighandler_t {
            libc::SIG_DFL => Disposition::Default,
            libc::SIG_IGN => Disposition::Ignore,
            _ => Disposition::Handler,
        };
        Some(Argument::Action {
            disposition,
            flags: flags & !SA_RESTORER,
        })
    }
}

impl EpollEvent {
    const SIZE: usize = size_of::<libc::epoll_event>();

    fn parse(bytes: &[u8]) -> Option<EpollEvent> {
        let data = bytes.get(offset_of!(libc::epoll_event, u64)..)?;
        Some(EpollEvent {
            events: u32::from_ne_bytes(bytes.first_chunk().copied()?),
            data: u64::from_ne_bytes(data.first_chunk().copied()?),
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
        libc::AF_UNIX => Address::Local(bytes[2..].to_vec()),
        _ => Address::Family(family),
    })
}
