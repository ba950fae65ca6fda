//! What the server says when it cannot do what it is asked.

use std::ffi::OsStr;

use super::names::visit;
use crate::promises::{
    addresses,
    arguments::{self, spoiled},
    servers,
};
use harness::author::{Checked, Diagnosis, Lab, Launch, Rejection, Test};

pub(super) const CANNOT_LISTEN: Test = Test {
    name: "ends with status 1 when it cannot listen on one of its addresses",
    points: 2,
    read: "What bind refuses",
    proves: &[
        "Exit status 1: it cannot listen on one of its addresses, because another socket has the port or because the \
         address is not this machine's; it then announces none.",
        "The reason is on standard error.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        refuses(lab, &[&server.address().to_string()], 1)?;
        let nobodys = lab.unavailable_address().to_string();
        refuses(lab, &[&lab.any_port().to_string(), &nobodys], 1)?;
        visit(lab, &server)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &[
                "goes_on_with_the_rest",
                "takes_any_port_instead",
                "shares_the_port",
            ],
            hint: "bind says EADDRINUSE when another socket has this port, and EADDRNOTAVAIL when the address is not \
                   this machine's. The user expects clients at each address, so do not go on with fewer addresses, \
                   or with another port: print the reason, end with status 1. If bind has not failed: SO_REUSEPORT \
                   lets two servers share a port, and each gets a part of the clients. Leave it out.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_on_a_busy_port"],
            hint: "A port that is taken is an ordinary failure, and so is an address that is not this machine's. \
                   Print the reason and end with status 1 instead of unwrapping.",
        },
    ],
};

pub(super) const SILENT_UNTIL_READY: Test = Test {
    name: "announces nothing before all of its addresses are ready",
    points: 1,
    read: "Several listeners: poll",
    proves: &[
        "When all of them are ready for clients, the server prints one line for each, `listening IP:PORT`, in the \
         order of the arguments, with the port it really has.",
        "Exit status 1: it cannot listen on one of its addresses, because another socket has the port or because the \
         address is not this machine's; it then announces none.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let free = lab.any_port().to_string();
        let program = lab.start(&[&free, &server.address().to_string()])?;
        program.expect_exit(1)?;
        program.stdout().expect_end()
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ExtraOutput,
        mistakes: &["announces_one_by_one"],
        hint: "Your program has announced its first address, and ends because of the second: a client that has read \
               the line finds no server. Listen on all of them first, then print.",
    }],
};

pub(super) const LISTENS_FIRST: Test = Test {
    name: "listens on all of its addresses before it says so",
    points: 1,
    read: "From socket to accept",
    proves: &[
        "When all of them are ready for clients, the server prints one line for each, `listening IP:PORT`, in the \
         order of the arguments, with the port it really has.",
    ],
    story: |lab| {
        let wanted = lab.any_port();
        let address = wanted.to_string();
        let (program, listening) = servers::held_at_its_line(lab, &[&address, &address])?;
        for _ in 0..2 {
            let server = program.expect_announcement(wanted)?;
            servers::expect_listened(lab, &listening, server.address())?;
            visit(lab, &server)?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ListensElsewhere,
        mistakes: &["announces_before_listening"],
        hint: servers::LISTEN_FIRST,
    }],
};

pub(super) const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 2 after wrong arguments",
    points: 1,
    read: "When a call fails",
    proves: &[
        "There is at least one argument.",
        "Each is an IPv4 address and a port, `127.0.0.1:8080`, or an IPv6 address in brackets and a port, \
         `[::1]:8080`.",
        "Exit status 2: wrong arguments, which are none, or one that is not `ADDRESS:PORT`.",
        "Names like `localhost` are wrong.",
        "The reason is on standard error.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let free = lab.any_port().to_string();
        refuses(lab, &[""; 0], 2)?;
        refuses(lab, &["::1"], 2)?;
        // Some programs take an address of IPv4 in brackets.
        for argument in addresses::near_misses().filter(|&near| near != "[::1]:0") {
            refuses(lab, &[argument], 2)?;
        }
        refuses(lab, &[&free, "127.0.0.1:"], 2)?;
        refuses(lab, &[spoiled(&free)], 2)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["mixes_up_its_statuses"],
            hint: "Wrong arguments end with status 2, a failure at run time with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &[
                "needs_no_argument",
                "looks_names_up",
                "cuts_the_port",
                "splits_at_the_last_colon",
            ],
            hint: "There has to be an argument, and every argument has to be an IP address, and a port from 0 to 65535: `parse::<SocketAddr>()` takes \
                   nothing else. `to_socket_addrs` also takes names and 127.1, `as u16` turns 70000 into 4464, and a \
                   split at the last colon takes [127.0.0.1]:0, ::1:0 and a port +0.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_a_bad_address", "panics_on_bytes"],
            hint: arguments::NO_PANIC,
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["ends_without_a_word"],
            hint: "Print the reason on standard error before you end, with `eprintln!`: a status alone helps no one.",
        },
    ],
};

/// The program, started with these arguments, says why it cannot work, and ends with this status. Whether it announces
/// the first addresses before is a promise of its own.
fn refuses(lab: &Lab, arguments: &[impl AsRef<OsStr>], status: i32) -> Checked {
    let program = lab.launch(Launch::new(arguments))?;
    program.expect_exit(status)?;
    program.stderr().expect_reason()
}
