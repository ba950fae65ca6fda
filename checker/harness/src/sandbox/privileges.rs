//! Student programs never run as root, even where the checker does.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};

use crate::failure::{Attempt, LabError};

/// `nobody`, by the convention of every Linux distribution: owns no files and has no rights.
const NOBODY: u32 = 65_534;

/// Whether the checker runs as root.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Becomes an unprivileged user for ever, if this process is root's.
pub(super) fn give_up_root() -> Result<(), LabError> {
    if !is_root() {
        return Ok(());
    }
    const GIVE_UP: &str = "could not become an unprivileged user";
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    // In a container which knows no user but its own root, there is no other user to become; that root has no rights
    // outside.
    if setresgid(group, group, group) == Err(nix::errno::Errno::EINVAL) {
        return Ok(());
    }
    // Refused where a user namespace forbids it; the groups are then those of an unprivileged user anyway.
    let _ = setgroups(&[]);
    setresuid(user, user, user).attempt(GIVE_UP)?;
    // A change of user hides /proc/self from its own process (prctl(2)); namespaces are set up through it.
    nix::sys::prctl::set_dumpable(true).attempt(GIVE_UP)
}

/// Whether any user can execute this file where it is: the file and all folders above it are open.
pub fn is_open_to_all(program: &Path) -> bool {
    let others = |path: &Path, bits: u32| {
        fs::metadata(path).is_ok_and(|found| found.permissions().mode() & bits == bits)
    };
    others(program, 0o005)
        && program
            .ancestors()
            .skip(1)
            .all(|folder| others(folder, 0o001))
}

/// Copies the program into `folder`, where the unprivileged user can read it; root's own folders are closed to others.
///
/// # Errors
///
/// When the copy cannot be made, for example because the disk is full.
pub fn unprivileged_copy(program: &Path, folder: &Path) -> Result<PathBuf, LabError> {
    let attempt = format!(
        "could not copy {} to {}",
        program.display(),
        folder.display()
    );
    let name = program.file_name().unwrap_or_default();
    let copy = folder.join(name);
    fs::copy(program, &copy).attempt(&attempt)?;
    for open in [folder, &copy] {
        fs::set_permissions(open, fs::Permissions::from_mode(0o755)).attempt(&attempt)?;
    }
    Ok(copy)
}
