//! What the server and its children say, and how they end.

use nix::errno::Errno;

use super::{
    ADDRESS_ONLY, NEVER_ENDS, Visit, echo_some, leave, reports::expect_lost_client, visit,
};
use crate::promises::{addresses, arguments, servers};
use harness::author::{Call, Diagnosis, FdKind, Rejection, Sleep, Test, Transport};

pub(super) const REASON_OF_A_LOST_CLIENT: Test = Test {
    name: "says why a client was lost",
    points: 1,
    read: "The child must end",
    proves: &[
        "The child ends with status 0 if it has served its client to the end, and with 1 (and the reason on standard \
         error) if the client was lost, for instance by a reset.",
        "Results go to standard output, everything else to standard error.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let Visit { client, child } = visit(lab, &server)?;
        client.reset()?;
        expect_lost_client(lab, &server, &child)?;
        server.stderr().expect_reason()
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["loses_its_client_in_silence"],
        hint: "The child ends with status 1, but does not say why. Print the error on standard error before it ends.",
    }],
};

pub(super) const LOST_WHILE_IT_SENDS: Test = Test {
    name: "tells that a client was lost before its echo",
    points: 2,
    read: "SIGPIPE, three orders of events",
    proves: &[
        "The child ends with status 0 if it has served its client to the end, and with 1 (and the reason on standard \
         error) if the client was lost, for instance by a reset.",
        "It prints one line for each: `child PID exited STATUS` if the child ended by itself, `child PID killed \
         SIGNAL` if a signal has killed it.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let Visit { client, child } = visit(lab, &server)?;
        let address = client.local_address();
        child.signal(libc::SIGSTOP)?;
        server.stdout().expect_quiet()?;
        // A server that looks for children at each client does so now.
        let _other = visit(lab, &server)?;
        server.stdout().expect_quiet()?;
        client.send_without_reading(lab.random_bytes(20_000))?;
        // The end of the client's stream comes before the reset: then write fails with EPIPE.
        client.shutdown_write()?;
        client.reset()?;
        lab.wait_until("the reset to arrive", Diagnosis::LeftOpen, || {
            let sockets = lab.sockets(Transport::Tcp)?;
            Ok(sockets.iter().all(|socket| socket.peer != address))
        })?;
        child.signal(libc::SIGCONT)?;
        expect_lost_client(lab, &server, &child)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["child_ignores_write_errors"],
            hint: "write has failed in the child: this client does not get its bytes. The error comes only once: \
                   then read returns 0, as if all were well. Look at what write returns, and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["child_dies_of_sigpipe"],
            hint: "Signal 13 is SIGPIPE: the child has written to a connection that is gone, and the default is to \
                   kill. Leave it ignored, as Rust's runtime sets it, and let the child end with status 1 at the \
                   error of write.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["asks_for_stopped_children", "reports_stopped_children"],
            hint: "A stopped child has not ended: it goes on at SIGCONT. Call waitpid without WUNTRACED. Then it \
                   reports only children that have ended.",
        },
    ],
};

pub(super) const REAL_TIME_SIGNAL: Test = Test {
    name: "tells the number of a signal that has no name",
    points: 1,
    read: "Zombies, and how to collect them",
    proves: &["`SIGNAL` is the number, for instance 9; a real-time signal has no other name."],
    story: |lab| {
        let server = lab.start_server()?;
        let Visit { child, .. } = visit(lab, &server)?;
        let signal = libc::SIGRTMIN() + lab.random_number(1..=9) as i32;
        child.signal(signal)?;
        server
            .stdout()
            .expect_line(format!("child {} killed {signal}", child.own_pid()))
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Stuck,
        mistakes: &["knows_no_realtime_signals"],
        hint: "A real-time signal has killed the child. nix has no name for it: its waitpid has collected the child, \
               and returns EINVAL. Call libc::waitpid, and ask WIFEXITED, WEXITSTATUS and WTERMSIG.",
    }],
};

pub(super) const CHILD_INTERRUPTED: Test = Test {
    name: "serves a client on when a signal comes to its child",
    points: 1,
    read: "Zombies, and how to collect them",
    proves: &[
        "A call may do less than it is asked for: `write` may take fewer bytes than it is given, and a call in which \
         the server sleeps may end early (`EINTR`), because a child has ended.",
        "Neither is a failure.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let Visit { client, child } = visit(lab, &server)?;
        child.wait_until_ended_or_asleep()?;
        // Where the server has a handler for this signal, the child has it, too.
        child.signal(libc::SIGCHLD)?;
        lab.settle()?;
        echo_some(lab, &client)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ClosedEarly,
        mistakes: &["child_gives_up_at_eintr"],
        hint: "A signal has come to the child, which has your handler of SIGCHLD, and read has failed with EINTR: it was \
               interrupted before a byte came. The client is still there: make the call again.",
    }],
};

pub(super) const WHOLE_LINES: Test = Test {
    name: "prints whole lines, however few bytes a write takes",
    points: 1,
    read: "Bytes, not messages",
    proves: &[
        "A call may do less than it is asked for: `write` may take fewer bytes than it is given, and a call in which \
         the server sleeps may end early (`EINTR`), because a child has ended.",
        "Neither is a failure.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let Visit { client, child } = visit(lab, &server)?;
        server.sleeps(Sleep::NotForAChild)?;
        server
            .faults()
            .shorten(Call::Write.on(FdKind::Stdout), lab.random_number(1..=5))?;
        leave(lab, &client)?;
        server
            .stdout()
            .expect_line(format!("child {} exited 0", child.own_pid()))
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Stuck,
        mistakes: &["prints_with_a_single_write"],
        hint: "The write to standard output has taken fewer bytes than it was given, and the rest of the line is \
               missing. Offer the rest again, until all of it is taken: write_all does it for you.",
    }],
};

