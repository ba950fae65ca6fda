//! The program that a student begins with: where it comes from, and how it comes back.
//!
//! A handout has a copy of each starter in `checker/starters`. A course that was cloned has them in its history: as they
//! were where the branch began, or else when they were last committed as starters.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{
    atomic_file,
    beneath::{AccessError, Directory},
    exercise::Exercise,
    failure::{Attempt, LabError},
    git,
    memory::{self, Memory},
};

/// Where a handout has its starters, seen from the course.
pub const FOLDER: &str = "checker/starters";
/// The files of a starter, seen from the exercise's folder.
pub const FILES: [&str; 2] = ["src/main.rs", "Cargo.toml"];
/// How many revisions are looked through.
const MOST_REVISIONS: usize = 500;

/// What became of an exercise that was set back.
#[derive(Debug, PartialEq, Eq)]
pub enum Reset {
    /// It was the starter already.
    Same,
    /// What was there is in this folder now.
    Kept(PathBuf),
}

/// Whether a program still says of itself that it is the starter.
pub fn is_starter(exercise: &Exercise, source: &str) -> bool {
    source.contains(&format!("{} is not written yet", exercise.name))
}

/// The content of the [`FILES`] of a starter.
///
/// # Errors
///
/// When neither the course nor its history has it.
pub fn files(root: &Path, exercise: &Exercise) -> Result<[String; 2], LabError> {
    let handed_out = root.join(FOLDER).join(exercise.name);
    if handed_out.is_dir() {
        let read = |file: &str| fs::read_to_string(handed_out.join(file));
        let [main, manifest] = FILES;
        return Ok([
            read(main).attempt("could not read the starter")?,
            read(manifest).attempt("could not read the starter")?,
        ]);
    }
    from_history(root, exercise)
}

fn from_history(root: &Path, exercise: &Exercise) -> Result<[String; 2], LabError> {
    const FIND: &str = "could not find the starter in the history of the course";
    let [main, manifest] = FILES;
    let show = |revision: &str, file: &str| {
        let object = format!("{revision}:./exercises/{}/{file}", exercise.name);
        git::ask(root, &["show", &object], FIND)
    };
    let is_fit =
        |revision: &&str| show(revision, main).is_ok_and(|source| is_starter(exercise, &source));
    let path = format!("exercises/{}/{main}", exercise.name);
    let most = format!("--max-count={MOST_REVISIONS}");
    let base = git::base(root);
    let earlier = git::ask(
        root,
        &["log", "--format=%H", &most, "HEAD", "--", &path],
        FIND,
    )?;
    let mut revisions = [base.as_str()].into_iter().chain(earlier.lines());
    let revision = revisions
        .find(is_fit)
        .ok_or_else(|| LabError::with_detail(FIND, "no commit has it"))?;
    Ok([show(revision, main)?, show(revision, manifest)?])
}

/// Makes an exercise the starter again. What was there is moved into a new folder of the lab's memory: nothing is lost.
///
/// # Errors
///
/// When the starter is not to be found, or a file cannot be moved or written. Then what was there is in its place.
pub fn reset(root: &Path, exercise: &Exercise) -> Result<Reset, LabError> {
    const SET_BACK: &str = "could not set the exercise back";
    let [main, manifest] = files(root, exercise)?;
    let place = root.join("exercises").join(exercise.name);
    if is_same(&place, &main, &manifest) {
        return Ok(Reset::Same);
    }
    let owner = match nix::unistd::geteuid().is_root() {
        true => fs::metadata(&place).ok().map(|it| (it.uid(), it.gid())),
        false => None,
    };
    let trouble = |error: AccessError| error.attempting(SET_BACK);
    let folder = Directory::open(root)
        .and_then(|root| root.directory(Path::new("exercises").join(exercise.name)))
        .map_err(trouble)?;
    let (kept, kept_path) = Memory::of_course(root).new_folder("kept", exercise.name, SET_BACK)?;
    let moved = match folder.rename_into("src", &kept, "src") {
        Err(AccessError::Missing) => false,
        moved => moved.map(|()| true).map_err(trouble)?,
    };
    let copied = match folder.read("Cargo.toml", MOST_OF_A_MANIFEST) {
        Ok(text) => atomic_file::write_beneath(&kept, "Cargo.toml", &lossy(text), owner),
        Err(_) => Ok(()),
    };
    let written = copied.and_then(|()| write(&folder, &main, &manifest, owner));
    if let Err(error) = written {
        let _ = folder.remove_tree("src");
        if moved {
            kept.rename_into("src", &folder, "src").map_err(trouble)?;
        }
        return Err(trouble(error));
    }
    Ok(Reset::Kept(kept_path))
}

/// How long a manifest may be that is kept.
const MOST_OF_A_MANIFEST: u64 = 1 << 20;

fn lossy(text: Vec<u8>) -> String {
    String::from_utf8_lossy(&text).into_owned()
}

/// Whether nothing but the starter is there.
fn is_same(place: &Path, main: &str, manifest: &str) -> bool {
    let names = fs::read_dir(place.join("src")).map(|entries| entries.count());
    let has = |file: &str, text: &str| {
        fs::read_to_string(place.join(file)).is_ok_and(|found| found == text)
    };
    names.is_ok_and(|count| count == 1) && has(FILES[0], main) && has(FILES[1], manifest)
}

fn write(
    folder: &Directory,
    main: &str,
    manifest: &str,
    owner: Option<(u32, u32)>,
) -> Result<(), AccessError> {
    let sources = folder.make_directory("src", 0o755)?;
    if let Some(owner) = owner {
        memory::give(&sources, owner).map_err(AccessError::Failed)?;
    }
    atomic_file::write_beneath(&sources, "main.rs", main, owner)?;
    atomic_file::write_beneath(folder, "Cargo.toml", manifest, owner)
}
