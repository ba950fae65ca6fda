//! The grader's own workspace for a submission: its own manifests and lock file, and dependencies that are compiled
//! already, by a build without any submission in it. Of a student come the source files only.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{
    cargo::{CargoEnd, CargoEvent, Workspace},
    confined::Toolchain,
    dependencies::KeptDependencies,
    host,
};
use crate::{
    digest::Digest,
    failure::{Attempt, LabError},
    sandbox::Isolation,
    worker::{Cancel, RunError},
    workspace,
};

/// The course's lock file, as it was when this checker was built.
const LOCK: &str = include_str!("../../../Cargo.lock");

const PREPARE: &str = "could not prepare the workspace for submissions";

/// The package with which the dependencies are compiled.
const FIRST: &str = "nothing_but_dependencies";

/// The files below the `src` of a package.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The workspace that every submission's begins as.
#[derive(Debug)]
pub struct Template {
    toolchain: Toolchain,
    folder: PathBuf,
    lock: PathBuf,
    limits: Limits,
    /// Where the folder is one that is kept: nobody changes it meanwhile.
    _kept: Option<KeptDependencies>,
}

/// What a build of a submission may take, and how it is confined.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The CPU time that the compiler may use, in seconds.
    pub cpu: u64,
    /// Whether builds are locked into a jail.
    pub has_jail: bool,
    /// Whether they get namespaces of their own.
    pub isolation: Isolation,
    /// Ends a build early.
    pub cancel: Cancel,
}

/// A submission as packages that can be built.
#[derive(Debug)]
pub struct SubmissionWorkspace {
    folder: tempfile::TempDir,
    pub(super) workspace: Workspace,
    pub(super) packages: BTreeSet<String>,
}

impl Template {
    /// Compiles the dependencies, in a folder of its own below `place`. This is the only build that takes its time, and
    /// it has nothing of a student in it. Builds hold a shared lock on the file `lock` while they run.
    ///
    /// Where builds are locked into a jail, and so cannot write there, the folder `kept` keeps them for the next run.
    ///
    /// # Errors
    ///
    /// When the compiler is missing, or the dependencies are not on this machine and cannot be fetched; and when it
    /// is cancelled.
    pub fn prepare(
        place: &Path,
        kept: &Path,
        lock: PathBuf,
        jobs: usize,
        limits: Limits,
    ) -> Result<Template, RunError> {
        host::linker()?;
        let has_jail = limits.has_jail;
        if let Some(kept) = has_jail.then(|| KeptDependencies::open(kept)).flatten() {
            let template = Template::new(kept.folder(), lock.clone(), limits.clone())?;
            if let Some(template) = template.keep(kept, jobs)? {
                return Ok(template);
            }
        }
        let template = Template::new(place, lock, limits)?;
        fs::create_dir(&template.folder).attempt(PREPARE)?;
        template.compile(jobs)?;
        Ok(template)
    }

    fn new(place: &Path, lock: PathBuf, limits: Limits) -> Result<Template, LabError> {
        Ok(Template {
            toolchain: Toolchain::find(place)?,
            folder: place.join("template"),
            lock,
            limits,
            _kept: None,
        })
    }

    /// The same with the dependencies that are kept, compiled anew if they are others. `None` if another run uses those.
    fn keep(mut self, kept: KeptDependencies, jobs: usize) -> Result<Option<Template>, RunError> {
        let sources = Digest::NONE
            .with(LOCK)
            .with(workspace::manifest(&["exercises/*"]))
            .with(workspace::package(FIRST))
            .with(self.toolchain.version()?);
        if !kept.hold(sources) {
            if !kept.may_change() {
                return Ok(None);
            }
            kept.begin(&self.folder).attempt(PREPARE)?;
            self.compile(jobs)?;
            kept.complete(sources).attempt(PREPARE)?;
        }
        if !kept.share(sources) {
            return Ok(None);
        }
        self._kept = Some(kept);
        Ok(Some(self))
    }

