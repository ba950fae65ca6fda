//! One line on the terminal that says what is going on.

use std::{
    cell::Cell,
    env,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use super::terminal::console_size;
use crate::report::sanitize::clean;

/// How often the line changes at most.
const PAUSE: Duration = Duration::from_millis(100);
/// Carriage return, and the control sequence that erases to the end of the line (console_codes(4)).
const ERASE: &str = "\r\x1b[K";

/// A line on standard error, which is erased when this is dropped; nothing where that is no terminal.
pub(super) struct ProgressLine {
    begun: Instant,
    is_shown: bool,
    drawn: Cell<Option<Instant>>,
}

impl ProgressLine {
    /// A line with nothing in it yet.
    pub(super) fn new() -> ProgressLine {
        let is_dumb = env::var_os("TERM").is_some_and(|name| name == "dumb");
        ProgressLine {
            begun: Instant::now(),
            is_shown: io::stderr().is_terminal() && !is_dumb,
            drawn: Cell::new(None),
        }
    }

    /// Says this from now on, unless the line has just changed.
    pub(super) fn say(&self, message: &str) {
        let is_fresh = self.drawn.get().is_some_and(|at| at.elapsed() < PAUSE);
        if !self.is_shown || is_fresh {
            return;
        }
        self.drawn.set(Some(Instant::now()));
        let (_, columns) = console_size(&io::stderr()).unwrap_or((0, 80));
        let text = line(self.begun.elapsed(), message, usize::from(columns));
        let _ = write!(io::stderr(), "{ERASE}{text}");
    }

    /// Does something that prints, with no line in its way.
    pub(super) fn pause<T>(&self, print: impl FnOnce() -> T) -> T {
        self.erase();
        print()
    }

    fn erase(&self) {
        if self.drawn.take().is_some() {
            let _ = write!(io::stderr(), "{ERASE}");
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.erase();
    }
}

/// The time and the message in one line. The last column stays free: some terminals begin a new line behind it.
fn line(elapsed: Duration, message: &str, columns: usize) -> String {
    let time = match elapsed.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{}:{:02}", seconds / 60, seconds % 60),
    };
    let message = clean(message).replace('\n', " ");
    let text = format!("{time:>5}  {message}");
    text.chars().take(columns.saturating_sub(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_in_one_line_and_steers_no_terminal() {
        let shown = line(Duration::from_secs(75), "one\ntwo\x1b[2J three", 20);
        assert_eq!(shown, " 1:15  one two\\u{1b");
        assert_eq!(line(Duration::from_secs(3), "x", 80), "  3 s  x");
    }
}
