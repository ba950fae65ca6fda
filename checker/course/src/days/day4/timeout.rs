//! The hidden tests of day4_3_timeout.
//!
//! The commands are the system's (`true`, `cat`, `printf`), and scripts for `sh`. What lasts sleeps in a read of standard
//! input, which only the test can end.

mod endings;
mod group;
mod inherited;
mod limits;
mod manners;
mod moments;
mod passing_on;
mod untested;

use std::time::{Duration, Instant};

use crate::promises::commands::make_script;
use harness::author::{
    Checked, Child, Diagnosis, Exercise, Lab, Launch, Program, Rejection, Stop, Test,
};

/// Day 4, exercise 3.
pub const EXERCISE: Exercise = Exercise {
    name: "day4_3_timeout",
    title: "a command with a time limit",
    chapter: "4.3 A command with a time limit",
    first_step: "Begin without a limit: take LIMIT and GRACE off the arguments, and call fork. The child calls execvp \
                 with the other arguments, the parent waitpid. End with the exit status of the command.",
    tests: &[
        EXIT_STATUS,
        endings::ARGUMENTS,
        inherited::STREAMS,
        inherited::SIGNALS,
        endings::KILLED,
        endings::CANNOT_RUN,
        limits::TOO_LONG,
        limits::SLEEPS,
        limits::ASKED_FIRST,
        limits::DEAF,
        group::ASKED,
        group::LEFT_BEHIND,
        group::STOPPED,
        passing_on::EACH,
        passing_on::WHOLE_GROUP,
        passing_on::SAME_LIMIT,
        passing_on::IN_THE_GRACE,
        passing_on::SOON,
        group::MADE_IN_TIME,
        group::STOPS_AGAIN,
        moments::INTERRUPTED,
        moments::END_IN_THE_GAP,
        moments::LIMIT_IN_THE_GAP,
        moments::AT_THE_LIMIT,
        inherited::DESCRIPTORS,
        inherited::BORN_WITH_SIGNALS,
        manners::NO_FORK,
        manners::WRONG_ARGUMENTS,
    ],
    clues: &[],
    untested: untested::SENTENCES,
};

/// Ten minutes: longer than any test.
const LONG: &str = "600000";

const TIMED_OUT: i32 = 124;

const ENDS_LIKE_IT: &str = "The program ends as the command has ended:";

const OWN_STATUS: &str = "| has ended by itself | its own |";

const LATE: &str = "| has not ended within `LIMIT`, however it ends then | 124 |";

const KILLED: &str = "| was killed by a signal | 128 + the number of the signal |";

const AT_LIMIT: &str = "If the command has not ended `LIMIT` milliseconds after its start, the program sends \
                        `SIGTERM`.";

const AT_GRACE: &str =
    "If it has still not ended `GRACE` milliseconds after that, the program sends `SIGKILL`.";

const TO_THE_GROUP: &str =
    "The command leads a process group of its own, and each signal goes to the whole group.";

const NONE_STAYS: &str = "When the command has ended, the program sends `SIGKILL` to what is left of the group, so \
                          that no process of it stays.";

const EXIT_STATUS: Test = Test {
    name: "ends with the exit status of the command, as soon as it has ended",
    points: 1,
    read: "The status of a command that was ended",
    proves: &[
        "It searches for `COMMAND` as execvp(3) does.",
        "It waits until the command has ended.",
        ENDS_LIKE_IT,
        OWN_STATUS,
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let other = lab.random_number(3..=120).to_string();
        make_script(lab, "end", "exit $1\n")?;
        for code in ["0", "1", "255", other.as_str()] {
            let program = run(lab, LONG, LONG, &["sh", "end", code])?;
            program.expect_exit(code.parse().expect("a number"))?;
        }
        // Without PATH, execvp searches where the system keeps its commands.
        let program = lab.launch(Launch {
            unset: vec!["PATH"],
            ..launch(LONG, LONG, &["sh", "end", "7"])
        })?;
        program.expect_exit(7)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "always_succeeds",
                "says_1_for_every_failure",
                "searches_no_path",
                "finds_nothing_without_path",
            ],
            hint: "The status that waitpid gives is a word with two numbers in it, and WEXITSTATUS takes the exit \
                   status out. End with this number, from 0 to 255. (Is the command not found? Leave the search to \
                   execvp: it looks into the folders in PATH, and into the system's own where there is no PATH.)",
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["waits_for_the_time_only", "sleeps_for_the_whole_limit"],
            hint: "The command has ended, and your program sleeps until the limit is over. It has to wait for two \
                   things at once: SIGCHLD tells it that the command has ended.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["signals_its_own_group"],
            hint: "Your program has killed itself. kill with the number 0 reaches the group of the one who calls it: \
                   give the command a group of its own with setpgid, and name that, with a minus before it.",
        },
    ],
};

/// Starts the program with this limit, this grace and this command.
fn run(lab: &Lab, limit: &str, grace: &str, command: &[&str]) -> Checked<Program> {
    lab.launch(launch(limit, grace, command))
}

fn launch(limit: &str, grace: &str, command: &[&str]) -> Launch {
    Launch::new([&[limit, grace], command].concat())
}

/// The limit with which a program was started, and when.
struct Limit {
    milliseconds: u64,
    /// Just before the start. What came before it was of no use, because the machine was too slow.
    begun: Instant,
}

/// Starts it with a limit within which this machine, however busy it is, does what has to happen before the limit is over.
/// Where it was too slow for that, a longer limit follows.
///
/// # Errors
///
/// [`Stop::NotChecked`] where it is too slow for all of them.
fn run_in_time<T>(
    lab: &Lab,
    grace: &str,
    command: &[&str],
    happens: impl Fn(&Program) -> Checked<T>,
) -> Checked<(Program, T, Limit)> {
    const LIMITS: [u64; 5] = [200, 800, 2000, 4500, 9000];
    let mut failed = None;
    for milliseconds in LIMITS {
        lab.allow_naps(Duration::from_millis(milliseconds));
        let begun = Instant::now();
        let program = run(lab, &milliseconds.to_string(), grace, command)?;
        let happened = happens(&program);
        // No program is earlier than its clock: then SIGTERM was not sent yet.
        if begun.elapsed() < Duration::from_millis(milliseconds) {
            let limit = Limit {
                milliseconds,
                begun,
            };
            return Ok((program, happened?, limit));
        }
        end(lab, &program)?;
        failed = happened.err();
    }
    let too_slow =
        "this machine is too busy to do something before a limit of some seconds is over";
    Err(failed.unwrap_or_else(|| Stop::NotChecked(too_slow.to_owned())))
}

/// Ends it with all that it has started.
fn end(lab: &Lab, program: &Program) -> Checked {
    lab.step(
        "the limit was over too soon: end it, and try a longer one",
        || {
            program.kill()?;
            program.children().kill()
        },
    )
}

/// Waits for the line `ready` of a script, and until the process with these words sleeps: a signal that comes to a shell
/// before that may be seen only when its read has ended.
fn expect_ready(program: &Program, command: &str) -> Checked<Child> {
    program.stdout().expect_line("ready")?;
    let child = program.children().running(command)?;
    child.wait_until_ended_or_asleep()?;
    Ok(child)
}

/// Sees that no process is left of what the command has started.
fn expect_nothing_left(lab: &Lab, program: &Program) -> Checked {
    lab.step("see that no process of the command is left", || {
        let goal = "the end of all processes that the command has started";
        lab.wait_until(goal, Diagnosis::ProcessLeft, || {
            Ok(program.children().commands().is_empty())
        })
    })
}
