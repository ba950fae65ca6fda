//! Reads numbers one after the other from bytes which another program has written: nothing of them is believed, and
//! what is not there is `None`.

/// A place in some bytes. Numbers are little-endian, as on every machine on which the lab works.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0 }
    }

    /// At a place in the bytes. Behind their end, nothing can be read.
    pub fn at(bytes: &'a [u8], place: u64) -> Cursor<'a> {
        let at = usize::try_from(place).unwrap_or(usize::MAX);
        Cursor { bytes, at }
    }

    pub fn position(&self) -> usize {
        self.at
    }

    pub fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let end = self.at.checked_add(usize::try_from(count).ok()?)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    pub fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    pub fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    /// A number of 1, 2, 4 or 8 bytes.
    pub fn number(&mut self, size: u8) -> Option<u64> {
        match size {
            1 => self.u8().map(u64::from),
            2 => self.u16().map(u64::from),
            4 => self.u32().map(u64::from),
            8 => self.u64(),
            _ => None,
        }
    }

    /// A number of any length (ULEB128). What does not fit into 64 bits is cut off.
    pub fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        let mut shift = 0;
        loop {
            let byte = self.u8()?;
            if shift < 64 {
                value |= u64::from(byte & 0x7f) << shift;
            }
            shift += 7;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
    }

    /// The same with a sign (SLEB128).
    pub fn signed(&mut self) -> Option<i64> {
        let mut value = 0;
        let mut shift = 0;
        loop {
            let byte = self.u8()?;
            if shift < 64 {
                value |= i64::from(byte & 0x7f) << shift;
            }
            shift += 7;
            if byte & 0x80 == 0 {
                let is_negative = byte & 0x40 != 0;
                return Some(match is_negative && shift < 64 {
                    true => value | (-1 << shift),
                    false => value,
                });
            }
        }
    }

    /// Bytes up to a 0, which is left out.
    pub fn text(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let end = rest.iter().position(|&byte| byte == 0)?;
        self.at += end + 1;
        Some(&rest[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_length_are_those_of_the_standard() {
        // DWARF 5, section 7.6, figures 7.5 and 7.6.
        let mut unsigned = Cursor::new(&[2, 127, 0x80, 1, 0x81, 1, 0xb9, 0x64]);
        let numbers: Vec<u64> = std::iter::from_fn(|| unsigned.unsigned()).collect();
        assert_eq!(numbers, [2, 127, 128, 129, 12857]);
        let bytes = [2, 0x7e, 0xff, 0, 0x81, 0x7f, 0x80, 1, 0x80, 0x7f];
        let mut signed = Cursor::new(&bytes);
        let numbers: Vec<i64> = std::iter::from_fn(|| signed.signed()).collect();
        assert_eq!(numbers, [2, -2, 127, -127, 128, -128]);
    }

    #[test]
    fn what_is_not_there_is_none() {
        let mut cursor = Cursor::new(b"ab\0c");
        assert_eq!(cursor.text(), Some(b"ab".as_slice()));
        assert_eq!(cursor.text(), None);
        assert_eq!(
            (cursor.u16(), cursor.u8(), cursor.u8()),
            (None, Some(b'c'), None)
        );
        assert_eq!(Cursor::new(&[0xff; 9]).unsigned(), None);
        assert_eq!(Cursor::at(b"abc", u64::MAX).take(1), None);
    }
}
