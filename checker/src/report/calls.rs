//! The last system calls of a program, a line each.

use std::fmt::Write;

use super::{layout::FAIL, sanitize::clean};
use crate::lab::{CallLine, Mark};

/// The calls under their heading, each cut to the width of the terminal. Empty where there are none.
pub(super) fn last_calls(calls: &[CallLine], width: usize) -> String {
    let mut text = String::new();
    if calls.is_empty() {
        return text;
    }
    let has_children = calls.iter().any(|call| !call.is_main);
    let heading = match has_children {
        true => "The last system calls of its processes",
        false => "Its last system calls",
    };
    let _ = writeln!(text, "        {heading}");
    for alike in calls.chunk_by(|one, next| one == next) {
        let [call, more @ ..] = alike else {
            continue;
        };
        let who = match has_children {
            true => format!("{:>5} ", call.pid),
            false => String::new(),
        };
        let (call_itself, result) = call.parts();
        let call_itself = format!("{who}{}", clean(call_itself));
        let line = cut(&call_itself, result, width.saturating_sub(10));
        let _ = match call.mark {
            Some(Mark::Waits) => writeln!(text, "        {FAIL}> {line}{FAIL:#}"),
            Some(Mark::Guilty) => writeln!(text, "        {FAIL}! {line}{FAIL:#}"),
            None => writeln!(text, "          {line}"),
        };
        if let Some(injected) = &call.injected {
            let indent = who.len();
            let _ = writeln!(text, "          {:indent$}  ({injected})", "");
        }
        match more.len() {
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

/// The beginning of a call and its whole result, in so many columns: what came of it tells more than its middle.
pub(crate) fn cut(call: &str, result: &str, width: usize) -> String {
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
    use super::*;
    use crate::observe::{calls::Call, tracer::CallOutcome};

    fn call(call: &str, result: i64) -> CallLine {
        CallLine {
            pid: 2,
            is_main: true,
            call: Call::Read,
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
