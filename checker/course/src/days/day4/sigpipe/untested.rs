//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::Never {
        sentence: "Clients send nothing else.",
        because: "it tells about the clients",
    },
    Untested::NotYet {
        sentence: super::SAYS_TAKES_A_PART,
        missing: "a write that takes a part because the buffers are full, and finds room with the next call: the server has \
                  to go on with the rest, and not from the start of the block",
    },
];
