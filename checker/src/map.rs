//! The map of the course: what there is, what passes, what comes next.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::{
    book::Places,
    exercise::Exercise,
    progress::{Progress, Stand},
    report::layout::fold,
    syllabus::EXERCISES,
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
        _ if progress.is_changed(exercise) => (Style::new(), "changed".to_owned()),
        _ if progress.is_done(exercise) => (DONE, "done".to_owned()),
        false => (DIM, String::new()),
        true if !progress.builds(exercise) => (WRONG, "error".to_owned()),
        true => (Style::new(), format!("{points:>2} of {all:<2}")),
    };
    let what = match progress.builds(exercise) {
        _ if progress.is_changed(exercise) => {
            format!("{}; before that {points} of {all}", exercise.title)
        }
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

/// What there is to say, once, when the last exercise of a day passes.
pub fn day_done(day: u32) -> String {
    let exercises = EXERCISES.iter().filter(|one| one.day() == day);
    let points: u32 = exercises.map(|one| one.points()).sum();
    format!("Day {day} is done: {points} of {points} points.")
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
    let Some(exercise) = progress.next_exercise() else {
        return "All exercises are done.\n".to_owned();
    };
    let name = exercise.name;
    let what = if progress.is_changed(exercise) {
        format!("Next: {name}. Your program has changed since it was last checked.")
    } else if !progress.builds(exercise) {
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

/// How each of these exercises stands, in one line.
pub fn list(exercises: &[&Exercise], progress: &Progress, width: usize) -> String {
    let mut text = String::new();
    for exercise in exercises {
        let (style, state) = state(exercise, progress);
        let (points, all) = (progress.points(exercise), exercise.points());
        let first = format!("{:<24} {points:>2}/{all:<2}", exercise.name);
        let room = width.saturating_sub(first.len() + 12);
        let title: String = exercise.title.chars().take(room).collect();
        let _ = writeln!(
            text,
            "{first} {style}{state:<10}{style:#} {DIM}{title}{DIM:#}"
        );
    }
    text
}

fn state(exercise: &Exercise, progress: &Progress) -> (Style, &'static str) {
    match progress.was_checked(exercise) {
        false => (DIM, "not tried"),
        true if progress.is_changed(exercise) => (STRONG, "changed"),
        true if progress.is_done(exercise) => (DONE, "passed"),
        true if !progress.builds(exercise) => (WRONG, "no program"),
        true => (WRONG, "failed"),
    }
}

/// The tests of these exercises, and how each stands.
pub fn list_tests(exercises: &[&Exercise], progress: &Progress, width: usize) -> String {
    let mut text = String::new();
    for exercise in exercises {
        let (style, state) = state(exercise, progress);
        let (points, all) = (progress.points(exercise), exercise.points());
        let head = format!("{}, {points} of {all} points, {state}", exercise.title);
        let head = fold(&head, width, &format!("{}  ", exercise.name), "  ");
        let head = head.replacen(
            exercise.name,
            &format!("{STRONG}{}{STRONG:#}", exercise.name),
            1,
        );
        let _ = match head.strip_suffix(state) {
            Some(head) => writeln!(text, "{head}{style}{state}{style:#}"),
            // It is folded.
            None => writeln!(text, "{head}"),
        };
        if progress.is_changed(exercise) {
            let _ = writeln!(text, "  before your last edit:");
        }
        for test in exercise.tests {
            let (style, mark) = match progress.stand(exercise, test) {
                Stand::Passed => (DONE, "pass"),
                Stand::Failed => (WRONG, "FAIL"),
                Stand::NotTried => (DIM, "   -"),
            };
            let name = fold(test.name, width.saturating_sub(14), "", "        ");
            let mut lines = name.lines();
            let room = width.saturating_sub(12);
            let first = lines.next().unwrap_or_default();
            let _ = writeln!(
                text,
                "  {style}{mark}{style:#}  {first:<room$}{DIM}{:>2}{DIM:#}",
                test.points
            );
            for line in lines {
                let _ = writeln!(text, "{line}");
            }
        }
        let _ = writeln!(text);
    }
    text
}
