//! The contract of an exercise, sentence by sentence.
//!
//! A block is a paragraph, a list item or a row of a table. Headings, the head of a table and examples (indented code,
//! fenced code) promise nothing. Blocks, lists and indented code are found by the rules of CommonMark.

use std::{fs, path::Path};

use crate::exercise::Exercise;

/// The sentences of the section "The contract" of an exercise's task, in their order; none if there is no such section.
pub(super) fn of(root: &Path, exercise: &Exercise) -> Vec<String> {
    let task = root.join("exercises").join(exercise.name).join("README.md");
    sentences(&fs::read_to_string(task).unwrap_or_default())
}

/// A sentence as it is compared: lines are broken anywhere.
pub(super) fn plain(sentence: &str) -> String {
    sentence.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The sentences of the contract in this task.
pub(crate) fn sentences(task: &str) -> Vec<String> {
    let contract = task
        .lines()
        .skip_while(|line| line.trim_end() != "## The contract")
        .skip(1)
        .take_while(|line| !line.starts_with("## "));
    let mut reader = Reader::default();
    contract.for_each(|line| reader.line(line));
    reader.end_block();
    reader.found
}

#[derive(Default)]
struct Reader {
    found: Vec<String>,
    /// The paragraph or list item that is being read.
    block: String,
    /// Where the text of each open list item begins, from the outermost to the innermost.
    items: Vec<usize>,
    in_fence: bool,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        if text.starts_with("```") {
            self.end_block();
            self.in_fence = !self.in_fence;
            return;
        }
        if self.in_fence || text.is_empty() || text.starts_with('#') {
            return self.end_block();
        }
        let marker = marker(text);
        // A line without a marker continues the paragraph above it, however far it is indented.
        if marker.is_some() || self.block.is_empty() {
            self.items.retain(|begin| *begin <= indent);
            if indent >= self.items.last().unwrap_or(&0) + 4 {
                return;
            }
        }
        if let Some(marker) = marker {
            self.end_block();
            self.items.push(indent + marker);
            self.block.push_str(text[marker..].trim());
        } else if text.starts_with('|') {
            self.end_block();
            self.row(text);
        } else {
            self.block.push(' ');
            self.block.push_str(text);
        }
    }

    fn row(&mut self, row: &str) {
        let is_rule = row.chars().all(|one| "|-: ".contains(one));
        if is_rule {
            // The row above it is the head of the table.
            self.found.pop();
        } else {
            self.found.push(plain(row));
        }
    }

    fn end_block(&mut self) {
        self.found.extend(split(&plain(&self.block)));
        self.block.clear();
    }
}

/// The length of the marker with which a list item begins: `- `, `* `, `1. `.
fn marker(line: &str) -> Option<usize> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let markers: &[&str] = if digits > 0 {
        &[". ", ") "]
    } else {
        &["- ", "* "]
    };
    let is_item = markers
        .iter()
        .any(|marker| line[digits..].starts_with(marker));
    is_item.then_some(digits + 2)
}

/// The sentences of a block. One ends at a `.`, `!` or `?` outside of code, if a blank follows (a bracket, a quotation
/// mark or an asterisk may stand between) and then no small letter.
fn split(block: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let (mut begin, mut in_code) = (0, false);
    for (place, one) in block.char_indices() {
        in_code ^= one == '`';
        if in_code || !matches!(one, '.' | '!' | '?') {
            continue;
        }
        let behind = &block[place + 1..];
        let rest = behind.trim_start_matches([')', ']', '"', '*']);
        let next = rest.strip_prefix(' ').and_then(|rest| rest.chars().next());
        if next.is_some_and(|next| !next.is_lowercase()) {
            let end = block.len() - rest.len();
            sentences.push(block[begin..end].to_owned());
            begin = end + 1;
        }
    }
    if begin < block.len() {
        sentences.push(block[begin..].to_owned());
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract(text: &str) -> Vec<String> {
        sentences(&format!(
            "# A task\n\nNot yet.\n\n## The contract\n{text}\n## An example\n\nNo more.\n"
        ))
    }

    #[test]
    fn the_sentences_of_paragraphs_and_list_items_are_found() {
        let text = "\n    usage [-a|-x] PATH\n\nIt reads lines,\nand prints them. Is it right? `N` is a number.\n\n\
                    - One item. It goes\n  on here.\n- Another.\n\n  A paragraph of it.\n\nThe end: 2.5 is no end.\n";
        let expected = [
            "It reads lines, and prints them.",
            "Is it right?",
            "`N` is a number.",
            "One item.",
            "It goes on here.",
            "Another.",
            "A paragraph of it.",
            "The end: 2.5 is no end.",
        ];
        assert_eq!(contract(text), expected);
    }

    #[test]
    fn an_item_in_an_item_is_a_block_of_its_own() {
        let text = "- In these cases:\n  - It cannot connect, or it\n    cannot read.\n  - The server is gone.\n\n  \
                    Then it ends.\n\n    1. Deep,\n       and long.\n\n       Its paragraph.\n- Out again.\n";
        let expected = [
            "In these cases:",
            "It cannot connect, or it cannot read.",
            "The server is gone.",
            "Then it ends.",
            "Deep, and long.",
            "Its paragraph.",
            "Out again.",
        ];
        assert_eq!(contract(text), expected);
    }

    #[test]
    fn code_in_an_item_promises_nothing() {
        let text = "- It gets one line:\n\n      you=IP:PORT\n      me=IP:PORT\n\n  `you` is its end.\n\n\
                    ```text\n- No item.\n```\n";
        assert_eq!(contract(text), ["It gets one line:", "`you` is its end."]);
    }

    #[test]
    fn a_row_of_a_table_is_a_sentence_and_its_head_is_none() {
        let text = "- As follows:\n\n  | outcome | when |\n  |---|:-:|\n  | `refused` | `ECONNREFUSED`. Always. |\n\n\
                    | a | b |\n|---|---|\n| c |  d |\n";
        let expected = [
            "As follows:",
            "| `refused` | `ECONNREFUSED`. Always. |",
            "| c | d |",
        ];
        assert_eq!(contract(text), expected);
    }

    #[test]
    fn a_sentence_ends_behind_its_brackets_and_not_in_code() {
        let text = "It says \"done.\" (So it is.) **Then** it ends, e.g. at once. `a. B` is one. 0 is next.";
        let expected = [
            "It says \"done.\"",
            "(So it is.)",
            "**Then** it ends, e.g. at once.",
            "`a. B` is one.",
            "0 is next.",
        ];
        assert_eq!(contract(text), expected);
    }

    #[test]
    fn other_sections_are_no_contract() {
        assert_eq!(sentences("## How to begin\n\nRead.\n"), [""; 0]);
    }
}
