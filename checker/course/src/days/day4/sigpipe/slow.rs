//! Clients that read late, or not at all.

use super::{
    NEVER_LOST_WITH, READ_DOES_NOT_READ, SAYS_AS_IF_NOTHING, SAYS_HOW_FAR, SAYS_LINE_AT_ONCE,
    SAYS_LOST, SAYS_OTHERS, SAYS_TAKES_A_PART, connect, expect_all_end, feed_and_expect, piece,
    start_for,
};
use crate::promises::servers;
use harness::author::{
    Checked, Connection, Diagnosis, Lab, Rejection, Server, Sleep, Socket, Test, Transport,
};

const SAYS_NEVER_WAITS: &str = "The server never waits for a client.";
const SAYS_BEGINNING: &str =
    "What a lost client has got is the beginning of the input, without a hole.";
const SAYS_EAGAIN: &str = "When the buffers of a client are full, it is lost with `EAGAIN`.";

/// So small that it is soon full.
const SMALL_RECEIVE_BUFFER: usize = 16 * 1024;
/// With 8 MiB unread a client must be lost.
const ALWAYS_LOST_WITH: usize = 8 << 20;
/// With 1 MiB unread its buffers are full: a server that waits for room waits by now.
const BUFFERS_FULL: usize = 1 << 20;
/// A client that reads each piece is never lost.
const PIECE: usize = NEVER_LOST_WITH;

pub(super) const STOPS_READING: Test = Test {
    name: "waits for no client that has stopped reading",
    points: 3,
    read: READ_DOES_NOT_READ,
    proves: &[
        SAYS_NEVER_WAITS,
        SAYS_EAGAIN,
        SAYS_HOW_FAR,
        SAYS_LOST,
        SAYS_LINE_AT_ONCE,
        SAYS_OTHERS,
    ],
    story: |lab| {
        let server = start_for(lab, 3)?;
        let first = server.connect()?;
        let stuck = server.connect_with_receive_buffer(SMALL_RECEIVE_BUFFER)?;
        let third = server.connect()?;
        let others = [&first, &third];
        let begin = piece(lab);
        feed_and_expect(&server, &begin, &[&first, &stuck, &third])?;
        let fed = fill(lab, &server, &others)?;
        let more = piece(lab);
        feed_and_expect(&server, &more, &others)?;
        expect_all_end(lab, &server, begin.len() + fed.len() + more.len(), &others)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &[
                "writes_blocking",
                "polls_for_room",
                "only_the_listener_does_not_block",
            ],
            hint: "One client reads nothing, and your server sleeps in a write to it: all others wait. Set O_NONBLOCK \
                   on each connection (accept does not inherit it), or send with MSG_DONTWAIT. Where the buffer is \
                   full, write then fails with EAGAIN, and the client is lost.",
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["lingers_for_a_lost_client"],
            hint: "Your server waits in close, because SO_LINGER is set. Do not set it: after an ordinary close the kernel \
                   still sends what is in the buffer.",
        },
        Rejection {
            diagnosis: Diagnosis::TimeLimited,
            mistakes: &[
                "waits_some_seconds_for_room",
                "has_a_send_timeout",
                "naps_until_there_is_room",
            ],
            hint: "One client reads nothing, and all others wait until its time is over: with ten such clients that is \
                   ten times as long. Do not wait for room at all, not in poll, not by SO_SNDTIMEO, not in a short \
                   sleep: EAGAIN is the end of this client.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["tries_again_at_eagain"],
            hint: "EAGAIN says that the buffer of this client is full, and it may stay so for hours. To try again at \
                   once keeps the processor busy, and all others wait. The client is lost.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_eagain"],
            hint: "EAGAIN tells of one full buffer, and is no failure of your server: this client is lost, and the \
                   others go on.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "drops_what_does_not_fit",
                "queues_without_bound",
                "calls_it_ewouldblock",
            ],
            hint: "What does not fit must neither be thrown away, which leaves a hole in the stream, nor be kept in \
                   memory without a bound: EAGAIN is the end of this client. (On Linux, EWOULDBLOCK is another name \
                   of EAGAIN; the line says EAGAIN.)",
        },
    ],
};

