//! Ports that another server has, or has had.

use super::{echo, visit};
use harness::author::{Diagnosis, Rejection, State, Test, Transport};

pub(super) const AGAIN: Test = Test {
    name: "can be started again on its port at once",
    points: 1,
    read: "Starting again on the same port",
    proves: &["After it was stopped, it can be started again on the same port at once."],
    story: |lab| {
        let server = lab.start_server()?;
        let client = server.connect()?;
        echo(lab, &client)?;
        server.program().kill()?;
        client.expect_end()?;
        client.close();
        lab.wait_until(
            "the connection to be in TIME_WAIT",
            Diagnosis::Stuck,
            || {
                let sockets = lab.sockets(Transport::Tcp)?;
                Ok(sockets.iter().any(|socket| {
                    socket.state == State::TimeWait && socket.local == server.address()
                }))
            },
        )?;
        let again = lab.start_server_on(server.address())?;
        if again.address() != server.address() {
            return lab.fail(
                Diagnosis::ListensElsewhere,
                format!(
                    "your program was asked for port {}, and listens on port {}",
                    server.address().port(),
                    again.address().port()
                ),
            );
        }
        visit(lab, &again)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::CannotRestart,
            mistakes: &["forgets_reuseaddr", "sets_reuseaddr_too_late"],
            hint: "The old connection is in TIME_WAIT and still holds the port. Set SO_REUSEADDR on the listening \
                   socket, and before bind: bind is the call that looks at it.",
        },
        Rejection {
            diagnosis: Diagnosis::ListensElsewhere,
            mistakes: &["ignores_the_port"],
            hint: "Bind the port from the argument, too. 0 means \"any free port\"; every other number means itself.",
        },
    ],
};

pub(super) const BESIDE_ANOTHER: Test = Test {
    name: "runs beside another server, and not on its port",
    points: 1,
    read: "Starting again on the same port",
    proves: &[
        "Exit status 1: it cannot listen, for example because another server listens there.",
        "The reason is on standard error.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let beside = lab.start_server()?;
        visit(lab, &beside)?;
        lab.expect_refused_start(&[&server.address().to_string()], 1)?;
        visit(lab, &server)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["insists_on_its_port"],
            hint: "Is the port a number in your program? Bind the one from the argument. 0 lets the kernel choose a \
                   free one, so that two servers can run side by side.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["shares_the_port"],
            hint: "Two servers cannot have one port, unless both set SO_REUSEPORT: set SO_REUSEADDR only. When bind \
                   or listen fails, print the reason and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_on_a_busy_port"],
            hint: "A port that is taken is an ordinary failure. Print the reason and end with status 1 instead of \
                   unwrapping.",
        },
    ],
};
