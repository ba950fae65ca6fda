//! The hidden tests of day2_4_framing.

mod ends;
mod faults;
mod lengths;
mod manners;
mod untested;

use crate::promises::{addresses, servers};
use harness::author::{
    Checked, Clue, Connection, Diagnosis, Exercise, Lab, Rejection, Seen, Server, Test, Transport,
};

/// Day 2, exercise 4.
pub const EXERCISE: Exercise = Exercise {
    name: "day2_4_framing",
    title: "messages over a stream",
    chapter: CHAPTER,
    first_step: "Begin with a copy of your echo server of exercise 2.2. In place of the echo, read four bytes of \
                 length and the payload, and write the answer, with a length of its own: steps 1 to 4 at the top of \
                 src/main.rs. The first test asks for no more.",
    tests: &[
        LENGTH_AND_SUM,
        ONE_AFTER_THE_OTHER,
        EVERY_BYTE,
        EMPTY_MESSAGE,
        IN_PIECES,
        TOGETHER,
        ONE_AND_A_HALF,
        lengths::LARGEST,
        ends::CLEAN_END,
        TWO_AT_ONCE,
        lengths::TOO_LONG,
        lengths::ROOM_FOR_ONE,
        ends::CUT_OFF,
        ends::RESET,
        faults::SHORT_READS,
        faults::SHORT_WRITES,
        faults::INTERRUPTED,
        manners::PATIENCE,
        manners::LOST_CLIENT,
        manners::NO_DESCRIPTOR,
        manners::LISTENS_FIRST,
        manners::AGAIN,
        WHERE_IT_LISTENS,
    ],
    clues: &[Clue {
        diagnoses: &[Diagnosis::Panicked],
        seen: Seen::Said("attempt to add with overflow"),
        mistakes: &["adds_up_in_a_byte", "sums_in_16_bits"],
        hint: "An addition overflows its type. A byte holds 255 at most, and the sum of 65536 bytes may be 16711680, \
               so that it needs 32 bits: take u32 or u64 before you add.",
    }],
    untested: untested::SENTENCES,
};

const NETWORK_ORDER: &str = "Your program hangs up on a message that is right. Does it read the length as its own \
                             machine stores numbers? The most significant byte comes first: `u32::from_be_bytes`.";

const LENGTH_AND_SUM: Test = Test {
    name: "answers a message with its length and its sum",
    points: 2,
    read: LENGTH_FIRST,
    proves: &[
        "A **message** is a *length*, four bytes, the most significant first, and then a *payload* of so many bytes.",
        "The length counts the payload only.",
        "The **answer** is a message, too.",
        "Its payload is the text `LENGTH SUM`: the length of the client's payload and the sum of its bytes, in \
         decimal, with one blank between them and nothing behind.",
        "The server is that of exercise 2.2 in all but what it says: it prints the one line `listening IP:PORT` when \
         it is ready, serves one client after the other, and never ends by itself.",
        "Each answer goes out as soon as the last byte of its message is there, in the order of the messages.",
        "The server waits neither for the next message nor for the end of the stream.",
        "Nothing else goes to standard output, and both lines are flushed.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let client = server.connect()?;
        ask(&client, a_word(lab, 5..=12).as_bytes())?;
        // The end of the stream, which may be there by now, is the next test's business.
        client.expect_no_more_bytes()?;
        server.stdout().expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::BadAnnouncement,
            mistakes: &["announces_the_asked_port"],
            hint: "The line is `listening IP:PORT`, with the port that the kernel has chosen for 0. Ask getsockname \
                   after bind or listen, as in exercise 2.2, and print what it says.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &[
                "answers_without_a_header",
                "answers_in_host_order",
                "counts_the_header",
            ],
            hint: "The answer is a message, too: first four bytes with the length of its text, the most significant \
                   first (`to_be_bytes`), then the text `LENGTH SUM` and nothing after it. A length counts the \
                   payload, and not its own four bytes.",
        },
        Rejection {
            diagnosis: Diagnosis::Reset,
            mistakes: &["reads_the_length_in_host_order"],
            hint: NETWORK_ORDER,
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["buffers_a_length_in_host_order"],
            hint: NETWORK_ORDER,
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &[
                "waits_for_a_length_in_host_order",
                "reads_to_the_end",
                "keeps_its_answers_in_a_buffer",
            ],
            hint: "The message is complete, and its client waits for the answer; the end of the stream comes later. \
                   Read the length, the most significant byte first (`from_be_bytes`), then exactly that many bytes, \
                   and write the answer at once: a BufWriter has to be flushed.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["adds_up_in_a_byte"],
            hint: "A sum of bytes does not fit into a byte. Turn each into a larger number first: `u32::from(byte)`.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["prints_what_it_answers"],
            hint: "Only the lines `listening IP:PORT` and `bad frame` go to standard output. Print what you want to \
                   see for yourself with `eprintln!`.",
        },
    ],
};

