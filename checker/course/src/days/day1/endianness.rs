//! The hidden tests of day1_2_endianness.

mod faults;
mod records;
mod runs;
mod untested;
mod values;

use crate::promises::numbers;
use harness::author::{Diagnosis, Exercise, Rejection, Test};

use runs::{decodes, encodes, explains, refuses, refuses_bytes, refuses_usage, run};
use values::{
    Record, capitals_at_even_places, hex, largest, mixed, number_without_letters, shuffled,
};

/// Day 1, exercise 2.
pub const EXERCISE: Exercise = Exercise {
    name: "day1_2_endianness",
    title: "byte order and fixed-size fields",
    chapter: "1.2 Byte order and fixed-size fields",
    first_step: "Begin with `enc16` and one number: parse the argument as a u16, and print its two bytes with {:02x}, \
                 the most significant one first.",
    tests: &[
        ENCODES,
        EVERY_DIGIT,
        SEVERAL_NUMBERS,
        WIDER_NUMBERS,
        DECODES,
        HOST_ORDER,
        TOO_BIG,
        WRONG_DIGITS,
        WRONG_USAGE,
        records::HEADER,
        records::CLEAN_END,
        records::AT_ONCE,
        records::IN_PIECES,
        records::TOGETHER,
        records::CUT_OFF,
        records::LONG_BODY,
        SAYS_WHY,
        faults::INTERRUPTED,
        faults::SHORT_WRITES,
        faults::CANNOT_READ,
        faults::CANNOT_PRINT,
    ],
    clues: &[],
    untested: untested::SENTENCES,
};

const ENCODES: Test = Test {
    name: "encodes a 16-bit number",
    points: 1,
    read: "The calls",
    proves: &[
        "The program has eight subcommands; which one is meant is its first argument.",
        "`enc` encodes, `dec` decodes, `host` tells about this machine, `rec` reads records.",
        "*Network order* is big-endian: the most significant byte comes first.",
        "**enc** takes one or more decimal numbers, in the digits 0 to 9.",
        "For each it prints, in the order of the arguments, one line: the bytes in network order in hexadecimal, two \
         lower-case digits a byte, leading zeros included, without `0x` or blanks.",
        "Exit status 0: all is done.",
    ],
    story: |lab| encodes(lab, 16, &[number_without_letters(lab)]),
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["host_order"],
        hint: "If the two bytes are exchanged, they are in the order of this machine's memory. Network order has the \
               most significant byte first: to_be_bytes in Rust, htons in C. Print the four digits and a line end, \
               nothing else.",
    }],
};

const EVERY_DIGIT: Test = Test {
    name: "prints every byte with two small digits",
    points: 1,
    read: "One number, several bytes",
    proves: &[
        "For each it prints, in the order of the arguments, one line: the bytes in network order in hexadecimal, two \
         lower-case digits a byte, leading zeros included, without `0x` or blanks.",
        "The numbers are 0 to 65535, 0 to 4294967295, or 0 to 18446744073709551615.",
    ],
    story: |lab| {
        let one_digit = lab.random_number(2..=15);
        let two_single_digits = lab.random_number(1..=15) << 8 | lab.random_number(1..=15);
        let numbers = [0, 1, 255, 256, 65535, one_digit, two_single_digits];
        for number in shuffled(lab, numbers) {
            encodes(lab, 16, &[number])?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["drops_zeros", "prints_capitals"],
        hint: "A byte is always two small hexadecimal digits, even if the first one is 0: {:02x}. Without its zeros \
               nobody can tell where a byte ends.",
    }],
};

const SEVERAL_NUMBERS: Test = Test {
    name: "encodes all its arguments, each on a line of its own",
    points: 1,
    read: "One number, several bytes",
    proves: &[
        "All results are lines on standard output, each ended by a newline.",
        "**enc** takes one or more decimal numbers, in the digits 0 to 9.",
        "For each it prints, in the order of the arguments, one line: the bytes in network order in hexadecimal, two \
         lower-case digits a byte, leading zeros included, without `0x` or blanks.",
    ],
    story: |lab| {
        let count = lab.random_number(3..=7);
        let numbers: Vec<u64> = (0..count).map(|_| mixed(lab, 2)).collect();
        encodes(lab, 16, &numbers)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["only_the_first", "all_in_one_line"],
        hint: "There may be several numbers. Convert all of them in their order, and end the line after each one.",
    }],
};

const WIDER_NUMBERS: Test = Test {
    name: "encodes numbers of 32 and of 64 bits",
    points: 2,
    read: "A number has to fit",
    proves: &[
        "The program has eight subcommands; which one is meant is its first argument.",
        "16, 32 and 64 are the bits of an unsigned number: 2, 4 and 8 bytes.",
        "The numbers are 0 to 65535, 0 to 4294967295, or 0 to 18446744073709551615.",
    ],
    story: |lab| {
        let three = [mixed(lab, 4), mixed(lab, 4), mixed(lab, 4)];
        let [a, b, c] = three;
        encodes(lab, 32, &shuffled(lab, [a, b, c, 0, 1, largest(32)]))?;
        let high = mixed(lab, 8) | 1 << 63;
        let low = mixed(lab, 8) & !(1 << 63);
        encodes(lab, 64, &shuffled(lab, [high, low, 0, 1, largest(64)]))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["htons_for_all"],
            hint: "Each width has a conversion of its own. htons takes 16 bits and cuts off the rest; 32 bits need \
                   htonl and 64 bits htobe64, or to_be_bytes of the type of that width.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["signed_numbers"],
            hint: "Your program refuses numbers that fit. Fields are unsigned: read a 64-bit number as u64, which \
                   goes up to 18446744073709551615.",
        },
    ],
};

