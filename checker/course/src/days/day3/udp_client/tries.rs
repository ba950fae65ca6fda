//! How often the program asks, and how long it waits each time.

use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::{
    ASK_AGAIN, DEADLINE, LONG, NUMBER, answer_to_another, answer_with, ask, expect_failure,
    expect_printed, expect_question, question_to, server, word,
};
use harness::author::{
    Call, Checked, Comparison, Datagram, Diagnosis, FdKind, Lab, Launch, Record, Rejection, Sleep,
    Socket, Test, Transport, UdpPeer,
};

pub(super) const ASKS_AGAIN: Test = Test {
    name: "asks as often as it is told, always the same",
    points: 3,
    read: ASK_AGAIN,
    proves: &[
        "Then it asks again, TRIES times in all (default 4): it sends the same datagram, with the same number, from \
         the same port.",
        "It says `no answer` when the time of the last try is over.",
        "Exit status 1, with the reason on standard error:",
    ],
    story: |lab| {
        let tries = lab.random_number(5..=7);
        asks(lab, &["-t", "40", "-n", &tries.to_string()], tries)?;
        asks(lab, &["-t", "30"], 4)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "asks_once",
                "one_limit_for_all_tries",
                "always_asks_four_times",
            ],
            hint: "Your program gives up too early. It asks TRIES times in all (4 without -n), and waits MS \
                   milliseconds after each question, also after the last one.",
        },
        Rejection {
            diagnosis: Diagnosis::NoAnswer,
            mistakes: &["waits_for_ever"],
            hint: "The question or its answer is lost, and nobody will send it again but you. A plain recv waits for \
                   ever. Give poll a time limit before it, or the socket one with SO_RCVTIMEO: recv then fails with \
                   EAGAIN when the time is over. Then send the question again.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &[
                "new_number_for_each_try",
                "counts_its_tries_in_the_question",
            ],
            hint: "The question that is sent again is another datagram than before. Choose the number once, before the \
                   first try. An answer to the first try that comes late, during the second, is then still an answer.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongSender,
            mistakes: &["new_socket_for_each_try"],
            hint: "The question comes from another port than before: each new socket has its own. An answer to the \
                   first question then goes to a port where nobody receives any more. Make one socket, before the \
                   first try.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["asks_once_more", "has_a_default_of_its_own"],
            hint: "-n says how often the question is sent in all, and the first time counts: -n 5 means five \
                   datagrams, and without -n it is four.",
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["counts_seconds", "alarm_that_restarts"],
            hint: "The time is over, and your program still sleeps in a call with a time limit or an alarm. -t is in \
                   milliseconds, as poll takes it; a timeval has seconds and microseconds, and alarm(2) counts \
                   seconds. With SA_RESTART on its handler, the kernel makes recv again: the alarm then ends nothing.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["no_answer_is_success"],
            hint: "No answer has come, and the exit status of that is 1: 0 says success, and 2 wrong arguments. A \
                   script reads the status, not the words.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["fails_in_silence", "says_timeout"],
            hint: "When the time of the last try is over, say `no answer` on standard error, in these words.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["says_no_answer_on_stdout"],
            hint: "Standard output is for the answer alone, and there is none. Say `no answer` on standard error, with \
                   eprintln.",
        },
    ],
};

/// The server hears all questions of one run, and answers none.
fn asks(lab: &Lab, options: &[&str], tries: u64) -> Checked {
    let server = server(lab)?;
    let text = word(lab);
    let program = ask(lab, options, &server, &text)?;
    let first = expect_question(lab, &server, text)?;
    for _ in 1..tries {
        let next = server.receive("the question again")?;
        if next.bytes != first.bytes {
            let symptom = "your program asks again with another datagram than before";
            let failure = lab.failure(Diagnosis::WrongBytes, symptom);
            let difference = Comparison::of("the question", &first.bytes, &next.bytes);
            return Err(failure.comparing(difference).into());
        }
        if next.from != first.from {
            let symptom = format!(
                "your program asks first from the port {}, and then from {}",
                first.from.port(),
                next.from.port()
            );
            return lab.fail(Diagnosis::WrongSender, symptom);
        }
    }
    program.wait_for_end()?;
    server.expect_quiet()?;
    expect_failure(lab, &program, Some("no answer"))
}

