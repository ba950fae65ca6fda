//! The bytes of socket addresses, and what is almost one.

use super::{Line, Lines, Texts, ipv6::bytes_of_groups};
use crate::days::day2::inet_pton_ntop::oracle::{hex, sockaddr_in_bytes, sockaddr_in6_bytes};

impl Texts<'_> {
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
        for behind in [" ", "\0", "\0x"] {
            lines.add(format!("{}{behind}", self.plain_quad()));
        }
        lines.add(self.plain_quad());
        lines.0
    }

    pub fn ipv6_for_sockaddr(&self) -> Vec<Line> {
        let mut lines = Lines::new();
        lines.add(self.full());
        lines.add(self.gapped(1 + self.below(3), 1 + self.below(3)));
        lines.add(format!("::ffff:{}", self.plain_quad()));
        lines.add(format!("64:ff9b::{}", self.plain_quad()));
        // Those for which the kernel would want a scope id, and getaddrinfo looks for one.
        for start in ["fe80", "ff02"] {
            lines.add(format!("{start}::{}", self.group()));
        }
        for text in [
            "::1",
            "::",
            "fe80::1%lo",
            "fe80::1%1",
            "::1\0",
            "::1%lo",
            "1::2::3",
            "::1 ",
            "[::1]",
        ] {
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
            if index % 8 == 5 {
                // Link-local addresses, behind which getnameinfo would show the scope.
                let start = [0xfe80, 0xff02][index / 8 % 2];
                let local = bytes_of_groups([start, 0, 0, 0, 0, 0, 0, self.group_value()]);
                lines.add(hex(&sockaddr_in6_bytes(
                    local,
                    port,
                    0,
                    self.number(1..=255) as u32,
                )));
            }
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
        for (bytes, own, other) in [
            (&ipv4, libc::AF_INET, libc::AF_INET6),
            (&ipv6, libc::AF_INET6, libc::AF_INET),
        ] {
            // The last one has the first byte of the right family.
            let near = [other as u16, own as u16 | 0x100];
            for family in others.into_iter().chain(near) {
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
}
