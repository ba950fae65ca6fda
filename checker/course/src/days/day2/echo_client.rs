//! The hidden tests of day2_3_echo_client. Here the test plays the server.

mod departures;
mod faults;
mod replies;
mod untested;

use crate::promises::{addresses, arguments};
use harness::author::{
    Checked, Connection, Diagnosis, Exercise, Lab, Launch, Listener, Program, Rejection, Test,
};

/// Day 2, exercise 3.
pub const EXERCISE: Exercise = Exercise {
    name: "day2_3_echo_client",
    title: "a TCP echo client",
    chapter: "2.3 An echo client",
    first_step: CONNECT,
    tests: &[
        CONNECTS,
        REFUSED,
        SENDS_AT_ONCE,
        replies::WAITS_FOR_EACH_REPLY,
        replies::WHOLE_REPLY,
        replies::EARLY_REPLY,
        HALF_CLOSES,
        replies::PATIENCE,
        EVERY_BYTE,
        SHORT_AND_LONG,
        SHORT_WRITES,
        faults::SHORT_WRITES,
        faults::INTERRUPTED,
        replies::PRINTS_THE_REPLY,
        replies::CHANGED_BYTE,
        replies::WRONG_GUESS,
        departures::MORE_THAN_SENT,
        departures::CUT_REPLY,
        departures::RESET_IN_REPLY,
        departures::GONE,
        departures::RESET_AT_THE_END,
        faults::CANNOT_PRINT,
        WRONG_ARGUMENTS,
    ],
    clues: &[],
    untested: untested::SENTENCES,
};

/// Also for a program in which connect is still missing.
const CONNECT: &str = "Begin with socket(2) and connect(2), before you read any input. If your connect fails with \
                       ECONNREFUSED: does it take the address from the argument, and not always 127.0.0.1? A \
                       sockaddr_in holds the port in network byte order. Use htons, in Rust to_be(); nix's \
                       SockaddrIn does it for you.";

const CONNECTS: Test = Test {
    name: "connects to the address it is given",
    points: 1,
    read: "connect, the client's side",
    proves: &[
        "`ADDRESS` is an IPv4 address (names like `localhost` are wrong), `PORT` the port of the server.",
        "The client connects before it reads any input.",
    ],
    story: |lab| {
        let listener = lab.listen_elsewhere()?;
        start(lab, &listener)?;
        listener.accept().map(drop)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["port_in_host_order", "knows_one_address_only"],
            hint: CONNECT,
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["connects_at_the_first_line"],
            hint: "Your program waits for something else before it connects. Connect first: the user wants to know \
                   that a server is there before typing a line.",
        },
    ],
};

const REFUSED: Test = Test {
    name: "says so when nobody listens",
    points: 1,
    read: "connect, the client's side",
    proves: &[
        "Exit status 1, with the reason on standard error, in these cases:",
        "It cannot connect.",
        "A panic (exit status 101) and death by a signal are failures.",
    ],
    story: |lab| {
        let reservation = lab.reserve_address()?;
        let address = reservation.address().to_string();
        let refused = lab.start(&[&address])?;
        expect_failure(&refused)?;
        // A program which never connects would have passed until here.
        let listener = reservation.listen()?;
        start(lab, &listener)?;
        listener.accept().map(drop)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_refused"],
            hint: "A refused connection is an ordinary event, not a bug: return the error up to main instead of \
                   unwrap or expect.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["errors_end_with_zero"],
            hint: "connect has failed, but the status says success. End with ExitCode::from(1) after an error.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["ignores_connect_error"],
            hint: "connect has failed, but the program goes on. Look at what connect returns before you do anything \
                   else.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["fails_in_silence"],
            hint: "The status says that something is wrong, but not what it is. Print the error to standard error, \
                   with eprintln.",
        },
    ],
};

