//! What students get: the exercises as starters, the textbook, the student's part of README.md, and a checker that runs
//! as `cargo run -p checker`, though its source is not there. No solution, no known-wrong version, no hidden test.
//!
//! It is a workspace of its own. Its package `checker` is a few lines that become the program in `checker/bin/`.

use std::{
    env, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::{
    beneath::{AccessError, Directory},
    build::cargo,
    comparison,
    exercise::Exercise,
    failure::{Attempt, LabError},
    starter,
    syllabus::EXERCISES,
    workspace,
};

/// What is to be handed out.
#[derive(Debug)]
pub struct Handout {
    /// The course's folder.
    pub root: PathBuf,
    /// Executables of the checker, at most one for each kind of machine.
    pub checkers: Vec<PathBuf>,
    /// Whether the source of what the exercises depend on comes with it, so that students need no network.
    pub vendor: bool,
    /// Whether the references come with it, for `compare`.
    pub with_solutions: bool,
}

/// Files of the course which are handed out as they are.
const AS_THEY_ARE: &[&str] = &[
    "course.md",
    ".cargo/config.toml",
    ".devcontainer/devcontainer.json",
    ".vscode/settings.json",
    ".vscode/tasks.json",
    ".vscode/extensions.json",
];

impl Handout {
    /// Writes it to a folder, which must be new or empty. It is there whole or not at all. Returns the kinds of machine
    /// for which there is a checker.
    ///
    /// # Errors
    ///
    /// When an exercise is not the starter any more, a checker is for none of the lab's machines, or a file cannot be
    /// read or written.
    pub fn write_to(&self, folder: &Path) -> Result<Vec<&'static str>, LabError> {
        if !is_free(folder) {
            return Err(LabError::new(format!(
                "{} is not empty; name a new folder",
                folder.display()
            )));
        }
        let parent = folder.parent().filter(|path| !path.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(trouble("make", parent))?;
        let draft = tempfile::Builder::new()
            .prefix(".handout-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in(parent)
            .map_err(trouble("make a folder in", parent))?;
        let machines = self.fill(draft.path())?;
        // A rename takes the place of an empty folder.
        fs::rename(draft.path(), folder).map_err(trouble("move the handout to", folder))?;
        // It is not where it was, so that nothing is removed.
        let _ = draft.keep();
        Ok(machines)
    }

    fn fill(&self, folder: &Path) -> Result<Vec<&'static str>, LabError> {
        for exercise in EXERCISES {
            self.starter(exercise, folder)?;
        }
        for file in AS_THEY_ARE {
            write(&folder.join(file), &self.read(file)?)?;
        }
        self.schemas(folder)?;
        write(
            &folder.join("README.md"),
            &for_students(&self.read("README.md")?)?,
        )?;
        write(
            &folder.join("Cargo.toml"),
            &workspace::manifest(&["checker", "exercises/*"]),
        )?;
        write(&folder.join("Cargo.lock"), &self.read("Cargo.lock")?)?;
        write(&folder.join(".gitignore"), "/target\n/.lab\n")?;
        let package = folder.join("checker");
        write(
            &package.join("Cargo.toml"),
            include_str!("handout/checker.toml"),
        )?;
        write(
            &package.join("src/main.rs"),
            include_str!("handout/launcher.rs"),
        )?;
        let mut machines = Vec::new();
        for checker in &self.checkers {
            let machine = machine_of(checker)?;
            let place = package.join("bin").join(machine).join("checker");
            copy(checker, &place)?;
            let everybodys = fs::Permissions::from_mode(0o755);
            fs::set_permissions(&place, everybodys).map_err(trouble("open", &place))?;
            machines.push(machine);
        }
        // Cargo takes out of the lock file what this smaller workspace does not need.
        run_cargo(folder, &["metadata", "--format-version=1"])?;
        if self.vendor {
            run_cargo(folder, &["vendor", "--locked", "--quiet", "vendor"])?;
            let config = folder.join(".cargo/config.toml");
            let settings = self.read(".cargo/config.toml")? + VENDORED;
            write(&config, &settings)?;
        }
        Ok(machines)
    }

    fn read(&self, file: &str) -> Result<String, LabError> {
        let path = self.root.join(file);
        fs::read_to_string(&path).map_err(trouble("read", &path))
    }

    /// Copies an exercise as it is handed out, and refuses one that has been changed.
    fn starter(&self, exercise: &Exercise, folder: &Path) -> Result<(), LabError> {
        let name = exercise.name;
        let place = format!("exercises/{name}");
        let source = self.read(&format!("{place}/src/main.rs"))?;
        if !starter::is_starter(exercise, &source) {
            return Err(LabError::new(format!(
                "{place}/src/main.rs is not the starter any more; `cargo lab reset {}` brings it back, and keeps what is there",
                exercise.number()
            )));
        }
        for file in starter::FILES {
            let from = self.root.join(&place).join(file);
            copy(&from, &folder.join(starter::FOLDER).join(name).join(file))?;
        }
        if self.with_solutions {
            let from = self.root.join("solutions").join(name).join("src/main.rs");
            copy(
                &from,
                &folder.join(comparison::FOLDER).join(name).join("main.rs"),
            )?;
        }
        copy_tree(&self.root.join(&place), &folder.join(&place))
    }

    /// README.md names the schemas of what the checker writes as data.
    fn schemas(&self, folder: &Path) -> Result<(), LabError> {
        let from = self.root.join("checker");
        let entries = fs::read_dir(&from).map_err(trouble("read", &from))?;
        for entry in entries {
            let name = entry.map_err(trouble("read", &from))?.file_name();
            if name.to_string_lossy().ends_with(".schema.json") {
                copy(&from.join(&name), &folder.join("checker").join(&name))?;
            }
        }
        Ok(())
    }
}

/// Cargo looks here in place of its registry.
const VENDORED: &str = r#"
# What the exercises depend on comes with the course: no network is needed.
[source.crates-io]
replace-with = "vendored-sources"

[source.vendored-sources]
directory = "vendor"
"#;

/// The README of students: an introduction, and the part of the course's README that is for them.
fn for_students(whole: &str) -> Result<String, LabError> {
    const HEADING: &str = "\n## For students\n";
    let (_, rest) = whole
        .split_once(HEADING)
        .ok_or_else(|| LabError::new("could not find the part for students in README.md"))?;
    let part = rest.split("\n## ").next().unwrap_or_default();
    Ok(include_str!("handout/README.md").replace("{for students}", part.trim_matches('\n')))
}

/// The kind of machine an executable is for, as `std::env::consts::ARCH` calls it: see elf(5).
fn machine_of(executable: &Path) -> Result<&'static str, LabError> {
    const E_MACHINE: usize = 18;
    let bytes = fs::read(executable).map_err(trouble("read", executable))?;
    let machine = bytes
        .get(E_MACHINE..E_MACHINE + 2)
        .filter(|_| bytes.starts_with(b"\x7fELF"))
        .map(|field| u16::from_le_bytes([field[0], field[1]]));
    match machine {
        Some(libc::EM_X86_64) => Ok("x86_64"),
        Some(libc::EM_AARCH64) => Ok("aarch64"),
        _ => Err(LabError::new(format!(
            "{} is no program for x86_64 or aarch64",
            executable.display()
        ))),
    }
}

