//! `cargo build`, and what it says, sorted by package.
//!
//! One call builds all packages. Each binary is announced as soon as it is linked, so that its tests can begin while
//! cargo goes on with the next.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{self, BufRead, BufReader, Read},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use serde::Deserialize;

use crate::{
    arena::{Cell, Isolation, Jail, Stopped},
    failure::{Attempt, LabError},
};

/// What happens during a build.
#[derive(Debug)]
pub enum News {
    /// A binary is there.
    Built {
        /// Its package.
        package: String,
        /// Its name, which is the package's or that of a file in `src/bin`.
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
        /// Whether it stops the build.
        is_error: bool,
        /// The message as rustc prints it.
        text: String,
    },
    /// Cargo compiles one more package; for a progress line.
    Progress(String),
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
}

/// Builds all binaries of these packages.
///
/// `root` is the workspace; `target` is the folder for what is built, if not the workspace's own. What nobody has read
/// is built in a `cell`, with its toolchain's own cargo, and without the internet.
///
/// # Errors
///
/// When cargo cannot be started.
pub fn build(
    root: &Path,
    target: Option<&Path>,
    packages: &BTreeSet<String>,
    colour: bool,
    cell: Option<&Cell>,
    mut tell: impl FnMut(News),
) -> Result<Ended, LabError> {
    let mut command = match cell {
        None => cargo(root),
        Some(_) => own_cargo(root)?,
    };
    command
        .args(["build", "--bins", "--keep-going"])
        .arg(format!(
            "--message-format=json{}",
            if colour {
                ",json-diagnostic-rendered-ansi"
            } else {
                ""
            }
        ))
        .args(packages.iter().flat_map(|package| ["--package", package]));
    if let Some(target) = target {
        command.arg("--target-dir").arg(target);
    }
    command.stdin(Stdio::null());
    if let Some(cell) = cell {
        command = cell.around(command.arg("--offline"))?;
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| LabError {
        detail: Some(format!(
            "{error}; is Rust installed, and cargo in PATH? See https://rustup.rs"
        )),
        ..LabError::new("could not start cargo")
    })?;
    let stderr = child.stderr.take();
    let errors = thread::spawn(move || {
        let mut text = String::new();
        if let Some(stderr) = stderr {
            let mut stderr = stderr.take(MOST_SAID);
            let _ = stderr.read_to_string(&mut text);
            let _ = io::copy(stderr.get_mut(), &mut io::sink());
        }
        text
    });
    let stdout = child.stdout.take().map(|stdout| stdout.take(MOST_MESSAGES));
    let finished = stdout.and_then(|stdout| listen(stdout, packages, &mut tell));
    // Here a warden ends what still runs.
    drop(child.stdin.take());
    let status = child.wait().attempt("could not wait for cargo")?;
    let errors = errors.join().unwrap_or_default();
    if cell.is_some() && Stopped::is_trouble(status) {
        return Err(LabError {
            detail: Some(errors.trim().to_owned()),
            ..LabError::new("could not watch over a build")
        });
    }
    if cell.is_some()
        && let Some(stopped) = Stopped::of(status)
    {
        return Ok(Ended::Stopped(stopped));
    }
    Ok(match finished {
        Some(success) => Ended::Finished {
            success,
            said: errors,
        },
        None => Ended::NotBegun(errors),
    })
}

/// Reads what a cargo with `--message-format=json` says on its standard output, to the end. Returns whether it built
/// all; `None` if it did not even begin.
pub fn listen(
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

/// How much of what cargo says on standard error is kept, and how much all messages of the compiler may be, in bytes.
const MOST_SAID: u64 = 1 << 20;
const MOST_MESSAGES: u64 = 256 << 20;

/// The cell for the build of a workspace that may read these files and folders besides its own manifest, and change
/// only `target`, which is made if it is not there.
///
/// # Errors
///
/// When rustc cannot be asked where it is, or `target` cannot be made.
pub fn cell(
    root: &Path,
    target: &Path,
    sources: &[PathBuf],
    isolation: Isolation,
) -> Result<Cell, LabError> {
    let toolchain = toolchain(root)?;
    let temporary = target.join("tmp");
    fs::create_dir_all(&temporary).attempt(&format!("could not make {}", temporary.display()))?;
    let home = env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
    let cargo_home = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let own = ["Cargo.toml", "Cargo.lock", ".cargo"].map(|file| root.join(file));
    // Not what lies beside it: that may hold the keys to a registry.
    let registry = cargo_home.join("registry");
    let read = [toolchain.clone(), registry]
        .into_iter()
        .chain(own)
        .chain(sources.iter().cloned());
    let lock = root.join("Cargo.lock");
    let write = [target.to_owned()]
        .into_iter()
        .chain(lock.is_file().then_some(lock));
    let bin = toolchain.join("bin");
    let variables = [
        ("PATH", format!("{}:/usr/bin:/bin", bin.display())),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("HOME", temporary.display().to_string()),
        ("TMPDIR", temporary.display().to_string()),
        ("CARGO_HOME", cargo_home.display().to_string()),
        ("RUSTC", bin.join("rustc").display().to_string()),
    ];
    Ok(Cell {
        jail: Jail::of_a_build(read.collect(), write.collect()),
        isolation,
        environment: variables
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
    })
}

/// Where the toolchain lies which builds this workspace. The cargo in PATH may be rustup's, which would obey a file of
/// the workspace about what to start.
fn toolchain(root: &Path) -> Result<PathBuf, LabError> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--print", "sysroot"])
        .current_dir(root)
        .output()
        .attempt("could not ask rustc where it is")?;
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match output.status.success() && !path.is_empty() {
        true => Ok(path.into()),
        false => Err(LabError {
            detail: Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            ..LabError::new("could not ask rustc where it is")
        }),
    }
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
    let folder = tempfile::Builder::new().prefix("socket-lab-").tempdir()?;
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let lines = manifest.lines().map(|line| match line.split_once('=') {
        Some((key, _)) if key.trim() == "members" => format!("members = [\"exercises/{package}\"]"),
        Some((key, _)) if key.trim() == "default-members" => String::new(),
        _ => line.to_owned(),
    });
    let manifest: Vec<String> = lines.collect();
    fs::write(folder.path().join("Cargo.toml"), manifest.join("\n"))?;
    // Without the lock file cargo chooses versions anew, which still builds.
    let _ = fs::copy(root.join("Cargo.lock"), folder.path().join("Cargo.lock"));
    fs::create_dir(folder.path().join("exercises"))?;
    symlink(
        root.join("exercises").join(package),
        folder.path().join("exercises").join(package),
    )?;
    Ok(folder)
}

/// What a build of the whole course takes, in bytes, measured and rounded up.
pub const NEEDED: u64 = 500 << 20;

/// The free space where cargo puts what it builds for this course, in bytes: see statvfs(3).
///
/// # Errors
///
/// When the file system does not tell.
pub fn free_space(root: &Path) -> Result<u64, LabError> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    // Before the first build it is not there; then it will come into the course.
    let folder = if target.is_dir() { &*target } else { root };
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
        Ok(output) => Err(trouble(format!(
            "`{program} --version` failed ({})",
            output.status
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

/// The cargo which belongs to this workspace's toolchain.
fn own_cargo(root: &Path) -> Result<Command, LabError> {
    let mut command = Command::new(toolchain(root)?.join("bin/cargo"));
    command.current_dir(root);
    Ok(command)
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
            is_error: message.level.starts_with("error"),
            text: message.rendered?,
        }),
        CargoMessage::BuildFinished { .. } | CargoMessage::Other => None,
    }
}
