//! The hidden tests of day3_7_fork_server.

mod manners;
mod reports;
mod untested;
mod zombies;

use nix::errno::Errno;

use crate::promises::servers;
use harness::author::{
    Call, Checked, Child, Connection, Diagnosis, Exercise, FdKind, Lab, Rejection, Server, Sleep,
    Test, Transport,
};

/// Day 3, exercise 7.
pub const EXERCISE: Exercise = Exercise {
    name: "day3_7_fork_server",
    title: "an echo server with a process for each client",
    chapter: "3.7 A process for each client: fork and zombies",
    first_step: "Begin with a copy of your echo server of day 2, exercise 2: it passes the first test as it is. fork \
                 comes with the second one.",
    tests: &[
        EVERY_BYTE,
        SILENT_CLIENT,
        manners::PATIENCE,
        SHORT_WRITES,
        HALF_CLOSE,
        manners::LATE_READER,
        OTHERS_STAY,
        CHILD_ENDS,
        zombies::EARLIER_CLIENT,
        zombies::ANOTHER_LIVES,
        zombies::THREE_TOGETHER,
        zombies::IN_THE_GAP,
        reports::EACH_CHILD,
        reports::HOW_IT_ENDED,
        manners::REASON_OF_A_LOST_CLIENT,
        manners::LOST_WHILE_IT_SENDS,
        manners::REAL_TIME_SIGNAL,
        manners::CHILD_INTERRUPTED,
        manners::WHOLE_LINES,
        manners::CANNOT_PRINT,
        manners::CANNOT_ACCEPT,
        NO_FORK,
        LOST_CLIENT,
        manners::LISTENS_FIRST,
        PORT_IS_FREE,
        manners::WRONG_ARGUMENTS,
        manners::PORT_IN_USE,
    ],
    clues: &[],
    untested: untested::SENTENCES,
};

const EVERY_BYTE: Test = Test {
    name: "sends back every byte",
    points: 1,
    read: "3.7 A process for each client: fork and zombies",
    proves: &[
        ADDRESS_ONLY,
        "`PORT` may be 0: the kernel then chooses a free port.",
        "When it is ready for clients, the server prints exactly one line, `listening IP:PORT`, with the port it \
         really has.",
        "The child sends back the bytes of the client, all of them and unchanged, until the client ends its sending \
         side.",
    ],
    story: |lab| {
        let address = lab.any_port_elsewhere();
        let server = lab.start_server_on(address)?;
        server.expect_address(address)?;
        servers::expect_no_other_door(lab, &server, Transport::Tcp)?;
        let client = server.connect()?;
        lab.step(
            "client 1: send some bytes one at a time, then every byte value",
            || {
                client.send(lab.random_bytes(1))?;
                client.expect_echo()?;
                // A child that closes now is seen before the next byte: with that byte unread, close is a reset.
                client.expect_quiet()?;
                for byte in lab.boundary_bytes() {
                    client.send([byte])?;
                    client.expect_echo()?;
                }
                client.send(lab.every_byte())?;
                client.expect_echo()
            },
        )?;
        echo(lab, &client, 20_000)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["echoes_text"],
            hint: "The bytes come back changed: a stream carries bytes, not text. Write the slice you have read, \
                   without a String between.",
        },
        Rejection {
            diagnosis: Diagnosis::ListensElsewhere,
            mistakes: &["listens_on_every_address"],
            hint: servers::BIND_THE_ARGUMENT,
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["shuts_down_in_the_parent", "ends_after_one_read"],
            hint: "The client has not ended its sending side yet. A read that returns few bytes is no end: only 0 is, so \
                   read on. And the parent closes its copy after fork, but does not call shutdown: shutdown ends the \
                   connection itself, also for the child.",
        },
    ],
};

const ADDRESS_ONLY: &str =
    "`ADDRESS` is an IPv4 address, and the server listens on this address only.";

const NEVER_ENDS: &str = "It never ends by itself, except with status 1 if it cannot listen, can accept no more, or \
                          cannot print (with the reason on standard error).";

const OFFER_THE_REST: &str = "write has taken fewer bytes than it was given, and said so. This is not a failure, but \
                              nobody else sends the rest: offer it again, until all of it is taken.";

const SHORT_WRITES: Test = Test {
    name: "sends back every byte, however few a write takes",
    points: 2,
    read: "Bytes, not messages",
    proves: &[
        "The child sends back the bytes of the client, all of them and unchanged, until the client ends its sending \
         side.",
        "A call may do less than it is asked for: `write` may take fewer bytes than it is given, and a call in which \
         the server sleeps may end early (`EINTR`), because a child has ended.",
        "Neither is a failure.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let client = server.connect()?;
        server
            .faults()
            .shorten(Call::Write.on(FdKind::Socket), lab.random_number(1..=9))?;
        echo(lab, &client, 1_000)?;
        late_reader_loses_nothing(lab)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["leaves_the_rest_of_a_full_buffer"],
            hint: OFFER_THE_REST,
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["ignores_short_writes"],
            hint: OFFER_THE_REST,
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["takes_a_short_write_for_a_failure"],
            hint: OFFER_THE_REST,
        },
    ],
};

