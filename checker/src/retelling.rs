//! A test that passed, told step by step.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::{
    book::Places,
    exercise::{Exercise, Test},
    report::{TestReport, layout::fold, sanitize::clean},
    syllabus::EXERCISES,
};

const PASS: Style = AnsiColor::Green.on_default().bold();
const STRONG: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// A hidden test, and the exercise whose it is.
pub type Found = (&'static Exercise, &'static Test);

/// The tests of these exercises whose names hold a text; of all exercises, if there are none. A whole name is that test
/// alone.
pub fn find(exercises: &[&'static Exercise], text: &str) -> Vec<Found> {
    let text = text.to_lowercase();
    let among = match exercises.is_empty() {
        true => EXERCISES,
        false => exercises,
    };
    let tests = among
        .iter()
        .flat_map(|exercise| exercise.tests.iter().map(|test| (*exercise, test)));
    let found: Vec<Found> = tests
        .filter(|(_, test)| test.name.to_lowercase().contains(&text))
        .collect();
    let whole: Vec<Found> = found
        .iter()
        .copied()
        .filter(|(_, test)| test.name.to_lowercase() == text)
        .collect();
    if whole.is_empty() { found } else { whole }
}

/// What a passed test promises, and what it did to see that it is kept.
pub fn tell((exercise, test): Found, report: &TestReport, places: &Places, width: usize) -> String {
    const REST: &str = "          ";
    let mut text = format!(
        "{STRONG}{}{STRONG:#}  {DIM}{}{DIM:#}\n\n  {PASS}pass{PASS:#}  {}\n",
        exercise.name,
        exercise.title,
        fold(test.name, width.saturating_sub(8), "", "        ")
    );
    let _ = writeln!(text, "\n    What the contract says");
    for sentence in test.proves {
        let _ = writeln!(text, "{}", fold(sentence, width, "      - ", "        "));
    }
    let _ = writeln!(text, "\n    What the test did");
    for (number, step) in (1..).zip(&report.steps) {
        let first = format!("      {number:>2}. ");
        let _ = writeln!(text, "{}", fold(&clean(step), width, &first, REST));
    }
    let read = places.cite(test.read);
    let _ = writeln!(text, "\n{}", fold(&read, width, "    read  ", REST));
    text
}
