//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[Untested::Never {
    sentence: "`FILE` has no byte 0, which no word can hold.",
    because: "it says what the tests leave out: a program may do with such a file what it likes",
}];
