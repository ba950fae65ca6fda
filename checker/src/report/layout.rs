//! Text for a terminal: its width and its colours.

use std::path::Path;

use anstyle::{AnsiColor, Style};
use textwrap::{Options, WordSplitter, wrap};

/// What is right.
pub(super) const PASS: Style = AnsiColor::Green.on_default().bold();
/// What is wrong.
pub(super) const FAIL: Style = AnsiColor::Red.on_default().bold();
/// What is not known.
pub(super) const UNSURE: Style = AnsiColor::Yellow.on_default().bold();
/// What to do about it.
pub(super) const HINT: Style = AnsiColor::Cyan.on_default().bold();
pub(super) const STRONG: Style = Style::new().bold();
/// What stands beside what matters.
pub(super) const DIM: Style = Style::new().dimmed();

/// A text which leads to a file in a terminal that knows links (OSC 8). The address is written so that nothing in a path
/// ends it.
pub(crate) fn link(text: &str, file: &Path) -> String {
    let mut address = String::new();
    for &byte in file.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => address.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => address.push(byte.into()),
            byte => address.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("\x1b]8;;file://{address}\x1b\\{text}\x1b]8;;\x1b\\")
}

/// How many of something, in the form that fits the number.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A text without its colours.
pub fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// Folds a text to the width of the terminal. A path stays whole, so that a terminal or an editor can open it: it is not
/// divided at its hyphens, and one that is too long goes over the edge. Nor is a name such as TIME-WAIT divided.
pub fn fold(text: &str, width: usize, first: &str, rest: &str) -> String {
    let width = width.max(40);
    let room = width.saturating_sub(rest.chars().count());
    let is_long = |word: &str| is_path(word) && word.chars().count() > room;
    let options = Options::new(width)
        .initial_indent(first)
        .subsequent_indent(rest)
        .word_splitter(WordSplitter::Custom(hyphens))
        .break_words(!text.split_whitespace().any(is_long));
    wrap(text, options).join("\n")
}

/// As many of the first words of a text as fit into this width, and `…` where more would follow.
pub fn cut_at_word(text: String, width: usize) -> String {
    if text.chars().count() <= width {
        return text;
    }
    let room = width.saturating_sub(1);
    let kept: String = text.chars().take(room + 1).collect();
    let whole = kept.rsplit_once(' ');
    let kept = match whole.map(|(words, _)| words.trim_end()) {
        Some(words) if !words.is_empty() => words.to_owned(),
        _ => kept.chars().take(room).collect(),
    };
    kept + "…"
}

fn is_path(word: &str) -> bool {
    word.contains('/')
}

/// Where a word may be divided.
fn hyphens(word: &str) -> Vec<usize> {
    match is_path(word) || !word.contains(char::is_lowercase) {
        true => Vec::new(),
        false => WordSplitter::HyphenSplitter.split_points(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_holds_any_path_and_is_no_text() {
        let path = Path::new("/home/me/my lab\x1b\\/course.md");
        let text = link("course.md:17", path);
        assert!(
            text.contains("file:///home/me/my%20lab%1B%5C/course.md\x1b"),
            "{text:?}"
        );
        assert_eq!(plain(&text), "course.md:17");
    }

    #[test]
    fn what_does_not_fit_is_cut_between_words() {
        for (width, cut) in [
            (20, "one word and another"),
            (19, "one word and…"),
            (13, "one word and…"),
            (12, "one word…"),
            (5, "one…"),
            (3, "on…"),
        ] {
            assert_eq!(cut_at_word("one word and another".to_owned(), width), cut);
        }
    }

    #[test]
    fn a_path_stays_whole() {
        let long =
            "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std-io/src/io/stdio.rs:1165:9";
        let short = "target/a-folder-of-cargo/with-a-name/x";
        let text =
            format!("thread 'main' panicked at {long}: and at a place in {short}, twice-or-thrice");
        for width in 45..120 {
            let folded = fold(&text, width, "  ", "    ");
            assert!(folded.contains(long) && folded.contains(short), "{folded}");
            let is_whole = |line: &str| line.chars().count() <= width || line.contains(long);
            assert!(folded.lines().all(is_whole), "{width}: {folded}");
        }
        assert!(
            fold(&format!("{} TIME-WAIT", "y".repeat(33)), 40, "", "").ends_with("\nTIME-WAIT")
        );
        let word = "y".repeat(100);
        assert_eq!(fold(&word, 40, "", "").lines().count(), 3);
    }
}
