//! Calls that do less than they were asked, and calls that fail.

use nix::errno::Errno;

use super::{
    ITS_NAME, LESS_THAN_ASKED, LOST, NAMES, NO_PANIC, OTHERS, SIGPIPE, connect, ends, start,
    start_for, tell,
};
use harness::author::{Call, Diagnosis, Fault, FdKind, Launch, Rejection, Sleep, Test};

const AS_IF_NOTHING: &str = "The server goes on as if nothing had happened.";

pub(super) const OTHER_ERRORS: Test = Test {
    name: "loses a client at any other error of write, too",
    points: 1,
    read: NAMES,
    proves: &[LOST, ITS_NAME, OTHERS],
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
        tell(&server, &lab.random_bytes(50), &[client])
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
    read: NAMES,
    proves: &[LESS_THAN_ASKED, AS_IF_NOTHING],
    story: |lab| {
        lab.follow_calls();
        let server = start_for(lab, 3)?;
        lab.settle()?;
        server.faults().interrupt_twice(Call::Accept)?;
        let [first, second, third] = connect(&server)?;
        let all = [&first, &second, &third];
        tell(&server, &lab.random_bytes(40), &all)?;
        lab.settle()?;
        server.faults().interrupt_read_twice(FdKind::Stdin)?;
        // A call in which the server sleeps already is spared: the next ones are hit.
        let pieces = [lab.random_bytes(41), lab.random_bytes(42)];
        tell(&server, &pieces[0], &all)?;
        tell(&server, &pieces[1], &all)?;
        ends(lab, &server, 40 + 41 + 42, &all)
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
    read: SIGPIPE,
    proves: &[
        "Exit status 1: it cannot listen, it cannot print, or no client is left.",
        "The reason is on standard error.",
        NO_PANIC,
    ],
    story: |lab| {
        lab.follow_calls();
        let (server, [first, second]) = start(lab)?;
        tell(&server, &lab.random_bytes(40), &[&first, &second])?;
        server.sleeps(Sleep::UntilSomethingComes)?;
        server
            .faults()
            .fail_each(Call::Write.on(FdKind::Stdout), Errno::EPIPE)?;
        second.reset()?;
        // One that has noticed the reset already has ended by now.
        server.program().stdin().feed(lab.random_bytes(40));
        server.program().expect_exit(1)?;
        server.stderr().expect_reason()?;

        let (server, [client]) = start(lab)?;
        tell(&server, &lab.random_bytes(40), &[&client])?;
        server.sleeps(Sleep::UntilSomethingComes)?;
        server
            .faults()
            .fail_each(Call::Write.on(FdKind::Stdout), Errno::EPIPE)?;
        server.program().stdin().close();
        server.program().expect_exit(1)?;
        server.stderr().expect_reason()?;

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
            hint: "The last line could not be printed, because nobody reads standard output any more, and the exit \
                   status 0 says that all is well. Look at what write returns, and end with status 1.",
        },
    ],
};
