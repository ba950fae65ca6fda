//! Lengths, from the largest that is allowed to those that nobody should believe.

use super::{A_CLAIM, answer, ask, is_turned_away, message, some_bytes, together, visit};
use crate::promises::servers;
use harness::author::{Checked, Diagnosis, Lab, Rejection, Server, Test};

pub(super) const LARGEST: Test = Test {
    name: "takes messages of up to 65536 bytes",
    points: 2,
    read: A_CLAIM,
    proves: &[
        "A **message** is a *length*, four bytes, the most significant first, and then a *payload* of so many bytes.",
        "A payload may have 0 to 65536 bytes, and they are bytes of any value.",
        "Its payload is the text `LENGTH SUM`: the length of the client's payload and the sum of its bytes, in \
         decimal, with one blank between them and nothing behind.",
        "A client may send any number of messages on one connection.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let client = servers::start_untraced(lab)?.connect()?;
        for length in [255, 256, 4_097, 65_535, 65_536] {
            lab.step(
                format!("client 1: send a message of {length} bytes, and expect its answer"),
                || ask(&client, &lab.random_bytes(length)),
            )?;
        }
        let payloads: Vec<Vec<u8>> = (0..16).map(|_| lab.random_bytes(65_536)).collect();
        lab.step("client 1: send 16 such messages, a megabyte", || {
            client.send(together(&payloads, message))
        })?;
        client.expect(together(&payloads, answer))?;
        client.expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["small_buffer", "sums_in_16_bits"],
            hint: "A payload may have 65536 bytes, and your buffer has fewer: an index or a range lies outside. Make \
                   room for the largest one.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["looks_at_two_bytes_of_the_length"],
            hint: "The length has four bytes, and 65536 does not fit into two (65535 does). Read it as a u32, and \
                   keep it in one.",
        },
        Rejection {
            diagnosis: Diagnosis::Reset,
            mistakes: &["refuses_the_largest"],
            hint: "A length of 65536 bytes is still allowed: only a length *above* it is a bad frame.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["refuses_the_largest_in_peace"],
            hint: "A length of 65536 bytes is still allowed: only a length *above* it is a bad frame.",
        },
    ],
};

const ONCE: &str = "One bad frame is one line `bad frame`, and your program prints more. Say it in one place only: \
                    where the connection is given up, and not also where the length is read.";

pub(super) const TOO_LONG: Test = Test {
    name: "believes no length over 65536",
    points: 3,
    read: A_CLAIM,
    proves: &[
        "A **bad frame** is a length over 65536, or a stream that ends *inside* a message: after one, two or three \
         bytes of the length, or before the last byte of the payload.",
        "The server then prints the line `bad frame` on standard output, closes the connection, and serves the next \
         client.",
        "The messages before a bad frame have their answers; the bad one has none.",
        "A length is only what a stranger says: the server uses no more memory for it than the largest message needs.",
        "Nothing else goes to standard output, and both lines are flushed.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let (server, before) = servers::start_and_visit(lab, visit)?;
        for length in [
            65_537,
            lab.random_number(1 << 20..=1 << 24),
            0x8000_0000,
            0xffff_ffff,
        ] {
            let client = server.connect()?;
            ask(&client, &some_bytes(lab, 5..=12))?;
            client.send((length as u32).to_be_bytes())?;
            is_turned_away(&client, &server)?;
        }
        // What was right before it has its answer, also if all of it comes at once.
        let client = server.connect()?;
        let right = some_bytes(lab, 5..=12);
        let too_long = 0x00ff_0000_u32.to_be_bytes();
        client.send([&message(&right), &too_long[..], &some_bytes(lab, 50..=60)].concat())?;
        client.expect(answer(&right))?;
        is_turned_away(&client, &server)?;
        server.stdout().expect_quiet()?;
        visit(lab, &server)?;
        server.descriptors().expect_at_most(before)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["says_it_twice"],
            hint: ONCE,
        },
        Rejection {
            diagnosis: Diagnosis::LeftOpen,
            mistakes: &["knows_no_maximum", "skips_what_is_too_long"],
            hint: "The length is over 65536, but the connection is still open. Such a number is wrong, and so many \
                   bytes may never come: do not read them. Print `bad frame` and close, at once.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["allocates_before_it_looks"],
            hint: "Your program asks for as much memory as a stranger says, 4 GB here, and is ended when there is \
                   none. Compare the length with 65536 before you do anything with it.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["keeps_the_length_in_an_i32"],
            hint: "Compare the length with 65536 before you use it for a buffer, a slice or a read: above it, the \
                   frame is bad. Keep it as a u32 until then; in an i32 ff ff ff ff is -1, which is smaller than \
                   65536.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_a_bad_frame"],
            hint: "One client's bad frame is the end of its connection, not of the server. Print the line, close, and \
                   accept the next client.",
        },
        Rejection {
            diagnosis: Diagnosis::DescriptorLeaked,
            mistakes: &["shuts_down_a_bad_client"],
            hint: "The client of a bad frame sees the end, but your program still holds its descriptor: shutdown \
                   closes nothing. Let an OwnedFd close it on every way out.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["sends_its_answers_too_late"],
            hint: "A right message and a bad length have come together, but the right message has no answer. Send \
                   each answer when its message is complete, before you look at the next length; or send those that \
                   you have collected before you close.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["answers_a_bad_frame"],
            hint: "A bad frame has no answer: close the connection. The line `bad frame` goes to standard output.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["says_it_on_stderr", "keeps_the_words_in_a_buffer"],
            hint: "Print the line `bad frame` on standard output, with its \\n, and flush it: somebody may read it \
                   through a pipe while your server goes on.",
        },
    ],
};

