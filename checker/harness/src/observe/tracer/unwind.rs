//! How a function gives back what its caller had in the registers, at each of its instructions: the tables `.eh_frame`
//! and `.eh_frame_hdr`, which the compiler writes for exceptions and panics, with debug information or without.
//!
//! They are read where the program itself finds them, in its memory (Linux Standard Base Core 5.0, section 10.6; DWARF 5,
//! section 6.4). Where they say something that is not understood, the way up ends, and nothing is guessed.

use super::memory::Memory;
use crate::observe::cursor::Cursor;

/// How many registers are followed: those of aarch64 with the end of the stack, and the return address of x86_64.
pub(super) const REGISTERS: usize = 32;

/// The longest entry that is read, in bytes; most have less than a hundred.
const LONGEST: usize = 1 << 12;
/// How many times what holds may be remembered, to come back to it.
const MOST_REMEMBERED: usize = 16;
/// How many entries of the table are read at once, when it is halved far enough.
const AT_ONCE: u64 = 256;

/// The way from a function to its caller, at one instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Where the function begins.
    pub function: u64,
    /// The end of the caller's stack: this register, and so many bytes.
    pub frame: (usize, i64),
    /// Where registers of the caller's are kept: so many bytes from the end of its stack.
    pub saved: Vec<(usize, i64)>,
    /// The registers of which nothing is known behind it.
    pub lost: Vec<usize>,
}

/// The tables of one file in the memory of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnwindTable {
    /// Where `.eh_frame_hdr` begins.
    header: u64,
    /// How many functions it lists.
    count: u64,
}

impl UnwindTable {
    /// The tables whose header is at this address. `None` if they are of a kind which no linker writes today.
    pub fn read(memory: Memory, header: u64) -> Option<UnwindTable> {
        // The table is sorted, and its addresses are distances of 4 bytes from the header.
        const SORTED: [u8; 4] = [1, 0x1b, 0x03, 0x3b];
        let bytes: [u8; 12] = memory.array(header)?;
        let mut cursor = Cursor::new(&bytes);
        let is_known = cursor.take(4)? == SORTED;
        cursor.u32()?;
        let count = u64::from(cursor.u32()?);
        (is_known && count > 0).then_some(UnwindTable { header, count })
    }

    /// The step at an instruction. `None` if none is known.
    pub fn step(&self, memory: Memory, instruction: u64) -> Option<Step> {
        let description = self.find(memory, instruction)?;
        Function::read(memory, description)?.step(instruction)
    }

    /// The description of the last function that does not begin behind an instruction.
    fn find(&self, memory: Memory, instruction: u64) -> Option<u64> {
        let table = self.header + 12;
        let distance = i32::try_from(instruction.wrapping_sub(self.header).cast_signed()).ok()?;
        let (mut low, mut high) = (0, self.count);
        while high - low > AT_ONCE {
            let middle = low + (high - low) / 2;
            match memory.i32(table + 8 * middle)? <= distance {
                true => low = middle,
                false => high = middle,
            }
        }
        let bytes = memory.bytes(table + 8 * low, 8 * (high - low) as usize);
        let entry = bytes
            .chunks_exact(8)
            .map(Cursor::new)
            .map_while(|mut pair| {
                let start = pair.u32()?.cast_signed();
                let description = pair.u32()?.cast_signed();
                (start <= distance).then_some(description)
            })
            .last()?;
        Some(self.header.wrapping_add_signed(entry.into()))
    }
}

/// A function, as its entry (FDE) and the entry which that shares with others (CIE) describe it.
struct Function {
    start: u64,
    end: u64,
    code_unit: u64,
    data_unit: i64,
    return_address: usize,
    /// The instructions of the shared entry, and those of its own.
    shared: Vec<u8>,
    own: Vec<u8>,
}

/// What the entry which several functions share says.
struct Shared {
    code_unit: u64,
    data_unit: i64,
    return_address: usize,
    /// How the addresses of the functions are written.
    encoding: u8,
    has_more: bool,
    instructions: Vec<u8>,
}

/// An entry without its length.
fn entry(memory: Memory, start: u64) -> Option<Vec<u8>> {
    /// Nearly all are shorter.
    const FIRST: usize = 256;
    let bytes = memory.bytes(start, FIRST);
    let length = Cursor::new(&bytes).u32()? as usize;
    match bytes.get(4..4 + length) {
        // What says that the length has 64 bits is too long, too.
        None if length > LONGEST => None,
        None => Some(memory.bytes(start + 4, length)).filter(|bytes| bytes.len() == length),
        Some(bytes) => Some(bytes.to_owned()),
    }
}

