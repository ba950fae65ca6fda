//! The parts of the textbook that a command writes: the table of contents, and the indexes of calls and of errors.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use nix::errno::Errno;

use super::{Heading, chapters, headings};

/// Where a written part begins; its name is between these two.
const BEGIN: &str = "<!-- written by `cargo teach book --update`: ";
const END: &str = "<!-- end -->";
/// The last errno of Linux (asm-generic/errno.h).
const MOST_ERRNO: i32 = 133;

/// The text with its written parts made anew. A part is between `<!-- written by …: contents -->` and `<!-- end -->`;
/// there are `contents`, `calls` and `errors`.
pub fn with_indexes(text: &str) -> String {
    // An index does not find what an index says.
    let bare = with_parts(text, |_| String::new());
    with_parts(text, |name| match name {
        "contents" => contents(&bare),
        "calls" => entries(&mentions(&bare, &calls(&bare))),
        "errors" => entries(&mentions(&bare, &errors(&bare))),
        _ => String::new(),
    })
}

/// The text with these parts in place of the written ones.
fn with_parts(text: &str, part: impl Fn(&str) -> String) -> String {
    let mut result = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let _ = writeln!(result, "{line}");
        let begun = line.strip_prefix(BEGIN);
        if let Some(name) = begun.and_then(|rest| rest.strip_suffix(" -->")) {
            let _ = write!(result, "\n{}\n{END}\n", part(name));
            lines.by_ref().find(|line| *line == END);
        }
    }
    result
}

fn link(title: &str, heading: &Heading) -> String {
    format!("[{title}](#{})", heading.anchor())
}

/// Days and chapters.
fn contents(text: &str) -> String {
    let mut written = String::new();
    for heading in headings(text).iter().skip(1) {
        let _ = match heading.level {
            1 => writeln!(written, "- **{}**", link(&heading.title, heading)),
            2 => writeln!(written, "  - {}", link(&heading.title, heading)),
            _ => Ok(()),
        };
    }
    written
}

/// The words of a text: letters, digits and `_`, with what stands directly before and behind each.
fn words(text: &str) -> impl Iterator<Item = (Option<char>, &str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = text;
    let mut before = None;
    std::iter::from_fn(move || {
        let begin = rest.find(is_part)?;
        before = rest[..begin].chars().next_back().or(before);
        let end = rest[begin..]
            .find(|c| !is_part(c))
            .map_or(rest.len(), |length| begin + length);
        let word = &rest[begin..end];
        let found = (before, word, &rest[end..]);
        before = word.chars().next_back();
        rest = &rest[end..];
        Some(found)
    })
}

/// The system calls that the text refers to by their page of the manual, as in `accept(2)`.
fn calls(text: &str) -> BTreeSet<&str> {
    words(text)
        .filter(|(before, word, behind)| {
            let is_page = behind.starts_with("(2)") && *before != Some('.');
            is_page && word.starts_with(|c: char| c.is_ascii_lowercase())
        })
        .map(|(_, word, _)| word)
        .collect()
}

/// The errors that the text names.
fn errors(text: &str) -> BTreeSet<&str> {
    let known: BTreeSet<String> = (1..=MOST_ERRNO)
        .map(|number| format!("{:?}", Errno::from_raw(number)))
        .collect();
    words(text)
        .map(|(_, word, _)| word)
        .filter(|word| known.contains(*word))
        .collect()
}

/// The chapters that speak of each of these words: between backticks, alone or as a call, or as a page of the manual.
fn mentions<'a>(text: &'a str, wanted: &BTreeSet<&'a str>) -> BTreeMap<&'a str, Vec<Heading>> {
    let mut found: BTreeMap<&str, Vec<Heading>> = BTreeMap::new();
    for (chapter, text) in chapters(text) {
        // Chapters have numbers; an annex is no place to read about a call.
        if !chapter.title.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let spoken: BTreeSet<&str> = words(text)
            .filter(|(before, word, behind)| {
                let is_code = *before == Some('`') && behind.starts_with(['`', '(']);
                let is_page = behind.starts_with("(2)");
                wanted.contains(word) && (is_code || is_page || word.starts_with('E'))
            })
            .map(|(_, word, _)| word)
            .collect();
        for word in spoken {
            found.entry(word).or_default().push(chapter.clone());
        }
    }
    found
}

/// A line for each word: `accept`: 2.2, 2.5.
fn entries(mentions: &BTreeMap<&str, Vec<Heading>>) -> String {
    let mut written = String::new();
    for (word, chapters) in mentions {
        let chapters: Vec<String> = chapters
            .iter()
            .map(|chapter| {
                let number = chapter.title.split(' ').next().unwrap_or_default();
                link(number, chapter)
            })
            .collect();
        let _ = writeln!(written, "- `{word}`: {}", chapters.join(", "));
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Book\n\n<!-- written by `cargo teach book --update`: contents -->\nold\n<!-- end -->\n\n\
                        # Day 2\n\n## 2.1 Servers\n### Waiting\n`accept` may fail with `EMFILE`. See accept(2).\n\n\
                        ## 2.2 Clients\n`connect(fd)`; see connect(2), not `x.nth(2)`. Not accepted.\n\n\
                        <!-- written by `cargo teach book --update`: calls -->\n<!-- end -->\n";

    #[test]
    fn what_is_written_is_made_anew_and_then_stays() {
        let once = with_indexes(TEXT);
        assert!(!once.contains("old"), "{once}");
        assert!(once.contains("- **[Day 2](#day-2)**\n  - [2.1 Servers](#21-servers)\n"));
        assert_eq!(with_indexes(&once), once);
    }

    #[test]
    fn an_index_names_the_chapters_that_speak_of_a_call() {
        let text = with_indexes(TEXT);
        assert!(
            text.contains("- `accept`: [2.1](#21-servers)\n- `connect`: [2.2](#22-clients)\n"),
            "{text}"
        );
        let errors = entries(&mentions(TEXT, &errors(TEXT)));
        assert_eq!(errors, "- `EMFILE`: [2.1](#21-servers)\n");
    }
}
