//! What the program does when there will be no answer, and when a call fails.

use nix::errno::Errno;

use super::{
    LONGEST_TEXT, NOBODY_RECEIVES, ONE_PARTNER, SAYS_NEITHER, SAYS_NO_PANIC, SAYS_ONLY_THE_ANSWER,
    SAYS_REFUSED, SAYS_STATUS_1, SAYS_UNCHANGED, TEN_MINUTES, answer_and_expect, answer_with, ask,
    asked, disturb, expect_failure, question_to, server, word,
};
use crate::promises::output::{EXPECT_EPIPE, NO_END_BY_SIGPIPE};
use harness::author::{Call, Diagnosis, FdKind, Rejection, Test};

pub(super) const REFUSED: Test = Test {
    name: "says `refused` when nobody receives there",
    points: 2,
    read: NOBODY_RECEIVES,
    proves: &[
        SAYS_STATUS_1,
        SAYS_REFUSED,
        SAYS_ONLY_THE_ANSWER,
        SAYS_NO_PANIC,
    ],
    story: |lab| {
        let nobody = lab.refuse_datagrams()?;
        let program = lab.launch(question_to(nobody, &[], word(lab)))?;
        expect_failure(lab, &program, Some("refused"))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "filters_strangers_itself",
                "asks_on_when_refused",
                "says_only_the_number_of_an_error",
            ],
            hint: "Nobody receives at that port, and its machine says so, with an ICMP message. The kernel hands it \
                   over as ECONNREFUSED, from the next recv or send, but only to a socket that is connected. So call \
                   connect, use send and recv, and when one of them fails with ECONNREFUSED, say `refused` and end.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["waits_unconnected_for_ever"],
            hint: "Nobody receives at that port, its machine has said so with an ICMP message, and your program waits \
                   on. The kernel tells only a socket that is connected: call connect on it, then send and recv, and \
                   recv fails with ECONNREFUSED.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_refused"],
            hint: "recv fails with ECONNREFUSED. That is an ordinary event, not a bug: look at the error instead \
                   of calling unwrap or expect, say `refused`, and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["refused_is_success", "refused_is_usage"],
            hint: "There is no answer, and the exit status of that is 1: 0 says success, and 2 wrong arguments. A \
                   script reads the status, not the words.",
        },
    ],
};

pub(super) const REFUSED_LATER: Test = Test {
    name: "says `refused` in whatever try, and at once",
    points: 1,
    read: NOBODY_RECEIVES,
    proves: &[SAYS_REFUSED],
    story: |lab| {
        let nobody = lab.refuse_datagrams()?;
        let program = lab.launch(question_to(nobody, TEN_MINUTES, word(lab)))?;
        expect_failure(lab, &program, Some("refused"))?;
        // And once more where the server goes away between two tries.
        let (server, program, _) = asked(lab, &["-t", "50", "-n", "50"])?;
        server.close();
        expect_failure(lab, &program, Some("refused"))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::TimedOut,
            mistakes: &["sleeps_when_it_is_refused"],
            hint: "Your program knows that nobody receives there, and still waits for the time to be over. \
                   ECONNREFUSED is the end: say `refused`, and end at once.",
        },
        Rejection {
            diagnosis: Diagnosis::Busy,
            mistakes: &["overlooks_pollerr"],
            hint: "Nobody receives at that port, and your program looks again and again. poll comes back at once: it \
                   says POLLERR, because an error waits in the socket, and goes on saying so until a call has taken \
                   it. Call recv also at POLLERR: it returns ECONNREFUSED.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["is_refused_in_the_first_try_only"],
            hint: "Any question can be refused, also the second one, after a server that was there has gone. \
                   ECONNREFUSED means `refused` in each try, and is the end.",
        },
    ],
};

pub(super) const SEND_REFUSED: Test = Test {
    name: "says `refused` when it learns of that from send",
    points: 1,
    read: NOBODY_RECEIVES,
    proves: &[SAYS_REFUSED, SAYS_NO_PANIC],
    story: |lab| {
        lab.follow_calls();
        let (_server, program, _) = asked(lab, &["-t", "100", "-n", "20"])?;
        // As if the refusal of the first question had come between two calls: the next call tells it.
        program
            .faults()
            .fail_next(Call::Write.on(FdKind::Socket), Errno::ECONNREFUSED)?;
        expect_failure(lab, &program, Some("refused"))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["overlooks_a_refused_send"],
            hint: "The refusal of a question comes from the next call on the socket, and only once. That may be a \
                   recv, or the next send, which then sends nothing. ECONNREFUSED from either means `refused`.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_a_send_is_refused"],
            hint: "send returns the error of the earlier question, ECONNREFUSED. Look at what each send returns, the \
                   second as well as the first.",
        },
    ],
};

