//! The hidden tests of day2_6_connect. The test plays the servers: those that answer, those that refuse, and those that
//! say nothing.

mod faults;
mod limits;
mod rounds;
mod untested;

use std::{ffi::OsString, net::SocketAddr};

use crate::promises::{
    arguments::{self, spoiled},
    numbers,
};
use harness::author::{
    Checked, Connection, Diagnosis, Exercise, Lab, Launch, Listener, Program, Rejection, Sleep,
    Test, quoted, with_telling_port,
};

/// Day 2, exercise 6.
pub const EXERCISE: Exercise = Exercise {
    name: "day2_6_connect",
    title: "connect, with every outcome",
    chapter: "2.6 connect, with every outcome",
    first_step: CONNECT,
    tests: &[
        CONNECTS,
        LOCAL_ADDRESS,
        REFUSED,
        NO_ANSWER,
        NEXT_ADDRESS,
        PRINTS_AT_ONCE,
        IPV6,
        NEW_SOCKET,
        CLOSES_SOCKETS,
        NO_WAY,
        faults::EVERY_ERROR,
        limits::GIVES_UP,
        limits::WAITS,
        limits::AS_LONG_AS_THE_KERNEL,
        limits::CLOSES,
        faults::INTERRUPTED,
        faults::CLOCK,
        rounds::BACK_OFF,
        rounds::ALL_AGAIN,
        rounds::SLEEPS,
        faults::PAUSE,
        WRONG_ARGUMENTS,
    ],
    clues: &[],
    untested: untested::SENTENCES,
};

/// Also for a program in which connect is still missing.
const CONNECT: &str = "Begin with socket(2) and connect(2), and print `ADDRESS:PORT connected` on standard output. If your connect \
                       fails with ECONNREFUSED: a sockaddr_in holds the port in network byte order. Use htons, in \
                       Rust to_be(); nix's types do it for you.";

const CONNECTS: Test = Test {
    name: "connects to the address it is given, and says so",
    points: 1,
    read: "What connect does",
    proves: &[
        "Each `ADDRESS` is an IPv4 address, or an IPv6 address in brackets: `127.0.0.1:80`, `[::1]:80`.",
        "As soon as the outcome of a try is known, and before the next one begins, it prints one line: the address, a \
         space, and the outcome.",
        "| `connected` | the handshake is complete |",
    ],
    story: |lab| {
        let listener = lab.listen()?;
        let program = dial(lab, &[listener.address()])?;
        listener.accept()?;
        program.stdout().expect_line(connected(&listener))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["port_in_host_order", "prints_on_standard_error"],
            hint: CONNECT,
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["in_progress_is_an_error", "says_local_first"],
            hint: "The first line is the address, a space, and `connected`; `local` comes behind it, on a line of its \
                   own. If your line says EINPROGRESS: that is not an error, a non-blocking connect has only \
                   begun. Wait with poll until the socket is writable, then ask for SO_ERROR.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["polls_for_input"],
            hint: "You wait for data, but a server may send nothing. The end of the handshake makes the socket \
                   writable: poll for POLLOUT.",
        },
    ],
};

const LOCAL_ADDRESS: Test = Test {
    name: "says which local address the kernel has chosen, and ends",
    points: 2,
    read: "What connect does",
    proves: &[
        "After `connected` it prints one more line, `local ADDRESS:PORT`, with the address that the kernel has chosen \
         for its own end (IPv6 in brackets).",
        "Then it ends, with status 0.",
        "It sends nothing, and tries no further address.",
        "Exit status 0: connected.",
        "Only these lines go to standard output, everything else to standard error.",
    ],
    story: |lab| {
        let listener = lab.listen()?;
        let connect = || {
            let program = dial(lab, &[listener.address()])?;
            let server = expect_connected(&program, &listener)?;
            Ok((program, server))
        };
        let (program, server) =
            with_telling_port(connect, |(_, server)| server.peer_address().port())?;
        server.expect_end()?;
        program.expect_exit(0)?;
        program.stdout().expect_end()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "asks_before_connect",
                "prints_the_peer",
                "turns_its_own_port",
            ],
            hint: "`local` is what getsockname says after connect: only then has the kernel chosen an address and a \
                   port for this end. The other end is what getpeername says. In a sockaddr the port is in network byte order: \
                   ntohs makes a number of it.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["says_hello"],
            hint: "This program only connects. It writes nothing to the connection.",
        },
        Rejection {
            diagnosis: Diagnosis::LeftOpen,
            mistakes: &["waits_for_the_server"],
            hint: "The task is done when both lines are printed. Do not wait for the server: end, and the kernel \
                   closes the connection for you.",
        },
    ],
};

