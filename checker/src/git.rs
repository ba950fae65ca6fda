//! What git knows of a course.

use std::{path::Path, process::Command};

use crate::failure::{Attempt, LabError};

/// What git prints for these arguments.
///
/// # Errors
///
/// When git is not there, or refuses; its own words are in the detail.
pub fn ask(root: &Path, arguments: &[&str], attempt: &str) -> Result<String, LabError> {
    let mut git = Command::new("git");
    let output = git
        .arg("-C")
        .arg(root)
        .args(arguments)
        .output()
        .attempt(attempt)?;
    let said = output.attempt(attempt)?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// The revision at which this branch began: where it leaves its upstream, or `main` or `master`; or else the last commit.
pub fn base(root: &Path) -> String {
    const FIND: &str = "could not find where the branch began";
    ["@{upstream}", "origin/HEAD", "main", "master"]
        .iter()
        .find_map(|other| ask(root, &["merge-base", "HEAD", other], FIND).ok())
        .map_or_else(|| "HEAD".to_owned(), |base| base.trim().to_owned())
}
