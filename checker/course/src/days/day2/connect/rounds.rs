//! What the program does when no address has answered, and it may ask again.

use std::time::Duration;

use super::{connected, dial_with, dial_with_full_stdout, refused};
use harness::author::{Call, Checked, Diagnosis, Lab, Program, Rejection, Sleep, Test};

pub(super) const BACK_OFF: Test = Test {
    name: "goes round again, each time after twice the pause",
    points: 2,
    read: "Trying again",
    proves: &[
        "The options stand before the addresses, in any order.",
        "`-r N` allows N more rounds through all addresses (default 0).",
        "Before each of these the program prints `again in MS ms`, and sleeps for so long.",
        "The first pause is that of `-p MS` (default 100), and each later one twice as long as the one before it.",
    ],
    story: |lab| {
        let (one, other) = (
            lab.reserve_address()?.refuse(),
            lab.reserve_address()?.refuse(),
        );
        lab.follow_calls();
        let first = lab.random_number(12..=16);
        let options = ["-p", &first.to_string(), "-r", "4"];
        let program = dial_with(lab, &options, &[one, other])?;
        for round in 0..=4 {
            if round > 0 {
                let pause = first << (round - 1);
                let line = format!("again in {pause} ms");
                program.stdout().expect_line(line)?;
            }
            program.stdout().expect_line(refused(one))?;
            program.stdout().expect_line(refused(other))?;
        }
        program.stdout().expect_end()?;
        program.expect_exit(1)?;
        has_slept(lab, &program, 8 * first)?;
        let program = dial_with(lab, &["-r", "1"], &[one])?;
        program.stdout().expect_line(refused(one))?;
        program.stdout().expect_line("again in 100 ms")?;
        program.kill()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "always_the_same_pause",
                "adds_to_the_pause",
                "pauses_after_each_try",
                "retries_the_last_only",
                "has_a_default_of_its_own",
                "does_not_sleep",
                "sleeps_the_first_pause_each_time",
            ],
            hint: "A round is a try of each address, from the first one on. Between two rounds there is one pause, \
                   and each is twice as long as the one before it, what is slept as well as what is printed. The \
                   first one is that of -p, or 100 ms without -p.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "never_tries_again",
                "wants_one_order_of_options",
                "counts_the_first_round",
            ],
            hint: "With -r, when all addresses have failed, print `again in MS ms`, sleep, and begin with the first \
                   address again. N does not count the first round: -r 3 makes four in all. The options come in any order: -p \
                   may stand before -r.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["pauses_after_the_last_round"],
            hint: "Nothing follows the last round, so do not pause after it. -r 3 means three more rounds: four in \
                   all.",
        },
    ],
};

/// Sees that the program has slept between the line about this pause and the next try. Who has noted the end of the pause
/// before it printed sleeps a little less, so half of the pause is enough.
fn has_slept(lab: &Lab, program: &Program, milliseconds: u64) -> Checked {
    let line = format!("again in {milliseconds} ms");
    let calls = program.calls().records()?;
    let mut later = calls.iter().skip_while(|record| {
        let data = record.data().filter(|_| record.call == Call::Write);
        !data.is_some_and(|data| {
            data.start
                .windows(line.len())
                .any(|part| part == line.as_bytes())
        })
    });
    let (Some(said), Some(tried)) = (
        later.next().and_then(|said| said.returned_us),
        later.find(|record| record.call == Call::Connect),
    ) else {
        return Ok(());
    };
    let slept = Duration::from_micros(tried.entered_us.saturating_sub(said));
    match slept < Duration::from_millis(milliseconds) / 2 {
        false => Ok(()),
        true => lab.fail(
            Diagnosis::WrongOutput,
            format!(
                "your program says `{line}`, and tries again after {} ms",
                slept.as_millis()
            ),
        ),
    }
}

pub(super) const ALL_AGAIN: Test = Test {
    name: "finds a server that has come up meanwhile",
    points: 1,
    read: "Trying again",
    proves: &[
        "The options stand before the addresses, in any order.",
        "`-r N` allows N more rounds through all addresses (default 0).",
    ],
    story: |lab| {
        let (server, nobody) = (lab.reserve_address()?, lab.reserve_address()?.refuse());
        let address = server.address();
        let program = dial_with_full_stdout(lab, &["-r", "2", "-p", "1"], &[address, nobody])?;
        program.sleeps(Sleep::Printing)?;
        let listener = server.listen()?;
        program.stdout().drain()?;
        program.stdout().expect_line(refused(address))?;
        program.stdout().expect_line(refused(nobody))?;
        program.stdout().expect_line("again in 1 ms")?;
        let peer = listener.accept()?.peer_address();
        program.stdout().expect_line(connected(&listener))?;
        program.stdout().expect_line(format!("local {peer}"))?;
        program.stdout().expect_end()?;
        program.expect_exit(0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ExtraOutput,
        mistakes: &["success_is_no_end"],
        hint: "The program is connected, but it begins another round. Success ends all loops.",
    }],
};

pub(super) const SLEEPS: Test = Test {
    name: "sleeps between two rounds",
    points: 1,
    read: "Trying again",
    proves: &[
        "While it waits, for an answer or for the next round, it sleeps.",
        "It does not look again and again.",
        "Before each of these the program prints `again in MS ms`, and sleeps for so long.",
    ],
    story: |lab| {
        let nobody = lab.reserve_address()?.refuse();
        let program = dial_with(lab, &["-r", "1", "-p", "600000"], &[nobody])?;
        program.stdout().expect_line(refused(nobody))?;
        program.stdout().expect_line("again in 600000 ms")?;
        program.stdout().expect_quiet()?;
        program.expect_alive()
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Busy,
        mistakes: &["watches_the_clock"],
        hint: "Your program looks at the clock until the time is over, and needs a whole processor for it. \
               thread::sleep or nanosleep(2) needs none.",
    }],
};
