//! Clients that leave, and clients that break.

use super::{
    READ_ONE_TO_MANY, READ_THE_SIGNAL, READ_WHICH_ERROR, SAYS_AT_THE_END, SAYS_ERRNO,
    SAYS_LINE_AT_ONCE, SAYS_LOST, SAYS_NO_PANIC, SAYS_NUMBERED, SAYS_OTHERS, SAYS_REASON,
    SAYS_STATUS_1, expect_all_end, expect_lost, feed_and_expect, piece, start,
};
use crate::promises::servers;
use harness::author::{Checked, Connection, Diagnosis, Rejection, Server, Test, Transport};

const SAYS_HALF_CLOSED_STAYS: &str =
    "A client that only ends its sending side is not lost: it still gets everything.";

pub(super) const LEAVES: Test = Test {
    name: "goes on when a client has left",
    points: 3,
    read: READ_THE_SIGNAL,
    proves: &[
        SAYS_LOST,
        SAYS_LINE_AT_ONCE,
        SAYS_ERRNO,
        SAYS_OTHERS,
        SAYS_AT_THE_END,
        SAYS_NO_PANIC,
    ],
    story: |lab| {
        let (server, [first, second, third]) = start(lab)?;
        let pieces: Vec<Vec<u8>> = (0..4).map(|_| piece(lab)).collect();
        feed_and_expect(&server, &pieces[0], &[&first, &second, &third])?;
        second.close();
        // pieces[1] is the first write after the close: the kernel accepts it, and the answer is a reset. pieces[2] then
        // fails with EPIPE.
        feed_and_expect(&server, &pieces[1], &[&first, &third])?;
        second.wait_for_reset_to_arrive()?;
        feed_and_expect(&server, &pieces[2], &[&first, &third])?;
        expect_lost(&server, 2, "EPIPE")?;
        feed_and_expect(&server, &pieces[3], &[&first, &third])?;
        server.stdout().expect_quiet()?;
        expect_all_end(lab, &server, pieces.concat().len(), &[&first, &third])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["sets_sigpipe_to_default"],
            hint: "SIGPIPE kills your program: it writes to a client that has gone, and the default action of this \
                   signal ends the process. Ignore the signal (Rust does so before main), or send with MSG_NOSIGNAL. \
                   Then write fails with EPIPE.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_with_a_client", "calls_exit_in_a_handler"],
            hint: "A client leaves, and your program ends with it. An error of write is the end of one client: do not \
                   pass it up to main with `?`, and do not end in a handler of SIGPIPE.",
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
            hint: "If the test waits for `lost I: ERRNO`: check the result of each write, print the line at once, and \
                   flush. If it waits for bytes: `remove(i)` moves the later clients forward, and your loop skips one. \
                   Use `retain`.",
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
            hint: "A client is lost, and others get the same piece twice. Go on with the next client, and do not begin \
                   again with the first.",
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
    read: READ_WHICH_ERROR,
    proves: &[
        SAYS_LOST,
        SAYS_LINE_AT_ONCE,
        SAYS_ERRNO,
        SAYS_OTHERS,
        SAYS_NO_PANIC,
    ],
    story: |lab| {
        let (server, [first, second, third]) = start(lab)?;
        let pieces: Vec<Vec<u8>> = (0..5).map(|_| piece(lab)).collect();
        feed_and_expect(&server, &pieces[0], &[&first, &second, &third])?;
        first.reset()?;
        feed_and_expect(&server, &pieces[1], &[&third])?;
        expect_lost(&server, 1, "ECONNRESET")?;
        // The second one closes while bytes for it are unread: then the kernel sends a reset, too.
        feed_and_expect(&server, &pieces[2], &[&third])?;
        lab.wait_until("bytes for the second client", Diagnosis::Stuck, || {
            let port = second.local_address().port();
            Ok(servers::unread(lab, Transport::Tcp, port)?.is_some_and(|count| count > 0))
        })?;
        second.close();
        second.wait_for_reset_to_arrive()?;
        feed_and_expect(&server, &pieces[3], &[&third])?;
        expect_lost(&server, 2, "ECONNRESET")?;
        feed_and_expect(&server, &pieces[4], &[&third])?;
        expect_all_end(lab, &server, pieces.concat().len(), &[&third])
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
            hint: "The line names the client by its number at accept, not by its index in the list. ERRNO is the error \
                   of the first write that fails: after a reset ECONNRESET. The next write already fails with EPIPE.",
        },
    ],
};

pub(super) const HALF_CLOSED: Test = Test {
    name: "sends everything to a client that has only ended its sending side",
    points: 2,
    read: READ_WHICH_ERROR,
    proves: &[SAYS_HALF_CLOSED_STAYS, SAYS_AT_THE_END],
    story: |lab| {
        let (server, [first, second]) = start(lab)?;
        let pieces: Vec<Vec<u8>> = (0..3).map(|_| piece(lab)).collect();
        second.shutdown_write()?;
        feed_and_expect(&server, &pieces[0], &[&first, &second])?;
        feed_and_expect(&server, &pieces[1], &[&first, &second])?;
        first.shutdown_write()?;
        lab.settle()?;
        feed_and_expect(&server, &pieces[2], &[&first, &second])?;
        server.stdout().expect_quiet()?;
        expect_all_end(lab, &server, pieces.concat().len(), &[&first, &second])
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
    read: READ_ONE_TO_MANY,
    proves: &[
        SAYS_NUMBERED,
        SAYS_LINE_AT_ONCE,
        SAYS_OTHERS,
        SAYS_AT_THE_END,
    ],
    story: |lab| {
        let (server, [first, second, third, fourth, fifth, sixth]) = start(lab)?;
        let pieces: Vec<Vec<u8>> = (0..5).map(|_| piece(lab)).collect();
        let all = [&first, &second, &third, &fourth, &fifth, &sixth];
        feed_and_expect(&server, &pieces[0], &all)?;
        second.reset()?;
        third.reset()?;
        let rest = [&first, &fourth, &fifth, &sixth];
        feed_and_expect(&server, &pieces[1], &rest)?;
        expect_both_lost(&server, [2, 3])?;
        feed_and_expect(&server, &pieces[2], &rest)?;
        fifth.reset()?;
        first.reset()?;
        feed_and_expect(&server, &pieces[3], &[&fourth, &sixth])?;
        expect_both_lost(&server, [1, 5])?;
        feed_and_expect(&server, &pieces[4], &[&fourth, &sixth])?;
        expect_all_end(lab, &server, pieces.concat().len(), &[&fourth, &sixth])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["loses_one_at_a_time"],
            hint: "Two clients are lost with the same piece, and your program prints a line for one of them. Do not \
                   keep the lost client in a variable until later: print its line and drop it where its write fails.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["removes_by_old_places"],
            hint: "Your program drops a client that is still there. After `remove(i)` the later clients have other \
                   indexes. Remove from the last to the first, or use `retain`.",
        },
    ],
};

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
    read: READ_ONE_TO_MANY,
    proves: &[
        "When no client is left, the server ends with exit status 1, without waiting for the end of its input.",
        SAYS_STATUS_1,
        SAYS_REASON,
    ],
    story: |lab| {
        let (server, [first, second]) = start(lab)?;
        feed_and_expect(&server, &piece(lab), &[&first, &second])?;
        let lose = |client: &Connection, number, others: &[&Connection]| {
            client.reset()?;
            feed_and_expect(&server, &piece(lab), others)?;
            expect_lost(&server, number, "ECONNRESET")
        };
        lose(&first, 1, &[&second])?;
        lose(&second, 2, &[])?;
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
