//! How often the program asks, and how long it waits each time.

use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::{
    ASK_AGAIN, DEADLINE, SAYS_ASKS_AGAIN, SAYS_EARLIER_TRY, SAYS_FIRST_ANSWER, SAYS_MADE_AGAIN,
    SAYS_SIGNAL, SAYS_STATUS_1, SAYS_WAITS_MS, TEN_MINUTES, answer_and_expect, answer_with, asked,
    disturb, expect_failure, expect_printed, expect_question_again, question_to, server, word,
};
use crate::promises::{servers, time_limits::has_lasted};
use harness::author::{
    Call, Checked, Comparison, Datagram, Diagnosis, FdKind, Lab, Launch, Program, Record,
    Rejection, Sleep, Test, Transport, UdpPeer,
};

pub(super) const ASKS_AGAIN: Test = Test {
    name: "asks as often as it is told, always the same",
    points: 3,
    read: ASK_AGAIN,
    proves: &[
        SAYS_ASKS_AGAIN,
        "It says `no answer` when the time of the last try is over.",
        SAYS_STATUS_1,
    ],
    story: |lab| {
        let tries = lab.random_number(5..=7);
        expect_tries(lab, &["-t", "40", "-n", &tries.to_string()], tries)?;
        expect_tries(lab, &["-t", "30"], 4)
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
fn expect_tries(lab: &Lab, options: &[&str], tries: u64) -> Checked {
    let (server, program, first) = asked(lab, options)?;
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
    proves: &[SAYS_WAITS_MS],
    story: |lab| {
        let server = server(lab)?;
        let start = |options: &[&str]| -> Checked<_> {
            let launch = Launch {
                traced: false,
                ..question_to(server.address()?, options, word(lab))
            };
            Ok((Instant::now(), lab.launch(launch)?))
        };
        // 983140 = 15 * 65536 + 100: cut to 16 bits it is 100 ms.
        let (_, patient) = start(&["-t", "983140", "-n", "1"])?;
        // Both run at the same time: together they take a second.
        let (begun_half, half) = start(&["-n", "1"])?;
        let (begun_whole, whole) = start(&["-t", "1000", "-n", "1"])?;
        // The shorter one ends first. Both are judged only when both have ended: the report shows the last one.
        half.wait_for_end()?;
        let half_took = begun_half.elapsed();
        whole.wait_for_end()?;
        let whole_took = begun_whole.elapsed();
        expect_waited_at_least(lab, half_took, Duration::from_millis(500))?;
        expect_waited_at_least(lab, whole_took, Duration::from_millis(1000))?;
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
            hint: "Your program gives up too early. -t is the time of a try in milliseconds, and without -t it is 500. \
                   MS goes up to 1000000, which does not fit into 16 bits. (One millisecond is 1000 microseconds in a \
                   timeval, and 1000000 nanoseconds in a timespec.)",
        },
    ],
};

/// Sees that the program has not given up before this time was over.
fn expect_waited_at_least(lab: &Lab, took: Duration, limit: Duration) -> Checked {
    if has_lasted(took, limit) {
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
        SAYS_WAITS_MS,
        SAYS_FIRST_ANSWER,
        "While it waits, the program sleeps.",
        "It does not look again and again.",
    ],
    story: |lab| {
        let (server, program, question) = asked(lab, TEN_MINUTES)?;
        program.sleeps(Sleep::UntilSomethingComes)?;
        server.expect_quiet()?;
        answer_and_expect(&server, &question, &program, word(lab))
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
    proves: &[SAYS_WAITS_MS, SAYS_EARLIER_TRY],
    story: |lab| {
        let (server, program, question) = asked(lab, &["-t", "200", "-n", "20"])?;
        expect_question_again(lab, &server, &question)?;
        answer_and_expect(&server, &question, &program, word(lab))
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
    proves: &[SAYS_EARLIER_TRY],
    story: |lab| {
        lab.follow_calls();
        let (server, program, question) = asked(lab, &["-t", "200", "-n", "3"])?;
        // A program that empties its queue before it asks again reads in between. It is frozen there, the answer comes,
        // and it must not throw the answer away. Others are not frozen before they ask again, and pass. The call in
        // which the program sleeps is spared.
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

/// So often may a program take what has come after its time is over, because it is slow to look at the clock.
const TAKEN_LATE: u32 = 20;

pub(super) const NOISE: Test = Test {
    name: "asks again in time, however many datagrams are no answer",
    points: 3,
    read: DEADLINE,
    proves: &[
        SAYS_WAITS_MS,
        "However many of them come, a try does not take longer: its MS milliseconds are counted from its question on.",
    ],
    story: |lab| {
        const LIMIT: Duration = Duration::from_millis(300);
        let milliseconds = LIMIT.as_millis().to_string();
        let (server, program, question) = asked(lab, &["-t", &milliseconds, "-n", "2"])?;
        disturb_until_it_asks_again(lab, &server, &question, LIMIT)?;
        answer_and_expect(&server, &question, &program, word(lab))?;
        expect_each_try_its_time(lab)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::NoAnswer,
            mistakes: &[
                "each_datagram_begins_the_time_anew",
                "socket_time_limit_for_each_receive",
                "looks_at_the_clock_only_in_silence",
            ],
            hint: "Each receive waits for the whole time again, so a peer that sends you something every moment holds you \
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
fn expect_each_try_its_time(lab: &Lab) -> Checked {
    const LIMIT: Duration = Duration::from_millis(200);
    // So many that the time which a wrong program saves is longer than a slow start, which is measured, too.
    const TRIES: u32 = 8;
    let options = [
        "-t",
        &LIMIT.as_millis().to_string(),
        "-n",
        &TRIES.to_string(),
    ];
    // This clock starts before the program's, and shows more time.
    let begun = Instant::now();
    let (server, program, question) = asked(lab, &options)?;
    disturb_in_the_middle_of_a_try(lab, &server, &question, LIMIT)?;
    program.wait_for_end()?;
    expect_waited_at_least(lab, begun.elapsed(), LIMIT * TRIES)
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
            // The program's clock has started before this one, and shows more time.
            let begun = Instant::now();
            lab.wait_until("half of its time to be over", Diagnosis::NoAnswer, || {
                Ok(begun.elapsed() >= limit / 2)
            })?;
            // Else the program has asked again, and this loop, too, begins again.
            if server.take()?.is_none() {
                disturb(lab, server, question)?;
                lab.wait_until("it to take the datagram", Diagnosis::NoAnswer, || {
                    Ok(unread(lab, question)?.unwrap_or(0) == 0)
                })?;
                // Else this test got no processor for so long that the next try has begun.
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
    // The program's clock has started before this one: when the time is over here, it is over there.
    let begun = Instant::now();
    let step = "the server and a stranger: send datagrams that are no answer, again and again";
    lab.step(step, || {
        let mut taken_late = 0;
        lab.wait_until("it to ask again", Diagnosis::NoAnswer, || {
            if server.take()?.is_some() {
                return Ok(true);
            }
            // The next one only when the last one has been taken: nobody has to read many of them at once.
            if unread(lab, question)? != Some(0) {
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
            stranger.send_to(question.from, &question.bytes)?;
            disturb(lab, server, question)?;
            Ok(false)
        })
    })
}

/// How many bytes the kernel holds for the program that asked, and the program has not read.
fn unread(lab: &Lab, question: &Datagram) -> Checked<Option<u32>> {
    servers::unread(lab, Transport::Udp, question.from.port())
}

pub(super) const INTERRUPTED: Test = Test {
    name: "goes on with a try that a signal has interrupted",
    points: 1,
    read: DEADLINE,
    proves: &[SAYS_SIGNAL, SAYS_MADE_AGAIN],
    story: |lab| {
        lab.follow_calls();
        let (server, program, question) = asked(lab, TEN_MINUTES)?;
        program.sleeps(Sleep::UntilSomethingComes)?;
        program.faults().interrupt_read_twice(FdKind::Socket)?;
        // The call in which it sleeps has begun, and is spared.
        disturb(lab, &server, &question)?;
        program.expect_alive()?;
        server.expect_quiet()?;
        answer_and_expect(&server, &question, &program, word(lab))?;
        // And once more where it sends. One that sends without waiting cannot be interrupted, and is not.
        let (server, program, question) = asked(lab, &["-t", "80", "-n", "50"])?;
        let send = Call::Write.on(FdKind::Socket);
        program.faults().interrupt_twice(send)?;
        for _ in 0..3 {
            expect_question_again(lab, &server, &question)?;
        }
        answer_and_expect(&server, &question, &program, word(lab))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_eintr", "ends_at_eintr_in_send"],
            hint: "A call fails with EINTR: a signal came before the call did anything. That is no failure. Make the \
                   call again, send as well as recv or poll.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["takes_a_signal_for_the_end_of_time"],
            hint: "A call fails with EINTR: a signal came, and the time is not over. Do not ask again. Wait \
                   again, for the time that is left. Only 0 from poll says that it is over, or EAGAIN from a recv with \
                   SO_RCVTIMEO.",
        },
    ],
};

/// So many calls may signals interrupt after the time is over, because the program is slow to look at the clock.
const INTERRUPTED_LATE: u64 = 300;

pub(super) const EINTR_AND_DEADLINE: Test = Test {
    name: "asks again in time, however many signals come",
    points: 1,
    read: DEADLINE,
    proves: &[SAYS_SIGNAL, SAYS_MADE_AGAIN],
    story: |lab| {
        const LIMIT: Duration = Duration::from_millis(200);
        lab.follow_calls();
        let milliseconds = LIMIT.as_millis().to_string();
        let (server, program, question) = asked(lab, &["-t", &milliseconds, "-n", "50"])?;
        let polls = program.faults().fail_each(Call::Poll, Errno::EINTR)?;
        let receives = program
            .faults()
            .fail_each(Call::Read.on(FdKind::Socket), Errno::EINTR)?;
        // The call in which it sleeps has begun, and is spared.
        disturb(lab, &server, &question)?;
        let interrupted = || polls.hits() + receives.hits();
        wait_until_it_asks_again(lab, &server, &program, LIMIT, interrupted)?;
        polls.end();
        receives.end();
        answer_and_expect(&server, &question, &program, word(lab))
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::NoAnswer,
        mistakes: &["a_signal_begins_the_time_anew"],
        hint: "After EINTR only the rest of the time is left, and it may be used up. Compute it from the deadline \
               again before each call; a loop around poll alone, with the same number, waits for the whole time after \
               each signal.",
    }],
};

/// Waits until the program asks again although signals interrupt its calls; `interrupted` counts these.
fn wait_until_it_asks_again(
    lab: &Lab,
    server: &UdpPeer,
    program: &Program,
    limit: Duration,
    interrupted: impl Fn() -> u64,
) -> Checked {
    // The program's clock has started before this one: when the time is over here, it is over there.
    let begun = Instant::now();
    let mut hits_at_the_limit = None;
    lab.wait_until("it to ask again", Diagnosis::NoAnswer, || {
        if server.take()?.is_some() {
            return Ok(true);
        }
        if begun.elapsed() <= limit {
            return Ok(false);
        }
        let hits = interrupted();
        let late = hits - *hits_at_the_limit.get_or_insert(hits);
        if late <= INTERRUPTED_LATE {
            return Ok(false);
        }
        // An interrupted call is not made here. So select does not count down the time in the program's variable, and
        // poll does not tell of a timer among its descriptors: a right program then cannot see the time.
        let calls = program.calls().records()?;
        let cannot_see_the_time = |record: &Record| {
            record.injected.is_some() && (record.is_select() || record.polls_without_time_limit())
        };
        if calls.iter().any(cannot_see_the_time) {
            return Ok(true);
        }
        let symptom = format!(
            "the {} ms of the first try are over, and your program makes the call again and again that signals interrupt",
            limit.as_millis()
        );
        lab.fail(Diagnosis::NoAnswer, symptom)
    })
}
