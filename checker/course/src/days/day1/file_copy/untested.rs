//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::NotYet {
        sentence: "The input is any bytes and of any length.",
        missing: "an input of more than 300,000 bytes: a count that is kept in 32 bits shows after 2 GiB only, for which a \
                  right program that reads byte by byte would need too long",
    },
    Untested::NotYet {
        sentence: "A read or a write may do less than it was asked, and a signal may interrupt it before it has done \
                   anything (`EINTR`).",
        missing: "a write of the count that a signal interrupts",
    },
    Untested::Never {
        sentence: "What it has copied so far may stay in the file.",
        because: "it leaves to the program how much of the input is in the file",
    },
    Untested::Never {
        sentence: "Move the bytes with reads and writes of your own.",
        because: "advice on how to write the program; a test sees what it does",
    },
    Untested::Never {
        sentence: "`std::io::copy` would hide in one line all that there is to learn here.",
        because: "advice",
    },
];