pub(super) const ROOM_FOR_ONE: Test = Test {
    name: "needs no more memory for many messages than for one",
    points: 1,
    read: A_CLAIM,
    proves: &["Neither does it for many messages: what has its answer is not kept."],
    story: |lab| {
        let server = servers::start_untraced(lab)?;
        let client = server.connect()?;
        // It fits into a send buffer: a longer one would wait for the ACK of its first part, 40 ms for each message.
        let payload = lab.random_bytes(32_768);
        ask(&client, &payload)?;
        lab.settle()?;
        let before = server.program().peak_memory();
        let whole = message(&payload);
        let (beginning, rest) = whole.split_at(10);
        lab.step(
            "client 1: send the beginning of a message of 32768 bytes; then 128 times its rest, with the beginning of the \
             next one, and expect an answer to each",
            || {
                client.send(beginning)?;
                (0..128).try_for_each(|_| {
                    client.send([rest, beginning].concat())?;
                    client.expect(answer(&payload))
                })?;
                client.send(rest)?;
                client.expect(answer(&payload))
            },
        )?;
        expect_no_more_memory(lab, &server, before, "128 messages")?;
        client.close();
        lab.step(
            "128 clients, one after the other, send such a message, get the answer, and close",
            || {
                (0..128).try_for_each(|_| {
                    let client = server.connect()?;
                    ask(&client, &payload)?;
                    client.close();
                    Ok(())
                })
            },
        )?;
        expect_no_more_memory(lab, &server, before, "128 clients, one after the other,")
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::OutOfMemory,
        mistakes: &[
            "keeps_all_messages",
            "keeps_each_buffer",
            "waits_for_an_empty_buffer",
        ],
        hint: "A conversation may last forever, and clients come without end, but your program keeps something of \
               each message, or of each client. After its answer you do not need a message: use the buffer again for \
               the next one, or remove the answered bytes (drain), and drop the buffer with its client.",
    }],
};

/// Compares the most memory that the server has ever used with what it was after the first message.
fn expect_no_more_memory(lab: &Lab, server: &Server, before: u64, whom: &str) -> Checked {
    lab.settle()?;
    let more = server.program().peak_memory().saturating_sub(before);
    lab.step(
        "compare the most memory it has used for the first message and for all",
        || match more {
            0..3072 => Ok(()),
            _ => lab.fail(
                Diagnosis::OutOfMemory,
                format!(
                    "your program takes {more} KiB more memory for {whom} than for one message"
                ),
            ),
        },
    )
}
