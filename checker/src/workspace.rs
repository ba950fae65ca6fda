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
    here.ancestors()
        .find(is_course)
        .or_else(|| Some(built_in()).filter(is_course))
        .map(Path::to_owned)
        .ok_or_else(|| LabError {
            detail: Some(
                "run it in the folder of the course, which holds Cargo.toml and exercises/"
                    .to_owned(),
            ),
            ..LabError::new("could not find the course")
        })
}

/// The course in which the checker was built. It need not be there any more.
pub fn built_in() -> &'static Path {
    let checker = Path::new(env!("CARGO_MANIFEST_DIR"));
    checker.parent().unwrap_or(checker)
}

/// The manifest of a workspace with these members, and with the settings, versions and lints of the course: as it was
/// when this checker was built. Nothing in the current folder, which may be a student's, changes it. The first member is
/// the one that cargo takes where none is named.
pub fn manifest(members: &[&str]) -> String {
    let first = &members[..members.len().min(1)];
    include_str!("workspace/workspace.toml")
        .replace("{members}", &list(members))
        .replace("{first}", &list(first))
}

/// The manifest of a package with one program and the crates of the course, in which nothing else runs during a build.
pub fn package(name: &str) -> String {
    include_str!("workspace/package.toml").replace("{name}", name)
}

fn list(members: &[&str]) -> String {
    let members: Vec<String> = members.iter().map(|name| format!("\"{name}\"")).collect();
    format!("[{}]", members.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_has_the_settings_of_the_course() {
        let course = include_str!("../../Cargo.toml");
        let ours = manifest(&["exercises/*"]);
        let settings = |line: &&str| !line.starts_with('#') && !line.contains("members = ");
        for line in ours.lines().filter(settings) {
            assert!(course.lines().any(|known| known == line), "{line}");
        }
    }
}
