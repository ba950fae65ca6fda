//! Several commands at once.

use libc::{SIGKILL, SIGTERM};

use super::{
    AT_MOST_N, IN_ORDER, LINE_FOR_EACH, NEXT_AT_ONCE, SUMMARY, expect_lines, launch_with, run,
    shuffled, waiting,
};
use harness::author::{Call, Checked, Diagnosis, Lab, Launch, Program, Rejection, Test};

const MISSED: &str = "The command ends after your program has looked and before it sleeps: its SIGCHLD has come by \
                      then, and nothing wakes the program any more. waitpid without WNOHANG looks and sleeps in one \
                      step.";

pub(super) const AT_MOST: Test = Test {
    name: "runs N commands at once, and not one more",
    points: 3,
    read: "At most N at once",
    proves: &[AT_MOST_N, IN_ORDER],
    story: |lab| {
        let most = lab.random_number(65..=70) as usize;
        let lines: Vec<String> = (1..=most + 1)
            .map(|number| format!("sh wait {number}"))
            .collect();
        let mut launch = Launch::new(["-j", &most.to_string()]);
        // A program may have a thread for each command, which waits for it.
        launch.limits.processes = 256;
        let program = launch_with(lab, launch, &lines)?;
        lab.step(
            format!("expect that the commands of the lines 1 to {most} run"),
            || (1..=most).try_for_each(|number| waiting(&program, [number]).map(drop)),
        )?;
        expect_no_more(lab, &program, most)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ProcessMissing,
            mistakes: &[
                "runs_one_at_a_time",
                "has_room_for_eight_commands",
                "has_room_for_64_commands",
            ],
            hint: "Fewer than N commands run, and no other one starts. Call waitpid only when N commands run, or when no \
                   line is left. Keep the commands in a Vec or a HashMap, which has room for any N.",
        },
        Rejection {
            diagnosis: Diagnosis::ProcessLeft,
            mistakes: &["starts_all_at_once", "starts_one_too_many"],
            hint: "Count the commands that run. Before you start another one, call waitpid while there are N of \
                   them.",
        },
    ],
};

pub(super) const PLACE_USED_AGAIN: Test = Test {
    name: "starts the next command as soon as any one has ended",
    points: 3,
    read: "At most N at once",
    proves: &[NEXT_AT_ONCE, LINE_FOR_EACH, AT_MOST_N],
    story: |lab| {
        let missing = lab.random_word(12);
        let lines = ["sh wait 1", "sh wait 2", "sh wait 3", &missing, "sh wait 5"];
        let program = run(lab, &["-j", "2"], &lines)?;
        let [first, second] = waiting(&program, [1, 2])?;
        second.signal(SIGTERM)?;
        expect_lines(&program, &["2 killed 15"])?;
        let [third] = waiting(&program, [3])?;
        expect_no_more(lab, &program, 2)?;
        third.signal(SIGKILL)?;
        expect_lines(&program, &["3 killed 9"])?;
        let [fifth] = waiting(&program, [5])?;
        expect_lines(&program, &["4 cannot run ENOENT"])?;
        fifth.signal(SIGTERM)?;
        expect_lines(&program, &["5 killed 15"])?;
        program.stdout().expect_quiet()?;
        first.signal(SIGKILL)?;
        expect_lines(&program, &["1 killed 9", "ok 0 failed 5"])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ZombieLeft,
            mistakes: &["waits_in_the_order_of_the_lines"],
            hint: "The second command has ended, and your program waits for the first one. waitpid with -1 returns \
                   whichever child ends first; remember which line belongs to which PID.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["takes_the_oldest_for_the_one_that_ended"],
            hint: "The second command has ended, and your program says it of another one. waitpid returns the PID of \
                   the child that has ended: look up which line belongs to it.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["keeps_the_order_of_the_lines"],
            hint: "The second command has ended and was collected, but its line waits for the end of the first one. \
                   Print each line when waitpid has returned, in whatever order they come.",
        },
        Rejection {
            diagnosis: Diagnosis::ProcessMissing,
            mistakes: &["runs_in_rounds", "keeps_the_place_of_a_failure"],
            hint: "A place is free and a line is left, but nothing starts. Start the next command after each \
                   waitpid, not only when all of the first N have ended; and a command that could not be run takes \
                   no place.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["sums_up_too_early"],
            hint: "No line is left, but a command still runs. Call waitpid until no command runs, and print `ok` \
                   only then.",
        },
    ],
};

