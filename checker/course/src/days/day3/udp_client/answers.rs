//! Datagrams that come: those which are the answer, and those which are not.

use std::net::SocketAddr;

use super::{
    NUMBER, ONE_PARTNER, SAYS_AN_ANSWER, SAYS_ASKS_AGAIN, SAYS_FIRST_ANSWER, SAYS_NO_PANIC,
    SAYS_PASSED_OVER, TEN_MINUTES, WHICH_ANSWER, answer_and_expect, answer_to, answer_to_another,
    answer_with, ask, asked, disturb, expect_printed, expect_question, expect_question_again,
    expect_text, server, word,
};
use harness::author::{Checked, Datagram, Diagnosis, Lab, Rejection, Sleep, Test, UdpPeer};

pub(super) const STRANGERS: Test = Test {
    name: "takes no answer from a stranger",
    points: 2,
    read: ONE_PARTNER,
    proves: &[SAYS_AN_ANSWER, SAYS_PASSED_OVER],
    story: |lab| {
        let server = server(lab)?;
        let here = server.address()?;
        let same_address = SocketAddr::new(here.ip(), 0);
        let same_port = SocketAddr::new(lab.any_port().ip(), here.port());
        let strangers = [
            lab.udp_peer_at("a stranger of the same address", same_address)?,
            lab.udp_peer_at("a stranger of the same port", same_port)?,
        ];
        let text = word(lab);
        let program = ask(lab, &[], &server, &text)?;
        let question = expect_question(lab, &server, text)?;
        for stranger in strangers {
            stranger.send_to(question.from, answer_to(&question, word(lab)))?;
        }
        answer_and_expect(&server, &question, &program, word(lab))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "takes_answers_from_anyone",
                "knows_the_server_by_its_address",
                "knows_the_server_by_its_port",
            ],
            hint: "A stranger has sent this: any program may send a datagram to your port. Call connect on the UDP \
                   socket, then send and recv. The kernel lets in only what comes from the address and the port to \
                   which the socket is connected.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_a_stranger"],
            hint: "A stranger has sent a datagram, and your program has ended before the server's answer. A datagram \
                   from somewhere else is no failure: pass over it. If you call connect on the UDP socket, the kernel \
                   does that for you.",
        },
    ],
};

pub(super) const BESIDE_ANOTHER: Test = Test {
    name: "runs beside another one of its kind",
    points: 1,
    read: ONE_PARTNER,
    proves: &["The kernel chooses that port, so that several of these programs can run at once."],
    story: |lab| {
        let server = server(lab)?;
        let texts = [word(lab), word(lab)];
        let first = ask(lab, &[], &server, &texts[0])?;
        let of_first = expect_question(lab, &server, &texts[0])?;
        let second = ask(lab, &[], &server, &texts[1])?;
        let of_second = next_question(lab, &server, &texts[1], &of_first)?;
        if of_first.from == of_second.from {
            let symptom = format!(
                "two programs ask from the same port, {}",
                of_first.from.port()
            );
            return lab.fail(Diagnosis::WrongSender, symptom);
        }
        let answers = [word(lab), word(lab)];
        answer_with(&server, &of_second, &answers[1])?;
        answer_with(&server, &of_first, &answers[0])?;
        expect_printed(&second, &answers[1])?;
        // The first one waits for longer. Its tries may be over before its answer comes: then it prints none.
        first.wait_for_end()?;
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["binds_a_port_of_its_own"],
            hint: "Another program of this kind runs already, and has the port that you want (EADDRINUSE). A client \
                   needs no port of its own choice: do not bind, or bind port 0. The server answers to the port from \
                   which the question comes.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongSender,
            mistakes: &["shares_a_port_of_its_own"],
            hint: "Both programs have the same port, so that nobody knows who gets the answers. SO_REUSEADDR does not \
                   help a client: do not bind, or bind port 0, and the kernel chooses a free port.",
        },
    ],
};

/// The question with this text, behind others of a program that has become impatient.
fn next_question(
    lab: &Lab,
    server: &UdpPeer,
    text: &str,
    repeated: &Datagram,
) -> Checked<Datagram> {
    let mut question = server.receive("a question")?;
    while question == *repeated {
        question = server.receive("a question")?;
    }
    expect_text(lab, &question, text)?;
    Ok(question)
}

