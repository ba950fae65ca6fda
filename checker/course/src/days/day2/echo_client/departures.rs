//! Servers that say too much, or go away.

use super::{client_of_file, client_of_terminal, echo, expect_failure, line, word};
use harness::author::{Diagnosis, Rejection, Test};

const GOES_AWAY: &str = "When the server goes away";

pub(super) const MORE_THAN_SENT: Test = Test {
    name: "reports bytes that nobody sent, and does not print them",
    points: 1,
    read: "The end of the input",
    proves: &[
        "Exit status 1, with the reason on standard error, in these cases:",
        "More bytes come than were sent.",
        "These are not printed.",
        "It then ends at once and does not read the rest of its input.",
    ],
    story: |lab| {
        let line = line(lab);
        let (program, server) = client_of_file(lab, &line)?;
        echo(&server, &line)?;
        server.expect_end()?;
        // The server stays: the client knows enough without its end.
        server.send(word(lab))?;
        program.stdout().expect(&line)?;
        program.stdout().expect_end()?;
        expect_failure(&program)?;
        // And once more together with the reply.
        let (program, server) = client_of_file(lab, &line)?;
        server.expect(&line)?;
        server.send([line.as_str(), &word(lab)].concat())?;
        server.close();
        program.stdout().expect(&line)?;
        program.stdout().expect_end()?;
        expect_failure(&program)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["prints_all_until_the_end"],
            hint: "The server sends more than it was given. After the last reply only the end of file may come; \
                   anything else is a failure.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["waits_for_the_end_of_too_much"],
            hint: "More has come than was sent, and your program reads on to the server's end, as read_to_end and a loop \
                   that throws bytes away do. One read of one byte is enough: 0 is the end; after anything else, give \
                   the reason and end at once, with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["forgets_what_its_reader_holds"],
            hint: "The server has sent more than it was given, together with the last reply. A BufReader has taken it \
                   already: ask the same reader for the end of file, and not the socket behind it.",
        },
    ],
};

pub(super) const CUT_REPLY: Test = Test {
    name: "reports a server that ends in the middle of a reply",
    points: 1,
    read: GOES_AWAY,
    proves: &[
        "Exit status 1, with the reason on standard error, in these cases:",
        "The server ends or resets the connection before the reply is complete, or resets it at the end.",
        "It then ends at once and does not read the rest of its input.",
        "Of a reply that is wrong or cut short it may print what came or a part of it, but never a byte that did not \
         come.",
    ],
    story: |lab| {
        let line = line(lab);
        let (program, server) = client_of_terminal(lab, &line)?;
        server.expect(&line)?;
        let part = &line[..lab.random_number(1..=8) as usize];
        server.send(part)?;
        server.close();
        program.stdout().expect_part(part)?;
        expect_failure(&program)?;
        // And once more without any of it.
        let (program, server) = client_of_terminal(lab, &line)?;
        server.expect(&line)?;
        server.close();
        program.stdout().expect_end()?;
        expect_failure(&program)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["cut_reply_is_success", "no_reply_is_success"],
            hint: "read returns 0 while bytes are missing, some of the reply or all of it. That is status 1, not 0: \
                   the server's end is a success only after the last reply.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["takes_the_end_for_a_reply"],
            hint: "read has returned 0 while bytes of the reply are missing, and your program waits for its next \
                   line. The server has gone too early: give the reason, and end at once with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["reads_on_after_the_end"],
            hint: "read returns 0 again and again: the server has ended and nothing more will come. Report it and end.",
        },
    ],
};

pub(super) const RESET_IN_REPLY: Test = Test {
    name: "reports a reset while it waits for a reply",
    points: 1,
    read: GOES_AWAY,
    proves: &[
        "Exit status 1, with the reason on standard error, in these cases:",
        "The server ends or resets the connection before the reply is complete, or resets it at the end.",
        "It then ends at once and does not read the rest of its input.",
        "A panic (exit status 101) and death by a signal are failures.",
    ],
    story: |lab| {
        let line = line(lab);
        let (program, server) = client_of_terminal(lab, &line)?;
        server.expect(&line)?;
        server.reset()?;
        expect_failure(&program)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Panicked,
        mistakes: &["panics_at_reset"],
        hint: "A server that resets the connection is an ordinary event. Return the error of read up to main instead \
               of panicking.",
    }],
};

pub(super) const GONE: Test = Test {
    name: "reports a connection that is gone when it sends the next line",
    points: 1,
    read: GOES_AWAY,
    proves: &[
        "Exit status 1, with the reason on standard error, in these cases:",
        "The server ends or resets the connection before the reply is complete, or resets it at the end.",
        "A panic (exit status 101) and death by a signal are failures.",
    ],
    story: |lab| {
        let (line, next) = (line(lab), line(lab));
        let (program, server) = client_of_terminal(lab, &line)?;
        echo(&server, &line)?;
        program.stdout().expect(&line)?;
        // After both, already the first write fails with EPIPE.
        server.shutdown_write()?;
        server.reset()?;
        // A client which watches its connection may notice at once, and end.
        lab.settle()?;
        program.stdin().feed(&next);
        expect_failure(&program)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Killed,
        mistakes: &["dies_of_sigpipe"],
        hint: "A write to a connection that is gone raises SIGPIPE. Rust ignores it for you: leave it ignored, and \
               handle EPIPE (in C: ignore it, or use MSG_NOSIGNAL).",
    }],
};

pub(super) const RESET_AT_THE_END: Test = Test {
    name: "reports a reset where the server's end is due",
    points: 1,
    read: GOES_AWAY,
    proves: &[
        "Exit status 1, with the reason on standard error, in these cases:",
        "The server ends or resets the connection before the reply is complete, or resets it at the end.",
    ],
    story: |lab| {
        let line = line(lab);
        let (program, server) = client_of_file(lab, &line)?;
        echo(&server, &line)?;
        server.expect_end()?;
        server.reset()?;
        program.stdout().expect(&line)?;
        expect_failure(&program)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongStatus,
        mistakes: &["reset_is_end_of_file"],
        hint: "read has failed with ECONNRESET; only a return of 0 is the end of file. Do not turn errors into \
               success.",
    }],
};
