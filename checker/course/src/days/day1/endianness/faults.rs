//! What a reader of records does when a call does less than it was asked, or fails.

use nix::errno::Errno;

use super::{records::ends_well, values::Record};
use harness::{
    arena::Launch,
    exercise::{Rejection, Test},
    failure::{Checked, Diagnosis},
    lab::{Lab, Place, Program},
    observe::calls::Call,
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
        program.wait_until_stdin_read()?;
        program.interrupt_next_read(Place::Stdin)?;
        lab.step(
            format!("write {header} bytes of a header, and wait until they are read"),
            || {
                program.feed_stdin(&bytes[..header]);
                program.wait_until_stdin_read()
            },
        )?;
        program.interrupt_next_read(Place::Stdin)?;
        lab.step(
            "write the rest of it and a part of the body, and wait until they are read",
            || {
                program.feed_stdin(&bytes[header..some_body]);
                program.wait_until_stdin_read()
            },
        )?;
        lab.step("write the rest of the body", || {
            program.feed_stdin(&bytes[some_body..]);
            Ok(())
        })?;
        program.expect_line(record.line())?;
        ends_well(&program)
    },
    rejects: &[
        Rejection {
            because: Diagnosis::Exited,
            mistakes: &["ends_at_eintr"],
            hint: "read has failed with EINTR: a signal came first, and nothing was read. Neither is anything lost, \
                   so read again.",
        },
        Rejection {
            because: Diagnosis::Stuck,
            mistakes: &["starts_again_after_eintr"],
            hint: "After EINTR go on where you were: the bytes that you have read before it will not come again. Only \
                   the one read has to be repeated, not the whole header or body.",
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
        program.wait_until_stdin_read()?;
        program.shorten(Call::Write, lab.random_number(1..=3))?;
        write_whole(lab, &program, &record)?;
        program.expect_line(record.line())?;
        ends_well(&program)
    },
    rejects: &[Rejection {
        because: Diagnosis::Stuck,
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
        program.wait_until_stdin_read()?;
        program.fail_each(Call::Read.on(Place::Stdin), Errno::EIO)?;
        write_whole(lab, &program, &record)?;
        program.expect_exit(1)?;
        program.expect_reason_on_stderr()?;
        // One read brings the whole record; by fields, or behind a poll, it takes one that fails.
        program.expect_stdout_part(record.line() + "\n")
    },
    rejects: &[Rejection {
        because: Diagnosis::WrongStatus,
        mistakes: &["takes_an_error_for_the_end"],
        hint: "read has failed, and your program ends as if all were done. Only a read that returns 0 is the end of \
               the input. After an error say what it was, and end with status 1.",
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
        program.wait_until_stdin_read()?;
        program.fail_each(Call::Write.on(Place::Stdout), Errno::ENOSPC)?;
        write_whole(lab, &program, &record)?;
        program.close_stdin();
        program.expect_exit(1)?;
        program.expect_reason_on_stderr()?;
        cannot_print_numbers(lab)
    },
    rejects: &[
        Rejection {
            because: Diagnosis::WrongStatus,
            mistakes: &["ignores_a_failed_print"],
            hint: "The disk behind standard output is full, and your program ends as if its line were there. Look at \
                   the result of each print and each flush; if one fails, give the reason and end with status 1.",
        },
        Rejection {
            because: Diagnosis::Panicked,
            mistakes: &["panics_on_a_full_disk", "panics_when_it_converts"],
            hint: "println! panics when it cannot print. Use writeln! with io::stdout(), and return its error up to \
                   main: the reason on standard error, and status 1.",
        },
    ],
};

/// The first line waits for room and gets it; behind it the disk is full.
fn cannot_print_numbers(lab: &Lab) -> Checked {
    let program = lab.launch(Launch {
        full_stdout: true,
        ..Launch::new(["enc16", "1", "2", "3"])
    })?;
    program.expect_asleep_in_print()?;
    let full = program.fail_each(Call::Write.on(Place::Stdout), Errno::ENOSPC)?;
    program.drain_stdout()?;
    program.wait_for_end("it to end")?;
    // Who prints all three lines with one write has got them out in time.
    if full.struck() == 0 {
        return program.expect_exit(0);
    }
    program.expect_exit(1)?;
    program.expect_reason_on_stderr()
}

fn write_whole(lab: &Lab, program: &Program, record: &Record) -> Checked {
    lab.step(format!("write {} to it", record.described()), || {
        program.feed_stdin(record.bytes());
        Ok(())
    })
}
