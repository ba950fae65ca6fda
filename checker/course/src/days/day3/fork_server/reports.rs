//! The line which the server prints for each child that has ended.

use harness::author::{Checked, Child, Diagnosis, Lab, Launch, Rejection, Server, Signals, Test};

use super::{Visit, leave, take_any, three_visits, visit};
use crate::promises::commands;

pub(super) const EACH_CHILD: Test = Test {
    name: "reports each child that has ended",
    points: 1,
    read: "SIGCHLD: one signal for many children",
    proves: &[
        "When it is ready for clients, the server prints exactly one line, `listening IP:PORT`, with the port it \
         really has.",
        "It prints one line for each: `child PID exited STATUS` if the child ended by itself, `child PID killed \
         SIGNAL` if a signal has killed it.",
        "They are flushed.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let mut visits = Vec::from(three_visits(lab, &server)?);
        expect_statuses_kept(lab, &server)?;
        expect_reports(lab, &server, &mut visits)?;
        lab.settle()?;
        // What a server opens for good, it may open for its first clients.
        let before = server.descriptors().count()?;
        visits.extend(three_visits(lab, &server)?);
        expect_reports(lab, &server, &mut visits)?;
        server.descriptors().expect_at_most(before)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongDisposition,
            mistakes: &["ignores_sigchld"],
            hint: "With SIG_IGN for SIGCHLD the kernel throws the statuses away. Install a handler, an empty one will \
                   do, and ask waitpid.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &[
                "reaps_in_silence",
                "throws_statuses_away",
                "reports_on_standard_error",
            ],
            hint: "The child has been collected, but no line comes on standard output. If waitpid has returned its PID: \
                   print the line directly after it, on standard output and not on standard error, and flush. If it \
                   never does, the kernel throws the statuses away: SIGCHLD has SIG_IGN or SA_NOCLDWAIT.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["child_takes_the_end_for_a_loss", "prints_its_own_pid"],
            hint: "The client has ended its sending side, and has got the end of the stream: it is served. PID is the \
                   number that waitpid returns, of the child that has served it; and this child ends with status 0, \
                   also when read has returned 0.",
        },
        Rejection {
            diagnosis: Diagnosis::ZombieLeft,
            mistakes: &["sleeps_in_accept"],
            hint: "SIGCHLD wakes your server, and then it sleeps in another call, usually in accept: the listening \
                   socket blocks. Make that one non-blocking, and sleep in one place only, where SIGCHLD wakes it.",
        },
        Rejection {
            diagnosis: Diagnosis::DescriptorLeaked,
            mistakes: &["keeps_a_pidfd_for_each_child"],
            hint: "With each client the server holds one more descriptor (a pidfd or a pipe, for example), and in \
                   the end none is left for accept. Close what belongs to a child when waitpid has collected it.",
        },
    ],
};

pub(super) const HOW_IT_ENDED: Test = Test {
    name: "tells how each child ended",
    points: 2,
    read: "Zombies, and how to collect them",
    proves: &[
        "The child ends with status 0 if it has served its client to the end, and with 1 (and the reason on standard \
         error) if the client was lost, for instance by a reset.",
        "It prints one line for each: `child PID exited STATUS` if the child ended by itself, `child PID killed \
         SIGNAL` if a signal has killed it.",
        "`SIGNAL` is the number, for instance 9; a real-time signal has no other name.",
        "A panic (exit status 101) is a failure, in a child too.",
    ],
    story: |lab| {
        let address = lab.any_port();
        let mut launch = Launch::new([address.to_string()]);
        commands::allow_cores(&mut launch);
        let server = lab.launch(launch)?.expect_announcement(address)?;
        let [first, second, third] = three_visits(lab, &server)?;
        second.client.reset()?;
        expect_lost_client(lab, &server, &second.child)?;
        // The next child ends when the server sleeps again: what ends before that is the matter of a later test.
        lab.settle()?;
        third.child.signal(libc::SIGKILL)?;
        server
            .stdout()
            .expect_line(format!("child {} killed 9", third.child.own_pid()))?;
        lab.settle()?;
        // The kernel says in the status, too, that it has written the memory of this one to a file.
        let fourth = visit(lab, &server)?;
        fourth.child.signal(libc::SIGABRT)?;
        server
            .stdout()
            .expect_line(format!("child {} killed 6", fourth.child.own_pid()))?;
        lab.settle()?;
        leave(lab, &first.client)?;
        server
            .stdout()
            .expect_line(format!("child {} exited 0", first.child.own_pid()))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["child_panics"],
            hint: "A reset by the client is ordinary, but the child panics. Handle the error: print it on standard \
                   error and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["child_hides_a_lost_client"],
            hint: "The client is lost, but its child ends as if it had served the client. Let the child end with 1 \
                   when read or write has failed.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "prints_the_raw_status",
                "prints_the_signal_name",
                "says_exited_of_a_killed_child",
            ],
            hint: "Print the word and a plain number: `exited` and WEXITSTATUS if WIFEXITED says that the child ended by \
                   itself, `killed` and WTERMSIG if WIFSIGNALED says that a signal has killed it. The status word of \
                   waitpid is neither; nor is its low byte, in which bit 128 says that there is a core file.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["stops_at_a_killed_child"],
            hint: "A child does not only exit: a signal can kill it. Handle WaitStatus::Signaled, too, and go on with \
                   the loop.",
        },
    ],
};

/// All clients leave, in any order, and the server tells each time that the child has ended.
fn expect_reports(lab: &Lab, server: &Server, visits: &mut Vec<Visit>) -> Checked {
    while !visits.is_empty() {
        let visit = take_any(lab, visits);
        leave(lab, &visit.client)?;
        server
            .stdout()
            .expect_line(format!("child {} exited 0", visit.child.own_pid()))?;
    }
    Ok(())
}

/// With SIGCHLD ignored, the kernel collects the children itself, and nobody can tell how they ended.
fn expect_statuses_kept(lab: &Lab, server: &Server) -> Checked {
    lab.step(
        "see that SIGCHLD is not ignored",
        || match Signals::contains(server.signals().dispositions()?.ignored, libc::SIGCHLD) {
            false => Ok(()),
            true => lab.fail(
                Diagnosis::WrongDisposition,
                "your program ignores SIGCHLD: it cannot learn how its children end",
            ),
        },
    )
}

/// The child of a client which has reset its connection ends with status 1.
pub(super) fn expect_lost_client(lab: &Lab, server: &Server, child: &Child) -> Checked {
    let prefix = format!("child {} exited ", child.own_pid());
    let step = format!("expect the line \"{prefix}1\" on its standard output");
    let line = lab.step(step, || {
        server.stdout().next_line("a line on standard output")
    })?;
    let status = line
        .strip_prefix(prefix.as_bytes())
        .and_then(|status| str::from_utf8(status).ok()?.parse().ok());
    match status {
        Some(1) => Ok(()),
        Some(101) => lab.fail(
            Diagnosis::Panicked,
            "a child panicked (exit status 101) when its client reset the connection",
        ),
        Some(other @ 0..=255) => lab.fail(
            Diagnosis::WrongStatus,
            format!("a child ends with exit status {other} when its client has reset the connection; 1 is right here"),
        ),
        _ => lab.fail(
            Diagnosis::WrongOutput,
            format!("your program prints \"{}\"; the test expects \"{prefix}1\"", line.escape_ascii()),
        ),
    }
}
