//! The folder of a test, after a program had its way with it.

use std::{
    fs::{self, DirEntry, Metadata},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

/// How deep a path of this module goes below the folder: with the longest names, it stays below PATH_MAX.
const DEEPEST: usize = 12;
/// How many files and folders a test may leave: more than that, and it is called full.
const MOST: usize = 4096;
const BLOCK: u64 = 512;

/// What lies in a folder, in bytes on the disk; `u64::MAX` for too many files, or folders too deep.
pub(super) fn size(folder: &Path) -> u64 {
    let mut left = MOST;
    size_below(folder, DEEPEST, &mut left).unwrap_or(u64::MAX)
}

fn size_below(folder: &Path, depth: usize, left: &mut usize) -> Option<u64> {
    let mut sum = 0u64;
    // What cannot be read is closed to the program as well, and is found when it is cleared away.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        *left = left.checked_sub(1)?;
        let Some(found) = about(&entry) else {
            continue;
        };
        sum = sum.saturating_add(found.blocks() * BLOCK);
        if found.is_dir() {
            let below = size_below(&entry.path(), depth.checked_sub(1)?, left)?;
            sum = sum.saturating_add(below);
        }
    }
    Some(sum)
}

/// Of the entry itself, and not of what a link leads to.
fn about(entry: &DirEntry) -> Option<Metadata> {
    entry.metadata().ok()
}

/// Empties a folder: of folders whose owner has no right to them, and of those that are nested deeper than a path can
/// say. No process may be left which changes it meanwhile.
///
/// # Errors
///
/// When something in it belongs to another user, or the disk fails.
pub(super) fn clear(folder: &Path) -> io::Result<()> {
    let mut lifted = 0;
    loop {
        let mut is_empty = true;
        for entry in fs::read_dir(folder)? {
            is_empty = false;
            remove(&entry?, folder, DEEPEST, &mut lifted)?;
        }
        if is_empty {
            return Ok(());
        }
    }
}

fn remove(entry: &DirEntry, top: &Path, depth: usize, lifted: &mut usize) -> io::Result<()> {
    let path = entry.path();
    if !entry.file_type()?.is_dir() {
        return fs::remove_file(path);
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
    if depth == 0 {
        // It is looked at again from the top.
        *lifted += 1;
        return fs::rename(path, top.join(format!(".lifted-{lifted}")));
    }
    for below in fs::read_dir(&path)? {
        remove(&below?, top, depth - 1, lifted)?;
    }
    fs::remove_dir(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_closed_and_what_is_deep_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let mut deep = folder.path().join("a".repeat(200));
        for _ in 0..15 {
            fs::create_dir(&deep).unwrap();
            fs::write(deep.join("file"), "content").unwrap();
            deep.push("a".repeat(200));
        }
        let closed = folder.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("file"), "content").unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("link")).unwrap();
        assert_eq!(size(folder.path()), u64::MAX);
        clear(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(size(folder.path()), 0);
        assert!(Path::new("/etc/passwd").is_file());
    }
}
