//! What the parent learns of its children, and what it makes of it.

use super::{
    ALL_WELL, COLLECT, COLLECTS, EIGHT_BITS, NUMBER, ONCE_AND_IN_ORDER, STATUS_IS_THE_NUMBER,
    SUM_OF_STATUSES, all_output, expect_parts, few, start, sum_in,
};
use harness::author::{Diagnosis, Rejection, Test, quoted};

pub(super) const SUM: Test = Test {
    name: "prints the exit status of its child as the sum",
    points: 1,
    read: EIGHT_BITS,
    proves: &[STATUS_IS_THE_NUMBER, COLLECTS, SUM_OF_STATUSES, ALL_WELL],
    story: |lab| {
        let numbers = few(lab, 1);
        let program = start(lab, &numbers)?;
        let text = all_output(&program)?;
        lab.step(format!("see that it has printed \"sum {}\"", numbers[0]), || {
            match sum_in(&text) == Some(numbers[0].as_str()) {
                true => Ok(()),
                false => lab.fail(
                    Diagnosis::WrongOutput,
                    format!(
                        "your program prints {}; its child has the exit status {}, or should have it",
                        quoted(text.as_bytes()),
                        numbers[0]
                    ),
                ),
            }
        })?;
        program.expect_exit(0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "never_waits",
                "adds_the_raw_status",
                "child_always_ends_with_0",
                "counts_children",
            ],
            hint: "The sum is that of the exit statuses. The child passes its number to `_exit`. The parent calls wait \
                   until the child has ended, and gets it from there: ask WEXITSTATUS, or `WaitStatus::Exited`, \
                   because the whole word holds more than the status.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_a_status_for_a_failure", "ends_with_the_sum"],
            hint: "Here a child that ends with a number has done its work: its exit status is a result, and no \
                   failure. The parent ends with 0.",
        },
    ],
};

pub(super) const EACH_CHILD: Test = Test {
    name: "collects every child before the sum",
    points: 2,
    read: COLLECT,
    proves: &[COLLECTS, SUM_OF_STATUSES, ONCE_AND_IN_ORDER, ALL_WELL],
    story: |lab| {
        let numbers = few(lab, 3);
        let program = start(lab, &numbers)?;
        let text = all_output(&program)?;
        expect_parts(lab, &numbers, sum_of(&numbers), &text)?;
        program.expect_exit(0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["collects_one_child_only", "keeps_the_last_status"],
        hint: "wait collects one child. Call it once for each child, or until it fails with ECHILD, and add each \
               status to the sum.",
    }],
};

pub(super) const ZERO: Test = Test {
    name: "takes 0 for a number and a status like any other",
    points: 1,
    read: COLLECT,
    proves: &[
        NUMBER,
        STATUS_IS_THE_NUMBER,
        COLLECTS,
        SUM_OF_STATUSES,
        ONCE_AND_IN_ORDER,
        ALL_WELL,
    ],
    story: |lab| {
        // The first one: it has most often ended before another one is collected.
        let mut numbers = few(lab, 3);
        numbers.insert(0, "0".to_owned());
        let program = start(lab, &numbers)?;
        let text = all_output(&program)?;
        if text.is_empty() {
            program.expect_exit(0)?;
        }
        expect_parts(lab, &numbers, sum_of(&numbers), &text)?;
        program.expect_exit(0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["prints_no_zero"],
            hint: "The child of 0 prints ` 0`, and ends with status 0, which only says that this child has ended. Others \
                   may still run: call wait again and again, until it fails with ECHILD.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_0_for_no_number"],
            hint: "0 is a right number: they go from 0 to 65535. Do not take it for the sign that an argument is wrong, as \
                   atoi gives it; look whether all its characters are digits.",
        },
    ],
};

pub(super) const CUT: Test = Test {
    name: "adds what is left of a status above 255",
    points: 2,
    read: EIGHT_BITS,
    proves: &[
        NUMBER,
        STATUS_IS_THE_NUMBER,
        SUM_OF_STATUSES,
        "The kernel keeps eight bits of each, so 300 counts as 44.",
        ALL_WELL,
    ],
    story: |lab| {
        let mut numbers = vec![
            lab.random_number(366..=511).to_string(),
            (256 * lab.random_number(2..=250) + lab.random_number(110..=255)).to_string(),
        ];
        numbers.extend(["255", "256", "65535"].map(str::to_owned));
        let program = start(lab, &numbers)?;
        let text = all_output(&program)?;
        if text.is_empty() {
            program.expect_exit(0)?;
        }
        expect_parts(lab, &numbers, sum_of(&numbers), &text)?;
        program.expect_exit(0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "adds_the_numbers",
                "prints_the_cut_number",
                "stops_at_255",
                "sums_in_a_byte",
            ],
            hint: "The child prints its whole number and passes it to `_exit` as it is. The kernel keeps the lowest \
                   eight bits of it. Add what wait tells, and not the argument; do not cut or bound it yourself. The \
                   sum of several statuses needs more than a byte.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_bytes_only"],
            hint: "Numbers up to 65535 are right, and a u8 holds only 255. Take a wider type for the number.",
        },
    ],
};

pub(super) const FIFTY: Test = Test {
    name: "works with fifty children",
    points: 1,
    read: COLLECT,
    proves: &[
        "There may be none, and the tests give no more than fifty.",
        COLLECTS,
        SUM_OF_STATUSES,
        ONCE_AND_IN_ORDER,
        ALL_WELL,
    ],
    story: |lab| {
        // None of them leaves the status of a panic.
        let mut numbers: Vec<String> = (0..47)
            .map(|_| lab.random_number(110..=350).to_string())
            .collect();
        numbers.extend([numbers[0].clone(), "0".to_owned(), "0".to_owned()]);
        let program = lab.step("start your program with fifty numbers", || {
            start(lab, &numbers)
        })?;
        let text = all_output(&program)?;
        expect_parts(lab, &numbers, sum_of(&numbers), &text)?;
        program.expect_exit(0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["has_room_for_sixteen_children", "merges_equal_numbers"],
        hint: "Make one child for each argument, however many there are, also where two are equal.",
    }],
};

/// What wait tells of children that leave these numbers, added up.
pub(super) fn sum_of(numbers: &[String]) -> u64 {
    numbers
        .iter()
        .filter_map(|number| number.parse::<u64>().ok())
        .map(|number| number & 0xff)
        .sum()
}
