//! The hidden tests of day4_1_sigaction.

mod dispositions;
mod manners;
mod moments;

use libc::{SIGCHLD, SIGINT, SIGKILL, SIGRTMAX, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2};

use harness::author::{
    Call, Checked, Clue, Diagnosis, Exercise, FdKind, Lab, Launch, Program, Rejection, Seen,
    Signals, Sleep, Test,
};

/// Day 4, exercise 1.
pub const EXERCISE: Exercise = Exercise {
    name: "day4_1_sigaction",
    title: "a program that counts signals",
    chapter: "4.1 Signals: sigaction",
    first_step: "Begin with sigaction(2) for SIGTERM: its handler sets an atomic flag. Print `ready PID` and \\n, and \
                 flush. Call pause(2) until the flag is set. Then print `usr1=0 usr2=0 rt=0`, and end with exit \
                 status 0.",
    tests: &[
        READY_AND_TERM,
        COUNTS,
        dispositions::IGNORES_HUP,
        dispositions::OBEYS_INT,
        dispositions::LEAVES_INT_IGNORED,
        REAL_TIME,
        BLOCKED_AT_THE_START,
        moments::READY_MEANS_READY,
        moments::BEFORE_THE_FIRST_WAIT,
        moments::BEFORE_THE_NEXT_WAIT,
        SHORT_WRITES,
        SECOND_SIGNAL,
        moments::PENDING_WITH_TERM,
        moments::REAL_TIME_PENDING_WITH_TERM,
        WHAT_IT_CAN_CATCH,
        WHAT_IT_CAN_CATCH_OF_REAL_TIME,
        manners::MANY,
        manners::SIGINT_BLOCKED_AT_THE_START,
        manners::SIGTERM_IGNORED_AT_THE_START,
        manners::SECOND_SIGTERM,
        manners::CANNOT_PRINT,
        manners::WRONG_ARGUMENTS,
    ],
    clues: &[LOCKED, INTERRUPTED],
    untested: &[],
};

const LOCKED: Clue = Clue {
    diagnoses: &[Diagnosis::Stuck, Diagnosis::TimedOut],
    seen: Seen::Waits(Call::Futex, None),
    mistakes: &["locks_in_its_handler"],
    hint: "The program waits for a lock that is never released: the handler has interrupted the code which holds it. A \
           handler takes no lock (no Mutex, no println!, no memory): count with atomics.",
};

const INTERRUPTED: Clue = Clue {
    diagnoses: &[Diagnosis::Exited],
    seen: Seen::Said("Interrupted system call"),
    mistakes: &["takes_eintr_for_a_failure", "gives_up_an_interrupted_write"],
    hint: "A signal has come while your program slept in a call, which then says EINTR. That is no failure. sigsuspend and \
           pause have no other answer: look at your flag, and wait again while it is not set. Make a write again, or \
           install the handlers with SA_RESTART.",
};