pub(super) const PATIENCE: Test = Test {
    name: "waits for a client as long as it takes",
    points: 1,
    read: "fork: one call, two returns",
    proves: &["A child has no time limit of its own: its client may be silent for hours."],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let Visit { client, child } = visit(lab, &server)?;
        lab.settle()?;
        child.sleeps_without_time_limit()?;
        echo_some(lab, &client)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimeLimited,
        mistakes: &["child_gives_up_a_silent_client"],
        hint: servers::NO_TIME_LIMIT,
    }],
};

pub(super) const CANNOT_PRINT: Test = Test {
    name: "ends with status 1 when it cannot print",
    points: 1,
    read: "Zombies, and how to collect them",
    proves: &[
        NEVER_ENDS,
        "A panic (exit status 101) is a failure, in a child too.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let Visit { client, .. } = visit(lab, &server)?;
        server.sleeps(Sleep::NotForAChild)?;
        server
            .faults()
            .fail_each(Call::Write.on(FdKind::Stdout), Errno::ENOSPC)?;
        client.shutdown_write()?;
        server.program().expect_exit(1)?;
        server.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["prints_with_println"],
            hint: "println! panics when standard output takes nothing any more: here its disk is full. Use writeln!, \
                   look at what it returns, print the reason on standard error, and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["ignores_a_failed_print"],
            hint: "The line about a child is lost because standard output takes nothing more, but your program does \
                   not report it. Look at what write returns, print the reason on standard error, and end with \
                   status 1.",
        },
    ],
};

pub(super) const CANNOT_ACCEPT: Test = Test {
    name: "pauses or ends when accept finds no free descriptor",
    points: 1,
    read: "When accept fails",
    proves: &[
        NEVER_ENDS,
        "When no descriptor is free (`EMFILE`), it may end so, or pause for a second at most and try \
         again.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let _visit = visit(lab, &server)?;
        lab.settle()?;
        // A server that ends at once must not end before they are connected.
        server.program().signals().freeze()?;
        // A server which sleeps in accept takes the first one in the call that it is in.
        let waiting = [server.connect()?, server.connect()?];
        let shortage = server.faults().fail_each(Call::Accept, Errno::EMFILE)?;
        server.program().signals().resume()?;
        shortage.wait_until_it_pauses()?;
        if server.descriptors().list()?.is_empty() {
            server.program().expect_exit(1)?;
            return server.stderr().expect_reason();
        }
        shortage.end();
        waiting.iter().try_for_each(|client| echo_some(lab, client))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["tries_accept_for_ever"],
            hint: "accept fails with EMFILE at once, again and again, and your program tries it without a pause. The \
                   client stays in the queue, so poll reports it each time. Sleep a little between two tries, or give \
                   the reason and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["pauses_for_long"],
            hint: servers::SHORT_PAUSE,
        },
    ],
};

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
        visit(lab, &server).map(drop)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ListensElsewhere,
        mistakes: &["announces_before_listening"],
        hint: servers::LISTEN_FIRST,
    }],
};

pub(super) const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 2 when the arguments are wrong",
    points: 1,
    read: "When a call fails",
    proves: &[
        ADDRESS_ONLY,
        "Status 2 means wrong arguments, which are none, more than one, or one that is not `ADDRESS:PORT` (digits, \
         dots and a colon; no blank, no sign).",
        "A panic (exit status 101) is a failure, in a child too.",
    ],
    story: |lab| addresses::refuses_all_else(lab, &lab.any_port().to_string()),
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["mixes_up_its_statuses"],
            hint: "Wrong arguments end with status 2, a failure at run time with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_without_an_argument", "panics_on_bytes"],
            hint: arguments::NO_PANIC,
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["looks_names_up", "takes_a_bad_port_for_0", "takes_a_sign"],
            hint: addresses::EXACTLY_AN_ADDRESS,
        },
    ],
};

pub(super) const PORT_IN_USE: Test = Test {
    name: "ends with status 1 when its port is in use",
    points: 1,
    read: "Starting again on the same port",
    proves: &[
        NEVER_ENDS,
        "A panic (exit status 101) is a failure, in a child too.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        lab.expect_refused_start(&[&server.address().to_string()], 1)?;
        echo_some(lab, &server.connect()?)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_on_a_busy_port"],
            hint: "`bind` can fail, for example because the port is in use. Say why on standard error and exit with \
                   status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["shares_the_port"],
            hint: "With SO_REUSEPORT two servers share one port, and each gets a part of the clients. Set \
                   SO_REUSEADDR, which lets a new server begin when the old one is gone, and report EADDRINUSE with \
                   exit status 1.",
        },
    ],
};

pub(super) const LATE_READER: Test = Test {
    name: "sends the rest to a client that has ended before it reads",
    points: 1,
    read: "Two copies of every descriptor",
    proves: &[
        "The child sends back the bytes of the client, all of them and unchanged, until the client ends its sending \
         side.",
        "Then it sends the rest and ends.",
    ],
    story: |lab| {
        let server = servers::start_untraced(lab)?;
        servers::sends_the_rest(lab, &server)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ClosedEarly,
        mistakes: &["forgets_what_it_owes_at_the_end"],
        hint: servers::SEND_WHAT_YOU_OWE,
    }],
};
