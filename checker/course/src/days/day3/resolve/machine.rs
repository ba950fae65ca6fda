//! What the program finds in /etc.

use std::{net::Ipv6Addr, ops::RangeInclusive};

use harness::author::{Checked, Lab, Stop};

/// A file without lines.
const EMPTY: &[&str] = &[];

/// The lines of /etc/hosts.
#[derive(Debug, Default)]
pub struct Hosts {
    lines: Vec<Vec<u8>>,
}

impl Hosts {
    /// An address, its name, and its other names.
    pub fn add(&mut self, address: &str, names: &[&str]) {
        self.lines
            .push(format!("{address} {}", names.join(" ")).into_bytes());
    }

    /// An address whose name has any bytes.
    pub fn add_bytes(&mut self, address: &str, name: &[u8]) {
        self.lines.push([address.as_bytes(), b" ", name].concat());
    }

    /// Lets programs find these names, and no other, in the order which getaddrinfo has without settings.
    pub fn install(&self, lab: &Lab) -> Checked {
        lab.step(
            "let names be looked up in files only (/etc/nsswitch.conf), and /etc/services and /etc/gai.conf be empty",
            || {
                lab.file_in_etc("nsswitch.conf", &["hosts: files", "services: files"])?;
                lab.file_in_etc("gai.conf", EMPTY)?;
                lab.file_in_etc("services", EMPTY)
            },
        )?;
        lab.file_in_etc("hosts", &self.lines)
    }
}

/// Lets no name be found, for a test which is about numbers. Where the machine does not allow that, a right program does
/// not notice.
pub fn know_no_name(lab: &Lab) -> Checked {
    lab.step(
        "let no name be known, if this machine allows that",
        || match Hosts::default().install(lab) {
            Err(Stop::NotChecked(_)) => Ok(()),
            installed => installed,
        },
    )
}

/// Lets names be asked of a name server which does not answer: nobody listens on its port.
pub fn ask_a_name_server_in_vain(lab: &Lab) -> Checked {
    lab.step(
        "let names be asked of a name server (/etc/nsswitch.conf, /etc/resolv.conf): 127.0.0.1, where none is",
        || {
            lab.file_in_etc("nsswitch.conf", &["hosts: files dns", "services: files"])?;
            lab.file_in_etc("hosts", EMPTY)?;
            lab.file_in_etc("resolv.conf", &["nameserver 127.0.0.1"])
        },
    )
}

/// A name which nobody can guess. It has a letter, so that it is no number.
pub fn name(lab: &Lab) -> String {
    format!("host-{}", lab.random_word(8)).to_lowercase()
}

/// The networks for examples in books (RFC 5737).
const NETS: [&str; 3] = ["192.0.2", "198.51.100", "203.0.113"];

/// An IPv4 address in one of them.
pub fn ipv4(lab: &Lab) -> String {
    let [first, second, third] = each_ipv4(lab);
    match lab.random_number(1..=3) {
        1 => first,
        2 => second,
        _ => third,
    }
}

/// An address in each of them, so that they differ.
pub fn each_ipv4(lab: &Lab) -> [String; 3] {
    NETS.map(|net| format!("{net}.{}", lab.random_number(1..=254)))
}

/// An IPv6 address for examples in books (RFC 3849).
pub fn ipv6(lab: &Lab) -> String {
    ipv6_in(lab, 1..=0xffff)
}

/// An IPv6 address which begins so, as long as one can be: no group is short, and none is 0.
pub fn longest_ipv6(lab: &Lab, first: u16) -> String {
    let groups: Vec<String> = (0..7)
        .map(|_| format!("{:x}", lab.random_number(0x1000..=0xffff)))
        .collect();
    format!("{first:x}:{}", groups.join(":"))
}

/// Two of each family, which differ: IPv4, and IPv6.
pub fn both_families(lab: &Lab) -> ([String; 2], [String; 2]) {
    let [_, one, other] = each_ipv4(lab);
    // Neither pair is in the order of its numbers, or of its texts.
    let six = [ipv6_in(lab, 0x8000..=0xffff), ipv6_in(lab, 0x1000..=0x7fff)];
    ([other, one], six)
}

fn ipv6_in(lab: &Lab, nets: RangeInclusive<u64>) -> String {
    let group = |range| lab.random_number(range) as u16;
    let [net, high, low] = [nets, 1..=0xffff, 1..=0xffff].map(group);
    Ipv6Addr::new(0x2001, 0xdb8, net, 0, 0, 0, high, low).to_string()
}
