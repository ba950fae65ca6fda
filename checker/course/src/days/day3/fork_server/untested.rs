//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::NotYet {
        sentence: "The lines come in the order in which the children are collected.",
        missing: "children that end together: each test lets one end, and waits for its line",
    },
    Untested::Never {
        sentence: "No test sends SIGTERM and expects a tidy end; how a program gets one is in chapter 4.1.",
        because: "it tells about the tests",
    },
];
