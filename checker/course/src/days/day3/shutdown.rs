//! The hidden tests of day3_3_shutdown. The lab plays the server: it takes the upload, and answers when the story says
//! so.

mod departures;
mod faults;
mod manners;
mod untested;

use std::fs;

use harness::author::{
    Attempt, Checked, Connection, Diagnosis, Exercise, Lab, LabError, Launch, Program, Rejection,
    Sleep, Test,
};

const TWO_STREAMS: &str = "Two streams in one connection";
const SHUTDOWN_AND_CLOSE: &str = "shutdown and close";
const END_IS_A_MESSAGE: &str = "The end of a stream is a message";
const BOTH_AT_ONCE: &str = "Both directions at once";
const OTHER_SIDE_FIRST: &str = "When the other side stops first";

/// Day 3, exercise 3.
pub const EXERCISE: Exercise = Exercise {
    name: "day3_3_shutdown",
    title: "an upload with a half-close",
    chapter: "3.3 Half-close: shutdown",
    first_step: "Begin with the straight way: make a TCP socket, connect it to the address, send all of standard \
                 input, call shutdown, and print what read returns until it returns 0.",
    tests: &[
        SENDS_AND_ENDS,
        ANSWER_AFTER_HALF_CLOSE,
        manners::PATIENCE,
        EVERY_BYTE,
        EMPTY_INPUT,
        departures::HANGUP_OF_THE_INPUT,
        PRINTS_AT_ONCE,
        SENDS_AT_ONCE,
        BOTH_DIRECTIONS,
        NOTHING_TAKEN,
        manners::FILE_AS_INPUT,
        faults::SHORT_WRITES,
        SERVER_HALF_CLOSES_FIRST,
        NOBODY_LISTENS,
        faults::CANNOT_READ,
        faults::CANNOT_PRINT,
        departures::RESET,
        departures::RESET_WITH_OPEN_INPUT,
        departures::TAKES_NO_MORE,
        departures::WAITS_FOR_NO_INPUT,
        departures::END_DOES_NOT_ARRIVE,
        departures::ANSWER_AND_END,
        departures::REFUSES_THE_REST,
        departures::REFUSES_A_WRITE,
        manners::TELLS_ITS_COUNTS,
        manners::WRONG_ARGUMENTS,
    ],
    clues: &[],
    untested: untested::SENTENCES,
};

const SENDS_AND_ENDS: Test = Test {
    name: "sends its input, then the end of the stream",
    points: 2,
    read: TWO_STREAMS,
    proves: &[
        "The program is the client.",
        "`ADDRESS` is an IPv4 address.",
        "It makes one TCP connection.",
        "It sends its standard input to the server, unchanged: any bytes, any length, also none.",
        "At the end of its input it ends its sending side of the connection, and goes on receiving.",
    ],
    story: |lab| {
        let (upload, server) = connected(lab)?;
        let input = lines(lab, 3);
        upload.stdin().feed(&input);
        upload.stdin().close();
        server.expect(&input)?;
        server.expect_end()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::LeftOpen,
            mistakes: &["no_shutdown", "drops_a_duplicate"],
            hint: "Nothing tells the server that your input has ended, so it waits, and you wait for its answer. \
                   Call shutdown on the socket with SHUT_WR (Shutdown::Write) after the last byte. Closing or \
                   dropping a duplicate of the socket sends nothing.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["overlooks_a_hangup"],
            hint: "The input has ended, but your program does not see it. At the end of a pipe poll reports POLLHUP, \
                   without POLLIN, and does so again and again: read then, too. read returns 0, and that is the end.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["knows_one_address_only"],
            hint: "Your program connects to a port where nobody listens. Take the address and the port from the \
                   argument: not every server is at 127.0.0.1.",
        },
    ],
};

const ANSWER_AFTER_HALF_CLOSE: Test = Test {
    name: "prints the answer which comes after the half-close",
    points: 2,
    read: SHUTDOWN_AND_CLOSE,
    proves: &[
        "At the end of its input it ends its sending side of the connection, and goes on receiving.",
        "The program ends when both directions have ended, with exit status 0.",
        "Only the answer of the server goes to standard output.",
    ],
    story: |lab| {
        let (upload, server) = connected(lab)?;
        send_whole_input(&upload, &server, lines(lab, 3))?;
        upload.expect_alive()?;
        let answer = lines(lab, 2);
        server.send(&answer)?;
        upload.stdout().expect(&answer)?;
        upload.stdout().expect_quiet()?;
        server.close();
        upload.expect_exit(0)?;
        upload.stdout().expect_end()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "closes_instead",
                "shuts_down_both_directions",
                "shuts_down_reading",
            ],
            hint: "End only the direction to the server: shutdown with SHUT_WR. After close the answer can no longer \
                   reach you, and after SHUT_RD or SHUT_RDWR read returns 0 before the server has said anything.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["prints_the_whole_buffer"],
            hint: "read tells how many bytes it has put into the buffer. Print these and not the rest: &buffer[..n].",
        },
    ],
};