/// How many bytes an address has that is written like this.
fn size_of_address(encoding: u8) -> Option<u8> {
    match encoding & 0x0f {
        0x00 | 0x04 | 0x0c => Some(8),
        0x02 | 0x0a => Some(2),
        0x03 | 0x0b => Some(4),
        _ => None,
    }
}

impl Function {
    fn read(memory: Memory, description: u64) -> Option<Function> {
        let bytes = entry(memory, description)?;
        let mut cursor = Cursor::new(&bytes);
        let distance = u64::from(cursor.u32()?);
        let shared = Shared::read(memory, (description + 4).checked_sub(distance)?)?;
        let size = size_of_address(shared.encoding)?;
        let place = description + 4 + cursor.position() as u64;
        let written = cursor.number(size)?;
        let is_signed = shared.encoding & 0x08 != 0;
        let value = match (is_signed, size) {
            (true, 2) => i64::from(written as i16).cast_unsigned(),
            (true, 4) => i64::from(written as i32).cast_unsigned(),
            _ => written,
        };
        let start = match shared.encoding & 0xf0 {
            0x00 => value,
            // As a distance from the place where it stands.
            0x10 => place.wrapping_add(value),
            _ => return None,
        };
        let length = cursor.number(size)?;
        if shared.has_more {
            let more = cursor.unsigned()?;
            cursor.take(more)?;
        }
        Some(Function {
            start,
            end: start.checked_add(length)?,
            code_unit: shared.code_unit,
            data_unit: shared.data_unit,
            return_address: shared.return_address,
            shared: shared.instructions,
            own: bytes[cursor.position()..].to_owned(),
        })
    }

    fn step(&self, instruction: u64) -> Option<Step> {
        if !(self.start..self.end).contains(&instruction) {
            return None;
        }
        let mut rules = Rules::default();
        let goes_on = self.run(&self.shared, &mut rules, None, instruction)?;
        if goes_on {
            let initial = rules.clone();
            self.run(&self.own, &mut rules, Some(&initial), instruction)?;
        }
        let kept = |which: fn(&Kept) -> bool| {
            let all = rules.kept.iter().enumerate();
            all.filter_map(move |(register, kept)| kept.filter(which).map(|kept| (register, kept)))
        };
        let saved = kept(|kept| matches!(kept, Kept::At(_)));
        let lost = kept(|kept| *kept == Kept::Nowhere).map(|(register, _)| register);
        let lost: Vec<usize> = lost.collect();
        // The outermost function has no caller.
        if lost.contains(&self.return_address) {
            return None;
        }
        Some(Step {
            function: self.start,
            frame: rules.frame?,
            saved: saved
                .filter_map(|(register, kept)| match kept {
                    Kept::At(distance) => Some((register, distance)),
                    Kept::Nowhere => None,
                })
                .collect(),
            lost,
        })
    }

    /// Carries out the instructions up to those that hold behind this instruction of the function; whether there were
    /// none of these. `initial` is what `restore` brings back.
    fn run(
        &self,
        program: &[u8],
        rules: &mut Rules,
        initial: Option<&Rules>,
        instruction: u64,
    ) -> Option<bool> {
        let mut cursor = Cursor::new(program);
        let mut remembered = Vec::new();
        let mut place = self.start;
        while !cursor.is_at_end() {
            let code = cursor.u8()?;
            let operand = u64::from(code & 0x3f);
            let advance = match (code & 0xc0, code) {
                (0x40, _) => Some(operand),
                (0, 0x02) => Some(cursor.u8()?.into()),
                (0, 0x03) => Some(cursor.u16()?.into()),
                (0, 0x04) => Some(cursor.u32()?.into()),
                _ => None,
            };
            if let Some(units) = advance {
                place = place.checked_add(units.checked_mul(self.code_unit)?)?;
                if place > instruction {
                    return Some(false);
                }
                continue;
            }
            match (code & 0xc0, code) {
                (0x80, _) => rules.keep(operand, self.distance(cursor.unsigned()?)?)?,
                (0xc0, _) => rules.restore(operand, initial?)?,
                (_, 0x0a) if remembered.len() < MOST_REMEMBERED => remembered.push(rules.clone()),
                (_, 0x0b) => *rules = remembered.pop()?,
                (_, code) => self.one(code, &mut cursor, rules, initial)?,
            }
        }
        Some(true)
    }

