//! The report for a person in a terminal: what is promised, what happened instead, and where to read.
//!
//! Nothing that a program printed reaches the terminal as it is: see [`sanitize`](super::sanitize).

mod causes;
mod closing;

use std::{fmt::Write, path::Path, slice};

use anstyle::Style;

use self::causes::{by_cause, more};
pub use self::closing::{Closing, summary};
use super::{
    calls::last_calls,
    context::Context,
    excerpt::{compared, standard_error, standard_output},
    layout::{DIM, FAIL, HINT, PASS, STRONG, UNSURE, counted, cut_at_word, fold, plain},
    model::{ExerciseReport, FailureReport, NoProgram, Report, Status, TestReport},
    sanitize::{clean, cut, from_compiler, without_commands},
};
use crate::{book::Places, failure::LabError, frontend::Frontend, lab::ProcessState};

/// How much a report tells.
#[derive(Clone, Copy, Debug)]
pub struct Detail<'a> {
    /// The seed of the run, to run a test again.
    pub seed: u64,
    /// The program that was checked in place of the student's crate.
    pub program: Option<&'a Path>,
    /// Explain every failed test, not only the first of an exercise, and name every test that passes.
    pub verbose: bool,
    /// Whether this is the only exercise of the run: then what closes the report tells its points.
    pub is_alone: bool,
    /// The width of the terminal, in columns.
    pub width: usize,
    /// How many lines the screen has, where the reader sees the end of a report first; none where that is not known.
    pub rows: Option<usize>,
    /// Where the reader is.
    pub frontend: Frontend,
    /// Where the headings of the textbook are.
    pub places: &'a Places,
}

/// What a report in a file is folded to, in columns.
const WIDTH: usize = 80;

impl Detail<'_> {
    /// How much a file tells.
    pub(super) fn in_file<'a>(report: &Report, context: &'a Context) -> Detail<'a> {
        Detail {
            seed: report.seed,
            program: context.program.as_deref(),
            verbose: context.verbose,
            is_alone: report.exercises.len() == 1,
            width: WIDTH,
            rows: None,
            frontend: Frontend::Shell,
            places: &context.places,
        }
    }
}

/// One exercise: what passes, and what else fails, in short; last of all the first failure, explained.
pub fn exercise(exercise: &ExerciseReport, detail: Detail<'_>) -> String {
    without_commands(&all_of(exercise, detail))
}

/// The same for a file.
pub(super) fn exercise_in_file(exercise: &ExerciseReport, detail: Detail<'_>) -> String {
    // Without its colours first: they can stand within a command.
    without_commands(&plain(&all_of(exercise, detail)))
}

fn all_of(exercise: &ExerciseReport, detail: Detail<'_>) -> String {
    let mut text = head(exercise, detail);
    let tests: Vec<&TestReport> = exercise.tests.iter().collect();
    let passing = match tests.iter().any(|test| test.failure.is_some()) {
        true => Passing::Together,
        false => Passing::InTheirOrder,
    };
    text.push_str(&in_short(&tests, Place::Below, passing, detail));
    for test in explained(&tests, detail) {
        add_in_full(&mut text, exercise, test, detail);
    }
    text + &foot(exercise, detail)
}

/// The same while its tests still run: those before the first failure, which have all ended, and that failure.
pub fn first_failure(exercise: &ExerciseReport, first: &TestReport, detail: Detail<'_>) -> String {
    let mut text = head(exercise, detail);
    let before = exercise
        .tests
        .iter()
        .take_while(|test| test.name != first.name);
    let before: Vec<&TestReport> = before.collect();
    text.push_str(&in_short(&before, Place::Below, Passing::Together, detail));
    add_in_full(&mut text, exercise, first, detail);
    text.push_str(match detail.frontend {
        Frontend::Shell => "\n  The other tests still run. Ctrl-C ends them.\n",
        Frontend::Keys | Frontend::Saves => {
            "\n  The other tests still run. The next save ends them.\n"
        }
    });
    without_commands(&text)
}

/// What there is to say when the tests behind a failure that was [shown](first_failure) have ended, too. Last comes its
/// hint once more.
pub fn after_first_failure(
    exercise: &ExerciseReport,
    first: &TestReport,
    detail: Detail<'_>,
) -> String {
    let mut text = String::from("\n");
    let behind = exercise
        .tests
        .iter()
        .skip_while(|test| test.name != first.name);
    let behind: Vec<&TestReport> = behind.collect();
    text.push_str(&in_short(&behind, Place::Above, Passing::Together, detail));
    for test in explained(&behind, detail).filter(|test| test.name != first.name) {
        add_in_full(&mut text, exercise, test, detail);
    }
    text.push_str(&in_two_lines(first, detail.width));
    if let Some(failure) = &first.failure {
        let _ = writeln!(text, "{}", hint(&failure.hint, detail.width));
    }
    text.push_str(&foot(exercise, detail));
    without_commands(&text)
}

