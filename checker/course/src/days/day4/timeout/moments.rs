//! Moments in which two things happen at once.

use std::time::Duration;

use libc::SIGHUP;

use super::{AT_LIMIT, LONG, OWN_STATUS, TIMED_OUT, run, run_in_time};
use harness::author::{Call, Checked, Diagnosis, Lab, Program, Record, Rejection, Test};

const NOT_LATE: &str = "A command that has ended before `SIGTERM` was sent is not late, even if the program learns of \
                        it after `LIMIT`.";

const WAITS: &str = "It waits until the command has ended.";

const GAP: &str = "The end of the command and the end of the time";

/// Ends at SIGTERM, and not at SIGHUP. When its command is `cat`, that is set up.
const DEAF_TO_HUP: [&str; 3] = ["sh", "-c", "trap '' HUP; exec cat"];

pub(super) const AT_THE_LIMIT: Test = Test {
    name: "takes a command that ends at the limit as ended",
    points: 2,
    read: GAP,
    proves: &[NOT_LATE, OWN_STATUS],
    story: |lab| {
        let (program, command, limit) = run_in_time(lab, LONG, &["cat"], |program| {
            let command = program.children().running("cat")?;
            // Its time has begun by then: the command may be there before that.
            lab.settle()?;
            program.signals().freeze()?;
            expect_untouched(lab, program)?;
            Ok(command)
        })?;
        program.stdin().close();
        command.expect_ended()?;
        let_pass(lab, limit.milliseconds)?;
        program.signals().resume()?;
        program.expect_exit(0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongStatus,
        mistakes: &["looks_at_the_time_first"],
        hint: "The command has ended by itself, before SIGTERM was sent, and your program says 124. Both have happened \
               when it wakes up: look for the end of the command first, with WNOHANG, and at the time after that.",
    }],
};

pub(super) const END_IN_THE_GAP: Test = Test {
    name: "notices a command that ends just before the program sleeps",
    points: 3,
    read: GAP,
    proves: &[WAITS],
    story: |lab| {
        lab.follow_calls();
        let program = run(lab, LONG, LONG, &DEAF_TO_HUP)?;
        let command = program.children().running("cat")?;
        lab.settle()?;
        freeze_in_the_gap(&program)?;
        program.stdin().close();
        command.expect_ended()?;
        program.signals().resume()?;
        program.expect_exit(0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimedOut,
        mistakes: &["looks_then_pauses", "opens_the_mask_before_it_sleeps"],
        hint: "The command ends after your program has looked and before it sleeps: SIGCHLD comes, its handler runs, \
               and then nothing wakes the program. Keep SIGCHLD blocked, and let one call take the signal and sleep: \
               sigtimedwait, sigsuspend or ppoll.",
    }],
};

pub(super) const LIMIT_IN_THE_GAP: Test = Test {
    name: "notices a limit that is over just before the program sleeps",
    points: 2,
    read: GAP,
    proves: &[AT_LIMIT],
    story: |lab| {
        lab.follow_calls();
        let (program, (), limit) = run_in_time(lab, LONG, &DEAF_TO_HUP, |program| {
            program.children().running("cat")?;
            lab.settle()?;
            freeze_in_the_gap(program)?;
            expect_untouched(lab, program)
        })?;
        let_pass(lab, limit.milliseconds)?;
        program.signals().resume()?;
        program.expect_exit(TIMED_OUT)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimedOut,
        mistakes: &["opens_the_mask_for_the_alarm"],
        hint: "The limit is over after your program has looked and before it sleeps: SIGALRM comes, its handler runs, \
               and then nothing wakes the program. Keep SIGALRM blocked while you look, and let sigsuspend or ppoll \
               open the mask; or wait with the time that is left, in sigtimedwait or ppoll.",
    }],
};

pub(super) const INTERRUPTED: Test = Test {
    name: "waits on when it was stopped, or interrupted",
    points: 1,
    read: GAP,
    proves: &[
        "All of this holds, too, if the program itself was started with signals blocked or ignored, and if a call in \
         which it sleeps ends early (`EINTR`).",
        WAITS,
    ],
    story: |lab| {
        lab.follow_calls();
        let program = run(lab, LONG, LONG, &DEAF_TO_HUP)?;
        program.children().running("cat")?;
        lab.settle()?;
        program.signals().freeze()?;
        program.signals().resume()?;
        program.expect_alive()?;
        for call in sleeps_in(&program)? {
            program.faults().interrupt_twice(call)?;
        }
        program.signals().send(SIGHUP)?;
        program.expect_alive()?;
        program.stdin().close();
        program.expect_exit(0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["takes_eintr_for_the_limit", "fails_at_eintr"],
        hint: "A call in which your program slept has failed with EINTR: a signal came, or the program was stopped \
               and goes on (SIGCONT). Neither has the command ended nor is the time over: call again, with the time \
               that is left.",
    }],
};

/// The kinds of calls in which its threads sleep until something comes.
fn sleeps_in(program: &Program) -> Checked<Vec<Call>> {
    let records = program.calls().records()?;
    let is_its_own =
        |record: &&Record| record.is_in_progress() && record.own_pid == program.own_pid();
    let calls: Vec<Call> = records
        .iter()
        .filter(is_its_own)
        .map(|record| record.call)
        .collect();
    let mut kinds = vec![Call::Signal, Call::Poll, Call::Read, Call::Wait];
    kinds.retain(|kind| calls.contains(kind));
    Ok(kinds)
}

/// Wakes it with a signal that it passes on, and freezes it just before it sleeps again. Where a program waits for its child
/// in waitpid, there is no gap, and it is frozen in its sleep.
fn freeze_in_the_gap(program: &Program) -> Checked {
    if sleeps_in(program)?.iter().all(|call| *call == Call::Wait) {
        return program.signals().freeze();
    }
    let gap = program.signals().freeze_in_the_gap()?;
    program.signals().send(SIGHUP)?;
    gap.wait_until_hit()?;
    program.signals().wait_until_frozen()
}

/// Sees that the command was not ended yet, while the program is frozen.
fn expect_untouched(lab: &Lab, program: &Program) -> Checked {
    lab.step("see that the command still runs", || {
        lab.settle()?;
        let commands = program.children().commands();
        match commands.iter().any(|command| command == "cat") {
            true => Ok(()),
            false => lab.fail(
                Diagnosis::Exited,
                "the command was ended while your program was about to be frozen",
            ),
        }
    })
}

/// Lets a limit pass which has begun before.
fn let_pass(lab: &Lab, limit: u64) -> Checked {
    let step = format!("start it once more, and wait until this one says that {limit} ms are over");
    lab.step(step, || {
        lab.allow_naps(Duration::from_millis(limit));
        let clock = run(lab, &limit.to_string(), "1", &["sleep", "600"])?;
        clock.expect_exit(TIMED_OUT)
    })
}
