//! The sentences of the contract that no test proves, or not as a whole.

use harness::author::Untested;

pub(super) const SENTENCES: &[Untested] = &[
    Untested::Never {
        sentence: "`FILE` has no byte 0, which no word can hold.",
        because: "it says what the tests leave out: a program may do with such a file what it likes",
    },
    Untested::NotYet {
        sentence: "The first word is the program, which is searched for as execvp(3) does it.",
        missing: "a file that is neither a program nor begins with `#!`: execvp gives it to /bin/sh, and the execvp of \
                  Python, which makes the search itself, fails with ENOEXEC. Both pass",
    },
    Untested::NotYet {
        sentence: "When all have ended, the program prints `ok A failed B`: `A` commands ended with status 0, and `B` \
                   did not.",
        missing: "a child which the program has not made, because a shell has put it into a process with children: a \
                  program that waits for ECHILD waits for that one, too",
    },
    Untested::NotYet {
        sentence: "If `FILE` cannot be read, or standard output cannot be written, it ends with status 1, and with the \
                   reason on standard error.",
        missing: "a standard output that is open for reading only: `io::stdout` of Rust hides EBADF, and its lines are \
                  lost without an error",
    },
];
