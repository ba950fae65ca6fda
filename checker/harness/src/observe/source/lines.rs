//! The line of each address in one part of a program: `.debug_line` (DWARF 5, section 6.2; DWARF 2 to 4, the same).

use std::ops::Range;

use super::{
    Sections,
    forms::{self, PlaceSize, Value},
};
use crate::observe::cursor::Cursor;

/// How many files a part may have, and how long their names may be: a program which its author has made to be read
/// shall not cost more than others.
const MOST_FILES: usize = 10_000;
const LONGEST: usize = 1024;
/// How many rows a table may have.
const MOST_ROWS: usize = 1 << 20;

/// What the table of one part says.
#[derive(Debug)]
pub(super) struct LineTable {
    /// Where the next table begins.
    pub end: u64,
    /// The folder in which the part was compiled, and the file that was. Older versions leave that to `.debug_info`.
    pub compiled: Option<SourceFile>,
    pub files: Vec<SourceFile>,
    pub sequences: Vec<Sequence>,
}

/// A file as the table names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceFile {
    /// Its folder, if it has one: relative to that of the part, or absolute.
    pub folder: Vec<u8>,
    pub name: Vec<u8>,
}

/// Instructions without a gap between them.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    pub start: u64,
    pub end: u64,
    /// From which address on which place holds, in the order of addresses.
    rows: Vec<(u64, Place)>,
}

/// A line in one of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub file: usize,
    /// 0 for what no line is responsible for.
    pub line: u32,
}

impl Sequence {
    /// The numbers of the files are counted from this one on.
    pub fn shift_files(&mut self, first: usize) {
        for (_, place) in &mut self.rows {
            place.file = place.file.saturating_add(first);
        }
    }

    pub fn place_of(&self, address: u64) -> Option<Place> {
        let after = self.rows.partition_point(|(start, _)| *start <= address);
        self.rows[..after].last().map(|(_, place)| *place)
    }
}

/// Reads the table which begins at this place.
pub(super) fn read(sections: &Sections, place: u64) -> Option<LineTable> {
    let mut cursor = Cursor::at(&sections.lines, place);
    let (size, bytes) = forms::part(&mut cursor)?;
    let behind = cursor.position() as u64;
    let mut cursor = Cursor::new(bytes);
    let version = cursor.u16()?;
    if !(2..=5).contains(&version) {
        return None;
    }
    if version == 5 && cursor.take(2)? != [8, 0] {
        // Addresses of another length, or with segments.
        return None;
    }
    let header = cursor.number(size)?;
    let end = (cursor.position() as u64).checked_add(header)?;
    let mut machine = Machine::read(&mut cursor, version)?;
    let (compiled, files) = match version {
        5 => files_of_5(&mut cursor, size, sections)?,
        _ => (None, files_of_4(&mut cursor)?),
    };
    let program = Cursor::at(bytes, end);
    let sequences = machine.run(program, version < 5)?;
    Some(LineTable {
        end: behind,
        compiled,
        files,
        sequences,
    })
}

/// The files as the older versions list them.
fn files_of_4(cursor: &mut Cursor<'_>) -> Option<Vec<SourceFile>> {
    let mut folders = vec![Vec::new()];
    loop {
        match cursor.text()? {
            [] => break,
            folder => folders.push(of_reasonable_length(folder)?),
        }
    }
    let mut files = Vec::new();
    loop {
        let name = match cursor.text()? {
            [] => return Some(files),
            name => of_reasonable_length(name)?,
        };
        let folder = usize::try_from(cursor.unsigned()?).ok()?;
        // When it was changed, and how long it is.
        cursor.unsigned()?;
        cursor.unsigned()?;
        files.push(SourceFile {
            folder: folders.get(folder)?.clone(),
            name,
        });
        if files.len() > MOST_FILES {
            return None;
        }
    }
}

fn of_reasonable_length(name: &[u8]) -> Option<Vec<u8>> {
    (name.len() <= LONGEST).then(|| name.to_owned())
}

/// What was compiled, and the files, as version 5 lists them: both lists begin with what was compiled.
fn files_of_5(
    cursor: &mut Cursor<'_>,
    size: PlaceSize,
    sections: &Sections,
) -> Option<(Option<SourceFile>, Vec<SourceFile>)> {
    let folders = list(cursor, size, sections)?;
    let files = list(cursor, size, sections)?;
    let compiled = folders.first().zip(files.first());
    let compiled = compiled.map(|((folder, _), (name, _))| SourceFile {
        folder: folder.clone(),
        name: name.clone(),
    });
    let files = files.into_iter().map(|(name, folder)| SourceFile {
        folder: folders
            .get(folder)
            .map(|(name, _)| name.clone())
            .unwrap_or_default(),
        name,
    });
    Some((compiled, files.collect()))
}

