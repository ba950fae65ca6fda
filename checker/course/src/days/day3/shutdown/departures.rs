//! Servers that go away before the upload is done.

use super::{
    BOTH_AT_ONCE, OTHER_SIDE_FIRST, bytes, connected, send_part_of_an_answer, send_whole_input,
    text,
};
use harness::author::{
    Call, Checked, Connection, Diagnosis, FdKind, Lab, Program, Rejection, Test,
};

pub(super) const RESET: Test = Test {
    name: "reports a reset with exit status 1",
    points: 1,
    read: OTHER_SIDE_FIRST,
    proves: &[
        "Exit status 1, with the reason on standard error, in these cases:",
        "The server resets the connection.",
        "What came before the reset is printed.",
        "A panic (exit status 101) is a failure, and so is death by SIGPIPE.",
    ],
    story: |lab| {
        let (upload, server) = connected(lab)?;
        send_whole_input(&upload, &server, bytes(lab, 500, 500))?;
        send_part_of_an_answer(lab, &upload, &server)?;
        server.reset()?;
        upload.expect_exit(1)?;
        upload.stdout().expect_end()?;
        upload.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_a_reset_for_the_end"],
            hint: "The server has reset the connection, so the answer is not complete. Only a read of 0 is the end: \
                   an error is exit status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_a_reset"],
            hint: "A reset is an ordinary event for a network program. Match on the error, report it, and exit with 1 \
                   instead of unwrapping.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["says_nothing_of_a_reset"],
            hint: "The server has reset the connection, read says so (ECONNRESET), but your program does not report \
                   it. Print the error on standard error before you end.",
        },
    ],
};

pub(super) const RESET_WITH_OPEN_INPUT: Test = Test {
    name: "ends at a reset even while its input is open",
    points: 2,
    read: OTHER_SIDE_FIRST,
    proves: &[
        "The server resets the connection.",
        "The program then ends at once, also while its input is still open.",
    ],
    story: |lab| {
        let (upload, server) = connected(lab)?;
        let input = bytes(lab, 500, 500);
        upload.stdin().feed(&input);
        server.expect(&input)?;
        send_part_of_an_answer(lab, &upload, &server)?;
        server.reset()?;
        upload.expect_exit(1)?;
        upload.stdout().expect_end()?;
        upload.stderr().expect_reason()
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::StillRunning,
        mistakes: &["waits_for_input_after_a_reset"],
        hint: "The connection is gone, but a thread still waits for input, and your program waits for the thread. \
               Leave at a reset without joining it; thread::scope always joins.",
    }],
};

pub(super) const TAKES_NO_MORE: Test = Test {
    name: "reports an upload which the server no longer takes",
    points: 2,
    read: OTHER_SIDE_FIRST,
    proves: &[
        "Exit status 1, with the reason on standard error, in these cases:",
        "The server no longer takes the input: a write to it fails.",
        "A panic (exit status 101) is a failure, and so is death by SIGPIPE.",
    ],
    story: |lab| {
        let upload = upload_to_a_server_that_has_left(lab)?;
        upload.stdin().close();
        upload.expect_exit(1)?;
        upload.stdout().expect_end()?;
        upload.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["ignores_send_errors"],
            hint: "write has failed: the server has not got your whole input. Remember this, and exit with 1 at the \
                   end.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["spins_after_a_reset"],
            hint: "The connection is gone, and your program makes the same calls again and again. poll reports POLLERR \
                   and POLLHUP of a socket at once each time, also where it was not asked for them. When both are over, \
                   receiving and sending, do not poll the socket again: exit with 1.",
        },
    ],
};

pub(super) const WAITS_FOR_NO_INPUT: Test = Test {
    name: "does not wait for input which nobody takes",
    points: 1,
    read: OTHER_SIDE_FIRST,
    proves: &["It does not wait for the rest of its input."],
    story: |lab| {
        let upload = upload_to_a_server_that_has_left(lab)?;
        upload.expect_exit(1)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::StillRunning,
        mistakes: &["reads_on_after_a_failed_write"],
        hint: "After a failed write you can send no more, so you need not read more. Stop reading standard input, \
               print what the server has said, and end.",
    }],
};