pub(super) const OTHER_NUMBERS: Test = Test {
    name: "passes over answers to other questions",
    points: 2,
    read: WHICH_ANSWER,
    proves: &[SAYS_PASSED_OVER, SAYS_ASKS_AGAIN],
    story: |lab| {
        let (server, program, question) = asked(lab, TEN_MINUTES)?;
        lab.step("the server: send 40 answers with other numbers", || {
            (0..40).try_for_each(|turn| {
                let other = answer_to_another(lab, &question, turn % NUMBER);
                server.send_to(question.from, other)
            })
        })?;
        server.expect_quiet()?;
        answer_and_expect(&server, &question, &program, word(lab))?;
        expect_question_kept(lab)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &[
                "takes_the_first_datagram",
                "compares_one_byte",
                "compares_half_of_the_number",
                "takes_greater_numbers",
            ],
            hint: "What you print is the answer to another question: its number is not yours. It may be a late answer \
                   to an earlier run. Compare all four bytes with those that you have sent, and if they differ, \
                   receive again.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["ends_at_another_number"],
            hint: "An answer to another question is no failure, and no reason to end: your own answer may be right \
                   behind it. Receive again.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &[
                "asks_again_at_another_number",
                "has_enough_of_other_numbers",
            ],
            hint: "An answer to another question says nothing about yours, however many of them come, and the time of \
                   this try is not over. Do not ask again: only receive again, for the time that is left.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["receives_into_its_question"],
            hint: "A datagram has come that was no answer, and the question that is sent again holds bytes of it. Receive \
                   into a buffer of its own: the question is still needed.",
        },
    ],
};

/// What is received and is no answer leaves the question as it is.
fn expect_question_kept(lab: &Lab) -> Checked {
    let (server, program, question) = asked(lab, &["-t", "100", "-n", "20"])?;
    disturb(lab, &server, &question)?;
    // The next question may be on its way already. The one behind it is later than the datagram.
    expect_question_again(lab, &server, &question)?;
    expect_question_again(lab, &server, &question)?;
    program.kill()
}

pub(super) const SHORT: Test = Test {
    name: "passes over datagrams that are too short for a number",
    points: 1,
    read: WHICH_ANSWER,
    proves: &[SAYS_PASSED_OVER, SAYS_NO_PANIC],
    story: |lab| {
        let (server, program, question) = asked(lab, TEN_MINUTES)?;
        // The empty one comes first, when the program has received nothing yet. The others hold the first bytes of the
        // right number.
        for length in 0..NUMBER {
            server.send_to(question.from, &question.bytes[..length])?;
        }
        server.expect_quiet()?;
        answer_and_expect(&server, &question, &program, word(lab))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["slices_a_short_datagram"],
            hint: "A datagram can be shorter than the number, and even empty: buffer[4..n] panics then. Look at the \
                   length first, or use strip_prefix or get, which return None.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["empty_datagram_is_the_end", "ends_at_a_short_datagram"],
            hint: "0 from recv is not the end of anything: UDP has no end of stream. It is an empty datagram, and as \
                   little an answer as one of three bytes. Receive again.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["receives_into_the_question", "compares_as_much_as_has_come"],
            hint: "A datagram of fewer than four bytes has no number, so it is no answer. Compare only when recv has \
                   counted at least four bytes: what stands in the buffer behind them is older, your own question for \
                   example.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["asks_again_at_a_short_datagram"],
            hint: "A datagram that is too short is no answer, and the time of this try is not over. Do not ask again: \
                   only receive again, for the time that is left.",
        },
    ],
};

pub(super) const FIRST_ANSWER: Test = Test {
    name: "prints the first of several answers",
    points: 1,
    read: WHICH_ANSWER,
    proves: &[SAYS_FIRST_ANSWER],
    story: |lab| {
        let (server, program, question) = asked(lab, TEN_MINUTES)?;
        program.sleeps(Sleep::UntilSomethingComes)?;
        program.signals().freeze()?;
        let (answer, other) = (word(lab), word(lab));
        for answer in [&answer, &answer, &other] {
            answer_with(&server, &question, answer)?;
        }
        program.signals().resume()?;
        expect_printed(&program, answer)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["prints_every_answer"],
            hint: "The answer has come twice, as datagrams may, and you print each. The first one is the answer: print \
                   it, and end.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["prints_the_last_answer"],
            hint: "Several answers have come, and you print a later one. The first one counts: print it, and end.",
        },
    ],
};

pub(super) const EACH_RUN: Test = Test {
    name: "chooses another number in each run",
    points: 1,
    read: WHICH_ANSWER,
    proves: &[
        "The program chooses the number, and chooses another one in each run: from chance, or from the clock.",
    ],
    story: |lab| {
        let server = server(lab)?;
        let text = word(lab);
        let mut numbers = Vec::new();
        for _ in 0..3 {
            let program = ask(lab, TEN_MINUTES, &server, &text)?;
            numbers.push(expect_question(lab, &server, &text)?.bytes[..NUMBER].to_vec());
            program.kill()?;
        }
        // Two of three may be the same by chance.
        if numbers.iter().any(|number| *number != numbers[0]) {
            return Ok(());
        }
        lab.fail(
            Diagnosis::WrongBytes,
            format!(
                "in each of three runs, your program gives its question the number {:02x?}",
                numbers[0]
            ),
        )
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongBytes,
        mistakes: &["begins_with_number_1", "makes_the_number_of_the_text"],
        hint: "With the same number each time, a late answer to an earlier run looks like an answer to this one, and a \
               stranger can guess it. Make the number of something that differs: the nanoseconds of SystemTime::now(), \
               or getrandom(2). Seconds are too long: several runs may begin in the same.",
    }],
};
