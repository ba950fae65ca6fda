//! The hidden tests of day4_4_sigpipe. The lab plays clients: some stay and read, some leave, some read nothing.

mod faults;
mod lost;
mod manners;
mod slow;
mod untested;

use harness::author::{
    Checked, Clue, Comparison, Connection, Diagnosis, Exercise, Lab, Rejection, Seen, Server, Test,
    Transport,
};

use crate::promises::servers;

// Chapters of the textbook
const READ_ONE_TO_MANY: &str = "One input, many clients";
const READ_DOES_NOT_READ: &str = "A client that does not read";
const READ_WHICH_ERROR: &str = "Which error tells what";
const READ_THE_SIGNAL: &str = "Where the signal went";

/// Day 4, exercise 4.
pub const EXERCISE: Exercise = Exercise {
    name: "day4_4_sigpipe",
    title: "a broadcast that outlives its clients",
    chapter: "4.4 SIGPIPE, and clients that vanish",
    first_step: "Begin with the server of exercise 2.2: socket, bind and listen, print `listening IP:PORT`, and wait \
                 in accept. The first test asks for no more.",
    tests: &[
        ANNOUNCES,
        EVERY_BYTE,
        TO_EVERY_CLIENT,
        ENDS,
        manners::SLEEPS,
        lost::LEAVES,
        lost::RESETS,
        lost::HALF_CLOSED,
        lost::SEVERAL,
        slow::STOPS_READING,
        slow::NOT_A_MOMENT,
        slow::CUT_OFF,
        slow::NO_HOLE,
        slow::MEMORY,
        faults::OTHER_ERRORS,
        faults::INTERRUPTED,
        lost::NONE_IS_LEFT,
        faults::CANNOT_PRINT,
        manners::CLOSES_THE_DOOR,
        manners::LISTENS_FIRST,
        manners::AGAIN,
        manners::WRONG_ARGUMENTS,
    ],
    clues: &[IS_NOT_LOST, LAST_LINE],
    untested: untested::SENTENCES,
};

const IS_NOT_LOST: Clue = Clue {
    diagnoses: &[Diagnosis::WrongOutput],
    seen: Seen::GotInsteadOf("lost ", "sent "),
    mistakes: &["looks_who_is_there_at_the_end"],
    hint: "Your program calls a client lost that is still there. Only a write that fails tells that one is lost: a read \
           fails with EAGAIN while the client says nothing. And offer each block with one call: many writes of a few \
           bytes fill the kernel's buffers long before 16 KiB.",
};

const LAST_LINE: Clue = Clue {
    diagnoses: &[Diagnosis::WrongOutput],
    seen: Seen::Expected("sent "),
    mistakes: &[
        "counts_bytes_for_each_client",
        "counts_blocks",
        "counts_lost_clients",
        "counts_what_all_have_got",
    ],
    hint: "The last line is `sent B bytes to K clients`. B is the length of the whole input: each byte counts once, \
           whether all clients get it or only some. K is the number of clients that are not lost.",
};

// Sentences of the contract
const SAYS_ADDRESS_ONLY: &str =
    "`ADDRESS` is an IPv4 address, and the server listens on this address only.";
const SAYS_TO_ALL: &str = "Then it sends its standard input to all of them: every byte, unchanged, and as soon as it comes.";
const SAYS_NUMBERED: &str = "The server accepts N clients, and numbers them from 1 in this order.";
const SAYS_LOST: &str = "When a write to a client fails, the client is lost.";
const SAYS_LINE_AT_ONCE: &str =
    "The server prints the line `lost I: ERRNO` at once, and closes this connection.";
const SAYS_ERRNO: &str = "`I` is the client's number, and `ERRNO` the name of the error: `EPIPE`, `ECONNRESET`, or any \
                        other.";
const SAYS_OTHERS: &str = "The others get everything.";
const SAYS_TAKES_A_PART: &str = "`write` may take only a part of the bytes.";
const SAYS_AS_IF_NOTHING: &str = "The server goes on as if nothing had happened.";
const SAYS_AT_THE_END: &str = "At the end of its input the server closes all connections, and prints the line `sent B bytes \
                          to K clients`: all bytes of its input, and the clients that are not lost.";
const SAYS_STATUS_0: &str = "The exit status is 0.";
const SAYS_ONLY_THESE_LINES: &str = "Only these lines go to standard output.";
const SAYS_NO_PANIC: &str = "A panic (exit status 101) is a failure, and so is an end by SIGPIPE.";
const SAYS_READY: &str = "When it is ready for clients, the server prints the line `listening IP:PORT`, with the port it \
                          really has.";
