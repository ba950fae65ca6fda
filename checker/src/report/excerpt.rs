//! What travelled, as a report shows it: bytes side by side, and what a program printed.

use std::fmt::Write;

use super::{
    layout::{FAIL, fold},
    model::FailureReport,
    sanitize::clean,
};
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

/// The rows around the first difference, which is marked. A row takes 80 columns, and not one more.
fn dump(label: &str, bytes: &[u8], comparison: &Comparison) -> String {
    const INDENT: &str = "        ";
    let mut text = format!("{INDENT}{label}\n");
    if bytes.is_empty() {
        let _ = writeln!(text, "{INDENT}(nothing from here on)");
        return text;
    }
    for (index, row) in bytes.chunks(ROW).enumerate().take(3) {
        let offset = comparison.offset + index * ROW;
        let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let plain: String = row
            .iter()
            .map(|&byte| match byte {
                b' '..=b'~' => byte as char,
                _ => '.',
            })
            .collect();
        let _ = writeln!(text, "{INDENT}{offset:06x} {:<47}  {plain}", hex.join(" "));
        if (offset..offset + ROW).contains(&comparison.difference) {
            let column = 3 * (comparison.difference - offset);
            let _ = writeln!(
                text,
                "{INDENT}       {}{FAIL}^^{FAIL:#}",
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
        let start: String = lines.join("\\n").chars().take(room).collect();
        let row: String = clean(&start).chars().take(room).collect();
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
        let start: String = with_short_paths(line).chars().take(3 * width + 1).collect();
        let mut line = clean(&start);
        if line.chars().count() > 3 * width {
            line = line.chars().take(3 * width).chain(['…']).collect();
        }
        let _ = writeln!(text, "{}", fold(&line, width, "          ", "            "));
    }
    text.push('\n');
    text
}

/// A line in which the path of a source file that is not the student's begins with what tells it: `…/library/core/src/…`
/// of the standard library, `…/nix-0.30.1/src/…` of a package. How rustc was built, and where packages are, is no help.
fn with_short_paths(line: &str) -> String {
    let shorten = |word: &str| match foreign_source(word) {
        Some(path) => format!("…{path}"),
        None => word.to_owned(),
    };
    line.split_inclusive(' ').map(shorten).collect()
}

/// What tells the file, of a path into the standard library or a package.
fn foreign_source(word: &str) -> Option<&str> {
    let behind = |mark: &str| word.find(mark).map(|at| &word[at + mark.len()..]);
    if !word.starts_with('/') {
        return None;
    }
    let path = behind("/rustc/").or_else(|| behind("/rustlib/src/rust"));
    if let Some(path) = path {
        return path.find("/library/").map(|at| &path[at..]);
    }
    let path = behind("/registry/src/")?;
    path.find('/').map(|at| &path[at..])
}

/// What a program printed on standard error; and from where in its source it has panicked, where the panic names a place
/// in a library only.
pub(super) fn standard_error(failure: &FailureReport, width: usize) -> String {
    let text = output("Its standard error", &failure.stderr, width);
    let place = failure.panicked_at.as_ref();
    // The panic itself names a line as `src/main.rs:17:5`.
    let place = place.filter(|place| !failure.stderr.contains(&format!("{place}:")));
    match place {
        Some(place) => {
            let line = clean(&format!("(your program comes to this panic from {place})"));
            let line = fold(&line, width, "          ", "            ");
            format!("{}\n{line}\n\n", text.trim_end())
        }
        None => text,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_library_takes_80_columns() {
        const HASH: &str = "59807616e1fa2540724bfbac14d7976d7e4a3860";
        for (place, shown) in [
            (
                format!("/rustc/{HASH}/library/core/src/slice/index.rs:1034:5"),
                "…/library/core/src/slice/index.rs:1034:5",
            ),
            (
                "/opt/rust/toolchains/one-with-a-long-name/lib/rustlib/src/rust/library/std/src/io.rs:7:1"
                    .to_owned(),
                "…/library/std/src/io.rs:7:1",
            ),
            (
                "/opt/cargo/registry/src/the.registry-1949cf8c6b5b557f/nix-0.30.1/src/errno.rs:8:2".to_owned(),
                "…/nix-0.30.1/src/errno.rs:8:2",
            ),
            ("src/main.rs:17:5".to_owned(), "src/main.rs:17:5"),
        ] {
            let printed = format!("thread 'main' (4711) panicked at {place}:\nindex out of range\n");
            let text = output("Its standard error", &printed, 80);
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            let flat: Vec<&str> = text.split_whitespace().collect();
            assert!(flat.contains(&format!("{shown}:").as_str()), "{text}");
        }
    }

    #[test]
    fn a_dump_fits_80_columns_and_marks_the_first_difference() {
        let expected: Vec<u8> = (b'A'..=b'Z').cycle().take(200).collect();
        let mut got = expected.clone();
        got[101] = b'!';
        let comparison = Comparison::of("the reply", &expected, &got).unwrap();
        let text = compared(&comparison, 80);
        let text = anstream::adapter::strip_str(&text).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.iter().all(|line| line.len() <= 80), "{text}");
        let marks: Vec<usize> = (1..lines.len())
            .filter(|&at| lines[at].trim() == "^^")
            .collect();
        let marked = |at: usize| {
            let column = lines[at].find("^^").unwrap();
            lines[at - 1][column..column + 2].to_owned()
        };
        let marked: Vec<String> = marks.into_iter().map(marked).collect();
        let as_hex = |byte: u8| format!("{byte:02x}");
        assert_eq!(marked, [as_hex(expected[101]), as_hex(b'!')]);
    }
}
