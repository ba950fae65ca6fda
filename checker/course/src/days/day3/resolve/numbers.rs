//! The option -n, and addresses with a zone.

use super::{
    NUMBERS,
    answers::{answers, opens},
    machine::{self, ipv4, ipv6},
};
use harness::author::{Call, Checked, Diagnosis, Lab, Program, Rejection, Test};

const NOTHING_IS_LOOKED_UP: &str = "With `-n` nothing is looked up, in no file and on no name server: `NAME` must be \
                                    an address, and `SERVICE` a number.";
const ALL_ELSE_IS_UNKNOWN: &str = "Any other `NAME` or `SERVICE` is unknown then.";

pub(super) const NUMBERS_ONLY: Test = Test {
    name: "takes numbers only with -n",
    points: 2,
    read: NUMBERS,
    proves: &[NOTHING_IS_LOOKED_UP, ALL_ELSE_IS_UNKNOWN],
    story: |lab| {
        for address in [ipv4(lab), ipv6(lab)] {
            answers(lab, &["-n", &address], &[format!("{address} 0")])?;
            answers(lab, &["-n", &address, "80"], &[format!("{address} 80")])?;
        }
        lab.expect_refused_start(&["-n", "localhost"], 1)?;
        lab.expect_refused_start(&["-n", "localhost", "80"], 1)?;
        lab.expect_refused_start(&["-n", &ipv4(lab), "http"], 1)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongStatus,
        mistakes: &["looks_up_names_with_n", "looks_up_services_with_n"],
        hint: "With -n a name is as unknown as one which nobody has: exit status 1. Set AI_NUMERICHOST in ai_flags, \
               and AI_NUMERICSERV for the service.",
    }],
};

pub(super) const NO_QUESTION: Test = Test {
    name: "asks nobody with -n",
    points: 2,
    read: NUMBERS,
    proves: &[NOTHING_IS_LOOKED_UP, ALL_ELSE_IS_UNKNOWN],
    story: |lab| {
        lab.follow_calls();
        let address = ipv4(lab);
        for arguments in [
            ["-n", &address, "80"],
            ["-n", "localhost", "80"],
            ["-n", &address, "http"],
        ] {
            let program = lab.start(&arguments)?;
            program.wait_for_end()?;
            expect_no_question(lab, &program)?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::CallForbidden,
        mistakes: &["looks_up_first_with_n", "compares_what_it_has_found_with_n"],
        hint: "With -n your program still looks something up, which may take long, or tells others what it is about. \
               Set AI_NUMERICHOST and AI_NUMERICSERV in the first call of getaddrinfo already.",
    }],
};

/// Sees that it has opened no file of names, and spoken to no server of names.
fn expect_no_question(lab: &Lab, program: &Program) -> Checked {
    lab.step(
        "see that it has opened neither /etc/hosts nor /etc/services, and asked no name server",
        || {
            for file in ["/etc/hosts", "/etc/services", "/etc/resolv.conf"] {
                program
                    .calls()
                    .expect_none(file, Call::Open, |call| opens(call, file))?;
            }
            program
                .calls()
                .expect_none("a name server", Call::Connect, |call| {
                    let text = call.call_text();
                    text.contains(":53,") || text.contains(":53)")
                })
        },
    )
}

pub(super) const ZONE: Test = Test {
    name: "keeps the zone of an address",
    points: 1,
    read: NUMBERS,
    proves: &["An IPv6 address may have a zone, which is printed with it: `fe80::1%lo`."],
    story: |lab| {
        let address = format!("fe80::{:x}%lo", lab.random_number(1..=0xffff));
        answers(lab, &[&address], &[format!("{address} 0")])?;
        answers(lab, &["-n", &address, "80"], &[format!("{address} 80")])?;
        let longest = machine::longest_ipv6(lab, 0xfe80) + "%lo";
        answers(lab, &[&longest], &[format!("{longest} 0")])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["loses_the_zone", "prints_the_zone_as_a_number"],
            hint: "A link-local address (fe80::) exists on every interface, so that it is of no use without its zone, \
                   which stands in sin6_scope_id. inet_ntop and Ipv6Addr do not know it. getnameinfo with \
                   NI_NUMERICHOST writes it by its name (or turn the number with if_indextoname).",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_no_zone", "has_no_room_for_a_zone"],
            hint: "inet_pton and parse::<IpAddr>() know no zone, and take fe80::1%lo for no address. getaddrinfo with \
                   AI_NUMERICHOST does. If getnameinfo has failed: with its zone an address needs more room than \
                   INET6_ADDRSTRLEN may have. NI_MAXHOST bytes are enough.",
        },
    ],
};
