//! What the command has started: all of it is in one process group.

use libc::{SIGSTOP, SIGTERM};

use super::{
    LONG, NONE_STAYS, OWN_STATUS, TIMED_OUT, TO_THE_GROUP, expect_nothing_left, expect_ready,
    launch, run, run_in_time,
};
use crate::promises::commands::make_script;
use harness::author::{
    Call, Checked, Child, Diagnosis, Fault, Lab, Launch, Program, Rejection, Test,
};

const CONTINUED: &str = "`SIGCONT` follows each of them but `SIGKILL`: a stopped process takes a signal only when it \
                         goes on.";

/// `sh family` waits for a child of its own, which is asked to end, and says so. It does not end at SIGTERM itself.
pub(super) fn make_family(lab: &Lab) -> Checked {
    make_script(
        lab,
        "member",
        "trap 'echo asked; exit' TERM\necho ready\nwhile ! read word; do :; done\n",
    )?;
    make_script(
        lab,
        "family",
        "trap : TERM\nexec 3<&0\nsh member <&3 3<&- &\nexec 3<&-\nwait\nwait\nexit 5\n",
    )
}

/// Waits until both of them run.
pub(super) fn expect_family(program: &Program) -> Checked<Child> {
    let member = expect_ready(program, "sh member")?;
    let family = program.children().running("sh family")?;
    family.wait_until_ended_or_asleep()?;
    Ok(member)
}

pub(super) const ASKED: Test = Test {
    name: "asks all processes that the command has started",
    points: 2,
    read: "Process groups, sessions and the terminal",
    proves: &[TO_THE_GROUP],
    story: |lab| {
        make_family(lab)?;
        let command = ["sh", "family"];
        let (program, _, _) = run_in_time(lab, LONG, &command, expect_family)?;
        program.stdout().expect_line("asked")?;
        program.expect_exit(TIMED_OUT)?;
        expect_nothing_left(lab, &program)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimedOut,
        mistakes: &["asks_the_command_only"],
        hint: "The command has started a process of its own, which hears nothing of SIGTERM, and the command waits \
                   for it. Make a process group for the command (setpgid), and send the signal to the group: kill with \
                   the negative number.",
    }],
};

pub(super) const MADE_IN_TIME: Test = Test {
    name: "makes the group before anybody needs it",
    points: 2,
    read: "Process groups, sessions and the terminal",
    proves: &[
        TO_THE_GROUP,
        "When the program gets `SIGHUP`, `SIGINT` or `SIGTERM` after the start of the command, however soon, it sends \
         the same signal on, and goes on waiting.",
    ],
    story: |lab| {
        lab.follow_calls();
        let program = lab.launch(Launch {
            fault: Some((Call::Group, Fault::Signal(SIGSTOP))),
            ..launch(LONG, LONG, &["cat"])
        })?;
        let first = program.signals().frozen_from_the_start(Call::Group)?;
        first.wait_until_frozen()?;
        if first.is_the_program()? {
            // What the child does without it, the child has done then.
            lab.settle()?;
            first.resume()?;
            program.children().running("cat")?;
            program.signals().send(SIGTERM)?;
        } else {
            first.wait_until_the_program_rests()?;
            program.signals().send(SIGTERM)?;
            first.wait_until_the_program_rests()?;
            first.resume()?;
        }
        program.expect_exit(128 + SIGTERM)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimedOut,
        mistakes: &["makes_the_group_in_the_child_only"],
        hint: "The signal was not for a group that is there. If the child alone calls setpgid, the parent may be \
               faster, and kill fails with ESRCH. If the parent alone calls it, the child may have called exec \
               (EACCES). Call it in both, and ignore its result in the parent.",
    }],
};

pub(super) const LEFT_BEHIND: Test = Test {
    name: "leaves no process behind when the command has ended",
    points: 2,
    read: "Signals for a whole group",
    proves: &[NONE_STAYS, OWN_STATUS],
    story: |lab| {
        let code = lab.random_number(1..=100);
        let script = "trap '' TERM HUP INT\nexec 3<&0\ncat <&3 3<&- &\nexit $1\n";
        make_script(lab, "leave", script)?;
        let command = ["sh", "leave", &code.to_string()];
        let program = run(lab, LONG, LONG, &command)?;
        program.expect_exit(code as i32)?;
        expect_nothing_left(lab, &program)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ProcessLeft,
            mistakes: &["leaves_the_group_alone", "asks_what_is_left"],
            hint: "The command has ended, and a process that it has started goes on, which ignores SIGTERM. When the \
                   command has ended, send SIGKILL to its group.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["waits_for_the_output_to_end"],
            hint: "The command has ended, but your program waits for the end of a pipe, which a process that the \
                   command has left holds open, too. Wait for the command itself, with waitpid.",
        },
    ],
};

pub(super) const STOPPED: Test = Test {
    name: "ends a command that is stopped",
    points: 2,
    read: "Stopped children",
    proves: &[CONTINUED, "A command that is stopped has not ended."],
    story: |lab| {
        let (program, (), _) = run_in_time(lab, LONG, &["cat"], |program| {
            program.children().running("cat")?.freeze()?;
            program.expect_alive()
        })?;
        program.expect_exit(TIMED_OUT)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["leaves_a_stopped_command_stopped"],
            hint: "The command is stopped, and SIGTERM waits in it until it goes on. Send SIGCONT behind SIGTERM.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["believes_every_sigchld"],
            hint: "The command is stopped, and your program forgets the time. SIGCHLD comes for a stop, too: it does \
                   not say that the command has ended. Ask with WNOHANG, and go on waiting for both.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["takes_a_stop_for_the_end"],
            hint: "SIGCHLD comes also when a child is stopped, and waitpid with WUNTRACED returns then. It has not \
                   ended: ask without WUNTRACED, with WNOHANG, and wait on.",
        },
    ],
};

pub(super) const STOPS_AGAIN: Test = Test {
    name: "ends a command that stops itself again whenever it goes on",
    points: 1,
    read: "Stopped children",
    proves: &[CONTINUED],
    story: |lab| {
        lab.follow_calls();
        let script = "echo ready\nwhile :; do kill -s STOP $$; done\n";
        make_script(lab, "stops", script)?;
        let program = run(lab, LONG, LONG, &["sh", "stops"])?;
        program.stdout().expect_line("ready")?;
        lab.settle()?;
        // A command that goes on before the signal is there has stopped again when it comes.
        let _between = program.signals().freeze_before_second(Call::Kill)?;
        program.signals().send(SIGTERM)?;
        lab.settle()?;
        program.signals().resume()?;
        program.expect_exit(128 + SIGTERM)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimedOut,
        mistakes: &["continues_before_it_asks"],
        hint: "The command stops itself again as soon as it goes on, as one in the background does that reads from the \
               terminal. With SIGCONT first, it has stopped before SIGTERM comes, which then waits in it. Send SIGTERM \
               first, and SIGCONT behind it: then it takes SIGTERM before it does anything else.",
    }],
};
