//! What the server says when it cannot do what it is asked.

use super::names::visit;
use harness::{
    exercise::{Mistake, Test},
    failure::{Checked, Diagnosis},
    lab::Lab,
};

pub(super) const CANNOT_LISTEN: Test = Test {
    name: "ends with status 1 when it cannot listen on one of its addresses",
    points: 2,
    read: "What bind refuses",
    mistakes: &[
        Mistake {
            program: "goes_on_with_the_rest",
            because: Diagnosis::StillRunning,
            hint: NOT_ITS_ADDRESS,
        },
        Mistake {
            program: "takes_any_port_instead",
            because: Diagnosis::StillRunning,
            hint: NOT_ITS_ADDRESS,
        },
        Mistake {
            program: "shares_the_port",
            because: Diagnosis::StillRunning,
            hint: NOT_ITS_ADDRESS,
        },
        Mistake {
            program: "panics_on_a_busy_port",
            because: Diagnosis::Panicked,
            hint: "A port that is taken is an ordinary failure, and so is an address that is not this machine's. Print \
                   the reason and end with status 1 instead of unwrapping.",
        },
    ],
    run: |lab| {
        let server = lab.start_server()?;
        refuses(lab, &[&server.address().to_string()], 1)?;
        let nobodys = lab.nobodys_address().to_string();
        refuses(lab, &[&lab.any_port().to_string(), &nobodys], 1)?;
        visit(lab, &server)
    },
};

const NOT_ITS_ADDRESS: &str = "bind has failed: with EADDRINUSE another socket has this port, with EADDRNOTAVAIL the \
                               address is not this machine's. Whoever asked for it waits there for clients, so do not go \
                               on with less, with another port, or with SO_REUSEPORT: print the reason, end with status \
                               1.";

pub(super) const SILENT_UNTIL_READY: Test = Test {
    name: "announces nothing before all of its addresses are ready",
    points: 1,
    read: "Several listeners: poll",
    mistakes: &[Mistake {
        program: "announces_one_by_one",
        because: Diagnosis::ExtraOutput,
        hint: "Your program has announced its first address, and ends because of the second: whoever read the line finds \
               nobody. Listen on all of them first, then print.",
    }],
    run: |lab| {
        let server = lab.start_server()?;
        let free = lab.any_port().to_string();
        let program = lab.start(&[&free, &server.address().to_string()])?;
        program.expect_exit(1)?;
        program.expect_stdout_end()
    },
};

pub(super) const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 2 after wrong arguments",
    points: 1,
    read: "2.5 The two names of a connection",
    mistakes: &[
        Mistake {
            program: "mixes_up_its_statuses",
            because: Diagnosis::WrongStatus,
            hint: "Wrong arguments end with status 2, a failure at run time with status 1.",
        },
        Mistake {
            program: "looks_names_up",
            because: Diagnosis::StillRunning,
            hint: NOTHING_ELSE,
        },
        Mistake {
            program: "cuts_the_port",
            because: Diagnosis::StillRunning,
            hint: NOTHING_ELSE,
        },
        Mistake {
            program: "splits_at_the_last_colon",
            because: Diagnosis::StillRunning,
            hint: NOTHING_ELSE,
        },
        Mistake {
            program: "panics_at_a_bad_address",
            because: Diagnosis::Panicked,
            hint: "People mistype. Match the result of parse instead of unwrapping it, print the usage on standard \
                   error, and end with status 2.",
        },
        Mistake {
            program: "ends_without_a_word",
            because: Diagnosis::WrongOutput,
            hint: "Print the reason on standard error before you end, with `eprintln!`: a status alone helps no one.",
        },
    ],
    run: |lab| {
        let free = lab.any_port().to_string();
        refuses(lab, &[], 2)?;
        refuses(lab, &["127.0.0.1"], 2)?;
        refuses(lab, &["127.0.0.1:70000"], 2)?;
        refuses(lab, &["127.1:0"], 2)?;
        refuses(lab, &["localhost:0"], 2)?;
        refuses(lab, &["[127.0.0.1]:0"], 2)?;
        refuses(lab, &["127.0.0.1:+0"], 2)?;
        refuses(lab, &["::1"], 2)?;
        refuses(lab, &["::1:0"], 2)?;
        refuses(lab, &[&free, "127.0.0.1:"], 2)
    },
};

const NOTHING_ELSE: &str = "Every argument has to be an IP address, and a port from 0 to 65535: `parse::<SocketAddr>()` \
                            takes nothing else. `to_socket_addrs` also takes names and 127.1, `as u16` makes 4464 of \
                            70000, and who splits at the last colon takes [127.0.0.1]:0, ::1:0 and a port +0.";

/// The program, started with these arguments, says why it cannot work, and ends with this status. Whether it announces
/// the first addresses before is a promise of its own.
fn refuses(lab: &Lab, arguments: &[&str], status: i32) -> Checked {
    let program = lab.start(arguments)?;
    program.expect_exit(status)?;
    program.expect_reason_on_stderr()
}
