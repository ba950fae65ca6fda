//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::NotYet {
        sentence: "The answer goes to the sender of that datagram, and it comes from the address that was asked (with \
                   `ADDRESS` 0.0.0.0, from whichever the kernel chooses).",
        missing: "a server at 0.0.0.0",
    },
    Untested::NotYet {
        sentence: "A client does not come and go: it is an address in a datagram, and the server keeps nothing of it.",
        missing: "memory that the server keeps for each client or datagram",
    },
    Untested::NotYet {
        sentence: "While there is nothing to do, the server sleeps.",
        missing: "a time limit that wakes it: a poll of some seconds looks the same",
    },
    Untested::NotYet {
        sentence: "Port 65536 is a wrong argument, and so is all that is not an address and a port.",
        missing: "an IPv6 address, a blank at the address or the port, a sign before the port",
    },
];
