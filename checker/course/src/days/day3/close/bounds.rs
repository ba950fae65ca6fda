//! How much the server drains, and how long it waits.

use std::time::{Duration, Instant};

use super::{
    BOUND, LONG, PATIENT, SMALL, ask, ask_badly, digits, expect_bad_request, start_with_limit,
    visit_badly,
};
use crate::promises::{servers, time_limits::has_lasted};
use harness::author::{
    Checked, Connection, Diagnosis, Lab, Rejection, Server, Sleep, Test, Transport,
};

const BYTES_AT_MOST: &str = "It ends after 1000000 bytes at the latest.";
pub(super) const TIME_AT_MOST: &str =
    "It ends MS milliseconds after its beginning at the latest, whatever comes meanwhile.";
const THEN_CLOSES: &str = "Then the server closes the connection.";
pub(super) const LINE_IN_TIME: &str =
    "So is a client whose line is not complete within MS milliseconds of `accept`.";

pub(super) const BYTES: Test = Test {
    name: "drains a million bytes, and not for ever",
    points: 2,
    read: BOUND,
    proves: &[BYTES_AT_MOST, THEN_CLOSES],
    story: |lab| {
        let server = start_with_limit(lab, PATIENT)?;
        let client = server.connect()?;
        ask(lab, &client)?;
        expect_drain(lab, &client, 999_000)?;
        let more = client.send_while_read(lab.random_bytes(1_100_000), 50_000)?;
        if more == 1_100_000 {
            return lab.fail(
                Diagnosis::LeftOpen,
                "your program has read 2000000 bytes behind the line, and reads on; it should close the connection \
                 after 1000000",
            );
        }
        // The next one has a million of its own.
        let next = server.connect()?;
        ask(lab, &next)?;
        expect_drain(lab, &next, 60_000)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::LeftOpen,
            mistakes: &["drains_without_a_bound_of_bytes"],
            hint: "A client that never stops sending keeps your server busy for as long as it likes. Count what the \
                   drain reads, and close the connection after 1000000 bytes.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &[
                "drains_256_kilobytes",
                "drains_25_reads",
                "counts_on_for_the_next_client",
                "drains_whole_buffers_only",
                "waits_until_the_answer_is_acknowledged",
            ],
            hint: "The drain has ended too early. Only three things end it: the client's end, 1000000 bytes, and the \
                   time. Count the bytes that each read returns, not the reads, for each client from 0, and up to the \
                   last of them; and an empty send queue (SIOCOUTQ) does not say that the client is done.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["keeps_a_copy_of_each_connection"],
            hint: "Your server has gone on to its next client, but this connection is still open, and nobody reads \
                   from it. A copy of the descriptor (try_clone, dup) or a descriptor without an owner keeps it open: \
                   close all of them.",
        },
    ],
};

/// So many bytes behind the answer are read, in pieces.
fn expect_drain(lab: &Lab, client: &Connection, count: usize) -> Checked {
    let read = client.send_while_read(lab.random_bytes(count), 27_000)?;
    match read < count {
        false => Ok(()),
        true => lab.fail(
            Diagnosis::ClosedEarly,
            format!(
                "your program has closed the connection with {} after {read} bytes; it should drain up to 1000000",
                client.name()
            ),
        ),
    }
}

const TIME_IS_OVER: &str = "The time of a drain is over: poll returns 0, or read fails with EAGAIN (WouldBlock in \
                            Rust, TimeoutError in Python). That is the end of this connection, and an ordinary one. \
                            Close it, and accept the next client.";

pub(super) const SILENT_AFTER_THE_ANSWER: Test = Test {
    name: "leaves a client who neither sends nor ends",
    points: 2,
    read: BOUND,
    proves: &[
        TIME_AT_MOST,
        THEN_CLOSES,
        "Also one who reads late and sends nothing gets its whole answer, even after the connection is closed.",
        "The others wait in the accept queue.",
    ],
    story: |lab| {
        let server = start_hasty(lab, 60)?;
        let silent = server.connect()?;
        ask_badly(lab, &silent)?;
        visit_badly(lab, &server)?;
        wait_until_closed(lab, &silent)?;
        expect_not_reset(lab, &silent)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["drains_without_a_time_limit"],
            hint: "The client has its answer, and stays, silent: your server sleeps in the drain, and the next client \
                   waits. Give the drain MS milliseconds: poll before each read, or SO_RCVTIMEO (set_read_timeout).",
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["counts_seconds", "drains_for_half_a_minute"],
            hint: "The MS milliseconds of the drain are over, but your server still sleeps. The drain ends at a \
                   moment that is noted at its beginning: after the number behind -t, which no constant replaces. It \
                   is in milliseconds, as poll takes it; a timeval (SO_RCVTIMEO) has seconds and microseconds.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_when_the_time_is_over"],
            hint: TIME_IS_OVER,
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_the_time_is_over"],
            hint: TIME_IS_OVER,
        },
        Rejection {
            diagnosis: Diagnosis::Reset,
            mistakes: &["resets_when_the_time_is_over"],
            hint: "When the time is over, an ordinary close is right: the kernel goes on delivering the answer to a \
                   client that reads late. SO_LINGER with a time of zero sends a RST in its place. So does a close \
                   with the line unread: if your server has read nothing at all, its limit was over at once (60 \
                   milliseconds are not 0 seconds).",
        },
    ],
};

