//! A file that is there whole or not at all, also after a power cut, a kill or on a full disk.

use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, fchown, fsync};

use crate::beneath::{AccessError, Directory};

/// How the names of files begin that are not whole yet.
const TEMPORARY: &str = ".half-written-";
/// How many names a folder may have in which such files are looked for.
const MOST_NAMES: usize = 1 << 20;

/// Puts the content into a file of a folder that is trusted: links on the way to it are followed. All else is as in
/// [`write_beneath`].
///
/// # Errors
///
/// As there.
pub fn write(path: &Path, content: &str, owner: Option<(u32, u32)>) -> Result<(), AccessError> {
    let name = path.file_name().ok_or(AccessError::Outside)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = Directory::open(folder.unwrap_or(Path::new(".")))?;
    write_beneath(&folder, name, content, owner)
}

/// Puts the content into the file, with the permissions 0644. What was there before stays until all of it is written:
/// the new file is made beside the old one, and takes its place. So a link is replaced, and nothing is written to what it
/// leads to. `owner` is a user and a group; without one it belongs to this process's user.
///
/// # Errors
///
/// When the folder cannot be written, or is reached through a link. Then the old file is as it was.
pub fn write_beneath(
    directory: &Directory,
    path: impl AsRef<Path>,
    content: &str,
    owner: Option<(u32, u32)>,
) -> Result<(), AccessError> {
    let path = path.as_ref();
    let (temporary, mut file) = loop {
        let name = format!("{TEMPORARY}{:016x}", fastrand::u64(..));
        let temporary = path.with_file_name(name);
        match directory.make_file(&temporary, 0o644) {
            Err(AccessError::Exists) => (),
            made => {
                let file = made?;
                break (
                    TemporaryFile {
                        directory,
                        path: temporary,
                    },
                    file,
                );
            }
        }
    };
    file.write(content.as_bytes())?;
    if let Some((user, group)) = owner {
        fchown(&file, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))
            .map_err(AccessError::Failed)?;
    }
    fsync(&file).map_err(AccessError::Failed)?;
    directory.rename(&temporary.path, path)
}

/// A file that is not whole yet. It goes away again, unless it has got another name.
struct TemporaryFile<'a> {
    directory: &'a Directory,
    path: PathBuf,
}

impl Drop for TemporaryFile<'_> {
    fn drop(&mut self) {
        let _ = self.directory.remove_file(&self.path);
    }
}

/// Removes the temporary files that a writer has left in a folder because it was killed. No other process may be
/// writing there.
///
/// # Errors
///
/// When the folder cannot be read or written.
pub fn remove_temporary_files(directory: &Directory) -> Result<(), AccessError> {
    for name in directory.list(MOST_NAMES)? {
        if name.to_string_lossy().starts_with(TEMPORARY) {
            directory.remove_file(&name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    #[test]
    fn a_link_is_replaced_and_never_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (secret, path) = (folder.path().join("secret"), folder.path().join("file"));
        fs::write(&secret, "secret").unwrap();
        for target in ["secret", "nothing", "file", "/dev/full"] {
            symlink(target, &path).unwrap();
            write(&path, "content", None).unwrap();
            assert!(path.symlink_metadata().unwrap().is_file());
            assert_eq!(fs::read_to_string(&path).unwrap(), "content");
            assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
            fs::remove_file(&path).unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.pop().unwrap().unwrap().path(), secret);
        assert!(names.is_empty(), "{names:?}");
    }

    #[test]
    fn what_cannot_be_written_leaves_the_old_and_no_half() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir_all(inner.join("directory/full")).unwrap();
        symlink("inner", folder.path().join("link")).unwrap();
        let directory = Directory::open(folder.path()).unwrap();
        for path in ["inner/directory", "link/file", "../file", "missing/file"] {
            let refused = write_beneath(&directory, path, "content", None).unwrap_err();
            assert_eq!(
                refused
                    .trouble()
                    .filter(|errno| *errno != nix::errno::Errno::EISDIR),
                None
            );
        }
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        write_beneath(&directory, "inner/file", "content", None).unwrap();
        let mode = fs::metadata(inner.join("file"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o600, 0o600);
        fs::write(inner.join(".half-written-x"), "con").unwrap();
        remove_temporary_files(&directory.directory("inner").unwrap()).unwrap();
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 2);
    }
}
