//! What travelled, as a report shows it: bytes side by side, and what a program printed.

use std::fmt::Write;

use super::{
    layout::{FAIL, counted, fold},
    sanitize::clean,
};
use crate::{failure::Comparison, observe::source::SourceLine};

/// How many lines of a program's own output are shown.
const LINES: usize = 12;
/// How many bytes stand in one line of a dump.
const ROW: usize = 16;

/// Expected against got: as lines where both are text and short, else as a dump.
pub(super) fn compared(comparison: &Comparison, width: usize) -> String {
    let summary = fold(&summary(comparison), width, "        ", "          ");
    let fits = comparison.offset == 0
        && comparison.expected.len() == comparison.expected_length
        && comparison.got.len() == comparison.got_length;
    let side = |label: &str, bytes: &[u8]| match comparison.text && fits {
        // In quotes, so that a blank at the end is seen.
        true => {
            let line = format!("\"{}\"", bytes.escape_ascii());
            let first = format!("          {label:<9}");
            fold(&line, width, &first, "                   ") + "\n"
        }
        false => dump(label, bytes, comparison),
    };
    let (expected, got) = (&comparison.expected, &comparison.got);
    format!(
        "{summary}\n{}{}\n",
        side("expected", expected),
        side("got", got)
    )
}

/// How much was expected and has come, and how much of it is the same.
fn summary(comparison: &Comparison) -> String {
    let bytes = |count| counted(count, "byte", "bytes");
    let (what, came) = (&comparison.what, bytes(comparison.got_length));
    if comparison.expected_length == 0 {
        return format!("{what}: nothing more expected, {came} came");
    }
    let expected = bytes(comparison.expected_length);
    if comparison.got_length == 0 {
        return format!("{what}: {expected} expected, none came");
    }
    let same = match comparison.difference {
        0 => "they differ from the first byte on".to_owned(),
        same => format!(
            "the first {} the same",
            counted(same, "byte is", "bytes are")
        ),
    };
    format!("{what}: {expected} expected, {came} came; {same}")
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
        let is_seen = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
        let seen = row
            .iter()
            .map(|byte| if is_seen(byte) { *byte as char } else { '.' });
        let plain: String = seen.collect();
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

/// The beginning and the end of what a program printed on standard output.
pub(super) fn standard_output(printed: &str, width: usize) -> String {
    excerpt("Its standard output", printed.lines(), width)
}

/// What becomes of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    AsText,
    /// No person can read it.
    AsNoText,
    Not,
}

/// The first lines and the last ones, and those from a panic on.
fn excerpt<'a>(title: &str, lines: impl Iterator<Item = &'a str>, width: usize) -> String {
    const SOME: usize = LINES / 2;
    let lines: Vec<&str> = lines.filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return String::new();
    }
    let panic = lines.iter().position(|line| line.contains(" panicked at "));
    let of_panic = panic.map_or(0..0, |place| place..place + SOME);
    let shown = |place: usize| match place < SOME || lines.len() - place <= SOME {
        _ if of_panic.contains(&place) => Shown::AsText,
        true if is_unreadable(lines[place]) => Shown::AsNoText,
        true => Shown::AsText,
        false => Shown::Not,
    };
    let mut text = format!("        {title}\n");
    let lines: Vec<(Shown, &str)> = (0..lines.len())
        .map(|place| (shown(place), lines[place]))
        .collect();
    for alike in lines.chunk_by(|(one, _), (next, _)| one == next) {
        let texts = alike.iter().map(|(_, line)| *line);
        match alike[0].0 {
            Shown::AsText => texts.for_each(|line| text.push_str(&one_line(line, width))),
            Shown::AsNoText => text.push_str(&no_text(&texts.collect::<Vec<_>>(), width)),
            Shown::Not => {
                let _ = writeln!(
                    text,
                    "          … {} …",
                    counted(alike.len(), "line", "lines")
                );
            }
        }
    }
    text.push('\n');
    text
}

/// A line that a program printed. One endless line must not fill the screen.
fn one_line(line: &str, width: usize) -> String {
    // The line of a panic names its place at the end of a path.
    let start: String = with_short_paths(line).chars().take(3 * width + 1).collect();
    let mut line = clean(&start);
    if line.chars().count() > 3 * width {
        line = line.chars().take(3 * width).chain(['…']).collect();
    }
    fold(&line, width, "          ", "            ") + "\n"
}

/// One row is enough to recognise what is no text. A comparison shows bytes in full.
fn no_text(lines: &[&str], width: usize) -> String {
    let room = width.saturating_sub("          (not text) …".len());
    let start: String = lines.join("\\n").chars().take(room).collect();
    let row: String = clean(&start).chars().take(room).collect();
    format!("          (not text) {row}…\n")
}

