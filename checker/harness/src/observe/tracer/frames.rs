//! The way from a call up to `main`: which places of the program called each other, when it made a system call.
//!
//! Only addresses are written down while the program stands still; [`source`](crate::observe::source) makes lines of
//! them, if a report or a trace shows the call.

use std::{
    collections::HashMap,
    fs::{self, File},
    os::unix::fs::MetadataExt,
    sync::Arc,
};

use super::{
    memory::Memory,
    registers::{self, Registers},
    unwind::{REGISTERS, Step, UnwindTable},
};
use crate::observe::{cursor::Cursor, processes::read_text};

/// How many functions are looked at, from the call on.
const DEEPEST: usize = 64;
/// How often the list of what is mapped is read again, because an instruction is in nothing that was known.
const MOST_LOOKS: u32 = 8;
/// How many steps are remembered.
const MOST_STEPS: usize = 4096;

/// How many ways up are remembered.
const MOST_WAYS: usize = 256;

/// A place in the program which has called another function, and has not got back yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// An address in the instruction that calls, as the program's file counts.
    pub address: u64,
    /// Where the function begins that has this instruction.
    pub function: u64,
}

/// The program that is followed, whatever becomes of its path.
#[derive(Debug)]
pub(super) struct Program {
    identity: Option<(u64, u64)>,
    /// None if it may not be read.
    pub file: Option<Arc<File>>,
}

impl Program {
    /// What a process runs.
    pub fn of(pid: i32) -> Program {
        Program {
            identity: identity(pid),
            file: File::open(format!("/proc/{pid}/exe")).ok().map(Arc::new),
        }
    }

    /// What has to be known of a process to find the ways up in it; none if it runs something else.
    pub fn image(&self, pid: i32) -> Option<Image> {
        let is_run = self.identity.is_some() && self.identity == identity(pid);
        is_run.then(Image::default)
    }
}

fn identity(pid: i32) -> Option<(u64, u64)> {
    let file = fs::metadata(format!("/proc/{pid}/exe")).ok()?;
    Some((file.dev(), file.ino()))
}

/// What is known of the memory of a process, to find the way up.
#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    files: Vec<Mapped>,
    /// The way up from each instruction that was met; none where it is not known.
    steps: HashMap<u64, Option<Arc<Step>>>,
    /// The last way up from each instruction that makes calls.
    ways: HashMap<u64, Way>,
    looks: u32,
}

/// A function gives these registers back; with them the end of the stack, and the register of the return address.
type KeptByCalls = [Option<u64>; KEPT];
const KEPT: usize = registers::KEPT_BY_CALLS.len() + 2;

/// A way up, and all on which it depends: where nothing of that has changed, it is the same again.
#[derive(Clone, Debug)]
struct Way {
    registers: KeptByCalls,
    /// What was read from the stack, and where.
    read: Vec<(u64, u64)>,
    frames: Arc<[Frame]>,
}

impl Way {
    fn is_unchanged(&self, registers: &KeptByCalls, memory: Memory) -> bool {
        if self.registers != *registers {
            return false;
        }
        let mut stack = Stack::new(memory);
        // In one read, if the stack is not deep.
        let places = || self.read.iter().map(|&(at, _)| at);
        if let (Some(first), Some(last)) = (places().min(), places().max()) {
            let length = (last - first).saturating_add(8);
            stack.read_piece(first, length.min(Stack::MOST));
        }
        let mut numbers = self.read.iter();
        numbers.all(|&(at, value)| stack.known_or_read(at) == Some(value))
    }
}

/// A file that is mapped.
#[derive(Clone, Debug)]
struct Mapped {
    start: u64,
    end: u64,
    /// By how much its addresses in memory differ from those in the file.
    bias: u64,
    table: Option<UnwindTable>,
    is_program: bool,
}

