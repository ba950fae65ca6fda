//! Replies: how they come, and what becomes of them.

use super::{
    client_of_file, client_of_terminal, echo, expect_failure, line, line_of_no_text,
    send_and_close, with_one_byte_changed,
};
use crate::promises::servers;
use harness::author::{Diagnosis, Rejection, Sleep, Test};

pub(super) const WAITS_FOR_EACH_REPLY: Test = Test {
    name: "waits for each reply, and shows it, before it goes on",
    points: 2,
    read: "Taking turns",
    proves: &[
        "A line is the bytes of standard input up to a newline, and the newline itself.",
        "Turn by turn: the client sends a whole line as soon as it has read it, waits until as many bytes have come \
         back, and prints them.",
        "It sends nothing of the next line before.",
        "What comes back goes to standard output, unchanged, and is visible (flushed) before the client waits again, be \
         it for the rest of a reply.",
        "Nothing else is printed there.",
        "Results go to standard output, everything else to standard error.",
    ],
    story: |lab| {
        let lines = [line(lab), line(lab)];
        let (program, server) = client_of_file(lab, lines.concat())?;
        for line in &lines {
            server.expect(line)?;
            server.expect_quiet()?;
            server.send(line)?;
            program.stdout().expect(line)?;
            program.stdout().expect_quiet()?;
        }
        Ok(())
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::ExtraBytes,
            mistakes: &["sends_without_waiting"],
            hint: "The next line comes before the reply to this one. Read the whole echo, then take the next line.",
        },
        Rejection {
            diagnosis: Diagnosis::ClosedEarly,
            mistakes: &["new_reader_for_each_line"],
            hint: "A buffered reader takes more than one line from the pipe, and what it holds is lost with it. Make \
                   one reader before the loop and keep it.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongBytes,
            mistakes: &["never_clears_the_line"],
            hint: "The second line goes out with the first one in front of it. read_until and read_line append to \
                   what the buffer holds: call line.clear() before each line.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["keeps_output_in_a_buffer", "reads_to_the_end"],
            hint: "The reply has come, but your program does not show it. It is complete when as many bytes are back \
                   as you sent: read_to_end and read_to_string wait for the server's end, which comes last. If you \
                   have printed it, it is still in your buffer: flush standard output.",
        },
        Rejection {
            diagnosis: Diagnosis::ExtraOutput,
            mistakes: &["prints_whole_buffer", "prints_with_println"],
            hint: "You print more than has come. read says how many bytes it has put into the buffer: print only \
                   these, &buffer[..n], with write_all. println adds a newline of its own.",
        },
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["greets_on_stdout"],
            hint: "Standard output is for the bytes that come back, and for nothing else. What you have to say to the \
                   user goes to standard error.",
        },
    ],
};

pub(super) const PATIENCE: Test = Test {
    name: "waits for a reply as long as it takes",
    points: 1,
    read: "Taking turns",
    proves: &["The client has no time limit of its own: a server may think for hours."],
    story: |lab| {
        lab.follow_calls();
        let line = line(lab);
        let (program, server) = client_of_file(lab, &line)?;
        server.expect(&line)?;
        lab.settle()?;
        program.sleeps(Sleep::WithoutTimeLimit)?;
        server.send(&line)?;
        server.expect_end()?;
        lab.settle()?;
        program.sleeps(Sleep::WithoutTimeLimit)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::TimeLimited,
        mistakes: &["gives_up_a_silent_server", "waits_30_seconds_for_the_end"],
        hint: servers::NO_TIME_LIMIT,
    }],
};

pub(super) const WHOLE_REPLY: Test = Test {
    name: "reads on until the whole reply has come",
    points: 2,
    read: "A stream has no lines",
    proves: &[
        "Turn by turn: the client sends a whole line as soon as it has read it, waits until as many bytes have come \
         back, and prints them.",
        "The reply comes as the network likes: in one piece or byte by byte.",
    ],
    story: |lab| {
        let line = line(lab);
        let (program, server) = client_of_file(lab, &line)?;
        server.expect(&line)?;
        server.send_in_pieces(&line, 1)?;
        program.stdout().expect(&line)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::Exited,
        mistakes: &["one_read_per_line"],
        hint: "One read gives what is there, not a whole line. Count the bytes, and read again until as many have \
               come back as you sent.",
    }],
};

pub(super) const EARLY_REPLY: Test = Test {
    name: "keeps a reply that comes early for its line",
    points: 2,
    read: "A stream has no lines",
    proves: &[
        "It may even come before its line: a server may guess the next line, and send both replies at once.",
        "The client then keeps the rest until it has sent that line.",
        "A panic (exit status 101) and death by a signal are failures.",
    ],
    story: |lab| {
        let (first, second, third) = (line(lab), line(lab), line(lab));
        let early = [first.as_str(), &second].concat();
        let (program, server) = client_of_file(lab, &(early.clone() + &third))?;
        server.expect(&first)?;
        // The server guesses what the second line will be.
        server.send(&early)?;
        server.expect(&second)?;
        program.stdout().expect(&early)?;
        // Both lines have their replies.
        server.expect(&third)?;
        program.stdout().expect_quiet()
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["drops_early_bytes", "prints_early_bytes_with_this_line"],
            hint: "You read more bytes than this line has. The rest is the reply to the next line, and it does not \
                   come a second time. Ask only for the bytes that are missing, or keep the rest for the next line.",
        },
        Rejection {
            diagnosis: Diagnosis::Exited,
            mistakes: &["takes_an_early_reply_for_too_much"],
            hint: "More bytes have come than this line has, and your program ends. They are an early reply to the \
                   next line. Ask only for the bytes that this line still needs; check for too many bytes after the \
                   last line.",
        },
        Rejection {
            diagnosis: Diagnosis::Panicked,
            mistakes: &["panics_on_early_bytes"],
            hint: "read has brought more bytes than this line has. Ask only for the bytes that are missing: &mut \
                   buffer[..missing].",
        },
    ],
};