/// Shortens the path of a source file that is not the student's: to `…/library/core/src/…` in the standard library, to
/// `…/nix-0.30.1/src/…` in a package. Where these are on this machine does not help.
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
pub(super) fn standard_error(
    stderr: &str,
    panicked_at: Option<&SourceLine>,
    width: usize,
) -> String {
    let text = excerpt("Its standard error", without_backtraces(stderr), width);
    // A panic names a line as `exercises/NAME/src/main.rs:17:5`, which ends with the place.
    let place = panicked_at.filter(|place| !stderr.contains(&format!("{place}:")));
    match place {
        Some(place) => {
            let line = clean(&format!("(your program comes to this panic from {place})"));
            let line = fold(&line, width, "          ", "            ");
            format!("{}\n{line}\n\n", text.trim_end())
        }
        None => text,
    }
}

/// Whether no person can read a line: one of ten letters, or more, is none. What is no UTF-8 has been replaced on the way
/// here, and also a letter in whose middle a long text is cut.
fn is_unreadable(line: &str) -> bool {
    let unreadable = line.matches([char::REPLACEMENT_CHARACTER, '\0']).count();
    unreadable > 0 && unreadable * 10 >= line.chars().count()
}

/// The lines of standard error without backtraces and the advice on them: a student needs the message of a panic.
fn without_backtraces(stderr: &str) -> impl Iterator<Item = &str> {
    let mut is_inside = false;
    stderr.lines().filter(move |line| {
        is_inside = *line == "stack backtrace:" || is_inside && is_frame(line);
        let is_advice = line.starts_with("note: ") && line.contains("run with `RUST_BACKTRACE");
        !is_inside && !is_advice
    })
}

/// Whether a line of a backtrace names a function, `   0: core::panicking::panic`, or its place, `   at src/main.rs:3:9`.
fn is_frame(line: &str) -> bool {
    let inner = line.trim_start();
    let name = inner.trim_start_matches(|letter: char| letter.is_ascii_digit());
    inner.len() < line.len()
        && (inner.starts_with("at ") || name.len() < inner.len() && name.starts_with(": "))
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
            let text = standard_error(&printed, None, 80);
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            let flat: Vec<&str> = text.split_whitespace().collect();
            assert!(flat.contains(&format!("{shown}:").as_str()), "{text}");
        }
    }

    /// What is shown of a program's standard error.
    fn shown(stderr: &str) -> String {
        standard_error(stderr, None, 80)
    }

    #[test]
    fn a_panic_is_shown_whatever_stands_around_it() {
        let panic =
            "\nthread 'main' (7) panicked at src/main.rs:3:9:\nassertion failed: \u{fffd}\n";
        let binary = "\u{fffd}\u{fffd}\u{fffd}\0\n".repeat(3);
        let log = "client gone\n".repeat(30);
        let text = shown(&format!(
            "{binary}text {}\u{fffd}\n{log}{panic}{log}",
            "é".repeat(60)
        ));
        assert_eq!(text.matches("(not text)").count(), 1, "{text}");
        assert!(text.contains("text ééé"), "{text}");
        assert!(
            text.contains("panicked at src/main.rs:3:9:\n          assertion failed"),
            "{text}"
        );
        assert_eq!(text.matches(" lines …").count(), 2, "{text}");
        assert!(text.lines().count() < 30, "{text}");
    }

    #[test]
    fn only_a_backtrace_is_left_out() {
        let trace = "thread 'main' panicked at src/main.rs:3:9:\nno\nstack backtrace:\n   0: core::panicking\n             at /rustc/x\n\
                     note: run with `RUST_BACKTRACE=full`\n  1: alpha\n";
        let text = shown(&format!("  1: first\n  at 10.0.0.1\n{trace}"));
        assert!(
            !text.contains("core::panicking") && !text.contains("RUST_BACKTRACE"),
            "{text}"
        );
        for own in ["1: first", "at 10.0.0.1", "1: alpha"] {
            assert!(text.contains(own), "{own}: {text}");
        }
        let text = standard_output("  1: alpha\n  at 10.0.0.1\n", 80);
        assert!(
            text.contains("1: alpha") && text.contains("at 10.0.0.1"),
            "{text}"
        );
    }

    #[test]
    fn a_blank_at_the_end_is_seen() {
        let told = |expected: &str, got: &str| {
            let (expected, got) = (expected.as_bytes(), got.as_bytes());
            compared(
                &Comparison::of_text("the line", expected, got).unwrap(),
                100,
            )
        };
        let text = told("hello ", "hello");
        assert!(text.contains("expected \"hello \"\n"), "{text}");
        assert!(text.contains("got      \"hello\"\n"), "{text}");
        assert!(text.contains("the first 5 bytes are the same"), "{text}");
        assert!(told("a", "b").contains("they differ from the first byte on"));
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
