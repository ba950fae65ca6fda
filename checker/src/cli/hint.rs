//! `checker hint`.

use clap::Args;

use super::{
    CliError,
    checking::recall,
    exit,
    naming::one_or_next,
    terminal::{complain, say, width},
};
use crate::{book::Places, frontend::Frontend, hints, last_report::LastReport, workspace};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which exercise [default: the next one]
    exercise: Option<String>,
    /// All steps at once
    #[arg(long)]
    all: bool,
}

/// Gives the next step of the hint.
pub(super) fn run(arguments: &Arguments, frontend: Frontend) -> Result<u8, CliError> {
    let root = workspace::find()?;
    let progress = recall(&root);
    let exercise = one_or_next(arguments.exercise.as_deref(), &progress)?;
    let mut report = LastReport::load(&root).unwrap_or_default();
    let hint = hints::hint(
        &root,
        exercise,
        &progress,
        report.explained(exercise),
        &Places::of_course(&root),
        frontend,
    );
    let new = match arguments.all {
        true => 0..hint.steps.len(),
        // What cannot be remembered would be the first step for ever.
        false => hints::go_on(&root, exercise, &hint).unwrap_or_else(|error| {
            complain(&error.to_string());
            0..hint.steps.len()
        }),
    };
    if let Some(heading) = hint.heading.filter(|_| new.end == hint.steps.len()) {
        report.point_to(heading);
        // Where nothing can be remembered, the user knows by now.
        let _ = report.save(&root);
    }
    say(&hint.render(exercise, new, width()))?;
    Ok(exit::PASSED)
}
