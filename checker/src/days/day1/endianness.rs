//! The hidden tests of day1_2_endianness.

mod faults;
mod runs;
mod values;

use crate::{
    exercise::{Exercise, Mistake, Test},
    failure::{Checked, Diagnosis},
    lab::{Lab, Program},
};

use runs::{decodes, encodes, explains, reads, refuses, refuses_usage, run};
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
        Test {
            name: "encodes a 16-bit number",
            points: 1,
            read: "The calls",
            mistakes: &[Mistake {
                program: "host_order",
                because: Diagnosis::WrongOutput,
                hint: "If the two bytes are exchanged, they are in the order of this machine's memory. Network order has \
                       the most significant byte first: to_be_bytes in Rust, htons in C. Print the four digits and a line end, nothing else.",
            }],
            run: |lab| encodes(lab, 16, &[number_without_letters(lab)]),
        },
        Test {
            name: "prints every byte with two small digits",
            points: 1,
            read: "One number, several bytes",
            mistakes: &[
                Mistake {
                    program: "drops_zeros",
                    because: Diagnosis::WrongOutput,
                    hint: TWO_DIGITS,
                },
                Mistake {
                    program: "prints_capitals",
                    because: Diagnosis::WrongOutput,
                    hint: TWO_DIGITS,
                },
            ],
            run: |lab| {
                let one_digit = lab.random_number(2..=15);
                let two_single_digits = lab.random_number(1..=15) << 8 | lab.random_number(1..=15);
                let numbers = [0, 1, 255, 256, 65535, one_digit, two_single_digits];
                for number in shuffled(lab, numbers) {
                    encodes(lab, 16, &[number])?;
                }
                Ok(())
            },
        },
        Test {
            name: "encodes all its arguments, each on a line of its own",
            points: 1,
            read: "One number, several bytes",
            mistakes: &[
                Mistake {
                    program: "only_the_first",
                    because: Diagnosis::WrongOutput,
                    hint: EVERY_ARGUMENT,
                },
                Mistake {
                    program: "all_in_one_line",
                    because: Diagnosis::WrongOutput,
                    hint: EVERY_ARGUMENT,
                },
            ],
            run: |lab| {
                let count = lab.random_number(3..=7);
                let numbers: Vec<u64> = (0..count).map(|_| mixed(lab, 2)).collect();
                encodes(lab, 16, &numbers)
            },
        },
        Test {
            name: "encodes numbers of 32 and of 64 bits",
            points: 2,
            read: "A number has to fit",
            mistakes: &[
                Mistake {
                    program: "htons_for_all",
                    because: Diagnosis::WrongOutput,
                    hint: "Each width has a conversion of its own. htons takes 16 bits and cuts off the rest; 32 bits \
                           need htonl and 64 bits htobe64, or to_be_bytes of the type of that width.",
                },
                Mistake {
                    program: "signed_numbers",
                    because: Diagnosis::WrongStatus,
                    hint: "Your program refuses numbers that fit. Fields are unsigned: read a 64-bit number as u64, \
                           which goes up to 18446744073709551615.",
                },
            ],
            run: |lab| {
                let three = [mixed(lab, 4), mixed(lab, 4), mixed(lab, 4)];
                let [a, b, c] = three;
                encodes(lab, 32, &shuffled(lab, [a, b, c, 0, 1, largest(32)]))?;
                let high = mixed(lab, 8) | 1 << 63;
                let low = mixed(lab, 8) & !(1 << 63);
                encodes(lab, 64, &shuffled(lab, [high, low, 0, 1, largest(64)]))
            },
        },
        Test {
            name: "decodes what came from the network",
            points: 2,
            read: "The calls",
            mistakes: &[
                Mistake {
                    program: "two_ntohl",
                    because: Diagnosis::WrongOutput,
                    hint: "Two ntohl put each half right and leave the halves exchanged. Use be64toh, or \
                           u64::from_be_bytes with all 8 bytes. Who shifts bytes together in C needs unsigned char.",
                },
                Mistake {
                    program: "refuses_capitals",
                    because: Diagnosis::WrongStatus,
                    hint: "1F90 and 1f90 are the same bytes. Take the digits A to F as well; char::to_digit(16) knows \
                           both.",
                },
            ],
            run: |lab| {
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
        },
        Test {
            name: "names the byte order of this machine",
            points: 1,
            read: "One number, several bytes",
            mistakes: &[Mistake {
                program: "shifts",
                because: Diagnosis::WrongOutput,
                hint: "Shifts and masks work on the value, and give the same result on every machine. Look at the bytes \
                       in memory: to_ne_bytes.",
            }],
            run: |lab| {
                let order = match cfg!(target_endian = "little") {
                    true => "little",
                    false => "big",
                };
                run(lab, &["host"], &[order], 0)
            },
        },
        Test {
            name: "refuses a number that does not fit",
            points: 2,
            read: "A number has to fit",
            mistakes: &[
                Mistake {
                    program: "wraps",
                    because: Diagnosis::WrongStatus,
                    hint: "A bad value ends the program with status 1. `as` and a plain C assignment cut a number off \
                           without a word, and 65536 becomes 0: parse into the type of the field, or compare with its \
                           maximum first.",
                },
                Mistake {
                    program: "unwraps_numbers",
                    because: Diagnosis::Panicked,
                    hint: "A wrong number is the user's mistake, and unwrap makes it a panic. Match the result of parse, \
                           say what is wrong on standard error and end with status 1.",
                },
                Mistake {
                    program: "complains_on_stdout",
                    because: Diagnosis::ExtraOutput,
                    hint: NOTHING_MORE,
                },
                Mistake {
                    program: "skips_bad_values",
                    because: Diagnosis::ExtraOutput,
                    hint: NOTHING_MORE,
                },
            ],
            run: |lab| {
                for bits in [16, 32, 64] {
                    encodes(lab, bits, &[largest(bits)])?;
                }
                let past_16 = 65536 + lab.random_number(1..=1 << 31);
                let past_32 = (1 << 32) + lab.random_number(0..=1 << 31);
                refuses(lab, &["enc16", "65536"])?;
                refuses(lab, &["enc16", &past_16.to_string()])?;
                refuses(lab, &["enc32", &past_32.to_string()])?;
                refuses(lab, &["enc64", "18446744073709551616"])?;
                refuses(lab, &["enc16", "-1"])?;
                refuses(lab, &["enc32", "12x"])?;
                refuses(lab, &["enc64", ""])?;
                refuses(lab, &["enc16", "65536", &mixed(lab, 2).to_string()])
            },
        },
        Test {
            name: "refuses a text that is not exactly the digits of its width",
            points: 2,
            read: "What can go wrong",
            mistakes: &[
                Mistake {
                    program: "pads_short_hex",
                    because: Diagnosis::WrongStatus,
                    hint: EXACTLY_THE_DIGITS,
                },
                Mistake {
                    program: "takes_a_plus",
                    because: Diagnosis::WrongStatus,
                    hint: EXACTLY_THE_DIGITS,
                },
                Mistake {
                    program: "cuts_characters",
                    because: Diagnosis::Panicked,
                    hint: "An index into a str panics behind its end, and in the middle of a character such as é. Count \
                           the bytes first, and work on as_bytes().",
                },
            ],
            run: |lab| {
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
                // Four bytes in UTF-8, of which é is the two in the middle.
                refuses(lab, &["dec16", "1é2"])
            },
        },
        Test {
            name: "tells wrong usage from a wrong value",
            points: 1,
            read: "A number has to fit",
            mistakes: &[
                Mistake {
                    program: "no_arguments_panics",
                    because: Diagnosis::Panicked,
                    hint: "An argument may be missing, even the first one, and an index panics. Ask with get or \
                           split_first, and answer with the usage and status 2.",
                },
                Mistake {
                    program: "usage_is_1",
                    because: Diagnosis::WrongStatus,
                    hint: "Status 1 says that a value was bad, status 2 that the program was called in a wrong way. Here \
                           the call is wrong, so print the usage on standard error and end with 2.",
                },
            ],
            run: |lab| {
                refuses_usage(lab, &[])?;
                refuses_usage(lab, &["enc24", "1"])?;
                refuses_usage(lab, &["enc16"])?;
                refuses_usage(lab, &["dec64"])?;
                refuses_usage(lab, &["host", "1"])?;
                refuses_usage(lab, &["rec", "1"])
            },
        },
        Test {
            name: "decodes the header of a record",
            points: 1,
            read: "Structures are not messages",
            mistakes: &[
                Mistake {
                    program: "swaps_twice",
                    because: Diagnosis::WrongOutput,
                    hint: "from_be_bytes already gives you a number of this machine. A second conversion turns the bytes \
                           round again: convert each field once, at its own offset.",
                },
                Mistake {
                    program: "size_t_in_the_header",
                    because: Diagnosis::Exited,
                    hint: "A header has 16 bytes on the wire, and then the record is complete. Does your program ask for \
                           more? size_t, usize and the gaps of a struct belong to the machine: take the fields apart at \
                           their offsets, with types of a fixed width.",
                },
            ],
            run: |lab| {
                let record = Record::random(lab, &[]);
                let program = lab.start(&["rec"])?;
                lab.step(
                    format!(
                        "write {} to it, and close its standard input",
                        record.described()
                    ),
                    || {
                        program.feed_stdin(record.bytes());
                        program.close_stdin();
                        Ok(())
                    },
                )?;
                program.expect_line(record.line())
            },
        },
        Test {
            name: "ends well when the input ends between two records",
            points: 1,
            read: "Fields arrive in pieces",
            mistakes: &[Mistake {
                program: "end_is_an_error",
                because: Diagnosis::WrongStatus,
                hint: "Before the first byte of a record the end of the input means \"that was all\": status 0. Look how \
                       many bytes of the header are there when read returns 0; read_exact cannot tell none from some.",
            }],
            run: |lab| {
                let record = Record::random(lab, &[]);
                reads(lab, "nothing", &[], &[], 0)?;
                reads(
                    lab,
                    &record.described(),
                    &record.bytes(),
                    &[&record.line()],
                    0,
                )
            },
        },
        Test {
            name: "prints a record at once and waits for the next one",
            points: 1,
            read: "Fields arrive in pieces",
            mistakes: &[
                Mistake {
                    program: "waits_for_the_end",
                    because: Diagnosis::Stuck,
                    hint: AT_ONCE,
                },
                Mistake {
                    program: "forgets_to_flush",
                    because: Diagnosis::Stuck,
                    hint: AT_ONCE,
                },
                Mistake {
                    program: "only_one_record",
                    because: Diagnosis::Exited,
                    hint: "Behind a record there may be another one. Read in a loop, which the end of the input ends.",
                },
            ],
            run: |lab| {
                let program = lab.start(&["rec"])?;
                for _ in 0..3 {
                    program.wait_until_stdin_read()?;
                    let body = lab.random_bytes(lab.random_number(0..=9) as usize);
                    write_at_once(lab, &program, &[&body])?;
                }
                ends_well(&program)
            },
        },
        Test {
            name: "prints a record when its last byte has come, however it is cut",
            points: 2,
            read: "Fields arrive in pieces",
            mistakes: &[
                Mistake {
                    program: "one_read_one_record",
                    because: Diagnosis::Exited,
                    hint: "Your program ended although more bytes were on their way; the marked step says which part was \
                           cut. read returns what is there, perhaps 1 byte. Header: read again until all 16 bytes are \
                           there. Body: read again until len bytes are counted.",
                },
                Mistake {
                    program: "body_in_one_read",
                    because: Diagnosis::WrongOutput,
                    hint: "Your program has lost its place: what it took for a header is none. The marked step says which \
                           part was cut. Header: take it apart only when all 16 bytes are there. Body: it comes in pieces, \
                           too; subtract what each read gave from len until nothing is left, then read the next header.",
                },
            ],
            run: however_it_is_cut,
        },
        Test {
            name: "finds the next record, whatever comes with it and however long the body",
            points: 2,
            read: "Fields arrive in pieces",
            mistakes: &[
                Mistake {
                    program: "drops_the_rest",
                    because: Diagnosis::Stuck,
                    hint: "One read may bring several records, and your program has thrown away what came behind the \
                           first. Keep the rest in the buffer, or never read more than the current record needs.",
                },
                Mistake {
                    program: "len_in_16_bits",
                    because: Diagnosis::WrongOutput,
                    hint: "Your program took bytes of a long body for a header. A body has up to 4294967295 bytes: count \
                           them in a type of 32 bits or more, down to 0, in as many reads as it takes.",
                },
                Mistake {
                    program: "body_in_a_buffer",
                    because: Diagnosis::Panicked,
                    hint: "A body can be longer than any buffer of yours. Read it in pieces of at most the buffer's size \
                           and forget each one.",
                },
            ],
            run: several_at_once,
        },
        Test {
            name: "reports a record that is cut",
            points: 2,
            read: "Fields arrive in pieces",
            mistakes: &[
                Mistake {
                    program: "end_is_always_clean",
                    because: Diagnosis::WrongStatus,
                    hint: "The input may end before the first byte of a record, and nowhere else. If bytes of a header or \
                           body are missing, say so and end with status 1.",
                },
                Mistake {
                    program: "prints_before_the_body",
                    because: Diagnosis::ExtraOutput,
                    hint: "Your program printed a record whose body never came. Read to the end of the body first, then \
                           print.",
                },
                Mistake {
                    program: "allocates_the_length",
                    because: Diagnosis::Killed,
                    hint: "The header said 4 GiB, and your program asked for that memory. A length from outside is only a \
                           claim: read the body in small pieces.",
                },
            ],
            run: cut_records,
        },
        Test {
            name: "needs no more memory for a long body",
            points: 1,
            read: "Fields arrive in pieces",
            mistakes: &[Mistake {
                program: "collects_the_body",
                because: Diagnosis::OutOfMemory,
                hint: "Nobody needs the body. Read it in small pieces, each into the same buffer, and count how much of it \
                       is still to come.",
            }],
            run: long_body,
        },
        Test {
            name: "says on standard error what is wrong",
            points: 1,
            read: "A number has to fit",
            mistakes: &[Mistake {
                program: "silent",
                because: Diagnosis::WrongOutput,
                hint: "A status alone helps nobody. Whenever your program ends with status 1 or 2, say why on standard \
                       error: eprintln!.",
            }],
            run: |lab| {
                encodes(lab, 16, &[mixed(lab, 2)])?;
                explains(lab, &["enc16", "65536"], &[])?;
                explains(lab, &["dec32", "12"], &[])?;
                explains(lab, &["enc24", "1"], &[])?;
                let record = Record::random(lab, &[1, 2, 3]).bytes();
                explains(lab, &["rec"], &record[..9])?;
                explains(lab, &["rec"], &record[..18])
            },
        },
        faults::INTERRUPTED,
        faults::SHORT_WRITES,
        faults::CANNOT_READ,
        faults::CANNOT_PRINT,
    ],
};

