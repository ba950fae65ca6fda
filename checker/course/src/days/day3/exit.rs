//! The hidden tests of day3_8_exit.

mod ends;
mod faults;
mod manners;
mod statuses;
mod untested;

use crate::promises::output::EXPECT_EPIPE;
use harness::author::{
    Call, CallFilter, Checked, Clue, Diagnosis, Ending, Exercise, FdKind, Lab, Launch, Program,
    Rejection, Seen, Sleep, Test, quoted,
};

const WHAT_EXIT_DOES: &str = "What exit does before it ends";
const UNWRITTEN_OUTPUT: &str = "fork copies unwritten output";
const HANDLERS: &str = "Handlers are inherited too";
const EIGHT_BITS: &str = "The status has eight bits";
const PANIC_IN_A_CHILD: &str = "A panic in a child";
const COLLECT: &str = "Collect before you end";

/// Day 3, exercise 8.
pub const EXERCISE: Exercise = Exercise {
    name: "day3_8_exit",
    title: "once only: exit, _exit and buffers",
    chapter: "3.8 exit, _exit and buffers",
    first_step: "Begin without children: register a function with atexit that prints `bye`. Print `start`, then \
                 ` sum 0` and \\n, and end with exit status 0.",
    tests: &[
        WITHOUT_CHILDREN,
        START_ONCE,
        BYE_ONCE,
        NUMBER_ONCE,
        statuses::SUM,
        ends::WAITS,
        ONE_LINE,
        statuses::EACH_CHILD,
        statuses::ZERO,
        statuses::CUT,
        statuses::FIFTY,
        ends::PANIC,
        ends::KILLED,
        ends::REAL_TIME_SIGNAL,
        ends::TELLS_OF_A_KILLED_CHILD,
        faults::NO_FORK,
        faults::SHORT_WRITES,
        faults::INTERRUPTED,
        faults::CANNOT_PRINT,
        faults::CHILD_CANNOT_PRINT,
        manners::FILE_OR_TERMINAL,
        manners::WRONG_ARGUMENTS,
    ],
    clues: &[Clue {
        diagnoses: &[Diagnosis::Killed],
        seen: Seen::Ended(Ending::Signal(libc::SIGPIPE)),
        mistakes: &["dies_of_sigpipe"],
        hint: EXPECT_EPIPE,
    }],
    untested: untested::SENTENCES,
};

const START: &str = "The parent prints `start`, and no line end.";
const NUMBER: &str = "The child of a `NUMBER` prints a blank and this number, for instance ` 300`.";
const STATUS_IS_THE_NUMBER: &str = "Its exit status is the number.";
const COLLECTS: &str = "The parent collects all its children.";
const SUM_AND_END: &str = "Then it prints ` sum S` and the line end.";
const SUM_OF_STATUSES: &str = "`S` is the sum of the exit statuses that wait tells.";
const BYE: &str = "At its end the parent prints the line `bye`.";
const ONCE_AND_IN_ORDER: &str = "Each part is printed exactly once: first `start`, then the numbers in any order, then \
                                 `sum S`, then `bye`.";
const NEVER_OUTLIVES: &str = "No child outlives the parent.";
const LESS_THAN_ASKED: &str = "A call may do less than it is asked for: `write` may take fewer bytes than it is given, \
                               and wait may end before a child has ended (`EINTR`).";
const NO_FAILURE: &str = "Neither is a failure.";
const ALL_WELL: &str = "The exit status of the program is 0 if all went well.";
const FAILURES: &str = "It is 1, with the reason on standard error, if a signal has killed a child, if fork has \
                        failed, or if the parent cannot print.";
const NO_PANIC: &str = "A panic of the parent is a failure.";

