//! The hidden tests of day2_2_echo_server.

mod clients;
mod faults;
mod ports;
mod untested;

use crate::promises::{addresses, arguments, servers};
use harness::author::{
    Checked, Clue, Connection, Diagnosis, Exercise, Lab, Rejection, Seen, Server, Test, Transport,
};

/// Day 2, exercise 2.
pub const EXERCISE: Exercise = Exercise {
    name: "day2_2_echo_server",
    title: "a TCP echo server",
    chapter: "2.2 A TCP echo server",
    first_step: "Begin with socket, bind and listen, print `listening IP:PORT`, and wait in accept: steps 1 and 3 to \
                 6 at the top of src/main.rs. The first test asks for no more.",
    tests: &[
        ANNOUNCES,
        AT_ONCE,
        GOES_ON,
        EVERY_BYTE,
        HALF_CLOSE,
        LISTENS_FIRST,
        QUEUE,
        NO_LEAK,
        clients::SLOW_READER,
        clients::PATIENCE,
        faults::SHORT_WRITES,
        clients::RESET,
        clients::LEAVES_WITHOUT_READING,
        faults::INTERRUPTED,
        faults::LOST_CLIENT,
        faults::NO_DESCRIPTOR,
        ports::AGAIN,
        ports::BESIDE_ANOTHER,
        WRONG_ARGUMENTS,
    ],
    clues: &[Clue {
        diagnoses: &[Diagnosis::Killed],
        seen: Seen::Said("owned file descriptor already closed"),
        mistakes: &["closes_a_lost_client_twice"],
        hint: "Your program closes a descriptor twice, and Rust ends it. An OwnedFd closes its number when it is dropped: \
               do not call close yourself, and do not make two owners of one number. By then the number may be that \
               of another client.",
    }],
    untested: untested::SENTENCES,
};

const ANNOUNCES: Test = Test {
    name: "announces the address on which it listens",
    points: 1,
    read: "The address it announces",
    proves: &[
        "`ADDRESS` is an IPv4 address (names like `localhost` are wrong), and the server listens on this address only.",
        "`PORT` may be 0: the kernel then chooses a free port.",
        "When it is ready for clients, the server prints exactly one line, `listening IP:PORT`, with the port it \
         really has.",
        "Nothing but the one line goes to standard output.",
    ],
    story: |lab| {
        let address = lab.any_port_elsewhere();
        let server = lab.start_server_on(address)?;
        server.expect_address(address)?;
        servers::expect_no_other_door(lab, &server, Transport::Tcp)?;
        server.stdout().expect_quiet()?;
        server.program().expect_alive()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::BadAnnouncement,
            mistakes: &["announces_the_asked_port", "announces_in_other_words"],
            hint: "The line is exactly `listening IP:PORT`, in small letters, and nothing else. Is it the port? 0 \
                   means \"any free port\": ask getsockname which one the kernel has chosen, and print that.",
        },
        Rejection {
            diagnosis: Diagnosis::ListensElsewhere,
            mistakes: &["listens_on_every_address", "opens_a_second_door"],
            hint: servers::BIND_THE_ARGUMENT,
        },
        Rejection {
            diagnosis: Diagnosis::NeverListened,
            mistakes: &["keeps_the_line"],
            hint: "No whole line has come. Print it after listen and before accept, and end it with \\n. If your \
                   program does that, the line is still in a buffer of its own: flush standard output.",
        },
    ],
};

const CLOSED_TOO_SOON: &str = "Your server closes the connection before its client has the echo. Read, write back \
                               what read has brought, and close when read returns 0.";

const AT_ONCE: Test = Test {
    name: "sends a line back at once",
    points: 2,
    read: "Bytes, not messages",
    proves: &[
        "It sends back the bytes of a client at once, all of them and unchanged, whatever they are and in whatever \
         pieces they come.",
        "It does not wait for a newline or for the end.",
    ],
    story: |lab| {
        let client = lab.start_server()?.connect()?;
        client.send(line(lab))?;
        client.expect_echo()?;
        // The end of the stream, which may be there by now, is the next test's business.
        client.expect_no_more_bytes()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Reset,
            mistakes: &["drops_its_client"],
            hint: CLOSED_TOO_SOON,
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["answers_nothing"],
            hint: CLOSED_TOO_SOON,
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["answers_after_the_end"],
            hint: "The client waits for its echo before it sends more or ends the stream. Write back what each read \
                   brings before you read again.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["sends_the_whole_buffer"],
            hint: "read says how many bytes it has put into the buffer. Write only those: `&buffer[..n]`.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["answers_with_a_prefix"],
            hint: "An echo is the bytes that came and no others: no greeting, no words before them, nothing after \
                   them. What you have to say goes to standard error.",
        },
    ],
};

