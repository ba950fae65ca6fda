//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::NotYet {
        sentence: "Zeros may stand before N: `GET 007` is `GET 7`.",
        missing: "very many zeros: a right program may keep the digits in a buffer of its own, and call more of them a bad \
                  request",
    },
    Untested::NotYet {
        sentence: "`MS` is a whole number from 1 to 1000000; without `-t` it is 3000.",
        missing: "the time without -t: a test would have to wait for it",
    },
    Untested::NotYet {
        sentence: "So is a client whose line is not complete within MS milliseconds of `accept`.",
        missing: "an answer that comes somewhat later: a right program may be slow, so no test takes the time from \
                  above",
    },
    Untested::NotYet {
        sentence: "It ends MS milliseconds after its beginning at the latest, whatever comes meanwhile.",
        missing: "a drain that ends somewhat later, for the same reason",
    },
    Untested::Never {
        sentence: "One client after the other is enough.",
        because: "it allows to serve several at once, too",
    },
    Untested::Never {
        sentence: "How long it waits for a client who does not read is up to you.",
        because: "it allows everything",
    },
];
