//! The hidden tests of day3_1_udp_echo.
//!
//! A client sends its next datagram only after it has received the answer to the one before. So the server has one
//! datagram at a time in its queue. A test that needs several stops the server (SIGSTOP) while it sends them.

mod lengths;
mod queue;
mod unsent;
mod untested;

use self::lengths::ask_too_much;
use crate::promises::{addresses, arguments, servers};
use harness::author::{
    Checked, Diagnosis, Exercise, Lab, Rejection, Server, Sleep, Test, Transport, UdpPeer,
};

/// Day 3, exercise 1.
pub const EXERCISE: Exercise = Exercise {
    name: "day3_1_udp_echo",
    title: "a UDP echo server",
    chapter: "3.1 UDP echo: datagrams",
    first_step: OPEN_THE_SOCKET,
    tests: &[
        LISTENS_THERE,
        SAME_BYTES,
        ONLY_ITS_OWN_BYTES,
        EVERY_BYTE,
        EMPTY_DATAGRAM,
        lengths::LONG,
        lengths::THE_LIMIT,
        lengths::TOO_BIG,
        lengths::TRUE_LENGTH,
        EACH_CLIENT,
        SLEEPS_WHEN_IDLE,
        QUEUED_DATAGRAMS,
        queue::LONG_QUEUE,
        lengths::BEHIND_TOO_BIG,
        queue::INTERRUPTED,
        ONE_LINE,
        unsent::CLOSED_CLIENT,
        unsent::CANNOT_SEND,
        ONE_SOCKET,
        WRONG_ARGUMENTS,
        CANNOT_BIND,
    ],
    clues: &[],
    untested: untested::SENTENCES,
};

const OPEN_THE_SOCKET: &str = "Make a socket of type SOCK_DGRAM, bind it, ask getsockname for its port, and print \
                               `listening IP:PORT` with a line end, flushed. There is no listen and no accept: on a \
                               UDP socket, listen fails with EOPNOTSUPP.";

const LISTENS_THERE: Test = Test {
    name: "listens on the address from its argument",
    points: 1,
    read: "A datagram is a message",
    proves: &[
        "`ADDRESS` is an IPv4 address.",
        "`PORT` may be 0: the kernel then chooses a free port.",
        "When it is ready for clients, the server prints exactly one line, `listening IP:PORT`, with the port it \
         really has.",
    ],
    story: |lab| {
        let address = lab.any_port_elsewhere();
        let server = lab.start_udp_server_on(address)?;
        server.expect_address(address)?;
        servers::expect_no_other_door(lab, &server, Transport::Udp)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::BadAnnouncement,
            mistakes: &["announces_what_it_was_given"],
            hint: "You asked for port 0, and the kernel chose another one. `getsockname` tells which: print \
                   `listening IP:PORT` with that.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["listens_like_tcp"],
            hint: OPEN_THE_SOCKET,
        },
        Rejection {
            diagnosis: Diagnosis::ListensElsewhere,
            mistakes: &["listens_on_every_address", "opens_a_second_door"],
            hint: "Compare the address that your program prints with the one at which it really listens. Bind the \
                   address from the argument, and no other: 0.0.0.0 means every address of the machine, and nobody \
                   has asked for a second socket. And print what getsockname tells: in a sockaddr_in the port is in \
                   network byte order (ntohs, in Rust from_be()).",
        },
    ],
};

const SAME_BYTES: Test = Test {
    name: "answers a datagram with the same bytes",
    points: 1,
    read: "A datagram is a message",
    proves: &[
        "A datagram of up to 1024 bytes is answered with one datagram of the same bytes.",
        "The answer goes to the sender of that datagram, through the socket that has received it.",
    ],
    story: |lab| {
        let server = lab.start_udp_server(&[])?;
        let client = lab.udp_peer()?;
        ask(&client, &server, line(lab, 5..=60))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["sends_the_whole_buffer"],
            hint: "Send back exactly what came: the first n bytes of the buffer, where n is what the receive returned.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongSender,
            mistakes: &["answers_from_another_port"],
            hint: "The client asked one port, and another one answers. Send the answer through the socket that \
                   received the question.",
        },
    ],
};

