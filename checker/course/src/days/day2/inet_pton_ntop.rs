//! The hidden tests of day2_1_inet_pton_ntop.
//!
//! Each test asks about some lines, and has the C library judge the answers. `texts` draws the lines, `oracle` knows the
//! answers, `answers` is the one thing that happens in all of these tests.

mod answers;
mod faults;
mod ipv6;
mod oracle;
mod sockaddrs;
mod texts;

#[cfg(test)]
mod agreement;
mod untested;

use self::{
    answers::{answers, answers_without_last_newline},
    texts::{Line, Texts},
};
use crate::promises::numbers;
use harness::author::{Checked, Diagnosis, Exercise, Lab, Rejection, Test};

/// Day 2, exercise 1.
pub const EXERCISE: Exercise = Exercise {
    name: "day2_1_inet_pton_ntop",
    title: "addresses, from text to bytes and back",
    chapter: "2.1 Addresses, from text to bytes and back",
    first_step: "Begin with `pton4`: read one line of standard input, split it at the dots, and print its four \
                 numbers as eight hexadecimal digits and a newline.",
    tests: &[
        FOUR_BYTES,
        EVERY_LINE,
        ANY_LINE,
        LAST_LINE,
        TWO_DIGITS,
        UP_TO_255,
        FOUR_NUMBERS,
        NO_SIGN,
        NO_BLANKS,
        DOTTED_QUAD,
        ipv6::EIGHT_GROUPS,
        ipv6::GAP,
        ipv6::QUAD_AT_THE_END,
        ipv6::COLONS,
        ipv6::ALMOST,
        ipv6::PRINTS_GROUPS,
        ipv6::PRINTS_THE_GAP,
        ipv6::PRINTS_MAPPED,
        sockaddrs::WRITES_IPV4,
        sockaddrs::WRITES_IPV6,
        sockaddrs::SHOWS_IPV4,
        sockaddrs::SHOWS_IPV6,
        WRONG_HEX,
        sockaddrs::BELIEVES_THE_FAMILY,
        faults::CANNOT_READ,
        faults::CANNOT_PRINT,
        WRONG_USAGE,
    ],
    clues: &[],
    untested: untested::SENTENCES,
};

const FOUR_BYTES: Test = Test {
    name: "turns a dotted quad into four bytes in network order",
    points: 1,
    read: "IPv4: four numbers",
    proves: &[
        "reads lines from standard input until the end of file, and prints one line for each of them, in the same \
         order.",
        "| `pton4` | an IPv4 address as text | its 4 bytes, 8 hexadecimal digits |",
        "Hexadecimal digits: two for each byte, in the order in which the bytes stand in memory, without anything \
         between them.",
        "The bytes of an address are in network order: `127.0.0.1` is `7f000001`.",
        "Answers go to standard output, everything else to standard error.",
    ],
    story: |lab| {
        answers(
            lab,
            &["pton4"],
            &[Texts::of(lab).plain_quad().into()],
            oracle::pton4,
        )
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["host_order"],
            hint: "Print eight hexadecimal digits, two for each number, the first number first: that is network \
                   order. Keep the four bytes as an array, or turn the u32 into bytes with to_be_bytes.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["splits_all"],
            hint: "Each line gets one answer, and no line follows the last newline. If you split all of the input at \
                   every \\n, you find an empty piece there.",
        },
    ],
};

const EVERY_LINE: Test = Test {
    name: "answers every line, also those that are no address",
    points: 1,
    read: "Text comes from strangers",
    proves: &[
        "reads lines from standard input until the end of file, and prints one line for each of them, in the same \
         order.",
        "The answer to every other line is `bad`, and the program goes on with the next line.",
        "An empty line is a line.",
        "Exit status 0: all lines have their answers, also if it was `bad`.",
    ],
    story: |lab| {
        let texts = Texts::of(lab);
        answers(lab, &["pton4"], &[], oracle::pton4)?;
        let lines = ["one", "", "a.b.c.d"].map(Line::from);
        let good = || texts.plain_quad().into();
        answers(lab, &["pton4"], &between(&lines, good), oracle::pton4)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["stops_at_bad", "stops_at_empty_line"],
        hint: "A bad line is an answer, not a failure of your program, and an empty line is a line: print `bad` and \
               go on. Look for the `?`, break or exit that such a line reaches.",
    }],
};

const ANY_LINE: Test = Test {
    name: "answers a line of any bytes and of any length",
    points: 1,
    read: "Text comes from strangers",
    proves: &[
        "reads lines from standard input until the end of file, and prints one line for each of them, in the same \
         order.",
        "A line may hold any bytes and be long; only the newline ends it.",
    ],
    story: |lab| {
        let texts = Texts::of(lab);
        let lines = [texts.not_utf8(), texts.long_line(), texts.not_utf8()];
        let good = || texts.plain_quad().into();
        answers(lab, &["pton4"], &between(&lines, good), oracle::pton4)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["reads_text"],
            hint: "One of the lines is not UTF-8, and reading it into a String fails. Read bytes instead, for example \
                   with BufRead::read_until.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["unwraps_the_lines"],
            hint: "One of the lines is not UTF-8: `lines()` returns an error, and unwrap makes a panic of it. Read \
                   bytes instead, for example with BufRead::read_until.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["line_in_pieces"],
            hint: "Only the newline ends a line. A buffer of fixed size cuts a long one into pieces, and each piece \
                   gets an answer: read on into the same Vec until the newline comes.",
        },
    ],
};

