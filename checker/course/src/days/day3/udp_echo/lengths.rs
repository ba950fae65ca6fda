//! Datagrams from one byte to the longest there is: up to 1024 bytes they are sent back, and no further.

use super::{ask, random, word};
use harness::author::{Checked, Diagnosis, Rejection, Server, Sleep, Test, UdpPeer};

/// The longest datagram that is sent back.
const LIMIT: usize = 1024;
/// The longest datagram there is (RFC 768 in IPv4).
const LONGEST: usize = 65507;

const THE_KERNEL_CUTS: &str = "Too big: the kernel cuts";

pub(super) const LONG: Test = Test {
    name: "sends back long datagrams whole",
    points: 1,
    read: THE_KERNEL_CUTS,
    proves: &["A datagram of up to 1024 bytes is answered with one datagram of the same bytes."],
    story: |lab| {
        let server = lab.start_udp_server(&[])?;
        let client = lab.udp_peer()?;
        ask(&client, &server, random(lab, 1..=1))?;
        ask(&client, &server, random(lab, 513..=1022))?;
        ask(&client, &server, lab.random_bytes(LIMIT - 1))
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongBytes,
        mistakes: &["has_a_small_buffer"],
        hint: "The kernel throws away what does not fit into your buffer. Make it large enough for the longest \
               datagram that you send back, 1024 bytes, and send the answer in one piece.",
    }],
};

pub(super) const THE_LIMIT: Test = Test {
    name: "sends back a datagram of exactly 1024 bytes",
    points: 1,
    read: THE_KERNEL_CUTS,
    proves: &["A datagram of up to 1024 bytes is answered with one datagram of the same bytes."],
    story: |lab| {
        let server = lab.start_udp_server(&[])?;
        let client = lab.udp_peer()?;
        ask(&client, &server, lab.random_bytes(LIMIT))
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongBytes,
        mistakes: &["refuses_the_limit"],
        hint: "1024 bytes are still allowed: only a longer datagram is too big. Look at your `<` and `<=`, and at the \
               size of your buffer.",
    }],
};

pub(super) const TOO_BIG: Test = Test {
    name: "says `too big` to a datagram of more than 1024 bytes",
    points: 1,
    read: THE_KERNEL_CUTS,
    proves: &[
        "A longer datagram is answered with the text `too big LENGTH`, without a newline.",
        "A panic (exit status 101) is a failure.",
    ],
    story: |lab| {
        let server = lab.start_udp_server(&[])?;
        let client = lab.udp_peer()?;
        client.send_to(server.address(), random(lab, 1025..=2000))?;
        client.expect_start_from(server.address(), "too big ")?;
        ask(&client, &server, random(lab, 10..=1000))
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &[
                "cuts_silently",
                "echoes_any_size",
                "sends_the_length_by_itself",
            ],
            hint: "A datagram of more than 1024 bytes is not sent back, not even its beginning: the answer is the \
                   text `too big LENGTH`, in one datagram: each send makes another one. A plain receive does not tell that the kernel cut something off. Receive \
                   with the flag MSG_TRUNC, and compare the length that it returns with 1024.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["trusts_the_true_length"],
            hint: "With MSG_TRUNC the returned length can be more than your buffer holds. Compare before you slice.",
        },
        Rejection {
            diagnosis: Diagnosis::NoAnswer,
            mistakes: &["waits_for_the_rest"],
            hint: "The rest of a datagram that was cut is gone. The next receive waits for the next datagram, so \
                   answer now.",
        },
    ],
};

pub(super) const TRUE_LENGTH: Test = Test {
    name: "tells the true length of a datagram that is too big",
    points: 2,
    read: THE_KERNEL_CUTS,
    proves: &[
        "A longer datagram is answered with the text `too big LENGTH`, without a newline.",
        "`LENGTH` is the true length of the datagram in decimal digits, for example `too big 1025`.",
    ],
    story: |lab| {
        let server = lab.start_udp_server(&[])?;
        let client = lab.udp_peer()?;
        ask_too_much(&client, &server, lab.random_bytes(LIMIT + 1))?;
        ask_too_much(&client, &server, random(lab, 1026..=9000))?;
        ask_too_much(&client, &server, lab.random_bytes(LONGEST))?;
        ask(&client, &server, random(lab, 10..=1000))
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::WrongBytes,
        mistakes: &[
            "tells_the_cut_length",
            "has_one_byte_to_spare",
            "adds_a_newline",
            "sends_the_end_of_its_string",
        ],
        hint: "LENGTH is what was sent, not what fitted into your buffer. With the flag MSG_TRUNC, the call returns \
               the true length. Send the digits and nothing after them: no newline, and no zero byte of a string in C.",
    }],
};

pub(super) const BEHIND_TOO_BIG: Test = Test {
    name: "answers a datagram that waits behind one which is too big",
    points: 1,
    read: THE_KERNEL_CUTS,
    proves: &[
        "Datagrams are answered in the order in which the socket hands them out, each by itself.",
        "No datagram is lost because the server is busy with another one: what comes meanwhile waits in the socket's \
         queue.",
    ],
    story: |lab| {
        let server = lab.start_udp_server(&[])?;
        let (first, second) = (lab.udp_peer()?, lab.udp_peer()?);
        let (long, short) = (random(lab, 1025..=2000), word(lab));
        server.sleeps(Sleep::UntilSomethingComes)?;
        server.signals().freeze()?;
        first.send_to(server.address(), &long)?;
        second.send_to(server.address(), &short)?;
        server.signals().resume()?;
        first.expect_from(server.address(), format!("too big {}", long.len()))?;
        second.expect_from(server.address(), short)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::NoAnswer,
        mistakes: &["empties_the_queue"],
        hint: "Nothing is left of a datagram that was cut, so there is nothing to remove. The next receive returns \
               the next datagram: answer that one, too.",
    }],
};

/// One question that is too big, and the answer which tells its length.
pub(super) fn ask_too_much(client: &UdpPeer, server: &Server, question: Vec<u8>) -> Checked {
    client.send_to(server.address(), &question)?;
    client.expect_from(server.address(), format!("too big {}", question.len()))
}
