//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::Never {
        sentence: "It is up to you whether `+5` is a number.",
        because: "it leaves this to the program",
    },
    Untested::Never {
        sentence: "It is up to you whether the values before it are still printed.",
        because: "it leaves this to the program",
    },
    Untested::Never {
        sentence: "The program finds it out while it runs.",
        because: "all tests run on a machine of one byte order, where a constant gives the same line",
    },
    Untested::NotYet {
        sentence: "A read or a write may do less than it was asked, and a signal may interrupt it before it has done \
                   anything (`EINTR`).",
        missing: "a write of a line that a signal interrupts",
    },
];
