//! The hidden tests of day3_2_udp_client. The test plays the server, which answers late or not at all, and strangers who
//! send what nobody has asked for.

mod answers;
mod failures;
mod tries;
mod untested;

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;

use crate::promises::{
    addresses,
    arguments::{self, refuses, spoiled},
    numbers,
};
use harness::author::{
    Checked, Comparison, Datagram, Diagnosis, Exercise, Lab, Launch, Program, Rejection, Test,
    UdpPeer,
};

const ONE_PARTNER: &str = "A UDP socket with one partner";
const NOBODY_RECEIVES: &str = "A port where nobody receives";
const ASK_AGAIN: &str = "Ask again: time limits and tries";
const WHICH_ANSWER: &str = "Which answer belongs to which question";
const DEADLINE: &str = "A deadline is a point in time";
const ANY_LENGTH: &str = "Answers of any length";

/// Day 3, exercise 2.
pub const EXERCISE: Exercise = Exercise {
    name: "day3_2_udp_client",
    title: "a UDP client that asks again",
    chapter: "3.2 A UDP client: asking again",
    first_step: "Begin with the straight way: make a socket of type SOCK_DGRAM, connect it to the address, and send \
                 one datagram: four bytes, and the bytes of TEXT behind them.",
    tests: &[
        ASKS,
        PRINTS_THE_ANSWER,
        TEXT_OF_BYTES,
        ANSWER_OF_BYTES,
        NO_BYTES,
        LONGEST,
        answers::STRANGERS,
        failures::REFUSED,
        answers::BESIDE_ANOTHER,
        tries::ASKS_AGAIN,
        tries::SLEEPS,
        tries::TIME,
        tries::SECOND_TRY,
        tries::BETWEEN_TRIES,
        answers::OTHER_NUMBERS,
        answers::SHORT,
        answers::FIRST_ANSWER,
        tries::NOISE,
        tries::INTERRUPTED,
        tries::CLOCK,
        answers::EACH_RUN,
        failures::REFUSED_LATER,
        failures::SEND_REFUSED,
        failures::TOO_LONG,
        failures::CANNOT_SEND,
        failures::CANNOT_RECEIVE,
        failures::SHORT_WRITES,
        failures::CANNOT_PRINT,
        WRONG_ARGUMENTS,
    ],
    clues: &[],
    untested: untested::SENTENCES,
};

/// How many bytes the number of a question has.
const NUMBER: usize = 4;
/// The most bytes that a datagram holds behind the number (RFC 768 in IPv4).
const LONGEST_TEXT: usize = 65507 - NUMBER;

const ASKS: Test = Test {
    name: "sends its question in one datagram",
    points: 1,
    read: ONE_PARTNER,
    proves: &[
        "`ADDRESS` is an IPv4 address.",
        "A question is one datagram: four bytes which are the number of the question, and `TEXT` behind them.",
    ],
    story: |lab| {
        let server = server(lab)?;
        let text = word(lab);
        let _program = ask(lab, &[], &server, &text)?;
        expect_question(lab, &server, text).map(drop)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "connects_with_tcp",
                "knows_one_address_only",
                "port_in_host_order",
            ],
            hint: "Your program ends, and the server has got nothing. Make a socket of type SOCK_DGRAM, and take the \
                   address and the port from the arguments. A sockaddr_in holds the port in network byte order: htons, \
                   in Rust to_be(); nix's types do it for you.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &[
                "asks_without_a_number",
                "number_as_text",
                "number_of_eight_bytes",
                "number_in_a_datagram_of_its_own",
                "sends_the_whole_buffer",
                "sends_a_newline",
            ],
            hint: "A question is one datagram: four bytes for the number, then the bytes of TEXT, and nothing before, \
                   between or behind. Put both into one buffer and send it with one call, because each call sends a \
                   datagram of its own. u32::to_be_bytes makes four bytes of a number.",
        },
    ],
};

const PRINTS_THE_ANSWER: Test = Test {
    name: "prints the answer, and ends",
    points: 2,
    read: ONE_PARTNER,
    proves: &[
        "An answer is one datagram from `ADDRESS:PORT`: the same four bytes, and any bytes behind them.",
        "The first answer ends the program.",
        "It prints the bytes behind the number, unchanged, and a newline.",
        "Exit status 0.",
        "Only the answer goes to standard output.",
    ],
    story: |lab| {
        let server = server(lab)?;
        let text = word(lab);
        let program = ask(lab, &[], &server, &text)?;
        let question = expect_question(lab, &server, text)?;
        let answer = word(lab);
        answer_with(&server, &question, &answer)?;
        expect_printed(&program, answer)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["prints_the_number_too", "prints_the_whole_buffer"],
            hint: "The answer stands behind the number: print from the fifth byte on, and only as many bytes as recv \
                   has counted, &buffer[4..n]. The rest of the buffer is no part of it.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["talks_on_stdout"],
            hint: "Standard output gets the answer, a newline, and nothing else. All other words go to standard error.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "forgets_the_newline",
                "forgets_to_flush",
                "compares_in_host_order",
            ],
            hint: "The answer has come, and your program has ended without all of its output. Has it printed nothing, \
                   with status 1? Then it has not known the answer: its first four bytes are those of the question, in \
                   the same order. Else print the bytes behind them and a newline, and flush: process::exit and _exit \
                   throw away what is still in a buffer.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["answer_ends_with_1"],
            hint: "The answer is printed, so the task is done: end with exit status 0. A script reads the status, not \
                   the output.",
        },
    ],
};

