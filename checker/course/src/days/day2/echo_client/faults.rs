//! What a client does when a call does less than it was asked, though nothing is wrong.

use nix::errno::Errno;

use super::{client_that_waits, echo, line};
use harness::author::{Call, Checked, Diagnosis, FdKind, Lab, Rejection, Test};

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
        let second = line(lab);
        let (program, server) = client_that_waits(lab)?;
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
        let second = line(lab);
        // The call in which it sleeps has begun, and is spared.
        let (program, server) = client_that_waits(lab)?;
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

pub(super) const CANNOT_PRINT: Test = Test {
    name: "ends with status 1 when it cannot print a reply",
    points: 1,
    read: "Calls that do less than asked",
    proves: &[
        "Exit status 1, with the reason on standard error, in these cases:",
        "A reply cannot be printed, because standard output has no reader any more, or its disk is full.",
        "It then ends at once and does not read the rest of its input.",
        "A panic (exit status 101) and death by a signal are failures.",
    ],
    story: |lab| {
        lab.follow_calls();
        for errno in [Errno::ENOSPC, Errno::EPIPE] {
            ends_when_a_print_fails(lab, errno)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["ignores_a_failed_print"],
            hint: "The reply has come, and could not be printed: the disk of standard output is full. Your program \
                   goes on as if it had shown it. Look at what each write and flush returns, give the reason on \
                   standard error, and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_on_a_full_disk"],
            hint: "print! and unwrap panic when standard output cannot be written. Use write_all and flush on \
                   io::stdout(), and return their errors up to main: the reason on standard error, and status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_a_lost_reader_for_the_end"],
            hint: "The reply has come, and could not be printed: the reader of standard output has gone. For `yes` this is \
                   a good end; here the contract asks for status 1, and a reason on standard error.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["dies_with_its_reader"],
            hint: "A write to standard output whose reader has gone raises SIGPIPE, too: MSG_NOSIGNAL is for one send \
                   only. Ignore the signal (Rust does so before main), and handle EPIPE.",
        },
    ],
};

/// A terminal's client prints the first reply, and cannot print the second.
fn ends_when_a_print_fails(lab: &Lab, errno: Errno) -> Checked {
    let second = line(lab);
    let (program, server) = client_that_waits(lab)?;
    // Only one: a library that keeps the bytes offers them again at the end, and Python ends with 120 if it cannot.
    program
        .faults()
        .fail_next(Call::Write.on(FdKind::Stdout), errno)?;
    program.stdin().feed(&second);
    echo(&server, &second)?;
    // Its standard input stays open.
    program.expect_exit(1)?;
    program.stderr().expect_reason()
}
