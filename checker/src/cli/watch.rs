//! `checker watch`.

use anstream::ColorChoice;

use super::{
    CliError,
    checking::recall,
    exit,
    naming::{all_or, one_or_next},
};
use crate::{
    watch::{End, Session},
    worker::Cancel,
    workspace,
};

/// Checks the exercise that comes next, or the first of those named that is not done, and again at every save.
pub(super) fn run(targets: &[String], cancel: &Cancel) -> Result<u8, CliError> {
    let root = workspace::find()?;
    let progress = recall(&root);
    let named = match targets.is_empty() {
        true => Vec::new(),
        false => all_or(targets)?,
    };
    let open = named.iter().copied().find(|one| !progress.is_done(one));
    let current = match open.or(named.first().copied()) {
        Some(exercise) => exercise,
        None => one_or_next(None, &progress)?,
    };
    let colour = match ColorChoice::global() {
        ColorChoice::Auto => None,
        ColorChoice::Never => Some("--color=never".into()),
        ColorChoice::Always | ColorChoice::AlwaysAnsi => Some("--color=always".into()),
    };
    let session = Session::begin(root, named, current, colour.into_iter().collect(), cancel)?;
    match session.run()? {
        End::Wanted => Ok(exit::PASSED),
        End::Cancelled => Err(CliError::Interrupted),
    }
}
