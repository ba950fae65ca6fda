//! What this server keeps as every server of the course does.

use super::{CHAPTER, converse, message, some_bytes, visit};
use crate::promises::servers;
use harness::author::{Checked, Diagnosis, Rejection, Test};

pub(super) const PATIENCE: Test = Test {
    name: "waits as long as it takes, also for the rest of a message",
    points: 1,
    read: CHAPTER,
    proves: &[
        "It has no time limit of its own, also in the middle of a message.",
        "A client may send any number of messages on one connection.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        servers::expect_patience(lab, &server)?;
        let client = server.connect()?;
        converse(lab, &client)?;
        servers::expect_patience(lab, &server)?;
        client.send(&message(&some_bytes(lab, 5..=12))[..6])?;
        servers::expect_patience(lab, &server)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimeLimited,
        mistakes: &["gives_up_a_silent_client", "gives_up_half_a_message"],
        hint: servers::NO_TIME_LIMIT,
    }],
};

pub(super) const LOST_CLIENT: Test = Test {
    name: "goes on when the next client has given up before accept",
    points: 1,
    read: CHAPTER,
    proves: &[servers::ERRORS_OF_ACCEPT],
    story: |lab| servers::outlives_clients_who_give_up(lab, converse),
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["ends_when_a_client_gives_up"],
        hint: servers::ONE_CLIENT_HAS_GONE,
    }],
};

pub(super) const NO_DESCRIPTOR: Test = Test {
    name: "waits while there is no descriptor for the next client",
    points: 1,
    read: CHAPTER,
    proves: &[servers::ERRORS_OF_ACCEPT, servers::SLEEPS_BETWEEN_ATTEMPTS],
    story: |lab| servers::waits_out_shortages(lab, converse),
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_without_descriptors"],
            hint: servers::SHORTAGES_PASS,
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["spins_without_descriptors"],
            hint: servers::PAUSE_IN_A_SHORTAGE,
        },
    ],
};

pub(super) const LISTENS_FIRST: Test = Test {
    name: "listens before it says so",
    points: 1,
    read: "From socket to accept",
    proves: &[
        "The server is that of exercise 2.2 in all but what it says: it prints the one line `listening IP:PORT` when \
         it is ready, serves one client after the other, and never ends by itself.",
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
    name: "can be started again on its port, and has room for 16 who wait",
    points: 1,
    read: CHAPTER,
    proves: &[
        "After it was stopped, it can be started again on the same port at once.",
        "There is room for at least 16 clients who wait.",
    ],
    story: |lab| {
        let server = servers::starts_again(lab, converse)?;
        let first = server.connect()?;
        converse(lab, &first)?;
        let waiting = lab.step("16 more clients connect", || {
            (0..16)
                .map(|_| server.connect())
                .collect::<Checked<Vec<_>>>()
        })?;
        first.close();
        lab.step("each of them, in turn, gets an answer, and closes", || {
            waiting.iter().try_for_each(|client| {
                converse(lab, client)?;
                client.close();
                Ok(())
            })
        })
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::CannotRestart,
            mistakes: &["forgets_reuseaddr"],
            hint: servers::REUSE_THE_ADDRESS,
        },
        Rejection {
            diagnosis: Diagnosis::NoAnswer,
            mistakes: &["short_queue"],
            hint: servers::LONG_QUEUE,
        },
    ],
};