const NOBODY_LISTENS: &str = "Nobody listens there. A blocking connect returns ECONNREFUSED: look at what it \
                              returns. After a non-blocking one, poll says \"writable\" in any case. SO_ERROR is the \
                              outcome, and you get it once: the second getsockopt returns 0.";

const REFUSED: Test = Test {
    name: "says that a connection is refused",
    points: 2,
    read: "The outcomes of connect",
    proves: &[
        "As soon as the outcome of a try is known, and before the next one begins, it prints one line: the address, a \
         space, and the outcome.",
        "| `refused` | `ECONNREFUSED` |",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let nobody = lab.reserve_address()?.refuse();
        dial(lab, &[nobody])?.stdout().expect_line(refused(nobody))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_refused"],
            hint: "A refused connection is an ordinary event, not a bug: look at the error instead of calling unwrap \
                   or expect.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "ignores_connect_error",
                "writable_is_connected",
                "reads_so_error_twice",
                "asks_for_the_peer",
            ],
            hint: NOBODY_LISTENS,
        },
    ],
};

const NO_ANSWER: Test = Test {
    name: "ends with status 1 when no address answers",
    points: 1,
    read: "The outcomes of connect",
    proves: &[
        "`-r N` allows N more rounds through all addresses (default 0).",
        "Exit status 1: no address has answered, and a word on standard error says so.",
        "Only these lines go to standard output, everything else to standard error.",
    ],
    story: |lab| {
        let nobody = lab.reserve_address()?.refuse();
        let program = dial(lab, &[nobody])?;
        program.stdout().expect_line(refused(nobody))?;
        program.stdout().expect_end()?;
        program.expect_exit(1)?;
        program.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["prints_local_all_the_same"],
            hint: "The line `local` belongs to a connection. Here there is none, so the outcome of the try is the \
                   last line.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["failure_ends_with_0"],
            hint: "No address has answered, but the status says success. A script reads the status, not the words: \
                   end with ExitCode::from(1).",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["fails_in_silence"],
            hint: "The last word is missing: say on standard error, with eprintln, that no address answers.",
        },
    ],
};

const NEXT_ADDRESS: Test = Test {
    name: "goes on to the next address, until one answers",
    points: 2,
    read: "One address after the other",
    proves: &[
        "The program tries the addresses in their order, one at a time, each with a new socket.",
        "It sends nothing, and tries no further address.",
        "Exit status 0: connected.",
    ],
    story: |lab| {
        let (first, second) = (
            lab.reserve_address()?.refuse(),
            lab.reserve_address()?.refuse(),
        );
        let (third, last) = (lab.listen()?, lab.listen()?);
        let program = dial(lab, &[first, second, third.address(), last.address()])?;
        program.stdout().expect_line(refused(first))?;
        program.stdout().expect_line(refused(second))?;
        let _server = expect_connected(&program, &third)?;
        program.stdout().expect_end()?;
        program.expect_exit(0)?;
        last.expect_no_client()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["gives_up_after_the_first"],
            hint: "The first address has refused, but there are more. An error of one try is an outcome: print it, \
                   and try the next address.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["begins_with_the_last", "reuses_a_refused_socket"],
            hint: "Try the addresses in the order of the command line, and each with a new socket: do not use a \
                   refused socket again. On Linux its next connect may fail with ECONNABORTED.",
        },
        Rejection {
            diagnosis: Diagnosis::CallForbidden,
            mistakes: &["tries_all_at_once"],
            hint: "Your program connects to more than one address. Begin a try when the one before it has failed, and \
                   not earlier.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["goes_on_after_success"],
            hint: "One connection is enough. After `connected` and `local` the program ends, and does not try the \
                   other addresses.",
        },
    ],
};

