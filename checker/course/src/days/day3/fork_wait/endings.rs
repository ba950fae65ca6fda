//! What becomes of a command: it is killed, or stopped, or it cannot be run.

use libc::{SIGABRT, SIGCONT, SIGKILL, SIGTERM};

use super::{
    LINE_FOR_EACH, NO_SECOND_COPY, NO_SHELL, SUMMARY, expect_lines, launch_with, run, shuffled,
    waiting,
};
use crate::promises::commands;
use harness::author::{Diagnosis, Launch, Rejection, Test};

const CANNOT_RUN_LINE: &str = "If fork or execvp has failed, the line is `LINE cannot run ERROR`, with the name of \
                               the error, for instance `ENOENT`.";

const GOES_ON: &str = "The program goes on with the next line.";

pub(super) const KILLED: Test = Test {
    name: "says which signal has killed a command",
    points: 2,
    read: "Exited or killed",
    proves: &[
        LINE_FOR_EACH,
        "`SIGNAL` is the number, for instance 9; a real-time signal has no other name.",
        SUMMARY,
    ],
    story: |lab| {
        let real_time = libc::SIGRTMIN() + lab.random_number(1..=20) as i32;
        let [first, second, third] = shuffled(lab, [SIGTERM, SIGKILL, SIGABRT]);
        let signals = [first, second, third, real_time];
        let lines = [1, 2, 3, 4].map(|number| format!("sh wait {number}"));
        let mut launch = Launch::new::<&str>([]);
        commands::allow_cores(&mut launch);
        let program = launch_with(lab, launch, &lines)?;
        for (number, signal) in (1..).zip(signals) {
            let [command] = waiting(&program, [number])?;
            command.signal(signal)?;
            program
                .stdout()
                .expect_line(format!("{number} killed {signal}"))?;
        }
        expect_lines(&program, &["ok 0 failed 4"])?;
        program.expect_exit(1)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "asks_for_the_exit_status_only",
                "prints_the_signals_name",
                "adds_128_to_the_signal",
                "counts_a_killed_command_as_ok",
            ],
            hint: "A status says one of two things. If WIFEXITED, the command ended by itself: `exited` and \
                   WEXITSTATUS, and only 0 counts as ok. If WIFSIGNALED, a signal has killed it: `killed` and WTERMSIG, \
                   as a plain number, and it has failed. WTERMSIG is not all of the low byte: bit 128 there says that \
                   there is a core file.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["says_nothing_of_a_killed_command"],
            hint: "A signal has killed the command, and waitpid has said so, but no line comes. Print one for \
                   WIFSIGNALED, too (in nix: WaitStatus::Signaled).",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["unwraps_the_exit_status", "unwraps_what_waitpid_returns"],
            hint: "A command that a signal has killed has no exit status: `code()` is None then. Look at `signal()` \
                   first, or at WIFSIGNALED. If it was a real-time signal, nix's waitpid returns `Err(EINVAL)`, since \
                   it has no name for it: call libc::waitpid, and take the number with WTERMSIG.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["knows_no_real_time_signals"],
            hint: "nix has no name for a real-time signal: its waitpid collects the child that one has killed, and \
                   returns EINVAL. The status is lost then. Call libc::waitpid, and take the number with WTERMSIG.",
        },
    ],
};

pub(super) const CANNOT_RUN: Test = Test {
    name: "says so when there is no such command, and goes on",
    points: 2,
    read: "A command that cannot be run",
    proves: &[CANNOT_RUN_LINE, GOES_ON, SUMMARY, NO_SECOND_COPY, NO_SHELL],
    story: |lab| {
        let missing = lab.random_word(12);
        let program = run(lab, &[], &["true", &missing, "true"])?;
        expect_lines(
            &program,
            &["1 exited 0", "2 cannot run ENOENT", "3 exited 0"],
        )?;
        program.expect_exit(1)?;
        expect_lines(&program, &["ok 2 failed 1"])?;
        program.stdout().expect_end()?;
        // For a shell this is a comment.
        let program = run(lab, &[], &["#true", "true"])?;
        expect_lines(&program, &["1 cannot run ENOENT", "2 exited 0"])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "says_exited_127",
                "says_two_things",
                "child_panics",
                "prints_the_text_of_the_error",
                "takes_a_line_for_a_comment",
            ],
            hint: "The line is `LINE cannot run ENOENT`: the name of the error, and no other line for this command. \
                   The parent alone sees only that its child has ended. So the child must tell it: make a pipe with \
                   O_CLOEXEC before fork, and write errno into it when execvp has returned, and call _exit. If the \
                   pipe ends without a byte, exec has succeeded. (A line that begins with # is a command, too: it is only \
                   for a shell that it is none.)",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["child_goes_on"],
            hint: "Two programs run the rest of the file. execvp has failed and returned in the child, and the child \
                   has gone on with the code of its parent. Call _exit there.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["gives_up_at_the_first_failure"],
            hint: "One command cannot be run, and the program ends. Print the line for this command, and go on with \
                   the next one.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_it_cannot_run"],
            hint: "A name in FILE may be wrong: that is a result, and no bug in your program. Do not unwrap it, \
                   print the line for this command, and go on with the next one.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["does_not_count_what_cannot_run"],
            hint: "A command that could not be run is one of the B that did not end with status 0: count it there. \
                   Then your program ends with 1.",
        },
    ],
};

