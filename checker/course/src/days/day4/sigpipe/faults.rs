//! Calls that do less than they were asked, and calls that fail.

use nix::errno::Errno;

use super::{
    READ_THE_SIGNAL, READ_WHICH_ERROR, SAYS_AS_IF_NOTHING, SAYS_ERRNO, SAYS_LOST, SAYS_NO_PANIC,
    SAYS_OTHERS, SAYS_REASON, SAYS_STATUS_1, connect, expect_all_end, feed_and_expect, piece,
    start, start_for,
};
use harness::author::{
    Call, Checked, Connection, Diagnosis, Fault, FdKind, Lab, Launch, Rejection, Server, Sleep,
    Test,
};

pub(super) const OTHER_ERRORS: Test = Test {
    name: "loses a client at any other error of write, too",
    points: 1,
    read: READ_WHICH_ERROR,
    proves: &[SAYS_LOST, SAYS_ERRNO, SAYS_OTHERS],
    story: |lab| {
        lab.follow_calls();
        let (server, [first, second, third]) = start(lab)?;
        let mut clients = vec![(1, first), (2, second), (3, third)];
        for errno in [Errno::ETIMEDOUT, Errno::EHOSTUNREACH] {
            server.sleeps(Sleep::UntilSomethingComes)?;
            // Which client it hits is the program's choice: the one to which it writes first.
            server
                .faults()
                .fail_next(Call::Write.on(FdKind::Socket), errno)?;
            let piece = lab.random_bytes(50);
            server.program().stdin().feed(&piece);
            let lines: Vec<String> = clients
                .iter()
                .map(|(number, _)| format!("lost {number}: {errno:?}"))
                .collect();
            let lost = server.stdout().expect_one_of(&lines)?;
            clients.remove(lost);
            for (_, client) in &clients {
                client.expect(&piece)?;
            }
        }
        let [(_, client)] = clients.as_slice() else {
            unreachable!("two of three are lost");
        };
        feed_and_expect(&server, &lab.random_bytes(50), &[client])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["knows_three_errors"],
            hint: "A network has more errors than EPIPE and ECONNRESET: ETIMEDOUT when a machine is switched off, \
                   EHOSTUNREACH when a cable is cut. Each is the end of one client.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["calls_other_errors_epipe"],
            hint: "The name of the error is that of the errno of write, whichever it is. `{errno:?}` prints it for \
                   each Errno of nix; in C, strerrorname_np does.",
        },
    ],
};

pub(super) const INTERRUPTED: Test = Test {
    name: "makes a call again that a signal has interrupted",
    points: 1,
    read: READ_WHICH_ERROR,
    proves: &[
        "A signal may interrupt a call that waits: if it has done nothing yet, it fails with `EINTR`.",
        SAYS_AS_IF_NOTHING,
    ],
    story: |lab| {
        lab.follow_calls();
        let server = start_for(lab, 3)?;
        lab.settle()?;
        server.faults().interrupt_twice(Call::Accept)?;
        let [first, second, third] = connect(&server)?;
        let all = [&first, &second, &third];
        feed_and_expect(&server, &lab.random_bytes(40), &all)?;
        lab.settle()?;
        server.faults().interrupt_read_twice(FdKind::Stdin)?;
        // A call in which the server sleeps already is spared: the next ones are hit.
        let pieces = [lab.random_bytes(41), lab.random_bytes(42)];
        feed_and_expect(&server, &pieces[0], &all)?;
        feed_and_expect(&server, &pieces[1], &all)?;
        expect_all_end(lab, &server, 40 + 41 + 42, &all)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &[
            "ends_at_eintr_of_accept",
            "takes_eintr_for_the_end_of_input",
        ],
        hint: "EINTR says that a signal came before anything was done. Nothing has ended: make the same call again.",
    }],
};

pub(super) const CANNOT_PRINT: Test = Test {
    name: "ends with status 1 when it cannot print",
    points: 1,
    read: READ_THE_SIGNAL,
    proves: &[SAYS_STATUS_1, SAYS_REASON, SAYS_NO_PANIC],
    story: |lab| {
        lab.follow_calls();
        // The line about a lost client cannot be printed.
        let (server, [_first, second]) = start_and_break_stdout(lab)?;
        second.reset()?;
        // A server that has noticed the reset has ended by now, and does not read this.
        server.program().stdin().feed(lab.random_bytes(40));
        server.program().expect_exit(1)?;
        server.stderr().expect_reason()?;

        // The last line cannot be printed.
        let (server, [_client]) = start_and_break_stdout(lab)?;
        server.program().stdin().close();
        server.program().expect_exit(1)?;
        server.stderr().expect_reason()?;

        // The first line cannot be printed.
        let program = lab.launch(Launch {
            fault: Some((Call::Write, Fault::Errno(Errno::EPIPE as i32))),
            ..Launch::new([lab.any_port().to_string(), "1".to_owned()])
        })?;
        program.expect_exit(1)?;
        program.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["prints_with_println", "announces_with_println"],
            hint: "println! panics when nobody reads standard output any more (EPIPE). Use writeln!, look at what it \
                   returns, print the reason on standard error, and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["ignores_a_failed_print"],
            hint: "The line about a lost client is lost itself, because nobody reads standard output any more. Look at \
                   what write returns, print the reason on standard error, and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["ignores_that_its_last_line_fails"],
            hint: "The last line cannot be printed, because nobody reads standard output any more, but the exit status \
                   0 says that all is well. Look at what write returns, and end with status 1.",
        },
    ],
};

/// A server whose clients have got some input, and which sleeps. From now on it cannot print.
fn start_and_break_stdout<const N: usize>(lab: &Lab) -> Checked<(Server, [Connection; N])> {
    let (server, clients) = start(lab)?;
    feed_and_expect(&server, &piece(lab), &clients.each_ref())?;
    server.sleeps(Sleep::UntilSomethingComes)?;
    let print = Call::Write.on(FdKind::Stdout);
    server.faults().fail_each(print, Errno::EPIPE)?;
    Ok((server, clients))
}
