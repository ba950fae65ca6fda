//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[Untested::NotYet {
    sentence: "The server says so on standard error, keeps nothing of it, and goes on.",
    missing: "memory that the server keeps for each client it has lost: only a server that is stopped while they leave \
              is sure to lose them",
}];