const READY_AND_TERM: Test = Test {
    name: "says that it is ready, and ends when SIGTERM asks it to",
    points: 1,
    read: "sigaction",
    proves: &[
        "When it is ready for signals it prints exactly one line, `ready PID`, with its own process number.",
        "Then it sleeps in a system call until a signal comes.",
        "It does not look at a flag again and again.",
        "`SIGTERM` ends it.",
        "It prints the line `usr1=A usr2=B rt=C` and ends with exit status 0.",
        "Exit status 0: as above.",
        "Results go to standard output, everything else to standard error.",
    ],
    story: |lab| {
        let program = count(lab)?;
        program.signals().deliver(SIGTERM)?;
        expect_result(&program, 0, 0, 0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["leaves_sigterm_alone"],
            hint: "The default action of SIGTERM ends the program before it can print its result. Install a handler \
                   with sigaction.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongDisposition,
            mistakes: &["pauses_with_signals_blocked"],
            hint: "pause waits with the mask that it finds, and there SIGTERM is blocked. sigsuspend opens the mask \
                   and waits, in one step.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["spins_on_the_flag", "naps_between_looks"],
            hint: "The program looks at its flag again and again. Let it sleep in a call that returns when a handler \
                   has run: pause, or better sigsuspend.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["exits_with_143"],
            hint: "Your program ends by itself when it is asked to, and all went well: its exit status is 0. (A shell \
                   shows 143 for a program that SIGTERM has killed.)",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "takes_eintr_for_a_failure",
                "tells_its_result_on_standard_error",
            ],
            hint: "Your program has ended, and a line is missing on standard output: `ready PID` and the result go there, \
                   each with \\n behind it, and not to standard error. Does it end too early? SIGTERM sets a flag; the \
                   loop around the wait ends then, and behind it comes the result.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["tells_of_each_signal", "says_its_parents_number"],
            hint: "There are two lines on standard output, `ready` with the program's own process number (getpid) and the \
                   result, and nothing between them. Let a handler only count or set a flag: it prints nothing.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["is_ready_without_a_line_end", "restarts_its_read"],
            hint: "If your program has written the line, look at where it is: on standard output and not on standard \
                   error, with \\n behind it, and flushed. If SIGTERM has not ended the wait: SA_RESTART makes read and \
                   others begin again after a handler. sigsuspend and pause always return.",
        },
    ],
};

const COUNTS: Test = Test {
    name: "counts a signal each time it comes",
    points: 2,
    read: "sigaction",
    proves: &[
        "Without arguments the program counts:",
        "Then it sleeps in a system call until a signal comes.",
        "It counts `SIGUSR1`, `SIGUSR2` and `SIGRTMIN`: one for each signal that the kernel delivers.",
        "It prints the line `usr1=A usr2=B rt=C` and ends with exit status 0.",
    ],
    story: |lab| {
        let program = count(lab)?;
        let usr1 = lab.random_number(2..=6);
        // 1 to 6, and never the same as the other.
        let usr2 = 1 + (usr1 + lab.random_number(0..=4)) % 6;
        let text = format!(
            "send it SIGUSR1 {usr1} times and SIGUSR2 {}, mixed; each time see that it sleeps again",
            times(usr2)
        );
        lab.step(text, || {
            let signals = repeated(&[(SIGUSR1, usr1), (SIGUSR2, usr2)]);
            shuffled(lab, signals)
                .into_iter()
                .try_for_each(|signal| take(&program, signal))
        })?;
        program.signals().deliver(SIGTERM)?;
        expect_result(&program, usr1, usr2, 0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["removes_its_handler"],
            hint: "A signal without a handler ends the program. Install one for SIGUSR1 and one for SIGUSR2, and \
                   leave out SA_RESETHAND, which takes a handler away when its first signal comes.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["waits_only_once"],
            hint: "sigsuspend and pause return after the handler of any signal. Look at the flag of SIGTERM, and wait \
                   again while it is not set.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["has_one_counter_for_both"],
            hint: "A counter tells another number than signals came. Each of the three has a counter of its own (the \
                   handler gets the number of the signal as its argument), and each signal adds one: a flag that is \
                   set again is still 1.",
        },
    ],
};

const REAL_TIME: Test = Test {
    name: "counts every real-time signal that was queued",
    points: 2,
    read: "Merged or queued",
    proves: &[
        "It counts `SIGUSR1`, `SIGUSR2` and `SIGRTMIN`: one for each signal that the kernel delivers.",
        "The kernel merges standard signals while they are pending, and queues real-time signals: five `SIGUSR1` at a \
         stopped program count as one, five `SIGRTMIN` as five.",
    ],
    story: |lab| {
        let program = count(lab)?;
        let first = first_real_time(&program)?;
        program.signals().freeze()?;
        let real_time = lab.random_number(3..=9);
        let usr1 = lab.random_number(2..=5);
        let text = format!(
            "send it SIGRTMIN {real_time} times (they queue up) and SIGUSR1 {usr1} times (they merge), mixed"
        );
        lab.step(text, || {
            let signals = repeated(&[(first, real_time), (SIGUSR1, usr1)]);
            send(&program, &shuffled(lab, signals))
        })?;
        program.signals().resume()?;
        program.sleeps(Sleep::UntilASignalComes)?;
        program.signals().deliver(SIGTERM)?;
        expect_result(&program, 1, 0, real_time)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["leaves_sigrtmin_alone"],
            hint: "The default action of a real-time signal ends the program. nix has no name for it: libc::sigaction \
                   takes the number, libc::SIGRTMIN().",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["counts_wake_ups"],
            hint: "Several signals may be there when the program wakes up once. Count each of them: in the handler, \
                   not after the wait. A read of a signalfd may return several records.",
        },
    ],
};

