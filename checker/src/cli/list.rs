//! `checker list`.

use super::{
    CliError, all_or,
    checking::recall,
    exit,
    terminal::{say, width},
};
use crate::{map, workspace};

/// Lists the exercises; those that are named with their tests.
pub(super) fn run(targets: &[String]) -> Result<u8, CliError> {
    let exercises = all_or(targets)?;
    let progress = recall(&workspace::find()?);
    say(&match targets.is_empty() {
        true => map::list(&exercises, &progress, width()),
        false => map::list_tests(&exercises, &progress, width()),
    })?;
    Ok(exit::PASSED)
}
