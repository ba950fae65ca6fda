//! What the program says when getaddrinfo fails.

use super::{
    ERRORS,
    answers::{Words, fails_with, opens},
    machine::{self, Hosts, ipv4, name},
};
use harness::author::{Call, Checked, Diagnosis, Program, Rejection, Test};

const WORDS_OF_GAI_STRERROR: &str =
    "When getaddrinfo fails, the reason is told in the words of `gai_strerror`.";
const NOTHING_ON_STDOUT: &str = "Nothing but addresses and names goes to standard output.";
const STATUS_1: &str = "Exit status 1, with the reason on standard error: a name, a service or an address is unknown \
                        or cannot be looked up, or the output cannot be written.";

/// EAI_NONAME.
const UNKNOWN: Words = ["Name or service not known", "Name does not resolve"];
/// EAI_SERVICE.
const NO_SUCH_SERVICE: Words = [
    "Servname not supported for ai_socktype",
    "Unrecognized service",
];
/// EAI_AGAIN.
const TEMPORARY: Words = ["Temporary failure in name resolution", "Try again"];

pub(super) const UNKNOWN_NAME: Test = Test {
    name: "says that a name is unknown",
    points: 2,
    read: ERRORS,
    proves: &[
        STATUS_1,
        WORDS_OF_GAI_STRERROR,
        NOTHING_ON_STDOUT,
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let mut hosts = Hosts::default();
        hosts.add(&ipv4(lab), &[&name(lab)]);
        hosts.install(lab)?;
        fails_with(lab, &[&name(lab)], &UNKNOWN)?;
        fails_with(lab, &[&name(lab), "80"], &UNKNOWN)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "tells_errno",
                "has_words_of_its_own",
                "says_nothing_of_an_error",
            ],
            hint: "getaddrinfo returns its error, and does not set errno: perror and last_os_error tell of something \
                   else, often \"Success\". Give the number which it returns to gai_strerror, and print that on \
                   standard error.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["prints_its_error_on_standard_output"],
            hint: "An error belongs on standard error (eprintln!). Who reads your standard output takes each line for \
                   an address.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "takes_an_unknown_name_for_success",
                "exits_with_the_error_of_getaddrinfo",
            ],
            hint: "The name is unknown: end with status 1. The errors of getaddrinfo are negative numbers (-2), of \
                   which an exit status would keep 8 bits (254).",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_an_unknown_name"],
            hint: "An unknown name is an ordinary answer, and unwrap turns it into a panic. Return the error to main, \
                   print it on standard error, and end with status 1.",
        },
    ],
};

pub(super) const UNKNOWN_SERVICE: Test = Test {
    name: "says that a service is unknown",
    points: 1,
    read: ERRORS,
    proves: &[
        STATUS_1,
        WORDS_OF_GAI_STRERROR,
        NOTHING_ON_STDOUT,
        "`SERVICE` is the name of a TCP service, such as `http`, or the number of a port.",
    ],
    story: |lab| {
        let (host, address) = (name(lab), ipv4(lab));
        let mut hosts = Hosts::default();
        hosts.add(&address, &[&host]);
        hosts.install(lab)?;
        let service = format!("sv{}", lab.random_word(6).to_lowercase());
        fails_with(lab, &[&host, &service], &NO_SUCH_SERVICE)?;
        fails_with(lab, &[&address, &service], &NO_SUCH_SERVICE)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["calls_every_error_an_unknown_name"],
            hint: "Here the name is known, and the service is not. getaddrinfo returns another number for it, and \
                   gai_strerror has other words: print those of the number which you have got.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_an_unknown_service_for_port_0"],
            hint: "A service which nobody knows is an error, and not port 0: print what gai_strerror says, and end \
                   with status 1.",
        },
    ],
};

pub(super) const ASKS_ONCE: Test = Test {
    name: "asks once, and leaves it to its user to try again",
    points: 1,
    read: ERRORS,
    proves: &[
        "The program asks once.",
        "It does not try again, also if the error is a temporary one (`EAI_AGAIN`).",
    ],
    story: |lab| {
        lab.follow_calls();
        machine::ask_a_name_server_in_vain(lab)?;
        let program = lab.start(&[&name(lab)])?;
        lab.wait_until("it to end", Diagnosis::StillRunning, || {
            let has_ended = program.descriptors().list()?.is_empty();
            Ok(has_ended || second_look(&program)?.is_some())
        })?;
        let second = second_look(&program)?;
        lab.step(
            "see that it has looked into /etc/hosts once, and so has asked once",
            || {
                program
                    .calls()
                    .expect_none("getaddrinfo again", Call::Open, |call| {
                        Some(call.sequence) == second
                    })
            },
        )?;
        program.expect_exit(1)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::CallForbidden,
        mistakes: &[
            "asks_until_it_has_an_answer",
            "waits_and_asks_again",
            "tries_three_times",
        ],
        hint: "EAI_AGAIN says that it may go better later. getaddrinfo has already asked several times: a program that \
               asks again keeps its user waiting, and the name servers busy. Print the reason, end with status 1, and \
               leave it to your user to try again.",
    }],
};

/// The call with which the program looks into /etc/hosts again. The C library begins there, each time it is asked.
fn second_look(program: &Program) -> Checked<Option<u64>> {
    let mut calls = program.calls().records()?;
    calls.retain(|call| opens(call, "/etc/hosts"));
    Ok(calls.get(1).map(|call| call.sequence))
}

pub(super) const NO_NAME_SERVER: Test = Test {
    name: "says that no name server answers",
    points: 1,
    read: ERRORS,
    proves: &[STATUS_1, WORDS_OF_GAI_STRERROR],
    story: |lab| {
        machine::ask_a_name_server_in_vain(lab)?;
        fails_with(lab, &[&name(lab)], &TEMPORARY)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["takes_no_answer_for_an_unknown_name"],
        hint: "No name server has answered, so that nobody knows whether the name exists: that is EAI_AGAIN, and not \
               EAI_NONAME. Print what gai_strerror says of the number which you have got.",
    }],
};
