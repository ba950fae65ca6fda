//! IPv4 addresses as text, and what is almost one.

use std::array;

use super::{Line, Lines, Texts};
use crate::days::day2::inet_pton_ntop::oracle::hex;

/// The numbers which are most often got wrong.
const EDGES: [u64; 13] = [0, 1, 9, 10, 15, 16, 99, 100, 199, 200, 249, 250, 255];

impl Texts<'_> {
    /// Four different numbers, each of which has two hexadecimal digits.
    pub(super) fn plain_numbers(&self) -> [u64; 4] {
        loop {
            let numbers: [u64; 4] = array::from_fn(|_| self.number(16..=255));
            if (1..4).all(|i| !numbers[..i].contains(&numbers[i])) {
                return numbers;
            }
        }
    }

    pub fn plain_quad(&self) -> String {
        self.plain_numbers()
            .map(|number| number.to_string())
            .join(".")
    }

    pub(super) fn any_quad(&self) -> String {
        self.bytes::<4>().map(|byte| byte.to_string()).join(".")
    }

    /// A plain quad with one of its numbers written otherwise.
    fn quad_with(&self, place: usize, change: impl FnOnce(u64) -> String) -> String {
        let numbers = self.plain_numbers();
        let mut texts = numbers.map(|number| number.to_string());
        texts[place] = change(numbers[place]);
        texts.join(".")
    }

    /// Bytes below 16, which have one hexadecimal digit of their own.
    pub fn small_quads(&self) -> Vec<Line> {
        let mut lines = Lines::new();
        for place in 0..4 {
            for number in [1, 15, 0, 9, 10] {
                lines.add(self.quad_with(place, |_| number.to_string()));
            }
        }
        for _ in 0..10 {
            let small: [u64; 4] = array::from_fn(|_| self.number(0..=15));
            lines.add(small.map(|number| number.to_string()).join("."));
        }
        lines.add("0.0.0.0");
        lines.0
    }

    /// Numbers at both ends of the range, and beyond.
    pub fn quads_at_the_limits(&self) -> Vec<Line> {
        let mut lines = Lines::new();
        for pattern in 0..16 {
            let number = |place: usize| {
                if pattern >> place & 1 == 1 {
                    "255"
                } else {
                    "0"
                }
            };
            lines.add([3, 2, 1, 0].map(number).join("."));
        }
        for place in 0..4 {
            for number in EDGES {
                lines.add(self.quad_with(place, |_| number.to_string()));
            }
        }
        for place in 0..4 {
            let byte = u128::from(self.number(0..=255));
            let too_big = [
                256,
                self.number(257..=299).into(),
                self.number(300..=999).into(),
                self.number(1000..=9999).into(),
                (1 << 16) + byte,
                (1 << 32) + byte,
                (1 << 64) + byte,
            ];
            for number in too_big {
                lines.add(self.quad_with(place, |_| number.to_string()));
            }
            let digit = self.number(1..=9).to_string();
            let length = 30 + self.below(370);
            lines.add(self.quad_with(place, |_| digit.repeat(length)));
        }
        lines.0
    }

    /// More numbers than four, or fewer, or none between two dots.
    pub fn quads_with_wrong_count(&self) -> Vec<Line> {
        let mut lines = Lines::new();
        for count in [1, 2, 3, 5, 8] {
            for _ in 0..2 {
                let numbers: Vec<String> = (0..count)
                    .map(|_| self.number(16..=255).to_string())
                    .collect();
                lines.add(numbers.join("."));
            }
        }
        let [a, b, c, d] = self.plain_numbers();
        lines.add(format!("{a}.{b}.{c}.{d}."));
        lines.add(format!(".{a}.{b}.{c}.{d}"));
        lines.add(format!("{a}..{b}.{c}"));
        lines.add(format!("{a}..{b}.{c}.{d}"));
        lines.add("...");
        lines.add(".");
        lines.0
    }

    pub fn quads_with_signs_and_zeros(&self) -> Vec<Line> {
        let mut lines = Lines::new();
        for place in 0..4 {
            lines.add(self.quad_with(place, |number| format!("+{number}")));
            lines.add(self.quad_with(place, |number| format!("-{number}")));
            lines.add(self.quad_with(place, |number| format!("0{number}")));
            lines.add(self.quad_with(place, |_| "00".to_owned()));
            lines.add(self.quad_with(place, |_| format!("0{}", self.number(1..=7))));
            lines.add(self.quad_with(place, |_| format!("0{}", self.number(10..=63))));
        }
        lines.0
    }

    /// Blanks, letters and other bytes around and inside.
    pub fn quads_with_junk(&self) -> Vec<Line> {
        let mut lines = Lines::new();
        for place in 0..4 {
            let letter = self.one_of(&["a", "b", "x", "y", "z", "_"]);
            lines.add(self.quad_with(place, |number| format!("{number}{letter}")));
            lines.add(self.quad_with(place, |number| format!("{number:#x}")));
            lines.add(self.quad_with(place, |number| format!("0X{number:X}")));
        }
        for blank in [" ", "\t", "\x0b", "\x0c"] {
            lines.add(format!("{blank}{}", self.plain_quad()));
            lines.add(format!("{}{blank}", self.plain_quad()));
            lines.add(self.quad_with(self.below(3), |number| format!("{number}{blank}")));
            lines.add(self.quad_with(1 + self.below(3), |number| format!("{blank}{number}")));
        }
        for behind in ["x", " x", "/24", ":80", "%lo", ",", "é", "\0", "\0x"] {
            lines.add(format!("{}{behind}", self.plain_quad()));
        }
        for zero in ['\u{660}', '\u{ff10}'] {
            lines.add(self.quad_with(self.below(4), |number| digits_from(zero, number)));
        }
        // A superscript two, in UTF-8 and in Latin-1: a digit for Python's isdigit, which int refuses.
        for two in ["\u{b2}".as_bytes(), b"\xb2"] {
            lines.add([self.quad_with(3, |_| "1".to_owned()).as_bytes(), two].concat());
        }
        lines.add(format!("\0{}", self.plain_quad()));
        lines.add([self.plain_quad().as_bytes(), b"\xff"].concat());
        lines.add([b"\x80", self.plain_quad().as_bytes()].concat());
        lines.add(self.plain_quad().replace('.', ","));
        lines.add(self.plain_quad().replacen('.', ":", 1));
        lines.add(format!("::ffff:{}", self.plain_quad()));
        for text in ["::", "::1", "localhost"] {
            lines.add(text);
        }
        lines.0
    }

    /// Four bytes for `ntop4`: of one, two and three digits in every mixture.
    pub fn four_bytes(&self) -> Vec<Line> {
        let mut lines = Lines::new();
        lines.add(hex(&self.plain_numbers().map(|number| number as u8)));
        for pattern in 0..16 {
            let bytes = [3, 2, 1, 0].map(|place| if pattern >> place & 1 == 1 { 255 } else { 0 });
            lines.add(hex(&bytes));
        }
        for _ in 0..40 {
            let bytes: [u8; 4] = array::from_fn(|_| match self.below(3) {
                0 => self.number(0..=9) as u8,
                1 => self.number(10..=99) as u8,
                _ => self.number(100..=255) as u8,
            });
            lines.add(hex(&bytes));
        }
        lines.0
    }
}

/// A number in the decimal digits of another script.
fn digits_from(zero: char, number: u64) -> String {
    number
        .to_string()
        .bytes()
        .filter_map(|digit| char::from_u32(u32::from(zero) + u32::from(digit - b'0')))
        .collect()
}
