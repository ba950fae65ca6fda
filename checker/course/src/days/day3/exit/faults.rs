//! Calls that fail, or do less than they are asked for.

use nix::errno::Errno;

use super::{
    COLLECT, FAILURES, LESS_THAN_ASKED, NO_FAILURE, NO_PANIC, PANIC_IN_A_CHILD, UNWRITTEN_OUTPUT,
    WHAT_EXIT_DOES, all_output, expect_parts, few, print, start_and_hold, statuses::sum_of,
};
use crate::promises::output::NO_END_BY_SIGPIPE;
use harness::author::{Call, Checked, Diagnosis, Lab, Launch, Rejection, Sleep, Test};

pub(super) const NO_FORK: Test = Test {
    name: "goes on with the children that it has when fork fails",
    points: 2,
    read: COLLECT,
    proves: &[
        "If fork fails, the parent forks no more children, and goes on with those that it has.",
        FAILURES,
        NO_PANIC,
    ],
    story: |lab| {
        let numbers = few(lab, 4);
        let program = start_and_hold(lab, &numbers)?;
        program.faults().fail_second(Call::Fork, Errno::EAGAIN)?;
        let child = program.signals().freeze_before(print().by_a_child())?;
        program.stdout().drain()?;
        child.wait_until_frozen()?;
        lab.settle()?;
        child.resume()?;
        let text = all_output(&program)?;
        program.expect_exit(1)?;
        program.stderr().expect_reason()?;
        // A program that makes other processes or threads, too, comes as far as it can.
        let made: Vec<String> = numbers
            .iter()
            .take_while(|number| text.contains(&format!(" {number} ")))
            .take(numbers.len() - 1)
            .cloned()
            .collect();
        let made = match made.len() {
            0 => numbers[..1].to_vec(),
            _ => made,
        };
        expect_parts(lab, &made, sum_of(&made), &text)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "fork_failure_ends_at_once",
                "goes_on_forking_after_a_failure",
                "fork_fails_in_silence",
            ],
            hint: "fork has failed with EAGAIN for the second child. Say so on standard error, and leave the loop: no \
                   more children. The first child is there, so let it print, and collect it; then come the sum and \
                   `bye` as always.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_minus_one_for_a_child", "tries_fork_until_it_works"],
            hint: "fork has failed, and your program ends with status 0. -1 is not the PID of a child, and nobody \
                   knows when fork will succeed again. Look at what fork returns, say why on standard error, make no \
                   more children, and end with status 1 after the sum.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_fork_fails"],
            hint: "fork can fail, for example because the user has too many processes. Handle the error in place of \
                   `unwrap`: collect the children that are there, and end with status 1.",
        },
    ],
};

pub(super) const SHORT_WRITES: Test = Test {
    name: "prints every part whole, however few bytes a write takes",
    points: 1,
    read: UNWRITTEN_OUTPUT,
    proves: &[LESS_THAN_ASKED, NO_FAILURE],
    story: |lab| {
        let numbers = vec![lab.random_number(10_000..=65_535).to_string()];
        let program = start_and_hold(lab, &numbers)?;
        program
            .faults()
            .shorten(print(), lab.random_number(1..=2))?;
        program.stdout().drain()?;
        let text = all_output(&program)?;
        expect_parts(lab, &numbers, sum_of(&numbers), &text)?;
        program.expect_exit(0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &[
            "prints_with_a_single_write",
            "takes_a_short_write_for_a_failure",
        ],
        hint: "The write has taken fewer bytes than it was given, and has said how many. Offer the rest again, and \
               only the rest, until all of it is taken: write_all does it for you.",
    }],
};

pub(super) const INTERRUPTED: Test = Test {
    name: "waits again when a signal interrupts wait",
    points: 2,
    read: COLLECT,
    proves: &[LESS_THAN_ASKED, NO_FAILURE],
    story: |lab| {
        let numbers = few(lab, 2);
        let program = start_and_hold(lab, &numbers)?;
        program.faults().interrupt_twice(Call::Wait)?;
        program.stdout().drain()?;
        let text = all_output(&program)?;
        program.expect_exit(0)?;
        expect_parts(lab, &numbers, sum_of(&numbers), &text)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["takes_eintr_for_the_last_child"],
            hint: "wait has failed with EINTR: a signal came before a child had ended, and no child is collected. Call \
                   wait again. Only ECHILD says that no child is left.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["fails_at_eintr"],
            hint: "wait has failed with EINTR, because a signal came. That is no failure of your program: call wait \
                   again.",
        },
    ],
};

