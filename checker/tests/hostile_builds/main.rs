//! Crates that attack their grader while they are compiled. A grader takes a student's sources only, and neither build
//! scripts nor manifests (`submissions`); elsewhere whole crates are built, so that the cell alone has to hold them.

mod devourers;
mod scripts;
mod sources;
mod submissions;
#[path = "../support/mod.rs"]
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use support::{Course, Isolation, environment::command};

const PACKAGE: &str = "day1_2_endianness";
const SECRET: &str = "the-secret-of-the-others";

/// The target folders of builds in a cell and of those without.
const IN_CELL: &str = "target";
const CONTROL: &str = "control";

/// A course with one exercise, and somebody's secret beside it.
struct Scene {
    course: Course,
    folder: tempfile::TempDir,
}

/// One build at a time: each keeps all processors busy.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        support::open_to_all(folder.path());
        fs::write(
            folder.path().join("secret.rs"),
            format!("pub const SECRET: &str = \"{SECRET}\";\n"),
        )
        .unwrap();
        let course = Course::copy_of(&[PACKAGE]);
        support::dependencies::copy_to(&course.root().join(CONTROL));
        Scene { course, folder }
    }

    /// A file of somebody else.
    fn secret(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// How long the processes of this scene sleep, in seconds: no others do.
    fn nap(&self) -> String {
        let name = self.folder.path().to_string_lossy();
        let digits: String = name.bytes().map(|byte| byte.to_string()).collect();
        format!("4545.{digits}")
    }

    fn write(&self, file: &str, content: &str) {
        let path = format!("exercises/{PACKAGE}/{file}");
        let folder = self.course.root().join(&path);
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        self.course.write(
            &path,
            &content.replace("SECRET_FILE", &self.secret("secret.rs")),
        );
        for target in [IN_CELL, CONTROL] {
            forget_build(&self.course.root().join(target));
        }
    }

    /// Builds the crate in a cell that gives it so many seconds. Returns what came of it, in the fixture's words.
    fn build(&self, seconds: u32, isolation: Isolation) -> String {
        printed(&self.start(seconds, 4096, isolation).output().unwrap())
    }

    /// The command that does so, in a cell with so many MiB of memory.
    fn start(&self, seconds: u32, memory: u32, isolation: Isolation) -> Command {
        let mut command = command(support::example("confined_build"));
        command
            .arg(self.course.root())
            .arg(PACKAGE)
            .arg(seconds.to_string())
            .arg(memory.to_string())
            .arg(match isolation {
                Isolation::Namespaces => "namespaces",
                Isolation::Shared => "shared",
            })
            .env("GITHUB_TOKEN", SECRET);
        command
    }

    /// Builds it without a cell. Returns what cargo says.
    fn build_without_a_cell(&self) -> String {
        printed(&self.start_without_a_cell().output().unwrap())
    }

    /// The same with this folder of cargo's, which the build may change.
    fn build_without_a_cell_from(&self, home: &Path) -> String {
        let mut cargo = self.start_without_a_cell();
        printed(&cargo.env("CARGO_HOME", home).output().unwrap())
    }

    fn start_without_a_cell(&self) -> Command {
        let mut cargo = command(env!("CARGO"));
        cargo
            .args(["build", "--offline", "--target-dir", CONTROL])
            .current_dir(self.course.root())
            .env("GITHUB_TOKEN", SECRET);
        cargo
    }

    /// The program that came of a build.
    fn program(&self, target: &str) -> PathBuf {
        let root = self.course.root();
        root.join(target).join("debug").join(PACKAGE)
    }

    /// Whether a secret is in what a build said, or in the program that came of it.
    fn is_known(&self, secret: &str, said: &str, target: &str) -> bool {
        let program = fs::read(self.program(target)).unwrap_or_default();
        let mut places = program.windows(secret.len());
        said.contains(secret) || places.any(|window| window == secret.as_bytes())
    }
}

/// Cargo goes by the times of files, which are coarse: what was built before is not to be taken for something else.
fn forget_build(target: &Path) {
    let target = target.join("debug");
    let _ = fs::remove_file(target.join(PACKAGE));
    for folder in [".fingerprint", "build"] {
        let Ok(entries) = fs::read_dir(target.join(folder)) else {
            continue;
        };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(PACKAGE) {
                fs::remove_dir_all(entry.path()).unwrap();
            }
        }
    }
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    support::wait_until(what, Duration::from_secs(100), condition);
}
