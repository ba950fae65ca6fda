//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[Untested::Never {
    sentence: "Clients send nothing else.",
    because: "it tells about the clients",
}];
