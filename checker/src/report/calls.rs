//! The last system calls of a program, a line each.

use std::fmt::Write;

use super::human::{FAIL, clean};
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
    for call in calls {
        let who = match has_children {
            true => format!("{:>5} ", call.pid),
            false => String::new(),
        };
        let line = cut(
            &format!("{who}{}", clean(&call.text)),
            width.saturating_sub(10),
        );
        let _ = match call.mark {
            Some(Mark::Waits) => writeln!(text, "        {FAIL}> {line}{FAIL:#}"),
            Some(Mark::Guilty) => writeln!(text, "        {FAIL}! {line}{FAIL:#}"),
            None => writeln!(text, "          {line}"),
        };
        if let Some(injected) = &call.injected {
            let indent = who.len();
            let _ = writeln!(text, "          {:indent$}  ({injected})", "");
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

/// The end of a call tells more than its middle: what came of it.
fn cut(line: &str, width: usize) -> String {
    let letters: Vec<char> = line.chars().collect();
    if letters.len() <= width {
        return line.to_owned();
    }
    let result = line.rfind(") = ").map_or("", |at| &line[at..]);
    let room = width.saturating_sub(result.chars().count() + 1);
    let start: String = letters.iter().take(room).collect();
    format!("{start}…{result}")
}
