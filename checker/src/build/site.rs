//! Where packages are built: in the course's folder, or in a workspace that the grader has made of a submission.

use std::{fs, io, os::unix::fs::symlink, path::Path};

use serde::Deserialize;

use super::{
    cargo::{self, Workspace},
    confined::Toolchain,
    host,
    template::SubmissionWorkspace,
};
use crate::{
    failure::{Attempt, LabError},
    report::NoProgram,
    sandbox::Isolation,
    worker::Cancel,
    workspace as manifests,
};

/// Where packages are built.
#[derive(Clone, Copy, Debug)]
pub enum Site<'a> {
    /// In the course. The manifests are the student's.
    Course(&'a CourseSite),
    /// In the workspace of a submission. The manifests are the grader's.
    Submission(&'a SubmissionWorkspace),
}

/// The course as a place to build in.
#[derive(Debug)]
pub struct CourseSite {
    whole: Workspace,
    confined: Option<Isolation>,
}

/// A workspace with one member, whose folder vanishes with this value.
#[derive(Debug)]
pub(super) struct Separate {
    pub workspace: Workspace,
    _folder: tempfile::TempDir,
}

impl CourseSite {
    /// The course in this folder. Where its exercises are not trusted, their builds are `confined`, each by itself, with
    /// or without namespaces.
    pub fn new(
        root: &Path,
        colour: bool,
        cancel: &Cancel,
        confined: Option<Isolation>,
    ) -> CourseSite {
        let whole = Workspace {
            colour,
            ..Workspace::course(root, cancel)
        };
        CourseSite { whole, confined }
    }
}

impl Site<'_> {
    /// The workspace in which all packages can be built by one call.
    pub(super) fn shared(&self) -> Option<&Workspace> {
        match self {
            // A confined build of one exercise must not read another one.
            Site::Course(course) if course.confined.is_some() => None,
            Site::Course(course) => Some(&course.whole),
            Site::Submission(submission) => Some(&submission.workspace),
        }
    }

    /// Whether a package can have a workspace of its own here.
    pub(super) fn can_separate(&self) -> bool {
        matches!(self, Site::Course(_))
    }

    /// A workspace with this package as its only member.
    pub(super) fn separate(&self, package: &str) -> Result<Separate, LabError> {
        const MAKE: &str = "could not make a workspace for one exercise";
        let Site::Course(CourseSite { whole, confined }) = self else {
            return Err(LabError::new(MAKE));
        };
        let folder = lone_workspace(&whole.root, package).attempt(MAKE)?;
        let mut workspace = Workspace {
            root: folder.path().to_owned(),
            ..whole.clone()
        };
        if let Some(isolation) = confined {
            confine(&mut workspace, &whole.root, package, *isolation)?;
        }
        Ok(Separate {
            workspace,
            _folder: folder,
        })
    }

    /// Why there is nothing to build, if a package is not there at all.
    pub(super) fn missing_manifest(&self, package: &str) -> Option<NoProgram> {
        match self {
            Site::Course(course) if has_manifest(&course.whole.root, package) => None,
            Site::Course(_) => Some(missing(package, "Cargo.toml")),
            Site::Submission(submission) if submission.packages.contains(package) => None,
            Site::Submission(_) => Some(missing(package, "src/main.rs")),
        }
    }

    /// The first file of a starter which is not there any more.
    pub(super) fn missing_file(&self, package: &str) -> Option<NoProgram> {
        let Site::Course(course) = self else {
            return None;
        };
        let folder = course.whole.root.join("exercises").join(package);
        ["Cargo.toml", "src/main.rs"]
            .into_iter()
            .find(|file| !folder.join(file).is_file())
            .map(|file| missing(package, file))
    }

    /// Why a package has no program when cargo does not read its workspace, of which it says `said`. An error is what no
    /// student can fix there: cargo reads no package at all.
    pub(super) fn unreadable(
        &self,
        workspace: &Workspace,
        package: &str,
        said: &str,
    ) -> Result<NoProgram, LabError> {
        let Site::Course(course) = self else {
            host::rule_out_failure(&workspace.target)?;
            return unfinished(workspace, package, said);
        };
        let root = &course.whole.root;
        if let Some(gone) = self.missing_file(package) {
            return Ok(gone);
        }
        expect_readable_control(root)?;
        Ok(match package_name(&workspace.root) {
            Some(found) if found != package => NoProgram::RenamedPackage(found),
            // The workspace is the lab's own; the student's is the course.
            _ => NoProgram::UnreadablePackage(
                said.replace(&*workspace.root.to_string_lossy(), &root.to_string_lossy()),
            ),
        })
    }
}

