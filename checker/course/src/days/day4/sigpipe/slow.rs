//! Clients that read late, or not at all.

use super::{
    KEPT, LESS_THAN_ASKED, LOST, NEVER_WAIT, OTHERS, SAYS_SO, connect, ends, some, start_for, tell,
};
use crate::promises::servers;
use harness::author::{
    Checked, Connection, Diagnosis, Lab, Launch, Rejection, Server, Sleep, Socket, Test, Transport,
};

const NEVER_WAITS: &str = "The server never waits for a client.";
const BEGINNING: &str = "What a lost client has got is the beginning of the input, without a hole.";
const EAGAIN: &str = "When the buffers of a client are full, it is lost with `EAGAIN`.";
const HOW_FAR: &str = "With 16 KiB unread a client is never lost, and with 8 MiB it always is.";

/// A receive buffer which is soon full.
const SMALL: usize = 16 * 1024;
/// With so much unread it must be.
const MOST: usize = 8 << 20;
/// With so much unread the buffers of the kernel are full, and one that waits for room does so.
const SOON: usize = 1 << 20;

pub(super) const STOPS_READING: Test = Test {
    name: "waits for no client that has stopped reading",
    points: 3,
    read: NEVER_WAIT,
    proves: &[NEVER_WAITS, EAGAIN, HOW_FAR, LOST, SAYS_SO, OTHERS],
    story: |lab| {
        let server = start_for(lab, 3)?;
        let first = server.connect()?;
        let stuck = server.connect_with_receive_buffer(SMALL)?;
        let third = server.connect()?;
        let others = [&first, &third];
        let begin = lab.random_bytes(some(lab));
        tell(&server, &begin, &[&first, &stuck, &third])?;
        let fed = fill(lab, &server, &others)?;
        let more = lab.random_bytes(some(lab));
        tell(&server, &more, &others)?;
        ends(lab, &server, begin.len() + fed.len() + more.len(), &others)
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
            hint: "A client that reads nothing is lost, and your server waits in close until it has read, or until a time \
                   is over: SO_LINGER asks for that. Leave SO_LINGER alone: the kernel sends on behind an ordinary \
                   close.",
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
    read: NEVER_WAIT,
    proves: &[NEVER_WAITS, EAGAIN],
    story: |lab| {
        lab.follow_calls();
        let server = start_for(lab, 2)?;
        let first = server.connect()?;
        let stuck = server.connect_with_receive_buffer(SMALL)?;
        tell(&server, &lab.random_bytes(some(lab)), &[&first, &stuck])?;
        lab.settle()?;
        let last = server.program().calls().latest()?;
        fill(lab, &server, &[&first])?;
        server.program().calls().expect_no_time_limit_since(last)
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
    read: NEVER_WAIT,
    proves: &[SAYS_SO, BEGINNING],
    story: |lab| {
        let server = start_for(lab, 2)?;
        let first = server.connect()?;
        let stuck = server.connect_with_receive_buffer(SMALL)?;
        tell(&server, &lab.random_bytes(some(lab)), &[&first, &stuck])?;
        lab.settle()?;
        let descriptors = server.descriptors().count()?;
        let fed = fill(lab, &server, &[&first])?;
        expect_beginning(lab, &stuck, &fed)?;
        tell(&server, &lab.random_bytes(some(lab)), &[&first])?;
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
    read: NEVER_WAIT,
    proves: &[LESS_THAN_ASKED, BEGINNING],
    story: |lab| {
        const COUNT: usize = 13;
        let server = start_for(lab, COUNT)?;
        let mut readers = (1..=COUNT)
            .map(|number| {
                Ok(Reader {
                    number,
                    client: server.connect_with_receive_buffer(SMALL)?,
                    has_read: 0,
                })
            })
            .collect::<Checked<Vec<_>>>()?;
        let mut fed = Vec::new();
        let mut turn = 0;
        // The last one reads everything, and stays.
        while readers.len() > 1 && fed.len() < MOST {
            let piece = lab.random_bytes(lab.random_number(15_000..=25_000) as usize);
            fed.extend_from_slice(&piece);
            server.program().stdin().feed(&piece);
            lab.settle()?;
            expect_only_lost(lab, &server, &mut readers, &fed)?;
            let sockets = lab.sockets(Transport::Tcp)?;
            // Each reads all at another time, so that their buffers are not full with the same write.
            turn += 1;
            // First the last one, which gets its piece also where another one has no room.
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
        hint: "write has taken a part of the bytes, because the buffer was nearly full, and the client misses the rest. \
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
    /// Whether the kernel holds less for it than it has not read of so much input: a write has taken a part. The server
    /// may still hold the rest.
    fn misses_a_part(&self, sockets: &[Socket], fed: usize) -> bool {
        servers::held_for(&self.client, sockets) < fed - self.has_read
    }
}

pub(super) const MEMORY: Test = Test {
    name: "needs no more memory for a long input",
    points: 1,
    read: NEVER_WAIT,
    proves: &["The server needs no more memory for a long input than for a short one."],
    story: |lab| {
        let address = lab.any_port();
        let server = lab
            .launch(Launch {
                traced: false,
                ..Launch::new([address.to_string(), "2".to_owned()])
            })?
            .expect_announcement(address)?;
        let [first, second] = connect(&server)?;
        let clients = [&first, &second];
        // A program with a garbage collector keeps what it does not need until it collects.
        for round in 1..=ROUNDS {
            let before = server.program().peak_memory();
            feed(lab, &server, ROUND, &clients)?;
            lab.settle()?;
            let more = server.program().peak_memory().saturating_sub(before);
            if more < MUCH {
                break;
            }
            if round == ROUNDS {
                let symptom = format!(
                    "your program has taken {more} KiB more memory for the last {} KiB of its input, and as much for \
                     what came before",
                    ROUND / 1024
                );
                return lab.fail(Diagnosis::OutOfMemory, symptom);
            }
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::OutOfMemory,
        mistakes: &["keeps_its_input"],
        hint: "The more has come, the more memory your program needs. Read into one buffer again and again, and keep \
               nothing of what was sent.",
    }],
};

const ROUND: usize = 6 << 20;
const ROUNDS: usize = 5;
/// In KiB: half of what comes in a round.
const MUCH: u64 = (ROUND / 1024 / 2) as u64;

/// Input comes, so much in all, and these clients receive each piece of it.
fn feed(lab: &Lab, server: &Server, count: usize, clients: &[&Connection]) -> Checked {
    let step = format!(
        "{} MiB of input, of which each client gets every byte",
        count >> 20
    );
    lab.step(step, || {
        (0..count / KEPT).try_for_each(|_| tell(server, &lab.random_bytes(KEPT), clients))
    })
}

/// Input comes until the second client, which reads nothing, is lost. The others get each piece of it. Returns all of it.
fn fill(lab: &Lab, server: &Server, others: &[&Connection]) -> Checked<Vec<u8>> {
    const STEP: &str = "feed pieces of 16 KiB until the client is lost that reads nothing; the others get each of them";
    let mut fed = Vec::new();
    lab.step(STEP, || {
        while fed.len() <= MOST {
            let piece = lab.random_bytes(KEPT);
            fed.extend_from_slice(&piece);
            server.program().stdin().feed(&piece);
            if fed.len() < SOON {
                // One that waits for room for a while is seen while it waits.
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
