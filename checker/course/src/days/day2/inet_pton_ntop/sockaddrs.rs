//! The bytes of a socket address: a family, a port and an address.

use super::{
    answers::answers,
    between, oracle,
    texts::{Line, Texts},
};
use harness::author::{Checked, Diagnosis, Lab, Rejection, Test};

const THE_BYTES: &str = "The bytes of a socket address";

pub(super) const WRITES_IPV4: Test = Test {
    name: "writes the 16 bytes of a sockaddr_in",
    points: 1,
    read: THE_BYTES,
    proves: &[
        "| `sockaddr PORT` | an IPv4 or IPv6 address as text | the bytes of a `sockaddr_in` or `sockaddr_in6`, 32 or \
         56 digits |",
        "`sockaddr`: a text with a colon is IPv6, every other is IPv4.",
        "The family, a number of two bytes, is 2 (`AF_INET`) or 10 (`AF_INET6`) on Linux, in the order of your \
         machine; the port and the address are in network order.",
        "Everything else (`sin_zero`, flow information, scope id) is zero.",
        "`PORT` is a decimal number from 0 to 65535.",
    ],
    story: |lab| with_many_ports(lab, |texts| texts.ipv4_for_sockaddr()),
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["family_swapped", "port_in_host_order"],
            hint: "What travels in the packets is in network order: the port (to_be_bytes) and the address. Your own \
                   kernel reads the family, which never travels: host order, to_ne_bytes. Eight zero bytes follow.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["refuses_port_0"],
            hint: "Each PORT from 0 to 65535 is right. 0 is a number as well (for bind it means \"any free port\"), \
                   but atoi also returns it for a text without a number: look at the digits.",
        },
    ],
};

pub(super) const WRITES_IPV6: Test = Test {
    name: "writes the 28 bytes of a sockaddr_in6",
    points: 1,
    read: THE_BYTES,
    proves: &[
        "| `sockaddr PORT` | an IPv4 or IPv6 address as text | the bytes of a `sockaddr_in` or `sockaddr_in6`, 32 or \
         56 digits |",
        "`sockaddr`: a text with a colon is IPv6, every other is IPv4.",
        "The family, a number of two bytes, is 2 (`AF_INET`) or 10 (`AF_INET6`) on Linux, in the order of your \
         machine; the port and the address are in network order.",
        "Everything else (`sin_zero`, flow information, scope id) is zero.",
    ],
    story: |lab| {
        with_many_ports(lab, |texts| {
            // One of IPv4 stands behind one of IPv6, whose bytes are not its own.
            let mut lines = texts.ipv6_for_sockaddr();
            lines.extend(texts.ipv4_for_sockaddr());
            lines
        })
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &[
            "ipv6_in_sockaddr_in",
            "no_flowinfo",
            "gives_fe80_a_scope",
            "keeps_the_bytes_of_the_line_before",
        ],
        hint: "A sockaddr_in6 has 28 bytes (ipv6(7)): family, port, four bytes of flow information, then the address \
               from byte 8 on, and four bytes of scope id. These are zero for each \
               address, also for those of one link (fe80::/10), for which the kernel wants more. Begin each line with \
               a structure of zeros: the line before has left its bytes in the old one.",
    }],
};

pub(super) const SHOWS_IPV4: Test = Test {
    name: "shows a sockaddr_in as ADDRESS:PORT",
    points: 1,
    read: THE_BYTES,
    proves: &[
        "| `show` | the bytes of a `sockaddr_in` or `sockaddr_in6`, 32 or 56 digits | `IPV4:PORT` or `[IPV6]:PORT` |",
        "Padding, flow information and scope id are not looked at.",
    ],
    story: |lab| answers(lab, &["show"], &Texts::of(lab).sockaddr_ins(), oracle::show),
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["shows_host_port", "wants_zeros_behind"],
        hint: "Bytes 2 and 3 are the port, in network order: convert it before you print it in decimal (ntohs, \
               u16::from_be_bytes). The address begins at byte 4. The bytes from byte 8 on do not matter: padding \
               never makes a line `bad`.",
    }],
};

pub(super) const SHOWS_IPV6: Test = Test {
    name: "shows a sockaddr_in6 as [ADDRESS]:PORT",
    points: 1,
    read: THE_BYTES,
    proves: &[
        "| `show` | the bytes of a `sockaddr_in` or `sockaddr_in6`, 32 or 56 digits | `IPV4:PORT` or `[IPV6]:PORT` |",
        "Padding, flow information and scope id are not looked at.",
    ],
    story: |lab| {
        answers(
            lab,
            &["show"],
            &Texts::of(lab).sockaddr_in6s(),
            oracle::show,
        )
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["no_brackets", "shows_the_scope_of_fe80"],
        hint: "A colon alone does not separate an IPv6 address from a port: write [ADDRESS]:PORT (RFC 5952, 6). The \
               address begins at byte 8 of the structure. Its text is the same with each scope id: no %, as \
               getnameinfo puts behind an address of one link (fe80::/10).",
    }],
};

pub(super) const BELIEVES_THE_FAMILY: Test = Test {
    name: "believes the family of a socket address, not its length",
    points: 1,
    read: THE_BYTES,
    proves: &[
        "`show`: 16 bytes with the family `AF_INET`, or 28 bytes with the family `AF_INET6`; all others are \
               `bad`.",
    ],
    story: |lab| {
        let texts = Texts::of(lab);
        let lines = between(&texts.wrong_families(), || texts.any_sockaddr());
        answers(lab, &["show"], &lines, oracle::show)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["length_decides", "looks_at_one_byte_of_the_family"],
        hint: "The family, the first two bytes in the order of your machine, says what the others are. An AF_INET6 \
               in 16 bytes is `bad`, and so is every family but AF_INET and AF_INET6.",
    }],
};

fn with_many_ports(lab: &Lab, lines: impl Fn(&Texts) -> Vec<Line>) -> Checked {
    let texts = Texts::of(lab);
    for port in [texts.strong_port(), 80, 0, 256, 65535, texts.strong_port()] {
        let arguments = ["sockaddr", &port.to_string()];
        answers(lab, &arguments, &lines(&texts), |line| {
            oracle::sockaddr(port, line)
        })?;
    }
    Ok(())
}
