//! The environment of the commands that tests start: what a command needs, and nothing else.
//!
//! Shells and CI systems set variables by which the checker, cargo or a program does something else: `NO_COLOR`, `CI`,
//! `CARGO_TARGET_DIR`, `RUST_BACKTRACE`, `GITHUB_STEP_SUMMARY`. A test that is about one of them sets it itself.

use std::{
    env,
    ffi::{OsStr, OsString},
    process::{Command, Stdio},
};

/// What is passed on: where programs and the toolchain are, where temporary files go, and what kind of machine this is
/// (see `sandbox::probe`).
const PASSED_ON: &[&str] = &[
    "PATH",
    "HOME",
    "TMPDIR",
    "CARGO",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "KUBERNETES_SERVICE_HOST",
    "container",
];

/// A command with such an environment. Its standard input is empty, whatever that of the tests is.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(variables()).stdin(Stdio::null());
    command
}

fn variables() -> impl Iterator<Item = (&'static str, OsString)> {
    let passed_on = PASSED_ON
        .iter()
        .filter_map(|&name| Some((name, env::var_os(name)?)));
    // One language for what cargo, the compiler and the shell say.
    passed_on.chain([("LC_ALL", "C.UTF-8".into()), ("TERM", "xterm".into())])
}
