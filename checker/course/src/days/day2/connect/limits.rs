//! Servers that do not answer, and how long the program waits for them.

use std::time::{Duration, Instant};

use super::{DESCRIPTORS, MANY, dial_with, dial_with_full_stdout, group_of_many, timeout, words};
use crate::promises::time_limits::has_lasted;
use harness::author::{Checked, Diagnosis, Lab, Launch, Rejection, Sleep, Test};

pub(super) const GIVES_UP: Test = Test {
    name: "gives up a try when its time is over",
    points: 2,
    read: "A time limit for connect",
    proves: &[
        "| `timeout` | `ETIMEDOUT`; or the time of `-t` is over |",
        "`-t MS` gives each try so many milliseconds, counted from its beginning.",
    ],
    story: |lab| {
        let (first, second) = (lab.listen_without_answer()?, lab.listen_without_answer()?);
        let limit = lab.random_number(30..=60).to_string();
        let addresses = [first.address(), second.address()];
        let program = dial_with(lab, &["-t", &limit], &addresses)?;
        program.stdout().expect_line(timeout(&first))?;
        program.stdout().expect_line(timeout(&second))?;
        program.stdout().expect_end()?;
        program.expect_exit(1)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["ignores_the_limit", "polls_for_ever"],
            hint: "The server does not answer, and the program waits longer than it may. A blocking connect sleeps \
                   for minutes: make the socket non-blocking and give poll the time that -t allows; or limit the call \
                   with SO_SNDTIMEO.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["time_is_over_is_connected"],
            hint: "The time is over, and nothing has happened: that is a `timeout`. poll returns 0 then (SO_ERROR is \
                   0, too, but it says nothing before the socket is writable), and a connect with SO_SNDTIMEO fails \
                   with EINPROGRESS.",
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["counts_seconds", "alarm_that_restarts"],
            hint: "The time is over, but the program sleeps in a call with a time limit or an alarm: is this limit \
                   the right one? -t is in milliseconds, as poll takes it; alarm(2) counts seconds. With SA_RESTART \
                   on the handler, the kernel makes the call again: the alarm then ends nothing.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["one_limit_for_all"],
            hint: "The time of the first try is over, not that of the second: each try has its own. Count from 0 for \
                   each address.",
        },
    ],
};

/// Of so many milliseconds, 200 are left in 16 bits.
const LITTLE_IN_16_BITS: &str = "65736";

pub(super) const WAITS: Test = Test {
    name: "waits for the answer as long as it may",
    points: 1,
    read: "A time limit for connect",
    proves: &[
        "Without `-t`, a try takes as long as the kernel is patient.",
        "`-t MS` gives each try so many milliseconds, counted from its beginning.",
        "While it waits, for an answer or for the next round, it sleeps.",
        "It does not look again and again.",
    ],
    story: |lab| {
        let patient = lab.listen_without_answer()?;
        let program = dial_with(lab, &["-t", LITTLE_IN_16_BITS], &[patient.address()])?;
        for options in [&["-t", "600000"] as &[&str], &[]] {
            let listener = lab.listen_without_answer()?;
            let program = dial_with(lab, options, &[listener.address()])?;
            program.sleeps(Sleep::UntilSomethingComes)?;
            program.stdout().expect_quiet()?;
            program.kill()?;
        }
        each_try_has_all_of_its_time(lab)?;
        // By now, so little time would be over.
        program.stdout().expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["cuts_the_limit_to_16_bits"],
            hint: "-t is 65736 here, and your program says `timeout` after 200 milliseconds: that is what is left of it in \
                   16 bits. MS goes up to 1000000: poll takes an int, and `PollTimeout::try_from` an i32.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["one_deadline_for_all", "counts_microseconds"],
            hint: "Your program says `timeout` before the time of the try is over. Each try has all the milliseconds \
                   of -t, counted from its own beginning. (A timeval has seconds and microseconds, a timespec \
                   seconds and nanoseconds: a millisecond is 1000 of the one, and 1000000 of the other.)",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["asks_without_waiting", "connects_again"],
            hint: "The server has not answered yet, and the time is not over. After EINPROGRESS nothing is known: \
                   SO_ERROR is 0, and a second connect fails with EALREADY. Sleep in poll, with all the time that is \
                   left. A u16 holds 65535 milliseconds at most: PollTimeout::try_from takes an i32.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["spins", "naps_and_looks"],
            hint: "Your program looks again and again whether something has happened. poll does the waiting: it \
                   sleeps until the socket is writable or the time is over, and not a millisecond longer.",
        },
    ],
};

