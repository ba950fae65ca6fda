//! Text for a terminal: its width and its colours.

use anstyle::{AnsiColor, Style};
use textwrap::{Options, wrap};

/// What is right.
pub(super) const PASS: Style = AnsiColor::Green.on_default().bold();
/// What is wrong.
pub(super) const FAIL: Style = AnsiColor::Red.on_default().bold();
/// What is not known.
pub(super) const BROKEN: Style = AnsiColor::Yellow.on_default().bold();
/// What to do about it.
pub(super) const HINT: Style = AnsiColor::Cyan.on_default().bold();
pub(super) const STRONG: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();

/// A text without its colours.
pub fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// Folds a text to the width of the terminal.
pub fn fold(text: &str, width: usize, first: &str, rest: &str) -> String {
    let options = Options::new(width.max(40))
        .initial_indent(first)
        .subsequent_indent(rest);
    wrap(text, options).join("\n")
}