const GOES_ON: Test = Test {
    name: "goes on answering on one connection",
    points: 2,
    read: "Bytes, not messages",
    proves: &[
        "It sends back the bytes of a client at once, all of them and unchanged, whatever they are and in \
               whatever pieces they come.",
    ],
    story: |lab| {
        let client = lab.start_server()?.connect()?;
        for _ in 0..3 {
            client.send(line(lab))?;
            client.expect_echo()?;
            client.expect_quiet()?;
        }
        client.send([line(lab), line(lab), line(lab)].concat())?;
        client.expect_echo()?;
        client.expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["answers_once"],
            hint: "One read is not one client. Read and write in a loop until read returns 0.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["loses_merged_lines"],
            hint: "One read is not one client: read and write in a loop until read returns 0. If you do: several \
                   lines can arrive in one read, and a BufReader holds those it has taken. Keep one for the whole \
                   connection, or use read alone.",
        },
    ],
};

const EVERY_BYTE: Test = Test {
    name: "sends all byte values back, also one at a time",
    points: 1,
    read: "Bytes, not messages",
    proves: &[
        "It sends back the bytes of a client at once, all of them and unchanged, whatever they are and in whatever \
         pieces they come.",
        "It does not wait for a newline or for the end.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let client = lab.start_server()?.connect()?;
        for byte in lab.boundary_bytes() {
            client.send([byte])?;
            client.expect_echo()?;
        }
        client.send(lab.every_byte())?;
        client.expect_echo()?;
        // As many as a buffer holds.
        for size in [1024, 4096, 8192, 16_384] {
            client.send(lab.random_bytes(size))?;
            client.expect_echo()?;
        }
        client.expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["waits_for_a_newline", "takes_a_full_buffer_for_a_part"],
            hint: "No byte is special: a newline may never come, and a 0 ends nothing. Send back whatever read \
                   returns, `&buffer[..n]`, also where it fills your buffer: that does not say that more will come.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["sends_lossy_text"],
            hint: "Clients send bytes, not UTF-8 text. Keep them as `[u8]` from read to write.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["expects_text"],
            hint: "Not all bytes are UTF-8, and a client decides which ones come. Keep them as `[u8]` from read to \
                   write.",
        },
    ],
};

const HALF_CLOSE: Test = Test {
    name: "ends the stream after the client has half-closed",
    points: 2,
    read: "End of file and half-close",
    proves: &[
        "When the client ends its sending side, the server sends what it still owes, closes the connection, and \
         serves the next client.",
    ],
    story: |lab| {
        let client = lab.start_server()?.connect()?;
        echo(lab, &client)?;
        client.expect_quiet()?;
        client.shutdown_write()?;
        client.expect_end()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Reset,
            mistakes: &["resets_to_close"],
            hint: "SO_LINGER with a time of zero turns close into a reset. Leave SO_LINGER alone.",
        },
        Rejection {
            diagnosis: Diagnosis::LeftOpen,
            mistakes: &["never_closes"],
            hint: "nix's accept returns a bare number, and nothing closes it. Put it into an OwnedFd, which is \
                   dropped, and so closed, when the client is done. A copy (try_clone, dup) that you keep holds the \
                   connection open, too.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["spins_at_the_end"],
            hint: "read returned 0: that is the end of file, and it stays so. Leave the loop and close.",
        },
    ],
};

const LISTENS_FIRST: Test = Test {
    name: "listens before it says so",
    points: 1,
    read: "From socket to accept",
    proves: &[
        "When it is ready for clients, the server prints exactly one line, `listening IP:PORT`, with the port \
               it really has.",
    ],
    story: |lab| {
        let server = servers::listens_before_it_says_so(lab, &[])?;
        let client = server.connect()?;
        echo(lab, &client)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ListensElsewhere,
        mistakes: &["announces_before_listening"],
        hint: servers::LISTEN_FIRST,
    }],
};

