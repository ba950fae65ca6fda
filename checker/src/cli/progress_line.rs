//! One line on the terminal that says what is going on.

use std::{
    env,
    io::{self, IsTerminal, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::terminal::console_size;
use crate::report::{layout::cut_at_word, sanitize::clean};

/// How often the line is drawn.
const PAUSE: Duration = Duration::from_millis(100);
/// Carriage return, and the control sequence that erases to the end of the line (console_codes(4)).
const ERASE: &str = "\r\x1b[K";
/// A wheel that turns: the lab is alive.
const WHEEL: [char; 4] = ['|', '/', '-', '\\'];

/// A line on standard error, which moves, and is erased when this is dropped; nothing where that is no terminal.
pub(super) struct ProgressLine {
    /// Of the thread which draws the line; none where none is shown.
    drawing: Option<Drawing>,
}

struct Drawing {
    board: Arc<Board>,
    thread: Option<JoinHandle<()>>,
}

/// What is drawn, for the thread that draws and for the one that says what.
#[derive(Default)]
struct Board {
    text: Mutex<Text>,
    has_ended: Condvar,
}

#[derive(Default)]
struct Text {
    message: String,
    is_drawn: bool,
    has_ended: bool,
}

impl ProgressLine {
    /// A line with nothing in it yet.
    pub(super) fn new() -> ProgressLine {
        let is_dumb = env::var_os("TERM").is_some_and(|name| name == "dumb");
        let is_shown = io::stderr().is_terminal() && !is_dumb;
        ProgressLine {
            drawing: is_shown.then(Drawing::begin),
        }
    }

    /// Says this from now on.
    pub(super) fn say(&self, message: &str) {
        if let Some(drawing) = &self.drawing {
            message.clone_into(&mut drawing.board.lock().message);
        }
    }

    /// Does something that prints, with no line in its way.
    pub(super) fn pause<T>(&self, print: impl FnOnce() -> T) -> T {
        let mut text = self.drawing.as_ref().map(|drawing| drawing.board.lock());
        if let Some(text) = &mut text {
            text.erase();
        }
        print()
    }
}

impl Drawing {
    fn begin() -> Drawing {
        let board = Arc::<Board>::default();
        let its = Arc::clone(&board);
        // Without a thread the line stays empty, which is no trouble.
        let thread = thread::Builder::new().spawn(move || its.draw()).ok();
        Drawing { board, thread }
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        self.board.lock().has_ended = true;
        self.board.has_ended.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Text> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws the line again and again until it has ended. What takes less than a pause shows none.
    fn draw(&self) {
        let begun = Instant::now();
        let mut wheel = WHEEL.iter().cycle();
        let mut text = self.lock();
        loop {
            let waited = self.has_ended.wait_timeout(text, PAUSE);
            text = waited.unwrap_or_else(PoisonError::into_inner).0;
            if text.has_ended {
                return text.erase();
            }
            if let (false, Some(wheel)) = (text.message.is_empty(), wheel.next()) {
                let (_, columns) = console_size(&io::stderr()).unwrap_or((0, 80));
                let line = line(*wheel, begun.elapsed(), &text.message, usize::from(columns));
                let _ = write!(io::stderr(), "{ERASE}{line}");
                text.is_drawn = true;
            }
        }
    }
}

impl Text {
    fn erase(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            let _ = write!(io::stderr(), "{ERASE}");
        }
    }
}

/// The wheel, the time and the message in one line. The last column stays free: some terminals begin a new line behind
/// it.
fn line(wheel: char, elapsed: Duration, message: &str, columns: usize) -> String {
    let time = match elapsed.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{}:{:02}", seconds / 60, seconds % 60),
    };
    let message = clean(message).replace('\n', " ");
    cut_at_word(
        format!("{wheel} {time:>5}  {message}"),
        columns.saturating_sub(1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_in_one_line_and_steers_no_terminal() {
        let shown = line('|', Duration::from_secs(75), "one\ntwo\x1b[2J three", 22);
        assert_eq!(shown, "|  1:15  one…");
        assert_eq!(line('-', Duration::from_secs(3), "x", 80), "-   3 s  x");
    }
}