pub(super) const SILENT_BEFORE_THE_LINE: Test = Test {
    name: "answers a client whose line does not come in time",
    points: 2,
    read: BOUND,
    proves: &[LINE_IN_TIME, "The others wait in the accept queue."],
    story: |lab| {
        // This one has begun before the others, and has much more time: in 16 bits, it would be 50 ms.
        let patient = start_with_limit(lab, (9 << 16) + 50)?;
        let with_time = patient.connect()?;
        lab.settle()?;
        let server = start_hasty(lab, 60)?;
        let silent = server.connect()?;
        let slow = server.connect()?;
        slow.send("GET 12")?;
        expect_bad_request(&silent)?;
        expect_bad_request(&slow)?;
        visit_badly(lab, &server)?;
        with_time.expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["waits_for_the_line_for_ever"],
            hint: "The client has connected and says nothing, and your server sleeps in read: no other client is \
                   served. The wait for the line needs the time limit of -t, too.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["closes_on_a_silent_client"],
            hint: "A client whose line has not come in time gets `bad request`, like one whose line is wrong. Then the \
                   connection ends as always: shutdown, drain, close.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["answers_a_part_of_a_line"],
            hint: "The time is over, and the line has no newline yet: `GET 12` may be the beginning of `GET 120`. What \
                   is not complete is a bad request.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["waits_one_second_for_the_line", "cuts_its_wait_to_16_bits"],
            hint: "With -t 589874 a client has nearly ten minutes for its line, and your server has given it up \
                   already. The limit of -t is for the line, too, not only for the drain; and in 16 bits it is 50 milliseconds.",
        },
    ],
};

pub(super) const AS_LONG_AS_THE_OPTION: Test = Test {
    name: "drains as long as -t says",
    points: 2,
    read: BOUND,
    proves: &[
        TIME_AT_MOST,
        "`MS` is a whole number from 1 to 1000000; without `-t` it is 3000.",
    ],
    story: |lab| {
        let patient = start_with_limit(lab, PATIENT)?;
        let first = patient.connect()?;
        ask_badly(lab, &first)?;
        // These begin later, and end first. More than a second, because microseconds in a timeval must be fewer.
        let slow = start_hasty(lab, 1050)?;
        let hasty = start_hasty(lab, 300)?;
        let begun = Instant::now();
        let second = slow.connect()?;
        ask_badly(lab, &second)?;
        // All of its time is over before it has its answer: the drain has as much again.
        let third = hasty.connect()?;
        expect_bad_request(&third)?;
        for (client, limit, least) in [(&third, 300, 600), (&second, 1050, 1050)] {
            wait_until_closed(lab, client)?;
            let took = begun.elapsed();
            if !has_lasted(took, Duration::from_millis(least)) {
                return lab.fail(
                    Diagnosis::ClosedEarly,
                    format!(
                        "your program has closed the connection with {} after {} ms; with -t {limit} this should \
                         take {least} ms",
                        client.name(),
                        took.as_millis()
                    ),
                );
            }
        }
        drains_after_a_slow_answer(lab, &slow)?;
        match first.send_while_read(lab.random_bytes(1), 1)? {
            1 => Ok(()),
            _ => lab.fail(
                Diagnosis::ClosedEarly,
                format!("with -t {PATIENT} your program has closed a connection before its time was over"),
            ),
        }
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &[
                "has_a_limit_of_its_own",
                "counts_microseconds",
                "drains_for_half_of_its_time",
                "has_one_deadline_for_all",
                "drains_good_requests_only",
            ],
            hint: "The drain has ended before its time. It has all the milliseconds of -t, counted from the end of the \
                   answer, also after `bad request`: not a constant, and not what the line has left over. (In a \
                   timeval, a millisecond is 1000 microseconds.)",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["puts_all_time_into_microseconds"],
            hint: "With -t 1050 the drain has no time limit, with -t 60 it has one. In a timeval the microseconds must \
                   be fewer than a million: setsockopt fails with EDOM otherwise. The seconds belong into tv_sec; and \
                   look at what setsockopt returns.",
        },
    ],
};

