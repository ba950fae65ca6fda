//! The hidden tests of day3_5_resolve.
//!
//! `machine` says what the program finds in /etc, which is what getaddrinfo goes by; `answers` is what happens in nearly
//! all of these tests. The addresses are those for examples in books (RFC 5737, RFC 3849): nobody has them, none is
//! nearer than another, and so their order is that of the precedences alone (gai.conf(5)).

mod answers;
mod errors;
mod machine;
mod manners;
mod numbers;
mod order;
mod reverse;
mod services;
mod untested;

use std::net::Ipv4Addr;

use self::{
    answers::answers,
    machine::{Hosts, both_families, ipv4, ipv6, name},
};
use harness::author::{Diagnosis, Exercise, Rejection, Test};

const NAME_TO_LIST: &str = "From a name to a list of addresses";
const HINTS: &str = "Hints: what you ask for";
const NUMBERS: &str = "Numbers without a question";
const ERRORS: &str = "Errors of getaddrinfo";

/// Day 3, exercise 5.
pub const EXERCISE: Exercise = Exercise {
    name: "day3_5_resolve",
    title: "names and addresses",
    chapter: "3.5 Names and addresses: getaddrinfo",
    first_step: "Begin with an address: call getaddrinfo with it as the name, no service, and hints which ask for \
                 SOCK_STREAM. Print the address of each element of the list, a blank and its port, which is 0.",
    tests: &[
        ONE_ADDRESS,
        services::PORT_NUMBER,
        IPV6_ADDRESS,
        KNOWN_NAME,
        WHOLE_LIST,
        BOTH_FAMILIES,
        NO_IPV6,
        order::AS_GAI_CONF_SAYS,
        services::SERVICE_NAME,
        services::TCP_NOT_UDP,
        services::PORT_LIMITS,
        errors::UNKNOWN_NAME,
        errors::UNKNOWN_SERVICE,
        errors::ASKS_ONCE,
        errors::NO_NAME_SERVER,
        numbers::NUMBERS_ONLY,
        numbers::NO_QUESTION,
        numbers::ZONE,
        reverse::NAME_OF_ADDRESS,
        reverse::NO_NAME,
        reverse::LONG_NAME,
        reverse::NO_ADDRESS,
        reverse::NO_ANSWER,
        manners::CANNOT_PRINT,
        manners::WRONG_ARGUMENTS,
        manners::ANY_BYTES,
    ],
    clues: &[],
    untested: untested::SENTENCES,
};

const ONE_ADDRESS: Test = Test {
    name: "prints an address which it is given",
    points: 1,
    read: HINTS,
    proves: &[
        "The program asks getaddrinfo for the addresses of `NAME`, and prints a line for each: the address, a blank, \
         and the port, for example `192.0.2.7 80` or `2001:db8::7 80`.",
        "Each address has one line: the program asks for TCP (`SOCK_STREAM`), and not for every type of socket.",
        "`NAME` may be an address already.",
        "Without `SERVICE` the port is 0.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        machine::know_no_name(lab)?;
        let address = ipv4(lab);
        answers(lab, &[&address], &[format!("{address} 0")])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["asks_for_every_socket_type"],
            hint: "getaddrinfo returns an address once for each type of socket: SOCK_STREAM, SOCK_DGRAM and SOCK_RAW. \
                   Say in the hints which one you want: ai_socktype = SOCK_STREAM.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["maps_ipv4_to_ipv6"],
            hint: "The hints ask for IPv6 (AF_INET6), so that an IPv4 address comes as ::ffff:192.0.2.7. Ask for \
                   AF_UNSPEC, which is 0: then each address comes in its own family.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["frees_the_list_twice"],
            hint: "The C library has ended your program, because its memory is not in order. A list of getaddrinfo is \
                   given back once, with freeaddrinfo and the first element: look for a second call, in a Drop too.",
        },
    ],
};

const IPV6_ADDRESS: Test = Test {
    name: "prints an address of IPv6",
    points: 1,
    read: NAME_TO_LIST,
    proves: &[
        "The program asks getaddrinfo for the addresses of `NAME`, and prints a line for each: the address, a blank, \
         and the port, for example `192.0.2.7 80` or `2001:db8::7 80`.",
        "`NAME` may be an address already.",
    ],
    story: |lab| {
        machine::know_no_name(lab)?;
        let address = ipv6(lab);
        answers(lab, &[&address], &[format!("{address} 0")])?;
        let port = lab.random_number(1..=9_999).to_string();
        answers(lab, &[&address, &port], &[format!("{address} {port}")])?;
        let longest = machine::longest_ipv6(lab, 0xfd12);
        answers(lab, &[&longest, &port], &[format!("{longest} {port}")])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "asks_for_ipv4_only",
                "uses_gethostbyname",
                "measures_each_address_as_ipv4",
                "has_room_for_ipv4_only",
                "has_room_for_31_letters",
            ],
            hint: "Your program has failed at an address of IPv6. Call getaddrinfo with AF_UNSPEC in ai_family (AF_INET leaves IPv6 \
                   out, and gethostbyname knows nothing of it). Its addresses are longer: give getnameinfo the \
                   length in ai_addrlen, and a buffer of NI_MAXHOST bytes for the text (an address alone may have 45 letters).",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["takes_each_sockaddr_for_ipv4", "writes_brackets"],
            hint: "An address of IPv6 is longer, and lies at another place of its struct: look at ai_family, and take \
                   ai_addr for a sockaddr_in or a sockaddr_in6. getnameinfo with NI_NUMERICHOST does this for you, \
                   and writes no brackets.",
        },
    ],
};

