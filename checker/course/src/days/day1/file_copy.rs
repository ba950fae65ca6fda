//! The hidden tests of day1_1_file_copy.

mod faults;
mod flags;
mod paths;
mod untested;

use std::{ffi::OsStr, time::Duration};

use harness::author::{
    Call, Checked, Clue, Diagnosis, Ending, Exercise, File, Lab, Launch, Program, Rejection, Seen,
    Test,
};
use nix::errno::Errno;

/// Day 1, exercise 1.
pub const EXERCISE: Exercise = Exercise {
    name: "day1_1_file_copy",
    title: "descriptors, and a file copy",
    chapter: "1.1 Descriptors and files",
    first_step: "Begin with one call: open the PATH from the command line with O_WRONLY and O_CREAT and the mode \
                 0644, and end with status 0. The file is there then, and empty.",
    tests: &[
        MAKES_THE_FILE,
        PERMISSIONS,
        EVERY_BYTE,
        SAYS_HOW_MUCH,
        TO_THE_END,
        MORE_THAN_A_BUFFER,
        WRITES_AT_ONCE,
        CANNOT_OPEN,
        flags::REPLACES,
        flags::APPENDS,
        flags::APPENDS_BEHIND_OTHERS,
        flags::MAKES_OR_FAILS,
        WRONG_USAGE,
        paths::PATH_OF_BYTES,
        paths::LONG_PATH,
        paths::NAMED_PIPE,
        faults::FULL,
        faults::SHORT_WRITES,
        faults::INTERRUPTED,
        faults::CANNOT_READ,
        faults::CANNOT_CLOSE,
        faults::CANNOT_PRINT,
        faults::NO_READER,
        flags::APPENDS_IN_ONE_STEP,
        flags::MAKES_IN_ONE_STEP,
    ],
    clues: &[
        Clue {
            diagnoses: &[Diagnosis::WrongStatus],
            seen: Seen::Failed(Call::Open, Errno::ENOENT),
            mistakes: &["never_creates", "makes_no_file_with_a"],
            hint: "open fails with ENOENT, for there is no such file yet, and open makes one only with O_CREAT: \
                   without an option, with -a and with -x. (Where it cannot be made, the exit status is 1.)",
        },
        Clue {
            diagnoses: &[Diagnosis::WrongStatus],
            seen: Seen::Failed(Call::Open, Errno::EACCES),
            mistakes: &["opens_for_reading_too", "reads_what_it_appends_to"],
            hint: "open fails with EACCES: this file may be written and not read. Your program only writes to it, so \
                   ask for no more: O_WRONLY. O_RDWR (in C fopen with \"a+\") asks for both.",
        },
        Clue {
            diagnoses: &[Diagnosis::Exited],
            seen: Seen::Failed(Call::Open, Errno::ELOOP),
            mistakes: &["refuses_links"],
            hint: "open fails with ELOOP: PATH is a symbolic link, and O_NOFOLLOW refuses links. A user may put a link \
                   in the place of the file: leave that flag out.",
        },
        Clue {
            diagnoses: &[Diagnosis::WrongStatus],
            seen: Seen::Ended(Ending::Status(2)),
            mistakes: &["takes_a_path_for_an_option", "knows_no_a"],
            hint: "Exit status 2 is for wrong usage, and this call is right: PATH alone, `-a PATH` and `-x PATH`, \
                   where PATH is any bytes, and a `-` inside it is no option. If your program does not know the option \
                   yet, write it now.",
        },
    ],
    untested: untested::SENTENCES,
};

const MAKES_THE_FILE: Test = Test {
    name: "makes the file",
    points: 1,
    read: "Opening a file",
    proves: &[
        "The program opens `PATH` for writing.",
        "If there is no file `PATH`, it makes one, with the permissions `rw-r--r--` (0644) less what the umask \
         forbids.",
        "Exit status 0: all of the input is in the file, closing the file has succeeded too, and the line is printed.",
        "A panic (exit status 101) and death by a signal are failures.",
    ],
    story: |lab| {
        let copy = lab.file("copy");
        let program = start(lab, &[], &copy)?;
        program.stdin().close();
        program.expect_exit(0)?;
        copy.expect(b"")
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["never_creates"],
            hint: "The input was empty and the file was not there; the right end is an empty file and status 0. open \
                   makes a file only with O_CREAT, and read returns 0 at the end of the input: neither is a failure.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["never_sees_the_end"],
            hint: "The input has come to its end, and your loop reads on: read then returns 0, each time. Leave the \
                   loop at 0.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["closes_twice"],
            hint: "A descriptor has one owner, who closes it once. An OwnedFd closes its number when it is dropped; \
                   if you have closed that number already, Rust stops your program. Give close the OwnedFd itself.",
        },
    ],
};

