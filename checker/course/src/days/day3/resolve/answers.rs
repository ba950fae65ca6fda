//! One run of the program: its arguments, and what comes of them.

use std::{ffi::OsString, os::unix::ffi::OsStringExt};

use harness::author::{Call, Checked, Diagnosis, Lab, Launch, Program, Record};

/// Starts the program with these arguments: it must print these lines and nothing else, and end with status 0.
pub fn answers(lab: &Lab, arguments: &[&str], lines: &[String]) -> Checked {
    expect_lines(&lab.start(arguments)?, lines)
}

/// The same for one argument of any bytes.
pub fn answers_bytes(lab: &Lab, argument: &[u8], lines: &[String]) -> Checked {
    let argument = OsString::from_vec(argument.to_vec());
    expect_lines(&lab.launch(Launch::new([argument]))?, lines)
}

fn expect_lines(program: &Program, lines: &[String]) -> Checked {
    program.expect_exit(0)?;
    program.stdout().expect_all(lines)
}

/// What the C libraries say of one error, in the words of gai_strerror: glibc, and musl.
pub type Words = [&'static str; 2];

/// Starts the program with these arguments: it must end with status 1, without a line on standard output, and say one of
/// these on standard error.
pub fn fails_with(lab: &Lab, arguments: &[&str], words: &Words) -> Checked {
    let program = lab.start(arguments)?;
    program.expect_exit(1)?;
    program.stdout().expect_end()?;
    let [usual, _] = words;
    lab.step(
        format!("see that its standard error tells {usual:?}"),
        || {
            let said = program.stderr().text()?;
            match words.iter().any(|words| said.contains(words)) {
                true => Ok(()),
                false => lab.fail(
                    Diagnosis::WrongOutput,
                    format!("your program does not tell {usual:?} on standard error"),
                ),
            }
        },
    )
}

/// Whether this call opens this file.
pub fn opens(call: &Record, path: &str) -> bool {
    call.call == Call::Open && call.call_text().contains(&format!("{path:?}"))
}
