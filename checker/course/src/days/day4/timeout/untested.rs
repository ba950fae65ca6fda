//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[Untested::NotYet {
    sentence: "If the program itself fails, for instance because fork fails, it ends with status 1, and with the \
                   reason on standard error.",
    missing: "a fork that fails",
}];
