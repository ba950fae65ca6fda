//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::NotYet {
        sentence: "`ADDRESS` is an IPv4 address.",
        missing: "another address than that of the test, which is 127.0.0.1 in a network of its own: a program that \
                  ignores ADDRESS passes",
    },
    Untested::NotYet {
        sentence: "It makes one TCP connection.",
        missing: "a second connection, to the same server or elsewhere",
    },
    Untested::NotYet {
        sentence: "The program ends when both directions have ended, with exit status 0.",
        missing: "a time limit of its own: a program that gives a server up that is silent for five seconds passes",
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
        sentence: "Exit status 2 for wrong arguments.",
        missing: "an IPv6 address, a blank at the address or the port, a sign before the port",
    },
    Untested::Never {
        sentence: "A hint for the way: begin with \"send everything, shut down, print everything\".",
        because: "advice",
    },
    Untested::Never {
        sentence: "That is enough for the first four hidden tests.",
        because: "it tells about the tests",
    },
    Untested::Never {
        sentence: "The later ones ask for both directions at once.",
        because: "it tells about the tests",
    },
];
