//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::NotYet {
        sentence: "Its standard input may be a pipe, a file or a terminal.",
        missing: "a terminal",
    },
    Untested::NotYet {
        sentence: "An input that fails is not an input that ends, and the program then waits for the server no longer.",
        missing: "what the server sees then: a program that ends its stream as after a whole input passes",
    },
    Untested::NotYet {
        sentence: "The program then sends nothing more, but it still prints all that has come from the server.",
        missing: "a write to the connection after the one that has failed",
    },
    Untested::NotYet {
        sentence: "It has no time limit of its own: a server may think for hours.",
        missing: "the wait of one thread for another: a right program may look now and then whether that has ended, as \
                  join(1) of Python does in a loop, and such a wait looks like a time limit",
    },
    Untested::Never {
        sentence: "A hint for the way: begin with \"send everything, shut down, print everything\".",
        because: "advice",
    },
    Untested::Never {
        sentence: "That is enough for the first six hidden tests.",
        because: "it tells about the tests",
    },
    Untested::Never {
        sentence: "The later ones ask for both directions at once.",
        because: "it tells about the tests",
    },
];