/// A child that does not wait in write meets short counts only where the buffers are full.
fn late_reader_loses_nothing(lab: &Lab) -> Checked {
    let server = servers::start_untraced(lab)?;
    let client = server.connect_with_receive_buffer(16 * 1024)?;
    // More than the buffers between client and child hold.
    client.send_without_reading(lab.random_bytes(8 << 20))?;
    client.expect_echo()
}

const SILENT_CLIENT: Test = Test {
    name: "serves a client while another one is silent",
    points: 2,
    read: "fork: one call, two returns",
    proves: &["For each client that it accepts, the server forks one child."],
    story: |lab| {
        let server = lab.start_server()?;
        let silent = visit(lab, &server)?.client;
        let second = server.connect()?;
        echo(lab, &second, 500)?;
        echo_some(lab, &silent)?;
        let third = server.connect()?;
        echo_some(lab, &third)?;
        echo_some(lab, &second)?;
        let _crowd = lab.step("40 more clients: connect, get an echo, and stay", || {
            let come = |_| {
                let client = server.connect()?;
                echo_some(lab, &client)?;
                Ok(client)
            };
            (0..40).map(come).collect::<Checked<Vec<_>>>()
        })?;
        echo_some(lab, &silent)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ProcessMissing,
            mistakes: &["serves_without_fork"],
            hint: "Call fork after each accept. The child serves the client; the parent closes its copy of the \
                   connection and goes back to accept.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["waits_for_each_child", "limits_its_children"],
            hint: "A client waits until another one leaves. Go back to accept after each fork, however many children \
                   there are, and collect a child when SIGCHLD says that it has ended. Only the kernel sets a limit, \
                   and then fork fails.",
        },
    ],
};

const HALF_CLOSE: Test = Test {
    name: "ends the connection after its client has half-closed, and serves the next",
    points: 2,
    read: "Two copies of every descriptor",
    proves: &[
        "Then it sends the rest and ends.",
        "The client sees the end of the stream at once, whatever the other clients do.",
        "A call may do less than it is asked for: `write` may take fewer bytes than it is given, and a call in which \
         the server sleeps may end early (`EINTR`), because a child has ended.",
        "Neither is a failure.",
        "The parent holds no connection, and no child holds the listening socket.",
        NEVER_ENDS,
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let Visit { client, child } = visit(lab, &server)?;
        client.send(lab.random_bytes(100_000))?;
        client.shutdown_write()?;
        client.expect_echo()?;
        client.expect_end()?;
        // SIGCHLD has come, if it comes, before the next client does.
        child.wait_until_ended_or_asleep()?;
        server.sleeps(Sleep::NotForAChild)?;
        let next = server.connect()?;
        echo_some(lab, &next)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::LeftOpen,
            mistakes: &["parent_keeps_connection"],
            hint: "The child has closed the connection, but the parent still holds a copy. Close it in the parent \
                   directly after fork: accept returns a bare number, wrap it in an OwnedFd.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "interrupted_call_ends_the_server",
                "interrupted_accept_ends_the_server",
            ],
            hint: "A child has ended, SIGCHLD came, and the call in which the server slept failed with EINTR. That is \
                   no failure: go on with the loop.",
        },
    ],
};

const OTHERS_STAY: Test = Test {
    name: "ends one connection while other clients stay",
    points: 2,
    read: "Two copies of every descriptor",
    proves: &[
        "The client sees the end of the stream at once, whatever the other clients do.",
        "The parent holds no connection, and no child holds the listening socket.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let [first, second, third] = three_visits(lab, &server)?;
        // The first one: the children of the others were forked when its connection was there.
        leave(lab, &first.client)?;
        echo_some(lab, &second.client)?;
        echo_some(lab, &third.client)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::LeftOpen,
        mistakes: &["closes_when_the_child_has_ended"],
        hint: "Later children hold a copy of this connection, because the parent still had it at their fork. Close \
               it in the parent before you accept the next client.",
    }],
};

const CHILD_ENDS: Test = Test {
    name: "ends a child with its client",
    points: 2,
    read: "The child must end",
    proves: &[
        "For each client that it accepts, the server forks one child.",
        "Then it sends the rest and ends.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let first = visit(lab, &server)?;
        let second = visit(lab, &server)?;
        first.end(lab)?;
        echo_some(lab, &second.client)?;
        second.end(lab)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ProcessLeft,
        mistakes: &["child_returns_to_accept"],
        hint: "The child goes on into the parent's loop and waits for clients itself. Call _exit in the child when \
               its client is served.",
    }],
};

