//! `checker compare`.

use std::path::Path;

use clap::Args;

use super::{CliError, checking::recall, exit, naming::one, pages};
use crate::{
    comparison::{compare, reference},
    exercise::Exercise,
    last_report::LastReport,
    progress::Progress,
    syllabus, target, workspace,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which exercise [default: the one that was checked last]
    exercise: Option<String>,
    /// Show it although your program does not pass yet
    #[arg(long)]
    give_up: bool,
}

/// Shows the program beside the reference.
pub(super) fn run(arguments: &Arguments) -> Result<u8, CliError> {
    let root = workspace::find()?;
    let exercise = match &arguments.exercise {
        Some(name) => one(name)?,
        None => target::at(Path::new("."))
            .or_else(|| syllabus::find(LastReport::load(&root).ok()?.exercise()?))
            .ok_or_else(|| {
                CliError::Usage("which exercise? Name one, for example day2_2".to_owned())
            })?,
    };
    let Some(reference) = reference(&root, exercise) else {
        return Err(CliError::Usage(
            "this course came without the references; ask your instructor for them".to_owned(),
        ));
    };
    if !arguments.give_up {
        refuse_too_early(exercise, &recall(&root))?;
    }
    let text = compare(&root, exercise, &reference)?;
    pages::show(&text, 0, &text)?;
    Ok(exit::PASSED)
}

/// Who sees an answer has no question any more.
fn refuse_too_early(exercise: &Exercise, progress: &Progress) -> Result<(), CliError> {
    let number = exercise.number();
    let give_up = format!("`cargo lab compare {number} --give-up` shows the reference anyway");
    let missing = if progress.is_changed(exercise) {
        format!("your program has changed; check it first with `cargo lab {number}`")
    } else if !progress.is_done(exercise) {
        format!("{number} does not pass yet")
    } else {
        return Ok(());
    };
    Err(CliError::Usage(format!("{missing}. {give_up}")))
}
