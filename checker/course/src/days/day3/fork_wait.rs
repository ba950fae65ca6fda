//! The hidden tests of day3_6_fork_wait.
//!
//! The commands are the system's (`true`, `cat`, `printf`), and scripts for `sh` that the test writes. What lasts sleeps
//! in a read of standard input, which only the test can end.

mod endings;
mod inherited;
mod manners;
mod together;
mod untested;

use nix::errno::Errno;

use crate::promises::commands;
use harness::author::{
    Call, Checked, Child, Clue, Diagnosis, Exercise, Lab, Launch, Program, Rejection, Seen, Sleep,
    Test, quoted,
};

/// Day 3, exercise 6.
pub const EXERCISE: Exercise = Exercise {
    name: "day3_6_fork_wait",
    title: "commands, at most N at once",
    chapter: "3.6 fork, exec and wait",
    first_step: "Begin with one command: read FILE, split its first line at the blanks, and call fork. The child \
                 calls execvp, the parent waitpid. Print `1 exited 0` and `ok 1 failed 0`, and end with status 0.",
    tests: &[
        ONE_COMMAND,
        inherited::PASSED_ON,
        AT_ONCE,
        ONE_AT_A_TIME,
        WORDS,
        BLANKS,
        EXIT_CODES,
        SKIPPED_LINES,
        LAST_LINE,
        BYTES,
        endings::KILLED,
        endings::CANNOT_RUN,
        endings::ONCE_ONLY,
        endings::WHY,
        endings::STOPPED,
        endings::LEAVES_A_PROCESS,
        together::AT_MOST,
        together::PLACE_USED_AGAIN,
        together::ENDED_TOGETHER,
        together::IN_THE_GAP,
        together::ONE_AFTER_ANOTHER,
        together::BESIDE_A_FAILURE,
        endings::NO_FORK,
        inherited::DESCRIPTORS,
        inherited::BROKEN_PIPE,
        inherited::SIGNALS,
        manners::INTERRUPTED,
        manners::CANNOT_READ,
        manners::CANNOT_PRINT,
        manners::WRONG_ARGUMENTS,
    ],
    clues: &[IGNORED, TOO_EARLY, COUNTS],
    untested: untested::SENTENCES,
};

const IGNORED: Clue = Clue {
    diagnoses: &[Diagnosis::Exited],
    seen: Seen::Failed(Call::Wait, Errno::ECHILD),
    mistakes: &[
        "ignores_sigchld",
        "leaves_sigchld_ignored",
        "waits_for_any_child_after_a_failure",
    ],
    hint: "waitpid fails with ECHILD: the child is gone, and so is its status. Is SIGCHLD ignored, perhaps since the start \
           of the program? Then nobody keeps statuses: set it to SIG_DFL before the first fork. Or has another waitpid \
           taken this child before? With -1 it takes any; give it the PID of the child that you mean.",
};

const TOO_EARLY: Clue = Clue {
    diagnoses: &[Diagnosis::WrongOutput],
    seen: Seen::GotInsteadOf("ok ", "1 "),
    mistakes: &["sums_up_without_waiting"],
    hint: "The line of the command is missing, and `ok` comes already. fork returns at once: call waitpid for each \
           command that runs, and print its line. `ok` comes when none is left.",
};

const COUNTS: Clue = Clue {
    diagnoses: &[Diagnosis::WrongOutput],
    seen: Seen::GotInsteadOf("ok ", "ok "),
    mistakes: &[
        "swaps_the_counts",
        "counts_every_end_as_ok",
        "counts_a_killed_command_as_ok",
    ],
    hint: "One of the two counts is wrong. `ok` counts the commands that ended by themselves with status 0 (WIFEXITED, \
           and WEXITSTATUS is 0). `failed` counts each other one once: another status, a signal, or `cannot run`.",
};

const LINE_FOR_EACH: &str = "The program prints a line for each command, as soon as it has ended, and flushes it: \
                             `LINE exited CODE` if it ended by itself, with this exit status; `LINE killed SIGNAL` \
                             if a signal has killed it.";

const SUMMARY: &str = "When all have ended, the program prints `ok A failed B`: `A` commands ended with status 0, \
                       and `B` did not.";

const AT_MOST_N: &str = "At most `N` run at once; without `-j` it is one.";

const IN_ORDER: &str = "The commands start in the order of their lines.";

const NEXT_AT_ONCE: &str = "When a command has ended, the next one starts at once.";

const NO_SECOND_COPY: &str = "A panic (exit status 101) is a failure, and so is a second copy of the program which \
                              goes on after execvp has failed.";

const STATUS: &str = "It ends with exit status 0 if `B` is 0, and with 1 if it is not.";

const NO_SHELL: &str = "There is no shell: quotes, `*` and bytes that are not UTF-8 belong to the words like any \
                        other byte.";

