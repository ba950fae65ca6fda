//! The hidden tests of day4_1_sigaction.

mod manners;

use libc::{
    SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGRTMAX, SIGRTMIN, SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2,
};

use harness::{
    arena::Launch,
    exercise::{Exercise, Mistake, Test},
    failure::{Checked, Diagnosis},
    lab::{Lab, Place, Program},
    observe::{calls::Call, processes::Signals},
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
        Test {
            name: "says that it is ready, and ends when SIGTERM asks it to",
            points: 1,
            read: "sigaction",
            mistakes: &[
                Mistake {
                    program: "leaves_sigterm_alone",
                    because: Diagnosis::Killed,
                    hint: "The default action of SIGTERM ends the program before it can print its result. Install a \
                           handler with sigaction.",
                },
                Mistake {
                    program: "pauses_with_signals_blocked",
                    because: Diagnosis::WrongDisposition,
                    hint: "pause waits with the mask that it finds, and there SIGTERM is blocked. sigsuspend opens \
                           the mask and waits, in one step.",
                },
                Mistake {
                    program: "spins_on_the_flag",
                    because: Diagnosis::Busy,
                    hint: WAIT_FOR_A_HANDLER,
                },
                Mistake {
                    program: "naps_between_looks",
                    because: Diagnosis::Busy,
                    hint: WAIT_FOR_A_HANDLER,
                },
                Mistake {
                    program: "exits_with_143",
                    because: Diagnosis::WrongStatus,
                    hint: "143 is what a shell shows for a program that SIGTERM has killed. Yours is asked to end and \
                           does it well: its exit status is 0.",
                },
            ],
            run: |lab| {
                let program = count(lab)?;
                program.deliver(SIGTERM)?;
                expect_result(&program, 0, 0, 0)
            },
        },
        Test {
            name: "counts a signal each time it comes",
            points: 2,
            read: "sigaction",
            mistakes: &[
                Mistake {
                    program: "removes_its_handler",
                    because: Diagnosis::Killed,
                    hint: "A signal without a handler ends the program. Install one for SIGUSR1 and one for SIGUSR2, and leave \
                           out SA_RESETHAND, which takes a handler away when its first signal comes.",
                },
                Mistake {
                    program: "waits_only_once",
                    because: Diagnosis::Exited,
                    hint: "sigsuspend and pause return after the handler of any signal. Look at the flag of SIGTERM, \
                           and wait again while it is not set.",
                },
                Mistake {
                    program: "has_one_counter_for_both",
                    because: Diagnosis::WrongOutput,
                    hint: "The handler gets the number of the signal as its argument. Choose the counter by it.",
                },
            ],
            run: |lab| {
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
                program.deliver(SIGTERM)?;
                expect_result(&program, usr1, usr2, 0)
            },
        },
        Test {
            name: "ignores SIGHUP",
            points: 1,
            read: "What a program is born with",
            mistakes: &[
                Mistake {
                    program: "leaves_sighup_alone",
                    because: Diagnosis::Killed,
                    hint: "The default action of SIGHUP ends the program. Give it the disposition SIG_IGN.",
                },
                Mistake {
                    program: "catches_sighup_and_does_nothing",
                    because: Diagnosis::WrongDisposition,
                    hint: IGNORE_IT,
                },
                Mistake {
                    program: "blocks_sighup",
                    because: Diagnosis::WrongDisposition,
                    hint: IGNORE_IT,
                },
            ],
            run: |lab| {
                let program = count(lab)?;
                take(&program, SIGHUP)?;
                expect_ignored(lab, &program, SIGHUP, "SIGHUP")?;
                program.deliver(SIGTERM)?;
                expect_result(&program, 0, 0, 0)
            },
        },
        Test {
            name: "obeys SIGINT as it obeys SIGTERM",
            points: 1,
            read: "From kill to the handler",
            mistakes: &[Mistake {
                program: "leaves_sigint_alone",
                because: Diagnosis::Killed,
                hint: "Control-C ends the program without its result. Give SIGINT the same handler as SIGTERM.",
            }],
            run: |lab| {
                let program = count(lab)?;
                take(&program, SIGUSR1)?;
                program.deliver(SIGINT)?;
                expect_result(&program, 1, 0, 0)
            },
        },
        Test {
            name: "leaves SIGINT ignored if it is ignored at the start",
            points: 1,
            read: "What a program is born with",
            mistakes: &[Mistake {
                program: "catches_an_ignored_sigint",
                because: Diagnosis::Exited,
                hint: "Whoever starts the program may have SIGINT ignored, as a shell does for a background job. Ask \
                       sigaction for the old disposition, and leave SIG_IGN as it is.",
            }],
            run: |lab| {
                let program = start(
                    Launch {
                        ignored: vec![SIGINT],
                        ..without_arguments()
                    },
                    lab,
                )?;
                take(&program, SIGINT)?;
                expect_ignored(lab, &program, SIGINT, "SIGINT")?;
                take(&program, SIGUSR2)?;
                program.deliver(SIGTERM)?;
                expect_result(&program, 0, 1, 0)
            },
        },
        Test {
            name: "counts every real-time signal that was queued",
            points: 2,
            read: "Merged or queued",
            mistakes: &[
                Mistake {
                    program: "leaves_sigrtmin_alone",
                    because: Diagnosis::Killed,
                    hint: "The default action of a real-time signal ends the program. nix has no name for it: \
                           libc::sigaction takes the number, libc::SIGRTMIN().",
                },
                Mistake {
                    program: "counts_wake_ups",
                    because: Diagnosis::WrongOutput,
                    hint: "Several handlers may run before the program wakes up once. Count in the handler, not after \
                           the wait.",
                },
            ],
            run: |lab| {
                let program = count(lab)?;
                program.freeze()?;
                let real_time = lab.random_number(3..=9);
                let usr1 = lab.random_number(2..=5);
                let text = format!(
                    "send it SIGRTMIN {real_time} times (they queue up) and SIGUSR1 {usr1} times (they merge), mixed"
                );
                lab.step(text, || {
                    let signals = repeated(&[(SIGRTMIN(), real_time), (SIGUSR1, usr1)]);
                    send(&program, &shuffled(lab, signals))
                })?;
                program.resume()?;
                program.expect_asleep()?;
                program.deliver(SIGTERM)?;
                expect_result(&program, 1, 0, real_time)
            },
        },
        Test {
            name: "counts signals that are blocked at the start",
            points: 2,
            read: "Blocking, and waiting without a gap",
            mistakes: &[Mistake {
                program: "waits_with_the_inherited_mask",
                because: Diagnosis::WrongDisposition,
                hint: "The mask comes from whoever starts the program, and it may hold anything. Wait with a mask of \
                       your own, an empty one.",
            }],
            run: |lab| {
                let program = start(
                    Launch {
                        blocked: vec![SIGUSR1, SIGUSR2, SIGRTMIN(), SIGTERM],
                        ..without_arguments()
                    },
                    lab,
                )?;
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
                    repeated(&[(SIGUSR1, usr1), (SIGUSR2, usr2), (SIGRTMIN(), real_time)])
                        .into_iter()
                        .try_for_each(|signal| take(&program, signal))
                })?;
                program.deliver(SIGTERM)?;
                expect_result(&program, usr1, usr2, real_time)
            },
        },
        Test {
            name: "can take a signal as soon as it says ready",
            points: 2,
            read: "What a program is born with",
            mistakes: &[Mistake {
                program: "is_ready_too_early",
                because: Diagnosis::Killed,
                hint: "The program says ready before its handlers are installed, and a signal at that moment kills \
                       it. Install them first, then print.",
            }],
            run: |lab| {
                let signals = shuffled(lab, vec![SIGUSR1, SIGUSR2, SIGRTMIN(), SIGHUP]);
                let program = signal_while_it_says_ready(lab, &signals)?;
                program.expect_asleep()?;
                program.deliver(SIGTERM)?;
                expect_result(&program, 1, 1, 1)
            },
        },
        Test {
            name: "ends, too, if SIGTERM or SIGINT comes before it begins to wait",
            points: 2,
            read: "Blocking, and waiting without a gap",
            mistakes: &[
                Mistake {
                    program: "unblocks_before_it_waits",
                    because: Diagnosis::Stuck,
                    hint: "The signal comes in the gap after the look at the flag: its handler runs, and then the \
                           program waits for a signal that it has had. Leave the signals blocked, and let sigsuspend \
                           open the mask and wait in one step.",
                },
                Mistake {
                    program: "catches_sigint_too_late",
                    because: Diagnosis::Killed,
                    hint: "The program says ready before a handler is installed, and a signal at that moment kills \
                           it. Install all of them first, then print.",
                },
            ],
            run: |lab| {
                for signal in [SIGTERM, SIGINT] {
                    let program = signal_while_it_says_ready(lab, &[signal])?;
                    expect_result(&program, 0, 0, 0)?;
                }
                Ok(())
            },
        },
        Test {
            name: "ends, too, if SIGTERM or SIGINT comes just before it waits again",
            points: 3,
            read: "Blocking, and waiting without a gap",
            mistakes: &[
                Mistake {
                    program: "looks_then_pauses",
                    because: Diagnosis::Stuck,
                    hint: BLOCK_BEFORE_THE_LOOK,
                },
                Mistake {
                    program: "blocks_only_sigterm",
                    because: Diagnosis::Stuck,
                    hint: BLOCK_BEFORE_THE_LOOK,
                },
            ],
            run: |lab| {
                lab.follow_calls();
                for signal in [SIGTERM, SIGINT] {
                    let program = count(lab)?;
                    program.signal_in_the_gap(SIGUSR1, signal)?;
                    expect_result(&program, 1, 0, 0)?;
                }
                Ok(())
            },
        },
        Test {
            name: "prints its whole result, however few bytes a write takes",
            points: 1,
            read: "A call is cut short",
            mistakes: &[Mistake {
                program: "ignores_a_short_write",
                because: Diagnosis::Exited,
                hint: "write returns how many bytes it has taken, and here it has not taken all. Offer it the rest, \
                           until nothing is left: write_all does it for you.",
            }],
            run: |lab| {
                lab.follow_calls();
                let program = count(lab)?;
                program.shorten(Call::Write.on(Place::Stdout), lab.random_number(1..=5))?;
                program.deliver(SIGTERM)?;
                expect_result(&program, 0, 0, 0)
            },
        },
        Test {
            name: "prints its result undisturbed by a second signal",
            points: 3,
            read: "What a handler may do",
            mistakes: &[
                Mistake {
                    program: "prints_in_the_handler",
                    because: Diagnosis::Killed,
                    hint: "The second handler runs in the middle of the first one's println!, which panics, and a \
                           panic in a handler aborts. Let the handler take a note, and the main program print.",
                },
                Mistake {
                    program: "gives_up_an_interrupted_write",
                    because: Diagnosis::Exited,
                    hint: "A signal interrupts write with EINTR, and nothing is wrong: write again, or install the \
                           handler with SA_RESTART.",
                },
                Mistake {
                    program: "prints_for_each_request",
                    because: Diagnosis::ExtraOutput,
                    hint: "SIGTERM and SIGINT came, and each printed a result. Let the handler set a flag, and the \
                           main program print once.",
                },
            ],
            run: |lab| {
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
                program.fill_stdout()?;
                program.signal(SIGTERM)?;
                program.expect_asleep_in_print()?;
                program.signal(SIGINT)?;
                program.expect_asleep_in_print()?;
                program.drain_stdout()?;
                expect_result(&program, usr1, 0, 0)
            },
        },
        Test {
            name: "counts standard signals that are pending together with SIGTERM",
            points: 2,
            read: "Merged or queued",
            mistakes: &[Mistake {
                program: "ends_in_the_handler",
                because: Diagnosis::WrongOutput,
                hint: "The handler of SIGTERM may run before the handlers of signals that came earlier. Set a flag \
                       there, and let the main program end when the others are counted.",
            }],
            run: |lab| {
                let program = count(lab)?;
                program.freeze()?;
                for signal in shuffled(lab, vec![SIGUSR1, SIGUSR2]) {
                    program.signal(signal)?;
                }
                program.signal(SIGTERM)?;
                program.resume()?;
                expect_result(&program, 1, 1, 0)
            },
        },
        Test {
            name: "counts real-time signals that are pending together with SIGTERM",
            points: 2,
            read: "Merged or queued",
            mistakes: &[Mistake {
                program: "leaves_signals_pending",
                because: Diagnosis::WrongOutput,
                hint: "SIGTERM has the lower number and is delivered first; the real-time signals are still pending. \
                       Unblock all signals before you read the counters.",
            }],
            run: |lab| {
                let program = count(lab)?;
                program.freeze()?;
                let real_time = lab.random_number(2..=6);
                lab.step(format!("send it SIGRTMIN {}", times(real_time)), || {
                    send(&program, &repeated(&[(SIGRTMIN(), real_time)]))
                })?;
                program.signal(SIGTERM)?;
                program.resume()?;
                expect_result(&program, 0, 0, real_time)
            },
        },
        Test {
            name: "tells which signals the kernel lets it catch",
            points: 1,
            read: "From kill to the handler",
            mistakes: &[
                Mistake {
                    program: "believes_it_can_catch_all",
                    because: Diagnosis::WrongOutput,
                    hint: "sigaction says no to SIGKILL and SIGSTOP. Look at what it returns.",
                },
                Mistake {
                    program: "panics_at_a_refusal",
                    because: Diagnosis::Panicked,
                    hint: "sigaction may fail, and here it must. Match on its result instead of unwrap.",
                },
            ],
            run: |lab| {
                expect_answer(lab, SIGTERM, "SIGTERM", "ok")?;
                expect_answer(lab, SIGUSR1, "SIGUSR1", "ok")?;
                expect_answer(lab, SIGCHLD, "SIGCHLD", "ok")?;
                expect_answer(lab, SIGKILL, "SIGKILL", "EINVAL")?;
                expect_answer(lab, SIGSTOP, "SIGSTOP", "EINVAL")
            },
        },
        Test {
            name: "tells it for real-time signals, too",
            points: 1,
            read: "sigaction",
            mistakes: &[Mistake {
                program: "tries_only_signals_with_a_name",
                because: Diagnosis::WrongOutput,
                hint: "nix's Signal knows the names of the standard signals only. Give the number itself to \
                       libc::sigaction.",
            }],
            run: |lab| {
                let between =
                    lab.random_number(SIGRTMIN() as u64 + 1..=SIGRTMAX() as u64 - 1) as i32;
                expect_answer(lab, SIGRTMIN(), "SIGRTMIN", "ok")?;
                expect_answer(lab, SIGRTMAX(), "SIGRTMAX", "ok")?;
                expect_answer(lab, between, "a real-time signal", "ok")?;
                expect_answer(lab, SIGRTMAX() + 1, "no signal", "EINVAL")?;
                expect_answer(lab, 0, "no signal", "EINVAL")
            },
        },
        manners::MANY,
        manners::SIGINT_BLOCKED_AT_THE_START,
        manners::SIGTERM_IGNORED_AT_THE_START,
        manners::SECOND_SIGTERM,
        manners::CANNOT_PRINT,
        manners::WRONG_ARGUMENTS,
    ],
};

