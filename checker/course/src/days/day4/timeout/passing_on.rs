//! Signals that the program gets itself.

use std::time::{Duration, Instant};

use libc::{SIGHUP, SIGINT, SIGSTOP, SIGTERM};

use super::{
    AT_GRACE, AT_LIMIT, KILLED, LONG, TIMED_OUT, TO_THE_GROUP, expect_ready,
    group::{expect_family, make_family},
    launch, run, run_in_time,
};
use crate::promises::commands::make_script;
use harness::author::{Call, Diagnosis, Ending, Fault, Launch, Rejection, Test};

const PASSED_ON: &str = "When the program gets `SIGHUP`, `SIGINT` or `SIGTERM` after the start of the command, however \
                         soon, it sends the same signal on, and goes on waiting.";

/// Says what it gets, and ends with the status that it reads.
const LISTENER: &str = "for name in HUP INT TERM; do trap \"echo $name\" $name; done\necho ready\n\
                        while ! read word; do :; done\nexit $word\n";

pub(super) const EACH: Test = Test {
    name: "passes on each signal that it gets",
    points: 2,
    read: "A signal for the one who waits",
    proves: &[PASSED_ON, KILLED],
    story: |lab| {
        make_script(lab, "listen", LISTENER)?;
        let program = run(lab, LONG, LONG, &["sh", "listen"])?;
        let command = expect_ready(&program, "sh listen")?;
        for (signal, name) in [
            (SIGHUP, "HUP"),
            (SIGTERM, "TERM"),
            (SIGINT, "INT"),
            (SIGHUP, "HUP"),
        ] {
            program.signals().send(signal)?;
            program.stdout().expect_line(name)?;
            command.wait_until_ended_or_asleep()?;
        }
        let code = lab.random_number(1..=99);
        program.stdin().feed(format!("{code}\n"));
        program.expect_exit(code as i32)?;
        let program = run(lab, LONG, LONG, &["cat"])?;
        program.children().running("cat")?;
        program.signals().send(SIGTERM)?;
        program.expect_exit(128 + SIGTERM)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["does_nothing_about_signals", "passes_on_sigterm_only"],
            hint: "A signal has killed your program, and the command would live on without it. Block SIGHUP, SIGINT \
                   and SIGTERM, wait for them as you wait for SIGCHLD, and send them to the command.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["passes_on_sigterm_always", "ends_the_command_at_a_signal"],
            hint: "The command gets another signal than your program. Pass on the one that has come.",
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["ignores_what_it_gets"],
            hint: "Your program has got the signal, and the command has not. Send it on, with kill.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_when_it_has_passed_on"],
            hint: "The command may catch the signal and go on. So must your program: it ends when the command has \
                   ended.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["says_124_for_a_signal"],
            hint: "The limit is not over: status 124 is for that only. The command was killed by the signal that was \
                   passed on, so the status is 128 + its number.",
        },
    ],
};

pub(super) const WHOLE_GROUP: Test = Test {
    name: "passes a signal on to the whole group, also where it is stopped",
    points: 1,
    read: "Signals for a whole group",
    proves: &[PASSED_ON, TO_THE_GROUP],
    story: |lab| {
        make_family(lab)?;
        let program = run(lab, LONG, LONG, &["sh", "family"])?;
        expect_family(&program)?.freeze()?;
        program.signals().send(SIGTERM)?;
        program.stdout().expect_line("asked")?;
        program.expect_exit(5)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimedOut,
        mistakes: &["passes_on_to_the_command_only", "passes_on_without_sigcont"],
        hint: "The signal has to reach all processes of the group, also a stopped one: kill with the negative number \
               of the group, and SIGCONT behind it, as at the limit.",
    }],
};

