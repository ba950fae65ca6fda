//! Calls of the program that do less than they were asked, or fail.

use nix::errno::Errno;

use super::{bytes, connected, lines, send_whole_input, text};
use harness::author::{Call, Diagnosis, FdKind, Rejection, Test};

pub(super) const SHORT_WRITES: Test = Test {
    name: "sends and prints every byte, however few a write takes",
    points: 2,
    read: "Bytes, not messages",
    proves: &["`write` may take fewer bytes than it is given; then the rest is offered again."],
    story: |lab| {
        lab.follow_calls();
        let (upload, server) = connected(lab)?;
        for place in [FdKind::Socket, FdKind::Stdout] {
            upload
                .faults()
                .shorten(Call::Write.on(place), lab.random_number(1..=9))?;
        }
        send_whole_input(&upload, &server, bytes(lab, 300, 900))?;
        let answer = text(lab, 300, 900);
        server.send(&answer)?;
        server.close();
        upload.stdout().expect(&answer)?;
        upload.stdout().expect_end()?;
        upload.expect_exit(0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["sends_with_a_single_write"],
            hint: "write has taken fewer bytes than it was given, and said so. Offer it the rest, until all of it is \
                   taken, before you read the next piece.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["prints_with_a_single_write"],
            hint: "The writes to standard output have taken fewer bytes than they were given, and the rest is \
                   missing. Offer it again, until all of it is taken.",
        },
    ],
};

const WHEN_A_FILE_FAILS: &str = "When the input or the output fails";

pub(super) const CANNOT_READ: Test = Test {
    name: "reports an input that cannot be read",
    points: 1,
    read: WHEN_A_FILE_FAILS,
    proves: &[
        "Exit status 1, with the reason on standard error, in these cases:",
        "It cannot connect, read its input, or write its output.",
        "An input that fails is not an input that ends, and the program then waits for the server no longer.",
    ],
    story: |lab| {
        lab.follow_calls();
        // First the failure is all that the program waits for. Then there is a server, too, which waits for the rest.
        for server_has_ended in [true, false] {
            let (upload, server) = connected(lab)?;
            let input = bytes(lab, 1, 2_000);
            upload.stdin().feed(&input);
            server.expect(&input)?;
            if server_has_ended {
                server.shutdown_write()?;
            }
            upload.expect_alive()?;
            upload
                .faults()
                .fail_each(Call::Read.on(FdKind::Stdin), Errno::EIO)?;
            // A program which sleeps in read gets these, and fails the next time.
            upload.stdin().feed(bytes(lab, 1, 100));
            upload.expect_exit(1)?;
            upload.stderr().expect_reason()?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_a_read_error_for_the_end"],
            hint: "read on standard input has failed, but your program goes on as if the input had ended: the server \
                   takes a part for the whole. Only 0 is the end. Print an error on standard error, and exit with 1.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["says_nothing_of_a_bad_input"],
            hint: "read on standard input has failed, but your program does not give the reason. Print the error on \
                   standard error before you end.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["waits_for_the_server_after_a_read_error"],
            hint: "The input cannot be read, and your program waits for the server to end, which waits for the rest \
                   of the upload. Do not wait for it: say what has failed, and end the whole process with status 1.",
        },
    ],
};

pub(super) const CANNOT_PRINT: Test = Test {
    name: "reports an output that cannot be written",
    points: 1,
    read: WHEN_A_FILE_FAILS,
    proves: &[
        "Exit status 1, with the reason on standard error, in these cases:",
        "It cannot connect, read its input, or write its output.",
    ],
    story: |lab| {
        lab.follow_calls();
        // A full disk, and a reader of the output who has gone.
        for errno in [Errno::ENOSPC, Errno::EPIPE] {
            let (upload, server) = connected(lab)?;
            upload
                .faults()
                .fail_each(Call::Write.on(FdKind::Stdout), errno)?;
            send_whole_input(&upload, &server, lines(lab, 3))?;
            server.send(lines(lab, 2))?;
            server.close();
            upload.expect_exit(1)?;
            upload.stderr().expect_reason()?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["ignores_a_full_disk", "takes_a_lost_reader_for_success"],
            hint: "write to standard output has failed, and the answer is lost: the disk is full (ENOSPC), or nobody \
                   reads any more (EPIPE). Exit status 0 says that all went well. Look at what each write to standard \
                   output returns, and exit with 1.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["says_nothing_of_a_full_disk"],
            hint: "write to standard output has failed, but your program does not give the reason. Print the error \
                   on standard error before you end.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["dies_of_sigpipe"],
            hint: "SIGPIPE has killed your program: it wrote to a pipe, or a connection, whose other side has gone. \
                   Leave the signal ignored, as Rust's runtime sets it (in C: ignore it), and handle EPIPE.",
        },
    ],
};
