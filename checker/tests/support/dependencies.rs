//! What exercises depend on, compiled once for all courses of these tests.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::LazyLock,
};

use checker::workspace;
use nix::fcntl::{Flock, FlockArg};

use super::environment::command;

/// The name of the only package in this workspace, which is nobody's exercise.
const NAME: &str = "nothing_but_dependencies";

fn root() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("dependencies")
}

/// Other test programs may do the same at the same time: one builds, several copy.
fn lock(kind: FlockArg) -> Flock<File> {
    let file = File::create(root().join("lock")).unwrap();
    let lock = Flock::lock(file, kind).map_err(|(_, errno)| errno);
    lock.unwrap()
}

/// A target folder of cargo's in which the dependencies are compiled.
static TARGET: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = root();
    let package = root.join("exercises").join(NAME);
    fs::create_dir_all(package.join("src")).unwrap();
    let _lock = lock(FlockArg::LockExclusive);
    let course = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manifest = workspace::manifest(&["exercises/*"]);
    fs::write(root.join("Cargo.toml"), manifest).unwrap();
    fs::copy(course.join("Cargo.lock"), root.join("Cargo.lock")).unwrap();
    fs::write(package.join("Cargo.toml"), workspace::package(NAME)).unwrap();
    fs::write(package.join("src/main.rs"), "fn main() {}\n").unwrap();
    // Cargo knows whether anything is left to do.
    let mut cargo = command(env!("CARGO"));
    let output = cargo.arg("build").current_dir(&root).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    root.join("target")
});

/// Makes a target folder for a copy of the course in which the dependencies are compiled. It is a copy, which may be
/// changed, with the times by which cargo goes.
pub fn copy_to(target: &Path) {
    // It is built before the lock is taken here.
    let source = &*TARGET;
    let _lock = lock(FlockArg::LockShared);
    let mut copy = command("cp");
    copy.arg("-a").arg(source).arg(target);
    assert!(copy.status().unwrap().success());
}
