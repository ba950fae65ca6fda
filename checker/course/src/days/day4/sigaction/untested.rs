//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[Untested::NotYet {
    sentence: "Exit status 1: a failure at run time (with the reason on standard error), such as a standard \
                   output that cannot be written.",
    missing: "the line `ready PID` and the answer to -t when they cannot be written",
}];
