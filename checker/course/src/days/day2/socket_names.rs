//! The hidden tests of day2_5_socket_names.

mod families;
mod faults;
mod names;
mod refusals;
mod untested;

use std::net::{Ipv4Addr, SocketAddr};

use names::{expect_names, expect_own_name, visit};

use crate::promises::servers;
use harness::author::{
    Checked, Diagnosis, Exercise, Lab, Launch, Rejection, Server, Sleep, Test, Transport,
    with_telling_port,
};

/// Day 2, exercise 5.
pub const EXERCISE: Exercise = Exercise {
    name: "day2_5_socket_names",
    title: "the two names of a connection",
    chapter: "2.5 The two names of a connection",
    first_step: "Begin with one IPv4 address: socket, bind, listen, getsockname; print `listening IP:PORT`, and wait \
                 in accept. These are steps 1 and 3 to 6 at the top of src/main.rs, and the first test asks for no \
                 more.",
    tests: &[
        ANNOUNCES,
        ONE_LINE,
        CLIENTS_NAME,
        OWN_NAME,
        families::IPV6,
        families::IPV4_ON_IPV6,
        families::WHATEVER_THE_DEFAULT,
        EVERY_ADDRESS,
        WHICHEVER_ADDRESS,
        AFTER_A_BUSY_TIME,
        EACH_CLIENT_ANEW,
        NO_LEAK,
        CLIENT_HAS_LEFT,
        faults::SHORT_WRITES,
        faults::LEAVES_EARLY,
        faults::INTERRUPTED,
        faults::LOST_CLIENT,
        faults::NO_DESCRIPTOR,
        STARTED_AGAIN,
        STARTED_AGAIN_ON_IPV6,
        refusals::CANNOT_LISTEN,
        refusals::SILENT_UNTIL_READY,
        refusals::LISTENS_FIRST,
        refusals::WRONG_ARGUMENTS,
    ],
    clues: &[],
    untested: untested::SENTENCES,
};

const ANNOUNCES: Test = Test {
    name: "announces the address on which it listens",
    points: 1,
    read: "A name before there is a connection: bind",
    proves: &[
        "The server listens on each of these addresses, and on no other.",
        "`PORT` may be 0: the kernel then chooses a free one.",
        "When all of them are ready for clients, the server prints one line for each, `listening IP:PORT`, in the \
         order of the arguments, with the port it really has.",
        "Nothing else goes to standard output.",
        "While nobody comes, the server sleeps; it does not look again and again, so no time limit wakes it.",
    ],
    story: |lab| {
        let address = lab.any_port_elsewhere();
        let server = with_telling_port(
            || lab.start_server_on(address),
            |server| server.address().port(),
        )?;
        server.expect_address(address)?;
        servers::expect_no_other_door(lab, &server, Transport::Tcp)?;
        server.sleeps(Sleep::UntilSomethingComes)?;
        server.sleeps(Sleep::WithoutTimeLimit)?;
        server.stdout().expect_quiet()?;
        server.program().expect_alive()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::BadAnnouncement,
            mistakes: &["announces_the_asked_port", "announces_a_port_in_host_order"],
            hint: "bind only reads the address that you give it, and leaves the 0 in it as it is. Ask getsockname \
                   which port the kernel has chosen, and print that. In a sockaddr the port is in network byte order: \
                   ntohs, in Rust u16::from_be, makes a number of it.",
        },
        Rejection {
            diagnosis: Diagnosis::NeverListened,
            mistakes: &["keeps_the_line"],
            hint: "No whole line has come. Print it after listen and before you wait, and end it with \\n. If your \
                   program does that, the line is still in a buffer of its own: flush standard output.",
        },
        Rejection {
            diagnosis: Diagnosis::ListensElsewhere,
            mistakes: &["listens_everywhere", "opens_a_second_door"],
            hint: servers::BIND_THE_ARGUMENT,
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["looks_again_and_again"],
            hint: "Your program looks for clients all the time, although nobody is there. accept sleeps until one \
                   comes, and so does poll without a time limit (-1, in nix PollTimeout::NONE).",
        },
    ],
};

