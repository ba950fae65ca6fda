//! The pid file, and names that belong to another server by now.

use libc::SIGTERM;

use super::{
    echo_some, expect_drained, leave, start_on_path, start_with_pid_file,
    unix::{self, some},
    visit,
};
use harness::author::{Call, Diagnosis, Launch, Rejection, Sleep, Test};

const WRITES: &str = "With `-p` the server writes its process number and a newline to `PIDFILE`, in place of what was \
                      there, after it listens and before it says so.";
const REMOVES: &str =
    "When the drain begins, the server removes `PATH` and `PIDFILE` while it still listens.";

pub(super) const PID_FILE: Test = Test {
    name: "keeps its process number in its pid file, until the drain begins",
    points: 2,
    read: "The pid file",
    proves: &[WRITES, REMOVES],
    story: |lab| {
        let name = lab.random_word(8);
        let file = lab.file(&name);
        // Of a predecessor, and longer than a new one.
        file.make("12345678901234567890\nserver\n", 0o644)?;
        let address = lab.any_port();
        let program = lab.launch(Launch {
            stdout_room: Some(0),
            ..Launch::new(["-p", &name, &address.to_string()])
        })?;
        program.sleeps(Sleep::Printing)?;
        file.expect(format!("{}\n", program.own_pid()))?;
        program.stdout().drain()?;
        let server = program.expect_announcement(address)?;
        let client = visit(lab, &server)?;
        lab.settle()?;
        server.program().signals().send(SIGTERM)?;
        file.expect_removed()?;
        lab.settle()?;
        echo_some(lab, &client)?;
        leave(lab, &client)?;
        expect_drained(server.program(), 1)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["knows_no_option"],
            hint: "`-p PIDFILE` may stand before the address. Read it, and write the process number to this file.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["writes_its_pid_too_late", "adds_its_pid_to_the_file"],
            hint: "PIDFILE holds the server's own process number (getpid) and a newline, in place of what was there: \
                   nothing before it, and nothing behind it. It holds them before the server says that it listens: who has \
                   read the line `listening` may read the file at once.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["writes_over_the_old_pid"],
            hint: "The pid file was longer before, and its end is still there. Open it with O_TRUNC: File::create and \
                   fs::write do so.",
        },
        Rejection {
            diagnosis: Diagnosis::MissingBytes,
            mistakes: &["forgets_the_newline"],
            hint: "The number is a line: it ends with a newline.",
        },
        Rejection {
            diagnosis: Diagnosis::FileLeft,
            mistakes: &["leaves_its_pid_file", "removes_its_pid_file_at_the_end"],
            hint: "The drain has begun, and the pid file is still there. Remove it at the signal, not at the end: by \
                   then it may be the successor's.",
        },
    ],
};

pub(super) const OF_ANOTHER_SERVER: Test = Test {
    name: "leaves the pid file of a living server alone",
    points: 2,
    read: "The pid file",
    proves: &[WRITES, "If it cannot listen, it leaves `PIDFILE` as it is."],
    story: |lab| {
        let name = lab.random_word(8);
        let living = start_with_pid_file(lab, &name)?;
        let address = living.address().to_string();
        lab.expect_refused_start(&["-p", &name, &address], 1)?;
        let pid = living.program().own_pid();
        lab.file(&name).expect(format!("{pid}\n"))?;
        let other = lab.random_word(9);
        lab.expect_refused_start(&["-p", &other, &address], 1)?;
        lab.file(&other).expect_removed()?;
        visit(lab, &living).map(drop)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["shares_the_port"],
            hint: "With SO_REUSEPORT two servers share one port, and each gets a part of the clients. Set \
                   SO_REUSEADDR only, and end with status 1 when bind fails.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["writes_its_pid_too_early"],
            hint: "Another server listens on this address, and its pid file now holds the number of a program that \
                   has ended. Write yours when listen has succeeded: then you know that it is your turn.",
        },
        Rejection {
            diagnosis: Diagnosis::MissingBytes,
            mistakes: &["removes_a_pid_file_that_is_not_its_own"],
            hint: "Your program could not listen, and has removed the pid file of the server that does. Remove only \
                   what you have made.",
        },
        Rejection {
            diagnosis: Diagnosis::FileLeft,
            mistakes: &["opens_its_pid_file_too_early"],
            hint: "Your program could not listen, and leaves a pid file where there was none. To open a file with \
                   O_CREAT makes it: open it when listen has succeeded.",
        },
    ],
};

pub(super) const WHILE_IT_LISTENS: Test = Test {
    name: "removes its names while it still listens",
    points: 2,
    read: "Names first, then the socket",
    proves: &[REMOVES],
    story: |lab| {
        lab.follow_calls();
        let name = lab.random_word(8);
        let server = start_with_pid_file(lab, &name)?;
        let removal = server.signals().freeze_before(Call::Remove)?;
        server.program().signals().send(SIGTERM)?;
        removal.wait_until_frozen()?;
        let address = server.address().to_string();
        lab.expect_refused_start(&["-p", &name, &address], 1)?;
        removal.resume()?;
        expect_drained(server.program(), 0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::StillRunning,
        mistakes: &["closes_before_it_removes"],
        hint: "Your server has closed its listening socket, and the pid file is still to be removed. A successor that \
               starts between the two writes its own, and your server removes that one. First remove the names, then \
               close the socket.",
    }],
};

pub(super) const OF_THE_SUCCESSOR: Test = Test {
    name: "leaves the names alone when they are its successor's",
    points: 2,
    read: "Names first, then the socket",
    proves: &[
        REMOVES,
        "After that it leaves both names alone: they may belong to its successor.",
        "From then on new clients are refused, and a successor can listen on the same address at once.",
    ],
    story: |lab| {
        let [path, name] = [lab.random_word(8), lab.random_word(9)];
        let socket = lab.unix_path(&path)?;
        let option = ["-p", name.as_str()];
        let old = start_on_path(lab, &option, &path)?;
        let client = unix::visit(lab, &socket)?;
        lab.settle()?;
        old.signals().send(SIGTERM)?;
        lab.file(&path).expect_removed()?;
        lab.file(&name).expect_removed()?;
        lab.settle()?;
        let successor = start_on_path(lab, &option, &path)?;
        client.expect_echo_of(some(lab))?;
        client.expect_end_after_half_close()?;
        expect_drained(&old, 1)?;
        lab.file(&name)
            .expect(format!("{}\n", successor.own_pid()))?;
        unix::visit(lab, &socket).map(drop)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Refused,
            mistakes: &["removes_its_path_again"],
            hint: "The drain is over, and your server has removed the path once more. By now it is the successor's, \
                   which no client can reach any more. Remove each name once, when the drain begins.",
        },
        Rejection {
            diagnosis: Diagnosis::MissingBytes,
            mistakes: &["removes_its_pid_file_again"],
            hint: "The drain is over, and your server has removed the pid file once more. By now it is the \
                   successor's. Remove each name once, when the drain begins.",
        },
    ],
};
