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
        sentence: "The program then sends nothing more, but it still prints all that has come from the server.",
        missing: "a write to the connection after the one that has failed",
    },
    Untested::NotYet {
        sentence: "Exit status 2 for wrong arguments.",
        missing: "an IPv6 address, a port with a sign, a blank or leading zeros, and an address with blanks or \
                  leading zeros",
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