pub(super) const TIME: Test = Test {
    name: "gives each try its time",
    points: 1,
    read: ASK_AGAIN,
    proves: &["It waits MS milliseconds for an answer (default 500)."],
    story: |lab| {
        let server = server(lab)?;
        // Cut to 16 bits, it is a tenth of a second.
        let patient = Launch {
            traced: false,
            ..question_to(server.address()?, &["-t", "983140", "-n", "1"], word(lab))
        };
        let patient = lab.launch(patient)?;
        // All at the same time: together they take a second.
        let runs = [
            (&["-n", "1"] as &[&str], 500),
            (&["-t", "1000", "-n", "1"], 1000),
        ];
        let runs: Checked<Vec<_>> = runs
            .into_iter()
            .map(|(options, limit)| {
                let launch = Launch {
                    traced: false,
                    ..question_to(server.address()?, options, word(lab))
                };
                let begun = Instant::now();
                Ok((lab.launch(launch)?, begun, Duration::from_millis(limit)))
            })
            .collect();
        // The shorter ones first: a right program ends them first. A failure shows the last one, which has ended by then.
        let took: Checked<Vec<_>> = runs?
            .into_iter()
            .map(|(program, begun, limit)| {
                program.wait_for_end()?;
                Ok((begun.elapsed(), limit))
            })
            .collect();
        for (took, limit) in took? {
            expect_patience(lab, took, limit)?;
        }
        patient.expect_alive()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["overlooks_that_it_has_no_time_limit"],
            hint: "Your program waits without a time limit, although its time is over. Look at what setsockopt \
                   returns: in a timeval, tv_usec is less than 1000000, and from MS = 1000 on the seconds belong into \
                   tv_sec. Else it fails with EDOM, and there is no limit.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "counts_microseconds",
                "always_waits_half_a_second",
                "waits_a_tenth_of_a_second",
                "cuts_its_time_to_16_bits",
            ],
            hint: "Your program does not wait as long as it should. -t says how many milliseconds a try has, and \
                   without -t it has 500. The largest MS is 1000000: 16 bits are not enough. (A timeval has seconds \
                   and microseconds, a timespec seconds and nanoseconds: a millisecond is 1000 of the one, and 1000000 \
                   of the other.)",
        },
    ],
};

/// Sees that the program has not given up before this time was over.
fn expect_patience(lab: &Lab, took: Duration, limit: Duration) -> Checked {
    // Some clocks of the kernel count in steps of 10 ms.
    if took >= limit * 9 / 10 {
        return Ok(());
    }
    let symptom = format!(
        "your program gives up after {} ms; it may wait for {}",
        took.as_millis(),
        limit.as_millis()
    );
    lab.fail(Diagnosis::Exited, symptom)
}

pub(super) const SLEEPS: Test = Test {
    name: "sleeps until the answer comes, and no longer",
    points: 1,
    read: ASK_AGAIN,
    proves: &[
        "It waits MS milliseconds for an answer (default 500).",
        "The first answer ends the program.",
        "While it waits, the program sleeps.",
        "It does not look again and again.",
    ],
    story: |lab| {
        let server = server(lab)?;
        let text = word(lab);
        let program = ask(lab, LONG, &server, &text)?;
        let question = expect_question(lab, &server, text)?;
        program.sleeps(Sleep::UntilSomethingComes)?;
        server.expect_quiet()?;
        let answer = word(lab);
        answer_with(&server, &question, &answer)?;
        expect_printed(&program, answer)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["spins", "naps_and_looks"],
            hint: "Your program looks again and again whether something has come. poll, or a recv with SO_RCVTIMEO, \
                   does the waiting: it sleeps until there is a datagram or the time is over.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["has_too_many_microseconds"],
            hint: "-t is longer here than before, and your program ends. Does setsockopt fail with EDOM? In a timeval, \
                   tv_usec is less than 1000000: the whole seconds of MS belong into tv_sec, and only the rest into \
                   tv_usec.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["sends_all_tries_at_once"],
            hint: "The question is sent again although its time is not over. Send it once, wait MS milliseconds for \
                   the answer, and only then send it again.",
        },
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["waits_for_more_answers"],
            hint: "The answer has come, and your program still waits. One datagram is all of it: print it, and do not \
                   wait for the end of the time, or for more.",
        },
    ],
};

