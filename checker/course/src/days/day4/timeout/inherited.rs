//! What the command inherits, and what the program itself has inherited.

use libc::{SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGPIPE, SIGRTMIN, SIGTERM, SIGUSR1};

use super::{LONG, TIMED_OUT, launch, run};
use crate::promises::commands;
use harness::author::{Diagnosis, Launch, Rejection, Test};

const GETS: &str = "The command has the environment, the standard input, the standard output and the standard error of \
                    the program.";

const CLEAN: &str = "No descriptor that the program has opened is open in it, no signal is blocked, and none is ignored.";

const BORN: &str = "All of this holds, too, if the program itself was started with signals blocked or ignored, and if \
                    a call in which it sleeps ends early (`EINTR`).";

pub(super) const STREAMS: Test = Test {
    name: "passes on its standard streams and its environment",
    points: 1,
    read: "What a child inherits",
    proves: &[GETS, "The program prints nothing on standard output."],
    story: |lab| {
        let program = run(lab, LONG, LONG, &["sh"])?;
        commands::speak_through(lab, &program)?;
        program.expect_exit(0)?;
        let nothing: [&str; 0] = [];
        program.stdout().expect_all(&nothing)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "has_an_empty_environment",
                "gives_no_input",
                "silences_standard_error",
            ],
            hint: "sh reads from standard input what it is to do: write a word and the value of LC_ALL to standard \
                   error. A command gets the descriptors 0, 1 and 2 and the environment without your help: fork copies \
                   them, and execvp leaves them as they are. Change none of them in the child.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["says_what_it_does"],
            hint: "Standard output belongs to the command. What your program has to say goes to standard error.",
        },
    ],
};

pub(super) const DESCRIPTORS: Test = Test {
    name: "leaves no other descriptor open in the command",
    points: 1,
    read: "What a child inherits",
    proves: &[CLEAN],
    story: |lab| {
        let program = run(lab, LONG, LONG, &["cat"])?;
        let child = program.children().running("cat")?;
        // Its loader opens files before its main.
        lab.settle()?;
        commands::expect_only_three(lab, "cat", &child)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::DescriptorLeaked,
        mistakes: &["leaves_its_signalfd_open"],
        hint: "fork copies every descriptor, and exec keeps all of them but those with FD_CLOEXEC. Open everything \
               with it: SFD_CLOEXEC, TFD_CLOEXEC, pipe2 with O_CLOEXEC.",
    }],
};

pub(super) const SIGNALS: Test = Test {
    name: "gives the command a clean mask and clean dispositions",
    points: 2,
    read: "A clean start",
    proves: &[CLEAN],
    story: |lab| {
        let program = run(lab, LONG, LONG, &["cat"])?;
        let child = program.children().running("cat")?;
        commands::expect_nothing_blocked(lab, "cat", &child)?;
        commands::expect_nothing_ignored(lab, "cat", &child)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongDisposition,
        mistakes: &[
            "leaves_its_signals_blocked",
            "leaves_sigpipe_ignored",
            "unblocks_sigchld_only",
        ],
        hint: "exec keeps the mask of blocked signals, and the signals that are ignored; a Rust program ignores \
               SIGPIPE. In the child, before execvp, set every signal to SIG_DFL, and then an empty mask: sigprocmask \
               with SIG_SETMASK, in nix SigSet::empty().thread_set_mask().",
    }],
};

pub(super) const BORN_WITH_SIGNALS: Test = Test {
    name: "does its work though signals are blocked or ignored at its start",
    points: 2,
    read: "A clean start",
    proves: &[BORN, CLEAN],
    story: |lab| {
        let unusual = Launch {
            // A real-time signal, too: nix has no names for them.
            blocked: vec![SIGTERM, SIGCHLD, SIGALRM, SIGUSR1, SIGRTMIN() + 2],
            ignored: vec![
                SIGCHLD,
                SIGALRM,
                SIGHUP,
                SIGINT,
                SIGPIPE,
                SIGUSR1,
                SIGRTMIN() + 3,
            ],
            ..launch(LONG, LONG, &["cat"])
        };
        let program = lab.launch(unusual.clone())?;
        let child = program.children().running("cat")?;
        commands::expect_nothing_blocked(lab, "cat", &child)?;
        commands::expect_nothing_ignored(lab, "cat", &child)?;
        program.signals().send(SIGINT)?;
        program.expect_exit(128 + SIGINT)?;
        let program = lab.launch(Launch {
            arguments: launch("100", "100", &["cat"]).arguments,
            ..unusual
        })?;
        program.expect_exit(TIMED_OUT)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongDisposition,
            mistakes: &["resets_standard_signals_only", "restores_the_mask_it_found"],
            hint: "Your program was started with signals blocked and ignored, and gives them to the command. Do not \
                   restore what you have found: set an empty mask, and all signals to SIG_DFL, the real-time signals \
                   as well.",
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["leaves_sigchld_ignored", "respects_an_ignored_sigint"],
            hint: "The program was started with signals ignored. Where SIGCHLD is ignored, it never comes, and the \
                   kernel throws away how children end; and SIGINT is to be passed on all the same. Set the signals \
                   that you wait for to SIG_DFL, or install a handler, before fork: whatever they were.",
        },
    ],
};
