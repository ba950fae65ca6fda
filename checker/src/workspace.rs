//! Where the course lies on this machine.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::failure::LabError;

/// The folder with exercises, solutions and course.md: the nearest one above the current folder, or else the one in
/// which the checker was built.
///
/// # Errors
///
/// When there is none.
pub fn find() -> Result<PathBuf, LabError> {
    let is_course =
        |folder: &&Path| folder.join("Cargo.toml").is_file() && folder.join("exercises").is_dir();
    let here = env::current_dir().unwrap_or_default();
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."));
    here.ancestors()
        .find(is_course)
        .or_else(|| Some(built_in).filter(is_course))
        .map(Path::to_owned)
        .ok_or_else(|| LabError {
            detail: Some(
                "run it in the folder of the course, which holds Cargo.toml and exercises/"
                    .to_owned(),
            ),
            ..LabError::new("could not find the course")
        })
}
