//! A server with its clients, and no signal yet.

use super::{echo, echo_some, leave, visit};
use crate::promises::servers;
use harness::author::{Checked, Diagnosis, Rejection, Test, Transport};

const EVERY_CLIENT: &str = "It sends back the bytes of each client, all of them and unchanged, until the client ends \
                            its sending side.";

pub(super) const EVERY_BYTE: Test = Test {
    name: "sends back every byte, until its client ends",
    points: 1,
    read: "4.2 A server that ends well",
    proves: &[
        "`ADDRESS` is an IPv4 address, and the server listens on this address only.",
        "`PORT` may be 0: the kernel then chooses a free port.",
        "When it is ready for clients and for signals, the server prints exactly one line: `listening IP:PORT`, with \
         the port it really has, or `listening unix:PATH`.",
        EVERY_CLIENT,
        "Then it sends the rest and closes the connection.",
    ],
    story: |lab| {
        let address = lab.any_port_elsewhere();
        let server = lab.start_server_on(address)?;
        server.expect_address(address)?;
        servers::expect_no_other_door(lab, &server, Transport::Tcp)?;
        let client = server.connect()?;
        lab.step(
            "client 1: send some bytes one at a time, then every byte value",
            || {
                for byte in lab.boundary_bytes() {
                    client.send([byte])?;
                    client.expect_echo()?;
                }
                client.send(lab.every_byte())?;
                client.expect_echo()
            },
        )?;
        client.send(lab.random_bytes(100_000))?;
        client.shutdown_write()?;
        client.expect_echo()?;
        client.expect_end()?;
        lab.settle()?;
        let next = visit(lab, &server)?;
        leave(lab, &next)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ListensElsewhere,
            mistakes: &["listens_on_every_address"],
            hint: servers::BIND_THE_ARGUMENT,
        },
        Rejection {
            diagnosis: Diagnosis::LeftOpen,
            mistakes: &["parent_keeps_connections"],
            hint: "The client has ended its sending side and waits for the end of yours. A connection ends when its \
                   last descriptor is closed: close it in each process that has one.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_when_a_child_ends"],
            hint: "A client has gone, and the server ends for all. If a signal has interrupted the call in which it \
                   slept (EINTR), that is no failure: look why it woke up, and go on.",
        },
    ],
};

pub(super) const TOGETHER: Test = Test {
    name: "serves all its clients at the same time",
    points: 1,
    read: "fork: one call, two returns",
    proves: &[
        "It serves all clients at the same time: one that is silent, or does not read, keeps no other waiting.",
        "A client that resets its connection ends only this connection.",
    ],
    story: |lab| {
        let server = servers::start_untraced(lab)?;
        let silent = server.connect()?;
        let deaf = server.connect_with_receive_buffer(16 * 1024)?;
        deaf.send_without_reading(lab.random_bytes(8 << 20))?;
        let lost = visit(lab, &server)?;
        lost.reset()?;
        let third = visit(lab, &server)?;
        echo(lab, &third, 20_000)?;
        let _crowd = lab.step("40 more clients: connect, get an echo, and stay", || {
            let come = |_| visit(lab, &server);
            (0..40).map(come).collect::<Checked<Vec<_>>>()
        })?;
        echo_some(lab, &silent)?;
        deaf.expect_echo()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["serves_one_after_the_other", "waits_when_32_are_there"],
            hint: "A client waits until another one leaves, or reads. Give each client a process or a thread of its own, \
                   or let poll tell which of them is ready, with sockets that do not block. Is there a table with room for \
                   some clients only? Take a Vec or a HashMap, which grows.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["leaves_the_rest_of_a_full_buffer"],
            hint: "This client has read late, so that the buffers were full, and write has taken a part of the bytes. The \
                   number that write returns says how many: offer the rest, when there is room again, and from there.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["turns_the_33rd_away"],
            hint: "Your server has closed the connection of a client that only wanted its echo, while many others are \
                   there. Keep the clients in a Vec or a HashMap, which grows; an array, or a fixed number, turns the next \
                   one away.",
        },
    ],
};

pub(super) const LATE_READER: Test = Test {
    name: "sends the rest to a client that has ended before it reads",
    points: 1,
    read: "4.2 A server that ends well",
    proves: &[
        EVERY_CLIENT,
        "Then it sends the rest and closes the connection.",
    ],
    story: |lab| {
        let server = servers::start_untraced(lab)?;
        servers::sends_the_rest(lab, &server)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["forgets_what_it_owes_at_the_end"],
            hint: servers::SEND_WHAT_YOU_OWE,
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["always_asks_for_room"],
            hint: "Your server does not sleep, though it can neither read nor write. What does poll report each time? \
                   A socket that you ask about POLLOUT is ready as long as there is room: ask only while bytes wait to \
                   be sent, and about POLLIN only while you have room for more.",
        },
    ],
};