pub(super) const TOO_LONG: Test = Test {
    name: "reports a TEXT that is too long for a datagram",
    points: 1,
    read: super::ANY_LENGTH,
    proves: &[
        SAYS_STATUS_1,
        SAYS_NEITHER,
        "A `TEXT` which is too long for a datagram cannot be sent, for example.",
    ],
    story: |lab| {
        let server = server(lab)?;
        let text = lab.random_word(LONGEST_TEXT + 1);
        let step = format!("start your program with a TEXT of {} bytes", text.len());
        let program = lab.step(step, || ask(lab, &["-t", "100"], &server, &text))?;
        program.wait_for_end()?;
        server.expect_quiet()?;
        expect_failure(lab, &program, None)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "waits_for_an_answer_to_nothing",
                "takes_every_failed_send_for_refused",
                "fails_to_say_why_it_cannot_send",
            ],
            hint: "The question is not sent: send fails with EMSGSIZE, because a datagram holds 65507 bytes and no \
                   more. Look at what send returns, say what fails, and end. There is nothing to wait for, and nobody \
                   refuses anything.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_it_cannot_send"],
            hint: "send can fail, here with EMSGSIZE: TEXT is too long for a datagram. Look at what it returns instead \
                   of calling unwrap or expect.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["long_text_is_usage"],
            hint: "A TEXT that is too long is not a wrong argument: send fails with EMSGSIZE, and so this is a failure \
                   while the program runs. The exit status of that is 1.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["sends_the_beginning_of_a_long_text"],
            hint: "This is the beginning of TEXT, and another question than the one that was asked. Do not cut it, nor \
                   send it in pieces: give all of it to send, and let EMSGSIZE be a failure with status 1.",
        },
    ],
};

pub(super) const CANNOT_SEND: Test = Test {
    name: "reports a network that is gone between two tries",
    points: 1,
    read: ONE_PARTNER,
    proves: &[SAYS_STATUS_1, SAYS_NEITHER],
    story: |lab| {
        lab.follow_calls();
        let (_server, program, _) = asked(lab, &["-t", "100", "-n", "5"])?;
        program
            .faults()
            .fail_each(Call::Write.on(FdKind::Socket), Errno::ENETUNREACH)?;
        expect_failure(lab, &program, None)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongOutput,
        mistakes: &["looks_at_the_first_send_only"],
        hint: "send fails with ENETUNREACH: there is no route to the server any more. Look at what each send \
               returns, the second as well as the first, and name the error on standard error. Only ECONNREFUSED is \
               `refused`.",
    }],
};

pub(super) const CANNOT_RECEIVE: Test = Test {
    name: "reports a receive that fails",
    points: 1,
    read: NOBODY_RECEIVES,
    proves: &[SAYS_STATUS_1, SAYS_NEITHER],
    story: |lab| {
        lab.follow_calls();
        let (server, program, question) = asked(lab, &["-t", "100", "-n", "20"])?;
        // A firewall on the way has sent an ICMP message.
        program
            .faults()
            .fail_next(Call::Read.on(FdKind::Socket), Errno::EHOSTUNREACH)?;
        // A call in which it sleeps has begun, and is spared.
        disturb(lab, &server, &question)?;
        expect_failure(lab, &program, None)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "takes_every_error_for_refused",
                "takes_every_error_for_the_end_of_time",
                "passes_over_every_error",
            ],
            hint: "recv fails with EHOSTUNREACH. Each errno is a case of its own: after EINTR (and after EAGAIN \
                   of a non-blocking socket) receive again, ECONNREFUSED is `refused`, the end of the time is `no \
                   answer`, and every other error ends the run at once. Name it as it is.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_when_it_cannot_receive"],
            hint: "recv can fail with more than one error: look at what it returns instead of calling unwrap or \
                   expect.",
        },
    ],
};

pub(super) const SHORT_WRITES: Test = Test {
    name: "prints all of the answer, however little a write takes",
    points: 1,
    read: super::ANY_LENGTH,
    proves: &[SAYS_UNCHANGED],
    story: |lab| {
        lab.follow_calls();
        let (server, program, question) = asked(lab, TEN_MINUTES)?;
        program
            .faults()
            .shorten(Call::Write.on(FdKind::Stdout), lab.random_number(3..=9))?;
        let answer = lab.random_bytes(lab.random_number(100..=300) as usize);
        answer_and_expect(&server, &question, &program, answer)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["prints_with_one_write"],
        hint: "write takes a part of the answer, and the rest is missing. It returns how many bytes it took: offer \
               the rest, until none is left, as write_all does.",
    }],
};

pub(super) const CANNOT_PRINT: Test = Test {
    name: "reports an output that cannot be written",
    points: 1,
    read: ONE_PARTNER,
    proves: &[
        SAYS_STATUS_1,
        SAYS_NEITHER,
        SAYS_NO_PANIC,
        NO_END_BY_SIGPIPE,
    ],
    story: |lab| {
        lab.follow_calls();
        // A full disk, and a reader of the output who has gone.
        for errno in [Errno::ENOSPC, Errno::EPIPE] {
            let (server, program, question) = asked(lab, TEN_MINUTES)?;
            program
                .faults()
                .fail_each(Call::Write.on(FdKind::Stdout), errno)?;
            answer_with(&server, &question, word(lab))?;
            expect_failure(lab, &program, None)?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &["ignores_a_full_disk", "takes_a_lost_reader_for_success"],
            hint: "write to standard output fails, and the answer is lost: the disk is full (ENOSPC), or nobody \
                   reads any more (EPIPE). Exit status 0 says that all went well. Look at what each write and flush \
                   returns, and end with 1.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["prints_with_println"],
            hint: "println! and print! panic when standard output cannot be written. Use write_all and flush on \
                   io::stdout(), and report their error.",
        },
        Rejection {
            diagnosis: Diagnosis::Killed,
            mistakes: &["dies_of_sigpipe"],
            hint: EXPECT_EPIPE,
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["says_nothing_of_a_full_disk"],
            hint: "write to standard output fails, but your program does not give the reason. Print the error on \
                   standard error before you end.",
        },
    ],
};
