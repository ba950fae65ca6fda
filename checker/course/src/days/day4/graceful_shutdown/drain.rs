//! The drain: from the first signal to the last byte.

use libc::{SIGINT, SIGTERM};

use super::{begin_drain, echo_some, expect_drained, leave, visit};
use crate::promises::servers;
use harness::author::{Diagnosis, Rejection, Sleep, Test};

const BEGINS: &str = "The first `SIGTERM` or `SIGINT` begins the *drain*.";
const NOBODY_ELSE: &str = "The server accepts the clients that wait in the accept queue, and closes its listening socket.";
const AS_BEFORE: &str = "In the drain the server serves its clients as before, each to its end, however long that \
                         takes.";
const LAST_LINE: &str = "When the last one has gone, it prints `drained N` and ends with status 0.";
const COUNT: &str =
    "`N` is the number of clients with which the drain has begun, those from the queue included.";
const AT_ONCE: &str =
    "From then on new clients are refused, and a successor can listen on the same address at once.";

pub(super) const WITHOUT_CLIENTS: Test = Test {
    name: "ends at SIGTERM and at SIGINT, when it has no client",
    points: 2,
    read: "A flag and a sleep",
    proves: &[
        BEGINS,
        LAST_LINE,
        COUNT,
        "Nothing but the two lines goes to standard output.",
    ],
    story: |lab| {
        for signal in [SIGTERM, SIGINT] {
            let server = lab.start_server()?;
            let gone = visit(lab, &server)?;
            leave(lab, &gone)?;
            lab.settle()?;
            server.program().signals().send(signal)?;
            expect_drained(server.program(), 0)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["leaves_sigterm_alone", "leaves_sigint_alone"],
            hint: "The default action of SIGTERM and of SIGINT kills the server before it can end well. Install a \
                   handler for both, or block both and read them from a signalfd.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["restarts_accept", "takes_no_note_of_sigint"],
            hint: "The signal has come, and your server sleeps on. Does the handler note it, of SIGTERM and of SIGINT \
                   alike? Or was the call made again after the handler? SA_RESTART does that, and so does accept of the \
                   standard library; and accept of a blocking socket sleeps again when nobody comes. Sleep in a call that \
                   a signal ends: ppoll, or poll with a signalfd or a pipe from the handler.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["exits_in_the_handler", "says_drained_on_standard_error"],
            hint: "Your server has ended without its last line, `drained N` on standard output (not on standard error). Do \
                   not end it in the handler: there it can neither serve nor print. Let the handler note the signal, and \
                   let the main loop do the rest.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["ends_with_143"],
            hint: "A shell shows 143 for a program that SIGTERM has killed. Your program ends by itself, as it was \
                   asked to: its exit status is 0.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["counts_all_clients", "says_drained_without_a_number"],
            hint: "The last line is `drained N`, here `drained 0`. N counts the clients that are there when the drain \
                   begins. Those who have left before are not among them.",
        },
    ],
};

pub(super) const CLIENT_FINISHES: Test = Test {
    name: "serves its client to its end before it ends",
    points: 2,
    read: "The drain",
    proves: &[AS_BEFORE, LAST_LINE, COUNT],
    story: |lab| {
        for signal in [SIGTERM, SIGINT] {
            let server = lab.start_server()?;
            let client = visit(lab, &server)?;
            lab.settle()?;
            server.program().signals().send(signal)?;
            lab.settle()?;
            echo_some(lab, &client)?;
            server.stdout().expect_quiet()?;
            echo_some(lab, &client)?;
            leave(lab, &client)?;
            expect_drained(server.program(), 1)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "ends_at_once",
                "passes_the_signal_on",
                "ends_each_client_at_the_signal",
            ],
            hint: "The signal asks the server to end well, and a client is in the middle of its work. Do not end \
                   before it has gone, and do not pass the signal on to children or threads: note it, stop accepting, \
                   and go on serving.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["spins_in_the_drain"],
            hint: "In the drain your server does not sleep any more. Take the listening socket out of poll when it is \
                   closed, and read what the signal has written: a pipe or a signalfd stays readable until then.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["leaves_its_children_alone"],
            hint: "Your server says that it is done, and a client is still there. Print `drained N` when the last \
                   client has gone: wait for each child, or for each thread.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["counts_at_the_end"],
            hint: "N is the number of clients with which the drain begins. Count when the signal comes: at the end \
                   nobody is left.",
        },
    ],
};