const TEXT_OF_BYTES: Test = Test {
    name: "sends a TEXT of all byte values",
    points: 1,
    read: ANY_LENGTH,
    proves: &[
        "`TEXT` may hold any bytes, also none, and need not be UTF-8.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let server = server(lab)?;
        // An argument ends with its first NUL.
        let text: Vec<u8> = lab.every_byte().into_iter().filter(|&b| b != 0).collect();
        let step =
            "start your program with a TEXT of all 255 byte values that an argument can hold";
        let _program = lab.step(step, || ask(lab, &[], &server, &text))?;
        expect_question(lab, &server, &text).map(drop)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_a_text_of_bytes"],
            hint: "TEXT need not be UTF-8, and env::args panics at an argument that is not. Take env::args_os, and its \
                   bytes (OsStringExt::into_vec).",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["refuses_a_text_of_bytes"],
            hint: "An argument is bytes, and not always UTF-8. Do not refuse it: take env::args_os, and its bytes \
                   (OsStringExt::into_vec).",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["replaces_what_is_not_text"],
            hint: "The question holds other bytes than TEXT. to_string_lossy puts U+FFFD in the place of what is not \
                   UTF-8: send the bytes of the argument as they are (OsStringExt::into_vec).",
        },
    ],
};

const ANSWER_OF_BYTES: Test = Test {
    name: "prints an answer of all byte values",
    points: 1,
    read: ANY_LENGTH,
    proves: &[
        "It prints the bytes behind the number, unchanged, and a newline.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        // What trim, the readers of lines and those of strings take away stands at both ends.
        for end in [b"\0\r\n \n".as_slice(), b"\n\0\0"] {
            let server = server(lab)?;
            let text = word(lab);
            let program = ask(lab, &[], &server, &text)?;
            let question = expect_question(lab, &server, text)?;
            let answer = [b"\n \0", lab.every_byte().as_slice(), end].concat();
            answer_with(&server, &question, &answer)?;
            expect_printed(&program, answer)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_an_answer_of_bytes"],
            hint: "The answer need not be UTF-8, so there is no String to make of it. Print its bytes with write_all.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "prints_text",
                "trims_the_answer",
                "trims_zero_bytes",
                "stops_at_a_zero_byte",
            ],
            hint: "The answer is bytes, of any value. A String replaces what is not UTF-8, trim takes blanks and \
                   newlines away, and a zero byte is no end. Write the bytes as they came.",
        },
    ],
};

const NO_BYTES: Test = Test {
    name: "asks without text, and prints an answer without text",
    points: 1,
    read: ANY_LENGTH,
    proves: &[
        "`TEXT` may hold any bytes, also none, and need not be UTF-8.",
        "It may be as long as a datagram can be, and it may end behind the number.",
    ],
    story: |lab| {
        let server = server(lab)?;
        let program = lab.step("start your program with an empty TEXT", || {
            ask(lab, &[], &server, "")
        })?;
        let question = expect_question(lab, &server, "")?;
        answer_with(&server, &question, "")?;
        expect_printed(&program, "")
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["refuses_an_empty_text", "wants_text_in_an_answer"],
        hint: "Nothing is a text, too. An empty TEXT makes a question of four bytes, and an answer of four bytes is an \
               answer: print a newline.",
    }],
};