const SENDS_AT_ONCE: Test = Test {
    name: "sends a line as soon as it has read it",
    points: 1,
    read: "Taking turns",
    proves: &[
        "Turn by turn: the client sends a whole line as soon as it has read it, waits until as many bytes have come \
         back, and prints them.",
        "So a server may wait for a whole line before it answers, but it must not wait for the end of the input.",
    ],
    story: |lab| {
        let line = line(lab);
        let (_program, server) = client_of_terminal(lab, &line)?;
        server.expect(&line)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Stuck,
        mistakes: &["reads_all_input_first"],
        hint: "The first line is complete, and the server has not got all of it. Send each line as soon as its \
               newline has come, without waiting for more input; the newline is a byte of the line, and goes with it.",
    }],
};

const HALF_CLOSES: Test = Test {
    name: "half-closes at the end of its input and waits for the server's end",
    points: 2,
    read: "The end of the input",
    proves: &[
        "At the end of the input the client half-closes the connection (shutdown(2) with `SHUT_WR`: \"I send no more, \
         but I still listen\") and waits for the server's end of file.",
        "Exit status 0: all lines came back and the server ended the connection after them.",
    ],
    story: |lab| {
        let line = line(lab);
        let (program, server) = client_of_file(lab, &line)?;
        echo(&server, &line)?;
        server.expect_end()?;
        program.expect_alive()?;
        server.close();
        program.expect_exit(0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::LeftOpen,
            mistakes: &["no_half_close"],
            hint: "You wait for the server's end, and it waits for yours. Call shutdown with SHUT_WR when the input \
                   has ended.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["closes_at_end_of_input", "shuts_down_both_sides"],
            hint: "The server has not ended its side yet. Half-close with shutdown and SHUT_WR, then read until read \
                   returns 0. SHUT_RDWR ends your receiving, too: then read returns 0 at once.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["never_sees_the_end"],
            hint: "read returns 0 again and again: that is the end of file, and it stays. Leave the loop.",
        },
    ],
};

const EVERY_BYTE: Test = Test {
    name: "sends and prints every byte as it is",
    points: 2,
    read: "A line is not text",
    proves: &[
        "A line is the bytes of standard input up to a newline, and the newline itself.",
        "All byte values are allowed: a line is not text.",
        "The last line may end without a newline; it is then sent without one.",
        "What comes back goes to standard output, unchanged, and is visible (flushed) before the client waits again, be \
         it for the rest of a reply.",
        "A panic (exit status 101) and death by a signal are failures.",
    ],
    story: |lab| {
        let (every_byte, unfinished) = (every_byte(lab), word(lab));
        let input = [&every_byte, unfinished.as_bytes()].concat();
        let (program, server) = client_of_file(lab, &input)?;
        server.expect(&every_byte)?;
        server.expect_quiet()?;
        server.send(&every_byte)?;
        server.expect(&unfinished)?;
        server.expect_quiet()?;
        server.send(&unfinished)?;
        program.stdout().expect(&input)?;
        // The client knows that this was all: it goes on to the end of its input.
        server.expect_end()?;
        server.close();
        program.stdout().expect_end()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["expects_utf8"],
            hint: "A line is bytes, not text: use read_until(b'\\n', &mut Vec<u8>) instead of read_line and String.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["takes_no_text_for_an_error"],
            hint: "One of the lines is not UTF-8, and your program ends there: read_line into a String and lines() \
                   fail at it. A line is bytes, not text: read_until(b'\\n', &mut Vec<u8>) takes any.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["prints_at_a_newline", "takes_a_line_for_a_c_string"],
            hint: "What does the test wait for? If it is standard output: the last reply is there and has no newline, \
                   like the line that was sent. Count the bytes that are back, and flush: io::stdout keeps what has no \
                   newline. If it is the connection: a part of a line was not sent. A byte 0 is a byte like any other, \
                   but strlen and `%s` of C end at it.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["strips_carriage_return"],
            hint: "The line is not sent as it was read. A carriage return (0d) before the newline, for example, is a \
                   byte of the line like any other, and `lines()` removes it.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["prints_text"],
            hint: "from_utf8_lossy replaces what is not UTF-8. Write the bytes themselves: stdout().write_all(&bytes).",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["adds_newline"],
            hint: "The last line has no newline in the input, so it has none on the wire.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["ends_its_output_with_a_newline"],
            hint: "The last line of the input has no newline, so its reply has none, and your program prints none \
                   behind it: only what the server has sent goes to standard output.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["drops_unfinished_line"],
            hint: "The end of the input may come before a newline. What you have read until then is a line, too.",
        },
        Rejection {
            diagnosis: Diagnosis::LeftOpen,
            mistakes: &["reads_until_newline"],
            hint: "All of the last reply has come, but you wait for more. A reply is complete when as many bytes are \
                   back as you sent, with a newline or without. Then comes the half-close.",
        },
    ],
};

