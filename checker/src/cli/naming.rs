//! Names of exercises on the command line, and what stands for them where none is needed.

use std::path::Path;

use clap::CommandFactory;

use super::{Cli, CliError};
use crate::{
    exercise::Exercise,
    progress::Progress,
    syllabus::EXERCISES,
    target::{self, Unknown},
};

impl From<Unknown> for CliError {
    fn from(unknown: Unknown) -> CliError {
        let meant = match (target::other_day(&unknown.name), unknown.near.as_slice()) {
            (Some(days), _) => format!("there are day{} to day{}", days.start(), days.end()),
            (None, []) => "`cargo lab list` shows all names".to_owned(),
            (None, near) => format!("did you mean {}?", near.join(" or ")),
        };
        let what = match unknown.is_ambiguous {
            true => format!("'{}' stands for several exercises", unknown.name),
            false => format!("there is no target '{}'", unknown.name),
        };
        CliError::Usage(format!("{what}; {meant}"))
    }
}

/// A mistyped command looks like a target, so that near names of both are offered.
pub(super) fn resolve_or_command(targets: &[String]) -> Result<Vec<&'static Exercise>, CliError> {
    target::resolve(targets).map_err(|mut unknown| {
        if !unknown.is_ambiguous {
            let commands = Cli::command();
            let names = commands
                .get_subcommands()
                .filter(|command| !command.is_hide_set())
                .map(|command| command.get_name().to_owned());
            let names = target::all_names().into_iter().chain(names);
            unknown.near = target::near(&unknown.name, names);
        }
        unknown.into()
    })
}

/// The exercises of these names; all, where none is given.
pub(super) fn all_or(targets: &[String]) -> Result<Vec<&'static Exercise>, CliError> {
    match targets.is_empty() {
        true => Ok(EXERCISES.to_vec()),
        false => Ok(target::resolve(targets)?),
    }
}

/// The one exercise of this name.
pub(super) fn one(name: &str) -> Result<&'static Exercise, CliError> {
    match target::resolve(&[name.to_owned()])?.as_slice() {
        [exercise] => Ok(exercise),
        _ => Err(CliError::Usage(format!(
            "'{name}' is more than one exercise; name one, for example day2_2"
        ))),
    }
}

/// The exercise of this name. Without a name: the one in whose folder this process is, or else the next one.
pub(super) fn one_or_next(
    name: Option<&str>,
    progress: &Progress,
) -> Result<&'static Exercise, CliError> {
    if let Some(name) = name {
        return one(name);
    }
    target::at(Path::new("."))
        .or_else(|| progress.next_exercise())
        .ok_or_else(|| {
            CliError::Usage("all exercises are done; name one, for example day2_2".to_owned())
        })
}
