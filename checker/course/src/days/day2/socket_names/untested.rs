//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::NotYet {
        sentence: "The server listens on each of these addresses, and on no other.",
        missing: "a second listening socket beside the right ones",
    },
    Untested::NotYet {
        sentence: "The server says so on standard error, keeps nothing of it, and goes on.",
        missing: "memory that the server keeps for each client it has lost",
    },
    Untested::NotYet {
        sentence: "An error of `accept` that is about one client (`ECONNABORTED`), or that passes (`EMFILE`), does \
                   not end the server either.",
        missing: "ENFILE, ENOBUFS, ENOMEM and EPROTO, and two errors in a row",
    },
];
