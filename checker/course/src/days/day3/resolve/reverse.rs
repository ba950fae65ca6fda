//! The option -x.

use super::{
    answers::answers,
    machine::{self, Hosts, ipv4, ipv6, name},
};
use harness::author::{Diagnosis, Rejection, Test};

const ADDRESS_TO_NAME: &str = "From an address to a name";

pub(super) const NAME_OF_ADDRESS: Test = Test {
    name: "prints the name of an address",
    points: 2,
    read: ADDRESS_TO_NAME,
    proves: &[
        "With `-x` the program prints one line, the name of the address `IP`, as getnameinfo finds it.",
    ],
    story: |lab| {
        let (four, six) = (name(lab), name(lab));
        let addresses = [ipv4(lab), ipv6(lab)];
        let mut hosts = Hosts::default();
        hosts.add(&addresses[0], &[&four, &name(lab)]);
        hosts.add(&addresses[1], &[&six]);
        hosts.install(lab)?;
        for (address, name) in addresses.iter().zip([four, six]) {
            answers(lab, &["-x", address], &[name])?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["prints_the_number_with_x", "prints_a_port_with_x"],
            hint: "-x asks for the name alone: one line with nothing else. getnameinfo looks it up if you leave \
                   NI_NUMERICHOST out of its flags.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["knows_names_of_ipv4_only"],
            hint: "This address is of IPv6, and your call has failed. Give getnameinfo the length which belongs to \
                   the family of the address, ai_addrlen or the size of a sockaddr_in6.",
        },
    ],
};

pub(super) const NO_NAME: Test = Test {
    name: "prints an address which has no name",
    points: 1,
    read: ADDRESS_TO_NAME,
    proves: &["An address without a name is printed itself."],
    story: |lab| {
        let mut hosts = Hosts::default();
        // No other address of this test begins so.
        hosts.add("127.0.0.1", &[&name(lab)]);
        hosts.install(lab)?;
        for address in [ipv4(lab), ipv6(lab)] {
            answers(lab, &["-x", &address], std::slice::from_ref(&address))?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongStatus,
        mistakes: &["demands_a_name"],
        hint: "Most addresses have no name, and that is no error here. Leave NI_NAMEREQD out of the flags: then \
               getnameinfo writes the address itself.",
    }],
};

pub(super) const LONG_NAME: Test = Test {
    name: "prints a long name",
    points: 1,
    read: ADDRESS_TO_NAME,
    proves: &[
        "With `-x` the program prints one line, the name of the address `IP`, as getnameinfo finds it.",
    ],
    story: |lab| {
        let part = || lab.random_word(50).to_lowercase();
        let (name, address) = ([part(), part(), part(), part()].join("."), ipv4(lab));
        let mut hosts = Hosts::default();
        hosts.add(&address, &[&name]);
        hosts.install(lab)?;
        answers(lab, &["-x", &address], std::slice::from_ref(&name))?;
        answers(lab, &[&name], &[format!("{address} 0")])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["has_little_room_for_a_name"],
            hint: "The name has more letters than your buffer: getnameinfo returns EAI_OVERFLOW. A name has room in \
                   NI_MAXHOST bytes, which is 1025.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["cuts_long_names", "prints_the_first_label_only"],
            hint: "Print the whole name, with its dots, however long it is: from the buffer of getnameinfo up to its \
                   zero byte.",
        },
    ],
};

pub(super) const NO_ADDRESS: Test = Test {
    name: "takes addresses only with -x",
    points: 1,
    read: ADDRESS_TO_NAME,
    proves: &["An `IP` that is no address is unknown, also if it is a name."],
    story: |lab| {
        for text in ["localhost", "192.0.2.256", "2001:db8::1::2"] {
            lab.expect_refused_start(&["-x", text], 1)?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongStatus,
        mistakes: &["looks_names_up_with_x", "takes_no_address_for_wrong_usage"],
        hint: "-x takes an address, and any other text is an unknown one: exit status 1, with the reason. getaddrinfo \
               with AI_NUMERICHOST turns the text into an address, and looks nothing up.",
    }],
};

pub(super) const NO_ANSWER: Test = Test {
    name: "says that a name cannot be asked for",
    points: 1,
    read: ADDRESS_TO_NAME,
    proves: &[
        "If no name server answers, that is an error, and not an address without a name.",
        "Exit status 1, with the reason on standard error: a name, a service or an address is unknown or cannot be \
         looked up, or the output cannot be written.",
    ],
    story: |lab| {
        machine::ask_a_name_server_in_vain(lab)?;
        for address in [ipv4(lab), ipv6(lab)] {
            lab.expect_refused_start(&["-x", &address], 1)?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongStatus,
        mistakes: &[
            "ignores_the_error_of_getnameinfo",
            "prints_the_address_at_any_error",
        ],
        hint: "getnameinfo has failed with EAI_AGAIN: nobody knows whether the address has a name. Look at what it \
               returns. Where there is no name, it writes the address itself; all else is an error, for standard \
               error and status 1.",
    }],
};