pub(super) const ONCE_ONLY: Test = Test {
    name: "prints each line once, though several commands cannot run",
    points: 1,
    read: "A command that cannot be run",
    proves: &[CANNOT_RUN_LINE, GOES_ON, NO_SECOND_COPY],
    story: |lab| {
        let missing = lab.random_word(12);
        let line = missing.as_str();
        let program = run(lab, &[], &[line, line, line, "true"])?;
        let lines = [1, 2, 3].map(|number| format!("{number} cannot run ENOENT"));
        expect_lines(&program, &lines)?;
        expect_lines(&program, &["4 exited 0", "ok 1 failed 3"])?;
        program.stdout().expect_end()
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["flushes_in_the_child"],
        hint: "A line comes twice. It was in a buffer at fork, so there were two copies of it, and exit in the child \
               writes the second one. Flush before fork, and end the child with _exit, which writes nothing.",
    }],
};

pub(super) const WHY: Test = Test {
    name: "says why a command cannot be run, and does not guess",
    points: 2,
    read: "A command that cannot be run",
    proves: &[CANNOT_RUN_LINE, LINE_FOR_EACH, GOES_ON],
    story: |lab| {
        lab.file("plain").make("true\n", 0o644)?;
        let program = run(
            lab,
            &[],
            &[
                "./plain",
                "sh end 127",
                "./plain/x",
                "./nothing",
                "sh end 126",
            ],
        )?;
        expect_lines(
            &program,
            &[
                "1 cannot run EACCES",
                "2 exited 127",
                "3 cannot run ENOTDIR",
                "4 cannot run ENOENT",
                "5 exited 126",
                "ok 0 failed 5",
            ],
        )
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["takes_127_for_no_command", "says_enoent_always"],
        hint: "An exit status cannot say why exec has failed, and a command may end with 126 or 127 itself. Let the \
               child write the errno of execvp into a pipe with O_CLOEXEC, and print what the parent reads there.",
    }],
};

pub(super) const STOPPED: Test = Test {
    name: "waits on for a command that is stopped",
    points: 1,
    read: "wait collects a child",
    proves: &["A command that is stopped has not ended."],
    story: |lab| {
        let program = run(lab, &[], &["sh wait 1", "true"])?;
        let [command] = waiting(&program, [1])?;
        lab.settle()?;
        command.freeze()?;
        program.stdout().expect_quiet()?;
        command.signal(SIGCONT)?;
        program.stdout().expect_quiet()?;
        command.signal(SIGTERM)?;
        expect_lines(&program, &["1 killed 15", "2 exited 0", "ok 1 failed 1"])
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ExtraOutput,
        mistakes: &["asks_for_stopped_children", "asks_for_continued_children"],
        hint: "WUNTRACED and WCONTINUED make waitpid return a child that only was stopped, or that goes on. It \
               lives. Leave these options out.",
    }],
};

pub(super) const LEAVES_A_PROCESS: Test = Test {
    name: "does not wait for what a command leaves behind",
    points: 2,
    read: "wait collects a child",
    proves: &[
        "A command has ended when its own process has ended, though other processes which it has started may go on.",
    ],
    story: |lab| {
        let code = lab.random_number(1..=100);
        let program = run(lab, &[], &[format!("sh leave {code}")])?;
        program.stdout().expect_line(format!("1 exited {code}"))?;
        expect_lines(&program, &["ok 0 failed 1"])?;
        program.expect_exit(1)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ZombieLeft,
        mistakes: &["reads_what_its_commands_print", "pipe_stays_open_at_exec"],
        hint: "The command has ended, and your program waits for the end of a pipe. A process which the command has \
               left holds it, too. Wait for the command with waitpid and not for the end of its output; and make the \
               pipe for errno with O_CLOEXEC, so that no command gets it.",
    }],
};

pub(super) const NO_FORK: Test = Test {
    name: "says so when fork fails, and goes on",
    points: 2,
    read: "A command that cannot be run",
    proves: &[CANNOT_RUN_LINE, GOES_ON, SUMMARY],
    story: |lab| {
        let program = run(
            lab,
            &["-j", "2"],
            &["sh wait 1", "sh wait 2", "true", "true"],
        )?;
        let [first, second] = waiting(&program, [1, 2])?;
        lab.settle()?;
        let forbidden = program.faults().forbid_fork()?;
        first.signal(SIGTERM)?;
        expect_lines(
            &program,
            &["1 killed 15", "3 cannot run EAGAIN", "4 cannot run EAGAIN"],
        )?;
        program.stdout().expect_quiet()?;
        forbidden.allow_again()?;
        second.signal(SIGKILL)?;
        expect_lines(&program, &["2 killed 9", "ok 0 failed 4"])?;
        program.expect_exit(1)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_when_fork_fails"],
            hint: "fork has failed for one command, and the program ends while another one runs. Print the line with \
                   the name of the error, and go on.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["takes_minus_one_for_a_child", "waits_until_fork_succeeds"],
            hint: "fork has returned -1: there is no child, and none will end. Print the line `LINE cannot run \
                   EAGAIN` for this command, and go on with the next one.",
        },
    ],
};
