//! How the command ends by itself, and what its words are.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

use libc::{SIGABRT, SIGKILL, SIGTERM};

use super::{ENDS_LIKE_IT, LONG, launch, run};
use crate::promises::commands;
use harness::author::{Diagnosis, Rejection, Test};

pub(super) const ARGUMENTS: Test = Test {
    name: "gives the command its arguments as they are",
    points: 1,
    read: "exec replaces the program",
    proves: &[
        "The program runs `COMMAND` in a child, with its arguments as they are: any bytes, and no shell.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let word = lab.random_word(8);
        let words = [word.as_str(), "$HOME", "*", "two words", "", "-k", "a;b"];
        let command = [&["printf", "[%s]\\n"], words.as_slice()].concat();
        let program = run(lab, LONG, LONG, &command)?;
        for word in words {
            program.stdout().expect_line(format!("[{word}]"))?;
        }
        program.expect_exit(0)?;
        let mut bytes = lab.every_byte();
        bytes.retain(|byte| *byte != 0);
        let mut launch = launch(LONG, LONG, &["printf", "[%s]"]);
        launch.arguments.push(OsString::from_vec(bytes.clone()));
        let program = lab.launch(launch)?;
        program
            .stdout()
            .expect([b"[", bytes.as_slice(), b"]"].concat())?;
        program.expect_exit(0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["repairs_the_words", "leaves_out_empty_words"],
            hint: "Give execvp the arguments as they are: the first one is the name of the program, and again the \
                   first argument (`argv[0]`), and an empty one is one, too. Take them from args_os: a CString holds \
                   any bytes.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["runs_a_shell"],
            hint: "Do not join the arguments for a shell, which takes `$`, `;`, `*` and blanks as its own. Give execvp \
                   the arguments as they are, one by one.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["wants_utf_8"],
            hint: "An argument may be any bytes, and `std::env::args` panics at those that are not UTF-8. Take \
                   args_os.",
        },
    ],
};

pub(super) const KILLED: Test = Test {
    name: "ends with 128 + the signal when a signal has killed the command",
    points: 2,
    read: "The status of a command that was ended",
    proves: &[ENDS_LIKE_IT, super::KILLED],
    story: |lab| {
        let real_time = libc::SIGRTMIN() + lab.random_number(1..=20) as i32;
        for signal in [SIGKILL, SIGTERM, SIGABRT, real_time] {
            let mut launch = launch(LONG, LONG, &["cat"]);
            commands::allow_cores(&mut launch);
            let program = lab.launch(launch)?;
            program.children().running("cat")?.signal(signal)?;
            program.expect_exit(128 + signal)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "gives_the_bare_signal",
                "takes_sigterm_for_the_limit",
                "knows_no_real_time_signals",
            ],
            hint: "A signal has killed the command, from elsewhere, and the limit is not over. WIFSIGNALED says so, \
                   and WTERMSIG says which one: end with 128 + this number. (nix's waitpid has no name for real-time \
                   signals, and fails with EINVAL: call libc::waitpid. And WTERMSIG is less than the low byte of the status, \
                   in which bit 128 says that there is a core file.)",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["unwraps_the_exit_status", "unwraps_waitid"],
            hint: "A command that a signal has killed has no exit status: look at WIFSIGNALED as well, or at \
                   WaitStatus::Signaled. Is it EINVAL? nix has no name for a real-time signal, so its waitid and \
                   waitpid fail, although the kernel has given an answer: call libc::waitid and libc::waitpid.",
        },
    ],
};

pub(super) const CANNOT_RUN: Test = Test {
    name: "says so when the command cannot be run",
    points: 2,
    read: "The status of a command that was ended",
    proves: &[
        ENDS_LIKE_IT,
        "| cannot be run, because there is no such file (`ENOENT`) | 127, with the reason on standard error |",
        "| cannot be run for another reason | 126, with the reason on standard error |",
        "The program prints nothing on standard output.",
    ],
    story: |lab| {
        lab.file("plain").make("true\n", 0o644)?;
        let missing = lab.random_word(12);
        let commands = [
            (OsStr::new(&missing), 127),
            (OsStr::new("./plain"), 126),
            (OsStr::new("./plain/x"), 126),
            (OsStr::from_bytes(b"missing-\xff"), 127),
            (OsStr::new("./missing"), 127),
        ];
        for (command, status) in commands {
            let mut launch = launch(LONG, LONG, &[]);
            launch.arguments.push(command.to_owned());
            let program = lab.launch(launch)?;
            program.expect_exit(status)?;
            program.stderr().expect_reason()?;
            program.stdout().expect_end()?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "child_returns_from_main",
                "says_127_always",
                "says_126_for_a_path",
            ],
            hint: "execvp returns in the child only if it has failed, and its errno says why: ENOENT means status 127, \
                   everything else 126. Say the reason on standard error, and end the child there with _exit: the \
                   parent passes its status on.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["says_no_reason"],
            hint: "The command cannot be run, and nobody is told why. Print the error of execvp on standard error, in \
                   the child, before _exit.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["unwraps_exec"],
            hint: "A command may be mistyped: that is a result, and no bug in your program. Match the error of execvp \
                   instead of unwrapping it.",
        },
    ],
};
