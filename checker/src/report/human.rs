//! The report for a person in a terminal: what is promised, what happened instead, and where to read.
//!
//! Nothing that a program printed reaches the terminal as it is: see [`sanitize`](super::sanitize).

use std::{fmt::Write, path::Path};

use anstyle::{AnsiColor, Style};

use super::{
    calls::last_calls,
    context::Context,
    excerpt::{compared, output, standard_error},
    layout::{FAIL, fold, plain},
    model::{ExerciseReport, FailureReport, NoProgram, Report, Status, TestReport},
    sanitize::{clean, cut, from_compiler, without_commands},
};
use crate::{
    book::Places,
    failure::{Diagnosis, LabError},
    lab::ProcessState,
};

const PASS: Style = AnsiColor::Green.on_default().bold();
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
    /// Where the headings of the textbook are.
    pub places: &'a Places,
}

/// What a report in a file is folded to, in columns.
const WIDTH: usize = 80;

impl Detail<'_> {
    /// How much a file tells.
    pub(super) fn of<'a>(report: &Report, context: &'a Context) -> Detail<'a> {
        Detail::new(report.seed, context)
    }

    /// How much a file tells of a run with this seed.
    pub(super) fn new(seed: u64, context: &Context) -> Detail<'_> {
        Detail {
            seed,
            program: context.program.as_deref(),
            verbose: context.verbose,
            width: WIDTH,
            places: &context.places,
        }
    }
}

/// One exercise: a line for each test, and the first failure explained.
pub fn exercise(exercise: &ExerciseReport, detail: Detail<'_>) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{STRONG}{}{STRONG:#}  {DIM}{}{DIM:#}\n",
        exercise.name, exercise.title
    );
    text.push_str(&from_compiler(&exercise.warnings));
    if let Some(reason) = &exercise.no_program {
        text.push_str(&nothing_to_test(&exercise.name, reason, detail.width));
    }
    let mut explained = false;
    for (test, alike) in by_cause(&exercise.tests, detail.verbose) {
        one_test(
            &mut text,
            exercise,
            test,
            detail,
            !explained || detail.verbose,
        );
        explained |= test.status == Status::Failed;
        text.push_str(&more(&alike, detail.width));
    }
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "  {} of {} points\n",
        exercise.points, exercise.max_points
    );
    without_commands(&text)
}

/// All of a report as a text without colour, as a file holds it.
///
/// # Errors
///
/// Never.
pub fn render(report: &Report, context: &Context) -> Result<String, LabError> {
    let detail = Detail::of(report, context);
    let exercises = report.exercises.iter();
    let text: String = exercises
        .map(|one| exercise(one, detail))
        .chain([summary(report)])
        .collect();
    Ok(without_commands(&plain(&text)))
}

/// The tests in their order; behind the first that fails of a cause, those that fail of it, too. Each stands alone if
/// all are to be explained.
fn by_cause(tests: &[TestReport], verbose: bool) -> Vec<(&TestReport, Vec<&TestReport>)> {
    let mut causes: Vec<(&TestReport, Vec<&TestReport>)> = Vec::new();
    for test in tests {
        let known = causes
            .iter_mut()
            .find(|(first, _)| !verbose && fail_alike(first, test));
        match known {
            Some((_, alike)) => alike.push(test),
            None => causes.push((test, Vec::new())),
        }
    }
    causes
}

/// Whether two tests fail of what looks like one cause.
fn fail_alike(one: &TestReport, other: &TestReport) -> bool {
    let (Some(one), Some(other)) = (&one.failure, &other.failure) else {
        return false;
    };
    if one.untouched && other.untouched {
        return true;
    }
    one.diagnosis == other.diagnosis
        && match one.diagnosis {
            Diagnosis::Exited => one.symptom == other.symptom || end_alike(one, other),
            // Each unwrap panics with the same status.
            Diagnosis::Panicked => end_alike(one, other),
            // The line has another port each time, and how far the program comes behind it is chance.
            Diagnosis::BadAnnouncement => true,
            _ => one.symptom == other.symptom || sleep_alike(one, other),
        }
}

/// Whether the program ends by itself in both, with the same status and the same words. The symptom tells what the test
/// waited for, which is random.
fn end_alike(one: &FailureReport, other: &FailureReport) -> bool {
    (one.ending, last_words(&one.stderr)) == (other.ending, last_words(&other.stderr))
}

