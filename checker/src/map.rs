//! The map of the course: what there is, what passes, what comes next.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::{exercise::Exercise, progress::Progress, report::human::fold, syllabus::EXERCISES};

const DONE: Style = AnsiColor::Green.on_default().bold();
const STRONG: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// The whole course with what passes so far, and the next thing to do.
pub fn draw(progress: &Progress, width: usize) -> String {
    let mut text = String::new();
    let mut day = 0;
    for exercise in EXERCISES {
        if exercise.day() != day {
            day = exercise.day();
            let _ = writeln!(text, "\n{STRONG}Day {day}{STRONG:#}");
        }
        let (passed, all) = (progress.passed(exercise), exercise.tests.len());
        let state = match passed {
            _ if passed == all => format!("{DONE}done{DONE:#}     "),
            0 if !progress.was_checked(exercise) => format!("{DIM}        {DIM:#} "),
            _ => format!("{passed:>2} of {all:<2} "),
        };
        let _ = writeln!(
            text,
            "  {state} {:<26} {DIM}{}{DIM:#}",
            exercise.name, exercise.title
        );
    }
    let _ = writeln!(text);
    let next = EXERCISES
        .iter()
        .find(|exercise| progress.next_test(exercise).is_some());
    match next {
        None => {
            let _ = writeln!(text, "All exercises are done.");
        }
        Some(exercise) => text.push_str(&next_step(exercise, progress, width)),
    }
    text
}

fn next_step(exercise: &Exercise, progress: &Progress, width: usize) -> String {
    let what = if progress.was_checked(exercise) {
        format!(
            "Next: {}. Its next test: \"{}\".",
            exercise.name,
            progress
                .next_test(exercise)
                .map_or("", |test| exercise.tests[test].name)
        )
    } else {
        format!(
            "Next: {name}. Read course.md, \"{chapter}\", and exercises/{name}/README.md; write exercises/{name}/src/main.rs.",
            name = exercise.name,
            chapter = exercise.chapter
        )
    };
    format!(
        "{}\n\n  cargo run -p checker {}\n",
        fold(&what, width, "", ""),
        exercise.number()
    )
}

/// The exercises with their tests.
pub fn list(exercises: &[&Exercise], width: usize) -> String {
    let mut text = String::new();
    for exercise in exercises {
        let _ = writeln!(
            text,
            "{STRONG}{}{STRONG:#}  {DIM}{}, {} points{DIM:#}",
            exercise.name,
            exercise.title,
            exercise.points()
        );
        for test in exercise.tests {
            let _ = writeln!(text, "{}", fold(test.name, width, "  - ", "    "));
        }
        let _ = writeln!(text);
    }
    text
}

/// What to do next in one exercise, one step at a time.
pub fn hint(exercise: &Exercise, progress: &Progress, width: usize) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{STRONG}{}{STRONG:#}  {DIM}{}{DIM:#}\n",
        exercise.name, exercise.title
    );
    let steps = match progress.next_test(exercise) {
        None => vec!["All its tests passed when it was last checked.".to_owned()],
        Some(0) => vec![
            exercise.first_step.to_owned(),
            format!("Read course.md, \"{}\".", exercise.chapter),
        ],
        Some(test) => {
            let test = &exercise.tests[test];
            vec![
                format!("The next test: \"{}\".", test.name),
                format!("Read course.md, \"{}\".", test.read),
                "The report of the checker tells what your program does instead.".to_owned(),
            ]
        }
    };
    for step in steps {
        let _ = writeln!(text, "{}", fold(&step, width, "  ", "  "));
    }
    let _ = writeln!(text, "\n  cargo run -p checker {}", exercise.number());
    text
}