const DECODES: Test = Test {
    name: "decodes what came from the network",
    points: 2,
    read: "The calls",
    proves: &[
        "The program has eight subcommands; which one is meant is its first argument.",
        "`enc` encodes, `dec` decodes, `host` tells about this machine, `rec` reads records.",
        "16, 32 and 64 are the bits of an unsigned number: 2, 4 and 8 bytes.",
        "**dec** takes one or more texts of hexadecimal digits (0 to 9, a to f), network order, and prints each as a decimal number on \
         its own line.",
        "Capital and small letters are both right.",
    ],
    story: |lab| {
        for bits in [16, 32, 64] {
            let [a, b] = [mixed(lab, bits / 8), mixed(lab, bits / 8)];
            let numbers = shuffled(lab, [a, b, 0, 1, largest(bits)]);
            decodes(lab, bits, &numbers, |digits| digits.to_owned())?;
        }
        for bits in [16, 32, 64] {
            // The last byte begins with a letter for certain.
            let number = mixed(lab, bits / 8) & !0xf0 | 0xa0;
            decodes(lab, bits, &[number], |digits| match bits {
                32 => capitals_at_even_places(digits),
                _ => digits.to_uppercase(),
            })?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["two_ntohl"],
            hint: "The most significant byte comes first: from_be_bytes with all bytes of the width makes the number. \
                   For 64 bits in C that is be64toh; two calls of ntohl convert each half, and leave the halves \
                   exchanged. If you shift bytes together in C, use unsigned char.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["refuses_capitals"],
            hint: "1F90 and 1f90 are the same bytes. Take the digits A to F as well; char::to_digit(16) knows both.",
        },
    ],
};

const HOST_ORDER: Test = Test {
    name: "names the byte order of this machine",
    points: 1,
    read: "One number, several bytes",
    proves: &[
        "The program has eight subcommands; which one is meant is its first argument.",
        "`enc` encodes, `dec` decodes, `host` tells about this machine, `rec` reads records.",
        "**host** prints `little` or `big`: the byte order of this machine.",
    ],
    story: |lab| {
        let order = match cfg!(target_endian = "little") {
            true => "little",
            false => "big",
        };
        run(lab, &["host"], &[order], 0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["shifts"],
        hint: "Shifts and masks work on the value, and give the same result on every machine. Look at the bytes in \
               memory: to_ne_bytes.",
    }],
};

const TOO_BIG: Test = Test {
    name: "refuses a number that does not fit",
    points: 2,
    read: "A number has to fit",
    proves: &[
        "The numbers are 0 to 65535, 0 to 4294967295, or 0 to 18446744073709551615.",
        "Anything else is a bad value.",
        "A bad value ends the program with status 1, says why on standard error, and prints no line for that value.",
        "Exit status 1: a bad value, a cut record, or a failed read or write.",
        "Results go to standard output, everything else to standard error.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        for bits in [16, 32, 64] {
            encodes(lab, bits, &[largest(bits)])?;
        }
        let past_16 = 65536 + lab.random_number(1..=1 << 31);
        let past_32 = (1 << 32) + lab.random_number(0..=1 << 31);
        refuses(lab, &["enc16", "65536"])?;
        refuses(lab, &["enc16", &past_16.to_string()])?;
        refuses(lab, &["enc32", &past_32.to_string()])?;
        refuses(lab, &["enc64", "18446744073709551616"])?;
        // Ten times as much as before plus a digit, cut to 64 bits, is more than before.
        refuses(lab, &["enc64", "30000000000000000000"])?;
        refuses(lab, &["enc16", "-1"])?;
        refuses(lab, &["enc32", "12x"])?;
        for near in numbers::NEAR_MISSES {
            refuses(lab, &["enc64", near])?;
        }
        // Digits of other scripts: int() of Python takes them, and so do patterns with \d.
        for number in ["\u{661}\u{662}\u{663}", "\u{ff11}\u{ff12}"] {
            refuses(lab, &["enc32", number])?;
        }
        refuses(lab, &["enc16", "65536", &mixed(lab, 2).to_string()])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "wraps",
                "looks_whether_a_number_got_less",
                "trims_its_numbers",
                "takes_digits_of_other_scripts",
            ],
            hint: "A bad value ends the program with status 1. `as` and a plain C assignment silently cut a number \
                   off, and 65536 becomes 0: parse into the type of the field, or compare with its maximum first. A \
                   number has the digits 0 to 9 only: no blank, no newline at its end, no 0x, no letter after them. \
                   (In a pattern, \\d may mean the digits of all scripts, and $ stands before a newline, too.)",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["unwraps_numbers"],
            hint: "A wrong number is the user's mistake, and unwrap turns it into a panic. Match the result of \
                   parse, say what is wrong on standard error and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["complains_on_stdout", "skips_bad_values"],
            hint: "A bad value prints nothing on standard output, and neither do the values after it. Say what is \
                   wrong on standard error (eprintln!), and end the program there with status 1.",
        },
    ],
};