const ONE_COMMAND: Test = Test {
    name: "runs a command, and says how it has ended",
    points: 1,
    read: "fork returns twice",
    proves: &[
        "Each command runs in a child of its own.",
        LINE_FOR_EACH,
        SUMMARY,
        STATUS,
        "Results go to standard output, everything else to standard error.",
    ],
    story: |lab| {
        let program = run(lab, &[], &["true"])?;
        expect_lines(&program, &["1 exited 0", "ok 1 failed 0"])?;
        program.stdout().expect_end()?;
        program.expect_exit(0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "execs_without_fork",
                "ignores_sigchld",
                "prints_on_standard_error",
            ],
            hint: "Your program has ended, and a line is missing on standard output. Each line goes there, with \\n \
                   behind it, also the last one; is it on standard error? Or have you called exec without fork? exec \
                   replaces the program that calls it: call it in the child only; the parent calls waitpid and prints.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "searches_no_path",
                "counts_lines_from_0",
                "sums_up_without_waiting",
                "swaps_the_counts",
            ],
            hint: "The first line of FILE is number 1, and `true` ends with 0: `1 exited 0`. Does your program say \
                   `cannot run`? execv and execve take a path; only execvp searches the folders in PATH for a name \
                   without a slash.",
        },
        Rejection {
            diagnosis: Diagnosis::ZombieLeft,
            mistakes: &["keeps_the_writing_end"],
            hint: "Your program waits for the end of a pipe whose writing end it holds itself. After fork the parent \
                   has a copy of both ends: close the writing end there before you read.",
        },
    ],
};

const AT_ONCE: Test = Test {
    name: "prints a line as soon as a command has ended",
    points: 2,
    read: "wait collects a child",
    proves: &[
        LINE_FOR_EACH,
        "While commands run, and no other can start, the program sleeps in a system call without a time limit.",
    ],
    story: |lab| {
        let program = run(lab, &[], &["true", "cat"])?;
        program.stdout().expect_line("1 exited 0")?;
        program.children().running("cat")?;
        program.stdout().expect_quiet()?;
        program.sleeps(Sleep::WithoutTimeLimit)?;
        program.stdin().close();
        expect_lines(&program, &["2 exited 0", "ok 2 failed 0"])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["keeps_its_lines_in_a_buffer"],
            hint: "The command has ended, but its line is still in a buffer of your program. Flush standard output \
                   after each line; a buffer that is full at fork is full twice, too.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["never_waits"],
            hint: "The command still runs, and your program says that it has ended. The PID that fork returns says \
                   only that there is a child; waitpid waits for its end and gives its status.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["asks_again_and_again"],
            hint: "Your program asks again and again whether a command has ended. Call waitpid without WNOHANG: it \
                   sleeps until a child ends.",
        },
        Rejection {
            diagnosis: Diagnosis::TimeLimited,
            mistakes: &["naps_between_its_looks"],
            hint: "Your program sleeps for a while, looks whether a command has ended, and sleeps again. Call waitpid \
                   without WNOHANG: it sleeps until a child ends, and not longer.",
        },
    ],
};

const ONE_AT_A_TIME: Test = Test {
    name: "runs one command after the other without -j",
    points: 1,
    read: "wait collects a child",
    proves: &[AT_MOST_N, IN_ORDER, NEXT_AT_ONCE],
    story: |lab| {
        let program = run(lab, &[], &["cat", "true"])?;
        program.children().running("cat")?;
        program.stdout().expect_quiet()?;
        program.stdin().close();
        expect_lines(&program, &["1 exited 0", "2 exited 0", "ok 2 failed 0"])
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::ExtraOutput,
        mistakes: &["has_no_limit_without_j"],
        hint: "The second command has begun before the first one has ended. Without `-j` they run one after the \
               other: call waitpid after each fork.",
    }],
};

const WORDS: Test = Test {
    name: "gives each command its words",
    points: 1,
    read: "exec replaces the program",
    proves: &[
        "Each line of `FILE` is a command: its words, with blanks (spaces and tabs) between them.",
        "The first word is the program, which is searched for as execvp(3) does it.",
        NO_SHELL,
        IN_ORDER,
    ],
    story: |lab| {
        let word = lab.random_word(8);
        let second = format!("printf [%s]\\n {word} $HOME * 'a \"b;");
        let many: Vec<String> = (0..300).map(|_| lab.random_word(8)).collect();
        let third = format!("printf [%s]\\n {}", many.join(" "));
        let program = run(lab, &[], &["printf [%s]\\n one two", &second, &third])?;
        expect_lines(&program, &["[one]", "[two]", "1 exited 0"])?;
        let words = [&word, "$HOME", "*", "'a", "\"b;"].map(|word| format!("[{word}]"));
        expect_lines(&program, &words)?;
        expect_lines(&program, &["2 exited 0"])?;
        lab.step(
            "expect a line for each of the 300 words, in brackets",
            || {
                many.iter()
                    .try_for_each(|word| program.stdout().expect_line(format!("[{word}]")))
            },
        )?;
        expect_lines(&program, &["3 exited 0", "ok 3 failed 0"])
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &[
            "leaves_out_the_programs_name",
            "runs_a_shell",
            "has_room_for_64_words",
        ],
        hint: "Give execvp the words of the line as they are, and all of them, however many: the first one is the \
               name of the program, and again the first argument (`argv[0]`). Do not give the line to a shell, which \
               would change it.",
    }],
};

