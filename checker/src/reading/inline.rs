//! Marks within a line: code, bold, emphasis, links.

use anstyle::{AnsiColor, Style};
use textwrap::{Options, WordSeparator, WordSplitter};

const CODE: Style = AnsiColor::Cyan.on_default();
const BOLD: Style = Style::new().bold();
const EMPHASIS: Style = Style::new().italic();

/// A text with its marks as styles. Each word has its own, because a style must not go on behind the end of a line, where
/// the text may be folded.
pub(super) fn styled(text: &str) -> String {
    let mut written = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '[', '\\']) {
        written.push_str(&rest[..at]);
        let (shown, behind) = mark(&rest[at..]);
        written.push_str(&shown);
        rest = behind;
    }
    written + rest
}

/// How such a text is folded: between words only, because a part of a word would have lost its style.
pub(super) fn folding(width: usize) -> Options<'static> {
    Options::new(width)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
}

/// What a text that begins with a mark shows there, and what comes behind it.
fn mark(text: &str) -> (String, &str) {
    if let Some(rest) = text.strip_prefix("**")
        && let Some((bold, behind)) = rest.split_once("**")
    {
        return (words(BOLD, bold), behind);
    }
    if let Some(rest) = text.strip_prefix('`') {
        // Several backticks enclose code with some in it.
        let ticks = 1 + rest.len() - rest.trim_start_matches('`').len();
        let fence = &text[..ticks];
        if let Some((code, behind)) = text[ticks..].split_once(fence) {
            return (words(CODE, code.trim_matches(' ')), behind);
        }
    }
    if let Some(rest) = text.strip_prefix('*')
        && rest.starts_with(|next: char| !next.is_whitespace())
        && let Some((emphasis, behind)) = rest.split_once('*')
    {
        return (words(EMPHASIS, emphasis), behind);
    }
    if let Some((shown, behind)) = link(text) {
        return (shown, behind);
    }
    if let Some(rest) = text.strip_prefix('\\')
        && let Some(next) = rest.chars().next()
        && next.is_ascii_punctuation()
    {
        return (next.to_string(), &rest[next.len_utf8()..]);
    }
    let first = text.chars().next().map_or(0, char::len_utf8);
    (text[..first].to_owned(), &text[first..])
}

/// `[text](target)`: the text, and where it leads if that is another place than this book.
fn link(text: &str) -> Option<(String, &str)> {
    let (shown, rest) = text.strip_prefix('[')?.split_once("](")?;
    let (target, behind) = rest.split_once(')')?;
    if shown.contains('[') {
        return None;
    }
    let shown_styled = styled(shown);
    Some(match target.starts_with('#') || target == shown {
        true => (shown_styled, behind),
        false => (format!("{shown_styled} ({target})"), behind),
    })
}

fn words(style: Style, text: &str) -> String {
    let word = |word: &str| match word.is_empty() {
        true => String::new(),
        false => format!("{style}{word}{style:#}"),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