const ONLY_ITS_OWN_BYTES: Test = Test {
    name: "answers the next datagram with only its own bytes",
    points: 1,
    read: "A datagram is a message",
    proves: &[
        "A datagram of up to 1024 bytes is answered with one datagram of the same bytes.",
        "The server never ends by itself.",
    ],
    story: |lab| {
        let server = lab.start_udp_server(&[])?;
        let client = lab.udp_peer()?;
        ask(&client, &server, line(lab, 40..=80))?;
        ask(&client, &server, line(lab, 1..=5))?;
        ask(&client, &server, line(lab, 20..=90))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["answers_once"],
            hint: "After an answer, wait for the next datagram. A UDP server has no end of its own.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["keeps_old_bytes"],
            hint: "The answer is made of bytes of an earlier datagram. Each datagram gets one answer, with the bytes \
                   which this receive has counted: send them from the receive buffer, or clear the buffer in which \
                   you collect the answer.",
        },
    ],
};

const EVERY_BYTE: Test = Test {
    name: "sends back every byte value",
    points: 1,
    read: "A datagram is a message",
    proves: &[
        "The bytes may have any value; they are not always text.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let server = lab.start_udp_server(&[])?;
        let client = lab.udp_peer()?;
        ask(&client, &server, lab.every_byte())?;
        ask(&client, &server, format!("\0{}", lab.random_word(9)))?;
        ask(
            &client,
            &server,
            [random(lab, 100..=300), vec![0xff]].concat(),
        )
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["expects_text"],
            hint: "A datagram is bytes, and not every sequence of bytes is UTF-8. Send back the `&[u8]` as it came.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["stops_at_nul", "replaces_what_is_not_text"],
            hint: "Any byte may come: a zero byte is no end, and not all bytes are text. Send back the bytes \
                   themselves, as many as the receive has counted.",
        },
    ],
};

const EMPTY_DATAGRAM: Test = Test {
    name: "answers an empty datagram with an empty datagram",
    points: 1,
    read: "An empty datagram is not the end",
    proves: &[
        "An empty datagram is answered with an empty datagram.",
        "The server never ends by itself.",
    ],
    story: |lab| {
        let server = lab.start_udp_server(&[])?;
        let client = lab.udp_peer()?;
        ask(&client, &server, "")?;
        ask(&client, &server, lab.random_word(12))?;
        ask(&client, &server, "")?;
        ask(&client, &server, "")
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_an_empty_datagram"],
            hint: "With UDP a length of 0 is not end of file. It is a datagram without bytes: answer it and go on.",
        },
        Rejection {
            diagnosis: Diagnosis::NoAnswer,
            mistakes: &["ignores_empty_datagrams", "ignores_repeats"],
            hint: "An empty datagram is a datagram, and its sender waits. Send an empty one back, each time: a \
                   client that sends two waits for two answers.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["answers_an_empty_datagram_twice"],
            hint: "After an empty datagram the answers are no longer those to the questions: there is one too many, \
                   or another one than an empty datagram. Do the same for it as for every datagram: send back the n \
                   bytes that have come, once, also where n is 0.",
        },
    ],
};

const EACH_CLIENT: Test = Test {
    name: "answers each client with its own bytes",
    points: 2,
    read: "The sender is part of the message",
    proves: &[
        "The answer goes to the sender of that datagram, through the socket that has received it.",
    ],
    story: |lab| {
        let server = lab.start_udp_server(&[])?;
        let first = lab.udp_peer()?;
        let second = lab.udp_peer()?.report_refusals()?;
        ask(&first, &server, word(lab))?;
        ask(&second, &server, word(lab))?;
        ask(&first, &server, word(lab))?;
        ask(&second, &server, word(lab))?;
        // And one whose address is not the server's.
        let third = lab.udp_peer_at("a client of another address", lab.any_port_elsewhere())?;
        ask(&third, &server, word(lab))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Refused,
            mistakes: &["connects_to_the_first_client"],
            hint: "A connected UDP socket receives from one peer only, and the kernel refuses datagrams from all \
                   other clients. Do not call `connect`: give the client's address to `sendto`.",
        },
        Rejection {
            diagnosis: Diagnosis::NoAnswer,
            mistakes: &["answers_the_first_client", "knows_its_clients_by_port"],
            hint: "The answer did not go to the client that asked. Each datagram comes with its own sender: use the \
                   address from the same receive, its IP address as well as its port.",
        },
    ],
};

