//! The order of the addresses.

use super::{
    answers::answers,
    machine::{Hosts, both_families, name},
};
use harness::author::{Diagnosis, Rejection, Test};

pub(super) const AS_GAI_CONF_SAYS: Test = Test {
    name: "keeps the order which the machine has set",
    points: 2,
    read: "The order of the addresses",
    proves: &["The lines come in the order in which getaddrinfo returns the addresses."],
    story: |lab| {
        let name = name(lab);
        let (four, six) = both_families(lab);
        let mut hosts = Hosts::default();
        for address in six.iter().chain(&four) {
            hosts.add(address, &[&name]);
        }
        hosts.install(lab)?;
        lab.file_in_etc(
            "gai.conf",
            &["precedence ::ffff:0:0/96 100", "precedence ::/0 40"],
        )?;
        let line = |address: &String| format!("{address} 0");
        let lines: Vec<String> = four.iter().chain(&six).map(line).collect();
        answers(lab, &[&name], &lines)?;
        // One address alone comes before all others, and then another one: no rule of a program's own finds that.
        lab.file_in_etc(
            "gai.conf",
            &[
                format!("precedence {}/128 90", six[1]),
                format!("precedence ::ffff:{}/128 80", four[1]),
                "precedence ::/0 40".to_owned(),
                "precedence ::ffff:0:0/96 10".to_owned(),
            ],
        )?;
        let lines = [&six[1], &four[1], &six[0], &four[0]].map(line);
        answers(lab, &[&name], &lines)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["sorts_ipv6_to_the_front", "asks_for_ipv6_first"],
        hint: "Which address comes first is the machine's affair: getaddrinfo sorts the list by the rules of RFC 6724 \
               and /etc/gai.conf. Ask once, for both families, and neither sort the list nor divide it.",
    }],
};