const SAYS_HOW_FAR: &str =
    "With 16 KiB unread a client is never lost, and with 8 MiB it always is.";
const SAYS_STATUS_1: &str =
    "Exit status 1: it cannot listen, it cannot print, or no client is left.";
const SAYS_REASON: &str = "The reason is on standard error.";

const ANNOUNCES: Test = Test {
    name: "announces the address on which it listens",
    points: 1,
    read: "The address it announces",
    proves: &[
        SAYS_ADDRESS_ONLY,
        "`PORT` may be 0: the kernel then chooses a free port.",
        SAYS_READY,
        SAYS_ONLY_THESE_LINES,
    ],
    story: |lab| {
        let address = lab.any_port_elsewhere();
        let program = lab.start(&[&address.to_string(), "1"])?;
        let server = program.expect_announcement(address)?;
        server.expect_address(address)?;
        servers::expect_no_other_door(lab, &server, Transport::Tcp)?;
        server.stdout().expect_quiet()?;
        server.program().expect_alive()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::BadAnnouncement,
            mistakes: &["announces_the_asked_port"],
            hint: "The line is exactly `listening IP:PORT`. Port 0 means \"any free port\": ask getsockname which one \
                   the kernel has chosen, and print that.",
        },
        Rejection {
            diagnosis: Diagnosis::ListensElsewhere,
            mistakes: &["listens_on_every_address"],
            hint: servers::BIND_THE_ARGUMENT,
        },
        Rejection {
            diagnosis: Diagnosis::NeverListened,
            mistakes: &["keeps_the_line"],
            hint: "No whole line has come. End it with \\n, and flush standard output: the line may still be in a \
                   buffer.",
        },
    ],
};

const EVERY_BYTE: Test = Test {
    name: "sends its input to a client, as soon as it comes",
    points: 1,
    read: READ_ONE_TO_MANY,
    proves: &[SAYS_TO_ALL],
    story: |lab| {
        let (server, [client]) = start(lab)?;
        // Each piece comes at once. None of the first three fills a buffer, and the second one has no line end.
        feed_and_expect(&server, &lab.random_bytes(1), &[&client])?;
        feed_and_expect(&server, lab.random_word(9).as_bytes(), &[&client])?;
        feed_and_expect(&server, &lab.every_byte(), &[&client])?;
        // Each piece is longer than most buffers, and shorter than the 16 KiB which a client may leave unread.
        (0..4).try_for_each(|_| feed_and_expect(&server, &lab.random_bytes(16_000), &[&client]))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["sends_text", "sends_the_whole_buffer"],
            hint: "The client gets other bytes than those of the input. Send exactly what the last read has put into \
                   the buffer, `&buffer[..n]`, and make no String of it.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["waits_for_a_line_end", "waits_for_a_full_block"],
            hint: "Some of the input has come, and the client does not get it. read returns what is there: send that \
                   at once, and do not wait for a line end, a full buffer or the end of the input.",
        },
    ],
};

const TO_EVERY_CLIENT: Test = Test {
    name: "sends all of its input to every client",
    points: 2,
    read: READ_ONE_TO_MANY,
    proves: &[SAYS_TO_ALL],
    story: |lab| {
        let server = start_for(lab, 3)?;
        let first = server.connect()?;
        lab.settle()?;
        // This input comes before the other two clients do.
        let early = piece(lab);
        server.program().stdin().feed(&early);
        lab.settle()?;
        let [second, third] = connect(&server)?;
        let all = [&first, &second, &third];
        all.iter().try_for_each(|client| client.expect(&early))?;
        feed_and_expect(&server, &piece(lab), &all)?;
        feed_and_expect(&server, &piece(lab), &all)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["knows_only_the_last_client"],
            hint: "When the next client comes, your program closes the one before: both connections are kept in the \
                   same variable, one after the other. Keep all connections in a Vec.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["sends_to_the_first_client", "begins_before_all_are_there"],
            hint: "A client does not get all of the input. Accept N clients first, and only then begin to read; then \
                   send each block to every one of them.",
        },
    ],
};