    fn compile(&self, jobs: usize) -> Result<(), RunError> {
        let folder = &self.folder;
        let nothing = Files::from([("main.rs".into(), b"fn main() {}\n".to_vec())]);
        write_workspace(folder, [(FIRST, &nothing)]).attempt(PREPARE)?;
        // Cargo takes what this workspace needs.
        fs::write(folder.join("Cargo.lock"), LOCK).attempt(PREPARE)?;
        let workspace = self.confine(folder, jobs)?;
        let mut is_built = false;
        let end = workspace.build(&BTreeSet::from([FIRST.to_owned()]), |event| {
            is_built |= matches!(event, CargoEvent::Built { .. });
        })?;
        let detail = match end {
            _ if is_built => return Ok(()),
            CargoEnd::Finished { said, .. } | CargoEnd::NotBegun(said) => format!(
                "{}; `cargo fetch` in the course's folder, with a network, brings what is missing",
                said.trim()
            ),
            CargoEnd::Stopped(limit) => limit.to_string(),
        };
        Err(RunError::Lab(LabError::with_detail(PREPARE, detail)))
    }

    /// A workspace with these packages, in a folder of its own below `place`. Those without a `main.rs` are left out.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn submission(
        &self,
        place: &Path,
        packages: &BTreeMap<&str, Files>,
    ) -> Result<SubmissionWorkspace, LabError> {
        const MAKE: &str = "could not make the workspace of a submission";
        let folder = tempfile::Builder::new()
            .prefix("submission-")
            .permissions(fs::Permissions::from_mode(0o711))
            .tempdir_in(place)
            .attempt(MAKE)?;
        let path = folder.path();
        let complete = packages
            .iter()
            .filter(|(_, files)| files.contains_key(Path::new("main.rs")))
            .map(|(name, files)| (*name, files));
        let packages = complete.clone().map(|(name, _)| name.to_owned()).collect();
        write_workspace(path, complete).attempt(MAKE)?;
        fs::copy(self.folder.join("Cargo.lock"), path.join("Cargo.lock")).attempt(MAKE)?;
        // Copies, not links: what a build could do to a link, it would do to all submissions.
        copy_compiled(&self.folder.join("target"), &path.join("target")).attempt(MAKE)?;
        let mut workspace = self.confine(path, 1)?;
        if let Some(confined) = &mut workspace.confined {
            // The template's build runs the course's code only; this one is not trusted.
            confined.confinement.jail.limits.processor = self.limits.cpu;
        }
        Ok(SubmissionWorkspace {
            folder,
            workspace,
            packages,
        })
    }

    /// A workspace in this folder, built confined.
    fn confine(&self, root: &Path, jobs: usize) -> Result<Workspace, LabError> {
        let mut workspace = Workspace::new(root, root.join("target"), &self.limits.cancel);
        let mut confined = self.toolchain.confine(
            root,
            &workspace.target,
            &[root.join("exercises")],
            jobs,
            self.limits.isolation,
        )?;
        confined.confinement.has_walls = self.limits.has_jail;
        confined.confinement.lock = Some(self.lock.clone());
        workspace.confined = Some(confined);
        Ok(workspace)
    }
}

impl SubmissionWorkspace {
    /// A new folder for the programs, which no build writes and every user can enter.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn make_programs_folder(&self) -> Result<PathBuf, LabError> {
        const MAKE: &str = "could not make a folder for the programs of a submission";
        let folder = self.folder.path().join("programs");
        fs::create_dir(&folder).attempt(MAKE)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)).attempt(MAKE)?;
        Ok(folder)
    }

    /// The folder that the build can write.
    pub fn target(&self) -> &Path {
        &self.workspace.target
    }
}

/// Writes a workspace: each package with a manifest of the grader's and the files of its `src`.
fn write_workspace<'a>(
    root: &Path,
    packages: impl IntoIterator<Item = (&'a str, &'a Files)>,
) -> io::Result<()> {
    fs::write(
        root.join("Cargo.toml"),
        workspace::manifest(&["exercises/*"]),
    )?;
    fs::create_dir_all(root.join("exercises"))?;
    for (name, files) in packages {
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

/// Copies what cargo has built, except for the package that is no submission's. Times are kept: cargo goes by them.
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
