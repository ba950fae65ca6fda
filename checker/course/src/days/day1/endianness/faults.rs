//! What a reader of records does when a call does less than it was asked, or fails.

use std::iter;

use nix::errno::Errno;

use super::{records::ends_well, values::Record};
use harness::author::{
    Call, Checked, Diagnosis, Fault, FdKind, Lab, Launch, Program, Rejection, Sleep, Test,
};

pub(super) const INTERRUPTED: Test = Test {
    name: "reads on when a signal has interrupted a read",
    points: 2,
    read: "When a call does less, or fails",
    proves: &[
        "A read or a write may do less than it was asked, and a signal may interrupt it before it has done anything \
         (`EINTR`).",
        "Neither is a failure: the program goes on where it was.",
    ],
    story: |lab| {
        lab.follow_calls();
        // What is left behind the first piece is too little for another header: who looks for one there waits.
        let body = lab.random_bytes(lab.random_number(2..=7) as usize);
        let record = Record::random(lab, &body);
        let bytes = record.bytes();
        let header = lab.random_number(8..=Record::HEADER as u64 - 1) as usize;
        let some_body = Record::HEADER + lab.random_number(1..=body.len() as u64 - 1) as usize;
        let program = lab.start(&["rec"])?;
        // The read in which it sleeps has begun, and is spared.
        program.stdin().wait_until_read()?;
        program.faults().interrupt_read_twice(FdKind::Stdin)?;
        lab.step(
            format!("write {header} bytes of a header, and wait until they are read"),
            || {
                program.stdin().feed(&bytes[..header]);
                program.stdin().wait_until_read()
            },
        )?;
        program.faults().interrupt_read_twice(FdKind::Stdin)?;
        lab.step(
            "write the rest of it and a part of the body, and wait until they are read",
            || {
                program.stdin().feed(&bytes[header..some_body]);
                program.stdin().wait_until_read()
            },
        )?;
        lab.step("write the rest of the body", || {
            program.stdin().feed(&bytes[some_body..]);
            Ok(())
        })?;
        program.stdout().expect_line(record.line())?;
        ends_well(&program)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_eintr"],
            hint: "read has failed with EINTR: a signal came first, and nothing was read. Nothing is lost, so read \
                   again.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["unwraps_read"],
            hint: "read has failed with EINTR, and unwrap or expect has made a panic of it. EINTR says that a signal \
                   came before a byte was read: match it, and make the same read again. read_exact does that itself.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["starts_again_after_eintr"],
            hint: "After EINTR go on where you were: the bytes that you have read before it will not come again. \
                   Repeat only this one read, not the whole header or body.",
        },
    ],
};

pub(super) const SHORT_WRITES: Test = Test {
    name: "prints the whole line when write has taken only a part",
    points: 1,
    read: "When a call does less, or fails",
    proves: &[
        "A read or a write may do less than it was asked, and a signal may interrupt it before it has done anything \
         (`EINTR`).",
        "Neither is a failure: the program goes on where it was.",
    ],
    story: |lab| {
        lab.follow_calls();
        let record = Record::random(lab, &[]);
        let program = lab.start(&["rec"])?;
        program.stdin().wait_until_read()?;
        program
            .faults()
            .shorten(Call::Write.on(FdKind::Stdout), lab.random_number(1..=3))?;
        write_whole(lab, &program, &record)?;
        program.stdout().expect_line(record.line())?;
        ends_well(&program)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Stuck,
        mistakes: &["ignores_short_writes"],
        hint: "write may take fewer bytes than it is given, and returns how many. Offer it the rest until none is \
               left, or let the library do it: writeln! and write_all, printf in C.",
    }],
};