/// The first try uses up its time, and the second one has as much. The second cannot begin before the test takes the line
/// of the first, so it takes at least its time from there.
fn each_try_has_all_of_its_time(lab: &Lab) -> Checked {
    let limit = Duration::from_millis(lab.random_number(150..=170));
    let milliseconds = limit.as_millis().to_string();
    let (first, second) = (lab.listen_without_answer()?, lab.listen_without_answer()?);
    let addresses = [first.address(), second.address()];
    let program = dial_with_full_stdout(lab, &["-t", &milliseconds], &addresses)?;
    program.sleeps(Sleep::Printing)?;
    let before = Instant::now();
    program.stdout().drain()?;
    program.stdout().expect_line(timeout(&first))?;
    program.stdout().expect_line(timeout(&second))?;
    let took = before.elapsed();
    if has_lasted(took, limit) {
        return Ok(());
    }
    lab.fail(
        Diagnosis::WrongOutput,
        format!(
            "your program says `timeout` of its second try after {} ms; it may wait for {milliseconds}",
            took.as_millis()
        ),
    )
}

pub(super) const AS_LONG_AS_THE_KERNEL: Test = Test {
    name: "waits without -t as long as the kernel does",
    points: 1,
    read: "A time limit for connect",
    proves: &["Without `-t`, a try takes as long as the kernel is patient."],
    story: |lab| {
        let listener = lab.listen_without_answer()?;
        let program = dial_with(lab, &[], &[listener.address()])?;
        program.sleeps(Sleep::UntilSomethingComes)?;
        program.sleeps(Sleep::WithoutTimeLimit)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimeLimited,
        mistakes: &["has_a_limit_of_its_own"],
        hint: "There is no -t, so the kernel decides when a try is over, after about two minutes: ETIMEDOUT. Sleep \
               in connect, or in poll with the time limit -1.",
    }],
};

pub(super) const CLOSES: Test = Test {
    name: "closes the socket of a try, however that has failed",
    points: 1,
    read: "One address after the other",
    proves: &[
        "A try that has failed leaves nothing behind: its socket is closed before the next try.",
    ],
    story: |lab| {
        let silent = lab.listen_without_answer()?;
        let nowhere = group_of_many(lab);
        // No way is known at once, be the program as slow as it may.
        let tries = [
            (nowhere, "100000", "unreachable"),
            (silent.address(), "3", "timeout"),
        ];
        for (address, limit, outcome) in tries {
            let mut launch = Launch::new(words(&["-t", limit], &[address; MANY]));
            launch.limits.descriptors = DESCRIPTORS;
            let program = lab.step(
                format!(
                    "start your program with -t {limit} and {address} {MANY} times; it may have {DESCRIPTORS} descriptors"
                ),
                || lab.launch(launch),
            )?;
            program
                .stdout()
                .expect_all(&vec![format!("{address} {outcome}"); MANY])?;
            program.expect_exit(1)?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &[
            "leaks_a_socket_that_waits",
            "leaks_where_no_way_leads",
            "leaves_a_thread_in_connect",
        ],
        hint: "Here a process may have 40 descriptors, and each try of this kind leaves one behind. There is more \
               than one way out of a try: refused, timed out, no way to the address. Close the socket on each of \
               them, or let an OwnedFd do it. A thread that is still in connect keeps its socket.",
    }],
};
