//! The hidden tests of day2_5_socket_names.

mod families;
mod faults;
mod names;
mod refusals;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use names::{expect_names, expect_own_name, visit};

use harness::{
    exercise::{Exercise, Mistake, Test},
    failure::{Checked, Diagnosis},
    lab::{Connection, Lab, Server},
    observe::sockets::{State, Transport},
};

/// Day 2, exercise 5.
pub const EXERCISE: Exercise = Exercise {
    name: "day2_5_socket_names",
    title: "the two names of a connection",
    chapter: "2.5 The two names of a connection",
    first_step: "Begin with one IPv4 address: socket, bind, listen, getsockname; print `listening IP:PORT`, and wait in \
                 accept. These are steps 1 and 3 to 6 at the top of src/main.rs, and the first test asks for no more.",
    tests: &[
        Test {
            name: "announces the address on which it listens",
            points: 1,
            read: "A name before there is a connection: bind",
            mistakes: &[
                Mistake {
                    program: "announces_the_asked_port",
                    because: Diagnosis::BadAnnouncement,
                    hint: "bind only reads the address that you give it, and leaves the 0 in it as it is. Ask getsockname \
                           which port the kernel has chosen, and print that.",
                },
                Mistake {
                    program: "keeps_the_line",
                    because: Diagnosis::NeverListened,
                    hint: "No whole line has come. Print it after listen and before you wait, and end it with \\n. If \
                           your program does that, the line is still in a buffer of its own: flush standard output.",
                },
                Mistake {
                    program: "listens_everywhere",
                    because: Diagnosis::ListensElsewhere,
                    hint: "Bind the address from the argument, and no other: 0.0.0.0 would be every address of the \
                           machine.",
                },
                Mistake {
                    program: "looks_again_and_again",
                    because: Diagnosis::Busy,
                    hint: SLEEP_UNTIL_ONE_COMES,
                },
                Mistake {
                    program: "polls_ten_times_a_second",
                    because: Diagnosis::Busy,
                    hint: SLEEP_UNTIL_ONE_COMES,
                },
            ],
            run: |lab| {
                let address = lab.any_port_elsewhere();
                let server = lab.start_server_on(address)?;
                server.expect_address(address)?;
                server.wait_until_idle()?;
                server.expect_no_time_limit()?;
                server.expect_quiet_stdout()?;
                server.expect_alive()
            },
        },
        Test {
            name: "gives each client one line at once, and closes",
            points: 2,
            read: "What the line says",
            mistakes: &[
                Mistake {
                    program: "waits_for_a_question",
                    because: Diagnosis::Stuck,
                    hint: "A client that has connected has asked its question: it sends nothing. If your program waits \
                           in read, write the line right after accept instead. If it still waits in poll, select or \
                           epoll, it does not watch the listening socket there.",
                },
                Mistake {
                    program: "forgets_the_newline",
                    because: Diagnosis::ClosedEarly,
                    hint: "The end of the stream has come before the end of the line. Write the whole line, with \\n, \
                           and then close.",
                },
                Mistake {
                    program: "sends_the_zero_byte",
                    because: Diagnosis::ExtraBytes,
                    hint: "The line ends with \\n, and behind it comes the end of the stream. The zero byte at the end of \
                           a string of C does not belong to the text: write strlen bytes. And write one line only.",
                },
                Mistake {
                    program: "prints_debug_names",
                    because: Diagnosis::WrongBytes,
                    hint: "The line is `you=IP:PORT me=IP:PORT family=4` (or `family=6`), with one blank between the \
                           three, and nothing else. `{}` prints a SocketAddr so, `{:?}` of an Option does not.",
                },
                Mistake {
                    program: "never_closes",
                    because: Diagnosis::LeftOpen,
                    hint: "nix's accept returns a bare number, and nobody closes that. Put it into an OwnedFd, which \
                           is dropped, and so closed, when the client has its line.",
                },
                Mistake {
                    program: "serves_one_client",
                    because: Diagnosis::Exited,
                    hint: "A server comes back to accept when a client is done. Put accept into a loop.",
                },
            ],
            run: |lab| {
                let server = lab.start_server()?;
                for _ in 0..2 {
                    let client = server.connect()?;
                    names::of(lab, &client)?;
                    client.expect_end()?;
                    client.close();
                }
                server.expect_alive()
            },
        },
        Test {
            name: "tells a client the client's own name",
            points: 1,
            read: "Names of a connection: getpeername and getsockname",
            mistakes: &[
                Mistake {
                    program: "swaps_the_names",
                    because: Diagnosis::WrongBytes,
                    hint: THE_PEERS_NAME,
                },
                Mistake {
                    program: "port_in_host_order",
                    because: Diagnosis::WrongBytes,
                    hint: THE_PEERS_NAME,
                },
                Mistake {
                    program: "gives_no_room",
                    because: Diagnosis::WrongBytes,
                    hint: THE_PEERS_NAME,
                },
                Mistake {
                    program: "remembers_the_first_client",
                    because: Diagnosis::WrongBytes,
                    hint: THE_PEERS_NAME,
                },
            ],
            run: |lab| {
                let server = lab.start_server()?;
                for source in [lab.any_port_elsewhere().ip(), lab.any_port().ip()] {
                    let client = client_with_an_uneven_port(&server, source)?;
                    expect_own_name(lab, &client)?;
                }
                Ok(())
            },
        },
        Test {
            name: "names itself by the address that the client has reached",
            points: 2,
            read: "The wildcard has no name",
            mistakes: &[
                Mistake {
                    program: "tells_the_listeners_name",
                    because: Diagnosis::WrongBytes,
                    hint: THE_SOCKETS_OWN_NAME,
                },
                Mistake {
                    program: "tells_the_address_of_the_machine",
                    because: Diagnosis::WrongBytes,
                    hint: THE_SOCKETS_OWN_NAME,
                },
            ],
            run: |lab| {
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
        },
        families::IPV6,
        families::IPV4_ON_IPV6,
        families::WHATEVER_THE_DEFAULT,
        Test {
            name: "listens on every address that it is given",
            points: 2,
            read: "Several listeners: poll",
            mistakes: &[
                Mistake {
                    program: "listens_on_the_first",
                    because: Diagnosis::NeverListened,
                    hint: "There may be several addresses: make a listening socket for each, and print a line for each, \
                           before you wait for the first client.",
                },
                Mistake {
                    program: "announces_backwards",
                    because: Diagnosis::ListensElsewhere,
                    hint: "Print the lines in the order of the arguments, each with the name of its own socket: whoever \
                           reads them has no other way to tell which port belongs to which address.",
                },
                Mistake {
                    program: "has_room_for_four_addresses",
                    because: Diagnosis::Exited,
                    hint: "Twenty addresses are no wrong arguments: nobody has said how many there may be. Keep the \
                           listening sockets in a Vec, which grows, and not in an array.",
                },
            ],
            run: |lab| {
                let mut addresses = vec![lab.any_port(); 19];
                addresses.push(lab.any_port_elsewhere());
                let servers = lab.start_server_on_all(&addresses)?;
                for (server, address) in servers.iter().zip(addresses) {
                    server.expect_address(address)?;
                }
                servers[0].expect_quiet_stdout()?;
                servers[0].expect_alive()
            },
        },
        Test {
            name: "serves whoever comes, at whichever address",
            points: 3,
            read: "Several listeners: poll",
            mistakes: &[
                Mistake {
                    program: "accepts_in_turn",
                    because: Diagnosis::Stuck,
                    hint: ACCEPT_WHERE_POLL_SAYS,
                },
                Mistake {
                    program: "drains_a_blocking_listener",
                    because: Diagnosis::Stuck,
                    hint: ACCEPT_WHERE_POLL_SAYS,
                },
                Mistake {
                    program: "looks_at_the_first_only",
                    because: Diagnosis::Stuck,
                    hint: ACCEPT_WHERE_POLL_SAYS,
                },
            ],
            run: |lab| {
                let addresses = [lab.any_port(), lab.any_port_elsewhere(), lab.any_port()];
                let servers = lab.start_server_on_all(&addresses)?;
                for place in [0, 0, 2, 1, 1, 0, 2] {
                    let client =
                        servers[place].connect_between(addresses[0].ip(), addresses[place].ip())?;
                    expect_names(lab, &client)?;
                }
                Ok(())
            },
        },
        Test {
            name: "serves all who came while it was busy",
            points: 2,
            read: "Several listeners: poll",
            mistakes: &[
                Mistake {
                    program: "takes_one_client_for_an_edge",
                    because: Diagnosis::Stuck,
                    hint: "Several clients may wait when your program wakes, and an edge (EPOLLET) tells of them once. \
                           Use poll or a level-triggered epoll, which go on saying so; or accept until EAGAIN.",
                },
                Mistake {
                    program: "short_queue",
                    because: Diagnosis::NoAnswer,
                    hint: ROOM_FOR_16,
                },
                Mistake {
                    program: "queue_of_ten",
                    because: Diagnosis::NoAnswer,
                    hint: ROOM_FOR_16,
                },
            ],
            run: |lab| {
                let addresses = [lab.any_port(), lab.any_port_elsewhere()];
                let servers = lab.start_server_on_all(&addresses)?;
                for server in &servers {
                    visit(lab, server)?;
                }
                lab.settle()?;
                servers[0].freeze()?;
                let waiting = lab.step("16 clients connect to each of its addresses", || {
                    let each = servers.iter().flat_map(|server| [server; 16]);
                    each.map(Server::connect).collect::<Checked<Vec<_>>>()
                })?;
                servers[0].resume()?;
                lab.step("each of them expects its line", || {
                    let mut last_first = waiting.iter().rev();
                    last_first.try_for_each(|client| expect_names(lab, client))
                })
            },
        },
        Test {
            name: "knows each client anew, of whatever family",
            points: 2,
            read: "The length goes in and comes out",
            mistakes: &[
                Mistake {
                    program: "keeps_the_length",
                    because: Diagnosis::WrongBytes,
                    hint: "accept, getsockname and getpeername read the length before they write it: how much room is \
                           there? An IPv4 name leaves 16 in it, and the next IPv6 name is cut to 16 bytes. Set it to \
                           the size of your sockaddr_storage before each call.",
                },
                Mistake {
                    program: "announces_ipv4_first",
                    because: Diagnosis::ListensElsewhere,
                    hint: "Print the lines in the order of the arguments, whatever their families: keep the listening \
                           sockets of both in one list.",
                },
            ],
            run: |lab| {
                let ipv6 = lab.any_ipv6_port()?;
                let addresses = [ipv6, lab.any_port(), ipv6];
                let servers = lab.start_server_on_all(&addresses)?;
                for (server, address) in servers.iter().zip(addresses) {
                    server.expect_address(address)?;
                }
                for place in [1, 0, 1, 2, 0] {
                    let here = addresses[place].ip();
                    expect_names(lab, &servers[place].connect_between(here, here)?)?;
                }
                Ok(())
            },
        },
        Test {
            name: "keeps no descriptor of 30 clients",
            points: 1,
            read: "Descriptors come back",
            mistakes: &[Mistake {
                program: "shuts_down_instead_of_closing",
                because: Diagnosis::DescriptorLeaked,
                hint: "Each descriptor needs an owner who closes it. shutdown ends the stream and closes nothing; \
                       `into_raw_fd` gives a descriptor away, and then nobody closes it.",
            }],
            run: |lab| {
                let server = lab.start_server()?;
                visit(lab, &server)?;
                lab.settle()?;
                let before = server.descriptors();
                lab.step("30 clients, one after the other, get their lines", || {
                    (0..30).try_for_each(|_| visit(lab, &server))
                })?;
                server.expect_no_leaked_descriptor(&before)
            },
        },
        Test {
            name: "goes on when a client has left before its turn",
            points: 2,
            read: "A peer without a name",
            mistakes: &[
                Mistake {
                    program: "expects_a_peer_name",
                    because: Diagnosis::Panicked,
                    hint: "A client that has reset its connection has no name any more: getpeername fails with ENOTCONN, \
                           and write with ECONNRESET or EPIPE. Expect that instead of unwrapping.",
                },
                Mistake {
                    program: "dies_with_its_client",
                    because: Diagnosis::Exited,
                    hint: "getpeername fails with ENOTCONN, or write with ECONNRESET, because one client has gone. That \
                           ends this connection, not the server: do not pass it up with `?`, say it and go on.",
                },
                Mistake {
                    program: "leaks_a_client_without_a_name",
                    because: Diagnosis::DescriptorLeaked,
                    hint: "The descriptor stays open on the way of an error. Let an OwnedFd close it on every way out.",
                },
                Mistake {
                    program: "complains_on_stdout",
                    because: Diagnosis::ExtraOutput,
                    hint: "Standard output is for results. Report a lost client on standard error, with `eprintln!`.",
                },
                Mistake {
                    program: "says_nothing_of_lost_clients",
                    because: Diagnosis::WrongOutput,
                    hint: "A client has reset its connection, and whoever runs your server has to learn it. Look at what \
                           each call returns, and say an error on standard error (eprintln!) before you go on.",
                },
            ],
            run: |lab| {
                let server = lab.start_server()?;
                visit(lab, &server)?;
                lab.settle()?;
                let before = server.descriptors();
                server.freeze()?;
                server.connect()?.reset()?;
                let next = server.connect()?;
                server.connect()?.reset()?;
                server.resume()?;
                expect_names(lab, &next)?;
                visit(lab, &server)?;
                server.expect_no_leaked_descriptor(&before)?;
                server.expect_quiet_stdout()?;
                server.expect_reason_on_stderr()
            },
        },
        faults::SHORT_WRITES,
        faults::LEAVES_EARLY,
        faults::INTERRUPTED,
        faults::LOST_CLIENT,
        faults::NO_DESCRIPTOR,
        Test {
            name: "can be started again on its ports at once",
            points: 1,
            read: "Starting again on the same port",
            mistakes: &[
                Mistake {
                    program: "forgets_reuseaddr",
                    because: Diagnosis::CannotRestart,
                    hint: REUSE_THE_ADDRESS,
                },
                Mistake {
                    program: "sets_reuseaddr_too_late",
                    because: Diagnosis::CannotRestart,
                    hint: REUSE_THE_ADDRESS,
                },
                Mistake {
                    program: "ignores_the_port",
                    because: Diagnosis::ListensElsewhere,
                    hint: "Bind the port from the argument, too. 0 means \"any free port\"; every other number means \
                           itself.",
                },
            ],
            run: |lab| starts_again(lab, lab.any_port()),
        },
        Test {
            name: "can be started again on an IPv6 port, too",
            points: 1,
            read: "Starting again on the same port",
            mistakes: &[Mistake {
                program: "reuses_ipv4_addresses_only",
                because: Diagnosis::CannotRestart,
                hint: REUSE_THE_ADDRESS,
            }],
            run: |lab| starts_again(lab, lab.any_ipv6_port()?),
        },
        refusals::CANNOT_LISTEN,
        refusals::SILENT_UNTIL_READY,
        refusals::WRONG_ARGUMENTS,
    ],
};

const SLEEP_UNTIL_ONE_COMES: &str = "Your program looks for clients all the time, or again and again, although nobody is there. \
                                     accept sleeps until one comes, and so does poll without a time limit (-1, in nix \
                                     PollTimeout::NONE).";
const ROOM_FOR_16: &str = "The backlog of listen is the room for clients who wait. Ask for 16 at least; 128 is a good number.";

const THE_PEERS_NAME: &str = "`you` is the name of the client's end: what getpeername says of the connected socket, or \
                              what accept writes, each time anew. In a sockaddr the port is in network byte order \
                              (ntohs, in Rust u16::from_be), and the length of your buffer goes in with the call.";
const THE_SOCKETS_OWN_NAME: &str = "A listener on 0.0.0.0 has every address of the machine, and none that it could tell. \
                                    The connected socket knows which one its client has reached: call getsockname on \
                                    what accept returns.";
const ACCEPT_WHERE_POLL_SAYS: &str = "Your program waits for a client at one address, and one waits at another. Ask poll \
                                      about all listening sockets, and call accept only where it reports POLLIN, once \
                                      for each time (or until EAGAIN, with SOCK_NONBLOCK).";
const REUSE_THE_ADDRESS: &str = "Your server closes first, so each connection stays in TIME_WAIT on its side and holds \
                                 the port. Set SO_REUSEADDR on the listening socket, and before bind: bind is the call \
                                 that looks at it.";

/// A client whose port shows whether it was turned round.
fn client_with_an_uneven_port(server: &Server, source: IpAddr) -> Checked<Connection> {
    let destination = server.address().ip();
    loop {
        let client = server.connect_between(source, destination)?;
        let port = client.local_address().port();
        // One in 256 is the same both ways. The kernel does not give that port again while the client holds it.
        if port != port.swap_bytes() {
            return Ok(client);
        }
    }
}

/// A server on this address is killed while a connection of it is in TIME_WAIT, and another one takes its place.
fn starts_again(lab: &Lab, address: SocketAddr) -> Checked {
    let server = lab.start_server_on(address)?;
    let address = server.address();
    let client = server.connect()?;
    expect_names(lab, &client)?;
    client.expect_end()?;
    client.close();
    lab.wait_until(
        "the connection to be in TIME_WAIT",
        Diagnosis::Stuck,
        || {
            let sockets = lab.sockets(Transport::Tcp)?;
            let is_left = |state, local| state == State::TimeWait && local == address;
            Ok(sockets
                .iter()
                .any(|socket| is_left(socket.state, socket.local)))
        },
    )?;
    server.kill()?;
    let again = lab.restart_server(address)?;
    again.expect_address(address)?;
    visit(lab, &again)
}
