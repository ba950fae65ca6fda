//! Text to address, by six ways.

use std::{
    ffi::{CStr, CString},
    fmt::Write,
    net::{Ipv4Addr, ToSocketAddrs},
};

use super::{Demo, Needs};
use crate::demo_context::{DemoContext, DemoResult};
use harness::sys::inet;

pub const DEMO: Demo = Demo {
    name: "inet",
    day: 2,
    question: "Which texts are an IPv4 address to inet_addr, inet_aton, inet_pton, getaddrinfo and Rust?",
    read: "IPv4: four numbers",
    needs: Needs::Nothing,
    run,
};

type Answer = Option<Ipv4Addr>;

/// A text, what the lax readers make of it, and who takes it.
struct Row {
    text: &'static str,
    lax: Answer,
    takers: Takers,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Takers {
    /// All six.
    All,
    /// All but inet_addr, whose answer is also its error.
    AllButAddr,
    /// inet_addr, inet_aton, getaddrinfo and Rust's name lookup: not those which read four decimal numbers only.
    Lax,
    /// inet_addr and inet_aton.
    Junk,
    /// None.
    None,
}

const fn row(text: &'static str, takers: Takers, [a, b, c, d]: [u8; 4]) -> Row {
    Row {
        text,
        lax: Some(Ipv4Addr::new(a, b, c, d)),
        takers,
    }
}

const fn bad(text: &'static str) -> Row {
    Row {
        text,
        lax: None,
        takers: Takers::None,
    }
}

const ROWS: [Row; 26] = [
    row("192.168.0.1", Takers::All, [192, 168, 0, 1]),
    row("255.255.255.255", Takers::AllButAddr, [255; 4]),
    row("127.1", Takers::Lax, [127, 0, 0, 1]),
    row("1", Takers::Lax, [0, 0, 0, 1]),
    row("10.1.2", Takers::Lax, [10, 1, 0, 2]),
    row("127.65536", Takers::Lax, [127, 1, 0, 0]),
    row("127.16777215", Takers::Lax, [127, 255, 255, 255]),
    row("0x7f.1", Takers::Lax, [127, 0, 0, 1]),
    row("0x7f000001", Takers::Lax, [127, 0, 0, 1]),
    row("0177.0.0.1", Takers::Lax, [127, 0, 0, 1]),
    row("127.0.0.010", Takers::Lax, [127, 0, 0, 8]),
    row("00127.0.0.1", Takers::Lax, [87, 0, 0, 1]),
    row("127.0.0.1 ", Takers::Junk, [127, 0, 0, 1]),
    row("127.0.0.1 junk", Takers::Junk, [127, 0, 0, 1]),
    bad("127.0.0.1x"),
    bad(" 127.0.0.1"),
    bad("255.255.255.256"),
    bad("256.1.1.1"),
    bad("08.1.1.1"),
    bad("1.2.3.4.5"),
    bad("1.2.3."),
    bad("1..2.3"),
    bad("4294967296"),
    bad(""),
    bad("::1"),
    bad("localhost"),
];

fn run(demo: &mut DemoContext) -> DemoResult {
    demo.does("give the same 26 texts to six readers (a dash: refused)");
    let mut table = format!(
        "{:<18}{:<20}{:<10}{:<12}{:<6}{}\n",
        "", "inet_addr, _aton", "inet_pton", "getaddrinfo", "parse", "by name"
    );
    let mut seen: [Vec<Answer>; 6] = Default::default();
    for row in &ROWS {
        let answers = read(row.text);
        let show = |answer: Answer| answer.map_or("-".to_owned(), |ip| ip.to_string());
        let first = show(answers[1]) + if answers[0] == answers[1] { "" } else { " (1)" };
        let yes = |answer: Answer| if answer.is_some() { "yes" } else { "-" };
        let _ = writeln!(
            table,
            "{:<18}{first:<20}{:<10}{:<12}{:<6}{}",
            format!("{:?}", row.text),
            yes(answers[2]),
            yes(answers[3]),
            yes(answers[4]),
            yes(answers[5]),
        );
        for (column, answer) in seen.iter_mut().zip(answers) {
            column.push(answer);
        }
    }
    table.push_str(
        "(1) only inet_aton: what inet_addr says means this, or an error\n\
         parse is Rust's \"…\".parse::<Ipv4Addr>(), by name its to_socket_addrs",
    );
    demo.shows(table);

    let names = [
        "inet_addr takes 127.1, octal and hexadecimal numbers, and junk after a blank: texts taken",
        "inet_aton takes the same, and 255.255.255.255: texts taken",
        "inet_pton takes four decimal numbers and nothing else: texts taken",
        "getaddrinfo is as lax with numbers, but refuses the junk: texts taken",
        "Rust's parse::<Ipv4Addr>() is as strict as inet_pton: texts taken",
        "Rust's to_socket_addrs asks getaddrinfo: texts taken",
    ];
    for (place, claim) in names.into_iter().enumerate() {
        let expected: Vec<Answer> = ROWS.iter().map(|row| row.answer_of(place)).collect();
        let taken = |answers: &[Answer]| answers.iter().flatten().count();
        demo.expect(claim, taken(&expected), taken(&seen[place]));
        demo.expect(
            "… each as the address which the textbook's rules give",
            true,
            expected == seen[place],
        );
    }
    others(demo);
    Ok(())
}

impl Row {
    fn answer_of(&self, place: usize) -> Answer {
        const ADDR: usize = 0;
        const ATON: usize = 1;
        const LOOKUPS: [usize; 2] = [3, 5];
        let takes = match self.takers {
            Takers::All => true,
            Takers::AllButAddr => place != ADDR,
            Takers::Lax => place <= ATON || LOOKUPS.contains(&place),
            Takers::Junk => place <= ATON,
            Takers::None => false,
        };
        self.lax.filter(|_| takes)
    }
}

/// What each of the six makes of a text.
fn read(text: &str) -> [Answer; 6] {
    let c_text = CString::new(text).unwrap_or_default();
    let looked_up = inet::by_getaddrinfo(&c_text);
    // A text that is no number is looked up as a name, which would ask the network.
    let by_rust = looked_up.and_then(|_| {
        let mut found = (text, 0).to_socket_addrs().ok()?;
        found.find_map(|address| match address.ip() {
            std::net::IpAddr::V4(ip) => Some(ip),
            std::net::IpAddr::V6(_) => None,
        })
    });
    [
        by_inet_addr(&c_text),
        inet::aton(&c_text),
        by_inet_pton(&c_text),
        looked_up,
        text.parse().ok(),
        by_rust,
    ]
}

/// INADDR_NONE is its error, and an address as well.
fn by_inet_addr(text: &CStr) -> Answer {
    let address = inet::addr(text);
    (address != Ipv4Addr::BROADCAST).then_some(address)
}

fn by_inet_pton(text: &CStr) -> Answer {
    let (result, [a, b, c, d, ..]) = inet::pton(libc::AF_INET, text);
    (result == 1).then(|| Ipv4Addr::new(a, b, c, d))
}

fn others(demo: &mut DemoContext) {
    demo.does("ask inet_pton for another family, and inet_ntoa twice");
    let (unix, _) = inet::pton(libc::AF_UNIX, c"127.0.0.1");
    demo.expect(
        "a family which has no such text: -1, EAFNOSUPPORT",
        (-1, nix::errno::Errno::EAFNOSUPPORT),
        (unix, nix::errno::Errno::last()),
    );
    let (first, second) = inet::ntoa_twice(Ipv4Addr::new(1, 1, 1, 1), Ipv4Addr::new(2, 2, 2, 2));
    demo.expect(
        "the second result of inet_ntoa has overwritten the first: both read",
        ("2.2.2.2".to_owned(), "2.2.2.2".to_owned()),
        (first, second),
    );
}
