//! One run of the program, from its start to its end, judged as a whole.

use std::{ffi::OsStr, iter, os::unix::ffi::OsStrExt};

use super::values::hex;
use harness::author::{Checked, Lab, Launch, quoted_argument};

/// Runs the program with these arguments and an empty input: it must end with this status, and print these lines and
/// nothing else.
pub(super) fn run(lab: &Lab, arguments: &[&str], lines: &[&str], status: i32) -> Checked {
    finishes(lab, &spelled(arguments), arguments, &[], lines, status)
}

/// The same with `rec` and an input. `what` says in the report what it is.
pub(super) fn reads(lab: &Lab, what: &str, input: &[u8], lines: &[&str], status: i32) -> Checked {
    let story = format!("rec, write {what} to it, and close its standard input");
    finishes(lab, &story, &["rec"], input, lines, status)
}

/// The status is judged before the output, because a refused value explains a missing line.
fn finishes(
    lab: &Lab,
    story: &str,
    arguments: &[&str],
    input: &[u8],
    lines: &[&str],
    status: i32,
) -> Checked {
    let due = match lines {
        [] => "no line".to_owned(),
        [line] => format!("the line \"{line}\""),
        lines => format!("{} lines", lines.len()),
    };
    let step = format!("run {story}; expect {due} and exit status {status}");
    lab.step(step, || {
        let program = lab.start(arguments)?;
        program.stdin().feed(input);
        program.stdin().close();
        program.expect_exit(status)?;
        program.stdout().expect_all(lines)
    })
}

/// The program must end and say why on standard error. With which status is another promise.
pub(super) fn explains(lab: &Lab, arguments: &[&str], input: &[u8]) -> Checked {
    let story = match input.len() {
        0 => spelled(arguments),
        count => format!("{} with {count} bytes of a record", spelled(arguments)),
    };
    lab.step(
        format!("run {story}; expect a reason on standard error"),
        || {
            let program = lab.start(arguments)?;
            program.stdin().feed(input);
            program.stdin().close();
            program.wait_for_end()?;
            program.stderr().expect_reason()
        },
    )
}

/// A bad value: status 1 and no line.
pub(super) fn refuses(lab: &Lab, arguments: &[&str]) -> Checked {
    run(lab, arguments, &[], 1)
}

/// The same for a `dec16` of bytes that are not UTF-8.
pub(super) fn refuses_bytes(lab: &Lab, value: &[u8]) -> Checked {
    let story = format!(
        "run dec16 {}, which is not UTF-8; expect a reason on standard error and exit status 1",
        value.escape_ascii()
    );
    lab.step(story, || {
        let arguments = ["dec16".as_bytes(), value].map(OsStr::from_bytes);
        let program = lab.launch(Launch::new(arguments))?;
        program.stdin().close();
        program.expect_exit(1)?;
        program.stderr().expect_reason()
    })
}

/// A wrong call: status 2 and no line.
pub(super) fn refuses_usage(lab: &Lab, arguments: &[&str]) -> Checked {
    run(lab, arguments, &[], 2)
}

/// One `encN` of all these numbers.
pub(super) fn encodes(lab: &Lab, bits: usize, numbers: &[u64]) -> Checked {
    let texts: Vec<String> = numbers.iter().map(u64::to_string).collect();
    let lines: Vec<String> = numbers.iter().map(|&number| hex(bits, number)).collect();
    converts(lab, &format!("enc{bits}"), &texts, &lines)
}

/// One `decN` of all these numbers. `spell` writes their digits as they are given to the program.
pub(super) fn decodes(
    lab: &Lab,
    bits: usize,
    numbers: &[u64],
    spell: impl Fn(&str) -> String,
) -> Checked {
    let texts: Vec<String> = numbers
        .iter()
        .map(|&number| spell(&hex(bits, number)))
        .collect();
    let lines: Vec<String> = numbers.iter().map(u64::to_string).collect();
    converts(lab, &format!("dec{bits}"), &texts, &lines)
}

fn converts(lab: &Lab, command: &str, texts: &[String], lines: &[String]) -> Checked {
    let texts = texts.iter().map(String::as_str);
    let arguments: Vec<&str> = iter::once(command).chain(texts).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    run(lab, &arguments, &lines, 0)
}

/// A command as one would write it in a shell.
fn spelled(arguments: &[&str]) -> String {
    if arguments.is_empty() {
        return "it without arguments".to_owned();
    }
    let words = arguments
        .iter()
        .map(|argument| quoted_argument(argument.as_ref()));
    words.collect::<Vec<_>>().join(" ")
}
