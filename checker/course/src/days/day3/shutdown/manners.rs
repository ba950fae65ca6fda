//! What the program says to the one who has started it.

use super::{
    BOTH_AT_ONCE, END_IS_A_MESSAGE, TWO_STREAMS, bytes, connected, lines, send_whole_input, text,
};
use crate::promises::{addresses, arguments, servers};
use harness::author::{
    Checked, Diagnosis, Lab, Launch, Program, Rejection, Sleep, StandardInput, Test,
};

pub(super) const PATIENCE: Test = Test {
    name: "waits for the answer as long as it takes",
    points: 1,
    read: END_IS_A_MESSAGE,
    proves: &[
        "It has no time limit of its own: a server may think for hours.",
        "It makes one TCP connection.",
    ],
    story: |lab| {
        lab.follow_calls();
        let listener = lab.listen_elsewhere()?;
        let upload = lab.start(&[&listener.address().to_string()])?;
        let server = listener.accept()?;
        lab.settle()?;
        upload.sleeps(Sleep::WithoutTimeLimit)?;
        send_whole_input(&upload, &server, lines(lab, 3))?;
        lab.settle()?;
        upload.sleeps(Sleep::WithoutTimeLimit)?;
        listener.expect_no_client()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::TimeLimited,
            mistakes: &["gives_up_a_silent_server"],
            hint: servers::NO_TIME_LIMIT,
        },
        Rejection {
            diagnosis: Diagnosis::CallForbidden,
            mistakes: &["connects_twice"],
            hint: "One connection carries both directions: what you send, and what the server answers. A second \
                   connection is another client for the server.",
        },
    ],
};

const FILES_ARE_READY: &str = "Standard input is a file here. A file never makes a reader wait, and epoll does not take \
                               one: epoll_ctl fails with EPERM. Look at what it returns. Read a file without waiting \
                               for it, or take poll, which calls a file readable at any time, or a thread.";

pub(super) const FILE_AS_INPUT: Test = Test {
    name: "sends a file which is its standard input",
    points: 1,
    read: BOTH_AT_ONCE,
    proves: &["Its standard input may be a pipe, a file or a terminal."],
    story: |lab| {
        let file = lab.file("input");
        let input = bytes(lab, 20_000, 70_000);
        file.make(&input, 0o644)?;
        let listener = lab.listen_elsewhere()?;
        let upload = lab.launch(Launch {
            stdin: StandardInput::File(file.name().to_owned()),
            ..Launch::new([listener.address().to_string()])
        })?;
        let server = listener.accept()?;
        server.expect(&input)?;
        server.expect_end()?;
        let answer = lines(lab, 2);
        server.send(&answer)?;
        upload.stdout().expect(&answer)?;
        server.close();
        upload.expect_exit(0)?;
        upload.stdout().expect_end()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["overlooks_that_epoll_takes_no_file"],
            hint: FILES_ARE_READY,
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_where_epoll_takes_no_file"],
            hint: FILES_ARE_READY,
        },
    ],
};

pub(super) const TELLS_ITS_COUNTS: Test = Test {
    name: "tells how many bytes went each way",
    points: 1,
    read: END_IS_A_MESSAGE,
    proves: &[
        "It then says on standard error how many bytes went each way, in words of your choice.",
        "Only the answer of the server goes to standard output.",
    ],
    story: |lab| {
        let (upload, server) = connected(lab)?;
        // Short sums, which nobody rounds or divides into groups.
        let input = [bytes(lab, 50, 249), bytes(lab, 50, 249)];
        let answer = [text(lab, 250, 499), text(lab, 250, 499)];
        let counts = [input.concat().len(), answer.concat().len()];
        for piece in &input {
            upload.stdin().feed(piece);
            server.expect(piece)?;
        }
        upload.stdin().close();
        server.expect_end()?;
        for piece in &answer {
            server.send(piece)?;
            upload.stdout().expect(piece)?;
        }
        server.close();
        upload.expect_exit(0)?;
        upload.stdout().expect_end()?;
        expect_numbers_on_stderr(lab, &upload, &counts)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["keeps_its_counts_to_itself", "tells_the_last_piece"],
        hint: "Add up the bytes that each direction carries, piece by piece, and print both sums on standard error at \
               the end, in decimal digits.",
    }],
};

pub(super) const WRONG_ARGUMENTS: Test = Test {
    name: "ends with status 2 when the arguments are wrong",
    points: 1,
    read: TWO_STREAMS,
    proves: &[
        "`ADDRESS` is an IPv4 address.",
        "Exit status 2 for wrong arguments, which are none, more than one, or one that is not `ADDRESS:PORT` (digits, \
         dots and a colon; no blank, no sign).",
        "A panic (exit status 101) is a failure, and so is death by SIGPIPE.",
    ],
    story: |lab| {
        let nobody = lab.reserve_address()?.refuse();
        addresses::refuses_all_else(lab, &nobody.to_string())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "mixes_up_its_statuses",
                "looks_names_up",
                "takes_a_bad_port_for_0",
                "takes_a_sign",
            ],
            hint: addresses::EXACTLY_AN_ADDRESS,
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_without_an_argument", "panics_on_bytes"],
            hint: arguments::NO_PANIC,
        },
    ],
};

/// Sees that these numbers are among what it has written on standard error, in any words.
fn expect_numbers_on_stderr(lab: &Lab, upload: &Program, numbers: &[usize]) -> Checked {
    let wanted: Vec<String> = numbers.iter().map(usize::to_string).collect();
    let list = wanted.join(" and ");
    lab.step(format!("see that its standard error tells {list}"), || {
        let said = upload.stderr().text()?;
        let told: Vec<&str> = said.split(|c: char| !c.is_ascii_digit()).collect();
        match wanted.iter().all(|number| told.contains(&number.as_str())) {
            true => Ok(()),
            false => lab.fail(
                Diagnosis::WrongOutput,
                format!("your program does not tell {list} on standard error"),
            ),
        }
    })
}