const BLOCKED_AT_THE_START: Test = Test {
    name: "counts signals that are blocked at the start",
    points: 2,
    read: "Blocking, and waiting without a gap",
    proves: &[
        "The program may be started with signals blocked.",
        "It counts them all the same.",
    ],
    story: |lab| {
        let program = start(
            Launch {
                blocked: [&[SIGUSR1, SIGUSR2, SIGTERM] as &[i32], &FIRST_REAL_TIME].concat(),
                ..without_arguments()
            },
            lab,
        )?;
        let first = first_real_time_of(&program, &FIRST_REAL_TIME)?;
        let usr1 = lab.random_number(1..=3);
        let usr2 = lab.random_number(1..=3);
        let real_time = lab.random_number(1..=3);
        let text = format!(
            "send it SIGUSR1 {}, SIGUSR2 {}, SIGRTMIN {}; each time see that it sleeps again",
            times(usr1),
            times(usr2),
            times(real_time)
        );
        lab.step(text, || {
            repeated(&[(SIGUSR1, usr1), (SIGUSR2, usr2), (first, real_time)])
                .into_iter()
                .try_for_each(|signal| take(&program, signal))
        })?;
        program.signals().deliver(SIGTERM)?;
        expect_result(&program, usr1, usr2, real_time)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongDisposition,
        mistakes: &["waits_with_the_inherited_mask"],
        hint: "The program inherits its mask, which may hold any signal. Wait with an empty mask of your own.",
    }],
};

const SHORT_WRITES: Test = Test {
    name: "prints its whole result, however few bytes a write takes",
    points: 1,
    read: "A call is cut short",
    proves: &[
        "`write` may take fewer bytes than it is given; the line is printed whole all the same.",
    ],
    story: |lab| {
        lab.follow_calls();
        let program = count(lab)?;
        program
            .faults()
            .shorten(Call::Write.on(FdKind::Stdout), lab.random_number(1..=5))?;
        program.signals().deliver(SIGTERM)?;
        expect_result(&program, 0, 0, 0)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["ignores_a_short_write"],
        hint: "write returns how many bytes it has taken, and here it has not taken all. Offer it the rest, until \
               nothing is left: write_all does it for you.",
    }],
};

const SECOND_SIGNAL: Test = Test {
    name: "prints its result undisturbed by a second signal",
    points: 3,
    read: "What a handler may do",
    proves: &[
        "More signals that come while it prints do not disturb it, and it prints one such line only.",
    ],
    story: |lab| {
        let program = count(lab)?;
        let usr1 = lab.random_number(1..=4);
        let text = format!(
            "send it SIGUSR1 {}; each time see that it sleeps again",
            times(usr1)
        );
        lab.step(text, || {
            repeated(&[(SIGUSR1, usr1)])
                .into_iter()
                .try_for_each(|signal| take(&program, signal))
        })?;
        program.stdout().fill()?;
        program.signals().send(SIGTERM)?;
        program.sleeps(Sleep::Printing)?;
        program.signals().send(SIGINT)?;
        program.sleeps(Sleep::Printing)?;
        program.stdout().drain()?;
        expect_result(&program, usr1, 0, 0)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["prints_in_the_handler", "dies_of_sigint_at_the_end"],
            hint: "A signal that comes while the result is printed ends the program. Leave all handlers in place until \
                   the end: no SIG_DFL, and no SA_RESETHAND. If it is SIGABRT, a handler has panicked: it runs in the \
                   middle of another println!. Let the handler set a flag, and the main program print.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["gives_up_an_interrupted_write"],
            hint: "A signal interrupts write with EINTR, and nothing is wrong: write again, or install the handler \
                   with SA_RESTART.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["prints_for_each_request"],
            hint: "SIGTERM and SIGINT came, and each printed a result. Let the handler set a flag, and the main \
                   program print once.",
        },
    ],
};