const ONE_AFTER_THE_OTHER: Test = Test {
    name: "answers one message after the other",
    points: 2,
    read: LENGTH_FIRST,
    proves: &["A client may send any number of messages on one connection."],
    story: |lab| {
        let client = lab.start_server()?.connect()?;
        // Long before short: what is left of the long one must not count.
        for length in [20..=25, 10..=15, 1..=9, 2..=2] {
            ask(&client, a_word(lab, length).as_bytes())?;
            client.expect_quiet()?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["answers_once"],
            hint: "A client may send several messages. Read the next length, until the stream ends.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["adds_up_the_whole_buffer"],
            hint: "After the payload, your buffer still holds bytes of an earlier message. Use only those of this \
                   one: `&buffer[..length]`.",
        },
    ],
};

const EVERY_BYTE: Test = Test {
    name: "adds up bytes of all values",
    points: 1,
    read: LENGTH_FIRST,
    proves: &[
        "A payload may have 0 to 65536 bytes, and they are bytes of any value.",
        "Its payload is the text `LENGTH SUM`: the length of the client's payload and the sum of its bytes, in \
         decimal, with one blank between them and nothing behind.",
    ],
    story: |lab| {
        let client = lab.start_server()?.connect()?;
        ask(&client, &some_bytes(lab, 5..=12))?;
        ask(&client, b"before\0behind")?;
        let all: Vec<u8> = (0..=u8::MAX).collect();
        ask(&client, &all)?;
        client.expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["expects_text"],
            hint: "A payload is bytes, and they need not be UTF-8 text. Keep it as `[u8]`.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &[
                "adds_up_lossy_text",
                "adds_up_signed_bytes",
                "stops_at_a_zero",
            ],
            hint: "Every byte counts, as a number from 0 to 255: a 0 ends nothing, 255 is not -1, and not all bytes \
                   are UTF-8 text. Add up the `[u8]` that read has filled.",
        },
    ],
};

const EMPTY_MESSAGE: Test = Test {
    name: "answers an empty message",
    points: 1,
    read: LENGTH_FIRST,
    proves: &["A payload may have 0 to 65536 bytes, and they are bytes of any value."],
    story: |lab| {
        let client = lab.start_server()?.connect()?;
        ask(&client, &[])?;
        client.expect_quiet()?;
        ask(&client, &some_bytes(lab, 5..=12))?;
        ask(&client, &[])?;
        client.expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["takes_length_zero_for_the_end"],
            hint: "A message of length 0 is a message like others: its answer is `0 0`. It is not the end of the \
                   stream, where read returns 0. A read that asks for 0 bytes returns 0 as well: do not make it.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["reads_before_it_looks"],
            hint: "Nothing follows the length 0, so there is nothing to read; but your program waits for more. Check \
                   whether bytes are missing before each read. (recv waits even when it is asked for 0 bytes.)",
        },
    ],
};

const READ_THE_REST: &str = "read returns what is there, and that may be a part of the length, or of the payload. \
                             Keep a count of what you have, and read on until nothing is missing.";

const IN_PIECES: Test = Test {
    name: "puts a message together, wherever the stream has cut it",
    points: 3,
    read: READ_ALL,
    proves: &[
        "The stream may be cut anywhere: in the length, in the payload, between any two bytes.",
        "One read may bring a part of a message, or a hundred messages and half of another one.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let client = lab.start_server()?.connect()?;
        let whole = some_bytes(lab, 4..=7);
        for cut in 1..message(&whole).len() {
            ask_in_pieces(lab, &client, &whole, cut)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["one_read_for_a_message"],
            hint: READ_THE_REST,
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["one_read_for_the_payload"],
            hint: READ_THE_REST,
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["slices_what_has_not_come"],
            hint: READ_THE_REST,
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["peeks_in_a_loop"],
            hint: "MSG_PEEK returns at once as long as anything is there, so a loop around it burns the processor \
                   until the rest comes. Take the bytes out, keep them, and sleep in read for the others.",
        },
    ],
};

