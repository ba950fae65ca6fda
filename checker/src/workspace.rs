//! Where the course lies on this machine, and workspaces like its own.

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

/// The manifest of a workspace which has these members, and all else of the course's: settings, versions, lints.
pub fn with_members(manifest: &str, members: &[&str]) -> String {
    let members: Vec<String> = members.iter().map(|name| format!("\"{name}\"")).collect();
    let members = members.join(", ");
    let lines = manifest.lines().map(|line| match line.split_once('=') {
        Some((key, _)) if key.trim() == "members" => format!("members = [{members}]"),
        Some((key, _)) if key.trim() == "default-members" => String::new(),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The manifest of a package with one program and the crates of the course, in which nothing else runs during a build.
pub fn package(name: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition.workspace = true\nrust-version.workspace = true\n\
         publish.workspace = true\nbuild = false\nautobins = false\nautoexamples = false\nautotests = false\n\
         autobenches = false\n\n[[bin]]\nname = \"{name}\"\npath = \"src/main.rs\"\n\n[dependencies]\n\
         libc.workspace = true\nnix.workspace = true\n\n[lints]\nworkspace = true\n"
    )
}