const EVERY_BYTE: Test = Test {
    name: "carries every byte unchanged, in whatever pieces it comes",
    points: 2,
    read: END_IS_A_MESSAGE,
    proves: &[
        "It sends its standard input to the server, unchanged: any bytes, any length, also none.",
        "All that the server sends goes to standard output, unchanged, and as soon as it comes.",
    ],
    story: |lab| {
        let (upload, server) = connected(lab)?;
        send_whole_input(&upload, &server, bytes(lab, 4_000, 16_000))?;
        let answer = bytes(lab, 2_000, 4_000);
        let (single_bytes, rest) = answer.split_at(3);
        server.send_in_pieces(single_bytes, 1)?;
        server.send_in_pieces(rest, 500)?;
        server.close();
        upload.stdout().expect(&answer)?;
        upload.stdout().expect_end()?;
        upload.expect_exit(0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["stops_at_a_short_read"],
            hint: "A short read is not the end: read returns what has come so far. Only 0 is the end of the stream.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["answer_as_text"],
            hint: "The answer is bytes, not text. A String changes what is not UTF-8, so write the bytes as they are.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["input_as_lines"],
            hint: "Your program sends a newline which is not in its input. Copy blocks of bytes: lines mean nothing \
                   to this program.",
        },
    ],
};

const EMPTY_INPUT: Test = Test {
    name: "takes an empty input for a whole upload",
    points: 1,
    read: END_IS_A_MESSAGE,
    proves: &[
        "It sends its standard input to the server, unchanged: any bytes, any length, also none.",
        "At the end of its input it ends its sending side of the connection, and goes on receiving.",
    ],
    story: |lab| {
        let (upload, server) = connected(lab)?;
        upload.stdin().close();
        server.expect_end()?;
        let answer = lines(lab, 1);
        server.send(&answer)?;
        server.close();
        upload.stdout().expect(&answer)?;
        upload.stdout().expect_end()?;
        upload.expect_exit(0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::LeftOpen,
        mistakes: &["skips_shutdown_when_empty"],
        hint: "An empty input has an end too. Shut the sending side down at the end of the input, whether or not \
               something was sent.",
    }],
};

const PRINTS_AT_ONCE: Test = Test {
    name: "prints each piece of the answer as soon as it comes",
    points: 1,
    read: END_IS_A_MESSAGE,
    proves: &[
        "All that the server sends goes to standard output, unchanged, and as soon as it comes.",
    ],
    story: |lab| {
        let (upload, server) = connected(lab)?;
        send_whole_input(&upload, &server, lines(lab, 1))?;
        for _ in 0..3 {
            let piece = word(lab, 20, 300);
            server.send(&piece)?;
            upload.stdout().expect(&piece)?;
        }
        server.close();
        upload.expect_exit(0)?;
        upload.stdout().expect_end()
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Stuck,
        mistakes: &["forgets_to_flush"],
        hint: "The answer has arrived, but it is still in the buffer of io::stdout, which waits for a newline. Flush \
               after each piece, or write to the descriptor.",
    }],
};

const SENDS_AT_ONCE: Test = Test {
    name: "sends each piece of its input as soon as it comes",
    points: 2,
    read: BOTH_AT_ONCE,
    proves: &["It does not wait for more input than there is: what it has read, it sends."],
    story: |lab| {
        let (upload, server) = connected(lab)?;
        for _ in 0..4 {
            let piece = bytes(lab, 1, 2_000);
            upload.stdin().feed(&piece);
            server.expect(&piece)?;
        }
        upload.stdin().close();
        server.expect_end()?;
        server.close();
        upload.expect_exit(0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Stuck,
        mistakes: &["reads_all_input_first", "buffers_what_it_sends"],
        hint: "Your program has read a piece of its input and does not send it: it waits for more. Send what read has \
               given you at once, without a BufWriter, and only then read again.",
    }],
};

