//! How it begins, and what cannot work.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
};

use super::visit;
use crate::promises::{addresses, arguments, servers};
use harness::author::{Diagnosis, Rejection, Test};

pub(super) const LISTENS_FIRST: Test = Test {
    name: "listens before it says so",
    points: 1,
    read: "From socket to accept",
    proves: &[
        "When it is ready for clients and for signals, the server prints exactly one line: `listening IP:PORT`, with \
         the port it really has, or `listening unix:PATH`.",
    ],
    story: |lab| {
        let server = servers::listens_before_it_says_so(lab, &[])?;
        visit(lab, &server).map(drop)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ListensElsewhere,
        mistakes: &["announces_before_listening"],
        hint: servers::LISTEN_FIRST,
    }],
};

pub(super) const CANNOT_LISTEN: Test = Test {
    name: "ends with status 1 when it cannot listen, or cannot write its pid file",
    points: 1,
    read: "The pid file",
    proves: &[
        "Status 1: it cannot listen, cannot write `PIDFILE`, or got a second signal.",
        "The reason is on standard error.",
        "A panic (exit status 101) is a failure, in a child too.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        lab.expect_refused_start(&[&server.address().to_string()], 1)?;
        lab.expect_refused_start(&[&lab.unavailable_address().to_string()], 1)?;
        let nowhere = format!("{}/pid", lab.random_word(8));
        lab.expect_refused_start(&["-p", &nowhere, &lab.any_port().to_string()], 1)?;
        // A path is any bytes but NUL.
        let strange = [nowhere.as_bytes(), b"\xff"].concat();
        let strange = OsStr::from_bytes(&strange);
        let free = OsString::from(lab.any_port().to_string());
        lab.expect_refused_start(&["-p".as_ref(), strange, free.as_os_str()], 1)?;
        let path = ["unix:".as_bytes(), strange.as_bytes()].concat();
        lab.expect_refused_start(&[OsStr::from_bytes(&path)], 1)?;
        visit(lab, &server).map(drop)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_without_its_pid_file"],
            hint: "The pid file cannot be written, because its folder is not there. Say so on standard error, and end \
                   with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["does_without_a_pid_file"],
            hint: "Your server goes on, although it could not write its pid file. Say why it cannot do what it was \
                   asked for, and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["wants_utf_8"],
            hint: "These arguments are right, and what they ask for cannot be done: that is status 1. A path may hold \
                   any bytes but NUL, also such as are no UTF-8: leave it an OsString.",
        },
    ],
};

pub(super) const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 2 when the arguments are wrong",
    points: 1,
    read: "When a call fails",
    proves: &[
        "Status 2: wrong arguments, which are all but those above (`ADDRESS:PORT` has digits, dots and a colon; no \
         blank, no sign).",
        "With `unix:PATH` it listens on a UNIX socket at `PATH`, which has 1 to 107 bytes.",
        "A panic (exit status 101) is a failure, in a child too.",
    ],
    story: |lab| {
        let right = lab.any_port().to_string();
        addresses::refuses_all_else(lab, &right)?;
        let pid_file = lab.random_word(8);
        let options = [
            vec!["-p"],
            vec!["-p", &pid_file],
            vec!["-x", &pid_file, &right],
            vec!["-p", &pid_file, &right, "more"],
            vec!["-p", &pid_file, "-p", &pid_file, &right],
            vec![&right, "-p", &pid_file],
        ];
        arguments::refuses_each(lab, "options that are wrong or in the wrong place", options)?;
        arguments::refuses(lab, &["unix:"])?;
        let too_long = format!("unix:{}", lab.random_word(108));
        arguments::refuses(lab, &[&too_long])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["mixes_up_its_statuses", "leaves_a_long_path_to_bind"],
            hint: "Wrong arguments end with status 2, a failure at run time with status 1. A path of 108 bytes or more \
                   never fits into sun_path: look at its length first.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &[
                "takes_a_sign",
                "takes_an_empty_path",
                "takes_its_option_anywhere",
                "takes_the_last_of_two_options",
            ],
            hint: "The last step above shows the arguments that your program takes, and they are wrong. An IPv4 \
                   address has four numbers and three dots, a port has digits only: `parse::<SocketAddrV4>()` takes \
                   nothing else, but `parse::<u16>()` takes +0. After `unix:` comes a path, and an empty one is no \
                   path: bind would choose a name of its own. `-p PIDFILE` stands before the address, once.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_without_an_argument"],
            hint: "Any argument can be missing or be nonsense. Look at what is there before you use it, print a usage \
                   line on standard error and exit with status 2.",
        },
    ],
};
