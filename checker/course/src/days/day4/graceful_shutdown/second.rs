//! The second signal.

use libc::{SIGINT, SIGTERM};

use super::{echo_some, visit};
use harness::author::{Diagnosis, Rejection, Test};

pub(super) const SECOND_SIGNAL: Test = Test {
    name: "closes all connections at a second signal",
    points: 2,
    read: "The second signal",
    proves: &[
        "A second `SIGTERM` or `SIGINT`, in the drain, closes all connections at once.",
        "The server ends with status 1, without the line `drained N`.",
        "Status 1: it cannot listen, cannot write `PIDFILE`, or got a second signal.",
        "The reason is on standard error.",
    ],
    story: |lab| {
        for [first, second] in [[SIGTERM, SIGTERM], [SIGINT, SIGTERM], [SIGTERM, SIGINT]] {
            let server = lab.start_server()?;
            let clients = [visit(lab, &server)?, visit(lab, &server)?];
            lab.settle()?;
            server.program().signals().send(first)?;
            lab.settle()?;
            clients
                .iter()
                .try_for_each(|client| echo_some(lab, client))?;
            server.program().signals().send(second)?;
            server.program().expect_exit(1)?;
            for client in &clients {
                client.expect_turned_away()?;
            }
            server.stdout().expect_end()?;
            server.stderr().expect_reason()?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &[
                "ignores_the_second_signal",
                "knows_one_flag_for_each_signal",
            ],
            hint: "A drain may last for hours, and a second SIGTERM or SIGINT asks to end it. Count the signals, both \
                   kinds together, and look at the count each time the server wakes up in the drain.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["goes_back_to_the_default"],
            hint: "The second signal kills the server: its handler has gone with the first one (SA_RESETHAND, or \
                   SIG_DFL set again). Keep the handler, close the connections, say why, and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::LeftOpen,
            mistakes: &["leaves_children_behind"],
            hint: "The server has ended, and its children still serve. End them, too: kill each of them before you \
                   leave. If they block SIGTERM, take SIGKILL.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["cuts_off_with_status_0"],
            hint: "Clients were cut off, and status 1 says so. Status 0 means that all went well, and 2 that the arguments \
                   are wrong.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["says_drained_at_the_second_signal"],
            hint: "`drained N` says that all clients were served to their end. At the second signal they were not: \
                   give the reason on standard error only.",
        },
    ],
};

pub(super) const TWO_KINDS: Test = Test {
    name: "takes SIGTERM and SIGINT that wait at the same time as two signals",
    points: 1,
    read: "The second signal",
    proves: &[
        "It never merges a `SIGTERM` with a `SIGINT`: they are two signals, also when both wait at the same time.",
        "A second `SIGTERM` or `SIGINT`, in the drain, closes all connections at once.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let client = visit(lab, &server)?;
        lab.settle()?;
        server.signals().freeze()?;
        for signal in [SIGTERM, SIGINT] {
            server.signals().send(signal)?;
        }
        server.signals().resume()?;
        server.program().expect_exit(1)?;
        client.expect_turned_away()?;
        server.stdout().expect_end()?;
        server.stderr().expect_reason()
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::StillRunning,
        mistakes: &["notes_that_signals_came_and_not_how_many"],
        hint: "SIGTERM and SIGINT were both pending, and your server takes them for one. Both handlers run before it goes \
               on, and one flag that both set, or one look at what a pipe holds, does not tell how many there were. Count \
               in the handler, or read each signal or byte that waits.",
    }],
};