const WITHOUT_CHILDREN: Test = Test {
    name: "prints its own parts, without any child",
    points: 1,
    read: WHAT_EXIT_DOES,
    proves: &[
        START,
        "There may be none, and the tests give no more than fifty.",
        SUM_AND_END,
        BYE,
        ONCE_AND_IN_ORDER,
        ALL_WELL,
    ],
    story: |lab| {
        let program = lab.start(&[])?;
        program.stdout().expect_all(&["start sum 0", "bye"])?;
        program.expect_exit(0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "ends_the_line_after_start",
                "says_bye_before_the_sum",
                "leaves_by_underscore_exit",
            ],
            hint: "Without arguments there are two lines, `start sum 0` and `bye`. No line end comes after `start`. \
                   The function of atexit prints `bye` when main returns, or when you call exit; _exit does not call \
                   it.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["calls_its_handler_itself"],
            hint: "exit calls the function that you have registered with atexit, once for each time you register it. \
                   Register it once, and do not call it yourself.",
        },
    ],
};

const START_ONCE: Test = Test {
    name: "prints start once, although it forks",
    points: 2,
    read: UNWRITTEN_OUTPUT,
    proves: &[START, ONCE_AND_IN_ORDER],
    story: |lab| {
        let program = start(lab, &few(lab, 2))?;
        let text = all_output(&program)?;
        expect_once(lab, &program, &text, "start")?;
        lab.step("see that it is the first word", || {
            match text.starts_with("start") {
                true => Ok(()),
                false => lab.fail(
                    Diagnosis::WrongOutput,
                    format!(
                        "your program prints {}; \"start\" comes first",
                        quoted(text.as_bytes())
                    ),
                ),
            }
        })
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &[
                "forks_with_a_full_buffer",
                "flushes_another_stream",
                "flushes_after_the_first_fork",
            ],
            hint: "`start` has no line end, so it stays in a buffer of your process. fork copies the buffer with the \
                   rest of the memory, and each copy is written later. Flush the buffer that holds it before the first \
                   fork.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["holds_its_start_back"],
            hint: "The children write before the parent: its `start` is still in a buffer. Flush the buffer before the \
                   first fork.",
        },
    ],
};

const BYE_ONCE: Test = Test {
    name: "says bye once, although its children end, too",
    points: 2,
    read: HANDLERS,
    proves: &[BYE, ONCE_AND_IN_ORDER],
    story: |lab| {
        let program = start(lab, &few(lab, 2))?;
        let text = all_output(&program)?;
        expect_once(lab, &program, &text, "bye")
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ExtraOutput,
        mistakes: &[
            "child_calls_exit",
            "child_returns_from_main",
            "child_calls_exit_of_c",
        ],
        hint: "Each child has a copy of the list of functions which atexit keeps. exit runs them, and so does the \
               return from main. Let a child end by `_exit` (`libc::_exit`) as soon as it has printed its number.",
    }],
};

const NUMBER_ONCE: Test = Test {
    name: "prints the number of each child once",
    points: 2,
    read: WHAT_EXIT_DOES,
    proves: &[
        "Then it forks one child for each argument.",
        NUMBER,
        ONCE_AND_IN_ORDER,
    ],
    story: |lab| {
        let numbers = few(lab, 2);
        let program = start(lab, &numbers)?;
        let text = all_output(&program)?;
        let rest = without_sums(&text);
        numbers.iter().try_for_each(|number| {
            let count = rest.matches(number.as_str()).count();
            expect_count(lab, &program, &text, number, count)
        })
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["leaves_its_number_in_the_buffer"],
            hint: "The number is in the buffer of the child, and the child ends without writing it: `_exit` throws \
                   buffers away. Flush in the child, before `_exit`.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["child_goes_on_forking", "parent_prints_the_numbers_too"],
            hint: "A child prints its own number and nothing else. In the child, fork returns in the middle of the \
                   parent's loop: end the child there, by `_exit`, or it makes the next children itself.",
        },
    ],
};