pub(super) const CONTROL_C: Test = Test {
    name: "serves its clients on when Control-C reaches all its processes",
    points: 2,
    read: "The second signal",
    proves: &[
        "Control-C in a terminal sends `SIGINT` to all processes of the server: that is one signal, and cuts nobody off.",
        AS_BEFORE,
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let clients = [visit(lab, &server)?, visit(lab, &server)?];
        lab.settle()?;
        server.signals().send_to_group(SIGINT)?;
        server.expect_not_listening()?;
        lab.settle()?;
        for client in &clients {
            echo_some(lab, client)?;
            leave(lab, client)?;
        }
        expect_drained(server.program(), 2)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["children_die_of_control_c", "children_end_at_eintr"],
        hint: "Control-C sends SIGINT to the children, too, and yours ended by it. Only the parent is to take it: let \
               the children keep SIGINT and SIGTERM blocked, or ignore them; and let them read again after EINTR.",
    }],
};

pub(super) const ALL_CLIENTS_FINISH: Test = Test {
    name: "waits for each of its clients",
    points: 2,
    read: "The drain",
    proves: &[
        AS_BEFORE,
        LAST_LINE,
        COUNT,
        "A client that resets its connection ends only this connection.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let gone = visit(lab, &server)?;
        let first = visit(lab, &server)?;
        let second = visit(lab, &server)?;
        let third = visit(lab, &server)?;
        leave(lab, &gone)?;
        lab.settle()?;
        server.program().signals().send(SIGTERM)?;
        lab.settle()?;
        // Where each has a process, two of them end, and there is one SIGCHLD.
        server.signals().freeze()?;
        second.shutdown_write()?;
        first.reset()?;
        lab.settle()?;
        server.signals().resume()?;
        second.expect_end()?;
        lab.settle()?;
        server.stdout().expect_quiet()?;
        echo_some(lab, &third)?;
        leave(lab, &third)?;
        expect_drained(server.program(), 3)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["waits_for_one_child"],
            hint: "One client has left, and your server says that it is done. Others are still there: count them \
                   down, and end when none is left.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["takes_a_child_for_a_signal"],
            hint: "A client has left in the drain, and your server cuts off the others. Not each wake-up is a second \
                   signal: SIGCHLD wakes the server, too. Count SIGTERM and SIGINT where they come.",
        },
        Rejection {
            diagnosis: Diagnosis::ZombieLeft,
            mistakes: &["collects_one_child_for_each_wake_up"],
            hint: "All clients have gone, and your server waits for one. One SIGCHLD may stand for several children: \
                   call waitpid with WNOHANG until it has no more.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["waits_for_a_client_that_was_reset"],
            hint: "All clients have gone, and your server waits for one. A client may also go by a reset: then read \
                   or write fails (ECONNRESET, EPIPE), and what serves it has to end and to be counted down as at an \
                   end of the stream.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["counts_good_ends_only"],
            hint: "N is the number of clients with which the drain begins, whatever becomes of them later. A client \
                   that has left before the signal is not counted, one that is reset afterwards is.",
        },
    ],
};

pub(super) const NOBODY_NEW: Test = Test {
    name: "refuses new clients from the first signal on",
    points: 2,
    read: "The drain",
    proves: &[BEGINS, NOBODY_ELSE, AT_ONCE],
    story: |lab| {
        let server = lab.start_server()?;
        let client = visit(lab, &server)?;
        lab.settle()?;
        begin_drain(lab, &server)?;
        echo_some(lab, &client)?;
        leave(lab, &client)?;
        expect_drained(server.program(), 1)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::DescriptorLeaked,
        mistakes: &["keeps_listening", "child_keeps_listener"],
        hint: "The drain has begun, and the kernel still connects clients: nobody will accept them. Close the \
               listening socket at the signal. Each process that has a copy must close it: a child directly after \
               fork.",
    }],
};

