//! UNIX sockets: a path that somebody has to remove, and who that is.

use libc::SIGTERM;

use super::{expect_drained, start_on_path};
use harness::author::{Checked, Diagnosis, Lab, Launch, Rejection, Test, UnixClient, UnixPath};

const TAKES_ITS_PLACE: &str =
    "If `PATH` is the socket of a server that is dead, this server takes its place.";
const LEAVES_IT: &str = "If another server listens there, or if `PATH` is no socket, it leaves `PATH` as it is and \
                         ends with status 1.";

pub(super) const UNIX_SOCKET: Test = Test {
    name: "serves at a path, and removes it when the drain begins",
    points: 2,
    read: "The path of a UNIX socket",
    proves: &[
        "With `unix:PATH` it listens on a UNIX socket at `PATH`, which has 1 to 107 bytes.",
        "When it is ready for clients and for signals, the server prints exactly one line: `listening IP:PORT`, with \
         the port it really has, or `listening unix:PATH`.",
        "When the drain begins, the server removes `PATH` and `PIDFILE` while it still listens.",
    ],
    story: |lab| {
        // sun_path is full with the second one.
        let longest = format!("./{}", lab.random_word(105));
        for path in [lab.random_word(8), longest] {
            let name = path.trim_start_matches("./");
            let socket = lab.unix_path(name)?;
            let program = start_on_path(lab, &[], &path)?;
            let client = visit(lab, &socket)?;
            lab.settle()?;
            program.signals().send(SIGTERM)?;
            lab.file(name).expect_removed()?;
            lab.settle()?;
            client.expect_echo_of(some(lab))?;
            client.expect_end_after_half_close()?;
            expect_drained(&program, 1)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["knows_no_unix_sockets"],
            hint: "`unix:` and a path mean a socket of the family AF_UNIX: `SockaddrUn` in C, `UnixAddr` of nix, or \
                   `UnixListener`. All else stays as it is. The path has 107 bytes at most, and 107 are right.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["announces_the_bare_path"],
            hint: "The line is `listening unix:PATH`: what stands behind the blank is the argument, as it was given.",
        },
        Rejection {
            diagnosis: Diagnosis::FileLeft,
            mistakes: &["leaves_its_path"],
            hint: "The path of a UNIX socket stays when the socket is closed, also when its process ends. unlink it \
                   when the drain begins.",
        },
        Rejection {
            diagnosis: Diagnosis::Refused,
            mistakes: &["cuts_the_path"],
            hint: "The path has 107 bytes, and sun_path has room for 108: this one fits, with the 0 at its end. Do not \
                   cut it: a client that has the whole path finds nothing there.",
        },
    ],
};

pub(super) const DEAD_PREDECESSOR: Test = Test {
    name: "takes the path of a server that was killed",
    points: 2,
    read: "The path of a UNIX socket",
    proves: &[TAKES_ITS_PLACE],
    story: |lab| {
        let path = lab.random_word(8);
        let socket = lab.unix_path(&path)?;
        let dead = start_on_path(lab, &[], &path)?;
        dead.kill()?;
        let program = start_on_path(lab, &[], &path)?;
        let client = visit(lab, &socket)?;
        client.expect_end_after_half_close()?;
        lab.settle()?;
        program.signals().send(SIGTERM)?;
        expect_drained(&program, 0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["stumbles_over_a_dead_path"],
        hint: "bind fails with EADDRINUSE, because the path of the dead server is still there; SO_REUSEADDR does not \
               help. connect to it: ECONNREFUSED says that nobody listens. Then unlink it, and bind again.",
    }],
};

pub(super) const LIVING_SERVER: Test = Test {
    name: "leaves the path of a living server alone",
    points: 2,
    read: "The path of a UNIX socket",
    proves: &[LEAVES_IT, "The reason is on standard error."],
    story: |lab| {
        let path = lab.random_word(8);
        let socket = lab.unix_path(&path)?;
        let living = start_on_path(lab, &[], &path)?;
        let client = visit(lab, &socket)?;
        lab.settle()?;
        let address = format!("unix:{path}");
        lab.expect_refused_start(&[&address], 1)?;
        visit(lab, &socket)?;
        // It lives, but answers nobody at the moment.
        living.signals().freeze()?;
        lab.expect_refused_start(&[&address], 1)?;
        living.signals().resume()?;
        client.expect_echo_of(some(lab))?;
        visit(lab, &socket)?;
        // This one lives, too, but nobody may connect to it.
        let path = lab.random_word(9);
        lab.unix_path(&path)?;
        let address = format!("unix:{path}");
        let closed = lab.launch(Launch {
            umask: 0o777,
            ..Launch::new([&address])
        })?;
        closed
            .stdout()
            .expect_line(format!("listening {address}"))?;
        lab.expect_refused_start(&[&address], 1)?;
        lab.settle()?;
        closed.signals().send(SIGTERM)?;
        expect_drained(&closed, 0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_it_cannot_listen"],
            hint: "bind can fail, for example because another server has this address. Say why on standard error, and \
                   end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &[
                "removes_any_path",
                "asks_for_an_answer",
                "takes_any_error_for_a_dead_socket",
            ],
            hint: "Another server listens on this path, and your program has taken it away. connect tells whether \
                   somebody listens: only ECONNREFUSED means that nobody does, and no other error does (EACCES, EAGAIN). A \
                   server that is stopped or busy lives, although it does not answer.",
        },
        Rejection {
            diagnosis: Diagnosis::Refused,
            mistakes: &["removes_a_path_that_is_not_its_own"],
            hint: "Your program could not listen, and has removed the path when it ended. It is the path of another \
                   server: remove only what you have made.",
        },
    ],
};

pub(super) const NO_SOCKET: Test = Test {
    name: "leaves a file alone that is no socket",
    points: 2,
    read: "The path of a UNIX socket",
    proves: &[LEAVES_IT],
    story: |lab| {
        let path = lab.random_word(8);
        // What follows needs sockets.
        lab.unix_path(&path)?;
        let file = lab.file(&path);
        let content = lab.random_word(40);
        file.make(&content, 0o644)?;
        lab.expect_refused_start(&[&format!("unix:{path}")], 1)?;
        file.expect(content)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::StillRunning,
        mistakes: &["removes_a_file"],
        hint: "This path is an ordinary file, and your program has deleted it. connect fails with ECONNREFUSED for a \
               file that is no socket, too: ask lstat first, and look for S_IFSOCK.",
    }],
};

/// A client comes to the path, and gets an echo.
pub(super) fn visit(lab: &Lab, socket: &UnixPath) -> Checked<UnixClient> {
    let client = socket.connect()?;
    client.expect_echo_of(some(lab))?;
    Ok(client)
}

pub(super) fn some(lab: &Lab) -> Vec<u8> {
    lab.random_bytes(lab.random_number(1..=300) as usize)
}
