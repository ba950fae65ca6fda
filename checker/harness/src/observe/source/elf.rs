//! The sections of a program's file (elf(5)).

use std::{fs::File, os::unix::fs::FileExt};

use crate::observe::cursor::Cursor;

/// The most bytes of a section that are read: those of a student's program have one or two million.
const MOST: u64 = 32 << 20;

/// A program of 64 bits.
#[derive(Debug)]
pub(super) struct Elf<'a> {
    file: &'a File,
    sections: Vec<(Vec<u8>, Section)>,
}

/// A part of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    start: u64,
    length: u64,
}

impl Elf<'_> {
    /// `None` if it is no such file, or one for a machine with another order of bytes.
    pub fn read(file: &File) -> Option<Elf<'_>> {
        const COMPRESSED: u64 = 0x800;
        const NO_BYTES: u32 = 8;
        const HEADER: u64 = 64;
        let header = read(file, 0, HEADER)?;
        if header[..6] != [0x7f, b'E', b'L', b'F', 2, 1] {
            return None;
        }
        let table = Cursor::at(&header, 40).u64()?;
        let mut counts = Cursor::at(&header, 58);
        let (size, count, names) = (counts.u16()?, counts.u16()?, counts.u16()?);
        if u64::from(size) != HEADER {
            return None;
        }
        let headers = read(file, table, HEADER * u64::from(count))?;
        let all: Vec<(u64, u32, u64, Section)> = headers
            .chunks_exact(HEADER as usize)
            .map_while(|header| {
                let mut fields = Cursor::new(header);
                let (name, kind) = (fields.u32()?, fields.u32()?);
                let (flags, _, start, length) =
                    (fields.u64()?, fields.u64()?, fields.u64()?, fields.u64()?);
                Some((name.into(), kind, flags, Section { start, length }))
            })
            .collect();
        let names = all.get(usize::from(names))?.3;
        let names = read(file, names.start, names.length)?;
        let sections = all
            .iter()
            .filter(|(_, kind, flags, _)| *kind != NO_BYTES && flags & COMPRESSED == 0)
            .filter_map(|(name, _, _, section)| {
                Some((Cursor::at(&names, *name).text()?.to_owned(), *section))
            });
        Some(Elf {
            file,
            sections: sections.collect(),
        })
    }

    fn section(&self, name: &str) -> Option<Section> {
        let mut sections = self.sections.iter();
        let found = sections.find(|(of, _)| of == name.as_bytes())?;
        Some(found.1)
    }

    /// All of a section; `None` if there is none of this name, or it is too long.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let section = self.section(name)?;
        read(self.file, section.start, section.length)
    }
}

fn read(file: &File, start: u64, length: u64) -> Option<Vec<u8>> {
    if length > MOST {
        return None;
    }
    // What is behind the end of the file costs no memory.
    let end = start.checked_add(length)?;
    if end > file.metadata().ok()?.len() {
        return None;
    }
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, start).ok()?;
    Some(bytes)
}
