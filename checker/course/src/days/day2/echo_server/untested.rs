//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::NotYet {
        sentence: "`ADDRESS` is an IPv4 address (names like `localhost` are wrong), and the server listens on this \
                   address only.",
        missing: "a second listening socket beside the right one, and clients who come from another loopback address",
    },
    Untested::NotYet {
        sentence: "It sends back the bytes of a client at once, all of them and unchanged, whatever they are and in \
                   whatever pieces they come.",
        missing: "a time limit of its own: a server that gives a client up who is silent for five seconds passes",
    },
    Untested::NotYet {
        sentence: "A client who does not read its echo makes the server wait, and nothing is lost.",
        missing: "a time limit after which the server gives such a client up",
    },
    Untested::NotYet {
        sentence: "The server says so on standard error, keeps nothing of it, and goes on.",
        missing: "memory that the server keeps for each client it has lost",
    },
    Untested::NotYet {
        sentence: "An error of `accept` that is about one client (`ECONNABORTED`), or that passes (`EMFILE`: no \
                   descriptor is free), does not end the server either.",
        missing: "ENFILE, ENOBUFS, ENOMEM and EPROTO, and two errors in a row",
    },
    Untested::NotYet {
        sentence: "The server never ends by itself.",
        missing: "an end after a time of its own: alarm, a time limit of poll",
    },
    Untested::NotYet {
        sentence: "Exit status 2: wrong arguments, which are none, more than one, or one that is not `ADDRESS:PORT`.",
        missing: "an IPv6 address, a blank at the address or the port, a sign before the port",
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