pub(super) const CANNOT_PRINT: Test = Test {
    name: "ends with status 1 when it cannot print",
    points: 1,
    read: WHAT_EXIT_DOES,
    proves: &[FAILURES, NO_PANIC, NO_END_BY_SIGPIPE],
    story: |lab| {
        cannot_print(lab, Errno::ENOSPC)?;
        cannot_print(lab, Errno::EPIPE)?;
        cannot_print_its_sum(lab)?;
        cannot_say_bye(lab)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["prints_with_print"],
            hint: "print! and println! panic when standard output takes nothing any more. Use write!, look at what it \
                   and flush return, say why on standard error, and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["panics_in_its_handler", "dies_of_sigpipe"],
            hint: "The function of atexit panics when `bye` cannot be printed. No panic may leave an `extern \"C\"` \
                   function, so the program is aborted. Use write! there; if it fails, say so on standard error and call _exit(1).",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "ignores_a_failed_print",
                "ignores_that_its_sum_is_lost",
                "ignores_that_bye_is_lost",
                "takes_a_lost_reader_for_success",
            ],
            hint: "The sum or `bye` is lost, because standard output takes nothing more (its disk is full, or its reader \
                   has gone), but your program ends with status 0. Look at what write and flush return, and end with \
                   status 1; in the function of atexit only `_exit(1)` still does that.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["fails_in_silence"],
            hint: "Your program ends with status 1, and nobody knows why. Print the error on standard error.",
        },
    ],
};

fn cannot_print(lab: &Lab, errno: Errno) -> Checked {
    let program = start_and_hold(lab, &[])?;
    program.faults().fail_each(print(), errno)?;
    program.stdout().drain()?;
    program.expect_exit(1)?;
    program.stderr().expect_reason()
}

/// All is out but the sum, and only that cannot be printed.
fn cannot_print_its_sum(lab: &Lab) -> Checked {
    let program = start_and_hold(lab, &few(lab, 1))?;
    let child = program.signals().freeze_before(print().by_a_child())?;
    program.stdout().drain()?;
    child.wait_until_frozen()?;
    program
        .faults()
        .fail_next(print().by_itself(), Errno::ENOSPC)?;
    child.resume()?;
    program.expect_exit(1)?;
    program.stderr().expect_reason()
}

/// The reader goes when all but `bye` is out. A program that keeps its sum in a buffer until then loses both.
fn cannot_say_bye(lab: &Lab) -> Checked {
    let numbers = few(lab, 1);
    let all_but_bye = format!("start {} sum {}\n", numbers[0], sum_of(&numbers));
    let program = lab.launch(Launch {
        stdout_room: Some(all_but_bye.len()),
        ..Launch::new(&numbers)
    })?;
    program.sleeps(Sleep::Printing)?;
    program.stdout().close()?;
    program.expect_exit(1)?;
    program.stderr().expect_reason()
}

pub(super) const CHILD_CANNOT_PRINT: Test = Test {
    name: "gives a child that cannot print the status 1",
    points: 1,
    read: PANIC_IN_A_CHILD,
    proves: &[
        "A child that cannot print says why on standard error.",
        "Its exit status is 1.",
    ],
    story: |lab| {
        let program = start_and_hold(lab, &few(lab, 1))?;
        program
            .faults()
            .fail_next(print().by_a_child(), Errno::ENOSPC)?;
        program.stdout().drain()?;
        let text = all_output(&program)?;
        lab.expect_text("start sum 1\nbye\n", text)?;
        program.stderr().expect_reason()
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &[
            "child_ignores_a_failed_print",
            "child_fails_in_silence",
            "child_panics_when_it_cannot_print",
        ],
        hint: "The write of the child has failed, so its number is lost. Look at what write and flush return in the \
               child, too: say why on standard error, and pass 1 to `_exit`. print! panics there, which gives 101. \
               Where `bye` is there twice, the child has ended by exit: after a failure, too, it is `_exit`. And S is \
               the sum of what wait tells, not of the arguments.",
    }],
};
