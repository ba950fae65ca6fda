//! Calls that fail, and arguments with which nothing can be done.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

use libc::SIGTERM;
use nix::errno::Errno;

use super::{LINE_FOR_EACH, expect_lines, run, waiting};
use crate::promises::{
    arguments::{self, spoiled},
    numbers,
};
use harness::author::{Call, Diagnosis, FdKind, Launch, Rejection, Test};

const CANNOT_READ_OR_PRINT: &str = "If `FILE` cannot be read, or standard output cannot be written, it ends with \
                                    status 1, and with the reason on standard error.";

pub(super) const INTERRUPTED: Test = Test {
    name: "waits on when a signal interrupts it",
    points: 1,
    read: "wait collects a child",
    proves: &[
        "A call in which the program sleeps may end early (`EINTR`).",
        "This is not a failure.",
        LINE_FOR_EACH,
    ],
    story: |lab| {
        lab.follow_calls();
        let missing = lab.random_word(12);
        let lines = ["sh wait 1", "sh wait 2", "true", "sh wait 4", &missing];
        let program = run(lab, &["-j", "2"], &lines)?;
        let [first, second] = waiting(&program, [1, 2])?;
        lab.settle()?;
        program.faults().interrupt_twice(Call::Wait)?;
        first.signal(SIGTERM)?;
        expect_lines(&program, &["1 killed 15", "3 exited 0"])?;
        let [fourth] = waiting(&program, [4])?;
        lab.settle()?;
        // The parent may sleep in a read, too, until its child has told why it could not become the command.
        program.faults().interrupt_twice(Call::Read)?;
        second.signal(SIGTERM)?;
        expect_lines(&program, &["2 killed 15", "5 cannot run ENOENT"])?;
        fourth.signal(SIGTERM)?;
        expect_lines(&program, &["4 killed 15", "ok 1 failed 4"])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["gives_up_when_it_is_interrupted"],
            hint: "A call has failed with EINTR: a signal came while it slept. Nothing is wrong: call it again.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["takes_an_interrupted_read_for_success"],
            hint: "A command cannot be run, and your program says otherwise. The read from the pipe, by which the child \
                   tells why, has failed with EINTR, and nothing is read yet: read again. Only the end of the pipe \
                   (0 bytes) says that exec has succeeded.",
        },
    ],
};

pub(super) const CANNOT_READ: Test = Test {
    name: "ends with status 1 when it cannot read the file",
    points: 1,
    read: "3.6 fork, exec and wait",
    proves: &[
        CANNOT_READ_OR_PRINT,
        "Results go to standard output, everything else to standard error.",
    ],
    story: |lab| {
        lab.expect_refused_start(&["nothing-here"], 1)?;
        // It can be opened, but not read.
        lab.expect_refused_start(&["."], 1)?;
        lab.expect_refused_start(&["-j", "2", "nothing-here"], 1)?;
        let program = lab.launch(Launch::new([OsStr::from_bytes(b"nothing-\xff")]))?;
        program.expect_exit(1)?;
        program.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "takes_a_missing_file_for_an_empty_one",
                "takes_a_missing_file_for_wrong_arguments",
            ],
            hint: "FILE cannot be read: that is status 1, neither success nor wrong arguments (2). Look at what opening \
                   and reading return; say why on standard error, and end with 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_without_the_file", "panics_at_a_file_name_of_bytes"],
            hint: "Files are missing every day, and their names may be any bytes: no reason to panic. Ask args_os for \
                   the arguments, return the error up to main, say why on standard error, and end with 1.",
        },
    ],
};

pub(super) const CANNOT_PRINT: Test = Test {
    name: "ends with status 1 when a line cannot be written",
    points: 1,
    read: "3.6 fork, exec and wait",
    proves: &[CANNOT_READ_OR_PRINT],
    story: |lab| {
        lab.follow_calls();
        let program = run(lab, &[], &["cat"])?;
        program.children().running("cat")?;
        lab.settle()?;
        program
            .faults()
            .fail_each(Call::Write.on(FdKind::Stdout), Errno::ENOSPC)?;
        program.stdin().close();
        program.expect_exit(1)?;
        program.stderr().expect_reason()?;
        // And the last line alone.
        let program = run(lab, &[], &["cat"])?;
        program.children().running("cat")?;
        lab.settle()?;
        program
            .faults()
            .fail_second(Call::Write.on(FdKind::Stdout), Errno::ENOSPC)?;
        program.stdin().close();
        program.expect_exit(1)?;
        program.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["ignores_a_failed_print", "ignores_a_failed_summary"],
            hint: "The line could not be written, and the status says that all is well. Look at what writing and \
                   flushing return; say why on standard error, and end with 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["prints_with_println"],
            hint: "println! panics when standard output cannot be written. Use writeln!, look at its result, say why \
                   on standard error, and end with 1.",
        },
    ],
};

pub(super) const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 2 when the arguments are wrong",
    points: 1,
    read: "3.6 fork, exec and wait",
    proves: &[
        "Exit status 2 means wrong arguments: no `FILE`, more than one, another option, or an `N` that is not a \
         decimal number from 1 on.",
        "Results go to standard output, everything else to standard error.",
    ],
    story: |lab| {
        lab.file("commands").make("true\n", 0o644)?;
        let all: [&[&str]; 7] = [
            &[],
            &["commands", "commands"],
            &["-j", "2"],
            &["-j", "0", "commands"],
            &["-j", "-1", "commands"],
            &["-x", "2", "commands"],
            &["-v"],
        ];
        for arguments in all {
            lab.expect_refused_start(arguments, 2)?;
        }
        for near in numbers::NEAR_MISSES {
            lab.expect_refused_start(&["-j", near, "commands"], 2)?;
        }
        lab.expect_refused_start(&["-j", "2", "commands", "commands"], 2)?;
        lab.expect_refused_start(&["-j".into(), spoiled("2"), "commands".into()], 2)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "takes_a_second_file",
                "takes_0",
                "trims_its_number",
                "takes_an_option_for_a_file",
            ],
            hint: "Look at all arguments before you start a command. N is a decimal number from 1 on, with nothing \
                   before or behind it; there is one FILE, and what begins with - is an option; else print the usage on standard error, and end with \
                   2.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_a_bad_number", "panics_on_bytes"],
            hint: arguments::NO_PANIC,
        },
    ],
};
