//! Clients that leave, and clients that break.

use super::{
    AT_THE_END, ITS_NAME, LOST, NAMES, NO_PANIC, NUMBERED, ONE_TO_MANY, OTHERS, SAYS_SO, SIGPIPE,
    ends, expect_lost, some, start, tell,
};
use harness::author::{Checked, Connection, Diagnosis, Lab, Rejection, Server, Test, Transport};

const HALF_CLOSED_STAYS: &str =
    "A client that only ends its sending side is not lost: it still gets everything.";

pub(super) const LEAVES: Test = Test {
    name: "goes on when a client has left",
    points: 3,
    read: SIGPIPE,
    proves: &[LOST, SAYS_SO, ITS_NAME, OTHERS, AT_THE_END, NO_PANIC],
    story: |lab| {
        let (server, [first, second, third]) = start(lab)?;
        let pieces: Vec<Vec<u8>> = (0..4).map(|_| lab.random_bytes(some(lab))).collect();
        tell(&server, &pieces[0], &[&first, &second, &third])?;
        second.close();
        // The kernel takes the first piece for the one who has left, and learns of it by a reset.
        tell(&server, &pieces[1], &[&first, &third])?;
        tell(&server, &pieces[2], &[&first, &third])?;
        expect_lost(&server, 2, "EPIPE")?;
        tell(&server, &pieces[3], &[&first, &third])?;
        server.stdout().expect_quiet()?;
        ends(lab, &server, pieces.concat().len(), &[&first, &third])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["sets_sigpipe_to_default"],
            hint: "SIGPIPE has killed your program: it wrote to a client that has gone, and the default action of this \
                   signal ends the process. Ignore the signal (Rust has done so before main), or send with \
                   MSG_NOSIGNAL. Then write fails with EPIPE.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_with_a_client", "calls_exit_in_a_handler"],
            hint: "A client has left, and your program has ended with it. An error of write is the end of one client: \
                   do not pass it up to main with `?`, and do not end in a handler of SIGPIPE.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["unwraps_write"],
            hint: "write fails when the client has gone, and the client decides when it goes. Handle the error instead \
                   of unwrapping it.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &[
                "loses_clients_in_silence",
                "says_it_at_the_end",
                "skips_the_next_client",
            ],
            hint: "What does the test wait for? If it is the line `lost I: ERRNO`, look at what each write returns, print \
                   the line to standard output at once, and flush it. If it is bytes at another client, that client \
                   has missed a piece: `remove(i)` moves those behind forward, so do not count i up then (retain, or a \
                   new list of those that are left, has no such gap).",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["forgets_the_others"],
            hint: "One client is lost, and with it your program drops others. The error belongs to one client: drop \
                   this one, and go on with the next.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["begins_again_without_the_lost"],
            hint: "A client is lost, and others get the same piece a second time. Go on behind the lost one, and do \
                   not begin again with the first.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["tries_again_for_ever"],
            hint: "EPIPE does not pass: this connection is over, and each further write fails in the same way. Only \
                   EINTR means \"try again\".",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "counts_from_zero",
                "calls_it_the_text_of_the_error",
                "counts_lost_clients",
                "counts_what_all_have_got",
            ],
            hint: "The line is `lost I: ERRNO`: the number of the client, counted from 1 as they were accepted, and \
                   the name of the errno, for instance `EPIPE`. In nix the name is `{errno:?}`; strerror gives the \
                   text.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["keeps_lost_clients"],
            hint: "The same client is lost once more with each write. Take it out of your list and close its \
                   connection when the first write fails.",
        },
    ],
};

pub(super) const RESETS: Test = Test {
    name: "goes on when a client has reset its connection",
    points: 2,
    read: NAMES,
    proves: &[LOST, SAYS_SO, ITS_NAME, OTHERS, NO_PANIC],
    story: |lab| {
        let (server, [first, second, third]) = start(lab)?;
        let pieces: Vec<Vec<u8>> = (0..5).map(|_| lab.random_bytes(some(lab))).collect();
        tell(&server, &pieces[0], &[&first, &second, &third])?;
        first.reset()?;
        tell(&server, &pieces[1], &[&third])?;
        expect_lost(&server, 1, "ECONNRESET")?;
        // This one has not read all: then close sends a reset, too.
        tell(&server, &pieces[2], &[&third])?;
        wait_for_unread_bytes(lab, &second)?;
        second.close();
        tell(&server, &pieces[3], &[&third])?;
        expect_lost(&server, 2, "ECONNRESET")?;
        tell(&server, &pieces[4], &[&third])?;
        ends(lab, &server, pieces.concat().len(), &[&third])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["knows_only_epipe"],
            hint: "After a reset, the first write fails with ECONNRESET, and only later ones with EPIPE. Treat each \
                   error but EINTR as the end of this client.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["says_epipe_always", "asks_twice", "numbers_by_place"],
            hint: "The line tells the number with which this client was accepted, which is no place in a list that \
                   gets shorter, and the errno of the first call that failed. After a reset that is ECONNRESET, and the \
                   kernel tells it once: the next write gets EPIPE.",
        },
    ],
};

