//! Values as debug information writes them (DWARF 5, section 7.5.6).

use crate::observe::cursor::Cursor;

/// A value. Only what leads to files and lines is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A text that stands there.
    Text(&'a [u8]),
    /// The place of a text in a section.
    TextAt(Texts, u64),
    Number(u64),
    Other,
}

/// A section with texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Texts {
    /// `.debug_str`
    Common,
    /// `.debug_line_str`
    OfLines,
}

/// How long places in sections are in one part: 4 bytes, or 8.
pub(super) type PlaceSize = u8;

/// Reads a value in this form, and goes behind it. `None` if the form is not known.
pub(super) fn read<'a>(cursor: &mut Cursor<'a>, form: u64, size: PlaceSize) -> Option<Value<'a>> {
    let length = match form {
        0x08 => return Some(Value::Text(cursor.text()?)),
        0x0e => return Some(Value::TextAt(Texts::Common, cursor.number(size)?)),
        0x1f => return Some(Value::TextAt(Texts::OfLines, cursor.number(size)?)),
        0x17 => return Some(Value::Number(cursor.number(size)?)),
        // Numbers, of a fixed length and of any.
        0x0b => return Some(Value::Number(cursor.u8()?.into())),
        0x05 => return Some(Value::Number(cursor.u16()?.into())),
        0x06 => return Some(Value::Number(cursor.u32()?.into())),
        0x07 => return Some(Value::Number(cursor.u64()?)),
        0x0f => return Some(Value::Number(cursor.unsigned()?)),
        // What has any length, too, and does not matter here.
        0x0d | 0x15 | 0x1a | 0x1b | 0x22 | 0x23 => {
            cursor.unsigned()?;
            0
        }
        // What has no byte: it is true, or stands in the description of the entry.
        0x19 | 0x21 => 0,
        0x0c | 0x11 | 0x25 | 0x29 => 1,
        0x12 | 0x26 | 0x2a => 2,
        0x27 | 0x2b => 3,
        0x13 | 0x28 | 0x2c => 4,
        0x01 | 0x14 | 0x20 => 8,
        0x1e => 16,
        0x10 => size.into(),
        // Blocks with their lengths.
        0x0a => cursor.u8()?.into(),
        0x03 => cursor.u16()?.into(),
        0x04 => cursor.u32()?.into(),
        0x09 | 0x18 => cursor.unsigned()?,
        _ => return None,
    };
    cursor.take(length)?;
    Some(Value::Other)
}

/// The beginning of a part: how long its places are, and its bytes behind its length.
pub(super) fn part<'a>(cursor: &mut Cursor<'a>) -> Option<(PlaceSize, &'a [u8])> {
    let (size, length) = match cursor.u32()? {
        u32::MAX => (8, cursor.u64()?),
        length => (4, length.into()),
    };
    Some((size, cursor.take(length)?))
}
