//! The line that a client sends, and its answer.

use super::{
    BAD_REQUEST, ONE_LINE, PATIENT, SMALL, digits, expect_bad_request, some, start_with_limit,
    visit,
};
use crate::promises::numbers;
use harness::author::{Diagnosis, Rejection, Test};

const ANSWER: &str =
    "The answer to `GET N` is N bytes: the digits `0123456789` over and over, without a newline.";
const BAD: &str = "Everything else is answered with the line `bad request`: another line, a stream that ends before \
                   the newline, or 100 bytes without a newline.";

/// The hint for a program that answers `bad request` to a right one.
pub(super) const RIGHT_REQUEST: &str = "Your server answers `bad request`, and the line is a right one. Look whether it \
                                        takes just what stands before the first newline, without waiting for more; \
                                        and whether it takes all numbers from 0 to 10000000, with zeros before them \
                                        (`GET 007`). And does each client begin with an empty buffer, also behind one \
                                        that has left in the middle of its line?";

const AT_ONCE: &str = "The line is complete, and the client waits for its answer before it sends more or ends its \
                       side. Answer as soon as you see the newline; do not read to an empty line or to the end of the \
                       stream first.";

pub(super) const ANSWERS: Test = Test {
    name: "answers with so many digits, then ends the stream",
    points: 2,
    read: ONE_LINE,
    proves: &[
        ANSWER,
        "`GET 12` is answered with `012345678901`.",
        "After each answer, also after `bad request`, the server ends its sending side at once, and drains the \
         connection: it reads what the client still sends, and throws it away.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let client = server.connect()?;
        client.send("GET 12\n")?;
        client.expect(digits(12))?;
        // Its line and its end are there when a server that serves one client after the other comes to it.
        let half_closed = server.connect()?;
        let count = some(lab);
        half_closed.send(format!("GET {count}\n"))?;
        half_closed.shutdown_write()?;
        client.close();
        half_closed.expect(digits(count))?;
        half_closed.expect_end()?;
        half_closed.close();
        let last = server.connect()?;
        // It ends its side as well: a server that reads on past the newline waits out its limit of 3 s once in this
        // test. To wait twice is just about what a test allows, and which of the two it was would be chance.
        last.send("GET 1\n")?;
        last.shutdown_write()?;
        last.expect("0")
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["counts_from_one", "waits_for_the_end_of_the_header"],
            hint: "Byte number i of the answer, counted from 0, is the digit i % 10: in Rust `b'0' + (i % 10) as u8`.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["adds_a_newline"],
            hint: "The answer to `GET N` is N bytes and not one more: no newline behind the digits, no greeting before \
                   them.",
        },
        Rejection {
            diagnosis: Diagnosis::Reset,
            mistakes: &["resets_to_close"],
            hint: "SO_LINGER with a time of zero turns every close into a reset, which throws the answer away. Leave \
                   SO_LINGER alone: shutdown with SHUT_WR ends the stream in order.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["takes_a_half_close_for_a_departure"],
            hint: "Your server closes without an answer. A client that has ended its sending side (read returns 0, or \
                   POLLRDHUP) still waits for its answer: it may have said all that it wants to say. Answer the line \
                   first.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["serves_one_client"],
            hint: "A server comes back to accept when a client is done. Put accept into a loop.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["reads_to_the_end_of_the_stream"],
            hint: AT_ONCE,
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["drains_beyond_the_end"],
            hint: "read has returned 0: the client has ended its side, and read says so each time. Leave the loop, and \
                   close the connection.",
        },
    ],
};