const ONE_LINE: Test = Test {
    name: "writes all parts into one line",
    points: 1,
    read: UNWRITTEN_OUTPUT,
    proves: &[START, NUMBER, SUM_AND_END, BYE, ONCE_AND_IN_ORDER],
    story: |lab| {
        let number = &few(lab, 1)[0];
        let program = lab.start(&[number])?;
        let text = all_output(&program)?;
        let expected = format!("start {number} sum {number}\nbye\n");
        lab.expect_text(expected, text)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["prints_no_blank", "gives_each_number_a_line"],
        hint: "Every part but `start` begins with one blank, and only ` sum S` has a line end behind it: `start 7 sum \
               7`.",
    }],
};

/// So many different numbers of a byte, at most five. None of them is 101, the status of a panic.
fn few(lab: &Lab, count: usize) -> Vec<String> {
    (0..count as u64)
        .map(|place| lab.random_number(10 + 50 * place..=29 + 50 * place))
        .map(|number| number.to_string())
        .collect()
}

/// Starts the program as a test does that has nothing unusual about it.
fn start(lab: &Lab, arguments: &[String]) -> Checked<Program> {
    lab.launch(Launch::new(arguments))
}

/// All that the program and its children print.
fn all_output(program: &Program) -> Checked<String> {
    let bytes = program.stdout().until_end()?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Sees that a word stands in the output once.
fn expect_once(lab: &Lab, program: &Program, text: &str, word: &str) -> Checked {
    expect_count(lab, program, text, word, text.matches(word).count())
}

fn expect_count(lab: &Lab, program: &Program, text: &str, word: &str, count: usize) -> Checked {
    lab.step(
        format!("see that it has printed {word} once"),
        || match count {
            1 => Ok(()),
            0 => {
                // A program that ends otherwise has another reason.
                program.expect_exit(0)?;
                lab.fail(
                    Diagnosis::WrongOutput,
                    format!(
                        "your program prints {}: \"{word}\" is missing",
                        quoted(text.as_bytes())
                    ),
                )
            }
            times => lab.fail(
                Diagnosis::ExtraOutput,
                format!(
                    "your program prints {}: \"{word}\" is there {times} times",
                    quoted(text.as_bytes())
                ),
            ),
        },
    )
}

/// Sees that the output has these numbers in any order, and this sum.
fn expect_parts(lab: &Lab, numbers: &[String], sum: u64, text: &str) -> Checked {
    // In the order in which they have come, if they all have.
    let printed = text
        .strip_prefix("start ")
        .and_then(|rest| Some(rest.split_once(" sum ")?.0))
        .map(|numbers| numbers.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .filter(|printed| sorted(printed) == sorted(numbers));
    let shown = printed.as_deref().unwrap_or(numbers);
    let parts: String = shown.iter().map(|number| format!(" {number}")).collect();
    lab.expect_text(format!("start{parts} sum {sum}\nbye\n"), text)
}

fn sorted(words: &[String]) -> Vec<&String> {
    let mut words: Vec<&String> = words.iter().collect();
    words.sort();
    words
}

/// The digits behind the first `sum`.
fn sum_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("sum ")?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    Some(&rest[..end])
}

/// The text without any sum, so that only the numbers of children are left.
fn without_sums(text: &str) -> String {
    let mut parts = text.split("sum ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        all + part.trim_start_matches(|c: char| c.is_ascii_digit())
    })
}

/// A program that is about to print `start` and sleeps there, so that a fault can hit what comes after it. It goes on
/// when its standard output is drained.
fn start_and_hold(lab: &Lab, arguments: &[String]) -> Checked<Program> {
    lab.follow_calls();
    let program = lab.launch(Launch {
        stdout_room: Some(0),
        ..Launch::new(arguments)
    })?;
    program.sleeps(Sleep::Printing)?;
    Ok(program)
}

/// A write to the common standard output, of the parent or of a child.
fn print() -> CallFilter {
    Call::Write.on(FdKind::Stdout)
}