pub(super) const END_DOES_NOT_ARRIVE: Test = Test {
    name: "reports a server that has gone before the last piece",
    points: 1,
    read: OTHER_SIDE_FIRST,
    proves: &[
        "(If the server has ended its own sending side before, it is enough to learn of the reset from the next \
         write, or from shutdown.)",
        "The server no longer takes the input: a write to it fails.",
        "A panic (exit status 101) is a failure, and so is death by SIGPIPE.",
    ],
    story: |lab| {
        let upload = upload_to_a_server_that_leaves(lab)?;
        lab.settle()?;
        upload.stdin().feed(bytes(lab, 1, 1_000));
        // Until the reset is here.
        lab.settle()?;
        upload.stdin().close();
        upload.expect_exit(1)?;
        upload.stdout().expect_end()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["ignores_the_error_of_shutdown"],
            hint: "The server has answered the last piece of the input with a reset, and no write follows that could \
                   fail. shutdown reports it: ENOTCONN means that there is no connection any more. Exit with 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_shutdown"],
            hint: "shutdown fails with ENOTCONN when the server has reset the connection. That is an ordinary event: \
                   report it, and exit with 1 instead of unwrapping.",
        },
    ],
};

pub(super) const ANSWER_AND_END: Test = Test {
    name: "prints all of an answer that has come together with its end",
    points: 1,
    read: BOTH_AT_ONCE,
    proves: &[
        "All that the server sends goes to standard output, unchanged, and as soon as it comes.",
        "The program ends when both directions have ended, with exit status 0.",
    ],
    story: |lab| {
        let (upload, server) = connected(lab)?;
        send_whole_input(&upload, &server, bytes(lab, 1, 1_000))?;
        lab.settle()?;
        upload.signals().freeze()?;
        // More than a program reads at once, less than its kernel can hold.
        let answer = text(lab, 30_000, 40_000);
        server.send_without_reading(&answer)?;
        server.close();
        upload.signals().resume()?;
        upload.stdout().expect(&answer)?;
        upload.expect_exit(0)?;
        upload.stdout().expect_end()
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["leaves_at_pollhup"],
        hint: "POLLHUP says that both directions have ended; it does not say that you have read everything. What has \
               come still waits in the receive buffer: read until read returns 0.",
    }],
};

pub(super) const REFUSES_THE_REST: Test = Test {
    name: "prints the answer of a server which refuses the rest",
    points: 2,
    read: OTHER_SIDE_FIRST,
    proves: &[
        "What came before the reset is printed.",
        "The server no longer takes the input: a write to it fails.",
        "The program then sends nothing more, but it still prints all that has come from the server.",
    ],
    story: |lab| {
        prints_the_answer_of_a_refusing_server(lab)?;
        prints_an_answer_that_has_come_with_the_refusal(lab)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &[
            "exits_when_sending_fails",
            "leaves_at_pollerr",
            "looks_at_pollerr_first",
            "leaves_when_a_write_fails",
        ],
        hint: "A failed write, or POLLERR, ends the sending and not the program. The answer has already arrived: \
               print it until read returns 0 or an error, then exit with 1.",
    }],
};

pub(super) const HANGUP_OF_THE_INPUT: Test = Test {
    name: "sends all that its input has left behind",
    points: 1,
    read: BOTH_AT_ONCE,
    proves: &[
        "It sends its standard input to the server, unchanged: any bytes, any length, also none.",
        "At the end of its input it ends its sending side of the connection, and goes on receiving.",
    ],
    story: |lab| {
        let (upload, server) = connected(lab)?;
        lab.settle()?;
        upload.signals().freeze()?;
        let input = bytes(lab, 50_000, 60_000);
        upload.stdin().feed(&input);
        upload.stdin().close();
        upload.signals().resume()?;
        server.expect(&input)?;
        server.expect_end()?;
        server.close();
        upload.expect_exit(0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ClosedEarly,
        mistakes: &["takes_a_hangup_for_the_end"],
        hint: "The writer of the pipe has gone, and poll says POLLHUP; but bytes are still in the pipe, more than one \
               read takes. Read on until read returns 0: only that is the end of the input.",
    }],
};

