//! How a stream ends: between two messages, inside one, or by a reset.

use super::{ask, is_turned_away, message, some_bytes, visit};
use crate::promises::servers;
use harness::author::{Diagnosis, Rejection, Test};

const CUT_IN_THE_MIDDLE: &str = "An end in the middle";

pub(super) const CLEAN_END: Test = Test {
    name: "says nothing when the stream ends between two messages",
    points: 1,
    read: CUT_IN_THE_MIDDLE,
    proves: &[
        "The server is that of exercise 2.2 in all but what it says: it prints the one line `listening IP:PORT` when \
         it is ready, serves one client after the other, and never ends by itself.",
        "The stream may end *between* two messages: the conversation is over.",
        "The server closes the connection and prints nothing.",
        "Nothing else goes to standard output, and both lines are flushed.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let client = server.connect()?;
        ask(&client, &some_bytes(lab, 5..=12))?;
        client.shutdown_write()?;
        client.expect_end()?;
        let silent = server.connect()?;
        silent.shutdown_write()?;
        silent.expect_end()?;
        server.stdout().expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::LeftOpen,
            mistakes: &["never_closes"],
            hint: "The client has ended its stream, and waits for the end of yours. nix's accept returns a bare \
                   number, and nothing closes it. Put it into an OwnedFd, which is dropped, and so closed, when the \
                   client is done.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["serves_one_client"],
            hint: "A server comes back to accept when a client is done. Put accept into a loop.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["calls_every_end_a_bad_frame"],
            hint: "The stream ended where a length would begin: this is an ordinary end, not a bad frame. Print \
                   nothing then.",
        },
    ],
};

pub(super) const CUT_OFF: Test = Test {
    name: "says `bad frame` when the stream ends inside a message",
    points: 2,
    read: CUT_IN_THE_MIDDLE,
    proves: &[
        "A **bad frame** is a length over 65536, or a stream that ends *inside* a message: after one, two or three \
         bytes of the length, or before the last byte of the payload.",
        "The server then prints the line `bad frame` on standard output, closes the connection, and serves the next \
         client.",
        "The messages before a bad frame have their answers; the bad one has none.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let whole = message(&some_bytes(lab, 10..=20));
        for cut in [1, 2, 3, 4, whole.len() - 1] {
            let client = server.connect()?;
            ask(&client, &some_bytes(lab, 5..=12))?;
            client.send(&whole[..cut])?;
            client.shutdown_write()?;
            is_turned_away(&client, &server)?;
            visit(lab, &server)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["takes_every_end_for_a_clean_one", "forgives_a_cut_header"],
            hint: "The stream has ended inside a message, and your program does not say `bad frame`, on a line of \
                   its own and on standard output. An end is clean only before a length: count what you have when \
                   read returns 0. (read_exact reports the same UnexpectedEof for 0 bytes and for 3.)",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["answers_half_a_message", "trusts_waitall"],
            hint: "Only a whole message gets an answer. The stream has ended before the last byte: say `bad frame` \
                   and close. Does your program look at how much each call has brought? recv with MSG_WAITALL, too, \
                   returns less than all at the end.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["reads_on_at_the_end"],
            hint: "read returned 0: the stream has ended, and what is missing will never come. Leave the loop.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["keeps_half_a_message_for_the_next"],
            hint: "The rest of one client's stream is in the stream of the next one. Begin each connection with an \
                   empty buffer.",
        },
    ],
};

pub(super) const RESET: Test = Test {
    name: "forgets a client who resets or leaves, and goes on",
    points: 2,
    read: "When a connection fails",
    proves: &[
        "A client who resets the connection, or leaves without reading, costs only its own connection.",
        "That is no bad frame: the server says so on standard error, keeps nothing of it, and goes on.",
        "Nothing else goes to standard output, and both lines are flushed.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let (server, before) = servers::start_and_visit(lab, visit)?;
        let whole = message(&some_bytes(lab, 10..=20));
        for cut in [2, 9] {
            let client = server.connect()?;
            client.send(&whole[..cut])?;
            // The program sleeps in the middle of the message.
            client.expect_quiet()?;
            client.reset()?;
            // Before the next one, so that a word about the first client does not count for both. What an ended program
            // has said last counts here, and its end is seen below.
            server.stdout().expect_quiet()?;
            server.stderr().expect_reason()?;
        }
        let in_service = server.connect()?;
        ask(&in_service, &some_bytes(lab, 5..=12))?;
        // Nothing of its answers has come yet: this one ends like a right one, and is gone when they come.
        let gone = server.connect()?;
        gone.send(whole.repeat(3))?;
        gone.close();
        in_service.close();
        visit(lab, &server)?;
        server.descriptors().expect_at_most(before)?;
        server.stdout().expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["dies_with_its_client"],
            hint: "An error of read or write is the end of one connection, not of the server. Do not pass it up with \
                   `?`: report it on standard error and accept the next client.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_a_reset"],
            hint: "A client that has gone is ordinary: read and write fail then. Handle the error instead of \
                   unwrapping it.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["dies_of_sigpipe"],
            hint: "SIGPIPE has killed your program: it wrote to a client who has gone. Rust ignores this signal for \
                   you: leave it so, and handle EPIPE.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &[
                "calls_a_reset_a_bad_frame",
                "takes_a_short_waitall_for_the_end",
            ],
            hint: "The connection has failed, but nobody has sent a bad frame. Only a read that returns 0 cuts a \
                   message off; an error goes to standard error. (recv with MSG_WAITALL returns the bytes that it \
                   has, and the error at the next call: ask for the rest.)",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["keeps_what_a_lost_client_sent"],
            hint: "A client has reset its connection inside a message, and the bytes that it had sent are in the \
                   stream of the next one. Begin each connection with an empty buffer, however the one before has \
                   ended.",
        },
        Rejection {
            diagnosis: Diagnosis::DescriptorLeaked,
            mistakes: &["leaks_after_an_error"],
            hint: "The descriptor stays open after an error. Let an OwnedFd close it on every way out.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["says_nothing_of_lost_clients"],
            hint: "A client has reset its connection, and your server has to report it. read fails with ECONNRESET \
                   then: print the error on standard error (eprintln!), each time, before you go on.",
        },
    ],
};
