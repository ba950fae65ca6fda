//! All mistakes of an exercise as one program.
//!
//! The patched programs are modules of a generated crate below `target/mistakes`, and the name under which the program
//! is called says which of them it is. One link in place of fifty: the 660 mistakes of twelve exercises build in a
//! seventh of the processor time that as many packages took. A mistake does not notice: it has a process, arguments and
//! a path of its own, and its panics name its own file and line.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use nix::fcntl::{Flock, FlockArg};

use crate::{
    build::cargo::{self, CargoEnd, CargoEvent},
    check::Staging,
    failure::{Attempt, LabError},
    worker::{Cancel, RunError},
    workspace,
};

/// Mistakes of one exercise, as source.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The name of the generated package, which begins with the exercise's. It is another one for each bundle of a build.
    pub package: String,
    /// Each mistake's name, and its complete program.
    pub sources: BTreeMap<String, String>,
}

/// BuiltBundles that can be started until this is dropped.
#[derive(Debug, Default)]
pub struct BuiltBundles {
    /// By package and mistake.
    paths: BTreeMap<(String, String), PathBuf>,
    folders: Vec<tempfile::TempDir>,
    /// What the compiler says about the mistakes.
    pub remarks: Vec<Remark>,
}

/// What the compiler says about a mistake.
#[derive(Clone, Debug)]
pub struct Remark {
    /// The package of its bundle.
    pub package: String,
    /// Its name.
    pub mistake: String,
    /// The line of its program, counted from 1.
    pub line: usize,
    /// An error, so that there is no such program; otherwise a warning.
    pub is_error: bool,
    /// The message as rustc prints it.
    pub text: String,
}

impl BuiltBundles {
    /// The program of a mistake, if it compiles.
    pub fn path(&self, package: &str, mistake: &str) -> Option<&Path> {
        let key = (package.to_owned(), mistake.to_owned());
        self.paths.get(&key).map(PathBuf::as_path)
    }

    /// Links all programs of a bundle to its binary, each under its own name.
    fn link(&mut self, bundle: &Bundle, binary: &Path, staging: &Staging) -> Result<(), LabError> {
        let binary = staging.ready(binary)?;
        let attempt = format!("could not link the programs of {}", bundle.package);
        // A hard link does not leave its file system.
        let beside = binary.parent().unwrap_or(Path::new("."));
        let folder = tempfile::Builder::new()
            .prefix(".mistakes-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in(beside)
            .attempt(&attempt)?;
        for mistake in bundle.sources.keys() {
            let path = folder.path().join(mistake);
            fs::hard_link(&binary, &path).attempt(&attempt)?;
            let key = (bundle.package.clone(), mistake.clone());
            self.paths.insert(key, path);
        }
        self.folders.push(folder);
        Ok(())
    }
}

/// Builds these bundles for the course in `root`, and puts the programs where `staging` lets them be started. A mistake
/// that does not compile is left out, and the others are built without it.
///
/// # Errors
///
/// When the sources cannot be written, cargo does not build them, or the programs cannot be linked; and when it is
/// cancelled.
pub fn build(
    root: &Path,
    bundles: Vec<Bundle>,
    staging: &Staging,
    cancel: &Cancel,
    mut tell: impl FnMut(&str),
) -> Result<BuiltBundles, RunError> {
    let mut programs = BuiltBundles::default();
    let mut left = bundles;
    left.retain(|bundle| !bundle.sources.is_empty());
    let workshop = Workshop::open(root, &left)?;
    // A bundle is built again without the mistakes that do not compile: each time they are fewer.
    while !left.is_empty() {
        let mut results = workshop.build(&left, cancel, &mut tell)?;
        let mut again = Vec::new();
        for mut bundle in left {
            let result = results.remove(&bundle.package).unwrap_or_default();
            if let Some(binary) = &result.binary {
                programs.link(&bundle, binary, staging)?;
                programs.remarks.extend(result.remarks);
                continue;
            }
            let errors: Vec<Remark> = result
                .remarks
                .into_iter()
                .filter(|remark| remark.is_error)
                .collect();
            if errors.is_empty() {
                let attempt = format!("could not build {}", bundle.package);
                return Err(LabError::with_detail(attempt, result.said).into());
            }
            for remark in &errors {
                bundle.sources.remove(&remark.mistake);
            }
            programs.remarks.extend(errors);
            if !bundle.sources.is_empty() {
                again.push(bundle);
            }
        }
        left = again;
    }
    Ok(programs)
}

/// What a build made of one bundle.
#[derive(Default)]
struct Built {
    binary: Option<PathBuf>,
    remarks: Vec<Remark>,
    /// What else was said.
    said: String,
}

/// The generated workspace. Only one process at a time writes and builds there.
struct Workshop {
    folder: PathBuf,
    target: PathBuf,
    _lock: Flock<File>,
}

impl Workshop {
    /// The workspace with these packages: what an earlier build has left there is none of its members.
    fn open(root: &Path, bundles: &[Bundle]) -> Result<Workshop, LabError> {
        let target = cargo::target_folder(root);
        let folder = target.join("mistakes");
        let attempt = format!("could not make a workspace in {}", folder.display());
        fs::create_dir_all(&folder).attempt(&attempt)?;
        let lock = File::create(folder.join(".lock")).attempt(&attempt)?;
        let lock = Flock::lock(lock, FlockArg::LockExclusive)
            .map_err(|(_, errno)| LabError::call(attempt.clone(), errno))?;
        let members: Vec<&str> = bundles.iter().map(|it| it.package.as_str()).collect();
        let manifest = workspace::manifest(&members);
        write_if_new(&folder.join("Cargo.toml"), &manifest).attempt(&attempt)?;
        // Without the lock file cargo chooses versions anew, which still builds.
        let _ = fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"));
        Ok(Workshop {
            folder,
            target,
            _lock: lock,
        })
    }