pub(super) const NOT_A_MOMENT: Test = Test {
    name: "does not wait for room, not even for a moment",
    points: 1,
    read: READ_DOES_NOT_READ,
    proves: &[SAYS_NEVER_WAITS, SAYS_EAGAIN],
    story: |lab| {
        lab.follow_calls();
        let (server, first, _stuck) = start_with_stuck(lab)?;
        let before_filling = server.program().calls().latest()?;
        fill(lab, &server, &[&first])?;
        let calls = server.program().calls();
        calls.expect_no_time_limit_since(before_filling)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimeLimited,
        mistakes: &["waits_a_moment_for_room"],
        hint: "The buffers of one client are full, and your server waits for room before it gives this client up. All \
                   others wait meanwhile, and with a hundred such clients that is a hundred times as long. The first \
                   EAGAIN is the end of this client: no poll with a time, and no short sleep.",
    }],
};

pub(super) const CUT_OFF: Test = Test {
    name: "closes the connection of a client that has stopped reading",
    points: 1,
    read: READ_DOES_NOT_READ,
    proves: &[SAYS_LINE_AT_ONCE, SAYS_BEGINNING],
    story: |lab| {
        let (server, first, stuck) = start_with_stuck(lab)?;
        let descriptors = server.descriptors().count()?;
        let fed = fill(lab, &server, &[&first])?;
        expect_beginning(lab, &stuck, &fed)?;
        feed_and_expect(&server, &piece(lab), &[&first])?;
        server.descriptors().expect_at_most(descriptors - 1)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::LeftOpen,
            mistakes: &["keeps_the_connection_of_a_lost_client"],
            hint: "The client is lost, and its connection is still open: the client waits for more, and the kernel \
                   keeps its full buffers. Close the descriptor when a client is lost.",
        },
        Rejection {
            diagnosis: Diagnosis::DescriptorLeaked,
            mistakes: &["shuts_down_and_does_not_close"],
            hint: "shutdown ends the connection, and the descriptor stays yours until close. Let its OwnedFd or \
                   TcpStream go out of scope.",
        },
    ],
};

pub(super) const NO_HOLE: Test = Test {
    name: "leaves no hole in what a client gets",
    points: 2,
    read: READ_DOES_NOT_READ,
    proves: &[SAYS_TAKES_A_PART, SAYS_AS_IF_NOTHING, SAYS_BEGINNING],
    story: |lab| {
        const COUNT: usize = 13;
        let server = start_for(lab, COUNT)?;
        let mut readers = (1..=COUNT)
            .map(|number| {
                Ok(Reader {
                    number,
                    client: server.connect_with_receive_buffer(SMALL_RECEIVE_BUFFER)?,
                    has_read: 0,
                })
            })
            .collect::<Checked<Vec<_>>>()?;
        let mut fed = Vec::new();
        let mut turn = 0;
        // Client 13 reads everything in each turn, and stays. That others are lost at all is tested by STOPS_READING.
        while readers.len() > 1 && fed.len() < ALWAYS_LOST_WITH {
            let piece = lab.random_bytes(lab.random_number(15_000..=25_000) as usize);
            fed.extend_from_slice(&piece);
            server.program().stdin().feed(&piece);
            lab.settle()?;
            expect_only_lost(lab, &server, &mut readers, &fed)?;
            let sockets = lab.sockets(Transport::Tcp)?;
            // In turn k client k reads everything, so that the buffers do not fill up with the same write.
            turn += 1;
            // Client 13 first: it gets its piece before another one makes room by reading.
            for reader in readers.iter_mut().rev() {
                let reads = [turn, COUNT].contains(&reader.number);
                if reads || reader.misses_a_part(&sockets, fed.len()) {
                    reader.client.expect(&fed[reader.has_read..])?;
                    reader.has_read = fed.len();
                }
            }
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Stuck,
        mistakes: &["ignores_short_writes"],
        hint: "write takes only a part of the bytes, because the buffer is nearly full, and the client misses the rest. \
               Look at the number that write returns: offer the rest, without waiting for room (MSG_DONTWAIT once more), \
               and where that fails with EAGAIN, the client is lost.",
    }],
};