/// Its name, and what the compiler says.
fn head(exercise: &ExerciseReport, detail: Detail<'_>) -> String {
    let mut text = format!(
        "{STRONG}{}{STRONG:#}  {DIM}{}{DIM:#}\n\n",
        exercise.name, exercise.title
    );
    text.push_str(&from_compiler(&exercise.warnings));
    if let Some(reason) = &exercise.no_program {
        text.push_str(&nothing_to_test(&exercise.name, reason, detail.width));
    }
    text
}

/// Its points, unless what closes the report tells them.
fn foot(exercise: &ExerciseReport, detail: Detail<'_>) -> String {
    match detail.is_alone {
        true => "\n".to_owned(),
        false => format!(
            "\n  {} of {} points\n\n",
            exercise.points, exercise.max_points
        ),
    }
}

/// Where the failure that is explained stands, as seen from the tests in short.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Above,
    Below,
}

/// How the tests that pass stand among those in short.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passing {
    /// They share a line.
    Together,
    InTheirOrder,
}

/// Those of the failed tests which are explained: the first one, or all.
fn explained<'a>(
    tests: &[&'a TestReport],
    detail: Detail<'_>,
) -> impl Iterator<Item = &'a TestReport> {
    let failed = tests.iter().copied().filter(|test| test.failure.is_some());
    failed.take(if detail.verbose { usize::MAX } else { 1 })
}

/// A line or two for each test which is not explained.
fn in_short(tests: &[&TestReport], place: Place, passing: Passing, detail: Detail<'_>) -> String {
    let is_apart =
        |test: &&TestReport| passing == Passing::Together && test.status == Status::Passed;
    let (passed, others): (Vec<&TestReport>, Vec<&TestReport>) =
        tests.iter().copied().partition(is_apart);
    let mut text = passes(&passed, detail);
    let mut like_the_explained = String::new();
    let explained: Vec<&str> = explained(tests, detail).map(|test| &*test.name).collect();
    for (test, alike) in by_cause(others, detail.verbose) {
        if explained.contains(&&*test.name) {
            let like = match place {
                Place::Below => " as the one below",
                Place::Above => " as the one above",
            };
            like_the_explained = more(&alike, like, detail.width);
            continue;
        }
        text.push_str(&row(test, detail.width));
        text.push_str(&unknown(test, detail.width));
        text.push_str(&symptom_in_short(test, detail.width));
        text.push_str(&more(&alike, "", detail.width));
    }
    text + &like_the_explained
}

/// The tests that pass: how many, or which.
fn passes(passed: &[&TestReport], detail: Detail<'_>) -> String {
    if detail.verbose || passed.len() < 2 {
        return passed.iter().map(|test| row(test, detail.width)).collect();
    }
    let points: u32 = passed.iter().map(|test| test.points).sum();
    let what = format!("{} tests", passed.len());
    test_line((PASS, "pass"), &what, (points, points), detail.width)
}

/// Adds one failure, and all there is to say about it.
fn add_in_full(
    text: &mut String,
    exercise: &ExerciseReport,
    test: &TestReport,
    detail: Detail<'_>,
) {
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    text.push_str(&row(test, detail.width));
    if let Some(failure) = &test.failure {
        let _ = write!(text, "\n{}", explanation(exercise, test, failure, detail));
    }
}

/// A failure in two lines: what was promised, and what was seen.
fn in_two_lines(test: &TestReport, width: usize) -> String {
    row(test, width) + &symptom_in_short(test, width)
}

/// The symptom of a failure in a line of its own.
fn symptom_in_short(test: &TestReport, width: usize) -> String {
    const INDENT: usize = 8;
    let Some(failure) = &test.failure else {
        return String::new();
    };
    let symptom = clean(&failure.symptom);
    let line = symptom.lines().next().unwrap_or_default();
    let line = cut_at_word(line.to_owned(), width.saturating_sub(INDENT));
    format!("{:INDENT$}{DIM}{line}{DIM:#}\n", "")
}

/// All of a report as a text without colour, as a file holds it.
///
/// # Errors
///
/// Never.
pub fn render(report: &Report, context: &Context) -> Result<String, LabError> {
    let detail = Detail::in_file(report, context);
    let exercises = report.exercises.iter();
    Ok(exercises
        .map(|one| exercise_in_file(one, detail))
        .chain([plain(&summary(report, &Closing::default()))])
        .collect())
}