const ONE_LINE: Test = Test {
    name: "gives each client one line at once, and closes",
    points: 2,
    read: "What the line says",
    proves: &[
        "A client says nothing.",
        "It gets one line, at once, and then the server closes the connection:",
        "The server never ends by itself.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        for _ in 0..2 {
            let client = server.connect()?;
            names::of(lab, &client)?;
            client.expect_end()?;
            client.close();
        }
        server.program().expect_alive()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["waits_for_a_question"],
            hint: "A client that has connected has asked its question: it sends nothing. If your program waits in \
                   read, write the line right after accept instead. If it still waits in poll, select or epoll, it \
                   does not watch the listening socket there.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["forgets_the_newline"],
            hint: "The end of the stream has come before the end of the line. Write the whole line, with \\n, and \
                   then close.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["sends_the_zero_byte"],
            hint: "The line ends with \\n, and after it comes the end of the stream. The zero byte at the end of a \
                   string of C does not belong to the text: write strlen bytes. And write one line only.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["prints_debug_names"],
            hint: "The line is `you=IP:PORT me=IP:PORT family=4` (or `family=6`), with one blank between the three, \
                   a PORT from 0 to 65535, and nothing else. AF_INET6 is another number than 6. `{}` prints a SocketAddr like this, `{:?}` of an Option does not.",
        },
        Rejection {
            diagnosis: Diagnosis::LeftOpen,
            mistakes: &["never_closes"],
            hint: "nix's accept returns a bare number, and nothing closes it. Put it into an OwnedFd, which is \
                   dropped, and so closed, when the client has its line.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["serves_one_client"],
            hint: "A server comes back to accept when a client is done. Put accept into a loop.",
        },
    ],
};

const CLIENTS_NAME: Test = Test {
    name: "tells a client the client's own name",
    points: 1,
    read: "Names of a connection: getpeername and getsockname",
    proves: &["`you` is the client's end of this connection, `me` the server's end."],
    story: |lab| {
        let server = lab.start_server()?;
        let destination = server.address().ip();
        // Of its own name the port alone: which address that is, the next test asks.
        for source in [lab.any_port_elsewhere().ip(), lab.any_port().ip()] {
            let client = with_telling_port(
                || server.connect_between(source, destination),
                |client| client.local_address().port(),
            )?;
            expect_own_name(lab, &client)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &[
                "swaps_the_names",
                "port_in_host_order",
                "gives_no_room",
                "remembers_the_first_client",
                "turns_its_own_port",
            ],
            hint: "`you` is the name of the client's end: what getpeername says of the connected socket, or what \
                   accept writes, new for each client; `me` is the server's end, what getsockname says of it. In a sockaddr the port is in network byte order (ntohs, in \
                   Rust u16::from_be), and the length of your buffer goes in with the call.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["waits_for_its_clients_end"],
            hint: "Client 1 has its line, and keeps its end of the connection open; your program waits until it \
                   closes, and client 2 waits, too. Close the connection after the line, and accept the next client: \
                   do not wait for the other end to close.",
        },
    ],
};

const OWN_NAME: Test = Test {
    name: "names itself by the address that the client has reached",
    points: 2,
    read: "The wildcard has no name",
    proves: &[
        "`you` is the client's end of this connection, `me` the server's end.",
        "Both are addresses of machines: `me` is never the wildcard 0.0.0.0 or `[::]`, also when the server listens \
         there.",
    ],
    story: |lab| {
        let everywhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let server = lab.start_server_on(everywhere)?;
        server.expect_address(everywhere)?;
        let (one, other) = (lab.any_port().ip(), lab.any_port_elsewhere().ip());
        for (source, destination) in [(one, one), (one, other), (other, one)] {
            let client = server.connect_between(source, destination)?;
            expect_names(lab, &client)?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongBytes,
        mistakes: &[
            "tells_the_listeners_name",
            "tells_the_address_of_the_machine",
        ],
        hint: "A listener on 0.0.0.0 has every address of the machine, so its own name does not help. The connected \
               socket knows which one its client has reached: call getsockname on what accept returns. (In C, inet_ntoa has one \
               buffer only: its second text takes the place of the first.)",
    }],
};

const EVERY_ADDRESS: Test = Test {
    name: "listens on every address that it is given",
    points: 2,
    read: "Several listeners: poll",
    proves: &[
        "Each is an IPv4 address and a port, `127.0.0.1:8080`, or an IPv6 address in brackets and a port, \
         `[::1]:8080`.",
        "The server listens on each of these addresses, and on no other.",
        "When all of them are ready for clients, the server prints one line for each, `listening IP:PORT`, in the \
         order of the arguments, with the port it really has.",
    ],
    story: |lab| {
        let mut addresses = vec![lab.any_port(); 19];
        addresses.push(lab.any_port_elsewhere());
        let servers = start_on_all(lab, &addresses)?;
        for (server, address) in servers.iter().zip(addresses) {
            server.expect_address(address)?;
        }
        servers[0].stdout().expect_quiet()?;
        servers[0].program().expect_alive()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::NeverListened,
            mistakes: &["listens_on_the_first"],
            hint: "There may be several addresses: make a listening socket for each, and print a line for each, \
                   before you wait for the first client.",
        },
        Rejection {
            diagnosis: Diagnosis::ListensElsewhere,
            mistakes: &["announces_backwards"],
            hint: "Print the lines in the order of the arguments, each with the name of its own socket: a reader has \
                   no other way to tell which port belongs to which address.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["has_room_for_four_addresses"],
            hint: "Twenty addresses are right arguments: the contract sets no limit. Keep the listening sockets in a \
                   Vec, which grows, and not in an array.",
        },
    ],
};

