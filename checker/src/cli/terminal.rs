//! What the reader's terminal shows, and how wide it is.

use std::{
    io::{self, Write},
    os::fd::AsRawFd,
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

pub(super) fn columns(output: &impl AsRawFd) -> usize {
    let (_, columns) = console_size(output).unwrap_or((0, 80));
    usize::from(columns).clamp(60, 120)
}

/// The rows and columns of the terminal that an output leads to; `None` where it is none.
pub(super) fn console_size(output: &impl AsRawFd) -> Option<(u16, u16)> {
    // SAFETY: a winsize is plain integers, for which all zeros are valid.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: TIOCGWINSZ (ioctl_tty(2)) writes a winsize, which is alive during the call.
    let result = unsafe { libc::ioctl(output.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (result == 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
}