const LONGEST: Test = Test {
    name: "takes questions and answers as long as a datagram can be",
    points: 2,
    read: ANY_LENGTH,
    proves: &["It may be as long as a datagram can be, and it may end behind the number."],
    story: |lab| {
        for length in [
            lab.random_number(1100..=1400) as usize,
            lab.random_number(1500..=9000) as usize,
            LONGEST_TEXT,
        ] {
            let server = server(lab)?;
            let text = lab.random_word(length);
            let step = format!("start your program with a TEXT of {length} bytes");
            let program = lab.step(step, || ask(lab, &[], &server, &text))?;
            let question = expect_question(lab, &server, text)?;
            // Without a newline inside: an answer cut in front of one would look like the beginning of the whole.
            let answer = lab.random_word(length);
            answer_with(&server, &question, &answer)?;
            expect_printed(&program, answer)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "has_a_small_buffer",
                "has_a_buffer_of_an_ethernet_frame",
                "has_no_room_for_the_number",
            ],
            hint: "A part of the answer is missing: the kernel throws away what does not fit into your buffer. A \
                   datagram holds up to 65507 bytes, and the number is among them: make the buffer 65536 bytes long.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["refuses_a_long_text"],
            hint: "This TEXT still fits into a datagram, which holds up to 65507 bytes. Set no limit of your own: the \
                   kernel says when it cannot send (EMSGSIZE).",
        },
    ],
};

const WRONG_ARGUMENTS: Test = Test {
    name: "refuses wrong arguments before it sends anything",
    points: 1,
    read: ONE_PARTNER,
    proves: &[
        "`ADDRESS` is an IPv4 address.",
        "The options stand before it, in any order.",
        "MS is a whole number from 1 to 1000000, TRIES one from 1 to 100.",
        "Exit status 2, with the reason on standard error, for wrong arguments: a word is missing or one too many, an \
         option is unknown, a number is out of its range, or the address is not `ADDRESS:PORT` (digits, dots and a \
         colon; no blank, no sign).",
        "Then nothing is sent.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let server = server(lab)?;
        let here = server.address()?.to_string();
        // These are right, and at the ends of their ranges.
        for options in [["-t", "1000000", "-n", "100"], ["-n", "1", "-t", "1000000"]] {
            let step = format!("start your program with {}: it asks", options.join(" "));
            lab.step(step, || {
                // No option follows the address.
                let text = format!("-{}", word(lab));
                let program = ask(lab, &options, &server, &text)?;
                let question = expect_question(lab, &server, text)?;
                answer_with(&server, &question, "")?;
                expect_printed(&program, "")
            })?;
        }
        let wrong: &[&[&str]] = &[
            &[],
            &[&here],
            &[&here, "text", "more"],
            &[&here, "text", ""],
            &["-t", &here, "text"],
            &["-t", "0", &here, "text"],
            &["-t", "1000001", &here, "text"],
            &["-t", "-5", &here, "text"],
            &["-n", "0", &here, "text"],
            &["-n", "101", &here, "text"],
            &["-t"],
            &["-t", "5"],
            &["-n", "5", "-t", "5", &here],
            &["-z", "5", &here, "text"],
            &["5", &here, "text"],
            // The options stand before the address.
            &[&here, "-n", "2", "text"],
        ];
        let near_misses: Vec<_> = ["-t", "-n"]
            .into_iter()
            .flat_map(|option| numbers::NEAR_MISSES.map(|near| [option, near, &here, "text"]))
            .collect();
        let near_misses = near_misses.iter().map(|arguments| &arguments[..]);
        let addresses = addresses::near_misses().map(|address| [address, "text"]);
        let addresses: Vec<_> = addresses.collect();
        let addresses = addresses.iter().map(|arguments| &arguments[..]);
        for arguments in wrong.iter().copied().chain(near_misses).chain(addresses) {
            let shown: Vec<String> = arguments.iter().map(|word| format!("'{word}'")).collect();
            let step = format!(
                "start your program with {}: it must end with status 2",
                match shown.as_slice() {
                    [] => "no arguments".to_owned(),
                    shown => shown.join(" "),
                }
            );
            lab.step(step, || {
                lab.expect_refused_start(arguments, 2)?;
                server.expect_quiet()
            })?;
        }
        refuses(lab, &[spoiled(&here), "text".into()])?;
        refuses(
            lab,
            &["-t".into(), spoiled("5"), here.into(), "text".into()],
        )?;
        server.expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "mixes_up_its_statuses",
                "looks_names_up",
                "cuts_the_port",
                "takes_a_wrong_number_for_the_default",
                "trims_its_numbers",
                "knows_no_limits",
                "takes_options_anywhere",
            ],
            hint: "A word of the command line is wrong, and the status of that is 2. An address is four numbers and \
                   three dots, a colon, and a port of 16 bits, digits only: `parse::<SocketAddrV4>()` (or \
                   `SockaddrIn`; inet_pton in C) takes nothing else. to_socket_addrs and getaddrinfo take names, and \
                   +0 for a port. MS goes from 1 to 1000000 and TRIES from 1 to 100, digits only, and what cannot be \
                   read is not the default.",
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["allows_one_try_more"],
            hint: "A word of the command line is wrong, and your program asks all the same, and waits for an answer. Look \
                   at every word before the first datagram: MS goes from 1 to 1000000 and TRIES from 1 to 100.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_without_arguments", "panics_on_bytes"],
            hint: arguments::NO_PANIC,
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "refuses_the_largest_numbers",
                "wants_one_order_of_options",
                "takes_its_text_for_an_option",
            ],
            hint: "All arguments are right here, but your program has sent nothing. 1000000 is in the range of MS, 1 \
                   and 100 are in that of TRIES, and -n may stand before -t or behind it. The options end where the \
                   address stands: TEXT may begin with a `-`.",
        },
    ],
};