pub(super) const REFUSES_A_WRITE: Test = Test {
    name: "prints what has come before a write fails",
    points: 1,
    read: OTHER_SIDE_FIRST,
    proves: &[
        "What came before the reset is printed.",
        "The program then sends nothing more, but it still prints all that has come from the server.",
    ],
    story: |lab| {
        lab.follow_calls();
        let (upload, server) = connected(lab)?;
        leave_a_part_unread(lab, &upload)?;
        let frozen = upload
            .signals()
            .freeze_before(Call::Write.on(FdKind::Socket))?;
        upload.stdin().feed(bytes(lab, 100, 100));
        frozen.wait_until_frozen()?;
        let answer = answer_and_reset(lab, &server)?;
        frozen.resume()?;
        expect_the_answer_then_a_failure(lab, &upload, &answer)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["leaves_when_a_later_write_fails"],
        hint: "The write has failed, because the server has reset the connection. Its answer came before that, and \
               waits in the receive buffer. A failed write ends the sending and not the program: read until read \
               returns 0 or an error, print it all, then exit with 1.",
    }],
};

/// The server answers and closes, and two pieces of input follow: the first write brings a reset back, the second one
/// fails.
fn upload_to_a_server_that_has_left(lab: &Lab) -> Checked<Program> {
    let upload = upload_to_a_server_that_leaves(lab)?;
    for _ in 0..2 {
        lab.settle()?;
        upload.stdin().feed(bytes(lab, 1, 1_000));
    }
    lab.settle()?;
    Ok(upload)
}

/// The server answers and closes. It has read everything, so that there is no reset before the next write.
fn upload_to_a_server_that_leaves(lab: &Lab) -> Checked<Program> {
    let (upload, server) = connected(lab)?;
    let input = bytes(lab, 500, 500);
    upload.stdin().feed(&input);
    server.expect(&input)?;
    let answer = text(lab, 300, 300);
    server.send(&answer)?;
    lab.step(
        "the server: close with nothing unread, which ends its stream",
        || {
            server.close();
            Ok(())
        },
    )?;
    upload.stdout().expect(&answer)?;
    Ok(upload)
}

/// The server has not read the upload when it closes: that resets the connection, behind an answer which has arrived.
fn prints_the_answer_of_a_refusing_server(lab: &Lab) -> Checked {
    let (upload, server) = connected(lab)?;
    upload.stdout().fill()?;
    leave_a_part_unread(lab, &upload)?;
    // More than a program reads at once, less than its kernel can hold.
    let answer = text(lab, 30_000, 40_000);
    server.send_without_reading(&answer)?;
    lab.settle()?;
    lab.step(
        "the server: close with the upload unread, which is a reset",
        || {
            server.close();
            lab.settle()
        },
    )?;
    upload.stdin().feed(bytes(lab, 100, 100));
    lab.settle()?;
    upload.stdout().drain()?;
    expect_the_answer_then_a_failure(lab, &upload, &answer)
}

/// The same for a program that reads as much at once as has come: it learns of the answer, of the reset and of more input
/// at the same moment, and chooses itself at which it looks first.
fn prints_an_answer_that_has_come_with_the_refusal(lab: &Lab) -> Checked {
    let (upload, server) = connected(lab)?;
    leave_a_part_unread(lab, &upload)?;
    upload.signals().freeze()?;
    let answer = answer_and_reset(lab, &server)?;
    upload.stdin().feed(bytes(lab, 100, 100));
    upload.signals().resume()?;
    expect_the_answer_then_a_failure(lab, &upload, &answer)
}

/// The server gets a first part of the upload, and does not read it.
fn leave_a_part_unread(lab: &Lab, upload: &Program) -> Checked {
    upload.stdin().feed(bytes(lab, 500, 1_000));
    lab.step("the server: wait for it, and leave it unread", || {
        lab.settle()
    })
}

/// All of the answer is printed; and when the input has ended as well, the program ends with status 1.
fn expect_the_answer_then_a_failure(lab: &Lab, upload: &Program, answer: &[u8]) -> Checked {
    upload.stdout().expect(answer)?;
    lab.settle()?;
    upload.stdin().close();
    upload.expect_exit(1)?;
    upload.stdout().expect_end()
}

/// The server answers, and closes with a part of the upload unread. Returns the answer: more than a program reads at once,
/// less than its kernel can hold.
fn answer_and_reset(lab: &Lab, server: &Connection) -> Checked<Vec<u8>> {
    let answer = text(lab, 30_000, 40_000);
    server.send_without_reading(&answer)?;
    lab.step(
        "the server: close with the upload unread, which is a reset",
        || {
            server.close();
            Ok(())
        },
    )?;
    Ok(answer)
}