const TWO_DIGITS: &str = "A byte is always two small hexadecimal digits, even if the first one is 0: {:02x}. Without its \
                          zeros nobody can tell where a byte ends.";
const EVERY_ARGUMENT: &str = "There may be several numbers. Go through all of them in their order, and end the line behind each one.";
const NOTHING_MORE: &str = "A bad value prints nothing on standard output, and neither do the values behind it. Say what \
                            is wrong on standard error (eprintln!), and end the program there with status 1.";
const EXACTLY_THE_DIGITS: &str = "Count the digits first: 4, 8 or 16. And take digits only: from_str_radix and strtoul \
                                  accept a sign as well.";
const AT_ONCE: &str = "The whole record is there, and its line is not. Print it when its last byte has come, and flush: the \
                       next record or the end of the input may be hours away.";

// Records over a pipe that stays open

fn however_it_is_cut(lab: &Lab) -> Checked {
    let program = lab.start(&["rec"])?;
    // Zeros, because a program that has lost its place prints records of zeros; so many that the rest of a body which
    // is cut behind its first byte is a header for certain.
    let body = vec![0; lab.random_number(20..=27) as usize];
    let size = Record::HEADER + body.len();
    lab.step(
        "write 15 records, each in two pieces, cut behind byte 1, 2, … 15 of the header; write the second piece when the \
         first one is read, and expect the line",
        || (1..Record::HEADER).try_for_each(|cut| in_two_pieces(lab, &program, &body, cut)),
    )?;
    lab.step(
        format!(
            "write {} more records in two pieces, cut before and behind each byte of the body; expect each line",
            body.len()
        ),
        || (Record::HEADER..size).try_for_each(|cut| in_two_pieces(lab, &program, &body, cut)),
    )?;
    lab.step(
        "write one more record, header and body, byte by byte, each when the one before is read; expect the line",
        || {
            let record = Record::random(lab, &body);
            for byte in record.bytes() {
                program.wait_until_stdin_read()?;
                program.feed_stdin([byte]);
            }
            program.expect_line(record.line())
        },
    )?;
    ends_well(&program)
}

