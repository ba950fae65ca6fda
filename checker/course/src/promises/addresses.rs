//! The argument `ADDRESS:PORT`, and what looks like one.

use super::arguments::{refuses, refuses_each, spoiled};
use harness::author::{Checked, Lab};

/// No number among them has a zero too many: whether 08080 is a port, and 127.0.0.01 an address, no contract says.
const NEAR_MISSES: [&str; 25] = [
    // A part is missing.
    "",
    ":0",
    "127.0.0.1",
    "127.0.0.1:",
    // Ports that do not fit into 16 bits, or into 32. Cut to size, the first is 0, and so is the last.
    "127.0.0.1:65536",
    "127.0.0.1:70000",
    "127.0.0.1:4294967296",
    // What atoi and strtoul take, and int() of Python.
    "127.0.0.1:x",
    "127.0.0.1:0x",
    "127.0.0.1:0x1f90",
    "127.0.0.1:+0",
    "127.0.0.1:-1",
    "127.0.0.1: 0",
    "127.0.0.1:0 ",
    " 127.0.0.1:0",
    // What isdigit of Python takes: digits of another script, and what has no value as one.
    "127.0.0.1:\u{660}",
    "127.0.0.1:\u{b2}",
    // What inet_aton takes: fewer numbers, also a single one.
    "127.1:0",
    "2130706433:0",
    // What nobody takes but a parser of one's own.
    "127.0.0.256:0",
    "127.0.0.1.1:0",
    "[127.0.0.1]:0",
    // Other kinds of address, and a name.
    "[::1]:0",
    "::1:0",
    "localhost:0",
];

/// What they are, for a step.
pub(crate) const NO_ADDRESS: &str = "something in place of ADDRESS:PORT that is none";

/// The hint for a program that takes one of them.
pub(crate) const EXACTLY_AN_ADDRESS: &str = "Exactly one argument is right: an IPv4 address (four numbers and three \
                                             dots), a colon, and a port of 16 bits, digits only. \
                                             `parse::<SocketAddrV4>()` (or `SockaddrIn`; inet_pton in C) takes \
                                             nothing else: do not trim it. to_socket_addrs, getaddrinfo and \
                                             inet_aton take names or 127.1; `as u16` turns 70000 into 4464; \
                                             `parse::<u16>()` and to_socket_addrs take +0; atoi, strtoul and \
                                             `unwrap_or(0)` turn x and 0x50 into a port. Say what is wrong, and end \
                                             with status 2.";

/// Sees that a program which takes one `ADDRESS:PORT` refuses all else with exit status 2. `right` is one that it would
/// take.
pub(crate) fn refuses_all_else(lab: &Lab, right: &str) -> Checked {
    refuses(lab, &[""; 0])?;
    refuses_each(lab, NO_ADDRESS, near_misses().map(|argument| [argument]))?;
    refuses(lab, &[right, "more"])?;
    refuses(lab, &[right, ""])?;
    refuses(lab, &[spoiled(right)])
}

/// What no program of the course takes for an IPv4 address and a port.
pub(crate) fn near_misses() -> impl Iterator<Item = &'static str> {
    NEAR_MISSES.into_iter()
}
