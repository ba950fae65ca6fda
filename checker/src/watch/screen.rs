//! What the session shows: what a command says, below it a word of its own, and the line of keys.

use std::{
    io::{self, Write},
    mem,
};

use anstyle::Style;
use harness::sys;

use super::terminal::{Key, Kind};
use crate::{
    failure::{Attempt, LabError},
    report::layout::{fold, plain},
};

const STRONG: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
/// To the first column of the first line, and erase all (console_codes(4)).
const CLEAR: &str = "\x1b[H\x1b[2J";

/// The terminal of standard output, or what there is in its place.
#[derive(Debug)]
pub(super) struct Screen {
    kind: Kind,
    /// How many lines below the report are the session's own, from the one on in which the cursor is upwards.
    lines: usize,
    /// Whether a command's last line has no end yet.
    is_within_line: bool,
}

impl Screen {
    pub(super) fn new(kind: Kind) -> Screen {
        Screen {
            kind,
            lines: 0,
            is_within_line: false,
        }
    }

    /// A new check begins: the old report is void. A terminal without a cursor gets a line between the two.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn begin(&mut self, name: &str) -> Result<(), LabError> {
        let text = match self.kind {
            Kind::Full => CLEAR.to_owned(),
            Kind::Dumb | Kind::None { .. } => format!("\n== {name}\n"),
        };
        self.lines = 0;
        self.write(text.as_bytes())
    }

    /// Passes on what a command says.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn pass_on(&mut self, said: &[u8]) -> Result<(), LabError> {
        if let Some(last) = said.last() {
            self.erase()?;
            self.is_within_line = *last != b'\n';
            self.write(said)?;
        }
        Ok(())
    }

    /// Says something of the session's own, which stays.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn say(&mut self, text: &str) -> Result<(), LabError> {
        self.erase()?;
        let text = fold(text, self.width(), "", "");
        self.write(format!("{text}\n").as_bytes())
    }

    /// Shows a word of the session's, if there is one, and the keys, in the place of those that are shown.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn show_keys(&mut self, word: Option<&str>) -> Result<(), LabError> {
        self.erase()?;
        let mut text = match mem::take(&mut self.is_within_line) {
            true => "\n".to_owned(),
            false => String::new(),
        };
        let width = self.width();
        // A line between the report and the session's own.
        let mut shown = match self.kind {
            Kind::Full => "\n".to_owned(),
            Kind::Dumb | Kind::None { .. } => String::new(),
        };
        if let Some(word) = word {
            shown += &format!("{STRONG}{}{STRONG:#}\n", fold(word, width, "", ""));
        }
        if self.kind.has_keys() {
            shown += &keys(width);
        }
        match self.kind {
            Kind::Full => {
                self.lines = rows(&shown, width);
                text += &shown;
            }
            // Nothing is ever erased there.
            Kind::Dumb | Kind::None { .. } if !shown.is_empty() => {
                text += &plain(&shown);
                if !text.ends_with('\n') {
                    text.push('\n');
                }
            }
            Kind::Dumb | Kind::None { .. } => (),
        }
        self.write(text.as_bytes())
    }

    /// Takes the session's lines away. The lines above them stay, also when a terminal has folded ours anew: rather a
    /// rest of them stands there than a line of the report does not.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn erase(&mut self) -> Result<(), LabError> {
        let text = match mem::take(&mut self.lines) {
            0 => return Ok(()),
            1 => "\r\x1b[J".to_owned(),
            lines => format!("\r\x1b[{}A\x1b[J", lines - 1),
        };
        self.write(text.as_bytes())
    }

    /// The last column stays free: some terminals begin a new line behind it.
    fn width(&self) -> usize {
        let columns = sys::window_size(io::stdout()).map_or(0, |(_, columns)| columns);
        match columns {
            0 => 79,
            columns => usize::from(columns).max(2) - 1,
        }
    }

    fn write(&self, bytes: &[u8]) -> Result<(), LabError> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
        written.attempt("could not write to standard output")
    }
}

/// How many lines a text takes in a terminal with one more column than this.
fn rows(text: &str, width: usize) -> usize {
    let text = plain(text);
    let lines = text.lines();
    lines
        .map(|line| line.chars().count().div_ceil(width + 1).max(1))
        .sum()
}

/// The keys, in as many lines as they need.
fn keys(width: usize) -> String {
    let mut text = String::new();
    let mut used = 0;
    for (key, what) in Key::SHOWN {
        let length = key.len() + 1 + what.len();
        if used > 0 && used + 2 + length > width {
            text.push('\n');
            used = 0;
        } else if used > 0 {
            text += "  ";
            used += 2;
        }
        text += &format!("{STRONG}{key}{STRONG:#} {DIM}{what}{DIM:#}");
        used += length;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_one_line_of_80_columns_and_fold_between_two() {
        let shown = |width| plain(&keys(width));
        assert_eq!(
            shown(79),
            "h hint  a all  l list  t trace  c chapter  n next  p previous  r reset  q quit"
        );
        for width in [20, 30, 60] {
            let text = shown(width);
            assert!(text.lines().all(|line| line.len() <= width), "{text}");
            assert_eq!(rows(&keys(width), width), text.lines().count());
            assert_eq!(text.lines().collect::<Vec<_>>().join("  "), shown(79));
        }
    }
}
