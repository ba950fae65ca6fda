//! Its port, its sleep, and its arguments.

use super::{
    READ_DOES_NOT_READ, READ_ONE_TO_MANY, SAYS_ADDRESS_ONLY, SAYS_READY, SAYS_REASON,
    SAYS_STATUS_1, feed_and_expect, start, start_for,
};
use crate::promises::{addresses, arguments, numbers, servers};
use harness::author::{Diagnosis, Rejection, Socket, State, Test, Transport};

pub(super) const CLOSES_THE_DOOR: Test = Test {
    name: "listens no more when all its clients are there",
    points: 1,
    read: READ_ONE_TO_MANY,
    proves: &["After the last of them it listens no more."],
    story: |lab| {
        let (server, [first, second]) = start(lab)?;
        feed_and_expect(&server, &lab.random_bytes(30), &[&first, &second])?;
        let address = server.address();
        lab.step("see that it listens no more", || {
            let sockets = lab.sockets(Transport::Tcp)?;
            let listens =
                |socket: &Socket| socket.state == State::Listen && socket.local == address;
            match sockets.iter().any(listens) {
                false => Ok(()),
                true => lab.fail(
                    Diagnosis::LeftOpen,
                    format!("all clients are there, and {address} still listens"),
                ),
            }
        })
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::LeftOpen,
        mistakes: &["keeps_listening"],
        hint: "Your server accepts nobody any more, but its listening socket is still open: a client that comes now is \
               connected by the kernel, and waits for ever. Close the listening socket after the last accept.",
    }],
};

pub(super) const SLEEPS: Test = Test {
    name: "sleeps while it waits",
    points: 1,
    read: READ_DOES_NOT_READ,
    proves: &["It sleeps while it waits, without a time limit."],
    story: |lab| {
        lab.follow_calls();
        let server = start_for(lab, 2)?;
        servers::expect_patience(lab, &server)?;
        let first = server.connect()?;
        servers::expect_patience(lab, &server)?;
        let second = server.connect()?;
        servers::expect_patience(lab, &server)?;
        feed_and_expect(&server, &lab.random_bytes(30), &[&first, &second])?;
        servers::expect_patience(lab, &server)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["asks_for_input_again_and_again"],
            hint: "Your server asks again and again whether something has come. Only the connections should not block: \
                   let read of standard input sleep until there is something.",
        },
        Rejection {
            diagnosis: Diagnosis::TimeLimited,
            mistakes: &["looks_now_and_then"],
            hint: servers::NO_TIME_LIMIT,
        },
    ],
};

pub(super) const LISTENS_FIRST: Test = Test {
    name: "listens before it says so",
    points: 1,
    read: "From socket to accept",
    proves: &[SAYS_READY],
    story: |lab| {
        let server = servers::listens_before_it_says_so(lab, &["1"])?;
        let client = server.connect()?;
        feed_and_expect(&server, &lab.random_bytes(30), &[&client])
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
    proves: &["It can be started again on the same port at once."],
    story: |lab| {
        let (server, [client]) = start(lab)?;
        feed_and_expect(&server, &lab.random_bytes(30), &[&client])?;
        servers::stop(&server)?;
        client.expect_end()?;
        client.close();
        servers::wait_for_time_wait(lab, server.address())?;
        let again = lab
            .start(&[&server.address().to_string(), "1"])?
            .expect_announcement(server.address())?;
        again.expect_address(server.address())?;
        let client = again.connect()?;
        feed_and_expect(&again, &lab.random_bytes(30), &[&client])
    },
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
    read: "4.4 SIGPIPE, and clients that vanish",
    proves: &[
        SAYS_ADDRESS_ONLY,
        "`N` is a whole number from 1 to 100.",
        SAYS_STATUS_1,
        "Exit status 2: the arguments are not `ADDRESS:PORT` (digits, dots and a colon; no blank, no sign) and `N` \
         (digits only).",
        SAYS_REASON,
    ],
    story: |lab| {
        // N = 1 and N = 100 are taken.
        let (smallest, [_client]) = start(lab)?;
        let largest = start_for(lab, 100)?;
        lab.expect_refused_start(&[&largest.address().to_string(), "1"], 1)?;
        // An address, but not one of this machine.
        lab.expect_refused_start(&[&lab.unavailable_address().to_string(), "1"], 1)?;
        smallest.program().expect_alive()?;
        let right = lab.any_port().to_string();
        arguments::refuses(lab, &[""; 0])?;
        arguments::refuses(lab, &[&right])?;
        let wrong_addresses = addresses::near_misses().map(|address| [address, "1"]);
        arguments::refuses_each(lab, addresses::NO_ADDRESS, wrong_addresses)?;
        let wrong_counts = ["0", "+1", "-1", "101", "4294967297"];
        let wrong_pairs = numbers::NEAR_MISSES
            .into_iter()
            .chain(wrong_counts)
            .map(|count| [right.as_str(), count]);
        let what = "something in place of N that is no number from 1 to 100";
        arguments::refuses_each(lab, what, wrong_pairs)?;
        arguments::refuses(lab, &[&right, "1", "1"])?;
        arguments::refuses(lab, &["1", &right])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["mixes_up_its_statuses"],
            hint: "Wrong arguments, which do not parse, end with status 2. A failure at run time is status 1: socket, \
                   bind or listen says that your program cannot listen there.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["takes_any_number", "looks_names_up", "takes_more_arguments"],
            hint: "Your server runs with arguments that are wrong. Right are an IPv4 address with a port, as \
                   `parse::<SocketAddrV4>()` takes it (no name, no blank, no sign), and a number from 1 to 100 in \
                   digits only (`parse` alone takes +1), and nothing else. Say what is wrong, and end with status 2.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["refuses_a_hundred"],
            hint: "These arguments are right, and your server ends. N is from 1 to 100, and both ends belong to it \
                   (`1..=100`).",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_a_bad_argument"],
            hint: "People mistype. Match the result of parse instead of unwrapping it, print the usage on standard \
                   error, and end with status 2.",
        },
    ],
};