const WHAT_IT_CAN_CATCH: Test = Test {
    name: "tells which signals the kernel lets it catch",
    points: 1,
    read: "From kill to the handler",
    proves: &[
        "With `-t NUMBER` it tries to install a handler for the signal with this decimal number, and prints the answer of \
         the kernel on a line: `ok`, or the name of the error, `EINVAL`.",
        "With either answer it ends with exit status 0.",
        "Exit status 0: as above.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        expect_answer(lab, SIGTERM, "SIGTERM", "ok")?;
        expect_answer(lab, SIGUSR1, "SIGUSR1", "ok")?;
        expect_answer(lab, SIGCHLD, "SIGCHLD", "ok")?;
        expect_answer(lab, SIGKILL, "SIGKILL", "EINVAL")?;
        expect_answer(lab, SIGSTOP, "SIGSTOP", "EINVAL")
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["believes_it_can_catch_all", "tells_the_text_of_the_error"],
            hint: "sigaction fails for SIGKILL and SIGSTOP. Look at what it returns, and print the name of the error and \
                   nothing else: `EINVAL` (`{errno:?}` in nix).",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_at_a_refusal"],
            hint: "sigaction may fail, and here it must. Match on its result instead of unwrap.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["takes_a_refusal_for_a_failure"],
            hint: "The kernel has refused, and that is the answer: your program has not failed. Print `EINVAL` on \
                   standard output, and end with status 0.",
        },
    ],
};

const WHAT_IT_CAN_CATCH_OF_REAL_TIME: Test = Test {
    name: "tells it for real-time signals, too",
    points: 1,
    read: "sigaction",
    proves: &[
        "With `-t NUMBER` it tries to install a handler for the signal with this decimal number, and prints the answer of \
         the kernel on a line: `ok`, or the name of the error, `EINVAL`.",
        "With either answer it ends with exit status 0.",
        "The numbers of real-time signals are allowed.",
    ],
    story: |lab| {
        let [.., first] = FIRST_REAL_TIME;
        let between = lab.random_number(first as u64 + 1..=SIGRTMAX() as u64 - 1) as i32;
        expect_answer(lab, first, "a real-time signal", "ok")?;
        expect_answer(lab, SIGRTMAX(), "SIGRTMAX", "ok")?;
        expect_answer(lab, between, "a real-time signal", "ok")?;
        expect_answer(lab, SIGRTMAX() + 1, "no signal", "EINVAL")?;
        expect_answer(lab, 0, "no signal", "EINVAL")
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["tries_only_signals_with_a_name"],
        hint: "nix's Signal knows the names of the standard signals only. Give the number itself to libc::sigaction.",
    }],
};

/// What a program may mean by SIGRTMIN: each C library keeps the first real-time signals for itself, the GNU one two of them,
/// musl three.
const FIRST_REAL_TIME: [i32; 2] = [34, 35];

/// What this program means by it: the first of these that it has caught, or blocked to wait for it.
fn first_real_time(program: &Program) -> Checked<i32> {
    first_real_time_of(program, &[])
}