/// Why there is no program, and what to do about it.
pub fn nothing_to_test(name: &str, reason: &NoProgram, width: usize) -> String {
    let messages = match reason {
        NoProgram::DoesNotCompile(messages) => messages,
        NoProgram::UnreadablePackage(message) => slice::from_ref(message),
        _ => &[],
    };
    let (what, advice) = why_no_program(name, reason);
    let verdict = fold(&format!("{what}: {advice}"), width, "  ", "  ");
    let verdict = verdict.replacen(what, &format!("{FAIL}{what}{FAIL:#}"), 1);
    format!("{}{verdict}\n\n", from_compiler(messages))
}

fn why_no_program(name: &str, reason: &NoProgram) -> (&'static str, String) {
    let manifest = format!("exercises/{name}/Cargo.toml");
    match reason {
        NoProgram::DoesNotCompile(messages) if messages.is_empty() => (
            "does not compile",
            format!("`cargo build -p {name}` shows why. Nothing has run."),
        ),
        NoProgram::DoesNotCompile(_) => (
            "does not compile",
            "the messages above are the compiler's; begin with the first one. Nothing has run."
                .to_owned(),
        ),
        NoProgram::UnreadablePackage(_) => (
            "cargo cannot read it",
            format!(
                "fix {manifest}, or bring it back: {}.",
                manifest_again(name)
            ),
        ),
        NoProgram::MissingFile(file) if file.ends_with("Cargo.toml") => (
            "no program",
            format!(
                "{file} is missing. Bring it back: {}.",
                manifest_again(name)
            ),
        ),
        NoProgram::MissingFile(file) => (
            "no program",
            format!(
                "{file} is missing. `cargo lab reset {name}` brings the starter back, and keeps what else is there."
            ),
        ),
        NoProgram::RenamedPackage(found) => (
            "no program",
            format!(
                "the package in {manifest} is called \"{}\". The checker looks for its own name: name = \"{name}\".",
                clean(&cut(found, 100))
            ),
        ),
        NoProgram::NoBinary => (
            "no program",
            format!(
                "exercises/{name} builds no binary called {name}. Let Cargo.toml name the package so, and name no \
                 other binary: then src/main.rs is built."
            ),
        ),
    }
}

/// How a manifest comes back. Without it cargo does not know the workspace, so that `cargo lab` does not start.
fn manifest_again(name: &str) -> String {
    let file = format!("exercises/{name}/Cargo.toml");
    format!("`git restore {file}`, or in a handout `cp checker/starters/{name}/Cargo.toml {file}`")
}

/// The line of a test: what became of it, its name, its points.
fn row(test: &TestReport, width: usize) -> String {
    const INDENT: &str = "        ";
    let (style, word) = match test.status {
        Status::Passed => (PASS, "pass"),
        Status::Failed => (FAIL, "FAIL"),
        Status::Broken => (UNSURE, "LAB!"),
        Status::NotChecked => (UNSURE, "----"),
    };
    let name = fold(&test.name, width.saturating_sub(8), INDENT, INDENT);
    let (first, rest) = name.split_once('\n').unwrap_or((&name, ""));
    let points = (test.earned(), test.points);
    let mut text = test_line((style, word), first.trim_start(), points, width);
    if !rest.is_empty() {
        let _ = writeln!(text, "{rest}");
    }
    text
}

