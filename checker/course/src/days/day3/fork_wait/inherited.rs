//! What a command inherits, and what the program itself has inherited.

use libc::{SIGCHLD, SIGPIPE, SIGRTMIN, SIGTERM, SIGUSR1};

use super::{expect_lines, launch_with, run};
use crate::promises::commands;
use harness::author::{Diagnosis, Launch, Rejection, Test};

const GETS: &str = "A command has the environment, the standard input, the standard output and the standard error of \
                    the program.";

const NOTHING_ELSE: &str = "No descriptor that the program has opened is open in it, no signal is blocked, and \
                            `SIGPIPE` and `SIGCHLD` have their default action.";

pub(super) const PASSED_ON: Test = Test {
    name: "passes on its standard streams and its environment",
    points: 1,
    read: "What a child inherits",
    proves: &[GETS],
    story: |lab| {
        let program = run(lab, &[], &["sh"])?;
        commands::speak_through(lab, &program)?;
        program.expect_exit(0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &[
            "has_an_empty_environment",
            "gives_no_input",
            "silences_standard_error",
        ],
        hint: "sh reads from standard input what it is to do: write a word and the value of LC_ALL to standard \
               error. A command gets the descriptors 0, 1 and 2 and the environment without your help: fork copies \
               them, and execvp leaves them as they are. Change none of them in the child.",
    }],
};

pub(super) const DESCRIPTORS: Test = Test {
    name: "leaves no other descriptor open in a command",
    points: 2,
    read: "What a child inherits",
    proves: &[NOTHING_ELSE],
    story: |lab| {
        let missing = lab.random_word(12);
        let lines = ["cat", missing.as_str(), "cat -", "true"];
        let program = run(lab, &["-j", "2"], &lines)?;
        for command in ["cat", "cat -"] {
            let child = program.children().running(command)?;
            // Its loader opens files before its main.
            lab.settle()?;
            commands::expect_only_three(lab, command, &child)?;
        }
        Ok(())
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::DescriptorLeaked,
        mistakes: &["leaves_the_file_open", "closes_one_end_only_at_exec"],
        hint: "fork copies every descriptor, and exec keeps all of them but those with FD_CLOEXEC. Open everything \
               with O_CLOEXEC: the file with open, both ends of a pipe with pipe2.",
    }],
};

pub(super) const BROKEN_PIPE: Test = Test {
    name: "lets its commands die of SIGPIPE",
    points: 2,
    read: "What a child inherits",
    proves: &[NOTHING_ELSE],
    story: |lab| {
        let program = run(lab, &[], &["cat"])?;
        let child = program.children().running("cat")?;
        commands::expect_not_ignored(lab, "cat", &child, (SIGPIPE, "SIGPIPE"))
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongDisposition,
        mistakes: &["leaves_sigpipe_ignored"],
        hint: "A Rust program ignores SIGPIPE from its start, and exec leaves ignored what is ignored: so a command \
               does not end when the reader of its output has gone. Set SIGPIPE to SIG_DFL in the child, before \
               execvp.",
    }],
};

pub(super) const SIGNALS: Test = Test {
    name: "does its work though signals are blocked or ignored at its start",
    points: 2,
    read: "What a child inherits",
    proves: &[
        "All of this holds, too, if the program itself was started with signals blocked, or with `SIGCHLD` ignored.",
        NOTHING_ELSE,
    ],
    story: |lab| {
        let mut launch = Launch::new::<&str>([]);
        // A real-time signal, too: nix has no names for them.
        launch.blocked = vec![SIGTERM, SIGUSR1, SIGCHLD, SIGRTMIN() + 2];
        launch.ignored = vec![SIGCHLD, SIGPIPE];
        let program = launch_with(lab, launch, &["sh end 3", "cat"])?;
        expect_lines(&program, &["1 exited 3"])?;
        let child = program.children().running("cat")?;
        commands::expect_not_ignored(lab, "cat", &child, (SIGCHLD, "SIGCHLD"))?;
        commands::expect_not_ignored(lab, "cat", &child, (SIGPIPE, "SIGPIPE"))?;
        commands::expect_nothing_blocked(lab, "cat", &child)?;
        child.signal(SIGTERM)?;
        expect_lines(&program, &["2 killed 15", "ok 0 failed 2"])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["leaves_sigchld_ignored"],
            hint: "The program was started with SIGCHLD ignored. Then the kernel throws the statuses of its children \
                   away, and waitpid fails with ECHILD. Set SIGCHLD to SIG_DFL before the first fork.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongDisposition,
            mistakes: &[
                "leaves_signals_blocked",
                "blocks_sigchld_in_its_commands",
                "unblocks_the_standard_signals_only",
            ],
            hint: "The mask of blocked signals goes from program to program, through fork and through exec. Set an \
                   empty one before execvp, or at the start: sigprocmask with SIG_SETMASK, in nix \
                   SigSet::empty().thread_set_mask(). A loop over the signals that nix has names for misses the real-time signals.",
        },
    ],
};