pub(super) const HALF_CLOSED: Test = Test {
    name: "sends everything to a client that has only ended its sending side",
    points: 2,
    read: NAMES,
    proves: &[HALF_CLOSED_STAYS, AT_THE_END],
    story: |lab| {
        let (server, [first, second]) = start(lab)?;
        let pieces: Vec<Vec<u8>> = (0..3).map(|_| lab.random_bytes(some(lab))).collect();
        second.shutdown_write()?;
        tell(&server, &pieces[0], &[&first, &second])?;
        tell(&server, &pieces[1], &[&first, &second])?;
        first.shutdown_write()?;
        lab.settle()?;
        tell(&server, &pieces[2], &[&first, &second])?;
        server.stdout().expect_quiet()?;
        ends(lab, &server, pieces.concat().len(), &[&first, &second])
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ClosedEarly,
        mistakes: &["takes_a_half_close_for_the_end"],
        hint: "The client has ended its sending side: read returns 0, and poll says POLLRDHUP. It still reads. \
                   Whether a client is gone, only a write can tell.",
    }],
};

pub(super) const SEVERAL: Test = Test {
    name: "loses several clients at once, and no other one",
    points: 2,
    read: ONE_TO_MANY,
    proves: &[NUMBERED, SAYS_SO, OTHERS, AT_THE_END],
    story: |lab| {
        let (server, [first, second, third, fourth, fifth, sixth]) = start(lab)?;
        let pieces: Vec<Vec<u8>> = (0..5).map(|_| lab.random_bytes(some(lab))).collect();
        let all = [&first, &second, &third, &fourth, &fifth, &sixth];
        tell(&server, &pieces[0], &all)?;
        second.reset()?;
        third.reset()?;
        let rest = [&first, &fourth, &fifth, &sixth];
        tell(&server, &pieces[1], &rest)?;
        expect_both_lost(&server, [2, 3])?;
        tell(&server, &pieces[2], &rest)?;
        fifth.reset()?;
        first.reset()?;
        tell(&server, &pieces[3], &[&fourth, &sixth])?;
        expect_both_lost(&server, [1, 5])?;
        tell(&server, &pieces[4], &[&fourth, &sixth])?;
        ends(lab, &server, pieces.concat().len(), &[&fourth, &sixth])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["loses_one_at_a_time"],
            hint: "Two clients are lost with the same piece, and your program tells of one. A variable that holds the \
                   lost client holds one: say and drop each where its write fails.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["removes_by_old_places"],
            hint: "Your program drops a client that is still there. After the first `remove`, the places of all behind \
                   it are others: remove from the last to the first, or make a new list of those that are left.",
        },
    ],
};

/// The kernel has some bytes for a client, which has not read them.
fn wait_for_unread_bytes(lab: &Lab, client: &Connection) -> Checked {
    let goal = format!("bytes for {}", client.name());
    lab.wait_until(&goal, Diagnosis::Stuck, || {
        let sockets = lab.sockets(Transport::Tcp)?;
        Ok(sockets
            .iter()
            .any(|socket| socket.local == client.local_address() && socket.receive_queue > 0))
    })
}

/// Two clients are lost with one piece, and the server says so in any order.
fn expect_both_lost(server: &Server, mut numbers: [usize; 2]) -> Checked {
    let lines = numbers.map(|number| format!("lost {number}: ECONNRESET"));
    if server.stdout().expect_one_of(&lines)? == 0 {
        numbers.reverse();
    }
    expect_lost(server, numbers[0], "ECONNRESET")
}

pub(super) const NONE_IS_LEFT: Test = Test {
    name: "ends when no client is left",
    points: 1,
    read: ONE_TO_MANY,
    proves: &[
        "When no client is left, the server ends with exit status 1, without waiting for the end of its input.",
        "Exit status 1: it cannot listen, it cannot print, or no client is left.",
        "The reason is on standard error.",
    ],
    story: |lab| {
        let (server, [first, second]) = start(lab)?;
        tell(&server, &lab.random_bytes(some(lab)), &[&first, &second])?;
        let reset = |client: &Connection, number, others: &[&Connection]| {
            client.reset()?;
            tell(&server, &lab.random_bytes(some(lab)), others)?;
            expect_lost(&server, number, "ECONNRESET")
        };
        reset(&first, 1, &[&second])?;
        reset(&second, 2, &[])?;
        server.program().expect_exit(1)?;
        server.stdout().expect_end()?;
        server.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["says_nothing_of_the_last_one"],
            hint: "The last client is lost as the others are: print its line `lost I: ERRNO`, too, and flush it. Only after \
                   that your program ends with exit status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["sums_up_without_clients"],
            hint: "The line `sent B bytes to K clients` belongs to the end of the input. It has not ended here: no client \
                   is left. Say that on standard error, and end with exit status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["serves_nobody"],
            hint: "The last client is lost, and your program still reads its input, which may never end. Say that no \
                   client is left, and end with exit status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["ends_well_without_clients"],
            hint: "Nobody has got the rest of the input, so not all is well: end with exit status 1.",
        },
    ],
};
