//! Whether this machine can build at all.

use std::{path::Path, process::Command};

use nix::{errno::Errno, sys::statvfs::statvfs};

use crate::failure::LabError;

/// What a build of the whole course takes, in bytes, measured and rounded up.
pub const NEEDED: u64 = 500 << 20;

/// With less space than this, in bytes, a build that failed may have failed because of it.
const ENOUGH: u64 = 16 << 20;

/// Asks, after a build that failed, whether this machine is at fault: nothing of that may cost a student a point.
///
/// # Errors
///
/// When it is: the disk of `target` is full, or there is no linker.
pub(super) fn rule_out_failure(target: &Path) -> Result<(), LabError> {
    if free_space(target).unwrap_or(u64::MAX) < ENOUGH {
        return Err(LabError::call(
            format!("could not build in {}", target.display()),
            Errno::ENOSPC,
        ));
    }
    linker()
}

/// The free space where this folder is or will be, in bytes: see statvfs(3).
///
/// # Errors
///
/// When the file system does not tell.
pub fn free_space(folder: &Path) -> Result<u64, LabError> {
    // Before the first build it is not there.
    let there = folder.ancestors().find(|folder| folder.is_dir());
    let there = there.unwrap_or(folder);
    statvfs(there)
        .map(|disk| disk.blocks_available().saturating_mul(disk.fragment_size()))
        .map_err(|errno| {
            let attempt = format!("could not ask for the free space in {}", there.display());
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
    let trouble = |detail: String| {
        LabError::with_detail(
            format!("could not start {program}"),
            format!("{detail}; {advice}"),
        )
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