const NO_FORK: Test = Test {
    name: "turns one client away when fork fails, and goes on",
    points: 2,
    read: "When fork fails, and when the server ends",
    proves: &[
        "If fork fails, the server closes this connection, says why on standard error, and goes on.",
        NEVER_ENDS,
        "Results go to standard output, everything else to standard error.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let early = visit(lab, &server)?.client;
        server.sleeps(Sleep::NotForAChild)?;
        let forbidden = server.faults().forbid_fork()?;
        let unlucky = server.connect()?;
        unlucky.expect_turned_away()?;
        server.sleeps(Sleep::NotForAChild)?;
        server.stdout().expect_quiet()?;
        server.stderr().expect_reason()?;
        forbidden.allow_again()?;
        echo_some(lab, &early)?;
        let late = server.connect()?;
        echo_some(lab, &late)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["turns_away_in_silence"],
            hint: "fork has failed, but your program does not report it. Say on standard error why you turn this \
                   client away.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["fork_failure_ends_the_server"],
            hint: "fork has failed for one client, and the server ends for all. Report it, close this connection, and \
                   go on.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["unwraps_fork"],
            hint: "fork has failed for one client (EAGAIN: there may be no more processes), and the server panics for \
                   all. Report it on standard error, close this connection, and go on.",
        },
        Rejection {
            diagnosis: Diagnosis::LeftOpen,
            mistakes: &["fork_failure_keeps_the_client"],
            hint: "fork has failed, and nobody serves this client or closes its connection. Close it in the parent in \
                   this case, too.",
        },
    ],
};

const LOST_CLIENT: Test = Test {
    name: "goes on when a client gives up before it is accepted",
    points: 2,
    read: "When the parent cannot accept",
    proves: &["It goes on, too, if a client has given up before it is accepted (`ECONNABORTED`)."],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let early = visit(lab, &server)?.client;
        server.sleeps(Sleep::NotForAChild)?;
        let gives_up = server
            .faults()
            .fail_next(Call::Accept, Errno::ECONNABORTED)?;
        // A server which sleeps in accept takes the first one in the call that it is in.
        let late = [server.connect()?, server.connect()?];
        gives_up.wait_until_hit()?;
        for client in late.iter().chain([&early]) {
            echo_some(lab, client)?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["ends_when_a_client_gives_up"],
        hint: "accept has failed with ECONNABORTED: one client has left the queue, and the server ends for all. Go \
               back to accept, or to the call in which the server sleeps.",
    }],
};

const PORT_IS_FREE: Test = Test {
    name: "frees its port when it is killed, though a child still serves",
    points: 3,
    read: "When fork fails, and when the server ends",
    proves: &[
        "The parent holds no connection, and no child holds the listening socket.",
        "When the server is killed, its children go on serving their clients; a new server can be started on the same \
         port at once.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let early = visit(lab, &server)?.client;
        server.sleeps(Sleep::NotForAChild)?;
        server.program().kill()?;
        early.expect_quiet()?;
        echo_some(lab, &early)?;
        server.expect_not_listening()?;
        let late = lab.start_server_on(server.address())?.connect()?;
        echo_some(lab, &late)?;
        leave(lab, &early)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::DescriptorLeaked,
            mistakes: &["child_keeps_listener"],
            hint: "The server is dead, but its port still listens: a child holds a copy of the listening socket. \
                   Close it in the child directly after fork.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["children_die_with_their_server"],
            hint: "The server was killed, and the child ended with it: a signal reached it (PR_SET_PDEATHSIG asks for \
                   one), or it watches its parent. A child goes on until its client ends.",
        },
        Rejection {
            diagnosis: Diagnosis::CannotRestart,
            mistakes: &["no_reuse_address"],
            hint: "The connection that the child serves is on this port. Set SO_REUSEADDR on the listening socket \
                   before bind.",
        },
    ],
};

/// A client, and the child which serves it.
#[derive(Debug)]
struct Visit {
    client: Connection,
    child: Child,
}

impl Visit {
    /// The client leaves, and its child ends. Whether it is collected is left open.
    fn end(&self, lab: &Lab) -> Checked {
        leave(lab, &self.client)?;
        self.child.expect_ended()
    }
}

/// A client comes, gets an echo, and has a child of its own.
fn visit(lab: &Lab, server: &Server) -> Checked<Visit> {
    let client = server.connect()?;
    echo_some(lab, &client)?;
    let child = server.children().of(&client)?;
    Ok(Visit { client, child })
}

fn three_visits(lab: &Lab, server: &Server) -> Checked<[Visit; 3]> {
    lab.step(
        "three clients: connect, get an echo, and have a child each",
        || {
            Ok([
                visit(lab, server)?,
                visit(lab, server)?,
                visit(lab, server)?,
            ])
        },
    )
}

fn take_any(lab: &Lab, visits: &mut Vec<Visit>) -> Visit {
    let last = visits.len() as u64 - 1;
    visits.remove(lab.random_number(0..=last) as usize)
}

fn echo(lab: &Lab, client: &Connection, count: usize) -> Checked {
    let step = format!("{}: send {count} bytes and expect them back", client.name());
    lab.step(step, || {
        client.send(lab.random_bytes(count))?;
        client.expect_echo()
    })
}

fn echo_some(lab: &Lab, client: &Connection) -> Checked {
    let count = lab.random_number(1..=300);
    echo(lab, client, count as usize)
}

/// The client says that it has sent all, and sees the end.
fn leave(lab: &Lab, client: &Connection) -> Checked {
    let step = format!(
        "{}: half-close and expect the end of the stream",
        client.name()
    );
    lab.step(step, || {
        client.shutdown_write()?;
        client.expect_end()
    })
}
