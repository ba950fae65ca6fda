//! What the tests of the checker's command line share: a course to run it in, and a look at what is left.

#![allow(dead_code, reason = "each test file uses its part of it")]

pub mod compiler;
pub mod dependencies;
pub mod environment;
pub mod idle;
pub mod machine;
pub mod ordinary_user;
pub mod removal;
pub mod skipped;
pub mod terminal;

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use assert_cmd::Command;
use checker::{
    build::cargo::{CargoEvent, Workspace},
    exercise::Exercise,
    mistakes::Mistakes,
    sandbox::Probe,
    worker::Cancel,
    workspace,
};
use skipped::skipped;
use tempfile::TempDir;

/// The complete program of a mistake, as students hand in programs.
pub fn program_of(exercise: &'static Exercise, mistake: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let known = Mistakes::of(&root, exercise);
    let patch = known.patch(mistake).unwrap();
    patch.apply(&known.reference().unwrap()).unwrap()
}

/// What this machine allows.
pub static MACHINE: LazyLock<Probe> = LazyLock::new(checker::sandbox::probe);

/// The two ways in which a test is separated from the machine; where the machine refuses namespaces, the first is
/// left out by [`Isolation::ALL`]'s users through [`Course::check_first_test`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    Namespaces,
    Shared,
}

impl Isolation {
    pub const ALL: [Isolation; 2] = [Isolation::Namespaces, Isolation::Shared];

    pub fn argument(self) -> &'static str {
        match self {
            // The default is namespaces where there are any, so that the tests pass on every machine.
            Isolation::Namespaces => {
                if let Err(why) = &MACHINE.namespaces {
                    skipped(format_args!("the part in namespaces: {why}"));
                }
                ""
            }
            Isolation::Shared => "--isolation=shared",
        }
    }
}

/// Whether the calls of programs are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracing {
    /// As it is by default.
    AsNeeded,
    On,
    Off,
}

impl Tracing {
    /// The two of which the default is made.
    pub const ALL: [Tracing; 2] = [Tracing::On, Tracing::Off];

    pub fn argument(self) -> &'static str {
        match self {
            // As far as the machine allows it.
            Tracing::On => match &MACHINE.tracing {
                Ok(()) => "--tracing=on",
                Err(why) => {
                    skipped(format_args!("the part in which calls are followed: {why}"));
                    ""
                }
            },
            Tracing::AsNeeded => "",
            Tracing::Off => "--tracing=off",
        }
    }
}

/// A course: this one, or a small one in a folder of its own.
pub struct Course {
    root: PathBuf,
    scratch: TempDir,
}

impl Course {
    /// The course that this checker belongs to.
    pub fn real() -> Course {
        Course {
            root: Path::new(env!("CARGO_MANIFEST_DIR"))
                .parent()
                .unwrap()
                .to_owned(),
            scratch: open_folder(),
        }
    }

