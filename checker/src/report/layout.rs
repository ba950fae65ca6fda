//! Text for a terminal: its width and its colours.

use anstyle::{AnsiColor, Style};
use textwrap::{Options, wrap};

/// What is wrong.
pub(super) const FAIL: Style = AnsiColor::Red.on_default().bold();

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