const WHICHEVER_ADDRESS: Test = Test {
    name: "serves whoever comes, at whichever address",
    points: 3,
    read: "Several listeners: poll",
    proves: &[
        "Clients are served as they come, at whichever address.",
        "None waits because nobody has come to another address.",
    ],
    story: |lab| {
        let addresses = [lab.any_port(), lab.any_port_elsewhere(), lab.any_port()];
        let servers = start_on_all(lab, &addresses)?;
        for place in [0, 0, 2, 1, 1, 0, 2] {
            let client =
                servers[place].connect_between(addresses[0].ip(), addresses[place].ip())?;
            expect_names(lab, &client)?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Stuck,
        mistakes: &[
            "accepts_in_turn",
            "drains_a_blocking_listener",
            "looks_at_the_first_only",
        ],
        hint: "Your program waits for a client at one address, but a client waits at another. Ask poll about all \
               listening sockets, and call accept only where it reports POLLIN, once for each time (or until EAGAIN, \
               with SOCK_NONBLOCK).",
    }],
};

const AFTER_A_BUSY_TIME: Test = Test {
    name: "serves all who came while it was busy",
    points: 2,
    read: "Several listeners: poll",
    proves: &[
        "Clients are served as they come, at whichever address.",
        "There is room for at least 16 who wait, at each address.",
    ],
    story: |lab| {
        let addresses = [lab.any_port(), lab.any_port_elsewhere()];
        let servers = start_on_all(lab, &addresses)?;
        for server in &servers {
            visit(lab, server)?;
        }
        lab.settle()?;
        servers[0].signals().freeze()?;
        let waiting = lab.step("16 clients connect to each of its addresses", || {
            let each = servers.iter().flat_map(|server| [server; 16]);
            each.map(Server::connect).collect::<Checked<Vec<_>>>()
        })?;
        servers[0].signals().resume()?;
        lab.step("each of them expects its line", || {
            let mut last_first = waiting.iter().rev();
            last_first.try_for_each(|client| expect_names(lab, client))
        })
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["takes_one_client_for_an_edge"],
            hint: "Several clients may wait when your program wakes, and an edge (EPOLLET) reports them once. Use \
                   poll or a level-triggered epoll, which report them again; or accept until EAGAIN.",
        },
        Rejection {
            diagnosis: Diagnosis::NoAnswer,
            mistakes: &["short_queue", "queue_of_ten"],
            hint: "The backlog of listen is the room for clients who wait. Ask for 16 at least; 128 is a good number.",
        },
    ],
};

const EACH_CLIENT_ANEW: Test = Test {
    name: "knows each client anew, of whatever family",
    points: 2,
    read: "The length goes in and comes out",
    proves: &[
        "When all of them are ready for clients, the server prints one line for each, `listening IP:PORT`, in the \
         order of the arguments, with the port it really has.",
        "`you` is the client's end of this connection, `me` the server's end.",
        "`family` is 4 if the client speaks IPv4, 6 if it speaks IPv6.",
    ],
    story: |lab| {
        let ipv6 = any_ipv6_port(lab)?;
        let addresses = [ipv6, lab.any_port(), ipv6];
        let servers = start_on_all(lab, &addresses)?;
        for (server, address) in servers.iter().zip(addresses) {
            server.expect_address(address)?;
        }
        for place in [1, 0, 1, 2, 0] {
            let here = addresses[place].ip();
            expect_names(lab, &servers[place].connect_between(here, here)?)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["keeps_the_length"],
            hint: "accept, getsockname and getpeername read the length before they write it: how much room is there? \
                   An IPv4 name leaves 16 in it, and the next IPv6 name is cut to 16 bytes. Set it to the size of \
                   your sockaddr_storage before each call.",
        },
        Rejection {
            diagnosis: Diagnosis::ListensElsewhere,
            mistakes: &["announces_ipv4_first"],
            hint: "Print the lines in the order of the arguments, whatever their families: keep the listening sockets \
                   of both in one list.",
        },
    ],
};

const NO_LEAK: Test = Test {
    name: "keeps nothing of those who have gone",
    points: 1,
    read: "Descriptors come back",
    proves: &[
        "It gets one line, at once, and then the server closes the connection:",
        "The server keeps nothing of those who have gone.",
        "The server never ends by itself.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let who = "clients, one after the other, get their lines";
        servers::keeps_nothing(lab, &server, who, || visit(lab, &server))?;
        servers::serves_more_than_256(lab, || visit(lab, &server))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::DescriptorLeaked,
            mistakes: &["shuts_down_instead_of_closing"],
            hint: "Each descriptor needs an owner who closes it. shutdown ends the stream and closes nothing; \
                   `into_raw_fd` takes the owner away, and then nothing closes it.",
        },
        Rejection {
            diagnosis: Diagnosis::OutOfMemory,
            mistakes: &["keeps_the_buffer_of_each_client"],
            hint: servers::FORGET_CLIENTS,
        },
    ],
};

