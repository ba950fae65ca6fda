//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::Never {
        sentence: "A command that you have not written yet may end with exit status 1.",
        because: "it leaves a way to a program that is not finished",
    },
    Untested::NotYet {
        sentence: "A line may hold any bytes and be long; only the newline ends it.",
        missing: "a carriage return before the newline, which some readers of lines take away",
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
    Untested::NotYet {
        sentence: "`PORT` is a decimal number from 0 to 65535.",
        missing: "a sign +, a blank, and an empty text",
    },
];
