//! What happens in every test: the program gets lines, and each answer is compared with the oracle's.

use super::texts::Line;
use harness::author::{Checked, Comparison, Diagnosis, Lab, quoted};

/// Runs the program once with these lines as its input, and compares its answers one by one with the oracle's.
pub fn answers(
    lab: &Lab,
    arguments: &[&str],
    lines: &[Line],
    oracle: impl Fn(&[u8]) -> Option<String>,
) -> Checked {
    let mut input = lines.join(&b'\n');
    if !lines.is_empty() {
        input.push(b'\n');
    }
    ask(lab, arguments, lines, &input, oracle)
}

/// The same, but the end of file ends the last line.
pub fn answers_without_last_newline(
    lab: &Lab,
    arguments: &[&str],
    lines: &[Line],
    oracle: impl Fn(&[u8]) -> Option<String>,
) -> Checked {
    ask(lab, arguments, lines, &lines.join(&b'\n'), oracle)
}

fn ask(
    lab: &Lab,
    arguments: &[&str],
    lines: &[Line],
    input: &[u8],
    oracle: impl Fn(&[u8]) -> Option<String>,
) -> Checked {
    let program = lab.start(arguments)?;
    let what = match lines {
        [] => "nothing".to_owned(),
        [_] => quoted(input),
        _ if input.ends_with(b"\n") => format!("{} lines", lines.len()),
        _ => format!("{} lines, the last one without its \\n,", lines.len()),
    };
    lab.step(
        format!("write {what} to its standard input, and close it"),
        || {
            program.stdin().feed(input);
            program.stdin().close();
            Ok(())
        },
    )?;
    lab.step("read its answers and compare them line by line", || {
        for (index, line) in lines.iter().enumerate() {
            let place = match lines.len() {
                1 => String::new(),
                count => format!(" (line {} of {count})", index + 1),
            };
            let question = format!("the answer to {}{place}", shown(line));
            let got = program.stdout().next_line(&question)?;
            let right = oracle(line).unwrap_or_else(|| "bad".to_owned());
            judge(lab, &question, right.as_bytes(), &got)?;
        }
        Ok(())
    })?;
    program.stdout().expect_end()?;
    program.expect_exit(0)
}

fn judge(lab: &Lab, question: &str, right: &[u8], got: &[u8]) -> Checked {
    let Some(comparison) = Comparison::of_text("the answer", right, got) else {
        return Ok(());
    };
    let symptom = format!(
        "{question} is {}; your program prints {}",
        quoted(right),
        quoted(got)
    );
    // An answer is short: the whole of it says more than an excerpt.
    const SHORT: usize = 120;
    let comparison = match got.len() {
        0..=SHORT => Comparison {
            offset: 0,
            expected: right.to_vec(),
            got: got.to_vec(),
            ..comparison
        },
        _ => comparison,
    };
    Err(lab
        .failure(Diagnosis::WrongOutput, symptom)
        .comparing(Some(comparison))
        .into())
}

/// A line as a report names it.
fn shown(line: &[u8]) -> String {
    match line {
        [] => "the empty line".to_owned(),
        line => quoted(line),
    }
}