const PERMISSIONS: Test = Test {
    name: "gives a new file the permissions that the umask leaves",
    points: 1,
    read: "Opening a file",
    proves: &[
        "If there is no file `PATH`, it makes one, with the permissions `rw-r--r--` (0644) less what the umask \
               forbids.",
    ],
    story: |lab| {
        // 0 and 002 show what was asked for, 022 hides the most of it.
        for umask in [0o022, 0o027, 0o077, 0o002, 0] {
            let copy = lab.file(format!("umask-{umask:03o}"));
            let program = lab.launch(Launch {
                umask,
                ..Launch::new([copy.name()])
            })?;
            program.stdin().close();
            program.expect_exit(0)?;
            copy.expect_permissions(0o644 & !umask)?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongMode,
        mistakes: &[
            "creates_without_permissions",
            "forces_the_mode",
            "lets_everybody_write",
        ],
        hint: "The mode of a new file is the third argument of open, 0644 (in Rust 0o644: without the o it is \
               decimal), and the kernel takes away from it what the umask forbids. Give it there, and do not change \
               it later: the user has chosen the umask. File::create, and fopen in C, ask for 0666.",
    }],
};

const EVERY_BYTE: Test = Test {
    name: "copies bytes of every value",
    points: 1,
    read: "Reading and writing",
    proves: &[
        "It copies standard input into it byte by byte as it comes, until the end of the file.",
        "The input is any bytes and of any length.",
        "Exit status 0: all of the input is in the file, closing the file has succeeded too, and the line is printed.",
        "A panic (exit status 101) and death by a signal are failures.",
    ],
    story: |lab| {
        let bytes = all_values(lab);
        let copy = lab.file("copy");
        let program = start(lab, &[], &copy)?;
        program.stdin().feed(&bytes);
        program.stdin().close();
        program.expect_exit(0)?;
        copy.expect(&bytes)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["writes_the_whole_buffer", "writes_once_more_at_the_end"],
            hint: "read says how many bytes it has put at the start of the buffer. Write these, once, and nothing \
                   else: the bytes after them are old, and after a read of 0 all of them are.",
        },
        Rejection {
            diagnosis: Diagnosis::MissingBytes,
            mistakes: &["stops_at_a_zero", "stops_at_byte_255"],
            hint: "Read from standard input until read returns 0, and write what each read brings. Only that count of \
                   0 is the end: 0, 10 and 255 are bytes like any other.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["replaces_what_is_not_text"],
            hint: "A file is bytes, not text: from_utf8_lossy replaces each byte that it does not know with three \
                   others. Write the bytes that read has brought, as they are.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["expects_text"],
            hint: "A file is bytes, not text: String::from_utf8 refuses most files, and unwrap turns that into a \
                   panic. Write the bytes that read has brought, as they are.",
        },
    ],
};

const SAYS_HOW_MUCH: Test = Test {
    name: "says how many bytes it has copied",
    points: 1,
    read: "Reading and writing",
    proves: &[
        "Then it prints one line on standard output: `N bytes`, where `N` is the number of bytes which it has copied \
         (also `1 bytes`).",
        "Results go to standard output, everything else to standard error.",
    ],
    story: |lab| {
        for count in [0, 1, lab.random_number(2..=500) as usize] {
            let copy = lab.file(format!("copy-{count}"));
            let program = start(lab, &[], &copy)?;
            program.stdin().feed(lab.random_bytes(count));
            program.stdin().close();
            program.expect_exit(0)?;
            program.stdout().expect_all(&[format!("{count} bytes")])?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["counts_the_reads", "tells_it_on_stderr", "says_one_byte"],
        hint: "Add up what the reads have returned, and print the sum on standard output when all is copied: one \
               line, `N bytes`, also `1 bytes`: programs read it.",
    }],
};

