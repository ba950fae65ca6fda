//! The grader's own workspace for a submission: its own manifests and lock file, and dependencies that are compiled
//! already, by a build without any submission in it. Of a student come the source files only.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{scratch::Scratch, submission::Sources};
use crate::{
    arena::Isolation,
    compile::{self, Confined, Ended, News, Toolchain},
    exercise::Exercise,
    failure::{Attempt, LabError},
    report::NoProgram,
    worker::{Cancel, RunError},
    workspace,
};

/// The course's own manifest and lock file, as they were when this checker was built: nothing in the current folder,
/// which may be a student's, changes how a submission is built.
const MANIFEST: &str = include_str!("../../../Cargo.toml");
const LOCK: &str = include_str!("../../../Cargo.lock");

/// The package with which the dependencies are compiled.
const FIRST: &str = "nothing_but_dependencies";

/// How much of the compiler's messages about one program is kept, in bytes.
const MOST_WORDS: usize = 64 << 10;

/// The workspace that every submission's begins as.
#[derive(Debug)]
pub struct Template {
    toolchain: Toolchain,
    folder: PathBuf,
    file_at_work: PathBuf,
    terms: Terms,
}

/// How submissions are built.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The processor time that the compiler may use, in seconds.
    pub processor: u64,
    /// Whether builds are locked into a jail.
    pub has_jail: bool,
    /// Whether they get namespaces of their own.
    pub isolation: Isolation,
    /// Ends a build early.
    pub cancel: Cancel,
}

/// A submission's workspace.
#[derive(Debug)]
pub struct Workspace {
    folder: tempfile::TempDir,
    target: PathBuf,
    packages: BTreeSet<String>,
    confined: Confined,
}

/// What is told about a build while it runs.
#[derive(Debug)]
pub enum Word {
    /// The program of this exercise is there.
    Program(String, PathBuf),
    /// There is none, for this reason.
    NoProgram(String, NoProgram),
    /// The compiler warns about this exercise.
    Warning(String, String),
}

impl Template {
    /// Compiles the dependencies. This is the only build that takes its time, and it has nothing of a student in it.
    ///
    /// # Errors
    ///
    /// When the compiler is missing, or the dependencies are not on this machine and cannot be fetched; and when
    /// it is cancelled.
    pub fn prepare(scratch: &Scratch, jobs: usize, terms: Terms) -> Result<Template, RunError> {
        const PREPARE: &str = "could not prepare the workspace for submissions";
        let template = Template {
            toolchain: Toolchain::find(scratch.folder())?,
            folder: scratch.folder().join("template"),
            file_at_work: scratch.lock(),
            terms,
        };
        compile::linker()?;
        let folder = &template.folder;
        fs::create_dir(folder).attempt(PREPARE)?;
        write_members(folder, [(FIRST, &one_file("fn main() {}\n"))]).attempt(PREPARE)?;
        // Cargo takes what this workspace needs.
        fs::write(folder.join("Cargo.lock"), LOCK).attempt(PREPARE)?;
        let packages = BTreeSet::from([FIRST.to_owned()]);
        let (target, confined) = template.confine(folder, jobs)?;
        let mut is_built = false;
        let ended = compile::build(
            folder,
            Some(&target),
            &packages,
            false,
            Some(&confined),
            |news| is_built |= matches!(news, News::Built { .. }),
        )?;
        match ended {
            _ if is_built => Ok(template),
            Ended::Finished { said, .. } | Ended::NotBegun(said) => Err(LabError {
                detail: Some(format!(
                    "{}; `cargo fetch` in the course's folder, with a network, brings what is missing",
                    said.trim()
                )),
                ..LabError::new(PREPARE)
            }
            .into()),
            Ended::Stopped(stopped) => Err(LabError {
                detail: Some(stopped.to_string()),
                ..LabError::new(PREPARE)
            }
            .into()),
        }
    }

