//! How children end, and that the parent knows of it.

use libc::SIGKILL;

use super::{
    ALL_WELL, BYE, COLLECT, COLLECTS, FAILURES, NEVER_OUTLIVES, NO_PANIC, ONCE_AND_IN_ORDER,
    PANIC_IN_A_CHILD, SUM_OF_STATUSES, all_output, expect_once, expect_parts, few, print,
    start_and_hold, statuses::sum_of,
};
use harness::author::{Checked, Diagnosis, Lab, Program, Rejection, Sleep, Test};

pub(super) const WAITS: Test = Test {
    name: "sleeps while a child lives",
    points: 3,
    read: COLLECT,
    proves: &[
        COLLECTS,
        "It sleeps until they have ended, however long that takes.",
        ONCE_AND_IN_ORDER,
        NEVER_OUTLIVES,
    ],
    story: |lab| {
        let numbers = few(lab, 1);
        let program = start_and_hold(lab, &numbers)?;
        let child = program.signals().freeze_before(print().by_a_child())?;
        program.stdout().drain()?;
        child.wait_until_frozen()?;
        let last = program.calls().latest()?;
        program.stdout().expect("start")?;
        program.stdout().expect_quiet()?;
        program.sleeps(Sleep::WithoutTimeLimit)?;
        program.calls().expect_no_time_limit_since(last)?;
        // A program that only sleeps for a while has gone on by now.
        program.stdout().expect_quiet()?;
        program.expect_alive()?;
        child.resume()?;
        all_output(&program)?;
        program.expect_exit(0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["takes_a_stopped_child_for_ended"],
            hint: "A child is still to print its number, and the parent prints its sum already. Wait for every child: \
                   without WNOHANG, which returns at once, and without WUNTRACED, which also returns for a stopped \
                   child. The process that prints is the one for which you wait.",
        },
        Rejection {
            diagnosis: Diagnosis::ProcessMissing,
            mistakes: &["does_it_all_in_one_process"],
            hint: "After `start` no child prints, but your program itself: it has made none, or the number of the \
                   child is lost in a buffer. Call fork for each argument, and let the child print, flush and end.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_a_stopped_child_for_killed"],
            hint: "The child was stopped for a while, and has not ended: it goes on at SIGCONT. Call waitpid without \
                   WUNTRACED; then it reports only children that have ended.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["asks_again_and_again"],
            hint: "With WNOHANG waitpid returns at once, and your program asks all the time. Call it without: then it \
                   sleeps until a child ends.",
        },
        Rejection {
            diagnosis: Diagnosis::TimeLimited,
            mistakes: &["naps_between_looks", "gives_up_a_slow_child"],
            hint: "A child may take hours. Wait for its end in wait or waitpid, without WNOHANG, without a sleep \
                   between two looks, and without an alarm.",
        },
    ],
};

pub(super) const PANIC: Test = Test {
    name: "keeps a panic inside the child",
    points: 3,
    read: PANIC_IN_A_CHILD,
    proves: &[
        "The child of the word `panic` panics: it prints nothing on standard output, and its exit status is 101.",
        BYE,
        SUM_OF_STATUSES,
        ONCE_AND_IN_ORDER,
        ALL_WELL,
        NO_PANIC,
    ],
    story: |lab| {
        let numbers = few(lab, 1);
        panics(lab, &numbers, &["panic", &numbers[0]])?;
        panics(lab, &numbers, &[&numbers[0], "panic"])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &[
                "lets_the_panic_out",
                "catches_the_panic_in_main",
                "hook_calls_exit",
                "goes_on_after_the_panic",
            ],
            hint: "The panic leaves the child's function and goes on through the parent's code: the child returns from \
                   main, or runs on there. That runs the function of atexit once more. Call `catch_unwind` around all \
                   that the child does, and then `_exit(101)`.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["hides_the_panic", "prints_before_it_panics"],
            hint: "The child that panics prints nothing on standard output, and ends with status 101: catch_unwind \
                   returns an error, and the child passes 101 to `_exit`. The parent adds 101 like any status.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["aborts_in_place_of_a_panic", "takes_101_for_a_failure"],
            hint: "A child that panics ends with status 101, and that is no failure of the parent. abort is something \
                   else: it kills the child with SIGABRT, and then there is no exit status.",
        },
    ],
};