const TOGETHER: Test = Test {
    name: "keeps apart the messages which arrive together",
    points: 2,
    read: KEEP_THE_REST,
    proves: &[
        "A client may send any number of messages on one connection.",
        "Each answer goes out as soon as the last byte of its message is there, in the order of the messages.",
        "One read may bring a part of a message, or a hundred messages and half of another one.",
    ],
    story: |lab| {
        let client = lab.start_server()?.connect()?;
        ask(&client, &some_bytes(lab, 5..=12))?;
        let payloads: Vec<Vec<u8>> = (0..100).map(|_| some_bytes(lab, 0..=20)).collect();
        lab.step("client 1: send 100 messages at once", || {
            client.send(together(&payloads, message))
        })?;
        client.expect(together(&payloads, answer))?;
        client.expect_quiet()?;
        let short = vec![vec![b'x']; 1100];
        lab.step("client 1: send 1100 messages at once", || {
            client.send(together(&short, message))
        })?;
        client.expect(together(&short, answer))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Reset,
            mistakes: &["stops_after_1000_messages"],
            hint: "Your server has closed the connection after many messages. A client may send any number of them: do not \
               count them, and close at the end of the stream.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["throws_the_rest_away", "new_reader_for_each_message"],
            hint: "One read can bring many messages. Ask read for no more bytes than are missing; or, if you read more (a \
               BufReader does), keep the rest for the next message.",
        },
    ],
};

const ONE_AND_A_HALF: Test = Test {
    name: "answers a message when half of the next has come with it",
    points: 2,
    read: KEEP_THE_REST,
    proves: &[
        "Each answer goes out as soon as the last byte of its message is there, in the order of the messages.",
        "The server waits neither for the next message nor for the end of the stream.",
        "One read may bring a part of a message, or a hundred messages and half of another one.",
    ],
    story: |lab| {
        let client = lab.start_server()?.connect()?;
        for cut in [2, 4, 9] {
            let first = some_bytes(lab, 10..=20);
            let second = some_bytes(lab, 10..=20);
            let second_whole = message(&second);
            let (begun, rest) = second_whole.split_at(cut);
            lab.step(
                        format!(
                            "client 1: send a message and {cut} bytes of the next, and wait for the first answer"
                        ),
                        || {
                            client.send([&message(&first), begun].concat())?;
                            client.expect(answer(&first))?;
                            client.expect_quiet()
                        },
                    )?;
            client.send(rest)?;
            client.expect(answer(&second))?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["answers_when_nothing_is_left"],
            hint: "Your answer stays in a buffer of your program, which waits for the rest of the next message. \
                   Flush before each read that may have to wait.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["drops_half_a_message"],
            hint: "After the whole messages came the beginning of another one. It comes only once: keep it, and \
                   append what comes next.",
        },
    ],
};

const WHERE_IT_LISTENS: Test = Test {
    name: "listens where it is asked to, or says why not",
    points: 1,
    read: CHAPTER,
    proves: &[
        "The server is that of exercise 2.2 in all but what it says: it prints the one line `listening IP:PORT` when \
         it is ready, serves one client after the other, and never ends by itself.",
        "Exit status 1: it cannot listen, for example because another server listens there.",
        "Exit status 2: wrong arguments, which are none, more than one, or one that is not `ADDRESS:PORT` (digits, \
         dots and a colon; no blank, no sign).",
        "The reason is on standard error.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let address = lab.any_port_elsewhere();
        let server = lab.start_server_on(address)?;
        server.expect_address(address)?;
        servers::expect_no_other_door(lab, &server, Transport::Tcp)?;
        lab.expect_refused_start(&[&server.address().to_string()], 1)?;
        visit(lab, &server)?;
        // An address, but not one of this machine.
        lab.expect_refused_start(&[&lab.unavailable_address().to_string()], 1)?;
        addresses::refuses_all_else(lab, &lab.any_port().to_string())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["mixes_up_its_statuses", "takes_strange_addresses_for_usage"],
            hint: "Wrong arguments end with status 2, a failure at run time with status 1. An address of another \
                   machine is a right argument: bind fails, with EADDRNOTAVAIL.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_on_a_busy_port", "panics_on_bytes"],
            hint: "A port that is taken, or an address that is wrong, is an ordinary failure. Print the reason and \
                   end with the right status instead of unwrapping. An argument can hold any bytes but NUL: \
                   `env::args` panics at what is not UTF-8, `env::args_os` does not.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &[
                "looks_names_up",
                "cuts_the_port",
                "reads_the_port_like_atoi",
                "takes_a_sign",
            ],
            hint: addresses::EXACTLY_AN_ADDRESS,
        },
        Rejection {
            diagnosis: Diagnosis::ListensElsewhere,
            mistakes: &["opens_a_second_door"],
            hint: servers::BIND_THE_ARGUMENT,
        },
    ],
};

