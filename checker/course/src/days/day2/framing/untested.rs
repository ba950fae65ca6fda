//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::Never {
        sentence: "For the payload `hello` that is `5 532`:",
        because: "an example: the tests draw their payloads",
    },
    Untested::NotYet {
        sentence: "The server is that of exercise 2.2 in all but what it says: it prints the one line `listening \
                   IP:PORT` when it is ready, serves one client after the other, and never ends by itself.",
        missing: "what exercise 2.2 promises besides: the restart on its port, room for 16 who wait, ECONNABORTED and \
                  EMFILE, a client who reads late",
    },
    Untested::NotYet {
        sentence: "A client may send any number of messages on one connection.",
        missing: "a time limit of its own: a server that gives a client up who is silent for five seconds passes",
    },
    Untested::NotYet {
        sentence: "A **bad frame** is a length over 65536, or a stream that ends *inside* a message: after one, two \
                   or three bytes of the length, or before the last byte of the payload.",
        missing: "an end after one or three bytes of the length",
    },
    Untested::NotYet {
        sentence: "A length is only what a stranger says: the server uses no more memory for it than the largest \
                   message needs.",
        missing: "memory of a few megabytes for a length that is refused: only an allocation of gigabytes fails",
    },
    Untested::NotYet {
        sentence: "That is no bad frame: the server says so on standard error, keeps nothing of it, and goes on.",
        missing: "memory that the server keeps for each client it has lost",
    },
    Untested::NotYet {
        sentence: "Exit status 2: wrong arguments, which are none, more than one, or one that is not `ADDRESS:PORT`.",
        missing: "an IPv6 address, a blank at the address or the port, a sign before the port",
    },
];