pub(super) const TRANSFER: Test = Test {
    name: "finishes a transfer that was under way",
    points: 2,
    read: "The drain",
    proves: &[AS_BEFORE],
    story: |lab| {
        let server = servers::start_untraced(lab)?;
        let client = server.connect_with_receive_buffer(16 * 1024)?;
        client.send_without_reading(lab.random_bytes(8 << 20))?;
        lab.settle()?;
        begin_drain(lab, &server)?;
        client.expect_echo()?;
        echo_some(lab, &client)?;
        leave(lab, &client)?;
        expect_drained(server.program(), 1)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["loses_a_transfer_at_eintr"],
        hint: "The signal has interrupted write (EINTR) in the middle of a transfer, and your server takes that for \
               the loss of its client. Write the rest again.",
    }],
};

pub(super) const QUEUE: Test = Test {
    name: "serves clients who stood in the accept queue at the signal",
    points: 3,
    read: "Clients in the queue",
    proves: &[
        NOBODY_ELSE,
        COUNT,
        "Clients that are not accepted yet wait in the accept queue, which has room for at least four.",
        "Signals which the kernel has merged count as one.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let early = visit(lab, &server)?;
        lab.settle()?;
        server.signals().freeze()?;
        let queued = [
            server.connect()?,
            server.connect()?,
            server.connect()?,
            server.connect()?,
        ];
        for _ in 0..2 {
            server.program().signals().send(SIGTERM)?;
        }
        server.signals().resume()?;
        server.expect_not_listening()?;
        lab.settle()?;
        for client in queued.iter().chain([&early]) {
            echo_some(lab, client)?;
            leave(lab, client)?;
        }
        expect_drained(server.program(), 5)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::NoAnswer,
            mistakes: &["has_a_short_queue"],
            hint: servers::LONG_QUEUE,
        },
        Rejection {
            diagnosis: Diagnosis::Reset,
            mistakes: &[
                "closes_with_clients_in_the_queue",
                "takes_one_from_the_queue",
            ],
            hint: "These clients were connected before the signal, and stood in the accept queue. When the listening \
                   socket is closed, the kernel resets all of them. Make the socket non-blocking, accept until EAGAIN, \
                   and close it then.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["counts_without_the_queue"],
            hint: "N counts the clients from the queue, too. Count when the queue is empty and the listening socket \
                   is closed.",
        },
    ],
};

pub(super) const SUCCESSOR: Test = Test {
    name: "leaves its port to a successor while old clients finish",
    points: 2,
    read: "A successor on the same port",
    proves: &[AT_ONCE, AS_BEFORE],
    story: |lab| {
        let server = lab.start_server()?;
        let old = visit(lab, &server)?;
        lab.settle()?;
        begin_drain(lab, &server)?;
        let successor = lab.start_server_on(server.address())?;
        successor.expect_address(server.address())?;
        let new = visit(lab, &successor)?;
        echo_some(lab, &old)?;
        leave(lab, &old)?;
        expect_drained(server.program(), 1)?;
        echo_some(lab, &new)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::CannotRestart,
        mistakes: &["forgets_reuseaddr"],
        hint: "The connection of the old client is on this port. Set SO_REUSEADDR on the listening socket, before \
               bind, in every run: the old server needs it as well as the new one.",
    }],
};

pub(super) const PATIENCE: Test = Test {
    name: "waits without a time limit, before the signal and in the drain",
    points: 1,
    read: "The drain",
    proves: &[
        AS_BEFORE,
        "While it waits, the server sleeps without a time limit, in all its threads and processes.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let client = visit(lab, &server)?;
        lab.settle()?;
        server.sleeps(Sleep::WithoutTimeLimitAnywhere)?;
        begin_drain(lab, &server)?;
        server.sleeps(Sleep::WithoutTimeLimitAnywhere)?;
        leave(lab, &client)?;
        expect_drained(server.program(), 1)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimeLimited,
        mistakes: &[
            "looks_each_second",
            "gives_up_the_drain",
            "sets_an_alarm",
            "naps_until_all_have_gone",
            "ends_the_drain_by_a_thread",
            "gives_up_silent_clients",
        ],
        hint: "Your server wakes up by the clock. To look now and then whether a signal has come, or whether all \
               clients have gone, is late each time; a limit for the drain cuts clients off. Sleep without a limit, in \
               a call that a signal ends; and let the end of a child or of a thread wake you.",
    }],
};
