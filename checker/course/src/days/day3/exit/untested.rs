//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::Never {
        sentence: "A function does it which the parent has registered with atexit(3).",
        because: "only what it prints can be seen: a program that prints `bye` in another way, and once, passes",
    },
    Untested::Never {
        sentence: "The children may run at the same time, or one after the other.",
        because: "a freedom",
    },
];