const SHORT_AND_LONG: Test = Test {
    name: "takes a line of one byte and a line of a megabyte",
    points: 1,
    read: "A line is not text",
    proves: &[
        "An empty line is a line of one byte.",
        "So a server may wait for a whole line before it answers, but it must not wait for the end of the input.",
        "Lines of up to 1 MiB (1,048,576 bytes) are ordinary.",
    ],
    story: |lab| {
        let long = lab.random_word(MEBIBYTE - 1) + "\n";
        let (program, server) = client_of_long_file(lab, &lab.listen()?, ["\n", &long].concat())?;
        echo(&server, "\n")?;
        echo(&server, &long)?;
        program.stdout().expect(["\n", &long].concat())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["stops_at_empty_line"],
            hint: "A line with only a newline is a line of one byte. The end of the input is a read of 0 bytes.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["cuts_long_lines"],
            hint: "Your line buffer is full and the rest of the line is lost. Let the buffer grow (Vec), or send the \
                   line in several writes.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["sends_in_pieces"],
            hint: "You wait for the echo of a part, and the server waits for the rest of the line. Send the whole \
                   line before you read.",
        },
    ],
};

const SHORT_WRITES: Test = Test {
    name: "sends the rest of a line of which write has taken a part",
    points: 1,
    read: "A stream has no lines",
    proves: &[
        "A write may take fewer bytes than it is given, on the connection and on standard output, and a signal may \
         interrupt a call that can wait before it has done anything (`EINTR`).",
        "The client goes on as if nothing had happened.",
        "Lines of up to 1 MiB (1,048,576 bytes) are ordinary.",
    ],
    story: |lab| {
        let long = lab.random_word(MEBIBYTE - 1) + "\n";
        // It has room for a few kilobytes only: a client that sends more has to wait.
        let narrow = lab.listen_with_receive_buffer(16 << 10)?;
        let (program, server) = client_of_long_file(lab, &narrow, &long)?;
        lab.step("read nothing until your program has to wait", || {
            lab.settle()
        })?;
        lab.step(
            "stop it and let it go on: a write that waits returns and says how much it has sent",
            || {
                program
                    .signals()
                    .freeze()
                    .and_then(|()| program.signals().resume())
            },
        )?;
        server.expect(&long)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Stuck,
        mistakes: &["one_write_per_line"],
        hint: "write has taken a part of the line, and returned how many bytes that is. Write the rest: call it again \
               until no bytes are left, or use write_all.",
    }],
};

const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 2 after wrong arguments",
    points: 1,
    read: "One reading for each text",
    proves: &[
        "`ADDRESS` is an IPv4 address (names like `localhost` are wrong), `PORT` the port of the server.",
        "Exit status 2: wrong arguments, which are none, more than one, or one that is not `ADDRESS:PORT` (digits, \
         dots and a colon; no blank, no sign).",
    ],
    story: |lab| {
        let reservation = lab.reserve_address()?;
        addresses::refuses_all_else(lab, &reservation.address().to_string())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "cuts_the_port",
                "makes_port_0_of_words",
                "looks_names_up",
                "takes_a_sign",
            ],
            hint: addresses::EXACTLY_AN_ADDRESS,
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_on_bytes"],
            hint: arguments::NO_PANIC,
        },
    ],
};

