//! IPv6 addresses, from text to bytes and back.

use super::{answers::answers, enclosed, oracle, texts::Texts};
use harness::author::{Diagnosis, Rejection, Test};

const GROUPS_AND_GAP: &str = "IPv6: eight groups and one gap";

pub(super) const EIGHT_GROUPS: Test = Test {
    name: "reads eight groups of hexadecimal digits",
    points: 2,
    read: GROUPS_AND_GAP,
    proves: &[
        "| `pton6` | an IPv6 address as text | its 16 bytes, 32 hexadecimal digits |",
        "Hexadecimal digits: two for each byte, in the order in which the bytes stand in memory, without anything \
         between them.",
        "You print small letters; you read small letters and capitals.",
        "IPv6 text to read: eight groups of one to four hexadecimal digits with colons between them.",
    ],
    story: |lab| {
        answers(
            lab,
            &["pton6"],
            &Texts::of(lab).eight_groups(),
            oracle::pton6,
        )
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["groups_in_host_order", "lower_case_only"],
        hint: "A group is a 16-bit number in network order: to_be_bytes. It may have fewer than four digits, and when \
               you read, A to F are as good as a to f.",
    }],
};

pub(super) const GAP: Test = Test {
    name: "fills the gap of :: with as many zeros as are missing",
    points: 2,
    read: GROUPS_AND_GAP,
    proves: &["Once, `::` may stand for one or more groups of zeros."],
    story: |lab| answers(lab, &["pton6"], &Texts::of(lab).gaps(), oracle::pton6),
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["tail_stays_left", "gap_of_one"],
        hint: "The gap of `::` is as long as it has to be, from one group (1:2:3:4:5:6:7::) to all eight. The groups \
               after it are the last ones of the sixteen bytes; zeros fill the room between.",
    }],
};

pub(super) const QUAD_AT_THE_END: Test = Test {
    name: "reads a dotted quad as the last two groups",
    points: 1,
    read: GROUPS_AND_GAP,
    proves: &["The last two groups may be written as an IPv4 text."],
    story: |lab| {
        answers(
            lab,
            &["pton6"],
            &Texts::of(lab).quads_at_the_end(),
            oracle::pton6,
        )
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["quad_only_mapped", "has_room_for_39_letters"],
        hint: "A dotted quad may end every IPv6 text: x:x:x:x:x:x:d.d.d.d, with or without `::`. It stands for two \
               groups, whatever comes before it. With six full groups the text has 45 letters: a buffer for 39 is too \
               small (INET6_ADDRSTRLEN is 46, with the zero byte).",
    }],
};

pub(super) const COLONS: Test = Test {
    name: "refuses colons and gaps where none may be",
    points: 1,
    read: GROUPS_AND_GAP,
    proves: &[
        "IPv6 text to read: eight groups of one to four hexadecimal digits with colons between them.",
        "Once, `::` may stand for one or more groups of zeros.",
    ],
    story: |lab| {
        let texts = Texts::of(lab);
        let lines = enclosed(texts.misplaced_colons(), || texts.full().into());
        answers(lab, &["pton6"], &lines, oracle::pton6)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["skips_empty_groups", "gap_of_none"],
        hint: "`::` may come once, and stands for at least one group, so at most seven are written beside it. Every \
               other colon stands between two groups, never before the first or after the last one.",
    }],
};

pub(super) const ALMOST: Test = Test {
    name: "refuses a text that is only almost an IPv6 address",
    points: 2,
    read: "Text comes from strangers",
    proves: &[
        "IPv6 text to read: eight groups of one to four hexadecimal digits with colons between them.",
        "No zone (`%eth0`), no brackets, no prefix length (`/64`).",
    ],
    story: |lab| {
        let texts = Texts::of(lab);
        let mut lines = texts.wrong_groups();
        lines.extend(texts.random_edits());
        answers(
            lab,
            &["pton6"],
            &enclosed(lines, || texts.full().into()),
            oracle::pton6,
        )
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["five_digits", "sign_in_group"],
        hint: "\"Each x can be up to 4 hex digits\": 00001 is too long, although its value fits. And every byte must \
               be a digit: `from_str_radix` also takes a sign. A quad stands only at the end.",
    }],
};

pub(super) const PRINTS_GROUPS: Test = Test {
    name: "prints each group in small letters, without leading zeros",
    points: 1,
    read: GROUPS_AND_GAP,
    proves: &[
        "| `ntop6` | 32 hexadecimal digits | the IPv6 address as text |",
        "IPv6 text to print: small letters, no leading zeros.",
    ],
    story: |lab| {
        answers(
            lab,
            &["ntop6"],
            &Texts::of(lab).sixteen_bytes_without_zero_groups(),
            oracle::ntop6,
        )
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["pads_groups"],
        hint: "Every two bytes are a group, a 16-bit number in network order: from_be_bytes. Print it with {:x}. \
               {:04x} fills up with zeros, and {:X} prints capitals; RFC 5952 wants neither.",
    }],
};

pub(super) const PRINTS_THE_GAP: Test = Test {
    name: "prints :: for the longest run of zero groups",
    points: 2,
    read: GROUPS_AND_GAP,
    proves: &[
        "`::` stands for the longest run of zero groups, if it is two or more, and for the first of equally \
               long runs.",
    ],
    story: |lab| {
        answers(
            lab,
            &["ntop6"],
            &Texts::of(lab).sixteen_bytes(),
            oracle::ntop6,
        )
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &[
            "first_run",
            "last_run",
            "single_zero",
            "misses_a_run_at_the_end",
        ],
        hint: "`::` replaces the longest run of zero groups, the first one if two are equally long, and never a run \
               of one: a single zero is printed as 0. Look at all the runs before you choose, also at one that goes \
               to the end of the address (RFC 5952, 4.2).",
    }],
};

pub(super) const PRINTS_MAPPED: Test = Test {
    name: "prints an IPv4-mapped address with its dotted quad",
    points: 1,
    read: GROUPS_AND_GAP,
    proves: &[
        "An IPv4-mapped address, `::ffff:0:0/96`, ends with its IPv4 text: `::ffff:192.168.0.1`.",
    ],
    story: |lab| {
        answers(
            lab,
            &["ntop6"],
            &Texts::of(lab).mapped_and_others(),
            oracle::ntop6,
        )
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["mapped_in_hex", "mapped_by_its_middle"],
        hint: "An address that begins with ten zero bytes, ff and ff holds an IPv4 address: print it as \
               ::ffff:192.168.0.1, as inet_ntop does (RFC 5952, 5). No other address gets a quad here.",
    }],
};