/// For two mistakes which look alike from outside.
const WAIT_FOR_A_HANDLER: &str = "The program looks at its flag again and again. Let it sleep in a call that returns \
                                  when a handler has run: pause, or better sigsuspend.";
const BLOCK_BEFORE_THE_LOOK: &str = "The signal comes after the look at the flag and before the sleep: its handler runs, \
                                     and then the program waits for a signal that it has had. Block all the signals \
                                     before you look, and let sigsuspend open the mask and wait in one step.";
const IGNORE_IT: &str = "SIG_IGN throws the signal away. An empty handler wakes the program and interrupts its calls, \
                         and a blocked signal stays pending. Set SIG_IGN with sigaction.";

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
    program.expect_asleep()?;
    Ok(program)
}

fn expect_ready(program: &Program) -> Checked {
    program.expect_line(format!("ready {}", program.own_pid()))
}

/// Starts it with a full standard output, and sends it signals while it waits to get its `ready` out.
fn signal_while_it_says_ready(lab: &Lab, signals: &[i32]) -> Checked<Program> {
    let start = "start your program; its standard output is full, so that its line `ready PID` has to wait in write(1)";
    let program = lab.step(start, || {
        let program = lab.launch(Launch {
            full_stdout: true,
            ..without_arguments()
        })?;
        program.expect_asleep_in_print()?;
        Ok(program)
    })?;
    for &signal in signals {
        program.signal(signal)?;
        program.expect_asleep_in_print()?;
    }
    program.drain_stdout()?;
    expect_ready(&program)?;
    Ok(program)
}

/// Sends a signal, after which it must sleep again.
fn take(program: &Program, signal: i32) -> Checked {
    program.signal(signal)?;
    program.expect_asleep()
}

fn send(program: &Program, signals: &[i32]) -> Checked {
    signals
        .iter()
        .try_for_each(|&signal| program.signal(signal))
}

fn expect_ignored(lab: &Lab, program: &Program, signal: i32, name: &str) -> Checked {
    lab.step(
        format!("look for {name} in the signals that it ignores (SigIgn)"),
        || {
            if Signals::contains(program.signals()?.ignored, signal) {
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
    program.expect_line(format!("usr1={usr1} usr2={usr2} rt={real_time}"))?;
    program.expect_stdout_end()?;
    program.expect_exit(0)
}

/// Asks it with `-t`.
fn expect_answer(lab: &Lab, signal: i32, name: &str, answer: &str) -> Checked {
    let text =
        format!("start your program with -t {signal} ({name}): it answers {answer}, and ends");
    lab.step(text, || {
        let program = lab.start(&["-t", &signal.to_string()])?;
        program.expect_line(answer)?;
        program.expect_stdout_end()?;
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
