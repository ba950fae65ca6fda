//! What the server and its children say, and how they end.

use super::{Visit, echo_some, expect_lost_client, leave, visit};
use harness::{
    exercise::{Mistake, Test},
    failure::Diagnosis,
    lab::Place,
    observe::{calls::Call, sockets::Transport},
};

pub(super) const REASON_OF_A_LOST_CLIENT: Test = Test {
    name: "says why a client was lost",
    points: 1,
    read: "The child must end",
    mistakes: &[Mistake {
        program: "loses_its_client_in_silence",
        because: Diagnosis::WrongOutput,
        hint: "The child ends with status 1, and nobody learns why. Print the error on standard error before it ends.",
    }],
    run: |lab| {
        let server = lab.start_server()?;
        let Visit { client, child } = visit(lab, &server)?;
        client.reset()?;
        expect_lost_client(lab, &server, &child)?;
        server.expect_reason_on_stderr()
    },
};

pub(super) const LOST_WHILE_IT_SENDS: Test = Test {
    name: "tells that a client was lost before its echo",
    points: 2,
    read: "SIGPIPE, three orders of events",
    mistakes: &[
        Mistake {
            program: "child_ignores_write_errors",
            because: Diagnosis::WrongStatus,
            hint: "write has failed in the child: this client does not get its bytes. The error is told once, and read \
                   returns 0 after it, as if all were well. Look at what write returns, and end with status 1.",
        },
        Mistake {
            program: "child_dies_of_sigpipe",
            because: Diagnosis::WrongOutput,
            hint: "Signal 13 is SIGPIPE: the child has written to a connection that is gone, and the default is to kill. \
                   Leave it ignored, as Rust's runtime sets it, and let the child end with status 1 at the error of write.",
        },
        Mistake {
            program: "asks_for_stopped_children",
            because: Diagnosis::ExtraOutput,
            hint: "A child was stopped, which is no end: it goes on at SIGCONT. Call waitpid without WUNTRACED. Then it tells \
                   of children who have ended, and of no others.",
        },
    ],
    run: |lab| {
        let server = lab.start_server()?;
        let Visit { client, child } = visit(lab, &server)?;
        let address = client.local_address();
        child.signal(libc::SIGSTOP)?;
        lab.settle()?;
        server.expect_nothing_printed_yet()?;
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
};

pub(super) const REAL_TIME_SIGNAL: Test = Test {
    name: "tells the number of a signal that has no name",
    points: 1,
    read: "Zombies, and how to collect them",
    mistakes: &[Mistake {
        program: "knows_no_realtime_signals",
        because: Diagnosis::Stuck,
        hint: "A real-time signal has killed the child. nix has no name for it: its waitpid has collected the child, and \
               returns EINVAL. Call libc::waitpid, and ask WIFEXITED, WEXITSTATUS and WTERMSIG.",
    }],
    run: |lab| {
        let server = lab.start_server()?;
        let Visit { child, .. } = visit(lab, &server)?;
        let signal = libc::SIGRTMIN() + lab.random_number(1..=9) as i32;
        child.signal(signal)?;
        server.expect_line(format!("child {} killed {signal}", child.own_pid()))
    },
};

pub(super) const WHOLE_LINES: Test = Test {
    name: "prints whole lines, however few bytes a write takes",
    points: 1,
    read: "Bytes, not messages",
    mistakes: &[Mistake {
        program: "prints_with_a_single_write",
        because: Diagnosis::Stuck,
        hint: "The write to standard output has taken fewer bytes than it was given, and the rest of the line is missing. \
               Offer the rest again, until all of it is taken: write_all does it for you.",
    }],
    run: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let Visit { client, child } = visit(lab, &server)?;
        server.wait_until_it_rests()?;
        server.shorten(Call::Write.on(Place::Stdout), lab.random_number(1..=5))?;
        leave(lab, &client)?;
        server.expect_line(format!("child {} exited 0", child.own_pid()))
    },
};

pub(super) const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 2 when the arguments are wrong",
    points: 1,
    read: "3.7 A process for each client: fork and zombies",
    mistakes: &[
        Mistake {
            program: "mixes_up_its_statuses",
            because: Diagnosis::WrongStatus,
            hint: "Wrong arguments end with status 2, a failure at run time with status 1.",
        },
        Mistake {
            program: "panics_without_an_argument",
            because: Diagnosis::Panicked,
            hint: "Any argument can be missing or be nonsense. Look at what is there before you use it, print a usage \
                   line on standard error and exit with status 2.",
        },
        Mistake {
            program: "looks_names_up",
            because: Diagnosis::StillRunning,
            hint: ONE_ADDRESS,
        },
        Mistake {
            program: "takes_a_bad_port_for_0",
            because: Diagnosis::StillRunning,
            hint: ONE_ADDRESS,
        },
    ],
    run: |lab| {
        lab.expect_refusal(&[], 2)?;
        lab.expect_refusal(&["127.0.0.1"], 2)?;
        lab.expect_refusal(&["127.0.0.1:65536"], 2)?;
        lab.expect_refusal(&["127.0.0.1:x"], 2)?;
        lab.expect_refusal(&["localhost:0"], 2)?;
        lab.expect_refusal(&[&lab.any_port().to_string(), "x"], 2)
    },
};

const ONE_ADDRESS: &str = "Exactly one argument is right: an IPv4 address in numbers, and a port of 16 bits. localhost is a name: \
                           std's bind, to_socket_addrs and getaddrinfo look names up, and atoi takes a port that is no \
                           number for 0. Parse the argument first (SocketAddrV4; inet_pton, and strtoul with a look at \
                           its end), say what is wrong, and end with status 2.";

pub(super) const PORT_IN_USE: Test = Test {
    name: "ends with status 1 when its port is in use",
    points: 1,
    read: "Starting again on the same port",
    mistakes: &[
        Mistake {
            program: "panics_on_a_busy_port",
            because: Diagnosis::Panicked,
            hint: "`bind` can fail, for example because the port is in use. Say why on standard error and exit with \
                   status 1.",
        },
        Mistake {
            program: "shares_the_port",
            because: Diagnosis::StillRunning,
            hint: "With SO_REUSEPORT two servers share one port, and each gets a part of the clients. Set SO_REUSEADDR, \
                   which lets a new server begin when the old one is gone, and report EADDRINUSE with exit status 1.",
        },
    ],
    run: |lab| {
        let server = lab.start_server()?;
        lab.expect_refusal(&[&server.address().to_string()], 1)?;
        echo_some(lab, &server.connect()?)
    },
};