/// All of the drain's time is over before the client has read its answer: the drain still has as much. Another client of
/// another server measures this time.
fn drains_after_a_slow_answer(lab: &Lab, clock: &Server) -> Checked {
    const LIMIT: u64 = 700;
    let server = start_with_limit(lab, LIMIT)?;
    let client = server.connect_with_receive_buffer(SMALL)?;
    client.send(format!("GET {LONG}\n"))?;
    lab.settle()?;
    let silent = clock.connect()?;
    ask_badly(lab, &silent)?;
    wait_until_closed(lab, &silent)?;
    // The answer cannot be written before this.
    let begun = Instant::now();
    client.expect(digits(LONG))?;
    client.expect_end()?;
    wait_until_closed(lab, &client)?;
    let took = begun.elapsed();
    match has_lasted(took, Duration::from_millis(LIMIT)) {
        true => Ok(()),
        false => lab.fail(
            Diagnosis::ClosedEarly,
            format!(
                "your program has closed the connection {} ms after the answer, which its client has read late; \
                 with -t {LIMIT} this should take {LIMIT} ms",
                took.as_millis()
            ),
        ),
    }
}

pub(super) const DEADLINES: Test = Test {
    name: "keeps to its limits while a byte comes now and then",
    points: 2,
    read: BOUND,
    proves: &[TIME_AT_MOST, LINE_IN_TIME],
    story: |lab| {
        let (_servers, clients) = in_the_drain_and_in_the_line(lab)?;
        let [drain, line] = trickle(lab, &clients, LIMITS, |_| Ok(()))?;
        expect_not_to_read(lab, drain, line)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimedOut,
        mistakes: &[
            "each_byte_starts_the_clock_of_the_drain",
            "each_byte_starts_the_clock_of_the_line",
        ],
        hint: "Each byte gives the client all of the time again: with a byte now and then it keeps your server for \
               hours. A time limit for one read (poll's timeout, SO_RCVTIMEO) is no limit for the whole. Note the \
               deadline once, as an Instant, and wait each time only for what is left until then.",
    }],
};

pub(super) const SLEEPS: Test = Test {
    name: "sleeps while it waits",
    points: 1,
    read: BOUND,
    proves: &[
        "The server sleeps while it waits, and it waits for its next client without a time limit.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = start_with_limit(lab, PATIENT)?;
        servers::expect_patience(lab, &server)?;
        let client = server.connect()?;
        server.sleeps(Sleep::UntilSomethingComes)?;
        ask(lab, &client)?;
        server.sleeps(Sleep::UntilSomethingComes)?;
        client.close();
        servers::expect_patience(lab, &server)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["naps_and_looks"],
            hint: "Your server looks again and again whether something has come. poll does the waiting: it sleeps \
                   until there is something to read or the time is over.",
        },
        Rejection {
            diagnosis: Diagnosis::TimeLimited,
            mistakes: &["ends_when_nobody_comes"],
            hint: "The time limit is for a client who is there. The next one may come in an hour: wait in accept \
                   without a limit.",
        },
    ],
};

/// The limit of the servers which get a byte now and then, in milliseconds.
const LIMIT: u64 = 400;
/// How often each of them has this time.
pub(super) const LIMITS: [usize; 2] = [1, 2];

/// One server is in the drain, and one in the line. The second has its time twice: for the line, and for the drain.
pub(super) fn in_the_drain_and_in_the_line(lab: &Lab) -> Checked<([Server; 2], [Connection; 2])> {
    let servers = [start_with_limit(lab, LIMIT)?, start_with_limit(lab, LIMIT)?];
    let clients = [servers[0].connect()?, servers[1].connect()?];
    ask_badly(lab, &clients[0])?;
    Ok((servers, clients))
}

/// Whether the server in the drain still reads when its time is over, and the one that began in the line.
pub(super) fn expect_not_to_read(lab: &Lab, drain: bool, line: bool) -> Checked {
    let (client, times) = match (drain, line) {
        (true, _) => ("has its answer", "that time"),
        (_, true) => ("sends no whole line", "twice that time, the drain included"),
        _ => return Ok(()),
    };
    lab.fail(
        Diagnosis::TimedOut,
        format!(
            "your program still reads from a client that {client}; with -t {LIMIT} it should have closed the \
             connection after {times}"
        ),
    )
}

