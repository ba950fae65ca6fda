//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::Never {
        sentence: "For the payload `hello` that is `5 532`:",
        because: "an example: the tests draw their payloads",
    },
    Untested::NotYet {
        sentence: "A length is only what a stranger says: the server uses no more memory for it than the largest \
                   message needs.",
        missing: "memory of a few megabytes for a length that is refused: only an allocation of gigabytes fails",
    },
];
