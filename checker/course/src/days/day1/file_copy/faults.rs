//! What a copier does when a call does less than it was asked, or fails.

use nix::errno::Errno;

use super::{fails, start};
use harness::author::{Call, Diagnosis, FdKind, Launch, Rejection, Test};

pub(super) const FULL: Test = Test {
    name: "ends with status 1 when the disk is full",
    points: 2,
    read: "When a call fails",
    proves: &[
        "It may name something else than a plain file: a device, or a named pipe (FIFO).",
        "Exit status 1, with the reason on standard error: the file cannot be opened, a read or a write fails, closing \
         the file fails, or the line cannot be printed.",
        "The program then ends at once, without reading the rest of its input, and prints no count.",
        "A panic (exit status 101) and death by a signal are failures.",
    ],
    story: |lab| {
        let bytes = lab.random_bytes(lab.random_number(1..=100) as usize);
        let program = start(lab, &[], &lab.file("/dev/null"))?;
        program.stdin().feed(&bytes);
        program.stdin().close();
        program.expect_exit(0)?;
        let full = lab.file("/dev/full");
        let program = start(lab, &[], &full)?;
        program.stdin().feed(&bytes);
        program.stdin().close();
        fails(&program)?;
        // And now its input stays open.
        let program = start(lab, &[], &full)?;
        program.stdin().feed(&bytes);
        fails(&program)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["ignores_a_failed_write"],
            hint: "Nothing of the input is stored, but the status says that all is well. Look at the result of every \
                   write; if it is an error, give the reason and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_on_a_full_disk"],
            hint: "A full disk is not a bug in your program, but unwrap treats it like one. Return the error up to \
                   main: the reason on standard error, and status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["counts_what_is_lost"],
            hint: "The write has failed, but your program still says that bytes were copied. After a failure it \
                   prints no count.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["reads_on_after_a_failed_write"],
            hint: "The write has failed, so there is no place for the rest of the input: end at once, without another \
                   read.",
        },
    ],
};

pub(super) const NO_READER: Test = Test {
    name: "ends with status 1 when nobody reads the pipe any more",
    points: 1,
    read: "When a call fails",
    proves: &[
        "Exit status 1, with the reason on standard error: the file cannot be opened, a read or a write fails, closing \
         the file fails, or the line cannot be printed.",
        "A panic (exit status 101) and death by a signal are failures.",
    ],
    story: |lab| {
        let pipe = lab.fifo("queue")?;
        let program = lab.launch(Launch::new([pipe.name()]))?;
        let pipe = pipe.open_for_reading()?;
        let bytes = lab.random_bytes(lab.random_number(5..=50) as usize);
        program.stdin().feed(&bytes);
        pipe.expect(&bytes)?;
        pipe.close();
        program.stdin().feed(&bytes);
        fails(&program)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Killed,
        mistakes: &["dies_of_sigpipe"],
        hint: "A write into a pipe that nobody reads any more brings SIGPIPE, whose default action ends the program. \
               Rust ignores SIGPIPE for you: leave it so (in C, ignore it). Then write fails with EPIPE, and that you \
               can report.",
    }],
};

const THE_REST: &str = "write may take fewer bytes than it is given, and returns how many: that is no failure. Offer \
                        it the rest, in a loop, until none is left.";

pub(super) const SHORT_WRITES: Test = Test {
    name: "writes the rest when write has taken only a part",
    points: 2,
    read: "Short counts",
    proves: &[
        "A read or a write may do less than it was asked, and a signal may interrupt it before it has done anything \
         (`EINTR`).",
        "Neither is a failure: the program goes on where it was.",
    ],
    story: |lab| {
        lab.follow_calls();
        let bytes = lab.random_bytes(lab.random_number(200..=400) as usize);
        let copy = lab.file("copy");
        let program = start(lab, &[], &copy)?;
        program.stdin().wait_until_read()?;
        // The line with the count is written, too.
        for kind in [FdKind::File, FdKind::Stdout] {
            let most = lab.random_number(1..=7);
            program.faults().shorten(Call::Write.on(kind), most)?;
        }
        program.stdin().feed(&bytes);
        program.stdin().close();
        program.expect_exit(0)?;
        copy.expect(&bytes)?;
        program
            .stdout()
            .expect_all(&[format!("{} bytes", bytes.len())])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::MissingBytes,
            mistakes: &["ignores_short_writes"],
            hint: THE_REST,
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_a_short_write_for_a_failure"],
            hint: THE_REST,
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["starts_again_after_a_short_write"],
            hint: "After a short write your program offers all bytes again, from the start. Some are in the file \
                   already: go on after them.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["counts_the_rest_from_the_start"],
            hint: "After a short write your program knows how many bytes are left, and offers as many from the start \
                   of the buffer. Those are in the file already: the rest begins after what was taken, &bytes[n..], \
                   in C bytes + n.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["prints_with_one_write"],
            hint: "A write may take only a part of the line with the count, too. Offer it the rest, or let the \
                   library do it: writeln! with io::stdout(), printf in C.",
        },
    ],
};

