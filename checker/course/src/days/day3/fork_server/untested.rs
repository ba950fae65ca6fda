//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::NotYet {
        sentence: "`ADDRESS` is an IPv4 address.",
        missing: "another address than that of the test, which is 127.0.0.1 in a network of its own: a program that \
                  ignores ADDRESS passes",
    },
    Untested::NotYet {
        sentence: "The child sends back the bytes of the client, all of them and unchanged, until the client ends its \
                   sending side.",
        missing: "a time limit of its own: a child that gives its client up that is silent for five seconds passes",
    },
    Untested::NotYet {
        sentence: "The lines come in the order in which the children are collected.",
        missing: "children that end together: each test lets one end, and waits for its line",
    },
    Untested::NotYet {
        sentence: "It never ends by itself, except with status 1 if it cannot listen, can accept no more, or cannot \
                   print (with the reason on standard error).",
        missing: "an accept that fails for good, and lines that cannot be printed",
    },
    Untested::NotYet {
        sentence: "Status 2 means wrong arguments.",
        missing: "an IPv6 address, a blank at the address or the port, a sign before the port",
    },
    Untested::Never {
        sentence: "No test sends SIGTERM and expects a tidy end; how a program gets one is in chapter 4.1.",
        because: "it tells about the tests",
    },
];
