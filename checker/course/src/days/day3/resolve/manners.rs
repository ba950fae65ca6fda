//! Arguments of all kinds, and an output that fails.

use nix::errno::Errno;

use super::{
    NAME_TO_LIST,
    answers::answers_bytes,
    machine::{Hosts, each_ipv4, ipv4, name},
};
use crate::promises::{
    arguments::{refuses, spoiled},
    output::{EXPECT_EPIPE, NO_END_BY_SIGPIPE},
};
use harness::author::{Call, Checked, Diagnosis, FdKind, Launch, Program, Rejection, Sleep, Test};

pub(super) const ANY_BYTES: Test = Test {
    name: "takes a name of any bytes",
    points: 1,
    read: NAME_TO_LIST,
    proves: &[
        "`NAME` may have any bytes; they are not always UTF-8.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let address = ipv4(lab);
        let bytes = [b"caf\xe9-", lab.random_word(6).to_lowercase().as_bytes()].concat();
        let mut hosts = Hosts::default();
        hosts.add_bytes(&address, &bytes);
        hosts.install(lab)?;
        answers_bytes(lab, &bytes, &[format!("{address} 0")])?;
        lab.expect_refused_start(&[address.clone().into(), spoiled("http")], 1)?;
        lab.expect_refused_start(&["-x".into(), spoiled(&address)], 1)?;
        refuses(lab, &[spoiled("-q"), address.into()])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &[
                "reads_its_arguments_as_text",
                "panics_at_a_service_of_bytes",
            ],
            hint: "env::args panics at an argument which is not UTF-8, and so does `to_str().unwrap()`. Use \
                   env::args_os: its OsStrings hold any bytes, and as_bytes (std::os::unix::ffi::OsStrExt) gives \
                   them to CString::new.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["asks_for_another_name"],
            hint: "to_string_lossy puts another character into the place of each byte which is not UTF-8, and so your \
                   program asks for another name. Give getaddrinfo the bytes as they are.",
        },
    ],
};

/// Chapter 1.2 tells it for the first time.
const CALLS_THAT_FAIL: &str = "When a call does less, or fails";

pub(super) const CANNOT_PRINT: Test = Test {
    name: "ends with status 1 when it cannot print",
    points: 1,
    read: CALLS_THAT_FAIL,
    proves: &[
        "Exit status 1, with the reason on standard error: a name, a service or an address is unknown or cannot be \
         looked up, or the output cannot be written.",
        "A panic (exit status 101) is a failure.",
        NO_END_BY_SIGPIPE,
    ],
    story: |lab| {
        lab.follow_calls();
        let name = name(lab);
        let addresses = each_ipv4(lab);
        let mut hosts = Hosts::default();
        for address in &addresses {
            hosts.add(address, &[&name]);
        }
        hosts.install(lab)?;
        let start = || -> Checked<Program> {
            let program = lab.launch(Launch {
                stdout_room: Some(0),
                ..Launch::new([&name])
            })?;
            program.sleeps(Sleep::Printing)?;
            Ok(program)
        };
        for errno in [Errno::ENOSPC, Errno::EPIPE] {
            // The first line waits for room and gets it; behind it the disk is full, or the reader has gone.
            let program = start()?;
            let failing = program
                .faults()
                .fail_each(Call::Write.on(FdKind::Stdout), errno)?;
            program.stdout().drain()?;
            program.wait_for_end()?;
            // Who prints all lines with one write has got them out in time.
            if failing.hits() == 0 {
                program.expect_exit(0)?;
                continue;
            }
            program.expect_exit(1)?;
            program.stderr().expect_reason()?;
        }
        // And the reader goes while the first write sleeps, which may be the only one.
        let program = start()?;
        program.stdout().close()?;
        program.expect_exit(1)?;
        program.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "ignores_a_failed_print",
                "prints_all_at_once_and_looks_away",
            ],
            hint: "The write to standard output has failed, but your program ends as if its lines were there. Look at \
                   the result of each print and each flush; if one fails, give the reason and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_it_cannot_print"],
            hint: "println! panics when it cannot print. Use writeln! with io::stdout(), and return its error up to \
                   main: the reason on standard error, and status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["dies_of_sigpipe"],
            hint: EXPECT_EPIPE,
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["says_nothing_of_a_failed_print"],
            hint: "The write to standard output has failed, but your program does not give the reason. Print the \
                   error on standard error before you end.",
        },
    ],
};

pub(super) const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 2 when the arguments are wrong",
    points: 1,
    read: NAME_TO_LIST,
    proves: &[
        "Exit status 2, with a usage line on standard error: too few arguments, too many, an unknown option, or a \
         `SERVICE` of digits only above 65535, which getaddrinfo would cut to 16 bits.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let wrong: &[&[&str]] = &[
            &[],
            &["-n"],
            &["-x"],
            &["192.0.2.1", "80", "more"],
            &["-n", "192.0.2.1", "80", "more"],
            &["-x", "192.0.2.1", "80"],
            &["-q", "192.0.2.1"],
            &["-q"],
        ];
        wrong
            .iter()
            .try_for_each(|arguments| lab.expect_refused_start(arguments, 2))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "ends_with_status_1_for_wrong_usage",
                "ignores_further_arguments",
                "takes_an_unknown_option_for_a_name",
            ],
            hint: "There are two forms: [-n] NAME [SERVICE], and -x IP. All else is wrong usage: print a usage line on \
                   standard error, and end with status 2.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_without_an_argument"],
            hint: "Any argument can be missing. Look at what is there before you use it, print a usage line on standard \
                   error and exit with status 2.",
        },
    ],
};