    /// A workspace with these sources, in a folder of its own.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn workspace(&self, scratch: &Scratch, sources: &Sources) -> Result<Workspace, LabError> {
        const MAKE: &str = "could not make the workspace of a submission";
        let folder = tempfile::Builder::new()
            .prefix("submission-")
            .permissions(fs::Permissions::from_mode(0o711))
            .tempdir_in(scratch.folder())
            .attempt(MAKE)?;
        let path = folder.path();
        let complete = sources
            .crates
            .iter()
            .filter(|(_, files)| files.contains_key(Path::new("main.rs")))
            .map(|(name, files)| (*name, files));
        let packages: BTreeSet<String> =
            complete.clone().map(|(name, _)| name.to_owned()).collect();
        write_members(path, complete).attempt(MAKE)?;
        fs::copy(self.folder.join("Cargo.lock"), path.join("Cargo.lock")).attempt(MAKE)?;
        // Copies, not links: what a build could do to a link, it would do to all submissions.
        copy_compiled(&self.folder.join("target"), &path.join("target")).attempt(MAKE)?;
        let (target, mut confined) = self.confine(path, 1)?;
        // Those of the template are the course's; these are nobody's we know.
        confined.cell.jail.limits.processor = self.terms.processor;
        Ok(Workspace {
            folder,
            target,
            packages,
            confined,
        })
    }

    /// How a workspace is built, and where to.
    fn confine(&self, workspace: &Path, jobs: usize) -> Result<(PathBuf, Confined), LabError> {
        let target = workspace.join("target");
        let mut confined = self.toolchain.confine(
            workspace,
            &target,
            &[workspace.join("exercises")],
            jobs,
            self.terms.isolation,
            &self.terms.cancel,
        )?;
        confined.cell.has_walls = self.terms.has_jail;
        confined.cell.lock = Some(self.file_at_work.clone());
        Ok((target, confined))
    }
}

impl Workspace {
    /// A folder for the programs, which no build writes and every user can enter.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn programs(&self) -> Result<PathBuf, LabError> {
        const MAKE: &str = "could not make a folder for the programs of a submission";
        let folder = self.folder.path().join("programs");
        fs::create_dir(&folder).attempt(MAKE)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)).attempt(MAKE)?;
        Ok(folder)
    }

    /// The folder that the build can write.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Builds all programs, and tells of each as soon as it is linked. A crate that stops the others is built alone.
    ///
    /// # Errors
    ///
    /// When the lab cannot build, which says nothing about the submission; and when it is cancelled.
    pub fn build(&self, tell: &mut impl FnMut(Word)) -> Result<(), RunError> {
        let mut left = self.packages.clone();
        let ended = self.build_these(&mut left, tell)?;
        if self.packages.len() == 1 {
            return Ok(self.tell_why(left, &ended, tell)?);
        }
        // Alone, each that is left tells why.
        for package in left {
            let mut only = BTreeSet::from([package]);
            let ended = self.build_these(&mut only, tell)?;
            self.tell_why(only, &ended, tell)?;
        }
        Ok(())
    }

    /// The compiler came to no end about these.
    fn tell_why(
        &self,
        left: BTreeSet<String>,
        ended: &Ended,
        tell: &mut impl FnMut(Word),
    ) -> Result<(), LabError> {
        for package in left {
            exonerate(self.folder.path())?;
            let words = match ended {
                Ended::Stopped(stopped) => vec![stopped.to_string()],
                Ended::Finished { said, .. } | Ended::NotBegun(said) => {
                    let said = said.replace(&*self.folder.path().to_string_lossy(), ".");
                    self.confined.no_end(&said)
                }
            };
            tell(Word::NoProgram(package, NoProgram::DoesNotCompile(words)));
        }
        Ok(())
    }

    /// One call of cargo. What got its program or an error is taken out of `left`.
    fn build_these(
        &self,
        left: &mut BTreeSet<String>,
        tell: &mut impl FnMut(Word),
    ) -> Result<Ended, RunError> {
        if left.is_empty() {
            return Ok(Ended::NotBegun(String::new()));
        }
        let mut errors: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut room: BTreeMap<String, usize> = BTreeMap::new();
        let packages = left.clone();
        let hear = |news| match news {
            News::Built {
                package,
                binary,
                path,
            } if binary == package => {
                left.remove(&package);
                tell(Word::Program(package, path));
            }
            News::Message {
                package,
                is_error,
                text,
                ..
            } => {
                let room = room.entry(package.clone()).or_insert(MOST_WORDS);
                let Some(text) = cut(text, room) else {
                    return;
                };
                match is_error {
                    true => errors.entry(package).or_default().push(text),
                    false => tell(Word::Warning(package, text)),
                }
            }
            _ => (),
        };
        let (root, target) = (self.folder.path(), Some(&*self.target));
        let ended = compile::build(root, target, &packages, false, Some(&self.confined), hear)?;
        if !matches!(ended, Ended::Stopped(_)) {
            for (package, messages) in errors {
                if left.contains(&package) {
                    exonerate(self.folder.path())?;
                    left.remove(&package);
                    tell(Word::NoProgram(
                        package,
                        NoProgram::DoesNotCompile(messages),
                    ));
                }
            }
        }
        Ok(ended)
    }
}