const LAST_LINE: Test = Test {
    name: "answers the last line without its newline, too",
    points: 1,
    read: "Text comes from strangers",
    proves: &["The last line may lack its newline."],
    story: |lab| {
        let texts = Texts::of(lab);
        let lines = [texts.plain_quad(), texts.plain_quad()].map(Line::from);
        answers_without_last_newline(lab, &["pton4"], &lines, oracle::pton4)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["loses_last_line"],
            hint: "The last line has no newline, and it gets no answer. The end of file ends a line too, if there \
                   are bytes before it.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["cuts_the_last_byte"],
            hint: "The last line has no newline, and its last byte is a part of the address. Cut off the last byte of \
                   a line only if it is a newline.",
        },
    ],
};

const TWO_DIGITS: Test = Test {
    name: "prints two hexadecimal digits for every byte",
    points: 1,
    read: "IPv4: four numbers",
    proves: &[
        "Hexadecimal digits: two for each byte, in the order in which the bytes stand in memory, without \
               anything between them.",
    ],
    story: |lab| {
        answers(
            lab,
            &["pton4"],
            &Texts::of(lab).small_quads(),
            oracle::pton4,
        )
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["hex_without_zeros"],
        hint: "Every byte has two hexadecimal digits, also those below 16: 1.2.3.4 is 01020304. The format {:02x} \
               fills up with a zero.",
    }],
};

const UP_TO_255: Test = Test {
    name: "takes the numbers from 0 to 255, and none above",
    points: 2,
    read: "Text comes from strangers",
    proves: &[
        "IPv4 text: four decimal numbers from 0 to 255 with three dots between them.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        answers(
            lab,
            &["pton4"],
            &Texts::of(lab).quads_at_the_limits(),
            oracle::pton4,
        )
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["inaddr_none", "wraps_at_256"],
            hint: "Each of the four numbers goes from 0 to 255. Test the range while you add the digits (checked_mul \
                   and checked_add tell you), or 256 becomes 0. And 255.255.255.255 is an address: use an Option or \
                   a Result for an error.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["tests_range_last"],
            hint: "A number of many digits does not fit into your integer: the sum overflows before you test its \
                   range. Test after each digit, or refuse more than three digits.",
        },
    ],
};

const FOUR_NUMBERS: Test = Test {
    name: "takes exactly four numbers",
    points: 1,
    read: "IPv4: four numbers",
    proves: &["IPv4 text: four decimal numbers from 0 to 255 with three dots between them."],
    story: |lab| {
        answers(
            lab,
            &["pton4"],
            &Texts::of(lab).quads_with_wrong_count(),
            oracle::pton4,
        )
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["uses_inet_aton"],
        hint: "inet_pton takes four numbers with three dots between them. inet_aton and getaddrinfo take fewer: \
               write the conversion yourself, and check whether a fifth piece follows.",
    }],
};

const NO_SIGN: Test = Test {
    name: "refuses a sign or a leading zero before a number",
    points: 1,
    read: "Text comes from strangers",
    proves: &["Nothing else: no blanks, no sign, no leading zero (`0` itself is fine)."],
    story: |lab| {
        let texts = Texts::of(lab);
        let lines = enclosed(texts.quads_with_signs_and_zeros(), || {
            texts.plain_quad().into()
        });
        answers(lab, &["pton4"], &lines, oracle::pton4)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["parses_with_std"],
        hint: "`parse::<u8>` takes more than digits: \"+1\" and \"01\" are numbers for it. inet_pton refuses a sign, \
               and a leading zero, which others read as octal.",
    }],
};

const TEN_DIGITS: &str = "A digit is one of the ten bytes from 0 to 9. Unicode has more: `is_numeric`, and isdigit in \
                          Python, take a superscript two, which then has no value. Use `is_ascii_digit`, and make \
                          `bad` of a line whose number cannot be read: the next line is another question.";

const NO_BLANKS: Test = Test {
    name: "refuses blanks and other bytes around or inside a number",
    points: 1,
    read: "Text comes from strangers",
    proves: &["Nothing else: no blanks, no sign, no leading zero (`0` itself is fine)."],
    story: |lab| {
        let texts = Texts::of(lab);
        let lines = enclosed(texts.quads_with_junk(), || texts.plain_quad().into());
        answers(lab, &["pton4"], &lines, oracle::pton4)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["trims_blanks", "stops_at_junk"],
            hint: "Every byte of the line except its newline belongs to the text. Do not trim, and do not stop at the \
                   first byte that is not a digit: a number has digits from its start to its end.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["trusts_is_numeric"],
            hint: TEN_DIGITS,
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_a_superscript"],
            hint: TEN_DIGITS,
        },
    ],
};