pub(super) const SECOND_TRY: Test = Test {
    name: "takes the answer that comes during a later try",
    points: 1,
    read: ASK_AGAIN,
    proves: &[
        "It waits MS milliseconds for an answer (default 500).",
        "An answer to an earlier try is an answer, too.",
    ],
    story: |lab| {
        let server = server(lab)?;
        let text = word(lab);
        let program = ask(lab, &["-t", "200", "-n", "20"], &server, &text)?;
        let question = expect_question(lab, &server, &text)?;
        expect_question(lab, &server, text)?;
        let answer = word(lab);
        answer_with(&server, &question, &answer)?;
        expect_printed(&program, answer)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &[
            "one_deadline_for_all_tries",
            "listens_in_the_first_try_only",
        ],
        hint: "The answer comes after the second question, and your program has given up by then. Each try has MS \
               milliseconds of its own: compute its deadline when you send, not once before the first try.",
    }],
};

pub(super) const BETWEEN_TRIES: Test = Test {
    name: "takes the answer that comes between two tries",
    points: 1,
    read: ASK_AGAIN,
    proves: &["An answer to an earlier try is an answer, too."],
    story: |lab| {
        lab.follow_calls();
        let server = server(lab)?;
        let text = word(lab);
        let program = ask(lab, &["-t", "200", "-n", "3"], &server, &text)?;
        let question = expect_question(lab, &server, text)?;
        // A program that throws away what has come reads before it asks again. The call in which it sleeps is spared.
        let frozen = program
            .signals()
            .freeze_before(Call::Read.on(FdKind::Socket))?;
        let is_frozen = || -> Checked<bool> {
            let calls = program.calls().records()?;
            Ok(calls.iter().any(|record| record.injected.is_some()))
        };
        let goal = "it to ask again, or to read";
        lab.wait_until(goal, Diagnosis::NoAnswer, || {
            Ok(is_frozen()? || server.take()?.is_some())
        })?;
        if !is_frozen()? {
            return Ok(());
        }
        frozen.wait_until_frozen()?;
        let answer = word(lab);
        answer_with(&server, &question, &answer)?;
        frozen.resume()?;
        expect_printed(&program, answer)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["empties_its_queue_before_each_try"],
        hint: "Your program throws away what has come before it asks again. The answer to an earlier try may be among \
               it: look at each datagram, and pass over only those that are no answer.",
    }],
};

/// Datagrams that the program has taken although its time was over: so many, and none of them was there before.
const TAKEN_LATE: u32 = 20;

pub(super) const NOISE: Test = Test {
    name: "asks again in time, however many datagrams are no answer",
    points: 3,
    read: DEADLINE,
    proves: &[
        "It waits MS milliseconds for an answer (default 500).",
        "However many of them come, a try does not take longer: its MS milliseconds are counted from its question on.",
    ],
    story: |lab| {
        const LIMIT: Duration = Duration::from_millis(300);
        let server = server(lab)?;
        let text = word(lab);
        let milliseconds = LIMIT.as_millis().to_string();
        let program = ask(lab, &["-t", &milliseconds, "-n", "2"], &server, &text)?;
        let question = expect_question(lab, &server, text)?;
        disturb_until_it_asks_again(lab, &server, &question, LIMIT)?;
        let answer = word(lab);
        answer_with(&server, &question, &answer)?;
        expect_printed(&program, answer)?;
        gives_each_try_its_time(lab)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::NoAnswer,
            mistakes: &[
                "each_datagram_begins_the_time_anew",
                "socket_time_limit_for_each_receive",
                "looks_at_the_clock_only_in_silence",
            ],
            hint: "Each receive waits for the whole time again, so whoever sends you something every moment holds you \
                   for ever. Note the deadline when you send the question, an Instant. Give each wait only the time \
                   that is left until then, and when none is left, the try is over.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &[
                "keeps_the_rest_for_the_next_try",
                "has_less_time_with_each_try",
            ],
            hint: "Your program gives up too early: the later tries are shorter than the first. Each has MS \
                   milliseconds of its own, also when other datagrams have come before. If you shorten SO_RCVTIMEO to \
                   the rest of a try, it stays so for the next one: set it again with each question, and compute a new \
                   deadline.",
        },
    ],
};

