//! Numbers and records which give a wrong byte order away, and the digits and lines that belong to them.

use std::iter;

use harness::author::Lab;

/// A random number of so many bytes, all different and each at least 0x10: whatever changes their order or leaves a
/// digit out changes the number.
pub(super) fn mixed(lab: &Lab, count: usize) -> u64 {
    let mut bytes: Vec<u64> = Vec::new();
    while bytes.len() < count {
        let byte = lab.random_number(0x10..=0xff);
        if !bytes.contains(&byte) {
            bytes.push(byte);
        }
    }
    bytes.iter().fold(0, |number, byte| number << 8 | byte)
}

/// Such a number of 16 bits without the digits a to f, so that nothing but the order of its bytes can be wrong.
pub(super) fn number_without_letters(lab: &Lab) -> u64 {
    iter::repeat_with(|| mixed(lab, 2))
        .find(|&number| !hex(16, number).contains(char::is_alphabetic))
        .unwrap_or(0x1234)
}

/// The largest number of this width.
pub(super) fn largest(bits: usize) -> u64 {
    u64::MAX >> (64 - bits)
}

/// A number as the digits of its bytes in network order.
pub(super) fn hex(bits: usize, number: u64) -> String {
    format!("{number:0width$x}", width = bits / 4)
}

/// `1a2bc3d4` as `1a2bC3D4`: capitals where the place, counted from 0, is even.
pub(super) fn capitals_at_even_places(digits: &str) -> String {
    digits
        .char_indices()
        .map(|(place, digit)| match place % 2 {
            0 => digit.to_ascii_uppercase(),
            _ => digit,
        })
        .collect()
}

/// The same values in a random order (Fisher and Yates).
pub(super) fn shuffled<const N: usize>(lab: &Lab, mut values: [u64; N]) -> [u64; N] {
    for place in (1..N).rev() {
        values.swap(place, lab.random_number(0..=place as u64) as usize);
    }
    values
}

/// A record for `rec`.
pub(super) struct Record {
    kind: u16,
    flags: u16,
    len: u32,
    time: u64,
    body: Vec<u8>,
}

impl Record {
    /// The size of the part before the body.
    pub(super) const HEADER: usize = 16;

    /// A record with this body and random other fields.
    pub(super) fn random(lab: &Lab, body: &[u8]) -> Record {
        Record {
            kind: mixed(lab, 2) as u16,
            flags: mixed(lab, 2) as u16,
            len: body.len() as u32,
            time: mixed(lab, 8),
            body: body.to_vec(),
        }
    }

    /// The same record with another length in its header than its body has.
    pub(super) fn claiming(self, len: u32) -> Record {
        Record { len, ..self }
    }

    /// As it comes over the wire.
    pub(super) fn bytes(&self) -> Vec<u8> {
        [
            self.kind.to_be_bytes().as_slice(),
            &self.flags.to_be_bytes(),
            &self.len.to_be_bytes(),
            &self.time.to_be_bytes(),
            &self.body,
        ]
        .concat()
    }

    /// The line which is due for it.
    pub(super) fn line(&self) -> String {
        let Record {
            kind,
            flags,
            len,
            time,
            ..
        } = self;
        format!("{kind} {flags} {len} {time}")
    }

    /// The bytes of its header, for a step of the report.
    pub(super) fn described(&self) -> String {
        let bytes: Vec<String> = self
            .bytes()
            .iter()
            .take(Record::HEADER)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("the header {}", bytes.join(" "))
    }
}
