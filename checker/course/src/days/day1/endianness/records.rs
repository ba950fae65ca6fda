//! Records over a pipe that stays open: they come in pieces, or several at once.

use super::{runs::reads, values::Record};
use harness::author::{Checked, Diagnosis, Lab, Launch, Program, Rejection, StandardInput, Test};

const IN_ITS_PIECES: &str = "Fields arrive in pieces";

pub(super) const HEADER: Test = Test {
    name: "decodes the header of a record",
    points: 1,
    read: "Structures are not messages",
    proves: &[
        "`enc` encodes, `dec` decodes, `host` tells about this machine, `rec` reads records.",
        "A record is a header of 16 bytes without any gap, followed by a body:",
        "| 0, 1 | type | u16, network order |",
        "| 2, 3 | flags | u16, network order |",
        "| 4 to 7 | len | u32, network order |",
        "| 8 to 15 | time | u64, network order |",
        "| 16 to 15 + len | body | `len` bytes, which may be none; their content does not matter |",
        "For each record it prints one line, `TYPE FLAGS LEN TIME`, four decimal numbers with one blank between them.",
    ],
    story: |lab| {
        let record = Record::random(lab, &[]);
        let program = lab.start(&["rec"])?;
        lab.step(
            format!(
                "write {} to it, and close its standard input",
                record.described()
            ),
            || {
                program.stdin().feed(record.bytes());
                program.stdin().close();
                Ok(())
            },
        )?;
        program.stdout().expect_line(record.line())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["swaps_twice"],
            hint: "Convert each field once, at its own offset and with its own width: the time has 64 bits. \
                   from_be_bytes already gives you a number of this machine, and a second conversion turns the bytes \
                   round again.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["size_t_in_the_header", "reads_a_body_of_none"],
            hint: "These 16 bytes are a whole record: read them, and print their line. Does your program want more? \
                   size_t, usize and the gaps of a struct belong to the machine: take the fields apart at their \
                   offsets, with types of a fixed width. A body of 0 bytes needs no read: a read that asks for 0 \
                   bytes returns 0, which is not the end of the input.",
        },
    ],
};

pub(super) const CLEAN_END: Test = Test {
    name: "ends well when the input ends between two records",
    points: 1,
    read: IN_ITS_PIECES,
    proves: &[
        "**rec** reads records from standard input until the end of file.",
        "The input may end before the first byte of a record: then all is well and the status is 0.",
        "No record at all is fine too.",
        "Exit status 0: all is done.",
    ],
    story: |lab| {
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
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["end_is_an_error"],
            hint: "Before the first byte of a record the end of the input means \"that was all\": status 0. Count \
                   the bytes of the header when read returns 0; read_exact reports none and some in the same way.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["end_is_a_record"],
            hint: "read has returned 0 before the first byte of a record: there is no record, and so no line. The \
                   buffer holds old bytes only.",
        },
    ],
};

pub(super) const AT_ONCE: Test = Test {
    name: "prints a record at once and waits for the next one",
    points: 1,
    read: IN_ITS_PIECES,
    proves: &[
        "**rec** reads records from standard input until the end of file.",
        "For each record it prints one line, `TYPE FLAGS LEN TIME`, four decimal numbers with one blank between them.",
        "The line is out (flushed) as soon as the last byte of the record has come, and not before.",
        "Standard input may be a file or a pipe.",
    ],
    story: |lab| {
        let program = lab.start(&["rec"])?;
        for _ in 0..3 {
            program.stdin().wait_until_read()?;
            let body = lab.random_bytes(lab.random_number(0..=9) as usize);
            write_at_once(lab, &program, &[&body])?;
        }
        ends_well(&program)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["waits_for_the_end", "forgets_to_flush"],
            hint: "The whole record is there, but its line is not. Print it when its last byte has come, and flush: \
                   the next record or the end of the input may be hours away.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["only_one_record"],
            hint: "After a record there may be another one. Read in a loop, until the end of the input.",
        },
    ],
};

pub(super) const IN_PIECES: Test = Test {
    name: "prints a record when its last byte has come, however it is cut",
    points: 2,
    read: IN_ITS_PIECES,
    proves: &[
        "The line is out (flushed) as soon as the last byte of the record has come, and not before.",
        "A pipe may deliver one byte, half a header, or three records at once.",
        "A read or a write may do less than it was asked, and a signal may interrupt it before it has done anything \
         (`EINTR`).",
        "Neither is a failure: the program goes on where it was.",
    ],
    story: however_it_is_cut,
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["one_read_one_record"],
            hint: "Your program ended although more bytes were on their way; the marked step says which part was cut. \
                   read returns what is there, perhaps 1 byte. Header: read again until all 16 bytes are there. Body: \
                   read again until len bytes are counted.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["body_in_one_read"],
            hint: "Your program has lost its place: it took other bytes for a header. The marked step says which \
                   part was cut. Header: take it apart only when all 16 bytes are there. Body: it comes in pieces, \
                   too; subtract what each read gave from len until nothing is left, then read the next header.",
        },
    ],
};

pub(super) const TOGETHER: Test = Test {
    name: "finds the next record, whatever comes with it and however long the body",
    points: 2,
    read: IN_ITS_PIECES,
    proves: &[
        "| 4 to 7 | len | u32, network order |",
        "| 16 to 15 + len | body | `len` bytes, which may be none; their content does not matter |",
        "A pipe may deliver one byte, half a header, or three records at once.",
        "A panic (exit status 101) is a failure.",
    ],
    story: several_at_once,
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["drops_the_rest"],
            hint: "One read may bring several records, and your program has thrown away what came after the first. \
                   Keep the rest in the buffer, or never read more than the current record needs.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["len_in_16_bits"],
            hint: "Your program took bytes of a long body for a header. A body has up to 4294967295 bytes: count them \
                   in a type of 32 bits or more, down to 0, in as many reads as it takes.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["body_in_a_buffer"],
            hint: "A body can be longer than your buffer. Read it in pieces, each no longer than the buffer and no \
                   longer than what is left of the body, and forget each one.",
        },
    ],
};