pub(super) const FIRST_LINE: Test = Test {
    name: "answers the first line at once, and nothing behind it",
    points: 2,
    read: ONE_LINE,
    proves: &[
        "What comes behind its newline is no part of the request, and has no answer.",
        "The answer comes as soon as the line is complete.",
    ],
    story: |lab| {
        for rest in ["", "GET 3\nHost: x\n"] {
            let server = start_with_limit(lab, PATIENT)?;
            let client = server.connect()?;
            let count = some(lab);
            client.send(format!("GET {count}\n{rest}"))?;
            client.expect(digits(count))?;
            client.expect_no_more_bytes()?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["knows_no_option"],
            hint: "Your program has ended: this test is the first to start it with `-t MS` before the address. Read \
                   the option, and keep its number: it becomes the time limit of the later tests.",
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["waits_for_an_empty_line"],
            hint: AT_ONCE,
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["takes_all_that_has_come_for_the_line"],
            hint: "One read may bring more than the line. The request is what stands before the first newline; leave \
                   the rest alone.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["answers_each_line"],
            hint: "A connection carries one request. Answer the first line, and do not look at what comes behind it: \
                   it is for the drain.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["spins_in_the_drain"],
            hint: "The answer is sent, and your server asks without a pause whether something has come. EAGAIN says \
                   that nothing is there yet: wait in poll, or in a read that blocks.",
        },
    ],
};

pub(super) const LONG_ANSWERS: Test = Test {
    name: "counts right in answers of any length",
    points: 2,
    read: ONE_LINE,
    proves: &[
        ANSWER,
        "A request is the line `GET N`: one space, then N in decimal digits only, from 0 to 10000000, then a newline.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let longer = lab.random_number(100_000..=300_000) as usize;
        for count in [0, 1, 10, 4097, 8193, 16_385, 65_537, longer] {
            let client = server.connect()?;
            client.send(format!("GET {count}\n"))?;
            client.expect(digits(count))?;
            client.shutdown_write()?;
            client.expect_end()?;
            client.close();
        }
        // This client reads when the server can write no more.
        let late = server.connect_with_receive_buffer(SMALL)?;
        late.send("GET 10000000\n")?;
        lab.settle()?;
        late.expect(digits(10_000_000))?;
        late.expect_end()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &[
                "begins_again_in_each_block",
                "counts_in_sixteen_bits",
                "stops_before_ten_million",
            ],
            hint: "The digits go on where the last block has ended. A block of 4096 digits ends with 5: if the next \
                   one begins with 0, the count is wrong. Make blocks of a multiple of 10, or go on counting; and \
                   count in usize, because 16 bits end at 65535.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["sends_whole_blocks_only", "gives_up_a_late_reader"],
            hint: "A part of the answer is missing. The last block is shorter than the others: send all of it. And a \
                   client that reads late makes write wait, or take only a part: offer the rest again, until all of it \
                   is taken.",
        },
    ],
};

pub(super) const PIECES: Test = Test {
    name: "takes a line that comes in pieces",
    points: 2,
    read: ONE_LINE,
    proves: &["The line may come in pieces."],
    story: |lab| {
        let server = start_with_limit(lab, PATIENT)?;
        let count = some(lab);
        let client = server.connect()?;
        client.send_in_pieces(format!("GET {count}"), 1)?;
        client.expect_quiet()?;
        client.send("\n")?;
        client.expect(digits(count))
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ExtraBytes,
        mistakes: &["takes_one_read_for_a_line"],
        hint: "One read is not one line: TCP has no lines, and read returns what has come so far. Append to what \
                   you have, and read again until there is a newline in it.",
    }],
};

