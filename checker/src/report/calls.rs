//! The last system calls of a program, a line each.

use std::fmt::Write;

use super::{
    layout::{DIM, FAIL},
    sanitize::clean,
};
use crate::{
    lab::{CallLine, Mark},
    observe::source::SourceLine,
};

/// The calls under their heading, each cut to the width of the terminal. Empty where there are none.
pub(super) fn last_calls(calls: &[CallLine], width: usize) -> String {
    let mut text = String::new();
    if calls.is_empty() {
        return text;
    }
    let has_children = calls.iter().any(|call| !call.is_main);
    let has_threads = calls.iter().any(|call| call.thread.is_some());
    let heading = match (has_children, has_threads) {
        (true, _) => "The last system calls of its processes",
        (false, true) => "The last system calls of its threads",
        (false, false) => "Its last system calls",
    };
    let _ = writeln!(text, "        {heading}");
    let who = |call: &CallLine| {
        let process = has_children.then(|| format!("{:>5} ", call.pid));
        // A process with a single thread has none that is numbered.
        let number = call.thread.map(|thread| format!("#{thread}"));
        let thread = has_threads.then(|| format!("{:<4} ", number.unwrap_or_default()));
        process.unwrap_or_default() + &thread.unwrap_or_default()
    };
    for alike in calls.chunk_by(|one, next| one == next) {
        text.push_str(&one_call(&alike[0], &who(&alike[0]), width));
        match alike.len() - 1 {
            0 => (),
            1 => text.push_str("          … once more\n"),
            count => {
                let _ = writeln!(text, "          … {count} times more");
            }
        }
    }
    let marks = |mark| calls.iter().any(|call| call.mark == Some(mark));
    let legend = match (marks(Mark::Waits), marks(Mark::Guilty)) {
        (true, true) => "        (> has not returned; ! is what this is about)\n",
        (true, false) => "        (> has not returned)\n",
        (false, true) => "        (! is what this is about)\n",
        (false, false) => "",
    };
    text + legend + "\n"
}

/// A call behind the numbers of who made it, and below it what the lab did to it.
fn one_call(call: &CallLine, who: &str, width: usize) -> String {
    let (call_itself, result) = call.parts();
    let call_itself = format!("{who}{}", clean(call_itself));
    let room = width.saturating_sub(10);
    let (line, source) = with_source(&call_itself, result, call.source.as_ref(), room);
    let mut text = match call.mark {
        Some(Mark::Waits) => format!("        {FAIL}> {line}{FAIL:#}{source}\n"),
        Some(Mark::Guilty) => format!("        {FAIL}! {line}{FAIL:#}{source}\n"),
        None => format!("          {line}{source}\n"),
    };
    if let Some(injected) = &call.injected {
        let indent = who.len();
        let _ = writeln!(text, "          {:indent$}  ({injected})", "");
    }
    text
}

/// A call in so many columns, and what stands behind it, at the right edge: where in the source it was made. A terminal
/// that has no room for both shows the call.
pub(crate) fn with_source(
    call: &str,
    result: &str,
    source: Option<&SourceLine>,
    width: usize,
) -> (String, String) {
    /// A call is not cut to fewer columns than these for it.
    const LEAST: usize = 32;
    let source = source.map(|source| clean(&source.to_string()));
    let source = source.filter(|source| source.chars().count() + 2 + LEAST <= width);
    let Some(source) = source else {
        return (with_result(call, result, width), String::new());
    };
    let room = width - source.chars().count();
    let line = with_result(call, result, room - 2);
    let gap = room.saturating_sub(line.chars().count());
    (line, format!("{:gap$}{DIM}{source}{DIM:#}", ""))
}

/// The beginning of a call and its whole result, in so many columns: what came of it tells more than its middle.
pub(crate) fn with_result(call: &str, result: &str, width: usize) -> String {
    let room = width.saturating_sub(result.chars().count());
    if call.chars().count() <= room {
        return format!("{call}{result}");
    }
    let end = if call.ends_with(')') { "…)" } else { "…" };
    let start: String = call
        .chars()
        .take(room.saturating_sub(end.chars().count()))
        .collect();
    format!("{start}{end}{result}")
}

#[cfg(test)]
mod tests {
    use super::{super::layout::plain, *};
    use crate::observe::{calls::Call, tracer::CallOutcome};

    fn call(call: &str, result: i64) -> CallLine {
        CallLine {
            pid: 2,
            thread: None,
            is_main: true,
            call: Call::Read,
            descriptor: None,
            text: format!("{call} = {result}"),
            outcome: CallOutcome::Returned(result),
            injected: None,
            mark: None,
            source: None,
        }
    }

    #[test]
    fn calls_that_are_the_same_stand_once() {
        let mut calls = vec![call("accept4(3, …)", 4), call("close(5)", 0)];
        calls.extend(std::iter::repeat_n(call("read(4, \"\", 4096)", 0), 11));
        calls.extend(std::iter::repeat_n(call("getpid()", 2), 2));
        let text = last_calls(&calls, 80);
        assert_eq!(text.matches("read(4").count(), 1, "{text}");
        assert!(text.contains("= 0\n          … 10 times more\n"), "{text}");
        assert!(text.contains("= 2\n          … once more\n"), "{text}");
        assert!(text.contains("= 4\n          close"), "{text}");
    }

    #[test]
    fn a_line_of_the_source_stands_at_the_right_edge() {
        let long = format!("write(4, \"{}\", 4096)", "y".repeat(90));
        for (call_itself, width) in [("close(5)", 80), (long.as_str(), 80), (long.as_str(), 120)] {
            let of_line = CallLine {
                source: Some(SourceLine {
                    file: "src/main.rs".to_owned(),
                    line: 17,
                }),
                ..call(call_itself, 0)
            };
            let text = plain(&last_calls(&[of_line], width));
            let line = text.lines().nth(1).unwrap_or_default();
            assert!(line.ends_with("  src/main.rs:17"), "{text}");
            assert_eq!(line.chars().count(), width, "{text}");
            assert!(line.contains(" = 0  "), "{text}");
        }
    }

    #[test]
    fn what_looks_like_a_result_in_a_calls_data_is_no_result() {
        let waits = CallLine {
            text: r#"write(4, ") = 7 and so on", 4096)"#.to_owned(),
            outcome: CallOutcome::InProgress,
            ..call("", 0)
        };
        let text = last_calls(&[waits], 36);
        assert!(text.contains(r#"  write(4, ") = 7 and so o…)"#), "{text}");
    }
}
