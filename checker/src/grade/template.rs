//! The grader's own workspace for a submission: its own manifests and lock file, and dependencies that are compiled
//! already, by a build without any submission in it. Of a student come the source files only.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    builder::{Ended, Limits, Order},
    scratch::Scratch,
    submission::Sources,
};
use crate::{
    arena::Jail,
    compile::{self, News},
    exercise::Exercise,
    failure::{Attempt, LabError},
    report::NoProgram,
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
    /// The lock file, package by package; without those of the exercises.
    lock: Vec<String>,
    file_at_work: PathBuf,
    limits: Limits,
    /// Whether builds are locked into a jail.
    is_confined: bool,
}

/// A submission's workspace.
#[derive(Debug)]
pub struct Workspace<'a> {
    template: &'a Template,
    folder: tempfile::TempDir,
    packages: BTreeSet<String>,
}

/// What came of building a workspace.
#[derive(Debug)]
pub enum Built {
    /// Every program is there, or it is known why not.
    All,
    /// Ctrl-C came first.
    Interrupted,
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

/// Where the compiler is.
#[derive(Debug)]
struct Toolchain {
    cargo: PathBuf,
    sysroot: PathBuf,
    home: PathBuf,
}

impl Toolchain {
    /// The toolchain of the cargo that runs this program, or of the one in PATH: itself, and not rustup's stand-in,
    /// which looks for a toolchain file in the current folder.
    fn find() -> Result<Toolchain, LabError> {
        const FIND: &str = "could not find the compiler";
        let beside = env::var_os("CARGO")
            .map(|cargo| Path::new(&cargo).with_file_name("rustc"))
            .filter(|rustc| rustc.is_file());
        let rustc = beside.unwrap_or_else(|| "rustc".into());
        let output = Command::new(rustc)
            .args(["--print", "sysroot"])
            .current_dir("/")
            .output()
            .map_err(|error| LabError {
                detail: Some(format!("{error}; is Rust installed? See https://rustup.rs")),
                ..LabError::new(FIND)
            })?;
        let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        let cargo = [sysroot.join("bin/cargo"), PathBuf::from("/usr/bin/cargo")]
            .into_iter()
            .find(|cargo| cargo.is_file())
            .ok_or_else(|| LabError {
                detail: Some(format!("there is no cargo in {}", sysroot.display())),
                ..LabError::new(FIND)
            })?;
        let home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home
            .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))
            .ok_or_else(|| {
                LabError::new("could not find cargo's folder: neither CARGO_HOME nor HOME is set")
            })?;
        Ok(Toolchain {
            cargo,
            sysroot,
            home,
        })
    }
}

impl Template {
    /// Compiles the dependencies. This is the only build that takes its time, and it has nothing of a student in it.
    ///
    /// # Errors
    ///
    /// When the compiler is missing, or the dependencies are not on this machine and cannot be fetched.
    pub fn prepare(
        scratch: &Scratch,
        jobs: usize,
        limits: Limits,
        is_confined: bool,
    ) -> Result<Template, LabError> {
        const PREPARE: &str = "could not prepare the workspace for submissions";
        let mut template = Template {
            toolchain: Toolchain::find()?,
            folder: scratch.folder().join("template"),
            lock: Vec::new(),
            file_at_work: scratch.lock(),
            limits: Limits::default(),
            is_confined,
        };
        compile::linker()?;
        let folder = &template.folder;
        for inner in ["tmp", "target"] {
            fs::create_dir_all(folder.join(inner)).attempt(PREPARE)?;
        }
        write_members(folder, [(FIRST, &one_file("fn main() {}\n"))]).attempt(PREPARE)?;
        fs::write(folder.join("Cargo.lock"), LOCK).attempt(PREPARE)?;
        // Not --locked: the lock file is the course's, from which cargo takes what this workspace needs.
        let packages = BTreeSet::from([FIRST.to_owned()]);
        let mut order = template.order(folder, &packages, jobs);
        order.arguments.retain(|argument| argument != "--locked");
        if let Some(jail) = &mut order.jail {
            jail.write.push(folder.join("Cargo.lock"));
        }
        let mut is_built = false;
        let (_, ended) = order.run(|output| {
            compile::listen(output, &packages, &mut |news| {
                is_built |= matches!(news, News::Built { .. });
            })
        })?;
        match ended {
            Ended::InTime(_) if is_built => (),
            Ended::InTime(said) => {
                return Err(LabError {
                    detail: Some(format!(
                        "{}; `cargo fetch` in the course's folder, with a network, brings what is missing",
                        said.trim()
                    )),
                    ..LabError::new(PREPARE)
                });
            }
            Ended::TooLate => {
                return Err(LabError::new("compiling the dependencies took too long"));
            }
            Ended::Interrupted => return Err(LabError::new("interrupted")),
        }
        // Those were the dependencies; what follows is nobody's we know.
        template.limits = limits;
        let folder = &template.folder;
        let lock = fs::read_to_string(folder.join("Cargo.lock")).attempt(PREPARE)?;
        template.lock = lock
            .split("\n\n")
            .filter(|block| name_in(block) != Some(FIRST))
            .map(|block| block.trim().to_owned())
            .collect();
        Ok(template)
    }

