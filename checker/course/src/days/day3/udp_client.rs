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
    arguments::{self, refuses, refuses_each, spoiled},
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

// Sentences of the contract
const SAYS_ADDRESS: &str = "`ADDRESS` is an IPv4 address.";
const SAYS_TEXT: &str = "`TEXT` may hold any bytes, also none, and need not be UTF-8.";
const SAYS_AN_ANSWER: &str = "An answer is one datagram from `ADDRESS:PORT`: the same four bytes, and any bytes \
                              behind them.";
const SAYS_ANY_LENGTH: &str =
    "It may be as long as a datagram can be, and it may end behind the number.";
const SAYS_FIRST_ANSWER: &str = "The first answer ends the program.";
const SAYS_UNCHANGED: &str = "It prints the bytes behind the number, unchanged, and a newline.";
const SAYS_WAITS_MS: &str = "It waits MS milliseconds for an answer (default 500).";
const SAYS_ASKS_AGAIN: &str = "Then it asks again, TRIES times in all (default 4): it sends the same datagram, with \
                               the same number, from the same port.";
const SAYS_EARLIER_TRY: &str = "An answer to an earlier try is an answer, too.";
const SAYS_PASSED_OVER: &str = "All other datagrams are passed over: those from another address or another port, \
                                with another number, or with fewer than four bytes.";
const SAYS_SIGNAL: &str =
    "A signal that interrupts a call (`EINTR`) is neither an answer nor the end of a try.";
const SAYS_MADE_AGAIN: &str = "The call is made again, and the time does not begin again.";
const SAYS_STATUS_1: &str = "Exit status 1, with the reason on standard error:";
const SAYS_REFUSED: &str = "It says `refused` when nobody receives at that port (`ECONNREFUSED`), and ends at once, \
                            without further tries.";
const SAYS_NEITHER: &str =
    "It says neither when it cannot send the question, receive, or write its output.";