pub(super) const CANNOT_READ: Test = Test {
    name: "ends with status 1 when it cannot read",
    points: 1,
    read: "When a call does less, or fails",
    proves: &[
        "Every other error is one.",
        "Exit status 1: a bad value, a cut record, or a failed read or write.",
    ],
    story: |lab| {
        lab.follow_calls();
        let record = Record::random(lab, &[]);
        let program = lab.start(&["rec"])?;
        program.stdin().wait_until_read()?;
        program
            .faults()
            .fail_each(Call::Read.on(FdKind::Stdin), Errno::EIO)?;
        write_whole(lab, &program, &record)?;
        program.expect_exit(1)?;
        program.stderr().expect_reason()?;
        // One read brings the whole record; by fields, or behind a poll, it takes one that fails.
        program.stdout().expect_part(record.line() + "\n")
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongStatus,
        mistakes: &["takes_an_error_for_the_end"],
        hint: "read has failed, but your program ends as if it had done everything. Only a read that returns 0 is \
               the end of the input. After an error, print it and end with status 1.",
    }],
};

pub(super) const CANNOT_PRINT: Test = Test {
    name: "ends with status 1 when it cannot print",
    points: 1,
    read: "When a call does less, or fails",
    proves: &[
        "Every other error is one.",
        "Exit status 1: a bad value, a cut record, or a failed read or write.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        lab.follow_calls();
        let record = Record::random(lab, &[]);
        let program = lab.start(&["rec"])?;
        program.stdin().wait_until_read()?;
        program
            .faults()
            .fail_each(Call::Write.on(FdKind::Stdout), Errno::ENOSPC)?;
        write_whole(lab, &program, &record)?;
        program.stdin().close();
        program.expect_exit(1)?;
        program.stderr().expect_reason()?;
        cannot_print_numbers(lab, &["enc16", "1", "2", "3"])?;
        cannot_print_numbers(lab, &["dec16", "0001", "0002", "0003"])?;
        // More lines than a buffer of the C library or of Rust's BufWriter holds.
        cannot_print_numbers(lab, &many("enc64", "18446744073709551615"))?;
        cannot_print_numbers(lab, &many("dec64", "ffffffffffffffff"))?;
        let program = lab.launch(Launch {
            fault: Some((Call::Write, Fault::Errno(Errno::ENOSPC as i32))),
            ..Launch::new(["host"])
        })?;
        program.expect_exit(1)?;
        program.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "drops_its_buffer",
                "ignores_a_failed_print",
                "ignores_that_host_is_lost",
            ],
            hint: "The disk behind standard output is full, but your program ends as if its line were there. Look at \
                   the result of each print and each flush; if one fails, give the reason and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &[
                "panics_on_a_full_disk",
                "panics_when_it_converts",
                "panics_when_it_decodes",
            ],
            hint: "println! panics when it cannot print. Use writeln! with io::stdout(), and return its error up to \
                   main: the reason on standard error, and status 1.",
        },
    ],
};

/// The first line waits for room and gets it; behind it the disk is full.
fn many<'a>(command: &'a str, value: &'a str) -> Vec<&'a str> {
    const MANY: usize = 1_000;
    iter::once(command)
        .chain(iter::repeat_n(value, MANY))
        .collect()
}

fn cannot_print_numbers(lab: &Lab, arguments: &[&str]) -> Checked {
    let program = lab.launch(Launch {
        stdout_room: Some(0),
        ..Launch::new(arguments)
    })?;
    program.sleeps(Sleep::Printing)?;
    let full = program
        .faults()
        .fail_each(Call::Write.on(FdKind::Stdout), Errno::ENOSPC)?;
    program.stdout().drain()?;
    program.wait_for_end()?;
    // Who prints all lines with one write has got them out in time.
    if full.hits() == 0 {
        return program.expect_exit(0);
    }
    program.expect_exit(1)?;
    program.stderr().expect_reason()
}

fn write_whole(lab: &Lab, program: &Program, record: &Record) -> Checked {
    lab.step(format!("write {} to it", record.described()), || {
        program.stdin().feed(record.bytes());
        Ok(())
    })
}