/// The same for a program that was started with these signals blocked. While it waits in sigwaitinfo, the kernel shows what
/// it waits for as not blocked.
fn first_real_time_of(program: &Program, blocked_at_the_start: &[i32]) -> Checked<i32> {
    let Signals {
        caught, blocked, ..
    } = program.signals().dispositions()?;
    let first_that = |is_meant: &dyn Fn(i32) -> bool| {
        let mut known = FIRST_REAL_TIME.into_iter();
        known.find(|&signal| is_meant(signal))
    };
    let is_caught = |signal| Signals::contains(caught, signal);
    let is_changed =
        |signal| Signals::contains(blocked, signal) != blocked_at_the_start.contains(&signal);
    let found = first_that(&is_caught).or_else(|| first_that(&is_changed));
    Ok(found.unwrap_or(FIRST_REAL_TIME[0]))
}

fn without_arguments() -> Launch {
    Launch::new([""; 0])
}

/// Starts the program as it is; it is ready and asleep when this returns.
fn count(lab: &Lab) -> Checked<Program> {
    start(without_arguments(), lab)
}

fn start(launch: Launch, lab: &Lab) -> Checked<Program> {
    let program = lab.launch(launch)?;
    expect_ready(&program)?;
    program.sleeps(Sleep::UntilASignalComes)?;
    Ok(program)
}

fn expect_ready(program: &Program) -> Checked {
    program
        .stdout()
        .expect_line(format!("ready {}", program.own_pid()))
}

/// Starts it with a full standard output, and sends it signals while it waits to get its `ready` out.
/// `signals` may be chosen by what it has set up for them.
fn signal_while_it_says_ready(
    lab: &Lab,
    signals: impl FnOnce(&Program) -> Checked<Vec<i32>>,
) -> Checked<Program> {
    let start = "start your program; its standard output is full, so that its line `ready PID` has to wait in write(1)";
    let program = lab.step(start, || {
        let program = lab.launch(Launch {
            stdout_room: Some(0),
            ..without_arguments()
        })?;
        program.sleeps(Sleep::Printing)?;
        Ok(program)
    })?;
    for signal in signals(&program)? {
        program.signals().send(signal)?;
        program.sleeps(Sleep::Printing)?;
    }
    program.stdout().drain()?;
    expect_ready(&program)?;
    Ok(program)
}

/// Sends a signal, after which it must sleep again.
fn take(program: &Program, signal: i32) -> Checked {
    program.signals().send(signal)?;
    program.sleeps(Sleep::UntilASignalComes)
}

fn send(program: &Program, signals: &[i32]) -> Checked {
    signals
        .iter()
        .try_for_each(|&signal| program.signals().send(signal))
}

fn expect_ignored(lab: &Lab, program: &Program, signal: i32, name: &str) -> Checked {
    lab.step(
        format!("look for {name} in the signals that it ignores (SigIgn)"),
        || {
            if Signals::contains(program.signals().dispositions()?.ignored, signal) {
                return Ok(());
            }
            lab.fail(
                Diagnosis::WrongDisposition,
                format!("your program does not ignore {name}: its disposition is not SIG_IGN"),
            )
        },
    )
}

fn expect_result(program: &Program, usr1: u64, usr2: u64, real_time: u64) -> Checked {
    program
        .stdout()
        .expect_line(format!("usr1={usr1} usr2={usr2} rt={real_time}"))?;
    program.stdout().expect_end()?;
    program.expect_exit(0)
}

/// Asks it with `-t`.
fn expect_answer(lab: &Lab, signal: i32, name: &str, answer: &str) -> Checked {
    let text =
        format!("start your program with -t {signal} ({name}): it answers {answer}, and ends");
    lab.step(text, || {
        let program = lab.start(&["-t", &signal.to_string()])?;
        program.stdout().expect_line(answer)?;
        program.stdout().expect_end()?;
        program.expect_exit(0)
    })
}

fn repeated(signals: &[(i32, u64)]) -> Vec<i32> {
    let repeat = |&(signal, count): &(i32, u64)| vec![signal; count as usize];
    signals.iter().flat_map(repeat).collect()
}

fn shuffled(lab: &Lab, mut signals: Vec<i32>) -> Vec<i32> {
    for last in (1..signals.len()).rev() {
        signals.swap(last, lab.random_number(0..=last as u64) as usize);
    }
    signals
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}
