//! The report for a person in a terminal: what is promised, what happened instead, and where to read.
//!
//! Nothing that a program printed reaches the terminal as it is: control characters are shown as escapes.

use std::{fmt::Write, path::Path};

use anstyle::{AnsiColor, Style};
use textwrap::{Options, wrap};

use super::{ExerciseReport, FailureReport, NoProgram, Report, Status, TestReport};
use crate::{failure::Comparison, lab::Sleeper};

const PASS: Style = AnsiColor::Green.on_default().bold();
const FAIL: Style = AnsiColor::Red.on_default().bold();
const BROKEN: Style = AnsiColor::Yellow.on_default().bold();
const STRONG: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// How much a report tells.
#[derive(Clone, Copy, Debug)]
pub struct Detail<'a> {
    /// The seed of the run, to run a test again.
    pub seed: u64,
    /// The program that was checked in place of the student's crate.
    pub program: Option<&'a Path>,
    /// Explain every failed test, not only the first of an exercise.
    pub verbose: bool,
    /// The width of the terminal, in columns.
    pub width: usize,
}

/// How many lines of a program's own output are shown.
const LINES: usize = 12;
const ROW: usize = 16;

/// One exercise: a line for each test, and the first failure explained.
pub fn exercise(exercise: &ExerciseReport, detail: Detail<'_>) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{STRONG}{}{STRONG:#}  {DIM}{}{DIM:#}\n",
        exercise.name, exercise.title
    );
    for warning in &exercise.warnings {
        let _ = writeln!(text, "{}", warning.trim_end());
    }
    if let Some(reason) = &exercise.no_program {
        text.push_str(&nothing_to_test(&exercise.name, reason, detail.width));
    }
    let mut explained = false;
    for test in &exercise.tests {
        one_test(
            &mut text,
            exercise,
            test,
            detail,
            !explained || detail.verbose,
        );
        explained |= test.status == Status::Failed;
    }
    let _ = writeln!(
        text,
        "\n  {} of {} points\n",
        exercise.points, exercise.max_points
    );
    text
}

/// Why there is no program, and what to do about it.
fn nothing_to_test(name: &str, reason: &NoProgram, width: usize) -> String {
    let (shown, what, advice) = match reason {
        NoProgram::DoesNotCompile(messages) => (
            messages.iter().map(|text| text.trim_end()).collect(),
            "does not compile",
            "the messages above are the compiler's; begin with the first one. No test has run."
                .to_owned(),
        ),
        NoProgram::UnreadablePackage(reason) => (
            vec![reason.trim_end()],
            "cargo cannot read it",
            format!(
                "mend exercises/{name}/Cargo.toml, or bring it back with `git restore exercises/{name}/Cargo.toml`."
            ),
        ),
        NoProgram::MissingFile(file) => (
            Vec::new(),
            "no program",
            // The file alone: all of the folder would be the student's other work, too.
            format!("{file} is missing. Bring it back with `git restore {file}`."),
        ),
        NoProgram::RenamedPackage(found) => (
            Vec::new(),
            "no program",
            format!(
                "the package in exercises/{name}/Cargo.toml is called \"{}\". The checker looks for its own name: \
                 name = \"{name}\".",
                clean(found)
            ),
        ),
        NoProgram::NoBinary => (
            Vec::new(),
            "no program",
            format!(
                "exercises/{name} builds no binary called {name}. Let Cargo.toml name the package so, and name no \
                 other binary: then src/main.rs is built."
            ),
        ),
    };
    let mut text: String = shown
        .iter()
        .map(|message: &&str| match reason {
            // Coloured by the compiler itself.
            NoProgram::DoesNotCompile(_) => format!("{message}\n"),
            _ => format!("{}\n", clean(message)),
        })
        .collect();
    if !text.is_empty() {
        text.push('\n');
    }
    let verdict = fold(&format!("{what}: {advice}"), width, "  ", "  ");
    let verdict = verdict.replacen(what, &format!("{FAIL}{what}{FAIL:#}"), 1);
    let _ = writeln!(text, "{verdict}\n");
    text
}

fn one_test(
    text: &mut String,
    exercise: &ExerciseReport,
    test: &TestReport,
    detail: Detail<'_>,
    explain: bool,
) {
    let (style, word) = match test.status {
        Status::Passed => (PASS, "pass"),
        Status::Failed => (FAIL, "FAIL"),
        Status::Broken => (BROKEN, "LAB!"),
    };
    let got = match test.status {
        Status::Passed => test.points,
        _ => 0,
    };
    let name = fold(&test.name, detail.width.saturating_sub(16), "", "");
    let mut lines = name.lines();
    let first = lines.next().unwrap_or_default();
    let room = detail.width.saturating_sub(14);
    let _ = writeln!(
        text,
        "  {style}{word}{style:#}  {first:<room$}{DIM}{got:>2}/{}{DIM:#}",
        test.points
    );
    for line in lines {
        let _ = writeln!(text, "        {line}");
    }
    if let Some(error) = &test.error {
        let message = format!("the lab itself failed: {error}. This is not your program's fault.");
        let _ = writeln!(
            text,
            "{}",
            fold(&message, detail.width, "        ", "        ")
        );
    }
    if let Some(failure) = &test.failure {
        if explain {
            let _ = write!(text, "\n{}\n", explanation(exercise, test, failure, detail));
        } else {
            let _ = writeln!(
                text,
                "{DIM}{}{DIM:#}",
                fold(
                    &clean(&failure.symptom),
                    detail.width,
                    "        ",
                    "        "
                )
            );
        }
    }
}