const TO_THE_END: Test = Test {
    name: "copies on until the end of the input, however it comes",
    points: 2,
    read: "Short counts",
    proves: &[
        "It copies standard input into it byte by byte as it comes, until the end of the file.",
        "It may be a pipe, which delivers it in pieces of any size.",
        "A read or a write may do less than it was asked, and a signal may interrupt it before it has done anything \
         (`EINTR`).",
        "Neither is a failure: the program goes on where it was.",
    ],
    story: |lab| {
        let copy = lab.file("copy");
        let program = start(lab, &[], &copy)?;
        let bytes = in_pieces(lab, &program, |_| Ok(()))?;
        program.stdin().close();
        program.expect_exit(0)?;
        copy.expect(&bytes)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["reads_once", "stops_at_a_short_read"],
            hint: "Your program ended although its input is still open. read returns what is there, perhaps one byte, \
                   and that says nothing about what comes later: read again until it returns 0.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["opens_the_file_for_each_piece", "writes_at_the_start"],
            hint: "Open the file once, and let write go on where the last write ended: the kernel keeps that place \
                   with the open file. If you open it again, or give a place yourself, you go back to the start.",
        },
    ],
};

const MORE_THAN_A_BUFFER: Test = Test {
    name: "copies more than fits into a buffer",
    points: 1,
    read: "Reading and writing",
    proves: &[
        "It copies standard input into it byte by byte as it comes, until the end of the file.",
        "The input is any bytes and of any length.",
    ],
    story: |lab| {
        let bytes = lab.random_bytes(300_000);
        let copy = lab.file("copy");
        // Not followed: it may read byte by byte, which is slow, and right.
        let program = lab.launch(Launch {
            traced: false,
            ..Launch::new([copy.name()])
        })?;
        program.stdin().feed(&bytes);
        program.stdin().close();
        program.expect_exit(0)?;
        copy.expect(&bytes)?;
        program
            .stdout()
            .expect_all(&[format!("{} bytes", bytes.len())])?;
        counts_beyond_16_mib(lab)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::MissingBytes,
            mistakes: &["collects_in_one_buffer"],
            hint: "An input can be longer than your buffer. When a buffer is full, read has no room to fill, and \
                   returns 0, which looks like the end. Write what a read has brought, and use the buffer again from \
                   its start.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["counts_in_24_bits"],
            hint: "The count is wrong for a long input. Is the number too small for it? Count in 64 bits (u64), and \
                   add what each read has brought.",
        },
    ],
};

/// A program that moves one byte with each call is right, too, and would need minutes for all.
fn counts_beyond_16_mib(lab: &Lab) -> Checked {
    const MUCH: Duration = Duration::from_millis(100);
    const A_PART: usize = 256 << 10;
    const MORE: usize = 16 << 20;
    let program = lab.launch(Launch {
        traced: false,
        ..Launch::new([lab.file("long").name()])
    })?;
    program.stdin().feed(vec![b'x'; A_PART]);
    program.stdin().wait_until_read()?;
    if program.cpu_time() > MUCH {
        return Ok(());
    }
    program.stdin().feed(vec![b'x'; MORE]);
    program.stdin().close();
    program.expect_exit(0)?;
    program
        .stdout()
        .expect_all(&[format!("{} bytes", A_PART + MORE)])
}

const WRITES_AT_ONCE: Test = Test {
    name: "writes what has come before it waits for more",
    points: 1,
    read: "Reading and writing",
    proves: &["What has come is in the file (or in the pipe) before the program waits for more."],
    story: |lab| {
        let copy = lab.file("copy");
        let program = start(lab, &[], &copy)?;
        let bytes = in_pieces(lab, &program, |so_far| copy.wait_until_it_holds(so_far))?;
        program.stdin().close();
        program.expect_exit(0)?;
        copy.expect(&bytes)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::MissingBytes,
        mistakes: &["reads_all_input_first", "keeps_bytes_in_a_buffer"],
        hint: "The program waits for more input while bytes that have come are not in the file. Write after each \
               read, without a buffer of your own in between (BufWriter, read_to_end).",
    }],
};