const CLIENT_HAS_LEFT: Test = Test {
    name: "goes on when a client has left before its turn",
    points: 2,
    read: "A peer without a name",
    proves: &[
        "Nothing else goes to standard output.",
        "A client who resets the connection, even before the server has seen it, costs only its own connection.",
        "The server says so on standard error, keeps nothing of it, and goes on.",
        "The server never ends by itself.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let (server, before) = servers::start_and_visit(lab, visit)?;
        server.signals().freeze()?;
        server.connect()?.reset()?;
        let next = server.connect()?;
        server.connect()?.reset()?;
        server.signals().resume()?;
        expect_names(lab, &next)?;
        visit(lab, &server)?;
        server.descriptors().expect_at_most(before)?;
        server.stdout().expect_quiet()?;
        server.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["expects_a_peer_name"],
            hint: "A client that has reset its connection has no name any more: getpeername fails with ENOTCONN, and \
                   write with ECONNRESET or EPIPE. Expect that instead of unwrapping.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["dies_with_its_client"],
            hint: "getpeername fails with ENOTCONN, or write with ECONNRESET, because one client has gone. That ends \
                   this connection, not the server: do not pass it up with `?`, print it and go on.",
        },
        Rejection {
            diagnosis: Diagnosis::DescriptorLeaked,
            mistakes: &["leaks_a_client_without_a_name"],
            hint: "The descriptor stays open after an error. Let an OwnedFd close it on every way out.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["complains_on_stdout"],
            hint: "Standard output is for results. Report a lost client on standard error, with `eprintln!`.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["says_nothing_of_lost_clients"],
            hint: "A client has reset its connection, and your server has to report it. Look at what each call \
                   returns, and print an error on standard error (eprintln!) before you go on.",
        },
    ],
};

const REUSE_THE_ADDRESS: &str = "Your server closes first, so each connection stays in TIME_WAIT on its side and \
                                 holds the port. Set SO_REUSEADDR on the listening socket, and before bind: bind is \
                                 the call that looks at it.";

const STARTED_AGAIN: Test = Test {
    name: "can be started again on its ports at once",
    points: 1,
    read: "Starting again on the same port",
    proves: &["After it was stopped, it can be started again on the same ports at once."],
    story: |lab| starts_again(lab, lab.any_port()),
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::CannotRestart,
            mistakes: &["forgets_reuseaddr", "sets_reuseaddr_too_late"],
            hint: REUSE_THE_ADDRESS,
        },
        Rejection {
            diagnosis: Diagnosis::ListensElsewhere,
            mistakes: &["ignores_the_port"],
            hint: "Bind the port from the argument, too. 0 means \"any free port\"; every other number means itself.",
        },
    ],
};

const STARTED_AGAIN_ON_IPV6: Test = Test {
    name: "can be started again on an IPv6 port, too",
    points: 1,
    read: "Starting again on the same port",
    proves: &["After it was stopped, it can be started again on the same ports at once."],
    story: |lab| starts_again(lab, any_ipv6_port(lab)?),
    rejects: &[Rejection {
        diagnosis: Diagnosis::CannotRestart,
        mistakes: &["reuses_ipv4_addresses_only"],
        hint: REUSE_THE_ADDRESS,
    }],
};

/// A server on this address is killed while a connection of it is in TIME_WAIT, and another one takes its place.
fn starts_again(lab: &Lab, address: SocketAddr) -> Checked {
    let server = lab.start_server_on(address)?;
    let address = server.address();
    let client = server.connect()?;
    expect_names(lab, &client)?;
    client.expect_end()?;
    client.close();
    servers::wait_for_time_wait(lab, address)?;
    servers::stop(&server)?;
    let again = lab.start_server_on(address)?;
    again.expect_address(address)?;
    visit(lab, &again)
}

/// Starts a server with these addresses as its arguments, which announces each of them, in this order. All that are
/// returned are views of one program.
fn start_on_all(lab: &Lab, addresses: &[SocketAddr]) -> Checked<Vec<Server>> {
    let arguments: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    let program = lab.launch(Launch::new(arguments))?;
    addresses
        .iter()
        .map(|&address| program.expect_announcement(address))
        .collect()
}

/// The loopback address of IPv6, with port 0. Without namespaces all tests share it.
fn any_ipv6_port(lab: &Lab) -> Checked<SocketAddr> {
    let ip = lab.reserve_ipv6_address()?.address().ip();
    Ok(SocketAddr::new(ip, 0))
}
