//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::Never {
        sentence: "A command that you have not written yet may end with exit status 1.",
        because: "it leaves a way to a program that is not finished",
    },
    Untested::Never {
        sentence: "For the forgotten IPv4-compatible addresses, `::/96`, libraries do not agree: the C library prints \
                   `::192.168.0.1`, Rust `::c0a8:1`.",
        because: "it says what others do",
    },
    Untested::Never {
        sentence: "Print what you like; the tests do not ask.",
        because: "it leaves this to the program",
    },
    Untested::Never {
        sentence: "A carriage return before the newline may belong to the line, which is `bad` then, or to its end, as \
                   for Rust's `lines()`.",
        because: "it leaves this to the program",
    },
];
