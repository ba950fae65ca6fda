//! Its port, and its arguments.

use super::{ask, start_with_limit, visit};
use crate::promises::{
    addresses,
    arguments::{self, refuses, spoiled},
    servers,
};
use harness::author::{Diagnosis, Rejection, Test};

pub(super) const LISTENS_FIRST: Test = Test {
    name: "listens before it says so",
    points: 1,
    read: "From socket to accept",
    proves: &[
        "When it is ready for clients, the server prints exactly one line, `listening IP:PORT`, with the port it \
         really has.",
    ],
    story: |lab| {
        let server = servers::listens_before_it_says_so(lab, &[])?;
        visit(lab, &server)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ListensElsewhere,
        mistakes: &["announces_before_listening"],
        hint: servers::LISTEN_FIRST,
    }],
};

pub(super) const AGAIN: Test = Test {
    name: "can be started again on its port at once",
    points: 1,
    read: "Starting again on the same port",
    proves: &["After it was stopped, it can be started again on the same port at once."],
    story: |lab| servers::starts_again(lab, ask).map(drop),
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::CannotRestart,
            mistakes: &["forgets_reuseaddr"],
            hint: servers::REUSE_THE_ADDRESS,
        },
        Rejection {
            diagnosis: Diagnosis::ListensElsewhere,
            mistakes: &["ignores_the_port"],
            hint: servers::BIND_THE_PORT,
        },
    ],
};

pub(super) const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 1 where it cannot listen, and with 2 after wrong arguments",
    points: 1,
    read: "3.4 Closing without losing the answer",
    proves: &[
        "`ADDRESS` is an IPv4 address, and the server listens on this address only.",
        "`MS` is a whole number from 1 to 1000000; without `-t` it is 3000.",
        "Exit status 1: it cannot listen.",
        "Exit status 2: wrong arguments, which are all but `ADDRESS:PORT` (digits, dots and a colon; no blank, no \
         sign) and, before it, `-t MS`.",
        "The reason is on standard error.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        lab.expect_refused_start(&[&server.address().to_string()], 1)?;
        visit(lab, &server)?;
        // An address, but not one of this machine.
        lab.expect_refused_start(&[&lab.unavailable_address().to_string()], 1)?;
        for limit in [1, 1_000_000] {
            start_with_limit(lab, limit)?;
        }
        let right = lab.any_port().to_string();
        addresses::refuses_all_else(lab, &right)?;
        for limit in ["0", "1000001", "-5", "x", "5x", ""] {
            refuses(lab, &["-t", limit, &right])?;
        }
        refuses(lab, &["-t"])?;
        refuses(lab, &["-t", "5"])?;
        refuses(lab, &["-t", "5", &right, "more"])?;
        refuses(lab, &["-x", "5", &right])?;
        refuses(lab, &["-t".into(), spoiled("5"), right.into()])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["mixes_up_its_statuses"],
            hint: "Wrong arguments, which do not parse, end with status 2. A failure at run time is status 1: socket, \
                   bind or listen says that your program cannot listen there.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["allows_ten_minutes_at_most"],
            hint: "Your program refuses a number behind -t that is right: 1 and 1000000, and all between them, are.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["looks_names_up", "takes_any_option", "takes_no_time_at_all"],
            hint: "Your server runs with arguments that are wrong. Right are an IPv4 address with a port, as \
                   `parse::<SocketAddrV4>()` takes it (no name, no blank, no sign), and before it perhaps `-t` and a \
                   number from 1 to 1000000, nothing else. Say what is wrong, and end with status 2.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_a_bad_argument", "panics_on_bytes"],
            hint: arguments::NO_PANIC,
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["ends_without_a_word"],
            hint: "Print the reason on standard error before you end, with `eprintln!`: a status alone helps no one.",
        },
    ],
};