    /// A copy of the course with these exercises only, whose files a test may change. Their dependencies are compiled.
    pub fn copy_of(exercises: &[&str]) -> Course {
        let scratch = open_folder();
        let root = scratch.path().join("course");
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        fs::create_dir_all(root.join("exercises")).unwrap();
        let manifest = workspace::manifest(&["exercises/*"]);
        fs::write(root.join("Cargo.toml"), manifest).unwrap();
        fs::copy(real.join("Cargo.lock"), root.join("Cargo.lock")).unwrap();
        for exercise in exercises {
            let (from, to) = (
                real.join("exercises").join(exercise),
                root.join("exercises").join(exercise),
            );
            fs::create_dir_all(to.join("src")).unwrap();
            for file in ["Cargo.toml", "src/main.rs"] {
                fs::copy(from.join(file), to.join(file)).unwrap();
            }
        }
        dependencies::copy_to(&root.join("target"));
        Course { root, scratch }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Replaces a file of an exercise.
    pub fn write(&self, path: &str, content: &str) {
        fs::write(self.root.join(path), content).unwrap();
    }

    /// The checker, in this course.
    pub fn checker(&self) -> Command {
        let mut command = Command::from_std(self.checker_command());
        // A bound for a checker that hangs; no test comes near it.
        command.timeout(Duration::from_secs(240));
        command
    }

    /// The same for a test which starts it and does something else meanwhile.
    pub fn checker_command(&self) -> std::process::Command {
        let mut command = environment::command(checker_program());
        command.current_dir(&self.root);
        command
    }

    /// The fixture that misbehaves, under this name.
    pub fn misbehaving(&self, name: &str) -> PathBuf {
        let fixture = example("misbehave");
        let path = self.scratch.path().join(name);
        // By another process: a descriptor of this one would for a moment be in the children of other tests, and a file
        // which somebody can write cannot be executed (ETXTBSY).
        let mut copy = environment::command("cp");
        assert!(copy.arg(&fixture).arg(&path).status().unwrap().success());
        path
    }

    /// A program in the language of sh.
    pub fn script(&self, commands: &str) -> PathBuf {
        let path = self.scratch.path().join("script");
        fs::write(&path, format!("#!/bin/sh\n{commands}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// The reference solution of an exercise, built.
    pub fn built_solution(&self, exercise: &str) -> PathBuf {
        let real = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let package = format!("{exercise}_solution");
        let packages = [package.clone()].into();
        let mut found = None;
        Workspace::course(real, &Cancel::new().unwrap())
            .build(&packages, |event| {
                if let CargoEvent::Built { binary, path, .. } = event
                    && binary == package
                {
                    found = Some(path);
                }
            })
            .unwrap();
        found.unwrap()
    }

    /// Runs the first test of an exercise against a program; returns the report as JSON.
    pub fn check_first_test(
        &self,
        exercise: &str,
        program: &Path,
        isolation: Isolation,
    ) -> serde_json::Value {
        let name = first_test(exercise);
        self.check_test(exercise, name, program, isolation, Tracing::AsNeeded)
    }

    /// Runs the test of this name against a program; returns the report as JSON.
    pub fn check_test(
        &self,
        exercise: &str,
        name: &str,
        program: &Path,
        isolation: Isolation,
        tracing: Tracing,
    ) -> serde_json::Value {
        let mut command = self.checker();
        command
            .args([exercise, "--format=json", "--only", name, "--program"])
            .arg(program);
        let conditions = [isolation.argument(), tracing.argument()];
        command.args(
            conditions
                .into_iter()
                .filter(|argument| !argument.is_empty()),
        );
        let output = command.output().unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// What cargo says of the program of an exercise that it has built.
pub fn built(exercise: &str, root: &Path, program: &Path) -> String {
    let manifest = root.join("exercises").join(exercise).join("Cargo.toml");
    serde_json::json!({
        "reason": "compiler-artifact",
        "manifest_path": manifest,
        "target": { "name": exercise },
        "executable": program,
    })
    .to_string()
}

/// The checker which is tested.
pub fn checker_program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_checker"))
}

/// A program of `examples/`. `cargo test` builds all of them; `cargo test --test NAME` does not.
pub fn example(name: &str) -> PathBuf {
    let program = checker_program().with_file_name("examples").join(name);
    assert!(
        program.is_file(),
        "there is no {}: `cargo build -p checker --examples` makes it",
        program.display()
    );
    program
}

fn first_test(exercise: &str) -> &'static str {
    checker::syllabus::EXERCISES
        .iter()
        .find(|one| one.number() == exercise || one.name == exercise)
        .unwrap()
        .tests[0]
        .name
}

/// A folder which an unprivileged user can enter, too.
fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    folder
}

/// Looks again and again, for so long at most. For what nothing tells of, such as the end of somebody else's process.
pub fn wait_until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < deadline, "not until the deadline: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Lets any user enter a folder.
pub fn open_to_all(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

/// All files below a folder, by no links.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(files_below(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found
}

/// How many processes there are of this program, which must be one of a single test: other tests, also those of another
/// checkout, run at the same time.
pub fn processes_of(program: &Path) -> usize {
    let program = program.to_str().unwrap();
    count_processes(|line| line.split('\0').next() == Some(program))
}

/// How many processes of this machine have this in their command line, whose words are separated by NUL. It must be
/// something that stands in those of a single test.
pub fn processes_with(text: &str) -> usize {
    count_processes(|line| line.contains(text))
}

/// Those processes.
pub fn pids_with(text: &str) -> Vec<i32> {
    pids_of(|line| line.contains(text))
}

fn count_processes(is_meant: impl Fn(&str) -> bool) -> usize {
    pids_of(is_meant).len()
}

fn pids_of(is_meant: impl Fn(&str) -> bool) -> Vec<i32> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let line = fs::read(path.join("cmdline")).ok()?;
            is_meant(&String::from_utf8_lossy(&line)).then_some(())?;
            path.file_name()?.to_str()?.parse().ok()
        })
        .collect()
}
