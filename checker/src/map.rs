//! The map of the course: what there is, what passes, what comes next.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::{
    book::Places, exercise::Exercise, progress::Progress, report::layout::fold, syllabus::EXERCISES,
};

const DONE: Style = AnsiColor::Green.on_default().bold();
const WRONG: Style = AnsiColor::Red.on_default().bold();
const STRONG: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// The whole course with what passes so far, and the next thing to do.
pub fn draw(progress: &Progress, places: &Places, width: usize) -> String {
    let mut text = String::new();
    let mut day = 0;
    for exercise in EXERCISES {
        if exercise.day() != day {
            day = exercise.day();
            let _ = writeln!(text, "\n{STRONG}Day {day}{STRONG:#}");
        }
        let _ = writeln!(text, "{}", row(exercise, progress, width));
    }
    // What does not compile shows no points.
    let points: u32 = EXERCISES
        .iter()
        .filter(|one| progress.builds(one))
        .map(|one| progress.points(one))
        .sum();
    let all: u32 = EXERCISES.iter().map(|one| one.points()).sum();
    let _ = writeln!(text, "\n  {points} of {all} points\n");
    text.push_str(&next_step(progress, places, width));
    text
}

/// How an exercise stands: its points, its name, what it is.
fn row(exercise: &Exercise, progress: &Progress, width: usize) -> String {
    const FIRST: usize = 2 + 8 + 2 + 24 + 1;
    let (points, all) = (progress.points(exercise), exercise.points());
    let (style, standing) = match progress.was_checked(exercise) {
        _ if progress.is_done(exercise) => (DONE, "done".to_owned()),
        false => (DIM, String::new()),
        true if !progress.builds(exercise) => (WRONG, "error".to_owned()),
        true => (Style::new(), format!("{points:>2} of {all:<2}")),
    };
    let what = match progress.builds(exercise) {
        true => exercise.title.to_owned(),
        false => format!("{}: does not compile", exercise.title),
    };
    let title = fold(&what, width.saturating_sub(FIRST), "", "");
    let mut lines = title.lines();
    let mut text = format!(
        "  {style}{standing:<8}{style:#}  {:<24} {DIM}{}{DIM:#}",
        exercise.name,
        lines.next().unwrap_or_default()
    );
    for line in lines {
        let _ = write!(text, "\n{:FIRST$}{DIM}{line}{DIM:#}", "");
    }
    text
}

/// Where to go when all the chosen tests of these exercises pass.
pub fn onward(checked: &[&Exercise], progress: &Progress) -> String {
    let is_open = |exercise: &&&Exercise| !progress.is_done(exercise);
    let behind = EXERCISES
        .iter()
        .skip_while(|one| checked.iter().all(|checked| checked.name != one.name));
    // The rest of their own tests, the rest of the course, what was left out before.
    let next = checked
        .iter()
        .find(is_open)
        .or_else(|| behind.clone().find(is_open))
        .or_else(|| EXERCISES.iter().find(is_open));
    match next {
        Some(exercise) => format!("next  cargo lab {}\n", exercise.number()),
        None => "All exercises are done.\n".to_owned(),
    }
}

fn next_step(progress: &Progress, places: &Places, width: usize) -> String {
    let Some(exercise) = EXERCISES.iter().find(|one| !progress.is_done(one)) else {
        return "All exercises are done.\n".to_owned();
    };
    let name = exercise.name;
    let what = if !progress.builds(exercise) {
        format!("Next: {name}. It does not compile yet; the compiler tells where.")
    } else if let (true, Some(test)) =
        (progress.was_checked(exercise), progress.next_test(exercise))
    {
        format!(
            "Next: {name}. Its next test: \"{}\".",
            exercise.tests[test].name
        )
    } else {
        format!(
            "Next: {name}. Read {chapter}, and exercises/{name}/README.md; write \
             exercises/{name}/src/main.rs.",
            chapter = places.cite(exercise.chapter)
        )
    };
    format!(
        "{}\n\n  cargo lab {}\n",
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
pub fn hint(exercise: &Exercise, progress: &Progress, places: &Places, width: usize) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{STRONG}{}{STRONG:#}  {DIM}{}{DIM:#}\n",
        exercise.name, exercise.title
    );
    let steps = match progress.next_test(exercise) {
        _ if !progress.builds(exercise) => vec![
            "It does not compile. Begin with the first message of the compiler: it names the line, and often the cure."
                .to_owned(),
        ],
        None => vec!["All its tests passed when it was last checked.".to_owned()],
        Some(0) => vec![
            exercise.first_step.to_owned(),
            format!("Read {}.", places.cite(exercise.chapter)),
        ],
        Some(test) => {
            let test = &exercise.tests[test];
            vec![
                format!("The next test: \"{}\".", test.name),
                format!("Read {}.", places.cite(test.read)),
                "The report of the checker tells what your program does instead.".to_owned(),
            ]
        }
    };
    for step in steps {
        let _ = writeln!(text, "{}", fold(&step, width, "  ", "  "));
    }
    let _ = writeln!(text, "\n  cargo lab {}", exercise.number());
    text
}