pub(super) const WRONG_GUESS: Test = Test {
    name: "compares a reply that comes early with its line",
    points: 1,
    read: "Compare what comes back",
    proves: &[
        "It may even come before its line: a server may guess the next line, and send both replies at once.",
        "A byte comes back changed.",
    ],
    story: |lab| {
        let (first, second) = (line(lab), line(lab));
        let guess = with_one_byte_changed(lab, second.as_bytes());
        let (program, server) = client_of_file(lab, [first.as_str(), &second].concat())?;
        server.expect(&first)?;
        lab.step(
            "the server: send the reply, and one to the next line, with one byte changed",
            || server.send([first.as_bytes(), &guess].concat()),
        )?;
        expect_failure(&program)
    },
    rejects: &[Rejection {
        diagnosis: Diagnosis::StillRunning,
        mistakes: &["trusts_early_bytes"],
        hint: "The server has guessed the second line, and one byte of its guess is wrong. Compare the bytes that you \
               have kept, too, with the line that they answer.",
    }],
};

pub(super) const PRINTS_THE_REPLY: Test = Test {
    name: "prints what came back, not what it sent",
    points: 1,
    read: "Compare what comes back",
    proves: &[
        "What comes back goes to standard output, unchanged, and is visible (flushed) before the client waits again, be \
         it for the rest of a reply.",
        "Of a reply that is wrong or cut short it may print what came or a part of it, but never a byte that did not \
         come.",
    ],
    story: |lab| {
        let line = line(lab);
        let (program, server) = client_of_file(lab, &line)?;
        server.expect(&line)?;
        let (part, rest) = line.split_at(lab.random_number(1..=8) as usize);
        server.send(part)?;
        program.stdout().expect(part)?;
        server.send(rest)?;
        program.stdout().expect(rest)?;
        let changed = with_one_byte_changed(lab, line.as_bytes());
        let (program, server) = client_of_file(lab, &line)?;
        server.expect(&line)?;
        lab.step(
            "the server: send it back with one byte changed, and close",
            || send_and_close(&server, &changed),
        )?;
        // It may stop in the middle when it sees what has come.
        program.stdout().expect_part(&changed)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongOutput,
            mistakes: &["prints_what_it_sent"],
            hint: "You print the line you sent, not the bytes that came. Print the buffer which read has filled.",
        },
        Rejection {
            diagnosis: Diagnosis::Stuck,
            mistakes: &["prints_whole_replies_only"],
            hint: "A part of the reply has come, and the rest may take hours, but your program shows nothing. \
                   read_exact keeps it until all has come: print what each read brings, flush, and read on.",
        },
    ],
};

pub(super) const CHANGED_BYTE: Test = Test {
    name: "reports a byte that comes back changed",
    points: 1,
    read: "Compare what comes back",
    proves: &[
        "Exit status 1, with the reason on standard error, in these cases:",
        "A byte comes back changed.",
        "It then ends at once and does not read the rest of its input.",
    ],
    story: |lab| {
        let (first, second) = (line(lab), line_of_no_text(lab));
        let changed = with_one_byte_changed(lab, &second);
        let without_newline = [&second[..second.len() - 1], b" "].concat();
        let input = [first.as_bytes(), &second].concat();
        for back in [&changed, &without_newline] {
            let (program, server) = client_of_file(lab, &input)?;
            echo(&server, &first)?;
            server.expect(&second)?;
            lab.step(
                "the server: send it back with one byte changed, and close",
                || send_and_close(&server, back),
            )?;
            expect_failure(&program)?;
        }
        // In two pieces, of which the second is changed.
        let (program, server) = client_of_file(lab, &second)?;
        server.expect(&second)?;
        let (piece, rest) = without_newline.split_at(lab.random_number(1..=8) as usize);
        lab.step(
                    "the server: send it back in two pieces, with one byte of the second changed, and close",
                    || {
                        server.send(piece)?;
                        server.wait_until_read()?;
                        send_and_close(&server, rest)
                    },
                )?;
        expect_failure(&program)?;
        // And once more while the input stays open, and the rest of the reply has not come.
        let (program, server) = client_of_terminal(lab, &second)?;
        server.expect(&second)?;
        let same = second
            .iter()
            .zip(&changed)
            .take_while(|(sent, back)| sent == back);
        let until_it_differs = same.count() + 1;
        server.send(&changed[..until_it_differs])?;
        expect_failure(&program)
    },
    rejects: &[
        Rejection {
            diagnosis: Diagnosis::WrongStatus,
            mistakes: &[
                "never_compares",
                "compares_as_text",
                "compares_up_to_a_zero",
                "trusts_the_newline",
                "compares_the_first_piece",
            ],
            hint: "One byte of the reply differs from what you sent; it may be the newline. Compare the two as bytes, \
                   all of them, whichever read has brought them, without turning them into text (strncmp ends at a \
                   byte 0, memcmp does not), and end with status 1.",
        },
        Rejection {
            diagnosis: Diagnosis::StillRunning,
            mistakes: &["goes_on_after_a_changed_byte", "judges_whole_replies"],
            hint: "A byte has come back changed, and your program still waits: for its next line, or for the rest of \
                   the reply. Compare each piece as it comes. After the reason the program ends at once, with status \
                   1.",
        },
    ],
};