pub(super) const CUT_OFF: Test = Test {
    name: "reports a record that is cut",
    points: 2,
    read: IN_ITS_PIECES,
    proves: &[
        "The line is out (flushed) as soon as the last byte of the record has come, and not before.",
        "`len` may be anything from 0 to 4294967295, and is no reason to use more memory.",
        "If it ends anywhere else, the last record is cut: no line for it, the reason on standard error, status 1.",
        "Exit status 1: a bad value, a cut record, or a failed read or write.",
    ],
    story: |lab| {
        cut_records(lab)?;
        cut_record_in_a_file(lab)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["end_is_always_clean", "seeks_over_the_body"],
            hint: "The input may end before the first byte of a record, and nowhere else. If bytes of a header or \
                   body are missing, say so and end with status 1. If your program passes over the body with lseek: \
                   that goes beyond the end of a file without an error. Read the body.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["prints_before_the_body", "counts_the_body_in_an_i32"],
            hint: "Your program printed a record whose body never came. Read to the end of the body first, then \
                   print. If it already does so with short bodies: len may be 4294967295, which is negative in an \
                   i32.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["allocates_the_length"],
            hint: "The header said 4 GiB, and your program asked for that memory. A length from outside is only a \
                   claim: read the body in small pieces.",
        },
    ],
};

pub(super) const LONG_BODY: Test = Test {
    name: "needs no more memory for a long body",
    points: 1,
    read: IN_ITS_PIECES,
    proves: &["`len` may be anything from 0 to 4294967295, and is no reason to use more memory."],
    story: long_body,
    rejects: &[Rejection {
        diagnosis: Diagnosis::OutOfMemory,
        mistakes: &["collects_the_body"],
        hint: "Nobody needs the body. Read it in small pieces, each into the same buffer, and count how much of it is \
               still to come.",
    }],
};

fn however_it_is_cut(lab: &Lab) -> Checked {
    let program = lab.start(&["rec"])?;
    // Zeros, because a program that has lost its place prints records of zeros; so many that the rest of a body which
    // is cut behind its first byte is a header for certain.
    let body = vec![0; lab.random_number(20..=27) as usize];
    let size = Record::HEADER + body.len();
    lab.step(
        "write 15 records, each in two pieces, cut after byte 1, 2, … 15 of the header; write the second piece when \
         the first one is read, and expect the line",
        || (1..Record::HEADER).try_for_each(|cut| in_two_pieces(lab, &program, &body, cut)),
    )?;
    lab.step(
        format!(
            "write {} more records in two pieces, cut before and after each byte of the body; expect each line",
            body.len()
        ),
        || (Record::HEADER..size).try_for_each(|cut| in_two_pieces(lab, &program, &body, cut)),
    )?;
    lab.step(
        "write one more record, header and body, byte by byte, each when the one before is read; expect the line",
        || {
            let record = Record::random(lab, &body);
            for byte in record.bytes() {
                program.stdin().wait_until_read()?;
                program.stdin().feed([byte]);
            }
            program.stdout().expect_line(record.line())
        },
    )?;
    ends_well(&program)
}

fn in_two_pieces(lab: &Lab, program: &Program, body: &[u8], cut: usize) -> Checked {
    let record = Record::random(lab, body);
    let bytes = record.bytes();
    program.stdin().feed(&bytes[..cut]);
    program.stdin().wait_until_read()?;
    program.stdin().feed(&bytes[cut..]);
    program.stdout().expect_line(record.line())
}

fn several_at_once(lab: &Lab) -> Checked {
    let program = lab.start(&["rec"])?;
    program.stdin().wait_until_read()?;
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
        program.stdin().feed(together);
        Ok(())
    })?;
    records
        .iter()
        .try_for_each(|record| program.stdout().expect_line(record.line()))
}

pub(super) fn ends_well(program: &Program) -> Checked {
    program.stdin().close();
    program.expect_exit(0)?;
    program.stdout().expect_end()
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
    const BODY: usize = 4 << 20;
    // To be followed, one that reads byte by byte would take minutes.
    let program = lab.launch(Launch {
        traced: false,
        ..Launch::new(["rec"])
    })?;
    write_at_once(lab, &program, &[&[0; 1 << 16]])?;
    program.stdin().wait_until_read()?;
    let before = program.peak_memory();
    let record = Record::random(lab, &[]).claiming(BODY as u32);
    lab.step("write a record with a body of 4 MiB", || {
        program.stdin().feed(record.bytes());
        program.stdin().feed(vec![0; BODY]);
        Ok(())
    })?;
    program.stdout().expect_line(record.line())?;
    program.stdin().wait_until_read()?;
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

/// In a file one can also seek, and beyond its end.
fn cut_record_in_a_file(lab: &Lab) -> Checked {
    let body = lab.random_bytes(lab.random_number(1..=40) as usize);
    let whole = Record::random(lab, &body);
    let cut = Record::random(lab, &body).claiming(lab.random_number(100..=5000) as u32);
    let file = lab.file("records");
    file.make([whole.bytes(), cut.bytes()].concat(), 0o644)?;
    let program = lab.launch(Launch {
        stdin: StandardInput::File(file.name().to_owned()),
        ..Launch::new(["rec"])
    })?;
    program.stdout().expect_line(whole.line())?;
    program.expect_exit(1)?;
    program.stdout().expect_end()
}