/// A server with a short limit that has served its first client.
fn start_hasty(lab: &Lab, milliseconds: u64) -> Checked<Server> {
    let server = start_with_limit(lab, milliseconds)?;
    visit_badly(lab, &server)?;
    Ok(server)
}

/// Waits until no process holds the program's end of this connection. The kernel may still have it.
fn wait_until_closed(lab: &Lab, client: &Connection) -> Checked {
    let goal = format!("it to close the connection with {}", client.name());
    lab.wait_until(&goal, Diagnosis::Stuck, || {
        let sockets = lab.sockets(Transport::Tcp)?;
        let is_held = sockets.iter().any(|socket| {
            let is_its_end =
                socket.local == client.peer_address() && socket.peer == client.local_address();
            is_its_end && socket.inode != 0
        });
        Ok(!is_held)
    })
}

/// Sees that no reset has ended the client's socket.
fn expect_not_reset(lab: &Lab, client: &Connection) -> Checked {
    lab.step("see that the connection was closed without a reset", || {
        let sockets = lab.sockets(Transport::Tcp)?;
        let is_there = sockets.iter().any(|socket| {
            socket.local == client.local_address() && socket.peer == client.peer_address()
        });
        match is_there {
            true => Ok(()),
            false => lab.fail(
                Diagnosis::Reset,
                format!(
                    "your program has reset the connection with {}",
                    client.name()
                ),
            ),
        }
    })
}

/// Clients send a byte now and then until the limit of their server is over, and then some more, one at a time. The server
/// need not be fast: it only must not read all of them. Says of which it does. `limits` says how often it has all of its
/// time for a client: for the drain alone, or for the line and for the drain. `before` comes before each byte to the client
/// of this number.
pub(super) fn trickle<const N: usize>(
    lab: &Lab,
    clients: &[Connection; N],
    limits: [usize; N],
    before: impl Fn(usize) -> Checked,
) -> Checked<[bool; N]> {
    const GAP: Duration = Duration::from_millis(20);
    let what = format!(
        "each of these clients sends a byte now and then, for {LIMIT} ms and more, and {FURTHER} more behind that"
    );
    lab.step(what, || {
        let mut patience = limits.map(Patience::new);
        while patience.iter().any(Patience::lasts) {
            for (number, client) in clients.iter().enumerate() {
                if patience[number].lasts() {
                    before(number)?;
                    let is_read = client.send_while_read("x", 1)? == 1;
                    patience[number].look(is_read, || client.arrived() > 0);
                }
            }
            if !patience.iter().any(Patience::is_over) {
                let paused = Instant::now();
                lab.wait_until("the next byte", Diagnosis::Stuck, || {
                    Ok(paused.elapsed() >= GAP)
                })?;
            }
        }
        Ok(patience.map(|patience| patience.is_used_up))
    })
}

/// So many bytes wake a server whose time is over, before it is told that it reads on.
const FURTHER: u32 = 10;

/// How long a client may send bytes that are read.
#[derive(Debug)]
struct Patience {
    /// How often the server has all of its time for this client, from now on.
    limits: usize,
    /// When the present one is over. It has begun before the first byte was read in it.
    over: Option<Instant>,
    /// How many bytes were read since then.
    further: u32,
    is_read: bool,
    is_used_up: bool,
}

impl Patience {
    fn new(limits: usize) -> Patience {
        Patience {
            limits,
            over: None,
            further: 0,
            is_read: true,
            is_used_up: false,
        }
    }

    fn lasts(&self) -> bool {
        self.is_read && !self.is_used_up
    }

    fn is_over(&self) -> bool {
        self.lasts() && self.over.is_some_and(|over| Instant::now() >= over)
    }

    /// Whether another byte was read. `is_answered` says whether the client has an answer, behind which the next limit
    /// begins.
    fn look(&mut self, is_read: bool, is_answered: impl FnOnce() -> bool) {
        self.is_read = is_read;
        if self.over.is_none() {
            self.over = Some(Instant::now() + Duration::from_millis(LIMIT));
        } else if self.is_over() {
            self.further += 1;
        }
        if self.further < FURTHER {
            return;
        }
        let goes_on = self.limits > 1 && is_answered();
        *self = match goes_on {
            true => Patience::new(self.limits - 1),
            false => Patience {
                is_used_up: true,
                ..Patience::new(0)
            },
        };
    }
}