impl Image {
    /// The places of the program on the way from a call up, the innermost first; those in libraries are left out. It
    /// ends where the way is not known.
    pub fn frames(&mut self, thread: i32) -> Arc<[Frame]> {
        let Ok(registers) = Registers::read(thread) else {
            return Arc::default();
        };
        let memory = Memory { thread };
        let (mut values, mut pointer) = registers.for_unwinding();
        let begin = pointer;
        let kept = values.kept_by_calls();
        let known = self.ways.get(&begin);
        if let Some(way) = known.filter(|way| way.is_unchanged(&kept, memory)) {
            return way.frames.clone();
        }
        let mut stack = Stack::new(memory);
        let mut frames = Vec::new();
        for _ in 0..DEEPEST {
            // The instruction which calls: the return address is that of the next one.
            let instruction = pointer.wrapping_sub(1);
            let Some(step) = self.step(memory, instruction) else {
                break;
            };
            if let Some(program) = self.program_at(instruction) {
                frames.push(Frame {
                    address: instruction.wrapping_sub(program.bias),
                    function: step.function.wrapping_sub(program.bias),
                });
            }
            match values.step(&step, &mut stack) {
                Some(next) => pointer = next,
                None => break,
            }
        }
        let frames: Arc<[Frame]> = frames.into();
        if self.ways.len() >= MOST_WAYS {
            self.ways.clear();
        }
        let way = Way {
            registers: kept,
            read: stack.read,
            frames: frames.clone(),
        };
        self.ways.insert(begin, way);
        frames
    }

    fn step(&mut self, memory: Memory, instruction: u64) -> Option<Arc<Step>> {
        if let Some(step) = self.steps.get(&instruction) {
            return step.clone();
        }
        let step = self
            .table_at(memory, instruction)
            .and_then(|table| table.step(memory, instruction))
            .map(Arc::new);
        if self.steps.len() >= MOST_STEPS {
            self.steps.clear();
        }
        self.steps.insert(instruction, step.clone());
        step
    }

    fn table_at(&mut self, memory: Memory, instruction: u64) -> Option<UnwindTable> {
        let is_known = self.files.iter().any(|file| file.contains(instruction));
        if !is_known && self.looks < MOST_LOOKS {
            self.looks += 1;
            self.files = mapped_files(memory).unwrap_or_default();
        }
        let mut files = self.files.iter();
        files.find(|file| file.contains(instruction))?.table
    }

    fn program_at(&self, instruction: u64) -> Option<&Mapped> {
        let mut files = self.files.iter();
        files.find(|file| file.is_program && file.contains(instruction))
    }
}

impl Mapped {
    fn contains(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// What the headers of a file say, which begins there in memory (elf(5)).
    fn read(memory: Memory, start: u64, end: u64, is_program: bool) -> Option<Mapped> {
        const LOADED: u32 = 1;
        const EH_FRAME: u32 = 0x6474_e550;
        const HEADER: u64 = 56;
        let header: [u8; 64] = memory.array(start)?;
        // An ELF file of 64 bits, little-endian.
        if header[..6] != [0x7f, b'E', b'L', b'F', 2, 1] {
            return None;
        }
        let place = Cursor::at(&header, 32).u64()?;
        let count = u64::from(Cursor::at(&header, 56).u16()?).min(64);
        let bytes = memory.bytes(start.checked_add(place)?, (HEADER * count) as usize);
        let headers = bytes
            .chunks_exact(HEADER as usize)
            .filter_map(|header| Some((Cursor::new(header).u32()?, Cursor::at(header, 16).u64()?)));
        let find = |kind| headers.clone().find(|header| header.0 == kind);
        let bias = start.wrapping_sub(find(LOADED)?.1 & !0xfff);
        let table = find(EH_FRAME)
            .and_then(|(_, address)| UnwindTable::read(memory, bias.wrapping_add(address)));
        Some(Mapped {
            start,
            end,
            bias,
            table,
            is_program,
        })
    }
}

/// The files that are mapped now, and the vDSO (proc_pid_maps(5)).
fn mapped_files(memory: Memory) -> Option<Vec<Mapped>> {
    let pid = memory.thread;
    let maps = read_text(&format!("/proc/{pid}/maps"))?;
    let program = fs::metadata(format!("/proc/{pid}/exe")).ok()?.ino();
    let mut ranges: Vec<(u64, u64, u64, &str)> = Vec::new();
    for line in maps.lines() {
        let mut words = line.splitn(6, ' ');
        let (Some((start, end)), Some(inode), Some(path)) = (
            words.next().and_then(|range| range.split_once('-')),
            words.nth(3).and_then(|inode| inode.parse().ok()),
            words.next().map(str::trim_start),
        ) else {
            continue;
        };
        let number = |text| u64::from_str_radix(text, 16).unwrap_or_default();
        match ranges.last_mut() {
            _ if path.is_empty() => (),
            Some(last) if (last.2, last.3) == (inode, path) => last.1 = number(end),
            _ => ranges.push((number(start), number(end), inode, path)),
        }
    }
    let files = ranges.iter().filter_map(|&(start, end, inode, path)| {
        Mapped::read(
            memory,
            start,
            end,
            path.starts_with('/') && inode == program,
        )
    });
    Some(files.collect())
}

/// The stack of a thread, read by pieces.
struct Stack {
    memory: Memory,
    start: u64,
    bytes: Vec<u8>,
    /// All that was asked for and is there.
    read: Vec<(u64, u64)>,
}

impl Stack {
    /// As much as most functions between two calls take.
    const PIECE: u64 = 2048;
    /// As much as is read at once.
    const MOST: u64 = 4096;
    /// Of one function, most is kept just below the end of its caller's stack.
    const BELOW: u64 = 64;

