//! A file that is there whole or not at all, also after a power cut, a kill or on a full disk.

use std::{
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::{PermissionsExt, fchown},
    path::Path,
};

/// How the names of files begin that are not whole yet.
const HALF: &str = ".half-written-";

/// Puts the content into the file, with the permissions 0644. What was there before stays until all of it is written:
/// the new file is made beside the old one, and takes its place. `owner` is a user and a group; without one it belongs
/// to whoever writes.
///
/// # Errors
///
/// When the folder cannot be written. Then the old file is as it was.
pub fn write(path: &Path, content: &str, owner: Option<(u32, u32)>) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::Builder::new()
        .prefix(HALF)
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(content.as_bytes())?;
    if let Some((user, group)) = owner {
        fchown(file.as_file(), Some(user), Some(group))?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Removes what somebody has left half written in a folder to which nobody else writes now.
///
/// # Errors
///
/// When the folder cannot be read or written.
pub fn remove_halves(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(HALF) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