const BOTH_DIRECTIONS: Test = Test {
    name: "prints what the server says while its input is still open",
    points: 2,
    read: BOTH_AT_ONCE,
    proves: &[
        "The server may speak at any time: before the end of the input, and even while it does not read.",
    ],
    story: |lab| {
        let (upload, server) = connected(lab)?;
        let greeting = word(lab, 20, 300);
        server.send(&greeting)?;
        upload.stdout().expect(&greeting)?;
        for _ in 0..2 {
            let question = bytes(lab, 1, 100);
            upload.stdin().feed(&question);
            server.expect(&question)?;
            let reply = bytes(lab, 1, 100);
            server.send(&reply)?;
            upload.stdout().expect(&reply)?;
        }
        upload.stdin().close();
        server.expect_end()?;
        server.close();
        upload.expect_exit(0)?;
        upload.stdout().expect_end()
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Stuck,
        mistakes: &["reads_after_sending"],
        hint: "Your program sleeps in read on its input, and does not receive what the server says meanwhile. \
               Receive in a second thread, or wait for both with poll.",
    }],
};

const NOTHING_TAKEN: Test = Test {
    name: "receives even while the server takes nothing",
    points: 3,
    read: BOTH_AT_ONCE,
    proves: &[
        "It sends its standard input to the server, unchanged: any bytes, any length, also none.",
        "`write` may take fewer bytes than it is given; then the rest is offered again.",
        "The server may speak at any time: before the end of the input, and even while it does not read.",
        "It has no time limit of its own: a server may think for hours.",
    ],
    story: receives_while_the_server_takes_nothing,
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::TimeLimited,
            mistakes: &["gives_up_a_busy_server"],
            hint: "The server does not read for a while, and your program would give up: a write with SO_SNDTIMEO \
                   fails with EAGAIN when its time is over, and poll returns 0. Nobody has asked for a time limit. \
                   Wait without one.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["blocks_in_write"],
            hint: "Your program sleeps in write because the server does not read, and meanwhile it does not receive: \
                   both wait, and nothing will wake them. Make the socket non-blocking, or give each direction a \
                   thread.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["drops_what_does_not_fit"],
            hint: "A non-blocking write takes what fits, or nothing (EAGAIN). Keep the rest, and write it when poll \
                   reports POLLOUT.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["spins_on_eagain"],
            hint: "EAGAIN says that there is no room, and trying again at once makes none: your program spins, and \
                   receives nothing meanwhile. Keep the rest, and write it when poll reports POLLOUT.",
        },
    ],
};

const SERVER_HALF_CLOSES_FIRST: Test = Test {
    name: "goes on sending after the server has half-closed",
    points: 2,
    read: OTHER_SIDE_FIRST,
    proves: &[
        "The server may end its own sending side first.",
        "The program goes on sending its input then.",
        "The program ends when both directions have ended, with exit status 0.",
        "It has no time limit of its own: a server may think for hours.",
    ],
    story: |lab| {
        let (upload, server) = connected(lab)?;
        server.shutdown_write()?;
        upload.expect_alive()?;
        upload.sleeps(Sleep::WithoutTimeLimit)?;
        for _ in 0..3 {
            let piece = bytes(lab, 1, 3_000);
            upload.stdin().feed(&piece);
            server.expect(&piece)?;
        }
        upload.stdin().close();
        server.expect_end()?;
        server.close();
        upload.expect_exit(0)?;
        upload.stdout().expect_end()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["leaves_at_the_servers_end"],
            hint: "read returned 0: the server has ended its direction, not yours. Send the rest of the input before \
                   you leave.",
        },
        Rejection {
            diagnosis: Diagnosis::TimeLimited,
            mistakes: &["limits_its_own_direction"],
            hint: "The server has ended its direction, and your program gives its own one only some time to end. \
                   The input may take hours. Wait for it without a limit, as before.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["polls_a_finished_stream"],
            hint: "The end of a stream stays readable, so poll returns at once each time. When read has returned 0, \
                   do not ask for POLLIN again.",
        },
    ],
};

const NOBODY_LISTENS: Test = Test {
    name: "ends with exit status 1 when nobody listens",
    points: 1,
    read: "connect, the client's side",
    proves: &[
        "Exit status 1, with the reason on standard error, in these cases:",
        "It cannot connect, read its input, or write its output.",
        "A panic (exit status 101) is a failure, and so is death by SIGPIPE.",
    ],
    story: |lab| {
        let nobody = lab.reserve_address()?.refuse();
        let upload = lab.start(&[&nobody.to_string()])?;
        upload.expect_exit(1)?;
        upload.stdout().expect_end()?;
        upload.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_refused"],
            hint: "A refused connection is an ordinary answer of the network. Say so on standard error, and exit \
                   with 1 instead of unwrapping.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["ends_without_a_word"],
            hint: "Print the reason on standard error before you end, with `eprintln!`: a status alone helps no one.",
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["tries_again_when_refused"],
            hint: "connect has failed: nobody listens there (ECONNREFUSED). Your program waits a while and goes on, but \
                   nobody has asked for a second try. Say so on standard error, and exit with 1.",
        },
    ],
};