/// Of a Rust program that panics: where, and why. Before that comes the number of its thread, and what it has said of its
/// clients, with their ports: both are others each time. Of any other program: all that it says.
fn last_words(stderr: &str) -> &str {
    stderr
        .find(" panicked at ")
        .map_or(stderr, |place| &stderr[place..])
}

/// Whether the program sleeps in the same calls at the same step. The symptom names a port then, which is another one
/// each time.
fn sleep_alike(one: &FailureReport, other: &FailureReport) -> bool {
    let is_about_bytes = one.comparison.is_some() || other.comparison.is_some();
    let calls = |failure: &FailureReport| -> Vec<String> {
        let processes = failure.processes.iter();
        processes.map(|process| process.does.clone()).collect()
    };
    !is_about_bytes
        && !one.processes.is_empty()
        && calls(one) == calls(other)
        && one.steps.last() == other.steps.last()
}

/// The tests that fail as the one above them does, without a line for each.
fn more(alike: &[&TestReport], width: usize) -> String {
    const INDENT: &str = "        ";
    /// Lines of names.
    const MOST: usize = 3;
    let fail = match alike.len() {
        0 => return String::new(),
        1 => "fails",
        _ => "fail",
    };
    let points: u32 = alike.iter().map(|test| test.points).sum();
    let room = width.saturating_sub(14);
    let head = format!("{} more {fail} in the same way:", alike.len());
    let head = format!(
        "  {FAIL}FAIL{FAIL:#}  {head:<room$}{DIM}{:>2}/{points}{DIM:#}",
        0
    );
    // As many names as fit.
    let names = (1..=alike.len()).rev().map(|count| {
        let shown: Vec<&str> = alike[..count]
            .iter()
            .map(|test| test.name.as_str())
            .collect();
        let rest = match alike.len() - count {
            0 => String::new(),
            1 => "; and 1 other (--verbose explains it)".to_owned(),
            rest => format!("; and {rest} others (--verbose explains each)"),
        };
        fold(&(shown.join("; ") + &rest), width, INDENT, INDENT)
    });
    let fits = |names: &String| names.lines().count() <= MOST;
    let mut names = names.skip_while(|names| !fits(names));
    format!("{head}\n{DIM}{}{DIM:#}\n", names.next().unwrap_or_default())
}