/// The longest line that the contract calls ordinary.
const MEBIBYTE: usize = 1 << 20;

fn start(lab: &Lab, listener: &Listener) -> Checked<Program> {
    lab.start(&[&listener.address().to_string()])
}

/// A client whose user has typed this and may type more; and its server.
fn client_of_terminal(lab: &Lab, input: impl AsRef<[u8]>) -> Checked<(Program, Connection)> {
    let listener = lab.listen()?;
    let program = start(lab, &listener)?;
    program.stdin().feed(input);
    Ok((program, listener.accept()?))
}

/// The same: it has printed the reply to a first line, and sleeps in a read of the next one.
fn client_that_waits(lab: &Lab) -> Checked<(Program, Connection)> {
    let first = line(lab);
    let (program, server) = client_of_terminal(lab, &first)?;
    echo(&server, &first)?;
    program.stdout().expect(&first)?;
    program.stdin().wait_until_read()?;
    Ok((program, server))
}

/// A client whose input is a file with this content; and its server.
fn client_of_file(lab: &Lab, input: impl AsRef<[u8]>) -> Checked<(Program, Connection)> {
    let listener = lab.listen()?;
    let program = start(lab, &listener)?;
    feed(program, &listener, input)
}

/// The same for a long file. A client may move it byte by byte, which is slow to follow: its calls are not followed.
fn client_of_long_file(
    lab: &Lab,
    listener: &Listener,
    input: impl AsRef<[u8]>,
) -> Checked<(Program, Connection)> {
    let program = lab.launch(Launch {
        traced: false,
        ..Launch::new([listener.address().to_string()])
    })?;
    feed(program, listener, input)
}

fn feed(
    program: Program,
    listener: &Listener,
    file: impl AsRef<[u8]>,
) -> Checked<(Program, Connection)> {
    program.stdin().feed(file);
    program.stdin().close();
    Ok((program, listener.accept()?))
}

fn echo(server: &Connection, line: impl AsRef<[u8]>) -> Checked {
    server.expect(&line)?;
    server.send(&line)
}

fn send_and_close(server: &Connection, bytes: &[u8]) -> Checked {
    server.send(bytes)?;
    server.close();
    Ok(())
}

/// The client ends with status 1 and says why.
fn expect_failure(program: &Program) -> Checked {
    program.expect_exit(1)?;
    program.stderr().expect_reason()
}

// What the lines are made of

fn word(lab: &Lab) -> String {
    lab.random_word(lab.random_number(10..=29) as usize)
}

fn line(lab: &Lab) -> String {
    word(lab) + "\n"
}

/// All bytes in any order, and a line end in the style of other systems.
fn every_byte(lab: &Lab) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=u8::MAX).filter(|&byte| byte != b'\n').collect();
    bytes.sort_by_cached_key(|_| lab.random_number(0..=u64::MAX));
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// A line without any UTF-8 but its newline, so that it all looks the same to a program which expects text.
fn line_of_no_text(lab: &Lab) -> Vec<u8> {
    let high = |byte| 0x80 | byte & 0x3f;
    // A string of C ends at the byte 0.
    [
        &[0],
        &*word(lab).bytes().map(high).collect::<Vec<u8>>(),
        b"\n",
    ]
    .concat()
}

/// Neither the first byte, which of a line of no text is one, nor the newline.
fn with_one_byte_changed(lab: &Lab, line: &[u8]) -> Vec<u8> {
    let mut changed = line.to_vec();
    let last = line.len() as u64 - 2;
    changed[lab.random_number(1..=last) as usize] ^= 1;
    changed
}
