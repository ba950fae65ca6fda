//! The lines that the tests ask about: addresses, and what is almost one.
//!
//! No line is made with `\r`, on which readers of lines differ. No bytes are shown which are an IPv4-compatible address
//! (`::192.168.0.1`), for which libraries differ.

mod ipv4;
mod ipv6;
mod sockaddrs;

use std::{array, ops::RangeInclusive};

use super::oracle::hex;

/// A line without its newline.
pub type Line = Vec<u8>;

/// Draws lines by chance.
pub struct Texts<'a> {
    draw: Box<dyn Fn(RangeInclusive<u64>) -> u64 + 'a>,
}

impl<'a> Texts<'a> {
    /// From a source of random numbers.
    pub fn new(draw: impl Fn(RangeInclusive<u64>) -> u64 + 'a) -> Texts<'a> {
        Texts {
            draw: Box::new(draw),
        }
    }

    // Numbers

    pub fn number(&self, range: RangeInclusive<u64>) -> u64 {
        (self.draw)(range)
    }

    fn below(&self, end: usize) -> usize {
        self.number(0..=end as u64 - 1) as usize
    }

    fn one_of<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        array::from_fn(|_| self.number(0..=255) as u8)
    }

    /// Two bytes which differ and are not zero: any wrong order shows.
    fn strong(&self, range: RangeInclusive<u64>) -> u16 {
        loop {
            let [high, low] = (self.number(range.clone()) as u16).to_be_bytes();
            if high != low && high != 0 && low != 0 {
                return u16::from_be_bytes([high, low]);
            }
        }
    }

    pub fn strong_port(&self) -> u16 {
        self.strong(1024..=0xffff)
    }

    /// Any port, but begin with the ones that are special.
    fn port(&self, index: usize) -> u16 {
        match index {
            0 => self.strong_port(),
            1 => 80,
            2 => 0,
            3 => 65535,
            _ => self.number(0..=65535) as u16,
        }
    }

    // Any text

    /// Nine bytes which are not UTF-8.
    pub fn not_utf8(&self) -> Line {
        let bytes = self.bytes::<8>().map(|byte| match byte {
            b'\n' | b'\r' | 0 => b'n',
            byte => byte,
        });
        [[0xff].as_slice(), &bytes].concat()
    }

    /// A line that no buffer of usual size holds.
    pub fn long_line(&self) -> Line {
        vec![b'x'; self.number(70_000..=90_000) as usize]
    }

    fn any_case(&self, text: &str) -> String {
        text.chars()
            .map(|letter| match self.below(2) {
                0 => letter.to_ascii_lowercase(),
                _ => letter.to_ascii_uppercase(),
            })
            .collect()
    }

    // Hexadecimal digits

    /// The digits of these bytes, in small letters and capitals.
    pub fn any_case_hex(&self, bytes: &[u8]) -> Line {
        self.any_case(&hex(bytes)).into_bytes()
    }

    /// What is not the digits of so many bytes.
    pub fn broken_hex(&self, bytes: &[u8]) -> Vec<Line> {
        let digits = hex(bytes);
        let end = digits.len();
        // Any place, by what stands there in place of a digit; and the first digit of any byte.
        let put = |text: &str| {
            let place = self.below(end);
            format!("{}{text}{}", &digits[..place], &digits[place + 1..])
        };
        let put_before_byte = |text: &str| {
            let place = 2 * self.below(bytes.len());
            format!("{}{text}{}", &digits[..place], &digits[place + 1..])
        };
        let mut lines = Lines::new();
        for length in [end - 1, end - 2, end / 2, 2, 1, 0] {
            lines.add(&digits[..length]);
        }
        lines.add(&digits[1..]);
        for more in ["0", "00", " ", "\0", "\0x", &digits] {
            lines.add(format!("{digits}{more}"));
        }
        for before in ["0x", " "] {
            lines.add(format!("{before}{digits}"));
        }
        lines.add(format!("0x{}", &digits[2..]));
        lines.add(format!("{} {}", &digits[..2], &digits[2..]));
        for wrong in ["g", "G", " ", ".", ":", "é"] {
            lines.add(put(wrong));
        }
        for sign in ["+", "-"] {
            lines.add(put_before_byte(sign));
        }
        for last in [
            b"\0".as_slice(),
            b"\xff",
            "é".as_bytes(),
            "\u{661}".as_bytes(),
        ] {
            lines.add([&digits.as_bytes()[..end - 1], last].concat());
        }
        lines.0
    }
}

/// Lines in the making.
struct Lines(Vec<Line>);

impl Lines {
    fn new() -> Lines {
        Lines(Vec::new())
    }

    fn add(&mut self, line: impl Into<Line>) {
        self.0.push(line.into());
    }
}
