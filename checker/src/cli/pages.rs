//! A text that is longer than the terminal, shown by a program that turns its pages.

use std::{
    env,
    io::{self, IsTerminal, Write},
    process::{Command, Stdio},
};

use anstream::{AutoStream, ColorChoice};

use super::terminal::{console_size, say};
use crate::{failure::LabError, report::layout};

/// Shows a text from this line on. In a terminal the reader can go back to what is before it; elsewhere that is left out.
pub(super) fn show(text: &str, from: usize, without_pager: &str) -> Result<(), LabError> {
    let is_terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
    let rows = console_size(&io::stdout()).map_or(0, |(rows, _)| usize::from(rows));
    if is_terminal
        && without_pager.lines().count() >= rows
        && let Some(mut pager) = pager(from)
        && turn_pages(&mut pager, text)
    {
        return Ok(());
    }
    say(without_pager)
}

/// `$PAGER`, or less. None where the user or the terminal wants none.
fn pager(from: usize) -> Option<Command> {
    if env::var_os("TERM").is_none_or(|terminal| terminal == "dumb") {
        return None;
    }
    let wanted = env::var("PAGER").unwrap_or_else(|_| "less".to_owned());
    let program = wanted.split_whitespace().next()?;
    if program == "cat" {
        return None;
    }
    let is_less = program.rsplit('/').next() == Some("less");
    let command = match is_less {
        // -R: colours. -S: a figure is not folded. +N: begins with line N.
        true => format!("{wanted} -RS +{}", from + 1),
        false => wanted,
    };
    let mut pager = Command::new("sh");
    pager.args(["-c", &command]);
    Some(pager)
}

/// Whether the pager has shown it.
fn turn_pages(pager: &mut Command, text: &str) -> bool {
    const NOT_FOUND: i32 = 127;
    let Ok(mut child) = pager.stdin(Stdio::piped()).spawn() else {
        return false;
    };
    let has_colour = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
    let text = match has_colour {
        true => text.to_owned(),
        false => layout::plain(text),
    };
    if let Some(mut input) = child.stdin.take() {
        // The reader may leave before the end.
        let _ = input.write_all(text.as_bytes());
    }
    let ended = child.wait();
    ended.is_ok_and(|status| status.code() != Some(NOT_FOUND))
}
