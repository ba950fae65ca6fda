//! What the program does when no address has answered, and it may ask again.

use super::{connected, dial_with, dial_with_full_stdout, refused};
use harness::author::{Diagnosis, Rejection, Sleep, Test};

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
        let first = lab.random_number(2..=5);
        let options = ["-p", &first.to_string(), "-r", "3"];
        let program = dial_with(lab, &options, &[one, other])?;
        for pause in [Some(first), Some(2 * first), Some(4 * first), None] {
            program.stdout().expect_line(refused(one))?;
            program.stdout().expect_line(refused(other))?;
            if let Some(pause) = pause {
                program
                    .stdout()
                    .expect_line(format!("again in {pause} ms"))?;
            }
        }
        program.stdout().expect_end()?;
        program.expect_exit(1)?;
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
            ],
            hint: "A round is a try of each address, from the first one on. Between two rounds there is one pause, \
                   and each is twice as long as the one before it. The first one is that of -p, or 100 ms without \
                   -p.",
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
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["does_not_sleep"],
            hint: "Your program announced a pause, but the next round has already begun. Sleep for as many \
                   milliseconds as you print: thread::sleep, or nanosleep(2).",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["watches_the_clock"],
            hint: "Your program looks at the clock until the time is over, and needs a whole processor for it. \
                   thread::sleep or nanosleep(2) needs none.",
        },
    ],
};