pub(super) const ENDED_TOGETHER: Test = Test {
    name: "tells of all commands that have ended together",
    points: 2,
    read: "At most N at once",
    proves: &[LINE_FOR_EACH, SUMMARY],
    story: |lab| {
        let lines = [1, 2, 3].map(|number| format!("sh wait {number}"));
        // In 32 bits it is 2, in 16 and in 8 as well.
        let program = run(lab, &["-j", "4294967298"], &lines)?;
        let commands = waiting(&program, [1, 2, 3])?;
        lab.settle()?;
        program.signals().freeze()?;
        for command in shuffled(lab, commands) {
            command.signal(SIGTERM)?;
            command.expect_ended()?;
        }
        program.signals().resume()?;
        expect_in_any_order(
            lab,
            &program,
            &["1 killed 15", "2 killed 15", "3 killed 15"],
        )?;
        expect_lines(&program, &["ok 0 failed 3"])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ZombieLeft,
            mistakes: &["one_wait_for_each_signal"],
            hint: "Three commands ended, and one SIGCHLD told of them: signals do not queue. Call waitpid until it \
                   finds no child that has ended; or do without the signal, and let waitpid sleep.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["keeps_n_in_a_byte", "keeps_n_in_16_bits"],
            hint: "4294967298 is a right N, too, though there are three commands only. Parse it into a usize.",
        },
    ],
};

pub(super) const IN_THE_GAP: Test = Test {
    name: "tells of a command that ends just before the program sleeps",
    points: 2,
    read: "At most N at once",
    proves: &[LINE_FOR_EACH, NEXT_AT_ONCE],
    story: |lab| {
        lab.follow_calls();
        let lines = ["sh wait 1", "sh wait 2", "sh wait 3"];
        let program = run(lab, &["-j", "2"], &lines)?;
        let [first, second] = waiting(&program, [1, 2])?;
        lab.settle()?;
        let gap = match waits_for_signals(&program)? {
            true => Some(program.signals().freeze_in_the_gap()?),
            // In waitpid there is no gap: it looks and sleeps in one step.
            false => None,
        };
        first.signal(SIGTERM)?;
        if let Some(gap) = gap {
            gap.wait_until_hit()?;
            program.signals().wait_until_frozen()?;
        }
        second.signal(SIGKILL)?;
        second.expect_ended()?;
        program.signals().resume()?;
        // A program may go to sleep once more before it tells of the first one.
        expect_in_any_order(lab, &program, &["1 killed 15", "2 killed 9"])?;
        let [third] = waiting(&program, [3])?;
        third.signal(SIGTERM)?;
        expect_lines(&program, &["3 killed 15", "ok 0 failed 3"])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ZombieLeft,
            mistakes: &["looks_then_pauses"],
            hint: MISSED,
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["collects_in_the_handler_and_pauses"],
            hint: MISSED,
        },
    ],
};

