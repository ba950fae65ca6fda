//! Outcomes which the test cannot bring about as a peer: routes that lead nowhere, and signals.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use nix::errno::Errno;

use super::{connected, dial_with, dial_with_full_stdout, refused, timeout};
use crate::promises::time_limits::has_lasted;
use harness::author::{
    Address, Call, Checked, Diagnosis, Lab, Program, Record, Rejection, Sleep, Test,
};

pub(super) const EVERY_ERROR: Test = Test {
    name: "has the right word for each error of connect",
    points: 2,
    read: "The outcomes of connect",
    proves: &[
        "| `timeout` | `ETIMEDOUT`; or the time of `-t` is over |",
        "| `unreachable` | `ENETUNREACH` or `EHOSTUNREACH` |",
        "| `error NAME` | any other error, by its name in the manual: `error EACCES` |",
    ],
    story: |lab| {
        lab.follow_calls();
        let outcomes = [
            (Call::Connect, Errno::EHOSTUNREACH, "unreachable"),
            (Call::Connect, Errno::ETIMEDOUT, "timeout"),
            (Call::Connect, Errno::EACCES, "error EACCES"),
            (Call::Connect, Errno::EADDRNOTAVAIL, "error EADDRNOTAVAIL"),
            (Call::Socket, Errno::ENOBUFS, "error ENOBUFS"),
        ];
        for (call, errno, outcome) in outcomes {
            let (first, second, last) = (
                lab.reserve_address()?.refuse(),
                lab.listen()?,
                lab.listen()?,
            );
            let addresses = [first, second.address(), last.address()];
            let program = dial_with_full_stdout(lab, &[], &addresses)?;
            program.sleeps(Sleep::Printing)?;
            program.faults().fail_next(call, errno)?;
            program.stdout().drain()?;
            program.stdout().expect_line(refused(first))?;
            program
                .stdout()
                .expect_line(format!("{} {outcome}", second.address()))?;
            last.accept()?;
            program.stdout().expect_line(connected(&last))?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "knows_one_of_two",
                "everything_is_unreachable",
                "the_kernels_timeout_is_an_error",
                "prints_the_number",
            ],
            hint: "Look at the table in README.md: each errno has its word. ENETUNREACH and EHOSTUNREACH are both \
                   `unreachable`, ETIMEDOUT from the kernel is `timeout`, and any other is `error` with its name, as \
                   {errno:?} prints it.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_an_unknown_error", "ends_without_a_socket"],
            hint: "An unexpected error, of connect or of socket, is still the outcome of one try only. Print `error \
                   NAME`, and take the next address.",
        },
    ],
};

const EINTR: &str = "poll has failed with EINTR: a signal came, and nothing is known about the connection. The time \
                     is not over, and SO_ERROR is not an answer yet. Call poll again, with the time that is left.";

pub(super) const INTERRUPTED: Test = Test {
    name: "goes on with a try that a signal has interrupted",
    points: 1,
    read: "Signals and the clock",
    proves: &[
        "A signal that interrupts a call (`EINTR`) is not an outcome.",
        "The try goes on, and its time does not begin again.",
        "`-t MS` gives each try so many milliseconds, counted from its beginning.",
    ],
    story: |lab| {
        lab.follow_calls();
        sets_a_limit_that_the_kernel_takes(lab)?;
        for options in [&["-t", "100000"] as &[&str], &[]] {
            let (first, listener) = (lab.reserve_address()?.refuse(), lab.listen()?);
            let addresses = [first, listener.address()];
            let program = dial_with_full_stdout(lab, options, &addresses)?;
            program.sleeps(Sleep::Printing)?;
            program.faults().interrupt_twice(Call::Poll)?;
            program.stdout().drain()?;
            program.stdout().expect_line(refused(first))?;
            listener.accept()?;
            program.stdout().expect_line(connected(&listener))?;
        }
        // And once more where nothing is decided when the signal comes.
        let (first, silent) = (
            lab.reserve_address()?.refuse(),
            lab.listen_without_answer()?,
        );
        let limit = lab.random_number(30..=60).to_string();
        let addresses = [first, silent.address()];
        let program = dial_with_full_stdout(lab, &["-t", &limit], &addresses)?;
        program.sleeps(Sleep::Printing)?;
        program.faults().interrupt_twice(Call::Poll)?;
        program.stdout().drain()?;
        expect_first_outcome(&program, first)?;
        program.stdout().expect_line(timeout(&silent))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "eintr_is_timeout",
                "eintr_is_an_error",
                "eintr_is_the_outcome",
                "eintr_without_a_limit",
            ],
            hint: EINTR,
        },
        Rejection {
            diagnosis: Diagnosis::CallForbidden,
            mistakes: &["a_second_in_microseconds"],
            hint: "The kernel refuses this time limit (EDOM), and then there is none: tv_usec is from 0 to 999999. Whole \
                   seconds go to tv_sec, and setsockopt can fail: look at its result.",
        },
    ],
};

/// The outcome of a try that is refused at once: it may be over all the same, if the program is slow to look.
fn expect_first_outcome(program: &Program, first: SocketAddr) -> Checked {
    let outcomes = [refused(first), format!("{first} timeout")];
    program.stdout().expect_one_of(&outcomes).map(drop)
}

/// One that it refuses is none: then the try lasts as long as without `-t`.
fn sets_a_limit_that_the_kernel_takes(lab: &Lab) -> Checked {
    let listener = lab.listen()?;
    let program = dial_with(lab, &["-t", "100000"], &[listener.address()])?;
    listener.accept()?;
    program.stdout().expect_line(connected(&listener))?;
    program.calls().expect_none(
        "setsockopt with a time limit that the kernel refuses",
        Call::SetOption,
        |record| record.errno() == Some(Errno::EDOM),
    )
}

