//! Ports that another server has, or has had.

use super::{echo, visit};
use crate::promises::servers;
use harness::author::{Diagnosis, Rejection, Test};

pub(super) const AGAIN: Test = Test {
    name: "can be started again on its port at once",
    points: 1,
    read: "Starting again on the same port",
    proves: &["After it was stopped, it can be started again on the same port at once."],
    story: |lab| servers::starts_again(lab, echo).map(drop),
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::CannotRestart,
            mistakes: &["forgets_reuseaddr", "sets_reuseaddr_too_late"],
            hint: servers::REUSE_THE_ADDRESS,
        },
        Rejection {
            diagnosis: Diagnosis::ListensElsewhere,
            mistakes: &["ignores_the_port"],
            hint: servers::BIND_THE_PORT,
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
            hint: "Is the port a constant in your program? Bind the one from the argument. 0 lets the kernel choose \
                   a free one, so that two servers can run side by side.",
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
