//! Programs in C, for tests of the lab by what no Rust program would do.

use std::path::Path;

use super::environment::command;

/// Compiles one file. Warnings are for whoever changes it, and stop nobody with another compiler.
pub fn compile_c(source: impl AsRef<Path>, program: impl AsRef<Path>) {
    let status = command("cc")
        .args([
            "-Wall",
            "-Wextra",
            "-Wno-unused-result",
            "-O1",
            "-g",
            "-pthread",
        ])
        .arg("-o")
        .arg(program.as_ref())
        .arg(source.as_ref())
        .arg("-lrt")
        .status()
        .expect("a C compiler is needed");
    assert!(status.success());
}