const PRINTS_AT_ONCE: Test = Test {
    name: "prints the outcome of a try before it begins the next one",
    points: 1,
    read: "One address after the other",
    proves: &[
        "As soon as the outcome of a try is known, and before the next one begins, it prints one line: the \
               address, a space, and the outcome.",
    ],
    story: |lab| {
        let (first, second) = (lab.reserve_address()?.refuse(), lab.listen()?);
        let program = dial_with_full_stdout(lab, &["-t", "100000"], &[first, second.address()])?;
        program.sleeps(Sleep::Printing)?;
        second.expect_no_client()?;
        program.stdout().drain()?;
        program.stdout().expect_line(refused(first))?;
        second.accept()?;
        program.stdout().expect_line(connected(&second))
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::CallForbidden,
        mistakes: &["prints_all_at_the_end"],
        hint: "The next try has begun, but nobody can read the outcome of the first one yet. Print the line as soon \
               as you know it, flush it, and only then take the next address.",
    }],
};

const IPV6: Test = Test {
    name: "connects to IPv6 addresses, too",
    points: 1,
    read: "One address after the other",
    proves: &[
        "Each `ADDRESS` is an IPv4 address, or an IPv6 address in brackets: `127.0.0.1:80`, `[::1]:80`.",
        "After `connected` it prints one more line, `local ADDRESS:PORT`, with the address that the kernel has chosen \
         for its own end (IPv6 in brackets).",
    ],
    story: |lab| {
        let listener = lab.reserve_ipv6_address()?.listen()?;
        let program = dial(lab, &[listener.address()])?;
        let _server = expect_connected(&program, &listener)?;
        // The same address, as long as it can be written.
        let port = listener.address().port();
        let long = format!("[0000:0000:0000:0000:0000:0000:0000:0001]:{port}");
        let program = lab.launch(Launch::new([long]))?;
        let server = listener.accept()?;
        // Its first line may show the address as it was given.
        let line = program.stdout().next_line("the line of the first try")?;
        if !line.ends_with(b" connected") {
            return lab.fail(
                Diagnosis::WrongOutput,
                format!("your program prints {}, and has connected", quoted(&line)),
            );
        }
        program.stdout().expect_line(local(&server))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["knows_only_ipv4", "has_room_for_short_addresses"],
            hint: "An address in brackets is an IPv6 address. In Rust `SocketAddr` parses both kinds; in C the \
                   brackets go before inet_pton(AF_INET6, …). Its text may have 45 characters (INET6_ADDRSTRLEN counts \
                   the zero byte, too).",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["prints_without_brackets"],
            hint: "An IPv6 address with a port is written in brackets, because it has colons itself: `[::1]:80`. And \
                   a sockaddr_in has no room for it: ask getsockname with a sockaddr_storage.",
        },
    ],
};

const NEW_SOCKET: Test = Test {
    name: "makes a new socket for each address",
    points: 1,
    read: "One address after the other",
    proves: &[
        "The program tries the addresses in their order, one at a time, each with a new socket.",
    ],
    story: |lab| {
        let (first, second) = (lab.reserve_ipv6_address()?.refuse(), lab.listen()?);
        let program = dial(lab, &[first, second.address()])?;
        program.stdout().expect_line(refused(first))?;
        program.stdout().expect_line(connected(&second))?;
        second.accept().map(drop)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["reuses_the_socket"],
        hint: "A socket of AF_INET6 does not connect to an IPv4 address. Make the socket when you know the address, a \
               new one for each try.",
    }],
};

/// So many descriptors a program may have that must close its sockets. The runtime of a language has some twenty.
const DESCRIPTORS: u64 = 40;
/// With so many tries it needs more, if each of them leaves one behind.
const MANY: usize = 44;

