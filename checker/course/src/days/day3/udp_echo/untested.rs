//! The sentences of the contract that no test proves as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::NotYet {
        sentence: "Datagrams are answered in the order in which the socket hands them out, each by itself.",
        missing: "a thread for each datagram: the order of its answers is wrong by chance only, and nothing stops one \
                  thread of a process while the others run",
    },
    Untested::NotYet {
        sentence: "A client does not come and go: it is an address in a datagram, and the server keeps nothing of it.",
        missing: "a table with a few bytes for each client: so little more memory needs too many clients to be seen",
    },
    Untested::NotYet {
        sentence: "If an answer cannot be sent, whatever the reason, the server says so on standard error and goes on.",
        missing: "an answer that can never be sent, to one client of several: a server that offers it again and again \
                  keeps the others waiting",
    },
];