pub(super) const INTERRUPTED: Test = Test {
    name: "goes on when a signal has interrupted a call",
    points: 2,
    read: "When a call fails",
    proves: &[
        "A read or a write may do less than it was asked, and a signal may interrupt it before it has done anything \
         (`EINTR`).",
        "Neither is a failure: the program goes on where it was.",
    ],
    story: |lab| {
        lab.follow_calls();
        let copy = lab.file("copy");
        let [first, second, third] =
            [(); 3].map(|()| lab.random_bytes(lab.random_number(5..=50) as usize));
        let program = start(lab, &[], &copy)?;
        // The read in which it sleeps has begun, and is spared.
        program.stdin().wait_until_read()?;
        program.faults().interrupt_read_twice(FdKind::Stdin)?;
        program.stdin().feed(&first);
        program.stdin().wait_until_read()?;
        program
            .faults()
            .interrupt_twice(Call::Write.on(FdKind::File))?;
        program.stdin().feed(&second);
        program.stdin().wait_until_read()?;
        program
            .faults()
            .interrupt_after_a_part(Call::Write.on(FdKind::File), lab.random_number(1..=4))?;
        program.stdin().feed(&third);
        program.stdin().wait_until_read()?;
        program.stdin().close();
        program.expect_exit(0)?;
        copy.expect([first, second, third].concat())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "ends_at_eintr",
                "takes_eintr_for_the_end",
                "tries_again_only_once",
            ],
            hint: "A call has failed with EINTR: a signal came before it had moved a byte. Nothing is lost: this is \
                   neither an error of the file nor its end. Make the same call again, in a loop: the next signal \
                   may come at once.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_eintr"],
            hint: "A call has failed with EINTR, and unwrap or expect has made a panic of it. EINTR says that a signal \
                   came before a byte was moved, and is no failure: match it, and make the same call again.",
        },
        Rejection {
            diagnosis: Diagnosis::MissingBytes,
            mistakes: &["loses_what_it_was_writing"],
            hint: "write has failed with EINTR, so none of these bytes is in the file. Offer the same bytes once more \
                   before you read others.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["begins_again_at_eintr"],
            hint: "One write has taken a part of these bytes, and then a signal has interrupted the next. What was \
                   taken is in the file: make only that one write again, with the rest, and not all of them from the \
                   start.",
        },
    ],
};

pub(super) const CANNOT_READ: Test = Test {
    name: "ends with status 1 when it cannot read",
    points: 1,
    read: "When a call fails",
    proves: &[
        "Exit status 1, with the reason on standard error: the file cannot be opened, a read or a write fails, closing \
         the file fails, or the line cannot be printed.",
        "The program then ends at once, without reading the rest of its input, and prints no count.",
    ],
    story: |lab| {
        lab.follow_calls();
        let copy = lab.file("copy");
        let program = start(lab, &[], &copy)?;
        program.stdin().wait_until_read()?;
        program
            .faults()
            .fail_each(Call::Read.on(FdKind::Stdin), Errno::EIO)?;
        // The read in which it sleeps may still bring this, or a part of it.
        program
            .stdin()
            .feed(lab.random_bytes(lab.random_number(5..=50) as usize));
        program.stdin().close();
        fails(&program)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_an_error_for_the_end"],
            hint: "read has failed, but your program ends as if it had copied everything. Only a read that returns 0 \
                   is the end of the input. After an error, print it and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["tries_again_for_ever"],
            hint: "Only EINTR says \"try again\". Your program reads again after each error, and this one (EIO) will \
                   not go away.",
        },
    ],
};

pub(super) const CANNOT_PRINT: Test = Test {
    name: "ends with status 1 when it cannot print the count",
    points: 1,
    read: "When a call fails",
    proves: &[
        "Exit status 0: all of the input is in the file, closing the file has succeeded too, and the line is printed.",
        "Exit status 1, with the reason on standard error: the file cannot be opened, a read or a write fails, closing \
         the file fails, or the line cannot be printed.",
        "A panic (exit status 101) and death by a signal are failures.",
    ],
    story: |lab| {
        lab.follow_calls();
        let bytes = lab.random_bytes(lab.random_number(5..=50) as usize);
        let copy = lab.file("copy");
        let program = start(lab, &[], &copy)?;
        program.stdin().wait_until_read()?;
        // Only one: a library that keeps the line offers it again at the end, and Python ends with 120 if it cannot.
        program
            .faults()
            .fail_next(Call::Write.on(FdKind::Stdout), Errno::ENOSPC)?;
        program.stdin().feed(&bytes);
        program.stdin().close();
        program.expect_exit(1)?;
        program.stderr().expect_reason()?;
        copy.expect(&bytes)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["ignores_a_failed_print"],
            hint: "All is in the file, but the line could not be printed: the disk of standard output is full. Who \
                   called your program waits for that line, and the status says that all is well. Look at what the \
                   write to standard output returns (in C, fflush or fclose): the reason on standard error, and status \
                   1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["prints_with_println"],
            hint: "Standard output takes nothing: its disk is full. println! panics then, and print! does, too. Use \
                   writeln! with io::stdout(), and look at what it returns: the reason on standard error, and status \
                   1.",
        },
    ],
};

pub(super) const CANNOT_CLOSE: Test = Test {
    name: "ends with status 1 when closing the file fails",
    points: 1,
    read: "Closing",
    proves: &[
        "Exit status 0: all of the input is in the file, closing the file has succeeded too, and the line is printed.",
        "Exit status 1, with the reason on standard error: the file cannot be opened, a read or a write fails, closing \
         the file fails, or the line cannot be printed.",
        "The program then ends at once, without reading the rest of its input, and prints no count.",
    ],
    story: |lab| {
        lab.follow_calls();
        let copy = lab.file("copy");
        let program = start(lab, &[], &copy)?;
        program.stdin().wait_until_read()?;
        program
            .faults()
            .fail_next(Call::Close.on(FdKind::File), Errno::EIO)?;
        program.stdin().feed(lab.random_bytes(20));
        program.stdin().close();
        fails(&program)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["drops_the_file", "never_closes"],
            hint: "A file system may store bytes late, and report only at close that it could not. Dropping an \
                   OwnedFd or a File closes it and forgets the error: call nix::unistd::close, and look at what it \
                   returns.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["counts_before_it_closes"],
            hint: "Your program says that all is copied, and then close fails. First close, then print the count.",
        },
    ],
};
