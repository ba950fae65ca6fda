//! The second argument.

use super::{
    HINTS, NAME_TO_LIST, NUMBERS,
    answers::answers,
    machine::{self, Hosts, ipv4, name},
};
use harness::author::{Checked, Diagnosis, Lab, Rejection, Test};

pub(super) const PORT_NUMBER: Test = Test {
    name: "prints the port",
    points: 1,
    read: NAME_TO_LIST,
    proves: &[
        "`SERVICE` is the name of a TCP service, such as `http`, or the number of a port.",
        "Without `SERVICE` the port is 0.",
    ],
    story: |lab| {
        machine::know_no_name(lab)?;
        let address = ipv4(lab);
        // The two bytes differ.
        let port = (256 * lab.random_number(1..=127) + lab.random_number(128..=255)).to_string();
        answers(lab, &[&address, &port], &[format!("{address} {port}")])?;
        answers(lab, &[&address], &[format!("{address} 0")])
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["leaves_the_port_in_network_order", "ignores_the_service"],
        hint: "Give SERVICE to getaddrinfo as its second argument: then the port stands in each address. It stands \
               there in network order: getnameinfo with NI_NUMERICSERV writes it, or turn it with u16::from_be.",
    }],
};

pub(super) const SERVICE_NAME: Test = Test {
    name: "knows the names of services",
    points: 1,
    read: NAME_TO_LIST,
    proves: &["`SERVICE` is the name of a TCP service, such as `http`, or the number of a port."],
    story: |lab| {
        let service = Service::new(lab);
        // As for most services, the number is the same for both.
        let lines = ["tcp", "udp"].map(|protocol| service.line(service.tcp, protocol));
        service.expect_tcp_port(lab, &lines)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_port_numbers_only", "knows_services_by_heart"],
            hint: "SERVICE is a name which stands in /etc/services. getaddrinfo looks it up there: give it your text \
                   as it is, as the second argument. AI_NUMERICSERV is for -n alone.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["reads_the_service_like_atoi", "turns_ports_into_names"],
            hint: "The line ends with the number of the service's port. atoi makes 0 of a name: give getaddrinfo the \
                   text. getnameinfo makes a name of the number, if its flags lack NI_NUMERICSERV.",
        },
    ],
};

pub(super) const TCP_NOT_UDP: Test = Test {
    name: "prints the port of TCP, and not that of UDP",
    points: 1,
    read: HINTS,
    proves: &["`SERVICE` is the name of a TCP service, such as `http`, or the number of a port."],
    story: |lab| {
        let service = Service::new(lab);
        let udp = service.tcp + lab.random_number(1..=30_000);
        let lines = [service.line(udp, "udp"), service.line(service.tcp, "tcp")];
        service.expect_tcp_port(lab, &lines)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["asks_for_udp"],
            hint: "A service has a port of TCP, and may have another one of UDP. Your hints ask for UDP: set \
                   ai_socktype to SOCK_STREAM.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["leaves_out_equal_entries"],
            hint: "This service has a port of TCP and another one of UDP, and your program prints both. To leave out \
                   equal lines is not enough: set ai_socktype to SOCK_STREAM, and getaddrinfo asks for TCP only.",
        },
    ],
};

/// A service which nobody can guess.
struct Service {
    name: String,
    alias: String,
    tcp: u64,
}

impl Service {
    fn new(lab: &Lab) -> Service {
        let word = || lab.random_word(6).to_lowercase();
        Service {
            name: format!("sv{}", word()),
            alias: format!("al{}", word()),
            tcp: lab.random_number(1_024..=29_999),
        }
    }

    /// Its line of /etc/services for one protocol.
    fn line(&self, port: u64, protocol: &str) -> String {
        format!("{} {port}/{protocol} {}", self.name, self.alias)
    }

    /// Asks for it by both of its names, with these lines in /etc/services.
    fn expect_tcp_port(&self, lab: &Lab, lines: &[String]) -> Checked {
        let (host, address) = (name(lab), ipv4(lab));
        let mut hosts = Hosts::default();
        hosts.add(&address, &[&host]);
        hosts.install(lab)?;
        lab.file_in_etc("services", lines)?;
        for (node, service) in [(&host, &self.name), (&address, &self.alias)] {
            answers(lab, &[node, service], &[format!("{address} {}", self.tcp)])?;
        }
        Ok(())
    }
}

pub(super) const PORT_LIMITS: Test = Test {
    name: "takes the ports from 0 to 65535, and no number above",
    points: 1,
    read: NUMBERS,
    proves: &[
        "Zeros before the number change nothing.",
        "Exit status 2, with a usage line on standard error: too few arguments, too many, an unknown option, or a \
         `SERVICE` of digits only above 65535, which getaddrinfo would cut to 16 bits.",
    ],
    story: |lab| {
        let address = ipv4(lab);
        for port in ["0", "65535"] {
            answers(lab, &[&address, port], &[format!("{address} {port}")])?;
        }
        // Zeros make it no larger.
        answers(lab, &[&address, "000443"], &[format!("{address} 443")])?;
        for port in ["65536", "70000", "4294967376", "18446744073709551696"] {
            lab.step(
                format!("start your program with {address} {port}: it must end with status 2"),
                || lab.expect_refused_start(&[&address, port], 2),
            )?;
        }
        lab.expect_refused_start(&["-n", &address, "65536"], 2)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongStatus,
        mistakes: &[
            "has_its_port_cut",
            "takes_65536_for_a_port",
            "wraps_at_64_bits",
            "counts_the_digits_of_a_port",
        ],
        hint: "A port has 16 bits, and getaddrinfo does not look: it takes 70000 for 4464. If SERVICE has digits only, \
               it must be 65535 at most, however many digits there are (000443 is 443; a number that does not fit into your type is \
               above it, too). Print the usage line, and end with status 2.",
    }],
};