// The program

/// The patience of a program that the test never keeps waiting for so long.
const LONG: &[&str] = &["-t", "600000"];

/// A server at an address which no program can guess.
fn server(lab: &Lab) -> Checked<UdpPeer> {
    lab.udp_peer_at("the server", lab.any_port_elsewhere())
}

/// Starts the program with these options, to ask this server.
fn ask(lab: &Lab, options: &[&str], server: &UdpPeer, text: impl AsRef<[u8]>) -> Checked<Program> {
    lab.launch(question_to(server.address()?, options, text))
}

fn question_to(address: SocketAddr, options: &[&str], text: impl AsRef<[u8]>) -> Launch {
    let mut arguments: Vec<OsString> = options.iter().map(OsString::from).collect();
    arguments.push(address.to_string().into());
    arguments.push(OsStr::from_bytes(text.as_ref()).into());
    Launch::new(arguments)
}

// What it sends

/// Receives a question, which must hold this text behind its number.
fn expect_question(lab: &Lab, server: &UdpPeer, text: impl AsRef<[u8]>) -> Checked<Datagram> {
    let question = server.receive("a question")?;
    expect_text(lab, &question, text.as_ref())?;
    Ok(question)
}

fn expect_text(lab: &Lab, question: &Datagram, text: impl AsRef<[u8]>) -> Checked {
    let text = text.as_ref();
    let number = question.bytes.get(..NUMBER).unwrap_or(&[0; NUMBER]);
    let difference = Comparison::of("the question", &[number, text].concat(), &question.bytes);
    if difference.is_none() {
        return Ok(());
    }
    let symptom = format!(
        "your program sends a datagram of {} bytes; the test expects a number of {NUMBER} bytes and the {} of TEXT",
        question.bytes.len(),
        text.len()
    );
    let failure = lab.failure(Diagnosis::WrongBytes, symptom);
    Err(failure.comparing(difference).into())
}

// What it gets

/// Answers a question: its number, and these bytes.
fn answer_with(server: &UdpPeer, question: &Datagram, bytes: impl AsRef<[u8]>) -> Checked {
    server.send_to(question.from, answer_to(question, bytes))
}

fn answer_to(question: &Datagram, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    [&question.bytes[..NUMBER], bytes.as_ref()].concat()
}

/// A datagram as an answer to another question would be: one byte of the number differs.
fn answer_to_another(lab: &Lab, question: &Datagram, place: usize) -> Vec<u8> {
    let mut other = answer_to(question, word(lab));
    other[place] = other[place].wrapping_add(lab.random_number(1..=255) as u8);
    other
}

/// Sees that the program prints this answer and nothing else, and ends.
fn expect_printed(program: &Program, answer: impl AsRef<[u8]>) -> Checked {
    program.stdout().expect([answer.as_ref(), b"\n"].concat())?;
    program.stdout().expect_end()?;
    program.expect_exit(0)
}

/// A word of a few letters.
fn word(lab: &Lab) -> String {
    lab.random_word(lab.random_number(5..=30) as usize)
}

// How it fails

const WORDS: [&str; 2] = ["refused", "no answer"];

/// Sees that the program ends with status 1 and prints nothing. Of the contract's words, its standard error must hold the
/// one that is due, or none.
fn expect_failure(lab: &Lab, program: &Program, due: Option<&str>) -> Checked {
    program.expect_exit(1)?;
    program.stdout().expect_end()?;
    program.stderr().expect_reason()?;
    let step = match due {
        Some(due) => format!("see that its standard error says `{due}`"),
        None => "see that its standard error says neither `refused` nor `no answer`".to_owned(),
    };
    lab.step(step, || {
        let said = program.stderr().text()?.to_lowercase();
        let missing = due.filter(|due| !said.contains(due));
        let wrong = WORDS
            .into_iter()
            .find(|word| Some(*word) != due && said.contains(word));
        match (wrong, missing) {
            (None, None) => Ok(()),
            (Some(wrong), _) => lab.fail(
                Diagnosis::WrongOutput,
                format!("your program says `{wrong}` on standard error, and that is not what has happened"),
            ),
            (None, Some(missing)) => lab.fail(
                Diagnosis::WrongOutput,
                format!("your program does not say `{missing}` on standard error"),
            ),
        }
    })
}
