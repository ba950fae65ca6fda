//! One call of `cargo build`, and what it says, sorted by package.
//!
//! One call builds all packages. Each binary is announced as soon as it is linked, so that its tests can begin while
//! cargo goes on with the next.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{BufRead, BufReader, Read},
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde::Deserialize;

use super::confined::Confined;
use crate::{
    digest::Digest,
    failure::{Attempt, LabError},
    sandbox::{self, Output, Stopped},
    worker::{Cancel, RunError},
};

/// What happens during a build.
#[derive(Debug)]
pub enum CargoEvent {
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
    /// Cargo has compiled one more package; for a progress line.
    Compiled(String),
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
pub enum CargoEnd {
    /// Cargo built what could be built.
    Finished {
        /// Whether that was all.
        success: bool,
        /// What cargo itself said.
        said: String,
    },
    /// Cargo did not begin: it cannot read the workspace. This is what it says.
    NotBegun(String),
    /// It was ended, because it exceeded a limit of its confinement.
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

/// A workspace on which cargo works, and how.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The folder of its manifest.
    pub root: PathBuf,
    /// Where cargo puts what it builds.
    pub target: PathBuf,
    /// How its packages are built if they are not trusted.
    pub confined: Option<Confined>,
    /// Whether the compiler's messages are coloured.
    pub colour: bool,
    /// Ends a build early.
    pub cancel: Cancel,
}

impl Workspace {
    /// The workspace in this folder, whose packages are trusted.
    pub fn new(root: &Path, target: PathBuf, cancel: &Cancel) -> Workspace {
        Workspace {
            root: root.to_owned(),
            target,
            confined: None,
            colour: false,
            cancel: cancel.clone(),
        }
    }

    /// The course in this folder.
    pub fn course(root: &Path, cancel: &Cancel) -> Workspace {
        Workspace::new(root, target_folder(root), cancel)
    }

    /// Whether this can be a program of a build. A confined one may print any path in cargo's place.
    pub(super) fn may_have_built(&self, path: &Path) -> bool {
        let real = |path: &Path| fs::canonicalize(path).ok();
        self.confined.is_none()
            || real(path)
                .zip(real(&self.target))
                .is_some_and(|(path, target)| path.starts_with(target))
    }

    /// Builds all binaries of these packages.
    ///
    /// # Errors
    ///
    /// When cargo cannot be started, and when the work is cancelled.
    pub fn build(
        &self,
        packages: &BTreeSet<String>,
        mut on_event: impl FnMut(CargoEvent),
    ) -> Result<CargoEnd, RunError> {
        self.cancel.check()?;
        let Some(confined) = &self.confined else {
            return self.begin(packages.clone())?.follow(&self.cancel, on_event);
        };
        let mut command = confined.cargo();
        self.add_arguments(&mut command, packages);
        let on_output = |output: &mut Output<'_>| listen(output, packages, &mut on_event);
        let run = confined.confinement.run(&command, &self.cancel, on_output);
        Ok(match run? {
            (finished, sandbox::Ended::ByItself(said)) => CargoEnd::by_itself(finished, said),
            (_, sandbox::Ended::Stopped(stopped)) => CargoEnd::Stopped(stopped),
        })
    }

    /// Begins to build all binaries of these packages, which are not confined. Cargo goes on until it has said more than
    /// fits into a pipe.
    ///
    /// # Errors
    ///
    /// When cargo cannot be started.
    pub fn begin(&self, packages: BTreeSet<String>) -> Result<Building, LabError> {
        let mut command = command(&self.root);
        self.add_arguments(&mut command, &packages);
        command
            // Ctrl-C at the terminal would end cargo before this process knows why.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let cargo = command.spawn().map_err(|error| {
            LabError::with_detail(
                "could not start cargo",
                format!("{error}; is Rust installed, and cargo in PATH? See https://rustup.rs"),
            )
        })?;
        Ok(Building { packages, cargo })
    }

    fn add_arguments(&self, cargo: &mut Command, packages: &BTreeSet<String>) {
        let rendered = if self.colour {
            ",json-diagnostic-rendered-ansi"
        } else {
            ""
        };
        cargo
            .args(["build", "--bins", "--keep-going", "--manifest-path"])
            .arg(self.root.join("Cargo.toml"))
            .arg(format!("--message-format=json{rendered}"))
            .args(packages.iter().flat_map(|package| ["--package", package]))
            .arg("--target-dir")
            .arg(&self.target);
    }
}

impl CargoEnd {
    fn by_itself(finished: Option<bool>, said: String) -> CargoEnd {
        match finished {
            Some(success) => CargoEnd::Finished { success, said },
            None => CargoEnd::NotBegun(said),
        }
    }
}

/// A build at work, which is not confined. It ends when this is dropped, with all compilers that it has started.
#[derive(Debug)]
pub struct Building {
    packages: BTreeSet<String>,
    cargo: Child,
}

impl Building {
    /// What is built.
    pub fn packages(&self) -> &BTreeSet<String> {
        &self.packages
    }

    /// Tells what happens, until cargo has ended.
    ///
    /// # Errors
    ///
    /// When the work is cancelled, and when waitpid(2) fails.
    pub fn follow(
        mut self,
        cancel: &Cancel,
        mut on_event: impl FnMut(CargoEvent),
    ) -> Result<CargoEnd, RunError> {
        let (mut finished, mut said) = (None, String::new());
        let pipes = self.cargo.stdout.take().zip(self.cargo.stderr.take());
        if let Some((stdout, stderr)) = pipes {
            let (stdout, stderr) = (OwnedFd::from(stdout), OwnedFd::from(stderr));
            let mut output = Output::new(stdout.into(), stderr.into(), cancel);
            finished = listen(&mut output, &self.packages, &mut on_event);
            said = output.complaints();
        }
        cancel.check()?;
        self.cargo.wait().attempt("could not wait for cargo")?;
        Ok(CargoEnd::by_itself(finished, said))
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        // Once it has been reaped, its group may be another one's. The compilers are in it.
        if let Ok(None) = self.cargo.try_wait() {
            let group = Pid::from_raw(self.cargo.id().cast_signed());
            let _ = killpg(group, Signal::SIGKILL);
            let _ = self.cargo.wait();
        }
    }
}

/// Reads what a cargo with `--message-format=json` says on its standard output, to the end. Returns whether it built
/// all; `None` if it did not even begin.
fn listen(
    stdout: impl Read,
    packages: &BTreeSet<String>,
    on_event: &mut impl FnMut(CargoEvent),
) -> Option<bool> {
    let mut finished = None;
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        // Cargo may add messages of other shapes; they are none of our business.
        match serde_json::from_str(&line).unwrap_or(CargoMessage::Other) {
            CargoMessage::BuildFinished { success } => finished = Some(success),
            message => {
                if let Some(event) = event(message, packages) {
                    on_event(event);
                }
            }
        }
    }
    finished
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
    let path = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    let digest = Digest::NONE.with(path.as_os_str().as_encoded_bytes());
    root.join(shared).join(format!("socket-lab-{digest}"))
}

/// The cargo that runs this program, or the one in PATH.
pub fn command(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

fn event(message: CargoMessage, packages: &BTreeSet<String>) -> Option<CargoEvent> {
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
            (Some(package), Some(path)) => Some(CargoEvent::Built {
                package,
                binary: target.name,
                path,
            }),
            _ => Some(CargoEvent::Compiled(target.name)),
        },
        CargoMessage::CompilerMessage {
            manifest_path,
            target,
            message,
        } => Some(CargoEvent::Message {
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
