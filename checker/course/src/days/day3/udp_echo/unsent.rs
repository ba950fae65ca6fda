//! Answers that do not arrive: the client has gone, or the kernel refuses to send them.

use nix::errno::Errno;

use super::{ask, word};
use harness::author::{Call, Diagnosis, FdKind, Rejection, Sleep, Test};

pub(super) const CLOSED_CLIENT: Test = Test {
    name: "goes on when a client has closed before its answer",
    points: 1,
    read: "A client that has gone",
    proves: &[
        "A client that has closed its socket before its answer costs nothing.",
        "The server never ends by itself.",
    ],
    story: |lab| {
        let server = lab.start_udp_server(&[])?;
        let (closing, waiting) = (lab.udp_peer()?, lab.udp_peer()?);
        server.sleeps(Sleep::UntilSomethingComes)?;
        server.signals().freeze()?;
        closing.send_to(server.address(), lab.random_bytes(40))?;
        closing.close();
        server.signals().resume()?;
        // Wait until the server has handled this datagram: no other one may be queued when its answer fails.
        server.sleeps(Sleep::UntilSomethingComes)?;
        ask(&waiting, &server, word(lab))?;
        ask(&waiting, &server, word(lab))
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["dies_with_its_client"],
        hint: "This error belongs to an earlier answer, whose client has closed its socket. Do not set IP_RECVERR, or \
               go on after ECONNREFUSED.",
    }],
};

pub(super) const CANNOT_SEND: Test = Test {
    name: "goes on when the kernel refuses to send an answer",
    points: 2,
    read: "A client that has gone",
    proves: &[
        "If an answer cannot be sent, whatever the reason, the server says so on standard error and goes on.",
        "The server never ends by itself.",
        "Standard output gets the one line, everything else goes to standard error.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_udp_server(&[])?;
        let (failing, working) = (lab.udp_peer()?, lab.udp_peer()?);
        // ENETUNREACH: there is no route to the client. EPERM: a firewall rejects the answer.
        for errno in [Errno::ENETUNREACH, Errno::EPERM] {
            // A write is also sendto and sendmsg: `Call::Write` is all calls that send.
            let fault = server
                .faults()
                .fail_each(Call::Write.on(FdKind::Socket), errno)?;
            failing.send_to(server.address(), word(lab))?;
            fault.wait_until_hit()?;
            server.sleeps(Sleep::UntilSomethingComes)?;
            server.stderr().expect_reason()?;
            server.stdout().expect_quiet()?;
            fault.end();
            ask(&working, &server, word(lab))?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_when_it_cannot_answer", "knows_the_errors_of_sending"],
            hint: "sendto failed for one client, and the server ended for all clients. Whatever the error is, print \
                   it on standard error and wait for the next datagram.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["tries_again_for_ever"],
            hint: "sendto fails, and the program calls it again at once, with the same error. Call it again only \
                   after EINTR. After any other error, print it on standard error and wait for the next datagram.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["tells_of_lost_answers_on_stdout"],
            hint: "An answer could not be sent, and your program says so on standard output. That gets the \
                   `listening` line alone: a program that reads it would take more for an address. Use eprintln, not \
                   println.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["hides_a_lost_answer", "tells_of_one_lost_answer"],
            hint: "An answer could not be sent, and the program did not say so. Check the result of every sendto, and \
                   print each error on standard error.",
        },
    ],
};
