//! What the reader's terminal shows, and how wide it is.

use std::{
    env,
    io::{self, Write},
    os::fd::AsFd,
};

use anstream::{AutoStream, ColorChoice, stream::RawStream};

use crate::{failure::LabError, report::layout};

/// Writes to standard output. A reader who has gone (`checker list | head -1`) is no trouble; a full disk is.
pub(super) fn say(text: &str) -> Result<(), LabError> {
    let mut stdout = anstream::stdout();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(LabError::io("could not write to standard output", &error))
        }
        _ => Ok(()),
    }
}

pub(super) fn complain(text: &str) {
    let text = layout::fold(&format!("checker: {text}"), width(), "", "  ");
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// The width of the terminal; 80 columns where there is none.
pub(super) fn width() -> usize {
    columns(&io::stdout())
}

pub(super) fn columns(output: &impl AsFd) -> usize {
    let (_, columns) = console_size(output).unwrap_or((0, 80));
    usize::from(columns).clamp(60, 120)
}

/// The rows and columns of the terminal that an output leads to; `None` where it is none.
pub(super) fn console_size(output: &impl AsFd) -> Option<(u16, u16)> {
    let size = harness::sys::window_size(output).ok();
    size.filter(|(_, columns)| *columns > 0)
}

/// Whether an output is a terminal which is known to show links (OSC 8), in colour: others may show the address, or
/// rubbish.
pub(super) fn knows_links(output: &impl RawStream) -> bool {
    let has_colour = AutoStream::choice(output) != ColorChoice::Never;
    has_colour && output.is_terminal() && is_known_for_links(|name| env::var(name).ok())
}

/// By what terminals say of themselves in the environment.
fn is_known_for_links(variable: impl Fn(&str) -> Option<String>) -> bool {
    const PROGRAMS: [&str; 6] = ["iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "zed"];
    const TERMS: [&str; 5] = ["kitty", "alacritty", "foot", "ghostty", "wezterm"];
    let has = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let vte = variable("VTE_VERSION").and_then(|version| version.parse::<u32>().ok());
    let program = variable("TERM_PROGRAM").unwrap_or_default();
    let term = variable("TERM").unwrap_or_default();
    // A multiplexer takes them away, or shows what is left of them.
    let is_inside = term.starts_with("screen") || term.starts_with("tmux") || term == "dumb";
    !is_inside
        && (vte.is_some_and(|version| version >= 5000)
            || has("WT_SESSION")
            || has("KONSOLE_VERSION")
            || PROGRAMS.contains(&program.as_str())
            || TERMS.iter().any(|known| term.contains(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_known_by_what_they_say() {
        let knows = |said: &[(&str, &str)]| {
            is_known_for_links(|name| {
                let found = said.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let xterm = ("TERM", "xterm-256color");
        assert!(knows(&[xterm, ("VTE_VERSION", "7006")]));
        assert!(knows(&[xterm, ("TERM_PROGRAM", "vscode")]));
        assert!(knows(&[("TERM", "xterm-kitty")]));
        assert!(!knows(&[xterm]));
        assert!(!knows(&[xterm, ("VTE_VERSION", "4600")]));
        assert!(!knows(&[("TERM", "dumb"), ("TERM_PROGRAM", "vscode")]));
        assert!(!knows(&[
            ("TERM", "screen-256color"),
            ("VTE_VERSION", "7006")
        ]));
    }
}