/// Whether a handout can be written there: nothing is there, or an empty folder, and no link to one.
pub fn is_free(folder: &Path) -> bool {
    let Some(name) = folder.file_name() else {
        return Directory::open(folder)
            .and_then(|folder| folder.list(0))
            .is_ok();
    };
    let around = folder.parent().filter(|path| !path.as_os_str().is_empty());
    let names = Directory::open(around.unwrap_or(Path::new(".")))
        .and_then(|around| around.directory(name))
        .and_then(|folder| folder.list(0));
    matches!(names, Ok(_) | Err(AccessError::Missing))
}

fn run_cargo(folder: &Path, arguments: &[&str]) -> Result<(), LabError> {
    let attempt = format!(
        "could not run `cargo {}` in the handout",
        arguments.join(" ")
    );
    let mut command = cargo::command(folder);
    // What the caller's own build has set would be taken for the handout's.
    for (name, _) in env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    let output = command.args(arguments).output().attempt(&attempt)?;
    output.attempt(&attempt).map(drop)
}

/// Copies the regular files of a folder, but for hidden ones and what cargo has built.
fn copy_tree(from: &Path, to: &Path) -> Result<(), LabError> {
    let entries = fs::read_dir(from).map_err(trouble("read", from))?;
    for entry in entries {
        let entry = entry.map_err(trouble("read", from))?;
        let name = entry.file_name();
        let kind = entry.file_type().map_err(trouble("read", from))?;
        let is_left_out = name.to_string_lossy().starts_with('.') || name == "target";
        let (from, to) = (from.join(&name), to.join(&name));
        if kind.is_dir() && !is_left_out {
            copy_tree(&from, &to)?;
        } else if kind.is_file() && !is_left_out {
            copy(&from, &to)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), LabError> {
    folder_of(to)?;
    fs::copy(from, to).map_err(trouble("copy", from))?;
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), LabError> {
    folder_of(path)?;
    fs::write(path, text).map_err(trouble("write", path))
}

fn folder_of(path: &Path) -> Result<(), LabError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(trouble("make", folder))
}

fn trouble(verb: &str, path: &Path) -> impl FnOnce(io::Error) -> LabError {
    let attempt = format!("could not {verb} {}", path.display());
    |error| LabError::io(attempt, &error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_an_empty_folder_is_no_new_folder() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir(at("empty")).unwrap();
        fs::create_dir_all(at("full/of")).unwrap();
        std::os::unix::fs::symlink("empty", at("link")).unwrap();
        std::os::unix::fs::symlink("nothing", at("lost")).unwrap();
        let free = ["empty", "new", "new/deep", "full/of/.", "full/new"];
        assert!(free.into_iter().all(|name| is_free(&at(name))));
        let taken = ["full", "link", "lost", "full/of/.."];
        assert!(!taken.into_iter().any(|name| is_free(&at(name))));
    }

    #[test]
    fn a_student_gets_the_whole_part_for_students_and_no_other() {
        let whole = "# The lab\n\n- [For students](#for-students)\n\n## For students\n\n    a command\n\n- [a link](x.md)\n\n\
                     ### Below\n\nmore\n\n## For instructors\n\nsecret\n";
        let text = for_students(whole).unwrap();
        let part = "## For students\n\n    a command\n\n- [a link](x.md)\n\n### Below\n\nmore\n";
        assert!(
            text.starts_with("# The socket lab\n") && text.ends_with(part),
            "{text}"
        );
        assert!(for_students("# The lab\n").is_err());
    }
}