/// Takes the lines about readers that are lost by now, and sees that each has got the beginning of the input.
fn expect_only_lost(lab: &Lab, server: &Server, readers: &mut Vec<Reader>, fed: &[u8]) -> Checked {
    loop {
        let lines: Vec<String> = readers
            .iter()
            .map(|reader| format!("lost {}: EAGAIN", reader.number))
            .collect();
        match server.stdout().take_one_of(&lines)? {
            None => return Ok(()),
            Some(place) => {
                let lost = readers.remove(place);
                expect_beginning(lab, &lost.client, &fed[lost.has_read..])?;
            }
        }
    }
}

/// A client that reads now and then.
struct Reader {
    number: usize,
    client: Connection,
    has_read: usize,
}

impl Reader {
    /// Fewer bytes are in the kernel's buffers than this client has still to read: a write took only a part. The server
    /// may send the rest when there is room.
    fn misses_a_part(&self, sockets: &[Socket], fed: usize) -> bool {
        servers::held_for(&self.client, sockets) < fed - self.has_read
    }
}

pub(super) const MEMORY: Test = Test {
    name: "needs no more memory for a long input",
    points: 1,
    read: READ_DOES_NOT_READ,
    proves: &["The server needs no more memory for a long input than for a short one."],
    story: |lab| {
        let server = servers::start_untraced_with(lab, &["2"])?;
        let [first, second] = connect(&server)?;
        let what = format!("{} MiB of its input", ROUND_BYTES >> 20);
        servers::expect_memory_to_stay(lab, &server, ROUNDS, LEAK_KIB, &what, || {
            lab.step(
                format!("{what}, of which each client gets every byte"),
                || {
                    (0..ROUND_BYTES / PIECE).try_for_each(|_| {
                        feed_and_expect(&server, &lab.random_bytes(PIECE), &[&first, &second])
                    })
                },
            )?;
            lab.settle()
        })
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::OutOfMemory,
        mistakes: &["keeps_its_input"],
        hint: "The more has come, the more memory your program needs. Read into one buffer again and again, and keep \
               nothing of what was sent.",
    }],
};

const ROUND_BYTES: usize = 6 << 20;
const ROUNDS: usize = 5;
/// In KiB: half of what comes in a round.
const LEAK_KIB: u64 = (ROUND_BYTES / 1024 / 2) as u64;

/// A server, its first client, and its second one, which reads no more than the first piece.
fn start_with_stuck(lab: &Lab) -> Checked<(Server, Connection, Connection)> {
    let server = start_for(lab, 2)?;
    let first = server.connect()?;
    let stuck = server.connect_with_receive_buffer(SMALL_RECEIVE_BUFFER)?;
    feed_and_expect(&server, &piece(lab), &[&first, &stuck])?;
    lab.settle()?;
    Ok((server, first, stuck))
}

/// Input comes until the second client, which reads nothing, is lost. The others get each piece of it. Returns all of it.
fn fill(lab: &Lab, server: &Server, others: &[&Connection]) -> Checked<Vec<u8>> {
    const STEP: &str =
        "feed pieces of 16 KiB, which the others read, until the client that reads nothing is lost";
    let mut fed = Vec::new();
    lab.step(STEP, || {
        while fed.len() <= ALWAYS_LOST_WITH {
            let piece = lab.random_bytes(PIECE);
            fed.extend_from_slice(&piece);
            server.program().stdin().feed(&piece);
            if fed.len() < BUFFERS_FULL {
                // A server that waits for room with a time limit is seen while it waits.
                lab.settle()?;
                server.sleeps(Sleep::WithoutTimeLimit)?;
            }
            others.iter().try_for_each(|client| client.expect(&piece))?;
            if server.stdout().take_one_of(&["lost 2: EAGAIN"])?.is_some() {
                return Ok(());
            }
        }
        let symptom = "a client has 8 MiB unread, and your program does not say that it is lost";
        lab.fail(Diagnosis::WrongOutput, symptom)
    })?;
    Ok(fed)
}

/// What a lost client has got is the beginning of the input: nothing is missing in the middle.
fn expect_beginning(lab: &Lab, client: &Connection, fed: &[u8]) -> Checked {
    let got = client.until_end()?.bytes;
    match fed.starts_with(&got) {
        true => Ok(()),
        false => lab.fail(
            Diagnosis::WrongBytes,
            format!(
                "{} got {} bytes, which are not the beginning of the input",
                client.name(),
                got.len()
            ),
        ),
    }
}