/// A build can fail for reasons that are none of the student's: they are the lab's trouble.
fn exonerate(folder: &Path) -> Result<(), LabError> {
    const ENOUGH: u64 = 16 << 20;
    let disk = nix::sys::statvfs::statvfs(folder).attempt("could not ask for the free space")?;
    let free = disk.blocks_available().saturating_mul(disk.fragment_size());
    if free < ENOUGH {
        return Err(LabError::call(
            format!("could not build in {}", folder.display()),
            nix::errno::Errno::ENOSPC,
        ));
    }
    compile::linker()
}

/// As much of a text as there is room for; `None` when there was none left.
fn cut(mut text: String, room: &mut usize) -> Option<String> {
    if *room == 0 {
        return None;
    }
    let mut end = text.len().min(*room);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end < text.len() {
        text.truncate(end);
        text.push_str("\n… and more\n");
        *room = 0;
    } else {
        *room -= end;
    }
    Some(text)
}

fn one_file(content: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    BTreeMap::from([("main.rs".into(), content.into())])
}

/// Writes a workspace: the manifest of the course with these members, and each member with a manifest of the grader's
/// and the files of its `src`.
fn write_members<'a>(
    root: &Path,
    members: impl IntoIterator<Item = (&'a str, &'a BTreeMap<PathBuf, Vec<u8>>)>,
) -> io::Result<()> {
    fs::write(
        root.join("Cargo.toml"),
        workspace::with_members(MANIFEST, &["exercises/*"]),
    )?;
    fs::create_dir_all(root.join("exercises"))?;
    for (name, files) in members {
        let folder = root.join("exercises").join(name);
        for (path, content) in files {
            let path = folder.join("src").join(path);
            fs::create_dir_all(path.parent().unwrap_or(&folder))?;
            fs::write(path, content)?;
        }
        fs::write(folder.join("Cargo.toml"), workspace::package(name))?;
    }
    Ok(())
}

/// Copies what cargo has built, but for the package that is nobody's. Times are kept: cargo goes by them.
fn copy_compiled(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name().to_string_lossy().contains(FIRST) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_compiled(&source, &target)?;
        } else if kind.is_file() {
            fs::copy(&source, &target)?;
            let times = entry.metadata()?.modified()?;
            fs::File::options()
                .write(true)
                .open(&target)?
                .set_modified(times)?;
        }
    }
    Ok(())
}

/// The path of the file without which an exercise has no program, as a student knows it.
pub fn missing_file(exercise: &Exercise) -> NoProgram {
    NoProgram::MissingFile(format!("exercises/{}/src/main.rs", exercise.name))
}
