//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[Untested::NotYet {
    sentence: "The answer goes to the sender of that datagram, and it comes from the address that was asked (with \
                   `ADDRESS` 0.0.0.0, from whichever the kernel chooses).",
    missing: "a server at 0.0.0.0",
}];
