//! Where in its author's source a program has made a call: addresses become lines, when a report or a trace shows them.
//!
//! ```text
//! source ─ units      which parts of the program have lines, and whose they are
//!   ├─ lines          the line of each address of a part
//!   │   └ forms       values as debug information writes them
//!   └─ elf            the sections of the program's file
//! ```
//!
//! The program is not trusted, and so is nothing of its debug information: it is read with bounds, and what is not
//! understood gives no line. The name of a file is told as its author knows it, relative to the folder in which it was
//! compiled; no other path of the machine is told.

mod elf;
mod forms;
mod lines;
mod units;

use std::{fmt, fs::File};

use serde::{Deserialize, Serialize};

use self::{
    elf::Elf,
    forms::{Texts, Value},
    lines::{Place, Sequence, SourceFile},
    units::Unit,
};
use super::{cursor::Cursor, tracer::Frame};

/// How many files of all parts together are looked at, and those of one part more.
const MOST_FILES: usize = 10_000;

/// A line of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLine {
    /// The file: `src/main.rs`.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
}

/// As editors and terminals know it: `src/main.rs:17`.
impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The lines of a program which its author has written: without those of the libraries in it.
#[derive(Debug, Default)]
pub struct SourceLines {
    /// In the order of their addresses.
    sequences: Vec<Sequence>,
    /// The files, and of which part each is.
    files: Vec<(usize, SourceFile)>,
    units: Vec<Unit>,
}

impl SourceLines {
    /// Reads the debug information of a program. There are no lines if it has none, or none that is understood.
    pub fn read(program: &File) -> SourceLines {
        Sections::read(program)
            .map(|sections| SourceLines::of(&sections))
            .unwrap_or_default()
    }

    fn of(sections: &Sections) -> SourceLines {
        let mut found = SourceLines::default();
        let mut end = 0;
        for mut unit in units::all(sections) {
            // Tables do not overlap: none is read twice.
            if unit.lines < end || found.files.len() > MOST_FILES {
                continue;
            }
            // A part which is not understood has no lines, and the others have theirs.
            let Some(mut table) = lines::read(sections, unit.lines) else {
                continue;
            };
            end = table.end;
            if let Some(compiled) = table.compiled.filter(|_| unit.folder.is_empty()) {
                unit.folder = String::from_utf8_lossy(&compiled.folder).into_owned();
                unit.name = String::from_utf8_lossy(&compiled.name).into_owned();
            }
            let (first, number) = (found.files.len(), found.units.len());
            let files = table.files.into_iter().map(|file| (number, file));
            found.files.extend(files);
            for sequence in &mut table.sequences {
                sequence.shift_files(first);
            }
            found.sequences.append(&mut table.sequences);
            found.units.push(unit);
        }
        found.sequences.sort_by_key(|sequence| sequence.start);
        found
    }

    /// The innermost line of the author's on the way from a call up. None if there is none, or if it cannot be told:
    /// where a compiler has put what another file says into a function of the author's.
    pub fn innermost(&self, frames: &[Frame]) -> Option<SourceLine> {
        for frame in frames {
            if let Some(line) = self.line_at(frame.address) {
                return Some(line);
            }
            if self.line_at(frame.function).is_some() {
                return None;
            }
        }
        None
    }

    fn line_at(&self, address: u64) -> Option<SourceLine> {
        let after = self
            .sequences
            .partition_point(|sequence| sequence.start <= address);
        // Sequences do not overlap, but for those of functions which the linker has thrown away.
        let candidates = self.sequences[..after].iter().rev();
        let Place { file, line } = candidates
            .take_while(|sequence| sequence.start > 0)
            .find(|sequence| address < sequence.end)?
            .place_of(address)?;
        let (unit, file) = self.files.get(file)?;
        let file = self.units.get(*unit)?.name_of(file)?;
        (line > 0).then_some(SourceLine { file, line })
    }
}

/// The debug information of a program.
#[derive(Debug)]
struct Sections {
    info: Vec<u8>,
    /// `.debug_abbrev`: how the entries of `.debug_info` are written.
    descriptions: Vec<u8>,
    lines: Vec<u8>,
    texts: Vec<u8>,
    line_texts: Vec<u8>,
}

impl Sections {
    fn read(program: &File) -> Option<Sections> {
        let elf = Elf::read(program)?;
        Some(Sections {
            info: elf.bytes(".debug_info")?,
            descriptions: elf.bytes(".debug_abbrev")?,
            lines: elf.bytes(".debug_line")?,
            texts: elf.bytes(".debug_str").unwrap_or_default(),
            line_texts: elf.bytes(".debug_line_str").unwrap_or_default(),
        })
    }

    /// The bytes of a text. `None` if it is no text, or not there.
    fn bytes_of<'a>(&'a self, value: Value<'a>) -> Option<&'a [u8]> {
        match value {
            Value::Text(text) => Some(text),
            Value::TextAt(Texts::Common, place) => Cursor::at(&self.texts, place).text(),
            Value::TextAt(Texts::OfLines, place) => Cursor::at(&self.line_texts, place).text(),
            Value::Number(_) | Value::Other => None,
        }
    }

    fn text(&self, value: Value<'_>) -> Option<String> {
        let bytes = self.bytes_of(value)?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }
}
