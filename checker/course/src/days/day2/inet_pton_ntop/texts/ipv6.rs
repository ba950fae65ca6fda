//! IPv6 addresses, as text and as bytes, and what is almost one.

use std::array;

use super::{Line, Lines, Texts};
use crate::days::day2::inet_pton_ntop::oracle::hex;

impl Texts<'_> {
    /// A group that is not zero, with more or fewer digits than it needs, in small letters and capitals.
    pub(super) fn group(&self) -> String {
        let width = 1 + self.below(4);
        self.any_case(&format!("{:0width$x}", self.group_value()))
    }

    pub(super) fn group_value(&self) -> u16 {
        let bits = self.one_of(&[4, 8, 12, 16]);
        self.number(1..=(1 << bits) - 1) as u16
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
        // As long as an address can be: 45 letters.
        let long = || {
            let groups: [u16; 6] = array::from_fn(|_| self.strong(0x1000..=0xffff));
            let numbers: [u64; 4] = array::from_fn(|_| self.number(100..=255));
            let groups = groups.map(|group| format!("{group:04x}")).join(":");
            format!(
                "{groups}:{}",
                numbers.map(|number| number.to_string()).join(".")
            )
        };
        lines.add(long());
        lines.add(long());
        lines.add("0000:0000:0000:0000:0000:ffff:255.255.255.255");
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
    pub(super) fn patterns(&self) -> Vec<[u8; 16]> {
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
            [0x2001, 0xdb8, 0, 0, 0, 0xffff, high, low],
        ] {
            lines.add(hex(&bytes_of_groups(almost)));
        }
        lines.add(hex(&self.mapped()));
        lines.0
    }
}

pub(super) fn bytes_of_groups(groups: [u16; 8]) -> [u8; 16] {
    array::from_fn(|i| groups[i / 2].to_be_bytes()[i % 2])
}

/// Whether glibc shows a quad in this address and Rust does not.
fn is_compatible(bytes: &[u8; 16]) -> bool {
    bytes[..12] == [0; 12] && bytes[12..14] != [0; 2]
}

fn is_mapped(bytes: &[u8; 16]) -> bool {
    bytes[..10] == [0; 10] && bytes[10..12] == [0xff; 2]
}