/// Everything about one failure, in the order in which it helps.
pub fn explanation(
    exercise: &ExerciseReport,
    test: &TestReport,
    failure: &FailureReport,
    detail: Detail<'_>,
) -> String {
    const INDENT: &str = "        ";
    let width = detail.width;
    let mut text = String::new();
    let symptom = fold(&clean(&failure.symptom), width, INDENT, INDENT);
    let _ = writeln!(text, "{STRONG}{symptom}{STRONG:#}\n");

    let _ = writeln!(text, "{INDENT}What the test did");
    for (index, step) in failure.steps.iter().enumerate() {
        let number = index + 1;
        let is_last = number == failure.steps.len();
        let mark = if is_last { ">" } else { " " };
        let first = format!("{INDENT}{mark} {number:>2}. ");
        let rest = " ".repeat(first.len());
        let step = fold(&clean(step), width, &first, &rest);
        if is_last {
            let _ = writeln!(text, "{FAIL}{step}{FAIL:#}");
        } else {
            let _ = writeln!(text, "{step}");
        }
    }
    let _ = writeln!(text);

    if let Some(comparison) = &failure.comparison {
        text.push_str(&compared(comparison, width));
    }
    // That it runs says nothing: every program does at some moment.
    let tells = |process: &&Sleeper| process.does != Sleeper::RUNS || !process.is_main;
    if failure.processes.iter().any(|process| tells(&process)) {
        let _ = writeln!(text, "{INDENT}What your program did at that moment");
        for process in &failure.processes {
            let who = match process.is_main {
                true => "it".to_owned(),
                false => format!("its child {}", process.pid),
            };
            let on = process
                .on
                .as_ref()
                .map_or(String::new(), |on| format!(": {on}"));
            let line = format!("{who} {}{on}", process.does);
            let _ = writeln!(
                text,
                "{}",
                fold(&clean(&line), width, "          ", "            ")
            );
        }
        let _ = writeln!(text);
    }
    text.push_str(&output("Its standard error", &failure.stderr, width));
    let is_shown = failure
        .comparison
        .as_ref()
        .is_some_and(|comparison| comparison.text);
    if !is_shown {
        text.push_str(&output("Its standard output", &failure.stdout, width));
    }
    let _ = writeln!(
        text,
        "{}",
        fold(&failure.hint, width, "        hint   ", "               ")
    );
    let _ = writeln!(
        text,
        "{}",
        fold(
            &format!("course.md, \"{}\"", failure.read),
            width,
            "        read   ",
            "               "
        )
    );
    let program = detail.program.map_or(String::new(), |program| {
        format!("--program {} \\\n                 ", program.display())
    });
    let _ = writeln!(
        text,
        "        again  cargo run -p checker {} --seed {} \\\n                 {program}--only \"{}\"",
        exercise.name, detail.seed, test.name
    );
    text
}

/// Expected against got: as lines where both are text and short, else as a dump.
fn compared(comparison: &Comparison, width: usize) -> String {
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

/// The end of what a program printed.
fn output(title: &str, printed: &str, width: usize) -> String {
    let lines: Vec<&str> = printed
        .lines()
        .filter(|line| !line.trim().is_empty() && !is_backtrace(line))
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    let mut text = format!("        {title}\n");
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

/// What closes a report on several exercises.
pub fn summary(report: &Report) -> String {
    let (style, word) = match report.status {
        Status::Passed => (PASS, "all tests pass"),
        Status::Failed => (FAIL, "not yet"),
        Status::Broken => (BROKEN, "the lab itself failed; see `checker doctor`"),
    };
    format!(
        "{style}{word}{style:#}: {} of {} points, seed {}\n",
        report.points, report.max_points, report.seed
    )
}

/// Folds a text to the width of the terminal.
pub fn fold(text: &str, width: usize, first: &str, rest: &str) -> String {
    let options = Options::new(width.max(40))
        .initial_indent(first)
        .subsequent_indent(rest);
    wrap(text, options).join("\n")
}

/// Control characters as escapes, so that nothing a program prints can steer the terminal.
pub fn clean(text: &str) -> String {
    text.chars()
        .flat_map(|letter| {
            let shown: Box<dyn Iterator<Item = char>> = if letter.is_control() && letter != '\n' {
                Box::new(letter.escape_default())
            } else {
                Box::new(std::iter::once(letter))
            };
            shown
        })
        .collect()
}