const SLEEPS_WHEN_IDLE: Test = Test {
    name: "sleeps until the next datagram comes",
    points: 1,
    read: "Datagrams wait in a queue",
    proves: &[
        "While there is nothing to do, the server sleeps.",
        "No time limit wakes it.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_udp_server(&[])?;
        let client = lab.udp_peer()?;
        server.sleeps(Sleep::UntilSomethingComes)?;
        ask(&client, &server, word(lab))?;
        server.sleeps(Sleep::UntilSomethingComes)?;
        ask(&client, &server, word(lab))?;
        server.sleeps(Sleep::UntilSomethingComes)?;
        servers::expect_patience(lab, &server)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["spins", "naps_between_looks"],
            hint: "The program checks for a datagram again and again although none is there. Receive without \
                   MSG_DONTWAIT: a receive that may wait sleeps until a datagram comes.",
        },
        Rejection {
            diagnosis: Diagnosis::TimeLimited,
            mistakes: &["receives_for_30_seconds"],
            hint: servers::NO_TIME_LIMIT,
        },
    ],
};

const QUEUED_DATAGRAMS: Test = Test {
    name: "answers queued datagrams one by one, each to its sender",
    points: 3,
    read: "Datagrams wait in a queue",
    proves: &[
        "The answer goes to the sender of that datagram, through the socket that has received it.",
        "Datagrams are answered in the order in which the socket hands them out, each by itself.",
        "No datagram is lost because the server is busy with another one: what comes meanwhile waits in the socket's \
         queue.",
    ],
    story: answers_queued_datagrams,
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["glues_datagrams"],
            hint: "A datagram has boundaries. If several datagrams wait, each one needs its own answer, in order. \
                   Send an answer after each receive.",
        },
        Rejection {
            diagnosis: Diagnosis::NoAnswer,
            mistakes: &["answers_the_last_sender"],
            hint: "Each datagram that waited has its own sender and needs its own answer. Keep the address with the \
                   bytes, or answer before you receive again. Has your program set SO_RCVBUF? That is the room for \
                   all that wait together, and not for one: leave it as it is.",
        },
    ],
};

const ONE_SOCKET: Test = Test {
    name: "serves any number of clients with one socket",
    points: 1,
    read: "The sender is part of the message",
    proves: &[
        "A client does not come and go: it is an address in a datagram, and the server keeps nothing of it.",
    ],
    story: |lab| {
        let server = lab.start_udp_server(&[])?;
        let visit = || ask(&lab.udp_peer()?, &server, lab.random_word(1024));
        servers::keeps_nothing(lab, &server, "clients ask one after the other", visit)?;
        servers::serves_more_than_256(lab, visit)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::DescriptorLeaked,
            mistakes: &["remembers_every_client"],
            hint: "One socket is enough for all clients. UDP does not tell you when a client has gone, so do not open \
                   a descriptor for each client.",
        },
        Rejection {
            diagnosis: Diagnosis::OutOfMemory,
            mistakes: &["keeps_a_buffer_for_each_client"],
            hint: servers::FORGET_CLIENTS,
        },
        Rejection {
            diagnosis: Diagnosis::NoAnswer,
            mistakes: &["has_room_for_64_clients", "table_of_256_clients"],
            hint: "This client got no answer after many other clients. Do not keep a table of clients: it becomes \
                   full, because UDP does not tell you when a client has gone. Each datagram brings its sender's \
                   address.",
        },
    ],
};

const ONE_LINE: Test = Test {
    name: "prints the line `listening IP:PORT` and nothing more",
    points: 1,
    read: "A datagram is a message",
    proves: &[
        "When it is ready for clients, the server prints exactly one line, `listening IP:PORT`, with the port it \
         really has.",
        "Standard output gets the one line, everything else goes to standard error.",
    ],
    story: |lab| {
        let server = lab.start_udp_server(&[])?;
        let client = lab.udp_peer()?;
        ask(&client, &server, line(lab, 5..=30))?;
        server.sleeps(Sleep::UntilSomethingComes)?;
        server.stdout().expect_quiet()?;
        ask_too_much(&client, &server, random(lab, 1025..=2000))?;
        server.sleeps(Sleep::UntilSomethingComes)?;
        server.stdout().expect_quiet()
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ExtraOutput,
        mistakes: &["prints_each_datagram"],
        hint: "Print only the `listening` line on standard output. Print what helps you to find mistakes on standard \
               error, with `eprintln!`.",
    }],
};

const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 2 when the arguments are wrong",
    points: 1,
    read: "A datagram is a message",
    proves: &[
        "`ADDRESS` is an IPv4 address.",
        "Exit status 2: wrong arguments, with a usage line on standard error.",
        "Port 65536 is a wrong argument, and so is all that is not an address and a port (digits, dots and a colon; no \
         blank, no sign).",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| addresses::refuses_all_else(lab, "127.0.0.1:0"),
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_without_an_argument", "panics_on_bytes"],
            hint: arguments::NO_PANIC,
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &[
                "truncates_the_port",
                "reads_the_port_like_atoi",
                "looks_names_up",
                "takes_a_bad_address_for_any",
                "takes_a_sign",
            ],
            hint: addresses::EXACTLY_AN_ADDRESS,
        },
    ],
};