    /// A workspace with these sources, in a folder of its own.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn workspace(
        &self,
        scratch: &Scratch,
        sources: &Sources,
    ) -> Result<Workspace<'_>, LabError> {
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
        fs::write(path.join("Cargo.lock"), self.lock_with(&packages)).attempt(MAKE)?;
        fs::create_dir(path.join("tmp")).attempt(MAKE)?;
        // Copies, not links: what a build could do to a link, it would do to all submissions.
        copy_compiled(&self.folder.join("target"), &path.join("target")).attempt(MAKE)?;
        Ok(Workspace {
            template: self,
            folder,
            packages,
        })
    }

    fn lock_with(&self, packages: &BTreeSet<String>) -> String {
        let (head, dependencies) = self
            .lock
            .split_first()
            .map_or(("", &[][..]), |(head, rest)| (head.as_str(), rest));
        let mut blocks: Vec<String> = dependencies.to_vec();
        blocks.extend(packages.iter().map(|name| {
            format!(
                "[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\ndependencies = [\n \"libc\",\n \"nix\",\n]"
            )
        }));
        blocks.sort_by(|one, other| name_in(one).cmp(&name_in(other)));
        format!("{head}\n\n{}\n", blocks.join("\n\n"))
    }

    /// The jail of a build: it reads the compiler, the dependencies' sources and its own, and changes what it makes.
    fn jail(&self, workspace: &Path) -> Jail {
        let Toolchain { sysroot, home, .. } = &self.toolchain;
        // Not what lies beside the registry: that may be the key to one.
        let read = [sysroot.clone(), home.join("registry")];
        let own = ["Cargo.toml", "Cargo.lock", "exercises"].map(|path| workspace.join(path));
        let write = ["target", "tmp"].map(|path| workspace.join(path));
        Jail::of_a_build(read.into_iter().chain(own).collect(), write.into())
    }

    fn order(&self, workspace: &Path, packages: &BTreeSet<String>, jobs: usize) -> Order {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let mut arguments: Vec<String> = [
            "build",
            "--bins",
            "--keep-going",
            "--offline",
            "--locked",
            "--message-format=json",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.extend(["--jobs".to_owned(), jobs.to_string()]);
        arguments.extend([
            "--manifest-path".to_owned(),
            text(workspace.join("Cargo.toml")),
        ]);
        arguments.extend(["--target-dir".to_owned(), text(workspace.join("target"))]);
        for package in packages {
            arguments.extend(["--package".to_owned(), package.clone()]);
        }
        let Toolchain {
            cargo,
            sysroot,
            home,
        } = &self.toolchain;
        let path = format!("{}/bin:/usr/local/bin:/usr/bin:/bin", sysroot.display());
        Order {
            cargo: cargo.clone(),
            arguments,
            environment: [
                ("PATH", PathBuf::from(path)),
                ("HOME", workspace.join("tmp")),
                ("TMPDIR", workspace.join("tmp")),
                ("CARGO_HOME", home.clone()),
                ("CARGO_INCREMENTAL", "0".into()),
                ("CARGO_TERM_COLOR", "never".into()),
                ("LC_ALL", "C.UTF-8".into()),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
            limits: self.limits,
            jail: self.is_confined.then(|| self.jail(workspace)),
            lock: self.file_at_work.clone(),
        }
    }
}

impl Workspace<'_> {
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

    /// Builds all programs, and tells of each as soon as it is linked. A crate that stops the others is built alone.
    ///
    /// # Errors
    ///
    /// When the lab cannot build: this says nothing about the submission.
    pub fn build(&self, tell: &mut impl FnMut(Word)) -> Result<Built, LabError> {
        let mut left = self.packages.clone();
        let mut ended = self.build_these(&mut left, tell)?;
        // Alone, each that is left tells why.
        for package in left.clone() {
            if matches!(ended, Ended::Interrupted) {
                break;
            }
            let mut only = BTreeSet::from([package.clone()]);
            ended = self.build_these(&mut only, tell)?;
            if !only.is_empty() && !matches!(ended, Ended::Interrupted) {
                exonerate(self.folder.path())?;
                tell(Word::NoProgram(package, self.unfinished(&ended)));
            }
        }
        Ok(match ended {
            Ended::Interrupted => Built::Interrupted,
            _ => Built::All,
        })
    }

    /// One call of cargo. What got its program or an error is taken out of `left`.
    fn build_these(
        &self,
        left: &mut BTreeSet<String>,
        tell: &mut impl FnMut(Word),
    ) -> Result<Ended, LabError> {
        if left.is_empty() {
            return Ok(Ended::InTime(String::new()));
        }
        let packages = left.clone();
        let order = self.template.order(self.folder.path(), &packages, 1);
        let mut errors: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut room: BTreeMap<String, usize> = BTreeMap::new();
        let (_, ended) = order.run(|output| {
            compile::listen(output, &packages, &mut |news| match news {
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
            })
        })?;
        if matches!(ended, Ended::InTime(_)) {
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

    /// Why the compiler came to no end about a crate.
    fn unfinished(&self, ended: &Ended) -> NoProgram {
        let Limits {
            memory,
            processor,
            time,
            ..
        } = self.template.limits;
        let limits = format!(
            "The compiler came to no end: it may use {processor} s of processor time, {} GiB of memory, and {} s in \
             all.\n",
            memory >> 30,
            time.as_secs()
        );
        let said = match ended {
            Ended::InTime(said) => said.replace(&*self.folder.path().to_string_lossy(), "."),
            Ended::TooLate | Ended::Interrupted => String::new(),
        };
        let said = cut(said, &mut { MOST_WORDS }).unwrap_or_default();
        NoProgram::DoesNotCompile(
            vec![limits, said]
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect(),
        )
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
    let lines = MANIFEST.lines().map(|line| match line.split_once('=') {
        Some((key, _)) if key.trim() == "members" => "members = [\"exercises/*\"]",
        Some((key, _)) if key.trim() == "default-members" => "",
        _ => line,
    });
    fs::write(
        root.join("Cargo.toml"),
        lines.collect::<Vec<_>>().join("\n"),
    )?;
    fs::create_dir_all(root.join("exercises"))?;
    for (name, files) in members {
        let folder = root.join("exercises").join(name);
        for (path, content) in files {
            let path = folder.join("src").join(path);
            fs::create_dir_all(path.parent().unwrap_or(&folder))?;
            fs::write(path, content)?;
        }
        fs::write(folder.join("Cargo.toml"), manifest(name))?;
    }
    Ok(())
}

/// The manifest of an exercise. There is one program, and nothing that runs while it is built.
fn manifest(name: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition.workspace = true\nrust-version.workspace = true\n\
         publish.workspace = true\nbuild = false\nautobins = false\nautoexamples = false\nautotests = false\n\
         autobenches = false\n\n[[bin]]\nname = \"{name}\"\npath = \"src/main.rs\"\n\n[dependencies]\n\
         libc.workspace = true\nnix.workspace = true\n\n[lints]\nworkspace = true\n"
    )
}

/// The name of the package that a block of a lock file is about.
fn name_in(block: &str) -> Option<&str> {
    let line = block.lines().find(|line| line.starts_with("name = "))?;
    line.split('"').nth(1)
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
