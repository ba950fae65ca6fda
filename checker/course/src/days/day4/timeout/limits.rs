//! The limit, and the grace behind it.

use std::time::{Duration, Instant};

use super::{
    AT_GRACE, AT_LIMIT, ENDS_LIKE_IT, LATE, LONG, TIMED_OUT, expect_nothing_left, expect_ready,
    run, run_in_time,
};
use crate::promises::{commands::make_script, time_limits::has_lasted};
use harness::author::{Checked, Diagnosis, Lab, Rejection, Sleep, Test};

/// Says that it is asked, and ends by itself when it has read a word.
const POLITE: &str =
    "trap 'echo asked; read word; exit '$1 TERM\necho ready\nwhile ! read word; do :; done\n";

/// As many milliseconds as more than an hour has: in microseconds, and in nanoseconds, that is a little more than a multiple
/// of 2^32.
const MORE_THAN_32_BITS: &str = "4294968";

pub(super) const TOO_LONG: Test = Test {
    name: "ends a command when the limit is over, and not before",
    points: 2,
    read: "A limit for a command",
    proves: &[
        "`LIMIT` and `GRACE` are milliseconds: decimal numbers from 1 to 1000000000, in digits only (no sign, no blank).",
        AT_LIMIT,
        ENDS_LIKE_IT,
        LATE,
    ],
    story: |lab| {
        // No whole second, so that a program which counts in seconds is found; and longer than a busy machine takes to start
        // and end the command, so that a program which counts in microseconds is early.
        const LIMIT: u64 = 750;
        let begun = Instant::now();
        let program = run(lab, &LIMIT.to_string(), LONG, &["cat"])?;
        program.expect_exit(TIMED_OUT)?;
        expect_not_early(lab, begun, LIMIT)?;
        expect_nothing_left(lab, &program)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["has_no_limit", "rounds_down_to_seconds"],
            hint: "The limit is over, and nothing happens. Have you set a timer, and does it know milliseconds? \
                   (alarm(2) takes whole seconds, and alarm(0) sets none.)",
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &[
                "counts_seconds",
                "waits_for_the_grace_always",
                "makes_no_group",
                "makes_the_group_too_late",
            ],
            hint: "Your program waits much longer than it should. LIMIT is in milliseconds. Has kill failed with \
                   ESRCH? Then there is no such group: call setpgid in the child, since EACCES says that it is too late. And when the command has ended \
                   at SIGTERM, do not wait for the end of GRACE.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "gives_the_status_after_the_limit",
                "lets_the_alarm_kill_the_command",
            ],
            hint: "The limit was over, and a signal has ended the command. Your program sends this signal, SIGTERM, \
                   and remembers it: then the status is 124, whatever waitpid says.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["counts_microseconds"],
            hint: "The command is ended before its time is over. LIMIT is in milliseconds: a timeval has seconds and \
                   microseconds, a timespec seconds and nanoseconds.",
        },
        Rejection {
            diagnosis: Diagnosis::ProcessLeft,
            mistakes: &["leaves_the_command_alone"],
            hint: "Your program has ended with 124, and the command goes on. Send it SIGTERM with kill(2), and wait \
                   until it has ended.",
        },
    ],
};

pub(super) const SLEEPS: Test = Test {
    name: "sleeps while the command runs",
    points: 2,
    read: "The end of the command and the end of the time",
    proves: &[
        "While nothing happens it sleeps in a system call, and does not look again and again.",
        "It waits until the command has ended.",
    ],
    story: |lab| {
        let program = run(lab, MORE_THAN_32_BITS, LONG, &["cat"])?;
        program.children().running("cat")?;
        program.sleeps(Sleep::Undisturbed)?;
        program.stdin().close();
        program.expect_exit(0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["asks_again_and_again", "naps_between_its_looks"],
            hint: "Your program asks again and again whether the command has ended, or the time is over. Let one call wait \
                   for both, and sleep in it: sigtimedwait for SIGCHLD, or poll for a signalfd, with the time that is left.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["counts_in_32_bits"],
            hint: "The command is ended long before its time is over. LIMIT may be 1000000000: as a number of \
                   microseconds or nanoseconds that does not fit into 32 bits. Take 64, or a Duration.",
        },
    ],
};

pub(super) const ASKED_FIRST: Test = Test {
    name: "asks the command to end, and gives it time for that",
    points: 2,
    read: "A limit for a command",
    proves: &[AT_LIMIT, AT_GRACE, LATE],
    story: |lab| {
        make_script(lab, "polite", POLITE)?;
        // Its own status says nothing, be it that all is well.
        for status in ["3", "0"] {
            let command = ["sh", "polite", status];
            let (program, _, _) = run_in_time(lab, MORE_THAN_32_BITS, &command, |program| {
                expect_ready(program, &command.join(" "))
            })?;
            program.stdout().expect_line("asked")?;
            program.expect_alive()?;
            program.stdin().feed("word\n");
            program.expect_exit(TIMED_OUT)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "kills_at_once",
                "asks_with_sigint",
                "counts_the_grace_in_32_bits",
            ],
            hint: "The command wants to tidy up before it ends, and gets no time for that. SIGTERM asks it to end; \
                   wait GRACE milliseconds for its end before you send SIGKILL, which no program can catch. (GRACE may \
                   be 1000000000: in microseconds or nanoseconds it does not fit into 32 bits.)",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "believes_the_exit_status_after_the_limit",
                "believes_a_success_after_the_limit",
            ],
            hint: "The command has ended by itself, but only because the limit was over and your program has sent \
                   SIGTERM. Then the status is 124, whatever its own is.",
        },
    ],
};

pub(super) const DEAF: Test = Test {
    name: "kills a command that does not end at SIGTERM, but not before",
    points: 2,
    read: "A limit for a command",
    proves: &[AT_GRACE, LATE],
    story: |lab| {
        // Much longer than a busy machine needs to tell that the command has ended.
        const GRACE: u64 = 400;
        let command = ["sh", "-c", "trap '' TERM; echo ready; exec cat"];
        let (program, (), limit) = run_in_time(lab, &GRACE.to_string(), &command, |program| {
            program.stdout().expect_line("ready")
        })?;
        program.expect_exit(TIMED_OUT)?;
        expect_not_early(lab, limit.begun, limit.milliseconds + GRACE)?;
        expect_nothing_left(lab, &program)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["never_kills", "asks_twice"],
            hint: "A program may ignore SIGTERM, and this one does. GRACE milliseconds after SIGTERM, send SIGKILL, \
                   which nothing can ignore.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["says_137_after_the_kill"],
            hint: "SIGKILL has ended the command, but only because its time was over: the status is 124.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["counts_the_grace_from_the_start"],
            hint: "SIGKILL comes too early. GRACE begins when SIGTERM is sent, and not with the command.",
        },
    ],
};

/// Sees that at least so many milliseconds have passed.
fn expect_not_early(lab: &Lab, begun: Instant, least: u64) -> Checked {
    lab.step(
        format!("see that {least} ms have passed since the start"),
        || {
            let took = begun.elapsed();
            match has_lasted(took, Duration::from_millis(least)) {
                true => Ok(()),
                false => lab.fail(
                    Diagnosis::Exited,
                    format!(
                        "your program has ended the command after {} ms; it has {least} ms",
                        took.as_millis()
                    ),
                ),
            }
        },
    )
}