/// One of several tries gets what is no answer, and the others get nothing.
fn gives_each_try_its_time(lab: &Lab) -> Checked {
    const LIMIT: Duration = Duration::from_millis(200);
    // So many that a program with short ones cannot look right on a machine on which it starts late.
    const TRIES: u32 = 8;
    let server = server(lab)?;
    let text = word(lab);
    let options = [
        "-t",
        &LIMIT.as_millis().to_string(),
        "-n",
        &TRIES.to_string(),
    ];
    // Before the program's own clock, which can have seen less time than this one.
    let begun = Instant::now();
    let program = ask(lab, &options, &server, &text)?;
    let question = expect_question(lab, &server, text)?;
    disturb_in_the_middle_of_a_try(lab, &server, &question, LIMIT)?;
    program.wait_for_end()?;
    expect_patience(lab, begun.elapsed(), LIMIT * TRIES)
}

/// The server sends one datagram that is no answer, when at least half of a try is over. Nothing is left in the program's
/// queue for the next try, whose time it would begin anew.
fn disturb_in_the_middle_of_a_try(
    lab: &Lab,
    server: &UdpPeer,
    question: &Datagram,
    limit: Duration,
) -> Checked {
    let step = "the server: send a datagram that is no answer, in the second half of a try";
    lab.step(step, || {
        loop {
            // The program's own clock has begun before this one.
            let begun = Instant::now();
            lab.wait_until("half of its time to be over", Diagnosis::NoAnswer, || {
                Ok(begun.elapsed() >= limit / 2)
            })?;
            if server.take()?.is_none() {
                server.send_to(question.from, answer_to_another(lab, question, 0))?;
                lab.wait_until("it to take the datagram", Diagnosis::NoAnswer, || {
                    let sockets = lab.sockets(Transport::Udp)?;
                    let takes = |socket: &Socket| socket.local.port() == question.from.port();
                    Ok(!sockets
                        .iter()
                        .any(|socket| takes(socket) && socket.receive_queue > 0))
                })?;
                // Otherwise this test got no processor for so long that the next try had begun.
                if server.take()?.is_none() {
                    return Ok(());
                }
            }
        }
    })
}

/// The server and a stranger send what is no answer, until the program asks again. Its time for this try may be over by
/// then, but not for long.
fn disturb_until_it_asks_again(
    lab: &Lab,
    server: &UdpPeer,
    question: &Datagram,
    limit: Duration,
) -> Checked {
    let stranger = lab.udp_peer_at("a stranger", lab.any_port())?;
    // The program's own clock has begun before this one.
    let begun = Instant::now();
    let step = "the server and a stranger: send datagrams that are no answer, again and again";
    lab.step(step, || {
        let mut taken_late = 0;
        lab.wait_until("it to ask again", Diagnosis::NoAnswer, || {
            if server.take()?.is_some() {
                return Ok(true);
            }
            // The next one only when the last one has been taken: nobody has to read many of them at once.
            let sockets = lab.sockets(Transport::Udp)?;
            let has_taken = sockets
                .iter()
                .any(|socket| socket.local.port() == question.from.port() && socket.receive_queue == 0);
            if !has_taken {
                return Ok(false);
            }
            if begun.elapsed() > limit {
                taken_late += 1;
            }
            if taken_late > TAKEN_LATE {
                let symptom = format!(
                    "the {} ms of the first try are over, and your program goes on receiving what is \
                     no answer",
                    limit.as_millis()
                );
                return lab.fail(Diagnosis::NoAnswer, symptom);
            }
            let place = lab.random_number(0..=NUMBER as u64 - 1) as usize;
            stranger.send_to(question.from, &question.bytes)?;
            server.send_to(question.from, answer_to_another(lab, question, place))?;
            Ok(false)
        })
    })
}