const CLOSES_SOCKETS: Test = Test {
    name: "closes the socket of a try that has failed",
    points: 1,
    read: "One address after the other",
    proves: &[
        "A try that has failed leaves nothing behind: its socket is closed before the next try.",
    ],
    story: |lab| {
        let closed: Checked<Vec<_>> = (0..MANY)
            .map(|_| Ok(lab.reserve_address()?.refuse()))
            .collect();
        let (closed, listener) = (closed?, lab.listen()?);
        let addresses = [closed.as_slice(), &[listener.address()]].concat();
        let mut launch = Launch::new(words(&[], &addresses));
        launch.limits.descriptors = DESCRIPTORS;
        let program = lab.step(
                    format!("start your program with {MANY} addresses that refuse and one that answers; it may have {DESCRIPTORS} descriptors"),
                    || lab.launch(launch),
                )?;
        for address in closed {
            program.stdout().expect_line(refused(address))?;
        }
        listener.accept()?;
        program.stdout().expect_line(connected(&listener))
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["leaks_each_socket"],
        hint: "Here a process may have 40 descriptors, and each try leaves one behind. Close the socket before the \
               next try: an OwnedFd does it when it is dropped, a bare number does not.",
    }],
};

const NO_WAY: Test = Test {
    name: "goes on when there is no way to an address",
    points: 1,
    read: "The outcomes of connect",
    proves: &["| `unreachable` | `ENETUNREACH` or `EHOSTUNREACH` |"],
    story: |lab| {
        let (nowhere, listener) = (group_of_many(lab), lab.listen()?);
        let program = dial(lab, &[nowhere, listener.address()])?;
        program
            .stdout()
            .expect_line(format!("{nowhere} unreachable"))?;
        listener.accept()?;
        program.stdout().expect_line(connected(&listener))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["no_way_is_an_error"],
            hint: "connect itself fails here, at once, with ENETUNREACH: no route leads there, and for the user the \
                   address is `unreachable`. Look at what connect returns, also on a non-blocking socket.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_without_a_route"],
            hint: "connect fails at once here, and not with ECONNREFUSED. That, too, is the outcome of one try, and \
                   the next address may be better.",
        },
    ],
};

const WRONG_ARGUMENTS: Test = Test {
    name: "refuses wrong arguments before it tries anything",
    points: 1,
    read: "The outcomes of connect",
    proves: &[
        "Each `ADDRESS` is an IPv4 address, or an IPv6 address in brackets: `127.0.0.1:80`, `[::1]:80`.",
        "There is at least one.",
        "The options stand before the addresses, in any order.",
        "MS is a whole number from 1 to 1000000, N one from 0 to 10.",
        "Exit status 2: wrong arguments, with the reason on standard error; then no address has been tried.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        // These are right, and at the ends of their ranges.
        let widest = ["-r", "10", "-p", "1000000"];
        for options in [&widest[..], &["-r", "0"]] {
            let listener = lab.listen()?;
            let program = dial_with(lab, options, &[listener.address()])?;
            listener.accept()?;
            program.stdout().expect_line(connected(&listener))?;
        }
        let nobody = lab.reserve_address()?.refuse().to_string();
        let wrong: &[&[&str]] = &[
            &[],
            &[&nobody, "127.0.0.1"],
            &[&nobody, "somewhere:80"],
            &[&nobody, "localhost:80"],
            &[&nobody, "127.1:80"],
            &[&nobody, "127.0.0.1:70000"],
            &[&nobody, "[127.0.0.1]:80"],
            &[&nobody, "127.0.0.1:+80"],
            &[&nobody, "::1:80"],
            &["-t", "1000001", &nobody],
            &["-p", "1000001", &nobody],
            &["-r", "11", &nobody],
            &["-t", &nobody],
            &["-t", "0", &nobody],
            &["-t", "5"],
            &["-t"],
            &["-r", "-1", &nobody],
            &["-p", "0", &nobody],
            &["-z", "1", &nobody],
            // The options stand before the addresses.
            &[&nobody, "-t", "5"],
        ];
        let near_misses = numbers::NEAR_MISSES.map(|near| ["-t", near, &nobody]);
        let near_misses = near_misses.iter().map(|arguments| &arguments[..]);
        for arguments in wrong.iter().copied().chain(near_misses) {
            expect_refusal(&lab.start(arguments)?)?;
        }
        let bytes = [OsString::from(&nobody), spoiled(&nobody)];
        expect_refusal(&lab.launch(Launch::new(bytes))?)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &[
                "tries_before_it_has_read_all",
                "cuts_the_port",
                "looks_names_up",
                "splits_at_the_last_colon",
                "knows_no_upper_limit",
                "trims_its_numbers",
                "takes_options_anywhere",
            ],
            hint: "A word of the command line is not an address, or a number is out of its range, but your program \
                   has tried an address. A name is no address (localhost, and 127.1, which getaddrinfo and inet_aton \
                   take). Read the whole command line, then begin. A port is a number up to 65535 \
                   without a sign, and must not be cut to 16 bits; brackets belong to IPv6, and to nothing else. A \
                   number has digits only, and no option follows the first address.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["usage_is_1"],
            hint: "Wrong arguments are status 2, so that a script can tell them from a server that does not answer. \
                   Check each word: its kind, and whether its number is in its range.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["refuses_the_largest_numbers", "refuses_no_rounds"],
            hint: "All arguments are right here, but your program has not tried the address. 1000000 is in the range \
                   of MS, and 0 and 10 are in that of N: `1..=1_000_000` and `0..=10`.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_without_a_number", "panics_on_bytes"],
            hint: arguments::NO_PANIC,
        },
    ],
};