/// A line about a test, or about several: what became of it, what it is, its points.
fn test_line((style, word): (Style, &str), what: &str, points: (u32, u32), width: usize) -> String {
    let room = width.saturating_sub(14);
    let (earned, most) = points;
    format!("  {style}{word}{style:#}  {what:<room$}{DIM}{earned:>2}/{most}{DIM:#}\n")
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
pub(super) fn all_about(
    exercise: &ExerciseReport,
    test: &TestReport,
    detail: Detail<'_>,
) -> String {
    let failure = test.failure.as_ref();
    let failure = failure.map(|failure| explanation(exercise, test, failure, detail));
    unknown(test, detail.width) + &failure.unwrap_or_default()
}

/// Everything about one failure, in the order in which it helps.
fn explanation(
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
    text.push_str(&what_the_test_did(&failure.steps, width));
    if let Some(comparison) = &failure.comparison {
        text.push_str(&compared(comparison, width));
    }
    text.push_str(&at_that_moment(&failure.processes, width));
    text.push_str(&last_calls(&failure.calls, width));
    let place = failure.panicked_at.as_ref();
    text.push_str(&standard_error(&failure.stderr, place, width));
    let is_shown = failure
        .comparison
        .as_ref()
        .is_some_and(|comparison| comparison.text);
    if !is_shown {
        text.push_str(&standard_output(&failure.stdout, width));
    }
    let advice = advice(exercise, test, failure, detail);
    // Around it stand the test's name, the points, what comes next, and the keys. Where all of this is longer than the
    // screen, the advice is seen first, so that it begins with what it is about.
    const AROUND: usize = 8;
    let lines = text.lines().count() + advice.lines().count() + AROUND;
    if detail.rows.is_some_and(|rows| lines > rows) {
        text.push_str(&in_two_lines(test, width));
    }
    text + &advice
}

/// The steps of a test, of which the last one failed.
fn what_the_test_did(steps: &[String], width: usize) -> String {
    const INDENT: &str = "        ";
    let mut text = format!("{INDENT}What the test did\n");
    for (index, step) in steps.iter().enumerate() {
        let number = index + 1;
        let (style, mark) = match number == steps.len() {
            true => (FAIL, ">"),
            false => (Style::new(), " "),
        };
        let first = format!("{INDENT}{mark} {number:>2}. ");
        let step = fold(&clean(step), width, &first, &" ".repeat(first.len()));
        let _ = writeln!(text, "{style}{step}{style:#}");
    }
    text + "\n"
}

/// What the processes of the program did, of many those that are told first.
fn at_that_moment(processes: &[ProcessState], width: usize) -> String {
    const INDENT: &str = "          ";
    const MOST_PROCESSES: usize = 8;
    // That it runs says nothing: every program does at some moment.
    let tells = |process: &ProcessState| process.does != ProcessState::RUNS || !process.is_main;
    if !processes.iter().any(tells) {
        return String::new();
    }
    let mut text = "        What your program did at that moment\n".to_owned();
    for process in processes.iter().take(MOST_PROCESSES) {
        let who = match process.is_main {
            true => "it".to_owned(),
            false => format!("its child {}", process.pid),
        };
        let on = process
            .on
            .as_ref()
            .map_or(String::new(), |on| format!(": {on}"));
        let line = clean(&format!("{who} {}{on}", process.does));
        let _ = writeln!(text, "{}", fold(&line, width, INDENT, "            "));
    }
    if processes.len() > MOST_PROCESSES {
        let left_out = counted(
            processes.len() - MOST_PROCESSES,
            "more process",
            "more processes",
        );
        let _ = writeln!(text, "{INDENT}and {left_out}");
    }
    text + "\n"
}

/// The cause of a failure as far as it is known, what to do about it, and where to read.
fn advice(
    exercise: &ExerciseReport,
    test: &TestReport,
    failure: &FailureReport,
    detail: Detail<'_>,
) -> String {
    let width = detail.width;
    let labelled = |label: &str, text: &str| fold(text, width, label, "               ") + "\n";
    let cause = failure.cause.as_ref();
    let cause = cause.map(|cause| labelled("        cause  ", &clean(cause)));
    let read = detail.places.cite(&failure.read);
    [
        cause.unwrap_or_default(),
        hint(&failure.hint, width) + "\n",
        labelled("        read   ", &read),
        again(exercise, test, detail),
    ]
    .concat()
}

/// What to do about a failure, in the colour that the eye finds first.
fn hint(hint: &str, width: usize) -> String {
    let text = fold(hint, width, "        hint   ", "               ");
    let lines = text.lines().map(|line| {
        let words = line.trim_start();
        let indent = line.len() - words.len();
        format!("{:indent$}{HINT}{words}{HINT:#}", "")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The command that runs this test again, as a shell reads it.
fn again(exercise: &ExerciseReport, test: &TestReport, detail: Detail<'_>) -> String {
    const FIRST: &str = "        again  ";
    const REST: &str = "                 ";
    let mut words = vec![
        format!("cargo lab {}", exercise.name),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{book::Places, syllabus};

    #[test]
    fn colours_hide_no_command_from_a_file() {
        let mut exercise = ExerciseReport::new(syllabus::EXERCISES[0]);
        exercise.warnings = vec!["##\x1b[1m[error]x".to_owned()];
        let places = Places::default();
        let detail = Detail {
            seed: 1,
            program: None,
            verbose: false,
            is_alone: true,
            width: WIDTH,
            rows: None,
            frontend: Frontend::Shell,
            places: &places,
        };
        let text = exercise_in_file(&exercise, detail);
        assert!(
            text.contains("[error]x") && !text.contains("##[error]"),
            "{text}"
        );
    }

    #[test]
    fn processes_that_are_left_out_are_counted() {
        let told = |count| {
            let child = |pid| ProcessState {
                pid,
                is_main: false,
                does: ProcessState::RUNS.to_owned(),
                on: None,
            };
            at_that_moment(&(1..=count).map(child).collect::<Vec<_>>(), 80)
        };
        assert!(told(9).ends_with("and 1 more process\n\n"));
        assert!(told(10).ends_with("and 2 more processes\n\n"));
    }
}
