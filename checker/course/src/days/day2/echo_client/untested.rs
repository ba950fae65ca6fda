//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::NotYet {
        sentence: "`ADDRESS` is an IPv4 address (names like `localhost` are wrong), `PORT` the port of the server.",
        missing: "another address than that of the test, which is 127.0.0.1 in a network of its own: a program that \
                  ignores ADDRESS passes",
    },
    Untested::NotYet {
        sentence: "Turn by turn: the client sends a whole line as soon as it has read it, waits until as many bytes \
                   have come back, and prints them.",
        missing: "a time limit of its own: a client that gives a server up that is silent for five seconds passes",
    },
    Untested::NotYet {
        sentence: "A write may take fewer bytes than it is given, on the connection and on standard output, and a \
                   signal may interrupt a call that can wait before it has done anything (`EINTR`).",
        missing: "a signal while the client waits in connect",
    },
    Untested::NotYet {
        sentence: "Exit status 2: wrong arguments.",
        missing: "an IPv6 address, a blank at the address or the port, a sign before the port",
    },
    Untested::Never {
        sentence: "While the client waits for input it need not notice that the server has gone: it is enough at the \
                   next line.",
        because: "it leaves to the program when it notices",
    },
    Untested::Never {
        sentence: "The client may send all of a line before it begins to read.",
        because: "it leaves this to the program: the servers of the tests read the whole line first",
    },
];
