//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::NotYet {
        sentence: "A try that has failed leaves nothing behind: its socket is closed before the next try.",
        missing: "that the socket is closed before the next try begins, and not one try later",
    },
    Untested::NotYet {
        sentence: "A signal that interrupts a call (`EINTR`) is not an outcome.",
        missing: "a signal in connect, which goes on then, and in nanosleep, which says then how much of its time is \
                  left: a call that fails without having been made does neither",
    },
    Untested::Never {
        sentence: "The hidden tests interrupt poll and its relatives.",
        because: "it tells about the tests",
    },
    Untested::NotYet {
        sentence: "Before each of these the program prints `again in MS ms`, and sleeps for so long.",
        missing: "that the pause is as long as the line says: one of 600 ms in the place of 600000 looks the same",
    },
    Untested::Never {
        sentence: "There is more than one way to limit a connect.",
        because: "advice",
    },
    Untested::Never {
        sentence: "The chapter shows a non-blocking one, and names others.",
        because: "it tells about the chapter",
    },
];
