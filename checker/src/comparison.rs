//! A student's program beside the reference.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anstyle::{AnsiColor, Style};

use crate::{
    exercise::Exercise,
    failure::{Attempt, LabError},
    report::sanitize::clean,
};

/// Where a handout has the references, if the instructor wants that; seen from the course.
pub const FOLDER: &str = "checker/references";

const COMES: Style = AnsiColor::Green.on_default();
const GOES: Style = AnsiColor::Red.on_default();
const PLACE: Style = AnsiColor::Cyan.on_default();

/// The reference of an exercise; `None` where the course came without.
pub fn reference(root: &Path, exercise: &Exercise) -> Option<PathBuf> {
    let own = root
        .join("solutions")
        .join(exercise.name)
        .join("src/main.rs");
    let handed_out = root.join(FOLDER).join(exercise.name).join("main.rs");
    [own, handed_out].into_iter().find(|path| path.is_file())
}

/// The difference from the student's program to the reference. What is only in the program begins with `-`, what is only
/// in the reference with `+`.
///
/// # Errors
///
/// When one of the two cannot be read.
pub fn compare(root: &Path, exercise: &Exercise, reference: &Path) -> Result<String, LabError> {
    let program = root
        .join("exercises")
        .join(exercise.name)
        .join("src/main.rs");
    let own = fs::read_to_string(&program).attempt("could not read your program")?;
    let theirs = fs::read_to_string(reference).attempt("could not read the reference")?;
    if own == theirs {
        return Ok("Your program is the reference.\n".to_owned());
    }
    let difference = diffy::create_patch(&own, &theirs).to_string();
    let mut text = format!(
        "{GOES}--- your program, exercises/{}/src/main.rs{GOES:#}\n{COMES}+++ the reference{COMES:#}\n",
        exercise.name
    );
    // The first two lines name the files, which diffy does not know.
    for line in difference.lines().skip(2) {
        let style = match line.as_bytes().first() {
            Some(b'+') => COMES,
            Some(b'-') => GOES,
            Some(b'@') => PLACE,
            _ => Style::new(),
        };
        let _ = writeln!(text, "{style}{}{style:#}", clean(line));
    }
    Ok(text)
}