const DOTTED_QUAD: Test = Test {
    name: "prints four bytes as a dotted quad",
    points: 1,
    read: "IPv4: four numbers",
    proves: &[
        "| `ntop4` | 8 hexadecimal digits | the IPv4 address as text |",
        "The bytes of an address are in network order: `127.0.0.1` is `7f000001`.",
        "IPv4 text: four decimal numbers from 0 to 255 with three dots between them.",
    ],
    story: |lab| answers(lab, &["ntop4"], &Texts::of(lab).four_bytes(), oracle::ntop4),
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["prints_host_order"],
        hint: "The bytes are in network order: the first byte is the first number, whatever the machine. Print the \
               four in decimal with dots between them.",
    }],
};

const WRONG_HEX: Test = Test {
    name: "refuses hexadecimal digits that are not exactly one address",
    points: 1,
    read: "Text comes from strangers",
    proves: &[
        "You print small letters; you read small letters and capitals.",
        "`show`: 16 bytes with the family `AF_INET`, or 28 bytes with the family `AF_INET6`; all others are `bad`.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let texts = Texts::of(lab);
        hexadecimal(lab, &texts, "ntop4", &texts.bytes::<4>(), oracle::ntop4)?;
        hexadecimal(lab, &texts, "ntop6", &texts.mapped(), oracle::ntop6)?;
        hexadecimal(lab, &texts, "show", &texts.sockaddr_in(), oracle::show)?;
        hexadecimal(lab, &texts, "show", &texts.sockaddr_in6(), oracle::show)?;
        answers(lab, &["show"], &texts.wrong_lengths(), oracle::show)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_on_odd"],
            hint: "An odd number of digits, or a byte that is not a digit, makes the program panic. Look at the \
                   length before you index, or use as_chunks or get.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["sign_in_byte", "digits_end_at_a_zero_byte"],
            hint: "Two digits for each byte, small letters or capitals, and exactly as many bytes as the address has. \
                   `from_str_radix` also takes a sign: \"+f\" is a number for it, and bytes.fromhex of Python passes \
                   over blanks. And the line ends at its newline, \
                   not at a zero byte, as for strlen.",
        },
    ],
};

const WRONG_USAGE: Test = Test {
    name: "ends with status 2 after wrong arguments",
    points: 1,
    read: "Text comes from strangers",
    proves: &[
        "`PORT` is a decimal number from 0 to 65535.",
        "Exit status 2: wrong arguments.",
        "Answers go to standard output, everything else to standard error.",
    ],
    story: |lab| {
        lab.expect_refused_start(&[""; 0], 2)?;
        lab.expect_refused_start(&["pton5"], 2)?;
        lab.expect_refused_start(&["pton4", "more"], 2)?;
        lab.expect_refused_start(&["sockaddr"], 2)?;
        for port in ["65536", "70000", "-1", "+80", "http"]
            .into_iter()
            .chain(numbers::NEAR_MISSES)
        {
            lab.expect_refused_start(&["sockaddr", port], 2)?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::StillRunning,
        mistakes: &["cuts_the_port", "trims_the_port", "takes_a_sign"],
        hint: "Your program accepts wrong arguments; the marked step shows them. A port has 16 bits: parse it as a \
               u16, because `as u16` turns 70000 into 4464. It has digits only: no sign, no blank, no 0x, no letter \
               after them. Refuse extra arguments, too.",
    }],
};

// Hints which several mistakes of one test share: the report shows the line, which tells them apart.

/// These lines with a good one before and behind each, so that one bad line hides nothing.
fn between(lines: &[Line], good: impl Fn() -> Line) -> Vec<Line> {
    let mut all = vec![good()];
    for line in lines {
        all.extend([line.clone(), good()]);
    }
    all
}

/// These lines with a good one before and behind all of them: a program that refuses everything is not right.
fn enclosed(lines: Vec<Line>, good: impl Fn() -> Line) -> Vec<Line> {
    let mut all = vec![good()];
    all.extend(lines);
    all.push(good());
    all
}

/// The digits of these bytes, and what is almost the digits of so many bytes.
fn hexadecimal(
    lab: &Lab,
    texts: &Texts,
    command: &str,
    bytes: &[u8],
    oracle: impl Fn(&[u8]) -> Option<String>,
) -> Checked {
    let good = || texts.any_case_hex(bytes);
    answers(
        lab,
        &[command],
        &enclosed(texts.broken_hex(bytes), good),
        oracle,
    )
}

impl Texts<'_> {
    fn of(lab: &Lab) -> Texts<'_> {
        Texts::new(|range| lab.random_number(range))
    }
}