/// The name of each entry, and the number of its folder.
fn list(
    cursor: &mut Cursor<'_>,
    size: PlaceSize,
    sections: &Sections,
) -> Option<Vec<(Vec<u8>, usize)>> {
    const NAME: u64 = 1;
    const FOLDER: u64 = 2;
    let columns = cursor.u8()?;
    let mut formats = Vec::new();
    for _ in 0..columns {
        formats.push((cursor.unsigned()?, cursor.unsigned()?));
    }
    let count = cursor.unsigned()?;
    if count > MOST_FILES as u64 {
        return None;
    }
    let mut entries = Vec::new();
    for _ in 0..count {
        let (mut name, mut folder) = (Vec::new(), 0);
        for &(what, form) in &formats {
            let value = forms::read(cursor, form, size)?;
            match (what, value) {
                (NAME, value) => name = of_reasonable_length(sections.bytes_of(value)?)?,
                (FOLDER, Value::Number(number)) => folder = usize::try_from(number).ok()?,
                _ => (),
            }
        }
        entries.push((name, folder));
    }
    Some(entries)
}

/// The machine for which the table is a program: its registers that matter, and how its short instructions count.
struct Machine {
    unit: u64,
    line_base: i64,
    line_range: u8,
    /// The number of the first instruction that is all in its number, and the operands of those before it.
    first_special: u8,
    operands: Vec<u8>,
    address: u64,
    file: u64,
    line: u32,
    rows: Vec<(u64, Place)>,
    all_rows: usize,
    sequences: Vec<Sequence>,
}

impl Machine {
    fn read(cursor: &mut Cursor<'_>, version: u16) -> Option<Machine> {
        let unit = cursor.u8()?;
        if version >= 4 {
            // Operations in one instruction: more than one on no machine of the lab's.
            cursor.u8()?;
        }
        // Whether lines begin as statements.
        cursor.u8()?;
        let line_base = i64::from(cursor.u8()?.cast_signed());
        let line_range = cursor.u8()?;
        let first_special = cursor.u8()?;
        let operands = cursor.take(u64::from(first_special.checked_sub(1)?))?;
        Some(Machine {
            unit: unit.into(),
            line_base,
            line_range: (line_range > 0).then_some(line_range)?,
            first_special,
            operands: operands.to_owned(),
            address: 0,
            file: 1,
            line: 1,
            rows: Vec::new(),
            all_rows: 0,
            sequences: Vec::new(),
        })
    }

    fn run(&mut self, mut program: Cursor<'_>, counts_from_one: bool) -> Option<Vec<Sequence>> {
        let first = u64::from(counts_from_one);
        while !program.is_at_end() && self.all_rows < MOST_ROWS {
            let code = program.u8()?;
            if code >= self.first_special {
                self.special(code);
                self.row(first);
                continue;
            }
            match code {
                0 => self.extended(&mut program, first)?,
                1 => self.row(first),
                2 => self.advance(program.unsigned()?),
                3 => self.add_to_line(program.signed()?),
                4 => self.file = program.unsigned()?,
                8 => {
                    let line = self.line;
                    self.special(255);
                    self.line = line;
                }
                9 => self.address = self.address.wrapping_add(program.u16()?.into()),
                _ => {
                    for _ in 0..*self.operands.get(usize::from(code) - 1)? {
                        program.unsigned()?;
                    }
                }
            }
        }
        Some(std::mem::take(&mut self.sequences))
    }

    /// An instruction which moves both the address and the line.
    fn special(&mut self, code: u8) {
        let code = code - self.first_special;
        self.advance((code / self.line_range).into());
        self.add_to_line(self.line_base + i64::from(code % self.line_range));
    }

    fn extended(&mut self, program: &mut Cursor<'_>, first: u64) -> Option<()> {
        let length = program.unsigned()?;
        let mut operands = Cursor::new(program.take(length)?);
        match operands.u8() {
            Some(1) => {
                self.row(first);
                self.end_sequence();
            }
            Some(2) => self.address = operands.u64()?,
            _ => (),
        }
        Some(())
    }

    fn advance(&mut self, units: u64) {
        let bytes = units.wrapping_mul(self.unit);
        self.address = self.address.wrapping_add(bytes);
    }

    fn add_to_line(&mut self, lines: i64) {
        self.line = (i64::from(self.line).wrapping_add(lines)) as u32;
    }

    fn row(&mut self, first: u64) {
        let file = self.file.wrapping_sub(first);
        let place = Place {
            file: usize::try_from(file).unwrap_or(usize::MAX),
            line: self.line,
        };
        self.rows.push((self.address, place));
        self.all_rows += 1;
    }

    fn end_sequence(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        let range = rows.first().map_or(0, |row| row.0)..self.address;
        let is_sorted = rows.is_sorted_by_key(|row| row.0);
        if is_sorted && is_of_program(&range) {
            self.sequences.push(Sequence {
                start: range.start,
                end: range.end,
                rows,
            });
        }
        (self.address, self.file, self.line) = (0, 1, 1);
    }
}

/// Whether the linker has kept it: what is thrown away begins at 0, or near the last address.
fn is_of_program(range: &Range<u64>) -> bool {
    range.start > 0 && range.start < range.end && range.end < 1 << 63
}