pub(super) const CLOCK: Test = Test {
    name: "counts the time of a try from its beginning, whatever interrupts it",
    points: 1,
    read: "Signals and the clock",
    proves: &[
        "`-t MS` gives each try so many milliseconds, counted from its beginning.",
        "The try goes on, and its time does not begin again.",
    ],
    story: |lab| {
        lab.follow_calls();
        let limit = Duration::from_millis(lab.random_number(250..=300));
        let (first, silent) = (
            lab.reserve_address()?.refuse(),
            lab.listen_without_answer()?,
        );
        let milliseconds = limit.as_millis().to_string();
        let addresses = [first, silent.address()];
        let program = dial_with_full_stdout(lab, &["-t", &milliseconds], &addresses)?;
        program.sleeps(Sleep::Printing)?;
        let signals = program.faults().fail_each(Call::Poll, Errno::EINTR)?;
        program.stdout().drain()?;
        expect_first_outcome(&program, first)?;
        let mut since = None;
        lab.wait_until("its time to be over", Diagnosis::TimedOut, || {
            if signals.hits() > 0 {
                since.get_or_insert_with(Instant::now);
            }
            let is_over = since.is_some_and(|since| since.elapsed() >= limit);
            // One that has ended holds no descriptors. It need not have polled.
            Ok(is_over || program.descriptors().count()? == 0)
        })?;
        signals.end();
        program.stdout().expect_line(timeout(&silent))?;
        program.expect_exit(1)?;
        let calls = program.calls().records()?;
        // How long it took, as far as the calls reach back: after many interruptions the first ones are forgotten.
        let to_silent = Address::Internet(silent.address());
        let begin = calls
            .iter()
            .find(|record| record.call == Call::Connect && record.address() == Some(&to_silent));
        let end = calls.iter().rfind(|record| record.call == Call::Write);
        // The try may have begun before connect, but not before the line of the first one was out.
        let printed = calls.iter().filter(|record| {
            let is_before = begin.is_some_and(|begin| record.sequence < begin.sequence);
            record.call == Call::Write && is_before
        });
        let began = printed.filter_map(|record| record.returned_us).max();
        if let (Some(began), Some(end)) = (began, end) {
            let took = Duration::from_micros(end.entered_us.saturating_sub(began));
            if !has_lasted(took, limit) {
                return lab.fail(
                    Diagnosis::WrongOutput,
                    format!(
                        "your program says `timeout` after {} ms; it may wait for {milliseconds}",
                        took.as_millis()
                    ),
                );
            }
        }
        // What it still waited then was a poll that nobody interrupted, of a thread which had been interrupted before: others
        // have waits of their own. A select is left out: the kernel counts down the time in the program's own variable, but
        // not when the call is not made. And so is one without a time limit in another thread than that of the connect: it
        // waits for that thread.
        let lasted = |record: &Record| {
            let returned = record.returned_us.unwrap_or(record.entered_us);
            Duration::from_micros(returned - record.entered_us)
        };
        let is_poll = |record: &&Record| {
            let is_of_the_try = begin.is_some_and(|begin| begin.tid == record.tid);
            let may_count = is_of_the_try || !record.polls_without_time_limit();
            record.call == Call::Poll && !record.is_select() && may_count
        };
        let (interrupted, others): (Vec<&Record>, Vec<&Record>) = calls
            .iter()
            .filter(is_poll)
            .partition(|record| record.injected.is_some());
        let waits_again = others.into_iter().any(|record| {
            let is_the_same =
                |other: &&Record| other.tid == record.tid && other.sequence < record.sequence;
            // Who has computed it when the try had begun waits a little less.
            has_lasted(lasted(record), limit) && interrupted.iter().any(is_the_same)
        });
        match waits_again {
            false => Ok(()),
            true => lab.fail(
                Diagnosis::TimedOut,
                format!("your program waits for all of its {milliseconds} ms again, although they were over"),
            ),
        }
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimedOut,
        mistakes: &["the_clock_starts_again", "waits_for_the_whole_rest_again"],
        hint: "After EINTR only the rest of the time is left. Note the deadline when the try begins, and give poll \
               the time that is left until then.",
    }],
};

pub(super) const PAUSE: Test = Test {
    name: "sleeps on when a signal has interrupted the pause",
    points: 1,
    read: "Signals and the clock",
    proves: &[
        "A signal that interrupts a call (`EINTR`) is not an outcome.",
        "Before each of these the program prints `again in MS ms`, and sleeps for so long.",
    ],
    story: |lab| {
        lab.follow_calls();
        let nobody = lab.reserve_address()?.refuse();
        let options = ["-r", "1", "-p", "600000"];
        let program = dial_with_full_stdout(lab, &options, &[nobody])?;
        // Its try is over, and what polls now is the pause.
        program.sleeps(Sleep::Printing)?;
        program.faults().interrupt_twice(Call::Poll)?;
        program.stdout().drain()?;
        program.stdout().expect_line(refused(nobody))?;
        program.stdout().expect_line("again in 600000 ms")?;
        program.stdout().expect_quiet()?;
        program.expect_alive()
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ExtraOutput,
        mistakes: &["a_signal_ends_the_pause"],
        hint: "The pause has failed with EINTR, but its time is not over. Sleep again, for the time that is left; \
               thread::sleep does that for you, but poll, nanosleep and usleep do not.",
    }],
};