pub(super) const INTERRUPTED: Test = Test {
    name: "goes on with a try that a signal has interrupted",
    points: 1,
    read: DEADLINE,
    proves: &[
        "A signal that interrupts a call (`EINTR`) is neither an answer nor the end of a try.",
        "The call is made again, and the time does not begin again.",
    ],
    story: |lab| {
        lab.follow_calls();
        let server = server(lab)?;
        let text = word(lab);
        let program = ask(lab, LONG, &server, &text)?;
        let question = expect_question(lab, &server, text)?;
        program.sleeps(Sleep::UntilSomethingComes)?;
        program.faults().interrupt_read_twice(FdKind::Socket)?;
        // The call in which it sleeps has begun, and is spared.
        server.send_to(question.from, answer_to_another(lab, &question, 0))?;
        program.expect_alive()?;
        server.expect_quiet()?;
        let answer = word(lab);
        answer_with(&server, &question, &answer)?;
        expect_printed(&program, answer)?;
        // And once more where it sends. One that sends without waiting cannot be interrupted, and is not.
        let text = word(lab);
        let program = ask(lab, &["-t", "80", "-n", "50"], &server, &text)?;
        let question = expect_question(lab, &server, &text)?;
        program
            .faults()
            .interrupt_twice(Call::Write.on(FdKind::Socket))?;
        for _ in 0..3 {
            expect_question(lab, &server, &text)?;
        }
        let answer = word(lab);
        answer_with(&server, &question, &answer)?;
        expect_printed(&program, answer)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_eintr", "ends_at_eintr_in_send"],
            hint: "A call has failed with EINTR: a signal came before it had done anything. That is no failure. Make \
                   the call again, send as well as recv or poll.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["takes_a_signal_for_the_end_of_time"],
            hint: "A call has failed with EINTR: a signal came, and the time is not over. Do not ask again. Wait \
                   again, for the time that is left. Only 0 from poll says that it is over, or EAGAIN from a recv with \
                   SO_RCVTIMEO.",
        },
    ],
};

/// So many calls that a signal has interrupted, after the time was over.
const INTERRUPTED_LATE: u64 = 300;

pub(super) const CLOCK: Test = Test {
    name: "asks again in time, however many signals come",
    points: 1,
    read: DEADLINE,
    proves: &[
        "A signal that interrupts a call (`EINTR`) is neither an answer nor the end of a try.",
        "The call is made again, and the time does not begin again.",
    ],
    story: |lab| {
        const LIMIT: Duration = Duration::from_millis(200);
        lab.follow_calls();
        let server = server(lab)?;
        let text = word(lab);
        let milliseconds = LIMIT.as_millis().to_string();
        let program = ask(lab, &["-t", &milliseconds, "-n", "50"], &server, &text)?;
        let question = expect_question(lab, &server, text)?;
        let begun = Instant::now();
        let polls = program.faults().fail_each(Call::Poll, Errno::EINTR)?;
        let receives = program
            .faults()
            .fail_each(Call::Read.on(FdKind::Socket), Errno::EINTR)?;
        // The call in which it sleeps has begun, and is spared.
        server.send_to(question.from, answer_to_another(lab, &question, 0))?;
        let mut hits_in_time = None;
        lab.wait_until("it to ask again", Diagnosis::NoAnswer, || {
            if server.take()?.is_some() {
                return Ok(true);
            }
            let hits = polls.hits() + receives.hits();
            if begun.elapsed() <= LIMIT {
                return Ok(false);
            }
            let late = hits - *hits_in_time.get_or_insert(hits);
            if late <= INTERRUPTED_LATE {
                return Ok(false);
            }
            // select counts the time down in the program's own variable, and a timer may be among what is watched: but
            // not when the call is not made.
            let calls = program.calls().records()?;
            let is_right = |record: &Record| {
                record.injected.is_some()
                    && (record.is_select() || record.polls_without_time_limit())
            };
            if calls.iter().any(is_right) {
                return Ok(true);
            }
            let symptom = format!(
                "the {milliseconds} ms of the first try are over, and your program makes the call again and again that \
                 signals interrupt"
            );
            lab.fail(Diagnosis::NoAnswer, symptom)
        })?;
        polls.end();
        receives.end();
        let answer = word(lab);
        answer_with(&server, &question, &answer)?;
        expect_printed(&program, answer)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::NoAnswer,
        mistakes: &["a_signal_begins_the_time_anew"],
        hint: "After EINTR only the rest of the time is left, and it may be used up. Compute it from the deadline \
               again before each call; a loop around poll alone, with the same number, waits for the whole time after \
               each signal.",
    }],
};
