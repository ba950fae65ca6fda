//! What the client sends behind its line, and what becomes of the answer.

use super::{END_THEN_DRAIN, PATIENT, SMALL, UNREAD_BYTES, digits, some, start_with_limit, visit};
use harness::author::{
    Checked, Connection, Diagnosis, Lab, Rejection, Server, State, Stop, Test, Transport,
};

const DRAINS: &str = "After each answer, also after `bad request`, the server ends its sending side at once, and \
                      drains the connection: it reads what the client still sends, and throws it away.";
const NEVER_A_RESET: &str = "A client who stays within these bounds gets its whole answer and the end of the stream, \
                             never a reset.";

pub(super) const ENDS_ITS_SIDE: Test = Test {
    name: "ends its sending side before it waits for the client's end",
    points: 2,
    read: END_THEN_DRAIN,
    proves: &[
        DRAINS,
        "The drain ends when the client ends its sending side.",
    ],
    story: |lab| {
        let server = start_with_limit(lab, PATIENT)?;
        for count in [some(lab), 0] {
            let client = server.connect()?;
            client.send(format!("GET {count}\n"))?;
            client.expect(digits(count))?;
            expect_end_is_sent(lab, &client)?;
            client.expect_end()?;
            client.shutdown_write()?;
            visit(lab, &server)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::LeftOpen,
            mistakes: &[
                "drains_before_it_ends_its_side",
                "never_ends_its_side",
                "forgets_the_end_of_an_empty_answer",
            ],
            hint: "The client reads until the end of the answer, and your server reads until the client ends: each \
                   waits for the other. The end of the answer comes first: call shutdown with SHUT_WR \
                   (Shutdown::Write) right behind the last byte, and then read on.",
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["drains_until_the_time_is_over"],
            hint: "The client has ended its side, and the next client still waits: nothing more can come, so the drain \
                   is over as soon as read returns 0.",
        },
    ],
};

pub(super) const LATE_BYTE: Test = Test {
    name: "loses nothing when a byte comes after the answer was sent",
    points: 3,
    read: END_THEN_DRAIN,
    proves: &[NEVER_A_RESET, DRAINS],
    story: |lab| {
        let server = start_with_limit(lab, PATIENT)?;
        let (client, count) = late_reader_of_an_answer(lab, &server)?;
        client.send_without_reading(lab.random_bytes(1))?;
        lab.settle()?;
        client.expect(digits(count))?;
        client.expect_end()
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Reset,
        mistakes: &[
            "closes_at_once",
            "only_shuts_down",
            "lingers_for_the_answer",
            "drains_what_is_there",
            "naps_before_it_closes",
            "shuts_down_both_sides",
        ],
        hint: "Your server has closed the connection, and then its client has sent a byte. The kernel answers that \
               with a RST, and the client loses what it has not received yet. So do not close before the client is \
               done: end your sending side (shutdown, SHUT_WR), read until read returns 0, then close. SO_LINGER, a \
               pause, SHUT_RDWR, or a look at what is there now (EAGAIN) do not wait for the client's end.",
    }],
};

pub(super) const ONE_MORE_BYTE: Test = Test {
    name: "loses nothing when the client sends one more byte, and ends",
    points: 2,
    read: UNREAD_BYTES,
    proves: &[NEVER_A_RESET, DRAINS],
    story: |lab| {
        let server = start_with_limit(lab, PATIENT)?;
        let (client, count) = late_reader_of_an_answer(lab, &server)?;
        client.send_without_reading(lab.random_bytes(1))?;
        client.shutdown_write()?;
        lab.settle()?;
        client.expect(digits(count))?;
        client.expect_end()
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Reset,
        mistakes: &["waits_for_the_end_without_reading"],
        hint: "The client has ended, and your server has closed the connection, with a byte of the client unread: \
               then the kernel sends a RST, and the part of the answer that has not arrived is lost. POLLRDHUP says \
               that the client has ended, not that you have read everything. Read until read returns 0.",
    }],
};

pub(super) const MANY_MORE_BYTES: Test = Test {
    name: "loses nothing when 200000 more bytes come with the line",
    points: 2,
    read: END_THEN_DRAIN,
    proves: &[NEVER_A_RESET, DRAINS],
    story: |lab| {
        let server = start_with_limit(lab, PATIENT)?;
        let client = server.connect_with_receive_buffer(SMALL)?;
        let count = fits_the_send_buffer(lab);
        let line = format!("GET {count}\n").into_bytes();
        let request = [line, lab.random_bytes(200_000)].concat();
        let sent = match client.send_without_reading(&request) {
            // Nothing but a reset makes a write fail.
            Err(Stop::Failed(failure)) if failure.diagnosis == Diagnosis::ClosedEarly => {
                return lab.fail(
                    Diagnosis::Reset,
                    "your program reset the connection with client 1, which still sends, and has not read its answer",
                );
            }
            sent => sent?,
        };
        lab.settle()?;
        client.expect(digits(count))?;
        client.send(&request[sent..])?;
        client.expect_end()
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Reset,
        mistakes: &["drains_with_one_read", "drains_until_a_short_read"],
        hint: "One read is not a drain, and a read that does not fill its buffer is not the last one: more bytes were \
               unread, or came later, and close has answered them with a RST. Read in a loop, until read returns 0.",
    }],
};

/// A client that has asked for so many bytes, and has read none of them when the server has sent all.
fn late_reader_of_an_answer(lab: &Lab, server: &Server) -> Checked<(Connection, usize)> {
    let client = server.connect_with_receive_buffer(SMALL)?;
    let count = fits_the_send_buffer(lab);
    client.send(format!("GET {count}\n"))?;
    lab.settle()?;
    Ok((client, count))
}

/// The length of an answer that the kernel takes at once, while the client, who does not read, has only a part of it:
/// the server has written all of it, and may have closed.
fn fits_the_send_buffer(lab: &Lab) -> usize {
    lab.random_number(60_000..=70_000) as usize
}

/// Sees that the program has ended its sending side by the time when it sleeps.
fn expect_end_is_sent(lab: &Lab, client: &Connection) -> Checked {
    lab.settle()?;
    let step = "see that the server has ended its sending side (a FIN)";
    lab.step(step, || {
        let sockets = lab.sockets(Transport::Tcp)?;
        let own = sockets.iter().find(|socket| {
            socket.local == client.peer_address() && socket.peer == client.local_address()
        });
        match own.map(|socket| socket.state) {
            Some(State::Established | State::CloseWait) => lab.fail(
                Diagnosis::LeftOpen,
                "your program has sent the whole answer, and sleeps, but it has not ended the stream: the client waits \
                 for the end",
            ),
            _ => Ok(()),
        }
    })
}