    /// An instruction which has a byte of its own.
    fn one(
        &self,
        code: u8,
        cursor: &mut Cursor<'_>,
        rules: &mut Rules,
        initial: Option<&Rules>,
    ) -> Option<()> {
        match code {
            // Nothing; and that a return address is signed, or is not any more.
            0x00 | 0x2d => (),
            // So many bytes of arguments.
            0x2e => drop(cursor.unsigned()?),
            0x05 => {
                let register = cursor.unsigned()?;
                rules.keep(register, self.distance(cursor.unsigned()?)?)?;
            }
            0x11 => {
                let register = cursor.unsigned()?;
                rules.keep(register, cursor.signed()?.checked_mul(self.data_unit)?)?;
            }
            0x06 => rules.restore(cursor.unsigned()?, initial?)?,
            0x07 => rules.set(cursor.unsigned()?, Some(Kept::Nowhere))?,
            0x08 => rules.set(cursor.unsigned()?, None)?,
            0x0c => {
                let register = usize::try_from(cursor.unsigned()?).ok()?;
                rules.frame = Some((register, cursor.unsigned()?.cast_signed()));
            }
            0x12 => {
                let register = usize::try_from(cursor.unsigned()?).ok()?;
                let distance = cursor.signed()?.checked_mul(self.data_unit)?;
                rules.frame = Some((register, distance));
            }
            0x0d => rules.frame.as_mut()?.0 = usize::try_from(cursor.unsigned()?).ok()?,
            0x0e => rules.frame.as_mut()?.1 = cursor.unsigned()?.cast_signed(),
            0x13 => rules.frame.as_mut()?.1 = cursor.signed()?.checked_mul(self.data_unit)?,
            // A register is computed, or is in another one: it is lost.
            0x10 | 0x16 => {
                rules.set(cursor.unsigned()?, Some(Kept::Nowhere))?;
                let length = cursor.unsigned()?;
                cursor.take(length)?;
            }
            0x09 | 0x14 => {
                rules.set(cursor.unsigned()?, Some(Kept::Nowhere))?;
                cursor.unsigned()?;
            }
            0x15 => {
                rules.set(cursor.unsigned()?, Some(Kept::Nowhere))?;
                cursor.signed()?;
            }
            // The end of the stack is computed: of the stubs in a PLT and of the way back from a handler.
            0x0f => {
                let length = cursor.unsigned()?;
                cursor.take(length)?;
                rules.frame = None;
            }
            _ => return None,
        }
        Some(())
    }

    fn distance(&self, units: u64) -> Option<i64> {
        units.cast_signed().checked_mul(self.data_unit)
    }
}

impl Shared {
    fn read(memory: Memory, start: u64) -> Option<Shared> {
        let bytes = entry(memory, start)?;
        let mut cursor = Cursor::new(&bytes);
        let (is_shared, version) = (cursor.u32()? == 0, cursor.u8()?);
        if !is_shared || !matches!(version, 1 | 3) {
            return None;
        }
        let augmentation = cursor.text()?;
        let code_unit = cursor.unsigned()?;
        let data_unit = cursor.signed()?;
        let return_address = match version {
            1 => cursor.u8()?.into(),
            _ => cursor.unsigned()?,
        };
        let mut encoding = 0;
        let has_more = augmentation.first() == Some(&b'z');
        if has_more {
            let length = cursor.unsigned()?;
            let end = cursor
                .clone()
                .take(length)
                .map(|_| cursor.position() as u64 + length)?;
            for letter in &augmentation[1..] {
                match letter {
                    b'R' => encoding = cursor.u8()?,
                    b'L' => drop(cursor.u8()?),
                    b'P' => {
                        let size = size_of_address(cursor.u8()?)?;
                        cursor.number(size)?;
                    }
                    b'S' | b'B' => (),
                    _ => return None,
                }
            }
            cursor = Cursor::at(&bytes, end);
        } else if !augmentation.is_empty() {
            return None;
        }
        Some(Shared {
            code_unit,
            data_unit,
            return_address: usize::try_from(return_address).ok()?,
            encoding,
            has_more,
            instructions: bytes[cursor.position()..].to_owned(),
        })
    }
}

/// Where a register of the caller's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// So many bytes from the end of the caller's stack.
    At(i64),
    /// Nobody knows.
    Nowhere,
}

/// What holds at an instruction. A register of which nothing is said has the same value in the caller.
#[derive(Clone, Debug, Default)]
struct Rules {
    frame: Option<(usize, i64)>,
    kept: [Option<Kept>; REGISTERS],
}

impl Rules {
    /// A register of which is said where it is; others than the general ones are none of the way up.
    fn set(&mut self, register: u64, kept: Option<Kept>) -> Option<()> {
        if let Some(place) = self.kept.get_mut(usize::try_from(register).ok()?) {
            *place = kept;
        }
        Some(())
    }

    fn keep(&mut self, register: u64, distance: i64) -> Option<()> {
        self.set(register, Some(Kept::At(distance)))
    }

    fn restore(&mut self, register: u64, initial: &Rules) -> Option<()> {
        let kept = initial.kept.get(usize::try_from(register).ok()?);
        self.set(register, kept.copied().flatten())
    }
}
