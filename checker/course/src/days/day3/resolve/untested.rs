//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::Never {
        sentence: "The list of getaddrinfo is given back with `freeaddrinfo`.",
        because: "it is memory of the program's own, which the kernel takes back at its end in any case",
    },
    Untested::Never {
        sentence: "Only with `EAI_SYSTEM` the reason is in `errno`.",
        because: "the C library says so in rare cases, which no test can bring about: when it cannot read a file of names, \
                  it says that the name is unknown, or that it may go better later",
    },
];
