//! Where the course lies on this machine, and workspaces like its own.

use std::{
    env, fmt,
    path::{Path, PathBuf},
};

use crate::{failure::LabError, syllabus::EXERCISES};

/// That this process was started outside of any course.
#[derive(Clone, Copy, Debug)]
pub struct NoCourse;

/// The folder with exercises, solutions and course.md: the nearest one above the current folder, or else the one in
/// which cargo runs this program (`cargo run --manifest-path`).
///
/// # Errors
///
/// When there is none. That the checker was built in some course says nothing about the one that is meant.
pub fn find() -> Result<PathBuf, NoCourse> {
    let is_course = |folder: &&Path| {
        let exercises = folder.join("exercises");
        let mut known = EXERCISES.iter();
        folder.join("Cargo.toml").is_file() && known.any(|one| exercises.join(one.name).is_dir())
    };
    let here = env::current_dir().unwrap_or_default();
    let of_cargo = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let mut folders = here
        .ancestors()
        .chain(of_cargo.as_deref().and_then(Path::parent));
    folders.find(is_course).map(Path::to_owned).ok_or(NoCourse)
}

impl fmt::Display for NoCourse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "there is no course here: neither this folder nor one above it has Cargo.toml and exercises/. Go to the \
             folder of your course, and type the command there",
        )
    }
}

impl From<NoCourse> for LabError {
    fn from(missing: NoCourse) -> LabError {
        LabError::new(missing.to_string())
    }
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