/// Why there is no program, and what to do about it.
pub fn nothing_to_test(name: &str, reason: &NoProgram, width: usize) -> String {
    let (mut text, what, advice) = match reason {
        NoProgram::DoesNotCompile(messages) if messages.is_empty() => (
            String::new(),
            "does not compile",
            format!("`cargo build -p {name}` shows why. Nothing has run."),
        ),
        NoProgram::DoesNotCompile(messages) => (
            from_compiler(messages),
            "does not compile",
            "the messages above are the compiler's; begin with the first one. Nothing has run."
                .to_owned(),
        ),
        NoProgram::UnreadablePackage(reason) => (
            from_compiler(std::slice::from_ref(reason)),
            "cargo cannot read it",
            format!(
                "fix exercises/{name}/Cargo.toml, or bring it back with `git restore exercises/{name}/Cargo.toml`."
            ),
        ),
        NoProgram::MissingFile(file) => (
            String::new(),
            "no program",
            // The file alone: all of the folder would be the student's other work, too.
            format!("{file} is missing. Bring it back with `git restore {file}`."),
        ),
        NoProgram::RenamedPackage(found) => (
            String::new(),
            "no program",
            format!(
                "the package in exercises/{name}/Cargo.toml is called \"{}\". The checker looks for its own name: \
                 name = \"{name}\".",
                clean(&cut(found, 100))
            ),
        ),
        NoProgram::NoBinary => (
            String::new(),
            "no program",
            format!(
                "exercises/{name} builds no binary called {name}. Let Cargo.toml name the package so, and name no \
                 other binary: then src/main.rs is built."
            ),
        ),
    };
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
        Status::NotChecked => (BROKEN, "----"),
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
    text.push_str(&unknown(test, detail.width));
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

/// Why nothing is known about the program: the lab failed, or may not look here. Empty where something is known.
fn unknown(test: &TestReport, width: usize) -> String {
    const INDENT: &str = "        ";
    let trouble = test
        .error
        .as_ref()
        .map(|error| format!("the lab itself failed: {error}. This is not your program's fault."));
    let gap = test.not_checked.as_ref();
    let gap = gap.map(|reason| format!("not checked here: {reason}"));
    let messages = trouble.into_iter().chain(gap);
    messages
        .map(|message| fold(&clean(&message), width, INDENT, INDENT) + "\n")
        .collect()
}

/// All there is to say about one test; empty if it passed.
pub fn told(exercise: &ExerciseReport, test: &TestReport, detail: Detail<'_>) -> String {
    let failure = test.failure.as_ref();
    let failure = failure.map(|failure| explanation(exercise, test, failure, detail));
    unknown(test, detail.width) + &failure.unwrap_or_default()
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
    let tells = |process: &&ProcessState| process.does != ProcessState::RUNS || !process.is_main;
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
    text.push_str(&last_calls(&failure.calls, width));
    text.push_str(&standard_error(failure, width));
    let is_shown = failure
        .comparison
        .as_ref()
        .is_some_and(|comparison| comparison.text);
    if !is_shown {
        text.push_str(&output("Its standard output", &failure.stdout, width));
    }
    let rest = "               ";
    if let Some(cause) = &failure.cause {
        let cause = fold(&clean(cause), width, "        cause  ", rest);
        let _ = writeln!(text, "{cause}");
    }
    let hint = fold(&failure.hint, width, "        hint   ", rest);
    let _ = writeln!(text, "{hint}");
    let _ = writeln!(
        text,
        "{}",
        fold(
            &detail.places.cite(&failure.read),
            width,
            "        read   ",
            rest
        )
    );
    text.push_str(&again(exercise, test, detail));
    text
}

/// The command that runs this test again, as a shell reads it.
fn again(exercise: &ExerciseReport, test: &TestReport, detail: Detail<'_>) -> String {
    const FIRST: &str = "        again  ";
    const REST: &str = "                 ";
    let mut words = vec![
        format!("cargo run -p checker {}", exercise.name),
        format!("--seed {}", detail.seed),
    ];
    if let Some(program) = detail.program {
        let path = program.display().to_string();
        words.push(format!("--program {}", for_shell(&path)));
    }
    // A name that does not fit is shortened: --only takes any part of it.
    let room = detail
        .width
        .saturating_sub(REST.len() + "--only \"\"".len());
    let name = fold(&test.name, room, "", "");
    let name = name.lines().next().unwrap_or_default();
    words.push(format!("--only {}", for_shell(name)));

    let mut text = String::new();
    let mut line = FIRST.to_owned();
    for (index, word) in words.iter().enumerate() {
        let room = detail.width.saturating_sub(" \\".len());
        if index > 0 && line.len() + 1 + word.len() > room {
            let _ = writeln!(text, "{line} \\");
            line = format!("{REST}{word}");
        } else {
            let blank = if index == 0 { "" } else { " " };
            let _ = write!(line, "{blank}{word}");
        }
    }
    let _ = writeln!(text, "{line}");
    text
}

/// A word of a command in the quotes that it needs: sh would run what stands between backticks.
fn for_shell(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else if !word.contains(['"', '$', '`', '\\', '!']) {
        format!("\"{word}\"")
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// What closes a report on several exercises.
pub fn summary(report: &Report) -> String {
    let all: usize = report.exercises.iter().map(|one| one.all_tests).sum();
    let chosen: usize = report.exercises.iter().map(ExerciseReport::chosen).sum();
    let (style, word) = match report.status {
        Status::Passed if chosen < all => (PASS, "the chosen tests pass"),
        Status::Passed => (PASS, "all tests pass"),
        Status::Failed => (FAIL, "not yet"),
        Status::Broken => (BROKEN, "the lab itself failed; see `cargo lab doctor`"),
        Status::NotChecked => (
            BROKEN,
            "not all can be checked here; see `cargo lab doctor`",
        ),
    };
    let among = match chosen < all {
        true => format!(" in {chosen} of {all} tests"),
        false => String::new(),
    };
    format!(
        "{style}{word}{style:#}: {} of {} points{among}, seed {}\n",
        report.points, report.max_points, report.seed
    )
}