fn panics(lab: &Lab, numbers: &[String], arguments: &[&str]) -> Checked {
    let program = lab.start(arguments)?;
    let text = all_output(&program)?;
    program.wait_for_end()?;
    for word in ["start", "sum", "bye"] {
        if text.matches(word).count() > 1 {
            expect_once(lab, &program, &text, word)?;
        }
    }
    program.expect_exit(0)?;
    let sum = sum_of(numbers) + 101;
    lab.expect_text(format!("start {} sum {sum}\nbye\n", numbers[0]), text)
}

/// The first child is killed before it prints, while the next one cannot have ended. Returns what the others have printed.
fn lose_a_child(lab: &Lab, numbers: &[String], signal: i32) -> Checked<(Program, String)> {
    let program = start_and_hold(lab, numbers)?;
    let next = program
        .signals()
        .freeze_before_second(print().by_a_child())?;
    let child = program.signals().freeze_before(print().by_a_child())?;
    program.stdout().drain()?;
    child.wait_until_frozen()?;
    child.end_by(signal)?;
    lab.settle()?;
    next.resume()?;
    let text = all_output(&program)?;
    Ok((program, text))
}

pub(super) const KILLED: Test = Test {
    name: "adds nothing for a child that is killed",
    points: 2,
    read: COLLECT,
    proves: &[
        "A child that a signal kills has no exit status.",
        "It adds nothing to the sum.",
        BYE,
        ONCE_AND_IN_ORDER,
    ],
    story: |lab| {
        let numbers = few(lab, 2);
        sums_up_without_the_lost(lab, &numbers, SIGKILL)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "adds_137_for_a_killed_child",
                "adds_the_signal",
                "collects_no_more_after_a_killed_child",
                "computes_the_sum_from_its_arguments",
                "ends_at_a_killed_child",
            ],
            hint: "SIGKILL has ended this child: WIFSIGNALED is true, and there is no exit status to add. (137 is what \
                   a shell makes of it.) Go on with the other children, and print the sum and `bye` as always.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_a_killed_child"],
            hint: "A child does not always exit: a signal can kill it. Handle `WaitStatus::Signaled` (WIFSIGNALED), \
                   too, and do not panic.",
        },
    ],
};

/// The output of a program of which a signal has killed one of two children: the number of the other one.
fn sums_up_without_the_lost(lab: &Lab, numbers: &[String], signal: i32) -> Checked {
    let (program, text) = lose_a_child(lab, numbers, signal)?;
    if !text.contains("sum") {
        program.expect_exit(1)?;
    }
    // Whichever came first to its print is lost.
    let is_there = |number: &&String| text.contains(&format!(" {number} "));
    let left = numbers.iter().find(is_there).unwrap_or(&numbers[1]);
    let left = [left.clone()];
    expect_parts(lab, &left, sum_of(&left), &text)
}

pub(super) const REAL_TIME_SIGNAL: Test = Test {
    name: "adds nothing for a child that a signal without a name kills",
    points: 1,
    read: COLLECT,
    proves: &[
        "A child that a signal kills has no exit status.",
        "It adds nothing to the sum.",
    ],
    story: |lab| {
        let signal = libc::SIGRTMIN() + lab.random_number(1..=9) as i32;
        sums_up_without_the_lost(lab, &few(lab, 2), signal)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["knows_no_realtime_signals"],
        hint: "A real-time signal has killed a child. nix has no name for it: its wait has collected the child, and \
               returns EINVAL. Call libc::wait, and ask WIFEXITED and WEXITSTATUS.",
    }],
};

pub(super) const TELLS_OF_A_KILLED_CHILD: Test = Test {
    name: "tells that a child was killed",
    points: 1,
    read: COLLECT,
    proves: &[FAILURES, BYE],
    story: |lab| {
        let numbers = few(lab, 2);
        let (program, text) = lose_a_child(lab, &numbers, SIGKILL)?;
        program.expect_exit(1)?;
        expect_once(lab, &program, &text, "bye")?;
        program.stderr().expect_reason()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["hides_a_killed_child"],
            hint: "A child was killed by a signal: then your program ends with status 1. Note it when wait tells it \
                   (WIFSIGNALED), print the sum and `bye` as always, and end with 1.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["loses_a_child_in_silence"],
            hint: "Your program ends with status 1, and nobody knows why. Say on standard error that a signal has \
                   killed a child.",
        },
    ],
};
