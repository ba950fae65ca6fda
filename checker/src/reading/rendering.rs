//! Blocks of a text: paragraphs, lists and tables are folded; code and figures are as they are.

use std::{fmt::Write, iter::Peekable};

use anstyle::{AnsiColor, Style};
use textwrap::wrap;

use super::{
    inline::{folding, styled},
    table::Table,
};

const HEADING: Style = Style::new().bold();
const TITLE: Style = Style::new().bold().underline();
const COMES: Style = AnsiColor::Green.on_default();
const GOES: Style = AnsiColor::Red.on_default();
/// Before each line of code.
const INDENT: &str = "    ";

/// Renders lines of Markdown for a terminal of this width.
pub fn render<'a>(lines: impl Iterator<Item = &'a str>, width: usize) -> String {
    let mut text = String::new();
    let mut lines = lines.peekable();
    while let Some(line) = lines.next() {
        let begun = line.trim_start();
        if begun.starts_with("```") {
            code(&mut text, line, &mut lines);
        } else if begun.starts_with("<!--") {
            comment(line, &mut lines);
        } else if line.is_empty() {
            blank(&mut text);
        } else if let Some((style, title)) = heading(line) {
            blank(&mut text);
            let _ = writeln!(text, "{style}{}{style:#}\n", title.trim());
        } else if line.starts_with('|') {
            table(&mut text, line, &mut lines, width);
        } else if begun.starts_with('|') || line.starts_with(INDENT) {
            let _ = writeln!(text, "{line}");
        } else {
            paragraph(&mut text, line, &mut lines, width);
        }
    }
    let end = text.trim_end().len();
    text.truncate(end);
    text.push('\n');
    text
}

/// One empty line, and not a second one.
fn blank(text: &mut String) {
    if !text.is_empty() && !text.ends_with("\n\n") {
        text.push('\n');
    }
}

fn heading(line: &str) -> Option<(Style, &str)> {
    let level = line.len() - line.trim_start_matches('#').len();
    let title = line[level..].strip_prefix(' ')?;
    match level {
        1 | 2 => Some((TITLE, title)),
        3..=6 => Some((HEADING, title)),
        _ => None,
    }
}

/// What is between two fences, which begin with as many blanks.
fn code<'a>(text: &mut String, fence: &str, lines: &mut impl Iterator<Item = &'a str>) {
    let indent = fence.len() - fence.trim_start().len();
    let is_difference = fence.trim_start().starts_with("```diff");
    for line in lines {
        if line.trim_start().starts_with("```") {
            return;
        }
        let blanks = line.len() - line.trim_start().len();
        let line = &line[blanks.min(indent)..];
        let style = match line.chars().next() {
            Some('+') if is_difference => COMES,
            Some('-') if is_difference => GOES,
            _ => Style::new(),
        };
        let _ = match line.is_empty() {
            true => writeln!(text),
            false => writeln!(text, "{INDENT}{style}{line}{style:#}"),
        };
    }
}

/// The lines that begin with a border.
fn table<'a>(
    text: &mut String,
    first: &'a str,
    lines: &mut Peekable<impl Iterator<Item = &'a str>>,
    width: usize,
) {
    let mut whole = vec![first];
    while let Some(next) = lines.next_if(|next| next.starts_with('|')) {
        whole.push(next);
    }
    match Table::read(&whole) {
        Some(table) => text.push_str(&table.render(width)),
        None => whole.iter().for_each(|line| {
            let _ = writeln!(text, "{line}");
        }),
    }
}

/// A browser does not show it either.
fn comment<'a>(first: &str, lines: &mut impl Iterator<Item = &'a str>) {
    if !first.contains("-->") {
        lines.find(|line| line.contains("-->"));
    }
}

/// A paragraph, a quotation or an item of a list, up to the line at which something else begins.
fn paragraph<'a>(
    text: &mut String,
    first: &str,
    lines: &mut Peekable<impl Iterator<Item = &'a str>>,
    width: usize,
) {
    let (begin, content) = marker(first);
    let mut whole = content.trim().to_owned();
    while let Some(next) = lines.next_if(|next| goes_on(next)) {
        let next = next.trim_start();
        let next = match begin.ends_with("> ") {
            true => next.trim_start_matches('>').trim_start(),
            false => next,
        };
        whole.push(' ');
        whole.push_str(next);
    }
    let rest = match begin.ends_with("> ") {
        true => begin.to_owned(),
        false => " ".repeat(begin.len()),
    };
    let options = folding(width)
        .initial_indent(begin)
        .subsequent_indent(&rest);
    let _ = writeln!(text, "{}", wrap(&styled(&whole), options).join("\n"));
}

/// Whether this line belongs to the paragraph before it.
fn goes_on(line: &str) -> bool {
    let begun = line.trim_start();
    let begins_other = ["```", "<!--", "|"]
        .iter()
        .any(|mark| begun.starts_with(mark));
    let is_item = !marker(line).0.trim().is_empty() && !begun.starts_with('>');
    !begun.is_empty() && !begins_other && !is_item && heading(line).is_none()
}

/// The mark with which an item or a quotation begins, with the blanks around it, and what comes behind.
fn marker(line: &str) -> (&str, &str) {
    let begun = line.trim_start();
    let blanks = line.len() - begun.len();
    let digits = begun.len() - begun.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mark = match begun {
        _ if ["- ", "* ", "> "]
            .iter()
            .any(|mark| begun.starts_with(mark)) =>
        {
            2
        }
        _ if (1..=3).contains(&digits) && begun[digits..].starts_with(". ") => digits + 2,
        _ => 0,
    };
    line.split_at(blanks + mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::layout::plain;

    #[test]
    fn text_is_folded_and_code_is_not() {
        let text = "### A heading\n\nSome `code words` and **bold** text which\nis long.\n\n- one\n  more\n- two\n\n\
                    <!-- session -->\n\n```sh\na very long line of code that stays as it is $\n```\n| a | table |\n";
        let shown = plain(&render(text.lines(), 24));
        assert_eq!(
            shown,
            "A heading\n\nSome code words and bold\ntext which is long.\n\n- one more\n- two\n\n    \
             a very long line of code that stays as it is $\n| a | table |\n"
        );
    }

    #[test]
    fn a_style_ends_with_its_line() {
        let shown = render("**so many bold words that they are folded**".lines(), 20);
        for line in shown.lines() {
            assert!(line.ends_with("\u{1b}[0m"), "{line:?}");
        }
    }

    #[test]
    fn what_only_looks_like_a_mark_is_text() {
        for text in ["2 * 3 * 4", "a[0] = b", "*argv", "`open", "-1", "1.5 s"] {
            assert_eq!(plain(&render(text.lines(), 80)), format!("{text}\n"));
        }
    }
}