const WRONG_DIGITS: Test = Test {
    name: "refuses a text that is not exactly the digits of its width",
    points: 2,
    read: "What can go wrong",
    proves: &[
        "A text has exactly 4, 8 or 16 digits.",
        "Anything else is a bad value: another length, a sign, a blank, `0x`.",
        "A bad value ends the program with status 1, says why on standard error, and prints no line for that value.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let number = mixed(lab, 2);
        let digits = hex(16, number);
        let three = &digits[..3];
        decodes(lab, 16, &[number], |digits| digits.to_owned())?;
        refuses(lab, &["dec16", three])?;
        refuses(lab, &["dec16", &format!("{digits}0")])?;
        refuses(lab, &["dec32", &digits])?;
        refuses(lab, &["dec64", &digits.repeat(2)])?;
        refuses(lab, &["dec16", ""])?;
        refuses(lab, &["dec16", "12g4"])?;
        refuses(lab, &["dec16", "0x1f"])?;
        refuses(lab, &["dec16", &format!("+{three}")])?;
        refuses(lab, &["dec32", &format!("-{three}{digits}")])?;
        refuses(lab, &["dec16", &format!(" {three}")])?;
        refuses(lab, &["dec16", &format!(" {digits}")])?;
        // As many characters as are due, and blanks where some language lets them stand.
        refuses(lab, &["dec16", &format!("{}  ", &digits[..2])])?;
        refuses(lab, &["dec32", &format!("{} {0} {0}", &digits[..2])])?;
        refuses(lab, &["dec16", &format!("{digits}\n")])?;
        // Digits of another script, as many characters and as many bytes as are due.
        refuses(lab, &["dec16", "\u{661}\u{662}"])?;
        refuses(lab, &["dec16", "\u{661}\u{662}\u{663}\u{664}"])?;
        // Four bytes in UTF-8, of which é is the two in the middle.
        refuses(lab, &["dec16", "1é2"])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "pads_short_hex",
                "takes_a_plus",
                "trims_its_digits",
                "passes_over_blanks",
            ],
            hint: "Count the digits first: 4, 8 or 16. And take digits only: from_str_radix and strtoul accept a sign \
                   as well, trim takes blanks away, bytes.fromhex of Python passes over them, and $ in a pattern \
                   stands before a newline, too.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["cuts_characters"],
            hint: "An index into a str panics after its end, and inside a character such as é. Count the bytes \
                   first, and work on as_bytes().",
        },
    ],
};

const WRONG_USAGE: Test = Test {
    name: "tells wrong usage from a wrong value",
    points: 1,
    read: "A number has to fit",
    proves: &[
        "The program has eight subcommands; which one is meant is its first argument.",
        "Exit status 2: wrong usage, which is no subcommand or an unknown one, `enc` or `dec` without a value, `host` \
         or `rec` with one.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        refuses_usage(lab, &[])?;
        refuses_usage(lab, &["enc24", "1"])?;
        refuses_usage(lab, &["enc16"])?;
        refuses_usage(lab, &["dec64"])?;
        refuses_usage(lab, &["host", "1"])?;
        refuses_usage(lab, &["rec", "1"])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["no_arguments_panics"],
            hint: "An argument may be missing, even the first one, and an index panics. Use get or split_first, \
                   print the usage, and end with status 2.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["usage_is_1"],
            hint: "Status 1 says that a value was bad, status 2 that the program was called in a wrong way. Here the \
                   call is wrong, so print the usage on standard error and end with 2.",
        },
    ],
};

const SAYS_WHY: Test = Test {
    name: "says on standard error what is wrong",
    points: 1,
    read: "A number has to fit",
    proves: &[
        "A bad value ends the program with status 1, says why on standard error, and prints no line for that value.",
        "If it ends anywhere else, the last record is cut: no line for it, the reason on standard error, status 1.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        encodes(lab, 16, &[mixed(lab, 2)])?;
        explains(lab, &["enc16", "65536"], &[])?;
        explains(lab, &["dec32", "12"], &[])?;
        explains(lab, &["enc24", "1"], &[])?;
        let record = Record::random(lab, &[1, 2, 3]).bytes();
        explains(lab, &["rec"], &record[..9])?;
        explains(lab, &["rec"], &record[..18])?;
        refuses_bytes(lab, b"c\xf4t\xe9")
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["silent"],
            hint: "A status alone helps nobody. Whenever your program ends with status 1 or 2, say why on standard \
                   error: eprintln!.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_an_odd_argument"],
            hint: "env::args panics at an argument that is not UTF-8. Use env::args_os, and to_string_lossy to look \
                   at its digits: an argument that is not text is a bad value.",
        },
    ],
};