fn in_two_pieces(lab: &Lab, program: &Program, body: &[u8], cut: usize) -> Checked {
    let record = Record::random(lab, body);
    let bytes = record.bytes();
    program.feed_stdin(&bytes[..cut]);
    program.wait_until_stdin_read()?;
    program.feed_stdin(&bytes[cut..]);
    program.expect_line(record.line())
}

fn several_at_once(lab: &Lab) -> Checked {
    let program = lab.start(&["rec"])?;
    program.wait_until_stdin_read()?;
    let short_body = || lab.random_bytes(lab.random_number(1..=99) as usize);
    write_at_once(lab, &program, &[&[], &short_body(), &[], &short_body()])?;
    let long_body = lab.random_bytes(65_536 + lab.random_number(0..=99_999) as usize);
    write_at_once(lab, &program, &[&long_body, &[]])?;
    ends_well(&program)
}

/// Writes records with these bodies in one piece, and expects their lines.
fn write_at_once(lab: &Lab, program: &Program, bodies: &[&[u8]]) -> Checked {
    let records: Vec<Record> = bodies
        .iter()
        .map(|body| Record::random(lab, body))
        .collect();
    let lengths: Vec<String> = bodies.iter().map(|body| body.len().to_string()).collect();
    let step = match lengths.as_slice() {
        [length] => format!("write a record with a body of {length} bytes"),
        all => format!(
            "write {} records in one piece, with bodies of {} bytes",
            all.len(),
            all.join(", ")
        ),
    };
    lab.step(step, || {
        let together: Vec<u8> = records.iter().flat_map(Record::bytes).collect();
        program.feed_stdin(together);
        Ok(())
    })?;
    records
        .iter()
        .try_for_each(|record| program.expect_line(record.line()))
}