const BLANKS: Test = Test {
    name: "separates words at spaces and tabs, also several",
    points: 1,
    read: "exec replaces the program",
    proves: &[
        "Each line of `FILE` is a command: its words, with blanks (spaces and tabs) between them.",
    ],
    story: |lab| {
        let program = run(
            lab,
            &[],
            &[
                "\t printf  [%s]\\n one\ttwo \t three \t",
                "printf [%s]\\n a\rb\x0bc\x0cd\r",
            ],
        )?;
        expect_lines(&program, &["[one]", "[two]", "[three]", "1 exited 0"])?;
        expect_lines(
            &program,
            &["[a\rb\x0bc\x0cd\r]", "2 exited 0", "ok 2 failed 0"],
        )
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &[
            "makes_empty_words",
            "splits_at_spaces_only",
            "splits_at_all_white_space",
            "strips_carriage_returns",
        ],
        hint: "Between two words there are one or more blanks: spaces and tabs, and nothing else. Split at each of \
               the two, and leave out the empty words. (`split_whitespace` splits at other bytes, too, and `lines` \
               takes a carriage return away.)",
    }],
};

const BYTES: Test = Test {
    name: "takes words that are not UTF-8",
    points: 1,
    read: "exec replaces the program",
    proves: &[NO_SHELL, NO_SECOND_COPY],
    story: |lab| {
        let mut word = lab.every_byte();
        word.retain(|byte| !b"\0\n \t".contains(byte));
        let line = [b"printf [%s]\\n ".as_slice(), &word].concat();
        let program = run(lab, &[], &[&line])?;
        expect_lines(&program, &[[b"[", word.as_slice(), b"]"].concat()])?;
        expect_lines(&program, &["1 exited 0", "ok 1 failed 0"])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["repairs_the_text"],
            hint: "The word holds bytes that are not UTF-8, and the command gets others. Leave the bytes alone: read \
                   the file into a Vec<u8>, and make a CString of each word.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["wants_utf_8"],
            hint: "The file holds bytes that are not UTF-8, and read_to_string fails. Read it into a Vec<u8> \
                   (`std::fs::read`), and make a CString of each word.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["unwraps_the_text"],
            hint: "The file holds bytes that are not UTF-8, and an unwrap makes a panic of that. Read it into a \
                   Vec<u8> (`std::fs::read`), and make a CString of each word.",
        },
    ],
};

const EXIT_CODES: Test = Test {
    name: "tells each exit status, and counts",
    points: 2,
    read: "Exited or killed",
    proves: &[LINE_FOR_EACH, SUMMARY, STATUS],
    story: |lab| {
        let other = lab.random_number(2..=100).to_string();
        let codes = shuffled(lab, ["0", "1", "255", "256", other.as_str()]);
        let lines = codes.map(|code| format!("sh end {code}"));
        let program = run(lab, &[], &lines)?;
        for (number, code) in (1..).zip(codes) {
            // The kernel keeps eight bits.
            let told = if code == "256" { "0" } else { code };
            program
                .stdout()
                .expect_line(format!("{number} exited {told}"))?;
        }
        expect_lines(&program, &["ok 2 failed 3"])?;
        program.expect_exit(1)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "prints_the_raw_status",
                "counts_every_end_as_ok",
                "takes_the_status_for_a_signed_byte",
            ],
            hint: "waitpid gives a status word. WEXITSTATUS takes the exit status out of it, a number from 0 to 255; \
                   only 0 counts as ok.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["always_succeeds", "exits_with_the_count_of_failures"],
            hint: "Your own exit status says whether all went well: 0 if no command has failed, and else 1, however \
                   many they were.",
        },
    ],
};