const ENDS: Test = Test {
    name: "closes all connections at the end of its input, and says what it sent",
    points: 2,
    read: READ_ONE_TO_MANY,
    proves: &[
        SAYS_AT_THE_END,
        "A client that reads late still gets everything.",
        SAYS_HOW_FAR,
        SAYS_STATUS_0,
        SAYS_ONLY_THESE_LINES,
    ],
    story: |lab| {
        let (server, [first, late]) = start(lab)?;
        let bytes = lab.random_bytes(NEVER_LOST_WITH);
        // No client is lost: the late one has no more than 16 KiB unread.
        for piece in bytes.chunks(NEVER_LOST_WITH / 4) {
            feed_and_expect(&server, piece, &[&first])?;
        }
        server.program().stdin().close();
        expect_bytes_and_end(lab, &first, b"")?;
        expect_last_line(&server, bytes.len(), 2)?;
        expect_bytes_and_end(lab, &late, &bytes)?;
        // And an input without a byte.
        let (server, [alone]) = start(lab)?;
        expect_all_end(lab, &server, 0, &[&alone])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "counts_bytes_for_each_client",
                "counts_blocks",
                "looks_who_is_there_at_the_end",
                "leaves_its_last_line_open",
            ],
            // A whole line with other words gets the hint of a clue.
            hint: "Your program does not print the line `sent B bytes to K clients`. Print it at the end of the input, \
                   with \\n, and flush standard output.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["ends_with_status_1"],
            hint: "The input has ended, which is no failure: end with exit status 0.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["reads_on_at_the_end"],
            hint: "read returns 0: this is the end of the input, and it stays so, however often you ask. Leave the \
                   loop.",
        },
        Rejection {
            diagnosis: Diagnosis::Reset,
            mistakes: &["resets_at_the_end"],
            hint: "A reset says that something is missing, and destroys what is still on its way. An ordinary close \
                   delivers everything and then the end of the stream; with SO_LINGER and a time of zero it resets.",
        },
    ],
};

/// With 16 KiB unread a client must not be lost.
const NEVER_LOST_WITH: usize = 16 * 1024;

/// Starts a server for so many clients, and connects them, one after the other.
fn start<const N: usize>(lab: &Lab) -> Checked<(Server, [Connection; N])> {
    let server = start_for(lab, N)?;
    let clients = connect(&server)?;
    Ok((server, clients))
}

/// A server for so many clients, which have not come yet.
fn start_for(lab: &Lab, count: usize) -> Checked<Server> {
    let address = lab.any_port();
    lab.start(&[&address.to_string(), &count.to_string()])?
        .expect_announcement(address)
}

/// Connects clients one after the other. The kernel queues them in this order.
fn connect<const N: usize>(server: &Server) -> Checked<[Connection; N]> {
    let clients: Vec<Connection> = (0..N).map(|_| server.connect()).collect::<Checked<_>>()?;
    Ok(clients.try_into().expect("there are N"))
}

/// The server gets some input, and these clients receive it.
fn feed_and_expect(server: &Server, bytes: &[u8], clients: &[&Connection]) -> Checked {
    server.program().stdin().feed(bytes);
    clients.iter().try_for_each(|client| client.expect(bytes))
}

/// The input ends. These clients are still there, and see the end; all input had so many bytes.
fn expect_all_end(lab: &Lab, server: &Server, sent: usize, clients: &[&Connection]) -> Checked {
    server.program().stdin().close();
    clients
        .iter()
        .try_for_each(|client| expect_bytes_and_end(lab, client, b""))?;
    expect_last_line(server, sent, clients.len())
}

/// The client gets these bytes, and then the end of the stream. The program is to end, too: `client.expect_end()` would
/// report that in place of a reset.
fn expect_bytes_and_end(lab: &Lab, client: &Connection, expected: &[u8]) -> Checked {
    let rest = client.until_end()?;
    let name = client.name();
    if rest.is_reset {
        let symptom =
            format!("your program has reset the connection with {name}; its stream should end");
        return lab.fail(Diagnosis::Reset, symptom);
    }
    match Comparison::of("the reply", expected, &rest.bytes) {
        None => Ok(()),
        difference => {
            let symptom = format!("{name} gets other bytes than it should before the end");
            let failure = lab.failure(Diagnosis::WrongBytes, symptom);
            Err(failure.comparing(difference).into())
        }
    }
}

fn expect_last_line(server: &Server, sent: usize, count: usize) -> Checked {
    let last_line = format!("sent {sent} bytes to {count} clients");
    server.stdout().expect_all(&[last_line])?;
    server.program().expect_exit(0)
}

fn expect_lost(server: &Server, number: usize, errno: &str) -> Checked {
    server
        .stdout()
        .expect_line(format!("lost {number}: {errno}"))
}

/// A piece of input.
fn piece(lab: &Lab) -> Vec<u8> {
    lab.random_bytes(lab.random_number(20..=3000) as usize)
}
