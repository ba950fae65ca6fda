//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::NotYet {
        sentence: "A write may take fewer bytes than it is given, on the connection and on standard output, and a \
                   signal may interrupt a call that can wait before it has done anything (`EINTR`).",
        missing: "a signal while the client waits in connect: the connect goes on, which a call that fails without \
                  having been made does not",
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