pub(super) const ONE_AFTER_ANOTHER: Test = Test {
    name: "runs many commands, and keeps nothing of them",
    points: 1,
    read: "At most N at once",
    proves: &[LINE_FOR_EACH, SUMMARY],
    story: |lab| {
        let missing = lab.random_word(12);
        let lines: Vec<&str> = (0..50).flat_map(|_| ["true", missing.as_str()]).collect();
        let mut launch = Launch::new(["-j", "1"]);
        launch.limits.descriptors = 48;
        let program = launch_with(lab, launch, &lines)?;
        let mut told: Vec<String> = (0..50)
            .flat_map(|pair| {
                let number = 2 * pair + 1;
                [
                    format!("{number} exited 0"),
                    format!("{} cannot run ENOENT", number + 1),
                ]
            })
            .collect();
        told.push("ok 50 failed 50".to_owned());
        program.stdout().expect_all(&told)?;
        // The last command of a long file.
        let mut lines = vec![""; 70_000];
        lines.push("true");
        let program = run(lab, &[], &lines)?;
        expect_lines(&program, &["70001 exited 0", "ok 1 failed 0"])
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["keeps_a_pipe_for_each_command", "reads_64_kib_of_the_file"],
        hint: "A file may be long, and nothing may be left of a command. With each one your program holds one \
               descriptor more, until none is left (EMFILE): close both ends of the pipe in the parent, the writing \
               end after fork, the reading end when you have read it. Or does it know only the beginning of the file?",
    }],
};

pub(super) const BESIDE_A_FAILURE: Test = Test {
    name: "tells of a command that ends while another one cannot run",
    points: 1,
    read: "A command that cannot be run",
    proves: &[LINE_FOR_EACH, SUMMARY],
    story: |lab| {
        lab.follow_calls();
        let missing = lab.random_word(12);
        let lines = ["sh wait 1", "sh wait 2", &missing, "true"];
        let program = run(lab, &["-j", "2"], &lines)?;
        let [first, second] = waiting(&program, [1, 2])?;
        lab.settle()?;
        // The call in which it sleeps is spared. The next one is that for the child which could not become the command;
        // or the first one of a program that sleeps elsewhere.
        let freeze = program.signals().freeze_before(Call::Wait)?;
        second.signal(SIGTERM)?;
        freeze.wait_until_frozen()?;
        first.signal(SIGKILL)?;
        first.expect_ended()?;
        freeze.resume()?;
        let missing = "3 cannot run ENOENT";
        let lines = ["1 killed 9", "2 killed 15", missing, "4 exited 0"];
        expect_in_any_order(lab, &program, &lines)?;
        expect_lines(&program, &["ok 1 failed 3"])
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["waits_for_any_child_after_a_failure"],
        hint: "A command has ended, and no line tells of it. Have you waited with -1 for the child whose exec has \
               failed? This takes any child, also a command that has just ended. Give waitpid the PID of the child \
               that you mean.",
    }],
};

/// Sees that no more of the commands `sh wait` run when nothing happens any more.
fn expect_no_more(lab: &Lab, program: &Program, most: usize) -> Checked {
    lab.step("see that no other command runs", || {
        lab.settle()?;
        let mut running = program.children().commands();
        running.retain(|command| command.starts_with("sh wait"));
        let count = running.len();
        match count > most {
            false => Ok(()),
            true => lab.fail(
                Diagnosis::ProcessLeft,
                format!("{count} commands run at once, and {most} at most are right here"),
            ),
        }
    })
}

/// Waits for as many lines, which must be these.
fn expect_in_any_order(lab: &Lab, program: &Program, lines: &[&str]) -> Checked {
    let step = format!("expect the lines {}, in any order", lines.join(", "));
    lab.step(step, || {
        let mut left = lines.to_vec();
        while !left.is_empty() {
            let goal = format!("the line \"{}\"", left.join("\" or \""));
            let line = program.stdout().next_line(&goal)?;
            let Some(place) = left.iter().position(|expected| expected.as_bytes() == line) else {
                let symptom = format!(
                    "your program prints \"{}\"; the test waits for {goal}",
                    line.escape_ascii()
                );
                return lab.fail(Diagnosis::WrongOutput, symptom);
            };
            left.remove(place);
        }
        Ok(())
    })
}

/// Whether the program sleeps in a call that a signal ends, or the byte which a handler writes, and not in one that
/// waits for children.
fn waits_for_signals(program: &Program) -> Checked<bool> {
    let records = program.calls().records()?;
    let mut sleeping = records
        .iter()
        .filter(|record| record.is_in_progress() && record.own_pid == program.own_pid());
    Ok(sleeping.any(|record| matches!(record.call, Call::Signal | Call::Poll | Call::Read)))
}
