//! What a client does when a call does less than it was asked, though nothing is wrong.

use super::{client_of_terminal, echo, line};
use harness::author::{Call, Diagnosis, FdKind, Rejection, Test};

pub(super) const SHORT_WRITES: Test = Test {
    name: "sends and prints all of a line, however little each write takes",
    points: 1,
    read: "A stream has no lines",
    proves: &[
        "A write may take fewer bytes than it is given, on the connection and on standard output, and a signal may \
         interrupt a call that can wait before it has done anything (`EINTR`).",
        "The client goes on as if nothing had happened.",
    ],
    story: |lab| {
        lab.follow_calls();
        let (first, second) = (line(lab), line(lab));
        let (program, server) = client_of_terminal(lab, &first)?;
        echo(&server, &first)?;
        program.stdout().expect(&first)?;
        program.stdin().wait_until_read()?;
        for kind in [FdKind::Socket, FdKind::Stdout] {
            let most = lab.random_number(1..=4);
            program.faults().shorten(Call::Write.on(kind), most)?;
        }
        program.stdin().feed(&second);
        echo(&server, &second)?;
        program.stdout().expect(&second)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Stuck,
        mistakes: &["writes_the_rest_once", "prints_with_one_write"],
        hint: "Here each write takes a few bytes only. It returns how many: offer the rest, and again the rest, until \
               none is left. That holds for the connection and for standard output.",
    }],
};

pub(super) const INTERRUPTED: Test = Test {
    name: "makes a call again that a signal has interrupted",
    points: 1,
    read: "Calls that do less than asked",
    proves: &[
        "A write may take fewer bytes than it is given, on the connection and on standard output, and a signal may \
         interrupt a call that can wait before it has done anything (`EINTR`).",
        "The client goes on as if nothing had happened.",
        "Exit status 0: all lines came back and the server ended the connection after them.",
    ],
    story: |lab| {
        lab.follow_calls();
        let (first, second) = (line(lab), line(lab));
        let (program, server) = client_of_terminal(lab, &first)?;
        echo(&server, &first)?;
        program.stdout().expect(&first)?;
        // The call in which it sleeps has begun, and is spared.
        program.stdin().wait_until_read()?;
        program
            .faults()
            .interrupt_twice(Call::Write.on(FdKind::Socket))?;
        program.faults().interrupt_read_twice(FdKind::Socket)?;
        program
            .faults()
            .interrupt_twice(Call::Write.on(FdKind::Stdout))?;
        program.faults().interrupt_read_twice(FdKind::Stdin)?;
        program.stdin().feed(&second);
        echo(&server, &second)?;
        program.stdout().expect(&second)?;
        program.stdin().wait_until_read()?;
        program.faults().interrupt_read_twice(FdKind::Socket)?;
        program.stdin().close();
        server.expect_end()?;
        program.expect_alive()?;
        server.close();
        program.expect_exit(0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &[
            "ends_at_eintr",
            "stops_printing_at_eintr",
            "stops_reading_at_eintr",
        ],
        hint: "EINTR is neither an error nor the end of anything: a signal came before a byte was moved. Make the \
               same call again: read or write, on the connection, on standard input or on standard output. \
               read_until, read_exact and write_all do it for you; read, write and fill_buf do not, nor do fgets and \
               fwrite in C.",
    }],
};