const QUEUE: Test = Test {
    name: "serves the clients who wait in the queue",
    points: 2,
    read: "The accept queue",
    proves: &[
        "When the client ends its sending side, the server sends what it still owes, closes the connection, and \
         serves the next client.",
        "Clients who come meanwhile wait in the accept queue.",
        "There is room for at least 16 of them.",
        "The server never ends by itself.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let first = server.connect()?;
        echo(lab, &first)?;
        let waiting = lab.step(
            "16 more clients connect, some from another address, and send a line each",
            || clients(lab, &server, 16, |client| client.send(line(lab))),
        )?;
        first.close();
        lab.step(
            "each of them, in turn, expects its line back, and closes",
            || {
                waiting.iter().try_for_each(|client| {
                    client.expect_echo()?;
                    client.close();
                    Ok(())
                })
            },
        )
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["serves_one_client"],
            hint: "A server comes back to accept when a client is done. Put accept into a loop.",
        },
        Rejection {
            diagnosis: Diagnosis::NoAnswer,
            mistakes: &["short_queue"],
            hint: servers::LONG_QUEUE,
        },
        Rejection {
            diagnosis: Diagnosis::Reset,
            mistakes: &["serves_its_own_address_only"],
            hint: "Your server has turned away a client from another address than the server's own. Serve every \
                   client: the argument says where the server listens, not who may connect.",
        },
    ],
};

const NO_LEAK: Test = Test {
    name: "keeps nothing of those who have gone",
    points: 2,
    read: "Descriptors come back",
    proves: &[
        "When the client ends its sending side, the server sends what it still owes, closes the connection, and \
         serves the next client.",
        "It keeps nothing of those who have gone.",
        "The server never ends by itself.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let who = "clients, one after the other, send a line, get it back, and close";
        servers::keeps_nothing(lab, &server, who, || visit(lab, &server))?;
        servers::serves_more_than_256(lab, || visit(lab, &server))?;
        server.stdout().expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::DescriptorLeaked,
            mistakes: &["leaks_a_copy_of_the_listener"],
            hint: "Each descriptor needs an owner who closes it. `into_raw_fd` takes the owner away, and then \
                   nothing closes it; `as_raw_fd` only lends its number. shutdown closes nothing.",
        },
        Rejection {
            diagnosis: Diagnosis::ZombieLeft,
            mistakes: &["leaves_a_zombie_for_each_client"],
            hint: servers::COLLECT_CHILDREN,
        },
        Rejection {
            diagnosis: Diagnosis::OutOfMemory,
            mistakes: &["keeps_the_buffer_of_each_client"],
            hint: servers::FORGET_CLIENTS,
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["serves_a_hundred_clients", "table_of_256_clients"],
            hint: "A server has no last client. Is there a count at which it ends, or a table that is full?",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["prints_a_line_now_and_then"],
            hint: "Standard output carries the one line `listening IP:PORT`, and nothing else, however many clients \
                   have come. Print what you want to see with `eprintln!`.",
        },
    ],
};

const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 2 after wrong arguments",
    points: 1,
    read: "When a call fails",
    proves: &[
        "`ADDRESS` is an IPv4 address (names like `localhost` are wrong), and the server listens on this address only.",
        "Exit status 1: it cannot listen, for example because another server listens there.",
        "Exit status 2: wrong arguments, which are none, more than one, or one that is not `ADDRESS:PORT` (digits, \
         dots and a colon; no blank, no sign).",
        "The reason is on standard error.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        // An address, but not one of this machine.
        lab.expect_refused_start(&[&lab.unavailable_address().to_string()], 1)?;
        addresses::refuses_all_else(lab, &lab.any_port().to_string())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["mixes_up_its_statuses", "takes_strange_addresses_for_usage"],
            hint: "Wrong arguments, which do not parse, end with status 2. A failure at run time is status 1: socket, \
                   bind or listen says that your program cannot listen there, whatever its reason (EADDRINUSE, \
                   EADDRNOTAVAIL, EACCES).",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &[
                "ignores_further_arguments",
                "looks_names_up",
                "makes_port_0_of_words",
                "trims_its_argument",
                "takes_a_sign",
            ],
            hint: addresses::EXACTLY_AN_ADDRESS,
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

/// A line of letters and digits, with its end.
fn line(lab: &Lab) -> String {
    let length = lab.random_number(5..=60) as usize;
    lab.random_word(length) + "\n"
}

/// A client sends a line and gets it back.
fn echo(lab: &Lab, client: &Connection) -> Checked {
    client.send(line(lab))?;
    client.expect_echo()
}

/// A polite client from its first byte to its last.
fn visit(lab: &Lab, server: &Server) -> Checked {
    let step = "another client sends a line, gets it back, and closes";
    servers::visit_as(step, lab, server, echo)
}

/// So many clients at once, every other one from another address, who all do the same when they are connected.
fn clients(
    lab: &Lab,
    server: &Server,
    count: usize,
    first_deed: impl Fn(&Connection) -> Checked,
) -> Checked<Vec<Connection>> {
    let sources = [lab.any_port_elsewhere().ip(), server.address().ip()];
    sources
        .into_iter()
        .cycle()
        .take(count)
        .map(|source| {
            let client = server.connect_between(source, server.address().ip())?;
            first_deed(&client)?;
            Ok(client)
        })
        .collect()
}