const TWO_AT_ONCE: Test = Test {
    name: "keeps apart the messages of two clients",
    points: 1,
    read: KEEP_THE_REST,
    proves: &[
        "Its payload is the text `LENGTH SUM`: the length of the client's payload and the sum of its bytes, in \
         decimal, with one blank between them and nothing behind.",
        "The server is that of exercise 2.2 in all but what it says: it prints the one line `listening IP:PORT` when \
         it is ready, serves one client after the other, and never ends by itself.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let (first, second) = (server.connect()?, server.connect()?);
        let [mut slow, mut quick] = [(); 2].map(|()| some_bytes(lab, 15..=20));
        // Each byte of the one is less than each of the other, so that no mixture of them has the sum of either.
        slow.iter_mut().for_each(|byte| *byte &= 0xbf);
        quick.iter_mut().for_each(|byte| *byte |= 0xc0);
        let whole = message(&slow);
        first.send(&whole[..12])?;
        first.expect_quiet()?;
        second.send(message(&quick))?;
        // It may answer this one now, or when the first client has gone.
        lab.settle()?;
        first.send(&whole[12..])?;
        first.expect(answer(&slow))?;
        first.close();
        second.expect(answer(&quick))
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongBytes,
        mistakes: &["shares_one_buffer"],
        hint: "Your program serves two clients at once, and reads both messages into the same buffer. Each \
               connection needs a buffer of its own, and its own count of what is there.",
    }],
};

const CHAPTER: &str = "2.4 Messages over a stream";
const LENGTH_FIRST: &str = "A length before the payload";
const READ_ALL: &str = "Reading all of it";
const KEEP_THE_REST: &str = "What came too early";
const A_CLAIM: &str = "A length is a claim";

/// A payload as it travels: its length, and then itself.
fn message(payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32).to_be_bytes(), payload].concat()
}

/// The message which answers it.
fn answer(payload: &[u8]) -> Vec<u8> {
    let sum: u64 = payload.iter().map(|&byte| u64::from(byte)).sum();
    message(format!("{} {sum}", payload.len()).as_bytes())
}

fn together(payloads: &[Vec<u8>], part: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    payloads.iter().flat_map(|payload| part(payload)).collect()
}

/// A payload that a report can show.
fn a_word(lab: &Lab, lengths: std::ops::RangeInclusive<u64>) -> String {
    lab.random_word(lab.random_number(lengths) as usize)
}

/// A payload of so many bytes, none of which is UTF-8 or could begin a length that is allowed.
fn some_bytes(lab: &Lab, lengths: std::ops::RangeInclusive<u64>) -> Vec<u8> {
    let mut bytes = lab.random_bytes(lab.random_number(lengths) as usize);
    bytes.iter_mut().for_each(|byte| *byte |= 0x80);
    bytes
}

/// The client sends a message and gets its answer.
fn ask(client: &Connection, payload: &[u8]) -> Checked {
    client.send(message(payload))?;
    client.expect(answer(payload))
}

/// The same with a message in two pieces: nothing comes before the second one.
fn ask_in_pieces(lab: &Lab, client: &Connection, payload: &[u8], cut: usize) -> Checked {
    let whole = message(payload);
    lab.step(
        format!(
            "{}: send {cut} bytes of a message, wait, and send the other {}",
            client.name(),
            whole.len() - cut
        ),
        || {
            client.send(&whole[..cut])?;
            client.expect_quiet()?;
            client.send(&whole[cut..])
        },
    )?;
    client.expect(answer(payload))
}

/// A polite client from its first byte to its last.
fn visit(lab: &Lab, server: &Server) -> Checked {
    let step = "another client sends a message, gets its answer, and closes";
    servers::visit_as(step, lab, server, converse)
}

/// A client sends a message, and gets its answer.
fn converse(lab: &Lab, client: &Connection) -> Checked {
    ask(client, &some_bytes(lab, 5..=12))
}

/// The server hangs up on this client, and says why.
fn is_turned_away(client: &Connection, server: &Server) -> Checked {
    client.expect_turned_away()?;
    // A server may read on until its client has ended, too, to spare it a reset.
    client.close();
    server.stdout().expect_line("bad frame")?;
    server.stdout().expect_quiet()
}
