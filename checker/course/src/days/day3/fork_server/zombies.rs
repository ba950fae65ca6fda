//! Children that have ended: the server collects them, whatever else goes on.

use harness::author::{Checked, Diagnosis, Lab, Rejection, Server, Sleep, Test};

use super::{Visit, echo_some, take_any, three_visits, visit};

pub(super) const EARLIER_CLIENT: Test = Test {
    name: "keeps no zombie of an earlier client",
    points: 2,
    read: "Zombies, and how to collect them",
    proves: &[
        "The server collects every child as soon as it has ended, also while no new client comes, and be it in \
               the moment before the server goes to sleep.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let earlier = visit(lab, &server)?;
        earlier.end(lab)?;
        server.sleeps(Sleep::NotForAChild)?;
        let later = server.connect()?;
        echo_some(lab, &later)?;
        earlier.child.expect_reaped()?;
        echo_some(lab, &later)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ZombieLeft,
        mistakes: &["never_reaps"],
        hint: "A child that has ended stays a zombie until its parent calls waitpid. Call it in the server's loop, \
               with WNOHANG.",
    }],
};

pub(super) const ANOTHER_LIVES: Test = Test {
    name: "collects a child at once while another one lives",
    points: 3,
    read: "Waiting for clients and children",
    proves: &[
        "The server collects every child as soon as it has ended, also while no new client comes, and be it in \
               the moment before the server goes to sleep.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let mut visits = vec![visit(lab, &server)?, visit(lab, &server)?];
        server.sleeps(Sleep::NotForAChild)?;
        let goes = take_any(lab, &mut visits);
        let stays = take_any(lab, &mut visits);
        end_and_wake(lab, &server, &goes)?;
        goes.child.expect_reaped()?;
        let next = server.connect()?;
        echo_some(lab, &next)?;
        echo_some(lab, &stays.client)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ZombieLeft,
            mistakes: &[
                "reaps_with_the_next_client",
                "restarts_accept",
                "sleeps_again_after_eintr",
            ],
            hint: "The zombie stays until the next client comes. Either the end of a child does not wake the server: \
                   then install a handler for SIGCHLD, without SA_RESTART, so that the sleeping call returns. Or it is \
                   woken (EINTR), and sleeps again at once: call waitpid before that.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["waits_without_wnohang"],
            hint: "One child has ended, another one lives, and waitpid sleeps until that one ends, too. Pass WNOHANG, \
                   and stop when it returns 0.",
        },
        Rejection {
            diagnosis: Diagnosis::TimeLimited,
            mistakes: &["looks_every_three_seconds"],
            hint: "The end of a child does not wake the server: it looks when a time limit is over, and until then \
                   the child is a zombie. Install a handler for SIGCHLD, without SA_RESTART, so that the sleeping \
                   call returns, and sleep without a limit.",
        },
    ],
};

pub(super) const THREE_TOGETHER: Test = Test {
    name: "collects three children who ended together",
    points: 3,
    read: "SIGCHLD: one signal for many children",
    proves: &[
        "The server collects every child as soon as it has ended, also while no new client comes, and be it in \
               the moment before the server goes to sleep.",
    ],
    story: |lab| {
        let server = lab.start_server()?;
        let visits = three_visits(lab, &server)?;
        server.sleeps(Sleep::NotForAChild)?;
        server.signals().freeze()?;
        for visit in &visits {
            visit.end(lab)?;
        }
        server.signals().resume()?;
        for visit in &visits {
            visit.child.expect_reaped()?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ZombieLeft,
        mistakes: &["one_wait_per_signal"],
        hint: "Three children ended, and one SIGCHLD told of them: signals do not queue. Call waitpid in a loop until \
               it returns 0 or fails with ECHILD.",
    }],
};

pub(super) const IN_THE_GAP: Test = Test {
    name: "collects a child who ends just before the server sleeps",
    points: 3,
    read: "Waiting for clients and children",
    proves: &[
        "The server collects every child as soon as it has ended, also while no new client comes, and be it in \
               the moment before the server goes to sleep.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = lab.start_server()?;
        let early = visit(lab, &server)?;
        server.sleeps(Sleep::NotForAChild)?;
        let gap = server.signals().freeze_in_the_gap()?;
        let late = server.connect()?;
        gap.wait_until_hit()?;
        server.signals().wait_until_frozen()?;
        early.end(lab)?;
        server.signals().resume()?;
        early.child.expect_reaped()?;
        echo_some(lab, &late)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ZombieLeft,
        mistakes: &["looks_then_accepts", "unblocks_then_polls"],
        hint: "The child ends after the server has looked for it and before the server sleeps: SIGCHLD comes, its \
               handler runs, and then nothing wakes the server. Keep SIGCHLD blocked, and let ppoll open the mask and \
               sleep in one step.",
    }],
};

/// The client leaves, and its child ends. A server which has come to rest and sleeps on, without a word of it, is not woken
/// by its children: then a time limit of its sleep, if it has one, is all that makes it look.
fn end_and_wake(lab: &Lab, server: &Server, visit: &Visit) -> Checked {
    let sleeps_without_limit = server.sleeps(Sleep::WithoutTimeLimit);
    visit.end(lab)?;
    lab.settle()?;
    match server.stdout().expect_quiet() {
        Ok(()) => sleeps_without_limit,
        Err(_) => Ok(()),
    }
}