const CANNOT_OPEN: Test = Test {
    name: "says at once why it cannot open the file",
    points: 2,
    read: "When a call fails",
    proves: &[
        "`PATH` is opened before any input is read.",
        "Exit status 1, with the reason on standard error: the file cannot be opened, a read or a write fails, closing \
         the file fails, or the line cannot be printed.",
        "The program then ends at once, without reading the rest of its input, and prints no count.",
        "Results go to standard output, everything else to standard error.",
        "A panic (exit status 101) and death by a signal are failures.",
    ],
    story: |lab| {
        let program = lab.start(&["copy"])?;
        program.stdin().close();
        program.expect_exit(0)?;
        // A folder that is not there, and one that is: its standard input stays open.
        for path in ["nowhere/copy", "."] {
            let program = lab.start(&[path])?;
            fails(&program)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["opens_late"],
            hint: "Your program reads its input before it knows whether it can write it to the file. Open the file \
                   before the first read.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_it_cannot_open"],
            hint: "A wrong path is the user's mistake, and unwrap turns it into a panic. Match the result of open, \
                   say on standard error what is wrong, and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["errors_end_with_zero"],
            hint: "The next program in a script sees only the status, and 0 says that all is well. End with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["complains_on_stdout"],
            hint: "A reason is not a result: print it on standard error (eprintln!).",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["fails_in_silence"],
            hint: "A status alone does not tell the user what to correct. Print the error that open returned on \
                   standard error (eprintln!).",
        },
    ],
};

const WRONG_USAGE: Test = Test {
    name: "tells wrong usage by status 2, and makes no file",
    points: 1,
    read: "When a call fails",
    proves: &[
        "An argument that begins with `-` is an option, and never a `PATH` (the user writes `./-a` for such a file).",
        "One option at most stands before `PATH`.",
        "A `-` further inside belongs to the name.",
        "Exit status 2: wrong usage, which is no `PATH`, more than one, an unknown option, or two options.",
        "No file is made.",
        "A panic (exit status 101) and death by a signal are failures.",
    ],
    story: |lab| {
        // All of these are names of files: only a `-` at the beginning makes an option.
        for name in ["a", "copy-a", "./-x"] {
            let program = lab.start(&[name])?;
            program.stdin().close();
            program.expect_exit(0)?;
            lab.file(name).expect(b"")?;
        }
        for arguments in [
            &[][..],
            &["-a"],
            &["copy", "other"],
            &["-a", "copy", "other"],
            &["-z", "copy"],
            &["-z"],
            &["-x", "-a"],
            &["-a", "-x", "copy"],
            &["-a", "-a", "copy"],
            &["-x", "-x", "copy"],
            &["-"],
            &["--", "copy"],
        ] {
            let program = lab.start(arguments)?;
            program.stdin().close();
            program.expect_exit(2)?;
        }
        for name in ["copy", "other", "-z", "-a", "-"] {
            lab.file(name).expect_missing()?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_without_arguments"],
            hint: "An argument may be missing, and an index panics. Match on the slice of the arguments, print the \
                   usage, and end with status 2.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "usage_is_1",
                "takes_any_option",
                "takes_an_option_for_a_path",
                "takes_two_options",
                "takes_a_path_for_an_option",
                "takes_an_option_twice",
                "takes_a_dash_for_a_path",
            ],
            hint: "Status 1 says that the work has failed, status 2 that the program was called in a wrong way: no \
                   PATH, two, two options, or one that is neither -a nor -x (for example - or --). Each argument \
                   that begins with - is an option, wherever it stands; each other one is a PATH. Check this before \
                   you open anything.",
        },
    ],
};

/// Starts the program with these options, and the file behind them.
fn start(lab: &Lab, options: &[&str], file: &File) -> Checked<Program> {
    let options = options.iter().map(OsStr::new);
    lab.launch(Launch::new(options.chain([file.name()])))
}

/// Feeds it random pieces of which each has been read before the next one comes, and returns all. `look` sees the bytes
/// so far after each.
fn in_pieces(lab: &Lab, program: &Program, look: impl Fn(&[u8]) -> Checked) -> Checked<Vec<u8>> {
    let mut so_far = Vec::new();
    program.stdin().wait_until_read()?;
    for most in [1, 1, 300, 1, 10] {
        let piece = lab.random_bytes(lab.random_number(1..=most) as usize);
        program.stdin().feed(&piece);
        program.stdin().wait_until_read()?;
        so_far.extend(piece);
        look(&so_far)?;
    }
    Ok(so_far)
}

/// It must end with status 1 and a reason, without more input, and print nothing.
fn fails(program: &Program) -> Checked {
    let nothing: [&str; 0] = [];
    program.expect_exit(1)?;
    program.stdout().expect_all(&nothing)?;
    program.stderr().expect_reason()
}

/// Each value of a byte once, and some again, in random order.
fn all_values(lab: &Lab) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=255).collect();
    bytes.extend(lab.random_bytes(lab.random_number(0..=100) as usize));
    for last in (1..bytes.len()).rev() {
        bytes.swap(last, lab.random_number(0..=last as u64) as usize);
    }
    bytes
}
