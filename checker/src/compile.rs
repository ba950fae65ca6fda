//! `cargo build`, and what it says, sorted by package.
//!
//! One call builds all packages. Each binary is announced as soon as it is linked, so that its tests can begin while
//! cargo goes on with the next.

mod confined;

use std::{
    collections::BTreeSet,
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, BufRead, BufReader, Read},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
};

use serde::Deserialize;

use crate::{
    arena::{self, Output, Stopped},
    failure::{Attempt, LabError},
    worker::RunError,
    workspace,
};

pub use confined::{Confined, Toolchain};

/// What happens during a build.
#[derive(Debug)]
pub enum News {
    /// A binary is there.
    Built {
        /// Its package.
        package: String,
        /// Its name.
        binary: String,
        /// Where it is.
        path: PathBuf,
    },
    /// The compiler says something about a package of the workspace.
    Message {
        /// The package.
        package: String,
        /// The name of the binary or library.
        target: String,
        /// Whether it stops the build, or closes the messages that do.
        is_error: bool,
        /// The message as rustc prints it.
        text: String,
        /// What it points at, if it is about a place in the source.
        at: Option<Position>,
    },
    /// Cargo compiles one more package; for a progress line.
    Progress(String),
}

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file, as rustc names it.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
}

/// How a build ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// Cargo built what could be built.
    Finished {
        /// Whether that was all.
        success: bool,
        /// What cargo itself said.
        said: String,
    },
    /// Cargo did not begin: it cannot read the workspace. This is what it says.
    NotBegun(String),
    /// It was ended, because it took more than its cell allows.
    Stopped(Stopped),
}

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum CargoMessage {
    CompilerArtifact {
        manifest_path: PathBuf,
        target: Target,
        executable: Option<PathBuf>,
    },
    CompilerMessage {
        manifest_path: PathBuf,
        target: Target,
        message: Rendered,
    },
    BuildFinished {
        success: bool,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Rendered {
    level: String,
    rendered: Option<String>,
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: PathBuf,
    line_start: usize,
    is_primary: bool,
}

/// Builds all binaries of these packages.
///
/// `root` is the workspace; `target` is the folder for what is built, if not the [workspace's own](target_folder). What
/// nobody has read is built `confined`.
///
/// # Errors
///
/// When cargo cannot be started; and where it is confined, when the work is cancelled.
pub fn build(
    root: &Path,
    target: Option<&Path>,
    packages: &BTreeSet<String>,
    colour: bool,
    confined: Option<&Confined>,
    mut tell: impl FnMut(News),
) -> Result<Ended, RunError> {
    let Some(confined) = confined else {
        let building = Building::begin(root, target, packages.clone(), colour)?;
        return Ok(building.follow(tell)?);
    };
    let mut command = confined.cargo();
    give_order(&mut command, root, target, packages, colour);
    let hear = |output: Output<'_>| listen(output, packages, &mut tell);
    Ok(match confined.cell.run(&command, &confined.cancel, hear)? {
        (finished, arena::Ended::ByItself(said)) => Ended::by_itself(finished, said),
        (_, arena::Ended::Stopped(stopped)) => Ended::Stopped(stopped),
    })
}

fn give_order(
    cargo: &mut Command,
    root: &Path,
    target: Option<&Path>,
    packages: &BTreeSet<String>,
    colour: bool,
) {
    let rendered = if colour {
        ",json-diagnostic-rendered-ansi"
    } else {
        ""
    };
    cargo
        .args(["build", "--bins", "--keep-going", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .arg(format!("--message-format=json{rendered}"))
        .args(packages.iter().flat_map(|package| ["--package", package]));
    if let Some(target) = target {
        cargo.arg("--target-dir").arg(target);
    }
}

impl Ended {
    fn by_itself(finished: Option<bool>, said: String) -> Ended {
        match finished {
            Some(success) => Ended::Finished { success, said },
            None => Ended::NotBegun(said),
        }
    }
}

/// A build at work, which is not confined. It ends when this is dropped.
#[derive(Debug)]
pub struct Building {
    packages: BTreeSet<String>,
    cargo: Child,
}

impl Building {
    /// Begins to build all binaries of these packages, as [`build`] does. Cargo goes on until it has said more than fits
    /// into a pipe.
    ///
    /// # Errors
    ///
    /// When cargo cannot be started.
    pub fn begin(
        root: &Path,
        target: Option<&Path>,
        packages: BTreeSet<String>,
        colour: bool,
    ) -> Result<Building, LabError> {
        let own = target_folder(root);
        let mut command = cargo(root);
        let target = Some(target.unwrap_or(&own));
        give_order(&mut command, root, target, &packages, colour);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let cargo = command.spawn().map_err(|error| LabError {
            detail: Some(format!(
                "{error}; is Rust installed, and cargo in PATH? See https://rustup.rs"
            )),
            ..LabError::new("could not start cargo")
        })?;
        Ok(Building { packages, cargo })
    }

    /// What is built.
    pub fn packages(&self) -> &BTreeSet<String> {
        &self.packages
    }

    /// Tells what happens, until cargo has ended.
    ///
    /// # Errors
    ///
    /// When nobody can wait for it.
    pub fn follow(mut self, mut tell: impl FnMut(News)) -> Result<Ended, LabError> {
        let stderr = self.cargo.stderr.take();
        let errors = thread::spawn(move || {
            let mut text = String::new();
            if let Some(mut stderr) = stderr {
                let _ = stderr.read_to_string(&mut text);
            }
            text
        });
        let stdout = self.cargo.stdout.take();
        let listen = |stdout: ChildStdout| listen(stdout, &self.packages, &mut tell);
        let finished = stdout.and_then(listen);
        self.cargo.wait().attempt("could not wait for cargo")?;
        Ok(Ended::by_itself(
            finished,
            errors.join().unwrap_or_default(),
        ))
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        // Of one that has been waited for, neither does anything.
        let _ = self.cargo.kill();
        let _ = self.cargo.wait();
    }
}

/// Reads what a cargo with `--message-format=json` says on its standard output, to the end. Returns whether it built
/// all; `None` if it did not even begin.
fn listen(
    stdout: impl Read,
    packages: &BTreeSet<String>,
    tell: &mut impl FnMut(News),
) -> Option<bool> {
    let mut finished = None;
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        // Cargo may add messages of other shapes; they are none of our business.
        match serde_json::from_str(&line).unwrap_or(CargoMessage::Other) {
            CargoMessage::BuildFinished { success } => finished = Some(success),
            message => {
                if let Some(news) = news(message, packages) {
                    tell(news);
                }
            }
        }
    }
    finished
}

/// The name of the only package of a workspace; `None` if cargo cannot read it.
pub fn package_name(root: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: [Package; 1],
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
    }
    let output = cargo(root)
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
pub fn lone_workspace(root: &Path, package: &str) -> io::Result<tempfile::TempDir> {
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
pub fn control(root: &Path) -> Result<(), LabError> {
    const TRY: &str = "could not read any package of the course with cargo";
    let folder = empty_workspace(root, "control").attempt(TRY)?;
    let package = folder.path().join("exercises/control");
    fs::create_dir_all(package.join("src")).attempt(TRY)?;
    fs::write(package.join("Cargo.toml"), workspace::package("control")).attempt(TRY)?;
    fs::write(package.join("src/main.rs"), "fn main() {}\n").attempt(TRY)?;
    let output = cargo(folder.path())
        .args(["metadata", "--quiet", "--format-version=1"])
        .output()
        .attempt(TRY)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(LabError {
            detail: Some(
                String::from_utf8_lossy(&output.stderr)
                    .replace(&*folder.path().to_string_lossy(), &root.to_string_lossy())
                    .trim()
                    .to_owned(),
            ),
            ..LabError::new(TRY)
        }),
    }
}

/// A folder which is the course's workspace with this exercise as its only member, which is not there yet.
fn empty_workspace(root: &Path, package: &str) -> io::Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("socket-lab-").tempdir()?;
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    fs::write(
        folder.path().join("Cargo.toml"),
        workspace::with_members(&manifest, &[&format!("exercises/{package}")]),
    )?;
    // Without the lock file cargo chooses versions anew, which still builds.
    let _ = fs::copy(root.join("Cargo.lock"), folder.path().join("Cargo.lock"));
    fs::create_dir(folder.path().join("exercises"))?;
    Ok(folder)
}

/// Where the programs of a course are built: in its own `target`, or in a folder of its own below the one that
/// CARGO_TARGET_DIR names.
///
/// Not there itself, where other courses may be built, too. Cargo tells packages of two workspaces apart by the path
/// from their workspace, which is the same in every copy of the course; so it would take the program of another copy for
/// this one's when its sources are older, and put a program into the place of one that is being tested.
pub fn target_folder(root: &Path) -> PathBuf {
    let Some(shared) = env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty()) else {
        return root.join("target");
    };
    let mut hasher = DefaultHasher::new();
    // Another release of Rust may give another number. Then all is built once more.
    fs::canonicalize(root)
        .unwrap_or_else(|_| root.to_owned())
        .hash(&mut hasher);
    root.join(shared)
        .join(format!("socket-lab-{:016x}", hasher.finish()))
}

/// What a build of the whole course takes, in bytes, measured and rounded up.
pub const NEEDED: u64 = 500 << 20;

/// The free space where cargo puts what it builds for this course, in bytes: see statvfs(3).
///
/// # Errors
///
/// When the file system does not tell.
pub fn free_space(root: &Path) -> Result<u64, LabError> {
    let target = target_folder(root);
    // Before the first build it is not there.
    let folder = target.ancestors().find(|folder| folder.is_dir());
    let folder = folder.unwrap_or(root);
    nix::sys::statvfs::statvfs(folder)
        .map(|disk| disk.blocks_available().saturating_mul(disk.fragment_size()))
        .map_err(|errno| {
            let attempt = format!("could not ask for the free space in {}", folder.display());
            LabError::call(attempt, errno)
        })
}

/// Whether there is a linker. Without one nothing builds, and the compiler's message does not say what to do.
///
/// # Errors
///
/// When `cc`, which rustc links with by default, cannot be started.
pub fn linker() -> Result<(), LabError> {
    answers(
        "cc",
        "install a C compiler: `sudo apt install gcc` on Debian and Ubuntu",
    )
}

/// Whether a program is there and tells its version.
///
/// # Errors
///
/// When not, with what to do about it.
pub fn answers(program: &str, advice: &str) -> Result<(), LabError> {
    let trouble = |detail: String| LabError {
        detail: Some(format!("{detail}; {advice}")),
        ..LabError::new(format!("could not start {program}"))
    };
    match Command::new(program).arg("--version").output() {
        Ok(output) if output.status.success() => Ok(()),
        // What it says about itself is nearer to the cause than our advice.
        Ok(output) => Err(trouble(format!(
            "`{program} --version` failed ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
                .lines()
                .take(2)
                .collect::<Vec<_>>()
                .join("; ")
        ))),
        Err(error) => Err(trouble(error.to_string())),
    }
}

/// The cargo that runs this program, or the one in PATH.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

fn news(message: CargoMessage, packages: &BTreeSet<String>) -> Option<News> {
    // A package's folder is in `exercises` or in `solutions`; the latter's packages have a suffix.
    let package_of = |manifest: &Path| {
        let folder = manifest.parent()?;
        let name = folder.file_name()?.to_str()?;
        let name = match folder.parent()?.file_name()?.to_str()? {
            "solutions" => format!("{name}_solution"),
            _ => name.to_owned(),
        };
        packages.contains(&name).then_some(name)
    };
    match message {
        CargoMessage::CompilerArtifact {
            manifest_path,
            target,
            executable,
        } => match (package_of(&manifest_path), executable) {
            (Some(package), Some(path)) => Some(News::Built {
                package,
                binary: target.name,
                path,
            }),
            _ => Some(News::Progress(target.name)),
        },
        CargoMessage::CompilerMessage {
            manifest_path,
            target,
            message,
        } => Some(News::Message {
            package: package_of(&manifest_path)?,
            target: target.name,
            // The closing note belongs to the errors: "For more information about this error, try …".
            is_error: message.level.starts_with("error") || message.level == "failure-note",
            at: message
                .spans
                .into_iter()
                .find(|span| span.is_primary)
                .map(|span| Position {
                    file: span.file_name,
                    line: span.line_start,
                }),
            text: message.rendered?,
        }),
        CargoMessage::BuildFinished { .. } | CargoMessage::Other => None,
    }
}