/// Has the workspace of one exercise built confined.
///
/// The course's own `target` holds the checker and other programs that are trusted: a confined build must not write
/// there, and not to cargo's folder either, whose settings the next build would follow.
fn confine(
    workspace: &mut Workspace,
    course: &Path,
    package: &str,
    isolation: Isolation,
) -> Result<(), LabError> {
    let place = course.join("target/jailed");
    workspace.target = place.join("target");
    let sources = [
        course.join("exercises").join(package),
        workspace.root.join("exercises"),
    ];
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let toolchain = Toolchain::find(&place)?;
    let (root, target) = (&workspace.root, &workspace.target);
    let confined = toolchain.confine(root, target, &sources, jobs, isolation)?;
    workspace.confined = Some(confined);
    Ok(())
}

/// Why a package has no program when cargo failed without an error in its source.
pub(super) fn unfinished(
    workspace: &Workspace,
    package: &str,
    said: &str,
) -> Result<NoProgram, LabError> {
    match &workspace.confined {
        // A program that cannot be built within the limits is its author's matter.
        Some(confined) => {
            let said = said.replace(&*workspace.root.to_string_lossy(), ".");
            Ok(NoProgram::DoesNotCompile(confined.no_end(&said)))
        }
        None => {
            let attempt = format!("cargo failed to build {package}");
            Err(LabError::with_detail(attempt, said))
        }
    }
}

fn missing(package: &str, file: &str) -> NoProgram {
    NoProgram::MissingFile(format!("exercises/{package}/{file}"))
}

/// Whether an exercise of the course is a package.
pub(super) fn has_manifest(root: &Path, package: &str) -> bool {
    let folder = root.join("exercises").join(package);
    folder.join("Cargo.toml").is_file()
}

/// The name of the only package of a workspace; `None` if cargo cannot read it.
fn package_name(root: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: [Package; 1],
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
    }
    let output = cargo::command(root)
        .args(["metadata", "--no-deps", "--format-version=1"])
        .output()
        .ok()?;
    let metadata: Metadata = serde_json::from_slice(&output.stdout).ok()?;
    let [package] = metadata.packages;
    Some(package.name)
}

/// A folder which is a workspace with this exercise of the course as its only member.
///
/// # Errors
///
/// When it cannot be made.
fn lone_workspace(root: &Path, package: &str) -> io::Result<tempfile::TempDir> {
    let folder = empty_workspace(root, package)?;
    symlink(
        root.join("exercises").join(package),
        folder.path().join("exercises").join(package),
    )?;
    Ok(folder)
}

/// Tries whether cargo reads a package which is as an exercise is handed out: then what it does not read is a matter of
/// one package.
///
/// # Errors
///
/// With cargo's own words, when it does not: no toolchain is chosen, a dependency cannot be had.
fn expect_readable_control(root: &Path) -> Result<(), LabError> {
    const TRY: &str = "could not read any package of the course with cargo";
    let folder = empty_workspace(root, "control").attempt(TRY)?;
    let package = folder.path().join("exercises/control");
    fs::create_dir_all(package.join("src")).attempt(TRY)?;
    fs::write(package.join("Cargo.toml"), manifests::package("control")).attempt(TRY)?;
    fs::write(package.join("src/main.rs"), "fn main() {}\n").attempt(TRY)?;
    let output = cargo::command(folder.path())
        .args(["metadata", "--quiet", "--format-version=1"])
        .output()
        .attempt(TRY)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(LabError::with_detail(
            TRY,
            String::from_utf8_lossy(&output.stderr)
                .replace(&*folder.path().to_string_lossy(), &root.to_string_lossy()),
        )),
    }
}

/// A folder which is a workspace like the course's with this exercise as its only member, which is not there yet.
fn empty_workspace(root: &Path, package: &str) -> io::Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("socket-lab-").tempdir()?;
    let manifest = manifests::manifest(&[&format!("exercises/{package}")]);
    fs::write(folder.path().join("Cargo.toml"), manifest)?;
    // Without the lock file cargo chooses versions anew, which still builds.
    let _ = fs::copy(root.join("Cargo.lock"), folder.path().join("Cargo.lock"));
    fs::create_dir(folder.path().join("exercises"))?;
    Ok(folder)
}
