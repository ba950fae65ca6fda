//! What travelled, as a report shows it: bytes side by side, and what a program printed.

use std::fmt::Write;

use super::human::{FAIL, clean, fold};
use crate::failure::Comparison;

/// How many lines of a program's own output are shown.
const LINES: usize = 12;
/// How many bytes stand in one line of a dump.
const ROW: usize = 16;

/// Expected against got: as lines where both are text and short, else as a dump.
pub(super) fn compared(comparison: &Comparison, width: usize) -> String {
    let mut text = String::new();
    let summary = if comparison.got_length == 0 {
        format!(
            "{}: {} expected, none came",
            comparison.what,
            count(comparison.expected_length)
        )
    } else if comparison.expected_length == 0 {
        format!(
            "{}: nothing more expected, {} came",
            comparison.what,
            count(comparison.got_length)
        )
    } else {
        format!(
            "{}: {} expected, {} came; they differ from {} {} on",
            comparison.what,
            count(comparison.expected_length),
            count(comparison.got_length),
            if comparison.text { "character" } else { "byte" },
            comparison.difference
        )
    };
    let _ = writeln!(text, "{}", fold(&summary, width, "        ", "          "));
    let fits = comparison.offset == 0
        && comparison.expected.len() == comparison.expected_length
        && comparison.got.len() == comparison.got_length;
    if comparison.text && fits {
        for (label, bytes) in [("expected", &comparison.expected), ("got", &comparison.got)] {
            let line = format!("{}", bytes.escape_ascii());
            let first = format!("          {label:<9}");
            let _ = writeln!(
                text,
                "{}",
                fold(&line, width, &first, "                   ")
            );
        }
    } else {
        text.push_str(&dump("expected", &comparison.expected, comparison));
        text.push_str(&dump("got", &comparison.got, comparison));
    }
    text.push('\n');
    text
}

fn count(bytes: usize) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        bytes => format!("{bytes} bytes"),
    }
}

/// The rows around the first difference, which is marked.
fn dump(label: &str, bytes: &[u8], comparison: &Comparison) -> String {
    let mut text = String::new();
    if bytes.is_empty() {
        let _ = writeln!(text, "          {label:<9}(nothing from here on)");
        return text;
    }
    for (index, row) in bytes.chunks(ROW).enumerate().take(3) {
        let label = if index == 0 { label } else { "" };
        let offset = comparison.offset + index * ROW;
        let mut hex = String::new();
        for byte in row {
            let _ = write!(hex, "{byte:02x} ");
        }
        let plain: String = row
            .iter()
            .map(|&byte| match byte {
                b' '..=b'~' => byte as char,
                _ => '.',
            })
            .collect();
        let _ = writeln!(text, "          {label:<9}{offset:06x}  {hex:<48} {plain}");
        if (offset..offset + ROW).contains(&comparison.difference) {
            let column = 3 * (comparison.difference - offset);
            let _ = writeln!(
                text,
                "                           {}{FAIL}^^{FAIL:#}",
                " ".repeat(column)
            );
        }
    }
    text
}

/// The beginning and the end of what a program printed.
pub(super) fn output(title: &str, printed: &str, width: usize) -> String {
    let lines: Vec<&str> = printed
        .lines()
        .filter(|line| !line.trim().is_empty() && !is_backtrace(line))
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    let mut text = format!("        {title}\n");
    if is_binary(printed) {
        // One row, to know it by; where bytes are the matter, a dump shows them.
        let room = width.saturating_sub("          (not text) …".len());
        let row: String = clean(&lines.join("\\n")).chars().take(room).collect();
        let _ = writeln!(text, "          (not text) {row}…\n");
        return text;
    }
    for (index, line) in lines.iter().enumerate() {
        let (from_start, from_end) = (index, lines.len() - index);
        if lines.len() > LINES && from_start >= LINES / 2 && from_end > LINES / 2 {
            if from_start == LINES / 2 {
                let _ = writeln!(text, "          … {} lines …", lines.len() - LINES);
            }
            continue;
        }
        // One endless line must not fill the screen; the line of a panic names its place at the end of a path.
        let mut line = clean(line);
        if line.chars().count() > 3 * width {
            line = line.chars().take(3 * width).chain(['…']).collect();
        }
        let _ = writeln!(text, "{}", fold(&line, width, "          ", "            "));
    }
    text.push('\n');
    text
}

/// Whether no person can read it. What is no UTF-8 has been replaced on the way here.
fn is_binary(printed: &str) -> bool {
    printed.contains([char::REPLACEMENT_CHARACTER, '\0'])
}

/// A student needs the message of a panic, not its backtrace nor the advice on backtraces.
fn is_backtrace(line: &str) -> bool {
    let inner = line.trim_start();
    let frame = inner.trim_start_matches(|letter: char| letter.is_ascii_digit());
    inner == "stack backtrace:"
        || line.starts_with("note: run with `RUST_BACKTRACE")
        || line.starts_with("note: Some details are omitted, run with `RUST_BACKTRACE")
        || line.starts_with(' ')
            && (inner.starts_with("at ") || frame.len() < inner.len() && frame.starts_with(": "))
}