/// How many bytes of one TCP connection a kernel stores for its sender at most: the third figure of
/// `net.ipv4.tcp_wmem` (tcp(7)). A sender gets stuck with more than this and the receive buffer together.
fn send_buffer_limit() -> Checked<usize> {
    const ASK: &str = "could not read net.ipv4.tcp_wmem";
    let text = fs::read_to_string("/proc/sys/net/ipv4/tcp_wmem").attempt(ASK)?;
    let most = text.split_whitespace().nth(2);
    let most = most.and_then(|most| most.parse().ok());
    Ok(most.ok_or_else(|| LabError::new(ASK))?)
}

/// The server does not read until both directions have filled up. Then it takes the whole upload.
fn receives_while_the_server_takes_nothing(lab: &Lab) -> Checked {
    let listener = lab.listen_with_receive_buffer(16 << 10)?;
    // Untraced, because a program with a small buffer makes very many calls for so many bytes.
    let upload = lab.launch(Launch {
        traced: false,
        ..Launch::new([listener.address().to_string()])
    })?;
    let server = listener.accept()?;
    // More than both kernels and the program's own buffer can hold.
    let size = send_buffer_limit()? + (512 << 10);
    let mut input = bytes(lab, size, size);
    upload.stdin().feed(&input);
    lab.step(
        "the server: read nothing, until no more of the upload fits",
        || lab.settle(),
    )?;
    upload.sleeps(Sleep::WithoutTimeLimit)?;
    // In small steps, because each acknowledgement may let the program's send buffer grow a last time: a writer that
    // sleeps wakes up for that, and sleeps again.
    for _ in 0..2 {
        answer_without_reading(lab, &upload, &server, 32 << 10)?;
        lab.settle()?;
    }
    answer_without_reading(lab, &upload, &server, 128 << 10)?;
    let part = 60_000;
    server.expect(&input[..part])?;
    lab.settle()?;
    let late = bytes(lab, 10_000, 50_000);
    upload.stdin().feed(&late);
    upload.stdin().close();
    input.extend(late);
    server.expect(&input[part..])?;
    server.expect_end()?;
    server.close();
    upload.expect_exit(0)?;
    upload.stdout().expect_end()
}

/// The program, connected to a server which neither reads nor sends yet.
fn connected(lab: &Lab) -> Checked<(Program, Connection)> {
    let listener = lab.listen_elsewhere()?;
    let upload = lab.start(&[&listener.address().to_string()])?;
    let server = listener.accept()?;
    Ok((upload, server))
}

fn send_whole_input(upload: &Program, server: &Connection, input: Vec<u8>) -> Checked {
    upload.stdin().feed(&input);
    upload.stdin().close();
    server.expect(&input)?;
    server.expect_end()
}

fn send_part_of_an_answer(lab: &Lab, upload: &Program, server: &Connection) -> Checked {
    let part = text(lab, 100, 3_000);
    server.send(&part)?;
    upload.stdout().expect(&part)?;
    lab.settle()
}

/// A piece of the answer, while the server goes on to read nothing.
fn answer_without_reading(
    lab: &Lab,
    upload: &Program,
    server: &Connection,
    size: usize,
) -> Checked {
    let piece = text(lab, size, size);
    server.send_without_reading(&piece)?;
    upload.stdout().expect(&piece)
}

/// Random bytes of all values, the last of them not a newline.
fn bytes(lab: &Lab, least: usize, most: usize) -> Vec<u8> {
    let mut bytes = lab.random_bytes(number(lab, least, most));
    if let Some(last) = bytes.last_mut() {
        *last |= 0x80;
    }
    bytes
}

/// Lines of letters and digits, for an answer that a report may have to show. The last line is not ended.
fn text(lab: &Lab, least: usize, most: usize) -> Vec<u8> {
    let mut text = word(lab, least, most).into_bytes();
    for end in text.iter_mut().skip(60).step_by(61) {
        *end = b'\n';
    }
    if let Some(last) = text.last_mut() {
        *last = b'.';
    }
    text
}

/// Letters and digits, without a newline.
fn word(lab: &Lab, least: usize, most: usize) -> String {
    lab.random_word(number(lab, least, most))
}

fn lines(lab: &Lab, count: usize) -> Vec<u8> {
    (0..count)
        .map(|_| word(lab, 4, 12) + "\n")
        .collect::<String>()
        .into_bytes()
}

fn number(lab: &Lab, least: usize, most: usize) -> usize {
    lab.random_number(least as u64..=most as u64) as usize
}