pub(super) const SAME_LIMIT: Test = Test {
    name: "gives the command no more time when a signal comes",
    points: 1,
    read: "Timers: alarm, setitimer, timerfd",
    proves: &["The limit stays where it was.", AT_GRACE],
    story: |lab| {
        make_script(lab, "listen", LISTENER)?;
        // On a busy machine there may be a good deal of time between two signals. It must be shorter than the grace.
        let (program, command, limit) = run_in_time(lab, "600", &["sh", "listen"], |program| {
            expect_ready(program, "sh listen")
        })?;
        let ready = Instant::now();
        let limit = Duration::from_millis(limit.milliseconds);
        let step = "send it SIGHUP again and again, each time when the command has said so";
        lab.step(step, || {
            let mut late = 0;
            loop {
                late += u32::from(ready.elapsed() > limit);
                if late > MOST_LATE && ready.elapsed() > 10 * limit {
                    return lab.fail(
                        Diagnosis::StillRunning,
                        "the limit is over ten times, and the command still runs: each SIGHUP gives it more time",
                    );
                }
                program.signals().send(SIGHUP)?;
                let line = program.stdout().next_line("the line \"HUP\"");
                // In the middle comes the SIGTERM of the limit.
                if !line.is_ok_and(|line| line == b"HUP" || line == b"TERM") {
                    return Ok(());
                }
                command.wait_until_ended_or_asleep()?;
            }
        })?;
        match program.wait_for_end()? {
            // The last signal may have come when the command had ended, and the program forgot its signals.
            Ending::Signal(SIGHUP) => Ok(()),
            _ => program.expect_exit(TIMED_OUT),
        }
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::StillRunning,
        mistakes: &["begins_the_limit_anew", "begins_the_grace_anew"],
        hint: "Each signal makes the limit longer, or the grace. Remember when it is over, as an Instant, and wait \
               each time only for what is left until then.",
    }],
};

pub(super) const IN_THE_GRACE: Test = Test {
    name: "passes on signals before and after the limit, and asks at the limit all the same",
    points: 1,
    read: "A signal for the one who waits",
    proves: &[PASSED_ON, AT_LIMIT],
    story: |lab| {
        make_script(lab, "listen", LISTENER)?;
        let (program, command, _) = run_in_time(lab, LONG, &["sh", "listen"], |program| {
            let command = expect_ready(program, "sh listen")?;
            program.signals().send(SIGTERM)?;
            program.stdout().expect_line("TERM")?;
            Ok(command)
        })?;
        // That of the limit.
        program.stdout().expect_line("TERM")?;
        command.wait_until_ended_or_asleep()?;
        program.signals().send(SIGHUP)?;
        program.stdout().expect_line("HUP")?;
        command.wait_until_ended_or_asleep()?;
        program.stdin().feed("7\n");
        program.expect_exit(TIMED_OUT)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["forgets_signals_after_the_limit"],
            hint: "The limit is over, and the command gets no signal any more that your program gets. Pass them on as \
                   long as the command runs: also in the grace.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["takes_a_passed_sigterm_for_its_own"],
            hint: "The command had got a SIGTERM which was passed on, and at the limit your program has killed it. A \
                   signal that is passed on changes nothing about the times: at the limit comes SIGTERM, and SIGKILL \
                   not before GRACE is over.",
        },
    ],
};

pub(super) const SOON: Test = Test {
    name: "passes on a signal that comes before the command has begun",
    points: 2,
    read: "A clean start",
    proves: &[PASSED_ON],
    story: |lab| {
        lab.follow_calls();
        let program = lab.launch(Launch {
            fault: Some((Call::Exec, Fault::Signal(SIGSTOP))),
            ..launch(LONG, LONG, &["cat"])
        })?;
        let child = program.signals().frozen_from_the_start(Call::Exec)?;
        child.wait_until_frozen()?;
        child.wait_until_the_program_rests()?;
        program.signals().send(SIGTERM)?;
        child.wait_until_the_program_rests()?;
        child.resume()?;
        program.expect_exit(128 + SIGTERM)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimedOut,
        mistakes: &["keeps_its_handlers_until_exec"],
        hint: "The signal was passed on, and came between fork and exec: there the handler of your program has run, in \
               the child, and the signal is gone. In the child, set all signals to SIG_DFL first, and open the mask \
               after that; and block the signals in the parent before fork.",
    }],
};

/// So many signals may come through behind the limit, where a program does one thing after the other.
const MOST_LATE: u32 = 20;
