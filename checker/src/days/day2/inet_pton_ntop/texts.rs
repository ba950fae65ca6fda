//! The lines that the tests ask about: addresses, and what is almost one.
//!
//! No line is made with `\r`, on which readers of lines differ. No bytes are shown which are an IPv4-compatible address
//! (`::192.168.0.1`), for which libraries differ.

use std::{array, ops::RangeInclusive};

use super::oracle::{hex, sockaddr_in_bytes, sockaddr_in6_bytes};

/// A line without its newline.
pub type Line = Vec<u8>;

/// Draws lines by chance.
pub struct Texts<'a> {
    draw: Box<dyn Fn(RangeInclusive<u64>) -> u64 + 'a>,
}

/// The numbers which are most often got wrong.
const EDGES: [u64; 13] = [0, 1, 9, 10, 15, 16, 99, 100, 199, 200, 249, 250, 255];

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

    // IPv4

    /// Four different numbers, each of which has two hexadecimal digits.
    fn plain_numbers(&self) -> [u64; 4] {
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

    fn any_quad(&self) -> String {
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

    // IPv6

    /// A group that is not zero, with more or fewer digits than it needs, in small letters and capitals.
    fn group(&self) -> String {
        let width = 1 + self.below(4);
        self.any_case(&format!("{:0width$x}", self.group_value()))
    }

    fn group_value(&self) -> u16 {
        let bits = self.one_of(&[4, 8, 12, 16]);
        self.number(1..=(1 << bits) - 1) as u16
    }

    fn any_case(&self, text: &str) -> String {
        text.chars()
            .map(|letter| match self.below(2) {
                0 => letter.to_ascii_lowercase(),
                _ => letter.to_ascii_uppercase(),
            })
            .collect()
    }

    /// So many groups with colons between them.
    fn groups(&self, count: usize) -> String {
        let groups: Vec<String> = (0..count).map(|_| self.group()).collect();
        groups.join(":")
    }

    pub fn full(&self) -> String {
        self.groups(8)
    }

    pub fn gapped(&self, head: usize, tail: usize) -> String {
        format!("{}::{}", self.groups(head), self.groups(tail))
    }

    fn gapped_with_quad(&self, head: usize, tail: usize) -> String {
        match tail {
            0 => format!("{}::{}", self.groups(head), self.any_quad()),
            _ => format!("{}:{}", self.gapped(head, tail), self.any_quad()),
        }
    }

    /// A full text with one of its groups written otherwise.
    fn full_with(&self, change: impl FnOnce(String) -> String) -> String {
        let mut groups: [String; 8] = array::from_fn(|_| self.group());
        let place = self.below(8);
        groups[place] = change(std::mem::take(&mut groups[place]));
        groups.join(":")
    }

    pub fn eight_groups(&self) -> Vec<Line> {
        let strong: [u16; 8] = array::from_fn(|_| self.strong(0x100..=0xffff));
        let mut lines = Lines::new();
        lines.add(strong.map(|group| format!("{group:04x}")).join(":"));
        // Every group has a letter.
        lines.add(
            strong
                .map(|group| format!("{:04X}", group | 0xa00a))
                .join(":"),
        );
        lines.add(["0"; 8].join(":"));
        lines.add(["ffff"; 8].join(":"));
        for _ in 0..20 {
            lines.add(self.full());
        }
        lines.0
    }

    /// Every place and length of the gap.
    pub fn gaps(&self) -> Vec<Line> {
        let mut lines = Lines::new();
        lines.add("::1");
        lines.add("::");
        for groups in 0..8 {
            for head in 0..=groups {
                lines.add(self.gapped(head, groups - head));
            }
        }
        lines.0
    }

    pub fn quads_at_the_end(&self) -> Vec<Line> {
        let mut lines = Lines::new();
        for start in ["::ffff:", "::FFFF:", "64:ff9b::", "::"] {
            lines.add(format!("{start}{}", self.any_quad()));
        }
        for _ in 0..4 {
            lines.add(format!("{}:{}", self.groups(6), self.any_quad()));
        }
        for groups in 0..6 {
            for head in 0..=groups {
                lines.add(self.gapped_with_quad(head, groups - head));
            }
        }
        lines.0
    }

    /// Colons where none may be, and groups too many or too few.
    pub fn misplaced_colons(&self) -> Vec<Line> {
        let mut lines = Lines::new();
        let groups = |count| self.groups(count);
        for _ in 0..2 {
            lines.add(format!("::{}::", groups(1)));
            lines.add(format!("{}::{}::{}", groups(1), groups(1), groups(2)));
            lines.add(format!("{}:::{}", groups(3), groups(2)));
            lines.add(format!(":::{}", groups(2)));
            lines.add(format!("{}:::", groups(2)));
            lines.add(format!("::{}", groups(8)));
            lines.add(format!("{}::", groups(8)));
            let head = 1 + self.below(6);
            lines.add(self.gapped(head, 8 - head));
            for count in [9, 7, 1] {
                lines.add(groups(count));
            }
            lines.add(format!("{}:", groups(7)));
            lines.add(format!(":{}", groups(7)));
            lines.add(format!("{}:", groups(8)));
            lines.add(format!(":{}", groups(8)));
            lines.add(format!(":{}::", groups(3)));
            lines.add(format!("{}:", self.gapped(3, 2)));
        }
        for text in [":::", "::::", ":", "", "1::2::3"] {
            lines.add(text);
        }
        lines.add(":".repeat(5000));
        lines.add(format!("{}:{}1", self.full(), "1:".repeat(3000)));
        lines.0
    }

    /// Groups which are not one to four hexadecimal digits, and quads which do not end an address.
    pub fn wrong_groups(&self) -> Vec<Line> {
        let mut lines = Lines::new();
        for _ in 0..2 {
            lines.add(self.full_with(|_| format!("0{:04x}", self.number(0..=0xffff))));
            lines.add(self.full_with(|_| format!("{:05x}", self.number(0x10000..=0xfffff))));
            lines.add(format!("::{:05}", self.number(0..=9)));
            lines.add(self.full_with(|_| format!("+{:x}", self.number(0..=0xfff))));
            lines.add(self.full_with(|_| format!("-{:x}", self.number(0..=0xfff))));
            lines.add(self.full_with(|_| "0x1".to_owned()));
            for wrong in [self.one_of(&["g", "G", "x", "z", "."]), "é"] {
                lines.add(self.full_with(|group| group[..group.len() - 1].to_owned() + wrong));
            }
            for behind in ["%", "/64", " ", "x", "\0", " :1"] {
                lines.add(format!("{}{behind}", self.gapped(2, 2)));
            }
            lines.add(format!(" {}", self.gapped(2, 2)));
            lines.add(format!("[{}]", self.gapped(2, 2)));
            lines.add(format!("[{}]:80", self.gapped(2, 2)));
            lines.add(format!("{}\0", self.full()));
            self.misplaced_quads(&mut lines);
        }
        for text in ["00000::", "+1::", "fe80::1%lo", "fe80::1%1", "::1\0"] {
            lines.add(text);
        }
        lines.add(b"::1\xff".as_slice());
        lines.add(format!("::{}1", "0".repeat(5000)));
        lines.0
    }

    fn misplaced_quads(&self, lines: &mut Lines) {
        let quad = self.plain_quad();
        let (three, _) = quad.rsplit_once('.').unwrap_or_default();
        lines.add(quad.as_str());
        lines.add(format!(":{quad}"));
        lines.add(format!("{quad}::"));
        lines.add(format!("{quad}::{}", self.groups(2)));
        lines.add(format!("::{quad}:{}", self.groups(1)));
        for count in [7, 5] {
            lines.add(format!("{}:{quad}", self.groups(count)));
        }
        lines.add(format!("::{}:{quad}", self.groups(6)));
        lines.add(format!("{}::{quad}", self.groups(6)));
        lines.add(format!("::ffff:{three}"));
        lines.add(format!("::ffff:{three}.256"));
        lines.add("::ffff:0x7f.0.0.1");
        for (before, behind) in [("", ".1"), ("", "."), ("", " "), ("0", ""), ("+", "")] {
            lines.add(format!("::ffff:{before}{quad}{behind}"));
        }
    }

    /// Addresses with one or two bytes put in, taken out or put over another. Some are still good.
    pub fn random_edits(&self) -> Vec<Line> {
        const BYTES: &[u8] = b"0123456789abcdefABCDEF::::::......%g +-x/\xe9";
        let mut lines = Lines::new();
        for _ in 0..150 {
            let mut text = match self.below(3) {
                0 => self.full(),
                1 => self.gapped(self.below(4), self.below(4)),
                _ => self.gapped_with_quad(2, 1),
            }
            .into_bytes();
            for _ in 0..self.one_of(&[1, 1, 2]) {
                let place = self.below(text.len() + 1);
                let byte = self.one_of(BYTES);
                match (self.below(3), place < text.len()) {
                    (0, _) => text.insert(place, byte),
                    (1, true) => drop(text.remove(place)),
                    (2, true) => text[place] = byte,
                    _ => (),
                }
            }
            lines.add(text);
        }
        lines.0
    }

    /// Every pattern of zero groups and others: all runs, at all places.
    fn patterns(&self) -> Vec<[u8; 16]> {
        (0..256)
            .map(|pattern| {
                let groups: [u16; 8] = array::from_fn(|place| match pattern >> place & 1 {
                    1 => 0,
                    _ => self.group_value(),
                });
                bytes_of_groups(groups)
            })
            .filter(|bytes| !is_compatible(bytes) && !is_mapped(bytes))
            .collect()
    }

    /// Sixteen bytes for `ntop6` without a run of zeros: groups of one to four digits, all with letters, then any.
    pub fn sixteen_bytes_without_zero_groups(&self) -> Vec<Line> {
        let strong = bytes_of_groups(array::from_fn(|_| self.strong(0x1000..=0xffff) | 0xa00a));
        let short = bytes_of_groups([0xa, 0xbc, 0xdef, 0xabcd, 1, 0x20, 0x300, 0x4000]);
        let mut lines = Lines::new();
        lines.add(hex(&strong));
        lines.add(hex(&short));
        for _ in 0..20 {
            let groups = array::from_fn(|_| self.group_value());
            lines.add(hex(&bytes_of_groups(groups)));
        }
        lines.0
    }

    /// Sixteen bytes for `ntop6`, none of which hold an IPv4 address.
    pub fn sixteen_bytes(&self) -> Vec<Line> {
        let strong = bytes_of_groups(array::from_fn(|_| self.strong(0x100..=0xffff)));
        let mut lines = Lines::new();
        lines.add(hex(&strong));
        for known in [
            [0x2001, 0xdb8, 0, 0, 1, 0, 0, 1],
            [0x2001, 0xdb8, 0, 1, 1, 1, 1, 1],
            [0x2001, 0xdb8, 0, 0, 0, 0xff00, 0x42, 0x8329],
            [0xfe80, 0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 0, 0, 1],
            [0; 8],
            [0xffff; 8],
        ] {
            lines.add(hex(&bytes_of_groups(known)));
        }
        for bytes in self.patterns() {
            lines.add(hex(&bytes));
        }
        for _ in 0..20 {
            lines.add(hex(&self.bytes::<16>()));
        }
        lines.0
    }

    pub fn mapped(&self) -> [u8; 16] {
        let [a, b, c, d] = self.bytes();
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
    }

    /// IPv4-mapped addresses for `ntop6`, and others which look like one.
    pub fn mapped_and_others(&self) -> Vec<Line> {
        let mut lines = Lines::new();
        for _ in 0..3 {
            lines.add(hex(&self.mapped()));
        }
        lines.add(hex(&bytes_of_groups([0, 0, 0, 0, 0, 0xffff, 0, 0])));
        let [high, low] = [(); 2].map(|()| self.group_value());
        for almost in [
            [0, 0, 0, 0, 0, 0xfffe, high, low],
            [0, 0, 0, 0, 1, 0xffff, high, low],
            [0, 0, 0, 0, 0xffff, 0, high, low],
            [0x64, 0xff9b, 0, 0, 0, 0, high, low],
        ] {
            lines.add(hex(&bytes_of_groups(almost)));
        }
        lines.add(hex(&self.mapped()));
        lines.0
    }

    // Socket addresses

    pub fn ipv4_for_sockaddr(&self) -> Vec<Line> {
        let mut lines = Lines::new();
        lines.add(self.plain_quad());
        for text in [
            "127.0.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "1.2.3",
            "localhost",
            "",
        ] {
            lines.add(text);
        }
        lines.add(format!("{} ", self.plain_quad()));
        lines.add(self.plain_quad());
        lines.0
    }

    pub fn ipv6_for_sockaddr(&self) -> Vec<Line> {
        let mut lines = Lines::new();
        lines.add(self.full());
        lines.add(self.gapped(1 + self.below(3), 1 + self.below(3)));
        lines.add(format!("::ffff:{}", self.plain_quad()));
        lines.add(format!("64:ff9b::{}", self.plain_quad()));
        for text in ["::1", "::", "::1%lo", "1::2::3", "::1 ", "[::1]"] {
            lines.add(text);
        }
        lines.add(self.plain_quad());
        lines.add(self.full());
        lines.0
    }

    /// `sockaddr_in`s for `show`; the last ones have bytes in their padding, which nobody looks at.
    pub fn sockaddr_ins(&self) -> Vec<Line> {
        let mut lines = Lines::new();
        for index in 0..30 {
            let padding = if index < 20 { [0; 8] } else { self.bytes() };
            let bytes = sockaddr_in_bytes(self.bytes(), self.port(index), padding);
            lines.add(hex(&bytes));
        }
        lines.0
    }

    /// `sockaddr_in6`s for `show`, some `sockaddr_in`s between them; the last ones have flow information and a scope id,
    /// which nobody looks at.
    pub fn sockaddr_in6s(&self) -> Vec<Line> {
        let patterns = self.patterns();
        let mut lines = Lines::new();
        for index in 0..40 {
            let address = match index % 4 {
                0 => self.one_of(&patterns),
                1 => bytes_of_groups(self.one_of(&[[0; 8], [0, 0, 0, 0, 0, 0, 0, 1]])),
                2 => self.mapped(),
                _ => self.bytes(),
            };
            let port = self.port(index);
            let word = || self.number(1..=u64::from(u32::MAX)) as u32;
            let (flow, scope) = if index < 30 { (0, 0) } else { (word(), word()) };
            lines.add(hex(&sockaddr_in6_bytes(address, port, flow, scope)));
            if index % 8 == 7 {
                lines.add(hex(&sockaddr_in_bytes(self.bytes(), port, [0; 8])));
            }
        }
        lines.0
    }

    pub fn sockaddr_in(&self) -> Vec<u8> {
        sockaddr_in_bytes(self.bytes(), self.strong_port(), [0; 8])
    }

    pub fn sockaddr_in6(&self) -> Vec<u8> {
        sockaddr_in6_bytes(self.bytes(), self.strong_port(), 0, 0)
    }

    /// One of the two for `show`.
    pub fn any_sockaddr(&self) -> Line {
        match self.below(2) {
            0 => hex(&self.sockaddr_in()).into(),
            _ => hex(&self.sockaddr_in6()).into(),
        }
    }

    /// Both structures with the family of the other, or with one that is neither.
    pub fn wrong_families(&self) -> Vec<Line> {
        let ipv4 = self.sockaddr_in();
        let ipv6 = self.sockaddr_in6();
        let others = [
            libc::AF_UNIX as u16,
            0,
            (libc::AF_INET as u16).swap_bytes(),
            (libc::AF_INET6 as u16).swap_bytes(),
            self.number(64..=511) as u16,
        ];
        let mut lines = Lines::new();
        for (bytes, wrong) in [(&ipv4, libc::AF_INET6), (&ipv6, libc::AF_INET)] {
            for family in others.into_iter().chain([wrong as u16]) {
                lines.add(hex(&[&family.to_ne_bytes(), &bytes[2..]].concat()));
            }
        }
        // A sockaddr_in6 that was cut off where a sockaddr_in ends.
        lines.add(hex(&ipv6[..16]));
        lines.0
    }

    /// Structures that are cut off, or too long.
    pub fn wrong_lengths(&self) -> Vec<Line> {
        let ipv4 = self.sockaddr_in();
        let ipv6 = self.sockaddr_in6();
        let mut lines = Lines::new();
        for length in [15, 8, 3, 2, 1] {
            lines.add(hex(&ipv4[..length]));
        }
        for length in [27, 24] {
            lines.add(hex(&ipv6[..length]));
        }
        for (bytes, more) in [(&ipv4, 1), (&ipv6, 1), (&ipv6, 100)] {
            lines.add(hex(&[bytes.as_slice(), &vec![0; more]].concat()));
        }
        lines.0
    }

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
        for more in ["0", "00", " ", &digits] {
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

/// A number in the decimal digits of another script.
fn digits_from(zero: char, number: u64) -> String {
    number
        .to_string()
        .bytes()
        .filter_map(|digit| char::from_u32(u32::from(zero) + u32::from(digit - b'0')))
        .collect()
}

fn bytes_of_groups(groups: [u16; 8]) -> [u8; 16] {
    array::from_fn(|i| groups[i / 2].to_be_bytes()[i % 2])
}

/// Whether glibc shows a quad in this address and Rust does not.
fn is_compatible(bytes: &[u8; 16]) -> bool {
    bytes[..12] == [0; 12] && bytes[12..14] != [0; 2]
}

fn is_mapped(bytes: &[u8; 16]) -> bool {
    bytes[..10] == [0; 10] && bytes[10..12] == [0xff; 2]
}
