//! The hidden tests of day3_4_close. The lab plays clients: some ask and leave, some send on, some are silent.

mod bounds;
mod clients;
mod drain;
mod faults;
mod manners;
mod requests;
mod untested;

use harness::author::{
    Checked, Clue, Connection, Diagnosis, Exercise, Lab, Rejection, Seen, Server, Test, Transport,
};

use crate::promises::servers;

const ONE_LINE: &str = "One line is the request";
const UNREAD_BYTES: &str = "Unread bytes turn close into a reset";
const END_THEN_DRAIN: &str = "End the sending side, then drain";
const BOUND: &str = "A bound for the drain";

/// Day 3, exercise 4.
pub const EXERCISE: Exercise = Exercise {
    name: "day3_4_close",
    title: "an answer that survives the close",
    chapter: "3.4 Closing without losing the answer",
    first_step: "Begin with the server of exercise 2.2: socket, bind and listen, print `listening IP:PORT`, and wait \
                 in accept. The first test asks for no more.",
    tests: &[
        ANNOUNCES,
        requests::ANSWERS,
        requests::FIRST_LINE,
        drain::ENDS_ITS_SIDE,
        requests::LONG_ANSWERS,
        requests::PIECES,
        requests::BAD_REQUESTS,
        requests::NO_WHOLE_LINE,
        requests::ZEROS,
        drain::LATE_BYTE,
        drain::ONE_MORE_BYTE,
        drain::MANY_MORE_BYTES,
        bounds::BYTES,
        bounds::SILENT_AFTER_THE_ANSWER,
        bounds::SILENT_BEFORE_THE_LINE,
        bounds::AS_LONG_AS_THE_OPTION,
        bounds::DEADLINES,
        bounds::SLEEPS,
        clients::LEAVE,
        faults::SHORT_WRITES,
        faults::INTERRUPTED,
        faults::INTERRUPTED_CLOCK,
        faults::LOST_CLIENT,
        faults::NO_DESCRIPTOR,
        manners::LISTENS_FIRST,
        manners::AGAIN,
        manners::WRONG_ARGUMENTS,
    ],
    clues: &[CALLED_BAD],
    untested: untested::SENTENCES,
};

/// A right request has got the answer of a wrong one.
const CALLED_BAD: Clue = Clue {
    diagnoses: &[Diagnosis::WrongBytes],
    seen: Seen::GotInsteadOf("bad request", "0"),
    mistakes: &[
        "waits_for_the_end_of_the_header",
        "takes_all_that_has_come_for_the_line",
        "stops_before_ten_million",
        "reads_eight_digits_at_most",
        "takes_no_zeros",
    ],
    hint: requests::RIGHT_REQUEST,
};

const ANNOUNCES: Test = Test {
    name: "announces the address on which it listens",
    points: 1,
    read: "The address it announces",
    proves: &[
        "`ADDRESS` is an IPv4 address, and the server listens on this address only.",
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

/// So patient is a server whose time limit a test does not want to meet, in milliseconds: ten minutes.
const PATIENT: u64 = 600_000;

/// A receive buffer which is soon full.
const SMALL: usize = 16 * 1024;

/// An answer so long that no buffer takes it: a server that writes it waits for its client to read.
const LONG: usize = 2_000_000;

const BAD_REQUEST: &str = "bad request\n";

/// A server with `-t`.
fn start_with_limit(lab: &Lab, milliseconds: u64) -> Checked<Server> {
    let address = lab.any_port();
    let arguments = ["-t", &milliseconds.to_string(), &address.to_string()];
    lab.start(&arguments)?.expect_announcement(address)
}

/// The answer to `GET count`.
fn digits(count: usize) -> Vec<u8> {
    b"0123456789".iter().copied().cycle().take(count).collect()
}

/// A client asks for some bytes, gets them, and sees the end of the answer.
fn ask(lab: &Lab, client: &Connection) -> Checked {
    let count = some(lab);
    client.send(format!("GET {count}\n"))?;
    client.expect(digits(count))?;
    client.expect_end()
}

/// A client gets `bad request` and the end of the stream. It says what is wrong at any speed of this machine: a line
/// that comes too late has the same answer.
fn ask_badly(lab: &Lab, client: &Connection) -> Checked {
    client.send(lab.random_word(10) + "\n")?;
    expect_bad_request(client)
}

fn expect_bad_request(client: &Connection) -> Checked {
    client.expect(BAD_REQUEST)?;
    client.expect_end()
}

/// A number that is no multiple of 10.
fn some(lab: &Lab) -> usize {
    10 * lab.random_number(2..=300) as usize + 7
}

/// A polite client from its first byte to its last.
fn visit(lab: &Lab, server: &Server) -> Checked {
    let step = "another client asks, gets its answer, and closes";
    servers::visit_as(step, lab, server, ask)
}

/// The same at a server whose time limit is short.
fn visit_badly(lab: &Lab, server: &Server) -> Checked {
    let step = "another client sends a bad line, is told so, and closes";
    servers::visit_as(step, lab, server, ask_badly)
}