const CANNOT_BIND: Test = Test {
    name: "ends with status 1 when it cannot have its address",
    points: 1,
    read: "A port in use",
    proves: &[
        "`ADDRESS` is an IPv4 address.",
        "`PORT` may be 0: the kernel then chooses a free port.",
        "Exit status 1: it cannot have the address (with the reason on standard error), for example because another \
         program holds the port.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        // A port that is free again: UDP has no TIME_WAIT.
        let before = lab.udp_peer_at("another program", lab.any_port())?;
        let address = before.address()?;
        before.close();
        let server = lab.start_udp_server_on(address)?;
        server.expect_address(address)?;
        let taken = address.to_string();
        let second = lab.step(
            "start your program again, with the port of the first one",
            || lab.start(&[&taken]),
        )?;
        second.expect_exit(1)?;
        second.stdout().expect_end()?;
        second.stderr().expect_reason()?;
        lab.expect_refused_start(&[&lab.unavailable_address().to_string()], 1)?;
        ask(&lab.udp_peer()?, &server, word(lab))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_the_port_is_taken"],
            hint: "`bind` can fail, for example because the port is in use. Say why on standard error and exit with \
                   status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["reuses_the_address"],
            hint: "With SO_REUSEADDR, two UDP servers can bind the same port, and one of them receives nothing. Do \
                   not set it. If bind fails with EADDRINUSE, say so and exit with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::ListensElsewhere,
            mistakes: &["ignores_the_port", "binds_the_port_in_host_order"],
            hint: "Bind the port from the argument, too. 0 means \"any free port\"; every other number means itself. \
                   In a sockaddr_in it is in network byte order: htons, in Rust to_be().",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_strange_addresses_for_usage"],
            hint: "The argument is right, but `bind` failed. EADDRINUSE: another socket has the port. EADDRNOTAVAIL: \
                   this machine does not have the address. Print the reason on standard error and exit with status 1.",
        },
    ],
};

/// Two clients send datagrams while the server is stopped. The second client sends the last one, and the test checks the
/// first client first: a server that sends all answers to the last sender then fails with `NoAnswer`. Together the
/// datagrams are shorter than the limit of 1024 bytes, so that a server which joins them is detected.
fn answers_queued_datagrams(lab: &Lab) -> Checked {
    let server = lab.start_udp_server(&[])?;
    let (first, second) = (lab.udp_peer()?, lab.udp_peer()?);
    let questions = [
        (&first, word(lab)),
        (&first, word(lab)),
        (&second, word(lab)),
        (&first, word(lab)),
        (&first, String::new()),
        (&first, lab.random_word(500)),
        (&second, word(lab)),
    ];
    server.sleeps(Sleep::UntilSomethingComes)?;
    server.signals().freeze()?;
    for (client, question) in &questions {
        client.send_to(server.address(), question)?;
    }
    server.signals().resume()?;
    expect_all(&questions, &first, &server)?;
    expect_all(&questions, &second, &server)
}

/// Expects the answers to all datagrams that this client sent, in order.
fn expect_all(questions: &[(&UdpPeer, String)], client: &UdpPeer, server: &Server) -> Checked {
    questions
        .iter()
        .filter(|(asker, _)| std::ptr::eq(*asker, client))
        .try_for_each(|(_, question)| client.expect_from(server.address(), question))
}

/// Sends one datagram, and expects one answer with the same bytes.
fn ask(client: &UdpPeer, server: &Server, question: impl AsRef<[u8]>) -> Checked {
    client.send_to(server.address(), &question)?;
    client.expect_from(server.address(), question)
}

/// Random bytes. Their number is random, too, and lies in the range.
fn random(lab: &Lab, count: std::ops::RangeInclusive<u64>) -> Vec<u8> {
    lab.random_bytes(lab.random_number(count) as usize)
}

/// A random word of 4 to 24 letters and digits.
fn word(lab: &Lab) -> String {
    lab.random_word(lab.random_number(4..=24) as usize)
}

/// A line of text, as `echo` into `nc -u` would send it.
fn line(lab: &Lab, letters: std::ops::RangeInclusive<u64>) -> String {
    let letters = lab.random_number(letters) as usize;
    format!("{}\n", lab.random_word(letters))
}
