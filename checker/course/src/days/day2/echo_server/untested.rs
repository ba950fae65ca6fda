//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::NotYet {
        sentence: "It keeps nothing of those who have gone.",
        missing: "memory of less than some 48 KiB for each client: a program with a garbage collector keeps as much \
                  for a while, and is right",
    },
    Untested::NotYet {
        sentence: "While that lasts, the clients wait in the queue, and the server sleeps between its attempts, a second \
                   at most.",
        missing: "a pause that doubles each time: it is longer than a second only when a shortage has lasted for one or \
                  two",
    },
    Untested::Never {
        sentence: "A client who stays and says nothing holds up all the others.",
        because: "it says what follows from serving one client after the other, and allows it",
    },
    Untested::Never {
        sentence: "That is allowed here; exercise 3.7 does better.",
        because: "it allows what the sentence before says",
    },
];