fn ends_well(program: &Program) -> Checked {
    program.close_stdin();
    program.expect_exit(0)?;
    program.expect_stdout_end()
}

fn cut_records(lab: &Lab) -> Checked {
    let body = lab.random_bytes(lab.random_number(0..=4) as usize);
    let whole = Record::random(lab, &body);
    let beginning = lab.random_number(1..=15) as usize;
    let input = [
        &whole.bytes(),
        &Record::random(lab, &[]).bytes()[..beginning],
    ]
    .concat();
    let what = format!("a whole record and {beginning} bytes of the next header");
    reads(lab, &what, &input, &[&whole.line()], 1)?;

    let body = lab.random_bytes(lab.random_number(2..=99) as usize);
    for here in [0, lab.random_number(1..=body.len() as u64 - 1) as usize] {
        let input = &Record::random(lab, &body).bytes()[..Record::HEADER + here];
        let what = format!("a header with len {} and {here} bytes of body", body.len());
        reads(lab, &what, input, &[], 1)?;
    }

    let input = Record::random(lab, &lab.random_bytes(100))
        .claiming(u32::MAX)
        .bytes();
    reads(
        lab,
        "a header with len 4294967295 and 100 bytes of body",
        &input,
        &[],
        1,
    )
}

/// The memory is looked at between two records, when a buffer which serves for every record has been in use.
fn long_body(lab: &Lab) -> Checked {
    const PIECE: usize = 1 << 18;
    const PIECES: usize = 16;
    let program = lab.start(&["rec"])?;
    write_at_once(lab, &program, &[&[0; 1 << 16]])?;
    program.wait_until_stdin_read()?;
    let before = program.peak_memory();
    let record = Record::random(lab, &[]).claiming((PIECES * PIECE) as u32);
    lab.step("write a record with a body of 4 MiB", || {
        program.write_stdin(record.bytes())?;
        (0..PIECES).try_for_each(|_| program.write_stdin(vec![0; PIECE]))
    })?;
    program.expect_line(record.line())?;
    program.wait_until_stdin_read()?;
    let more = program.peak_memory().saturating_sub(before);
    lab.step(
        "compare the most memory it has used until step 4 and until now",
        || match more {
            0..3072 => Ok(()),
            _ => lab.fail(
                Diagnosis::OutOfMemory,
                format!("your program takes {more} KiB more memory for a body of 4 MiB"),
            ),
        },
    )?;
    ends_well(&program)
}