const SAYS_ONLY_THE_ANSWER: &str = "Only the answer goes to standard output.";
const SAYS_NO_PANIC: &str = "A panic (exit status 101) is a failure.";

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
        tries::EINTR_AND_DEADLINE,
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
        SAYS_ADDRESS,
        "A question is one datagram: four bytes which are the number of the question, and `TEXT` behind them.",
    ],
    story: |lab| {
        asked(lab, &[])?;
        Ok(())
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
        SAYS_AN_ANSWER,
        SAYS_FIRST_ANSWER,
        SAYS_UNCHANGED,
        "Exit status 0.",
        SAYS_ONLY_THE_ANSWER,
    ],
    story: |lab| {
        let (server, program, question) = asked(lab, &[])?;
        answer_and_expect(&server, &question, &program, word(lab))
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
    proves: &[SAYS_TEXT, SAYS_NO_PANIC],
    story: |lab| {
        let server = server(lab)?;
        // An argument ends with its first NUL.
        let text: Vec<u8> = lab.every_byte().into_iter().filter(|&b| b != 0).collect();
        let step =
            "start your program with a TEXT of all 255 byte values that an argument can hold";
        let _program = lab.step(step, || ask(lab, &[], &server, &text))?;
        expect_question(lab, &server, &text)?;
        Ok(())
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
    proves: &[SAYS_UNCHANGED, SAYS_NO_PANIC],
    story: |lab| {
        // At both ends stand bytes that wrong programs take away: blanks, line ends and zero bytes.
        for end in [b"\0\r\n \n".as_slice(), b"\n\0\0"] {
            let (server, program, question) = asked(lab, &[])?;
            let answer = [b"\n \0", lab.every_byte().as_slice(), end].concat();
            answer_and_expect(&server, &question, &program, answer)?;
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
    proves: &[SAYS_TEXT, SAYS_ANY_LENGTH],
    story: |lab| {
        let server = server(lab)?;
        let program = lab.step("start your program with an empty TEXT", || {
            ask(lab, &[], &server, "")
        })?;
        let question = expect_question(lab, &server, "")?;
        answer_and_expect(&server, &question, &program, "")
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
    proves: &[SAYS_ANY_LENGTH],
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
            // The answer has no newline: a program that cuts it prints one at the cut, and that is a wrong byte.
            let answer = lab.random_word(length);
            answer_and_expect(&server, &question, &program, answer)?;
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
        SAYS_ADDRESS,
        "The options stand before it, in any order.",
        "MS is a whole number from 1 to 1000000, TRIES one from 1 to 100.",
        "Exit status 2, with the reason on standard error, for wrong arguments: a word is missing or one too many, an \
         option is unknown, a number is out of its range, or the address is not `ADDRESS:PORT` (digits, dots and a \
         colon; no blank, no sign).",
        "Then nothing is sent.",
        SAYS_NO_PANIC,
    ],
    story: |lab| {
        let server = server(lab)?;
        expect_right_arguments_taken(lab, &server)?;
        let here = server.address()?.to_string();
        let wrong_words: &[&[&str]] = &[
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
        let what = "a word that is missing, unknown, out of its range or one too many";
        refuses_each(lab, what, wrong_words)?;
        let wrong_numbers = ["-t", "-n"]
            .into_iter()
            .flat_map(|option| numbers::NEAR_MISSES.map(|number| [option, number, &here, "text"]));
        let what = "something in place of MS or TRIES that is no number";
        refuses_each(lab, what, wrong_numbers)?;
        let wrong_addresses = addresses::near_misses().map(|address| [address, "text"]);
        refuses_each(lab, addresses::NO_ADDRESS, wrong_addresses)?;
        refuses(lab, &[spoiled(&here), "text".into()])?;
        let arguments = ["-t".into(), spoiled("5"), here.into(), "text".into()];
        refuses(lab, &arguments)?;
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

/// These are at the ends of their ranges, and a TEXT may begin with a `-`: no option stands behind the address.
fn expect_right_arguments_taken(lab: &Lab, server: &UdpPeer) -> Checked {
    for options in [["-t", "1000000", "-n", "100"], ["-n", "1", "-t", "1000000"]] {
        let step = format!("start your program with {}: it asks", options.join(" "));
        lab.step(step, || {
            let text = format!("-{}", word(lab));
            let program = ask(lab, &options, server, &text)?;
            let question = expect_question(lab, server, text)?;
            answer_and_expect(server, &question, &program, "")
        })?;
    }
    Ok(())
}

// The program

/// So long that the time of a try is never over in a test.
const TEN_MINUTES: &[&str] = &["-t", "600000"];

/// A server at an address which no program can guess.
fn server(lab: &Lab) -> Checked<UdpPeer> {
    lab.udp_peer_at("the server", lab.any_port_elsewhere())
}

/// Starts the program with these options, to ask this server.
fn ask(lab: &Lab, options: &[&str], server: &UdpPeer, text: impl AsRef<[u8]>) -> Checked<Program> {
    lab.launch(question_to(server.address()?, options, text))
}

/// A server, a program with these options that has asked it, and its question.
fn asked(lab: &Lab, options: &[&str]) -> Checked<(UdpPeer, Program, Datagram)> {
    let server = server(lab)?;
    let text = word(lab);
    let program = ask(lab, options, &server, &text)?;
    let question = expect_question(lab, &server, text)?;
    Ok((server, program, question))
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

/// Receives a question with the same text.
fn expect_question_again(lab: &Lab, server: &UdpPeer, question: &Datagram) -> Checked {
    expect_question(lab, server, &question.bytes[NUMBER..])?;
    Ok(())
}

fn expect_text(lab: &Lab, question: &Datagram, text: impl AsRef<[u8]>) -> Checked {
    let text = text.as_ref();
    let number = question.bytes.get(..NUMBER).unwrap_or(&[0; NUMBER]);
    let difference = Comparison::of("the question", &[number, text].concat(), &question.bytes);
    if difference.is_none() {
        return Ok(());
    }
    let symptom = format!(
        "your program sends a datagram of {} bytes; the test expects {NUMBER} bytes for the number and {} for TEXT",
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

/// Sends a datagram that is no answer.
fn disturb(lab: &Lab, server: &UdpPeer, question: &Datagram) -> Checked {
    server.send_to(question.from, answer_to_another(lab, question, 0))
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

/// Answers a question, and sees that the program prints the answer and ends.
fn answer_and_expect(
    server: &UdpPeer,
    question: &Datagram,
    program: &Program,
    answer: impl AsRef<[u8]>,
) -> Checked {
    answer_with(server, question, &answer)?;
    expect_printed(program, answer)
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
