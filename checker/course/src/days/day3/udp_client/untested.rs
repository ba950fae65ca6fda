//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::NotYet {
        sentence: super::SAYS_WAITS_MS,
        missing: "that a try takes no longer than that, also a later one: a program that waits for twice as long \
                  looks like one on a machine that is busy with other things",
    },
    Untested::NotYet {
        sentence: super::SAYS_NEITHER,
        missing: "a socket that cannot be made or connected: nothing holds the program before these calls",
    },
    Untested::NotYet {
        sentence: super::SAYS_MADE_AGAIN,
        missing: "a write of the answer that a signal interrupts: stdio gives up then, and this program has no handler \
                  for a signal",
    },
];