/// Sees that it has refused its arguments, and has tried no address before.
fn expect_refusal(program: &Program) -> Checked {
    program.stdout().expect_end()?;
    program.expect_exit(2)?;
    program.stderr().expect_reason()
}

// The program

/// Starts it with these addresses.
fn dial(lab: &Lab, addresses: &[SocketAddr]) -> Checked<Program> {
    dial_with(lab, &[], addresses)
}

/// The same with options before the addresses.
fn dial_with(lab: &Lab, options: &[&str], addresses: &[SocketAddr]) -> Checked<Program> {
    lab.launch(Launch::new(words(options, addresses)))
}

/// The same, and its first line sleeps in write(1) until the test makes room: so long it goes no further.
fn dial_with_full_stdout(
    lab: &Lab,
    options: &[&str],
    addresses: &[SocketAddr],
) -> Checked<Program> {
    lab.launch(Launch {
        stdout_room: Some(0),
        ..Launch::new(words(options, addresses))
    })
}

fn words(options: &[&str], addresses: &[SocketAddr]) -> Vec<String> {
    let options = options.iter().map(ToString::to_string);
    options
        .chain(addresses.iter().map(ToString::to_string))
        .collect()
}

// Its lines

/// It connects to this listener, and prints both lines. Returns the server's end of the connection.
fn expect_connected(program: &Program, listener: &Listener) -> Checked<Connection> {
    let server = listener.accept()?;
    program.stdout().expect_line(connected(listener))?;
    program.stdout().expect_line(local(&server))?;
    Ok(server)
}

fn connected(listener: &Listener) -> String {
    format!("{} connected", listener.address())
}

/// The program's end of the connection is the server's peer.
fn local(server: &Connection) -> String {
    format!("local {}", server.peer_address())
}

fn refused(address: SocketAddr) -> String {
    format!("{address} refused")
}

fn timeout(listener: &Listener) -> String {
    format!("{} timeout", listener.address())
}

/// A multicast address: the kernel of any machine refuses to connect a TCP socket to it with ENETUNREACH, and sends
/// nothing.
fn group_of_many(lab: &Lab) -> SocketAddr {
    let port = lab.random_number(1024..=65535) as u16;
    SocketAddr::new([224, 0, 0, 1].into(), port)
}
