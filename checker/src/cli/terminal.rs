//! What the reader's terminal shows, and how wide it is.

use std::{
    io::{self, Write},
    os::fd::AsFd,
};

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