    fn new(memory: Memory) -> Stack {
        Stack {
            memory,
            start: 0,
            bytes: Vec::new(),
            read: Vec::new(),
        }
    }

    fn number(&mut self, address: u64) -> Option<u64> {
        let number = self.known_or_read(address)?;
        self.read.push((address, number));
        Some(number)
    }

    fn known_or_read(&mut self, address: u64) -> Option<u64> {
        self.known(address).or_else(|| {
            self.read_piece(address.saturating_sub(Stack::BELOW), Stack::PIECE);
            self.known(address)
        })
    }

    fn known(&self, address: u64) -> Option<u64> {
        Cursor::at(&self.bytes, address.checked_sub(self.start)?).u64()
    }

    fn read_piece(&mut self, start: u64, length: u64) {
        self.start = start;
        self.bytes = self.memory.bytes(start, length as usize);
    }
}

/// The registers as a function has them, by the numbers of DWARF; none for those that are not known.
#[derive(Clone, Debug)]
pub(super) struct Values(pub [Option<u64>; REGISTERS]);

impl Values {
    /// The registers on which the way up depends.
    fn kept_by_calls(&self) -> KeptByCalls {
        let mut kept = [None; KEPT];
        let others = [registers::STACK, registers::RETURN_ADDRESS];
        let numbers = registers::KEPT_BY_CALLS.iter().chain(&others);
        for (value, &number) in kept.iter_mut().zip(numbers) {
            *value = self.0[number];
        }
        kept
    }

    /// Goes to the caller, and returns the address to which the function returns.
    fn step(&mut self, step: &Step, stack: &mut Stack) -> Option<u64> {
        let (register, distance) = step.frame;
        let end = self.0.get(register).copied().flatten()?;
        let end = end.wrapping_add_signed(distance);
        // A stack grows downwards: who is further up has called.
        if self.0[registers::STACK].is_some_and(|stack| end < stack) {
            return None;
        }
        let mut next = [None; REGISTERS];
        for &register in registers::KEPT_BY_CALLS {
            next[register] = self.0[register];
        }
        for &register in &step.lost {
            next[register] = None;
        }
        let mut return_address = self.0[registers::RETURN_ADDRESS];
        for &(register, distance) in &step.saved {
            let value = stack.number(end.wrapping_add_signed(distance));
            match register == registers::RETURN_ADDRESS {
                true => return_address = value,
                false => next[register] = value,
            }
        }
        next[registers::STACK] = Some(end);
        self.0 = next;
        return_address
            .map(|address| address & registers::ADDRESS)
            .filter(|&address| address != 0)
    }
}
