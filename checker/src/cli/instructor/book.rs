//! `checker book`.

use std::{fs, path::Path};

use super::{CliError, exit, say};
use crate::{atomic_file, book, failure::Attempt, workspace};

/// Writes the source of a site to this folder; without one, the written parts of course.md anew.
pub(super) fn write(folder: Option<&Path>) -> Result<u8, CliError> {
    let root = workspace::find()?;
    let Some(folder) = folder else {
        let file = root.join("course.md");
        let text = fs::read_to_string(&file).attempt("could not read course.md")?;
        atomic_file::write(&file, &book::with_indexes(&text), None)
            .attempt("could not write course.md")?;
        return Ok(exit::PASSED);
    };
    book::write_site(&root, folder)?;
    say(&format!(
        "{0} has the source of a site. `mdbook build {0}` makes it (`cargo install mdbook`).\n",
        folder.display()
    ))?;
    Ok(exit::PASSED)
}