const SKIPPED_LINES: Test = Test {
    name: "skips lines without words, and counts them",
    points: 1,
    read: "wait collects a child",
    proves: &[
        "A line without words is skipped.",
        "`LINE` is the number of its line in `FILE`: the first is 1, and skipped lines count.",
        SUMMARY,
        STATUS,
    ],
    story: |lab| {
        let program = run(lab, &[], &["", "true", "  \t", "", "false"])?;
        program.expect_exit(1)?;
        program
            .stdout()
            .expect_all(&["2 exited 0", "5 exited 1", "ok 1 failed 1"])?;
        let nothing: [&str; 0] = [];
        let program = run(lab, &[], &nothing)?;
        program.expect_exit(0)?;
        program.stdout().expect_all(&["ok 0 failed 0"])
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["numbers_the_commands", "runs_empty_lines"],
            hint: "A line without words is no command, so nothing is started and nothing printed for it. But it is a \
                   line: number the lines first, and then leave out those without words.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["takes_the_first_word_for_granted"],
            hint: "An empty line has no first word, and `words[0]` panics there. Skip lines without words before you \
                   look at one.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["waits_for_nobody"],
            hint: "Nothing was started, and waitpid fails with ECHILD. Count the commands that run, and wait only \
                   while there are some.",
        },
    ],
};

const LAST_LINE: Test = Test {
    name: "takes the whole of a last line without \\n",
    points: 1,
    read: "exec replaces the program",
    proves: &["The last line may lack its `\\n`."],
    story: |lab| {
        let code = lab.random_number(11..=99);
        let lines = ["true".to_owned(), format!("sh end {code}")];
        write_scripts(lab, lines[1].as_bytes())?;
        let step = format!(
            "make a file commands with {}, without \\n behind",
            told(&lines)
        );
        let text = lines.join("\n");
        lab.step(step, || lab.file("commands").make(text, 0o644))?;
        let program = lab.start(&["commands"])?;
        expect_lines(&program, &["1 exited 0"])?;
        expect_lines(&program, &[format!("2 exited {code}")])?;
        expect_lines(&program, &["ok 1 failed 1"])
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &[
            "cuts_the_last_byte_of_each_line",
            "wants_an_end_of_each_line",
        ],
        hint: "The last line has no \\n behind it. It is a command like the others; and its last byte belongs to it: \
               cut off a \\n only where there is one.",
    }],
};

/// Starts the program with these options and a file of these lines, without a `\n` behind.
fn run(lab: &Lab, options: &[&str], lines: &[impl AsRef<[u8]>]) -> Checked<Program> {
    let launch = Launch::new(options.iter().copied());
    launch_with(lab, launch, lines)
}

/// The same for a start with something unusual. The name of the file comes behind the arguments.
fn launch_with(lab: &Lab, launch: Launch, lines: &[impl AsRef<[u8]>]) -> Checked<Program> {
    let mut text = Vec::new();
    for line in lines {
        text.extend_from_slice(line.as_ref());
        text.push(b'\n');
    }
    write_scripts(lab, &text)?;
    let step = match lines {
        [] => "make a file commands, with nothing in it".to_owned(),
        _ => format!("make a file commands with {}", told(lines)),
    };
    lab.step(step, || lab.file("commands").make(&text, 0o644))?;
    let mut launch = launch;
    launch.arguments.push("commands".into());
    lab.launch(launch)
}

/// The scripts which the lines name.
const SCRIPTS: [(&str, &str); 3] = [
    ("end", "exit $1\n"),
    ("wait", "read word\n"),
    ("leave", "exec 3<&0; cat <&3 3<&- & exit $1\n"),
];

fn write_scripts(lab: &Lab, text: &[u8]) -> Checked {
    for (name, script) in SCRIPTS {
        let call = format!("sh {name} ");
        if text.windows(call.len()).any(|part| part == call.as_bytes()) {
            commands::make_script(lab, name, script)?;
        }
    }
    Ok(())
}

/// The lines for a step of the report; of many the first ones.
fn told(lines: &[impl AsRef<[u8]>]) -> String {
    const MOST: usize = 6;
    let shown: Vec<String> = lines
        .iter()
        .take(MOST)
        .map(|line| quoted(line.as_ref()))
        .collect();
    let shown = shown.join(", ");
    match lines.len() {
        1 => format!("the line {shown}"),
        count if count > MOST => format!("{count} lines: {shown}, …"),
        count => format!("{count} lines: {shown}"),
    }
}

fn expect_lines(program: &Program, lines: &[impl AsRef<[u8]>]) -> Checked {
    lines
        .iter()
        .try_for_each(|line| program.stdout().expect_line(line))
}

/// Waits until these commands run: those of the script `wait`, by their lines.
fn waiting<const N: usize>(program: &Program, numbers: [usize; N]) -> Checked<[Child; N]> {
    let mut found = Vec::new();
    for number in numbers {
        found.push(program.children().running(&format!("sh wait {number}"))?);
    }
    Ok(found.try_into().expect("as many as asked for"))
}

fn shuffled<T, const N: usize>(lab: &Lab, mut values: [T; N]) -> [T; N] {
    for place in (1..N).rev() {
        values.swap(place, lab.random_number(0..=place as u64) as usize);
    }
    values
}