const KNOWN_NAME: Test = Test {
    name: "looks a name up",
    points: 2,
    read: NAME_TO_LIST,
    proves: &[
        "The program asks getaddrinfo for the addresses of `NAME`, and prints a line for each: the address, a blank, \
         and the port, for example `192.0.2.7 80` or `2001:db8::7 80`.",
    ],
    story: |lab| {
        let (four, six, alias) = (name(lab), name(lab), name(lab));
        let addresses = [ipv4(lab), ipv6(lab), ipv4(lab)];
        let [first, second, third] = &addresses;
        let mut hosts = Hosts::default();
        hosts.add(first, &[&four]);
        hosts.add(second, &[&six]);
        hosts.add(third, &[&name(lab), &alias]);
        hosts.install(lab)?;
        for (name, address) in [&four, &six, &alias].into_iter().zip(&addresses) {
            answers(lab, &[name, "80"], &[format!("{address} 80")])?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_addresses_only"],
            hint: "NAME is a name here, and your program takes addresses only. Leave AI_NUMERICHOST out of ai_flags \
                   (it is for -n), or ask getaddrinfo in place of inet_pton.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["turns_addresses_into_names"],
            hint: "getnameinfo looks for the name of the address, which you have just had. With NI_NUMERICHOST and \
                   NI_NUMERICSERV it writes the numbers.",
        },
    ],
};

const WHOLE_LIST: Test = Test {
    name: "prints all addresses of a name",
    points: 2,
    read: "The list belongs to you",
    proves: &[
        "IPv4 and IPv6 are equal: all addresses of both are printed, however many there are.",
    ],
    story: |lab| {
        let name = name(lab);
        // As many digits for all, so that numbers and texts have one order.
        let first = lab.random_number(100..=104);
        let addresses: Vec<String> = (first..first + 150)
            .map(|host| format!("198.51.100.{host}"))
            .collect();
        let mut hosts = Hosts::default();
        for address in &addresses {
            hosts.add(address, &[&name]);
        }
        hosts.install(lab)?;
        let lines: Vec<String> = addresses.iter().map(|each| format!("{each} 0")).collect();
        answers(lab, &[&name], &lines)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "prints_the_first_address_only",
                "prints_one_of_each_family",
                "has_room_for_64_addresses",
                "turns_the_list_round",
            ],
            hint: "getaddrinfo returns a linked list of any length. Print its first element, follow ai_next to the \
                   next one, and so on until ai_next is null.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["frees_each_element"],
            hint: "freeaddrinfo gives back the element and all behind it. Call it once, with the first element, when \
                   you have printed the last one.",
        },
    ],
};

const BOTH_FAMILIES: Test = Test {
    name: "prints the addresses of both families",
    points: 2,
    read: HINTS,
    proves: &[
        "IPv4 and IPv6 are equal: all addresses of both are printed, however many there are.",
        "The lines come in the order in which getaddrinfo returns the addresses.",
    ],
    story: |lab| {
        let name = name(lab);
        let (four, six) = both_families(lab);
        let mut hosts = Hosts::default();
        for address in four.iter().chain(&six) {
            hosts.add(address, &[&name]);
        }
        hosts.install(lab)?;
        // Without a gai.conf IPv6 comes first, wherever it stands in the file.
        let lines: Vec<String> = six
            .iter()
            .chain(&four)
            .map(|each| format!("{each} 443"))
            .collect();
        answers(lab, &[&name, "443"], &lines)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &[
            "asks_for_ipv4_first",
            "sorts_ipv4_to_the_front",
            "sorts_its_lines",
        ],
        hint: "The name has addresses of both families. Ask once, with AF_UNSPEC, and print the list as it comes: \
               getaddrinfo has already put the addresses into the order in which one should try them.",
    }],
};

const NO_IPV6: Test = Test {
    name: "prints the addresses of both families where the machine has no IPv6",
    points: 1,
    read: HINTS,
    proves: &[
        "IPv4 and IPv6 are equal: all addresses of both are printed, however many there are.",
    ],
    story: |lab| {
        let name = name(lab);
        let ([four, _], [six, _]) = both_families(lab);
        let mut hosts = Hosts::default();
        hosts.add(&four, &[&name]);
        hosts.add(&six, &[&name]);
        hosts.install(lab)?;
        lab.add_ipv4_address(Ipv4Addr::new(10, 1, 2, 3))?;
        answers(lab, &[&name], &[format!("{six} 0"), format!("{four} 0")])
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["leaves_out_ipv6"],
        hint: "The hints have AI_ADDRCONFIG: getaddrinfo then leaves out the addresses of a family of which the machine \
               has no address but the loopback's. The contract wants all of them, so set no such flag.",
    }],
};