pub(super) const BAD_REQUESTS: Test = Test {
    name: "answers a bad line with `bad request`",
    points: 2,
    read: ONE_LINE,
    proves: &[
        BAD,
        "A request is the line `GET N`: one space, then N in decimal digits only, from 0 to 10000000, then a newline.",
        "A carriage return may not stand before the newline.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let mut lines: Vec<Vec<u8>> = [
            "", "GET", "GET7", "get 7", "PUT 7", "GET -7", "GET +7", "GET 7 7", "GET 7\r",
        ]
        .map(|line| line.as_bytes().to_vec())
        .to_vec();
        lines.extend(["10000001", "4294967303", "18446744073709551623"].map(get));
        lines.extend(
            numbers::NEAR_MISSES
                .iter()
                .filter(|text| !text.contains('\n'))
                .map(|text| get(text)),
        );
        // No text at all: a line is bytes.
        lines.push(b"GET \xff7".to_vec());
        lines.push(b"GET 7\0".to_vec());
        for line in lines {
            let client = server.connect()?;
            client.send([line.as_slice(), b"\n"].concat())?;
            client.expect(BAD_REQUEST)?;
            client.shutdown_write()?;
            client.expect_end()?;
            client.close();
        }
        visit(lab, &server)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &[
                "takes_a_sign",
                "trims_the_line",
                "cuts_the_number",
                "takes_a_carriage_return_away",
            ],
            hint: "This line is no request. Exactly `GET `, digits, and a newline are right: `parse` takes a sign, \
                   `trim` takes blanks, `lines` and `trim` take a carriage return away, atoi takes `7x`, and a cast to 32 bits makes a small number of a large one.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["closes_on_a_bad_request", "takes_a_bad_number_for_0"],
            hint: "A bad line has an answer, too: the line `bad request`; it is not `GET 0`. Then the connection ends \
                   like any other.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["unwraps_the_number", "expects_text"],
            hint: "The client decides what comes, and it need not be a number, nor text, nor as long as `GET 0`. Handle \
                   what `parse` and `from_utf8` return, instead of unwrapping it, and take `strip_prefix` or `get` in \
                   place of `line[4..]`.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_a_bad_request"],
            hint: "A bad line is the trouble of one client. Answer it, and go on with the next client.",
        },
    ],
};

const NO_NEWLINE: &str = "100 bytes have come, and no newline. A client must not decide how much memory you need: \
                          stop at 100 bytes, and answer `bad request`.";

pub(super) const NO_WHOLE_LINE: Test = Test {
    name: "answers a line that never ends",
    points: 2,
    read: ONE_LINE,
    proves: &[BAD],
    story: |lab| {
        let server = start_with_limit(lab, PATIENT)?;
        // Cut off: it may have been the beginning of another number.
        let cut = server.connect()?;
        cut.send("GET 12")?;
        cut.shutdown_write()?;
        expect_bad_request(&cut)?;
        cut.close();
        let endless = server.connect()?;
        endless.send(lab.random_word(99))?;
        endless.expect_no_more_bytes()?;
        endless.send(lab.random_word(1))?;
        expect_bad_request(&endless)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["takes_a_cut_line"],
            hint: "The stream has ended before the newline: the line is cut off, and `GET 12` may have been the \
                   beginning of `GET 120`. read_line and fgets return such a line, too: look whether it ends with a \
                   newline.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["has_room_for_64_bytes_of_a_line"],
            hint: "The line may still become a whole one: fewer than 100 bytes have come. Give it its 100 bytes.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["has_no_answer_for_a_cut_line"],
            hint: "read returned 0 before the newline has come. The client has only ended its sending side: it still waits \
                   for its answer, which is `bad request`.",
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["waits_for_a_newline"],
            hint: NO_NEWLINE,
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["takes_a_line_of_any_length"],
            hint: NO_NEWLINE,
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["reads_on_at_the_end"],
            hint: "read returned 0: the client has ended its side, and no newline will come. Leave the loop, and \
                   answer `bad request`.",
        },
    ],
};

pub(super) const ZEROS: Test = Test {
    name: "takes zeros before the number",
    points: 1,
    read: ONE_LINE,
    proves: &["Zeros may stand before N: `GET 007` is `GET 7`."],
    story: |lab| {
        let server = start_with_limit(lab, PATIENT)?;
        let count = some(lab);
        // More digits than the largest number has, but no more than every type of a number has room for.
        for width in [5, 9] {
            let client = server.connect()?;
            client.send(format!("GET {count:0>width$}\n"))?;
            client.expect(digits(count))?;
            client.shutdown_write()?;
            client.expect_end()?;
            client.close();
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongBytes,
        mistakes: &["reads_eight_digits_at_most", "takes_no_zeros"],
        hint: RIGHT_REQUEST,
    }],
};

fn get(number: &str) -> Vec<u8> {
    format!("GET {number}").into_bytes()
}