    /// Writes the sources and builds them; what came of each package.
    fn build(
        &self,
        bundles: &[Bundle],
        cancel: &Cancel,
        tell: &mut impl FnMut(&str),
    ) -> Result<BTreeMap<String, Built>, RunError> {
        for bundle in bundles {
            let folder = self.folder.join(&bundle.package);
            write_package(&folder, bundle)
                .attempt(&format!("could not write {}", folder.display()))?;
        }
        let packages: BTreeSet<String> = bundles.iter().map(|it| it.package.clone()).collect();
        let mut results: BTreeMap<String, Built> = BTreeMap::new();
        let on_event = |event| match event {
            CargoEvent::Built { package, path, .. } => {
                tell(&format!("built {package}"));
                results.entry(package).or_default().binary = Some(path);
            }
            CargoEvent::Message {
                package,
                is_error,
                text,
                at,
                ..
            } => {
                let built = results.entry(package.clone()).or_default();
                let about = at.and_then(|at| Some((module(&at.file)?, at.line)));
                match about {
                    Some((mistake, line)) => built.remarks.push(Remark {
                        package,
                        mistake,
                        line,
                        is_error,
                        text,
                    }),
                    None => built.said.push_str(&text),
                }
            }
            CargoEvent::Compiled(name) => tell(&format!("compiling {name}")),
        };
        let workspace = cargo::Workspace::new(&self.folder, self.target.clone(), cancel);
        match workspace.build(&packages, on_event)? {
            CargoEnd::Finished { said, .. } => {
                for built in results.values_mut() {
                    built.said.push_str(&said);
                }
                Ok(results)
            }
            CargoEnd::NotBegun(said) => {
                let folder = self.folder.display();
                let attempt = format!("cargo cannot read the generated workspace {folder}");
                Err(LabError::with_detail(attempt, said).into())
            }
            CargoEnd::Stopped(limit) => {
                Err(LabError::with_detail("could not build the mistakes", limit.to_string()).into())
            }
        }
    }
}

/// The mistake whose module this file is.
fn module(file: &Path) -> Option<String> {
    let name = file.file_stem()?.to_str()?;
    (name != "main").then(|| name.to_owned())
}

fn write_package(folder: &Path, bundle: &Bundle) -> io::Result<()> {
    let sources = folder.join("src");
    fs::create_dir_all(&sources)?;
    for entry in fs::read_dir(&sources)? {
        let path = entry?.path();
        let is_wanted = path
            .file_stem()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name == "main" || bundle.sources.contains_key(name));
        if !is_wanted {
            fs::remove_file(path)?;
        }
    }
    let manifest = workspace::package(&bundle.package);
    write_if_new(&folder.join("Cargo.toml"), &manifest)?;
    write_if_new(&sources.join("main.rs"), &dispatcher(bundle))?;
    for (mistake, program) in &bundle.sources {
        // A module shows only what is public. The line stays the same, and so do those that panics name.
        let module = program.replacen("\nfn main()", "\npub fn main()", 1);
        write_if_new(&sources.join(format!("{mistake}.rs")), &module)?;
    }
    Ok(())
}

/// The program that becomes the mistake by whose name it is called.
fn dispatcher(bundle: &Bundle) -> String {
    let names = || bundle.sources.keys();
    let modules: String = names().map(|name| format!("mod {name};\n")).collect();
    let arms: String = names()
        .map(|name| format!("        \"{name}\" => {name}::main().report(),\n"))
        .collect();
    format!(
        "//! Made by `checker verify` of the mistakes in solutions/. What is changed here is lost.\n\n\
         use std::{{\n    env,\n    path::Path,\n    process::{{ExitCode, Termination}},\n}};\n\n\
         {modules}\n\
         #[rustfmt::skip]\nfn main() -> ExitCode {{\n    \
             let path = env::args_os().next().unwrap_or_default();\n    \
             let name = Path::new(&path).file_name().unwrap_or_default();\n    \
             match name.to_str().unwrap_or_default() {{\n\
         {arms}        \
                 _ => {{\n            eprintln!(\"no mistake has the name of this program\");\n            \
                 ExitCode::from(2)\n        }}\n    }}\n}}\n"
    )
}

/// Cargo compiles again what is newer than its last build.
fn write_if_new(file: &Path, content: &str) -> io::Result<()> {
    match fs::read(file) {
        Ok(found) if found == content.as_bytes() => Ok(()),
        _ => fs::write(file, content),
    }
}
