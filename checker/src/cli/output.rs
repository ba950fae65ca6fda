//! Files that the user names on the command line to be written.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::{
    atomic_file,
    beneath::{Directory, FileKind},
    failure::{Attempt, LabError},
};

/// Puts a text into a file, which is there whole or not at all. A terminal, a pipe or a device gets it as it is.
///
/// A symbolic link is replaced by the file, because another user may have made it. The kernel's own links for this
/// process, such as /dev/stdout, are followed.
///
/// # Errors
///
/// When it cannot be written.
pub fn write(path: &Path, text: &str) -> Result<(), LabError> {
    let attempt = attempt(path);
    if !is_own_descriptor(path) && !is_special(path) {
        return atomic_file::write(path, text, None).attempt(&attempt);
    }
    let mut file = open(path, OpenOptions::new().write(true)).attempt(&attempt)?;
    file.write_all(text.as_bytes()).attempt(&attempt)
}

/// Opens a file for a text that comes bit by bit. What was in it is gone. It is not reached through a link, but for those
/// of the system.
///
/// # Errors
///
/// When it cannot be opened.
pub fn stream(path: &Path) -> Result<File, LabError> {
    let mut options = OpenOptions::new();
    open(path, options.write(true).create(true).truncate(true))
        .map_err(|error| trouble(path, &error))
}

/// Adds a text to a file, which is not reached through a link.
///
/// # Errors
///
/// When it cannot be written.
pub fn append(path: &Path, text: &str) -> Result<(), LabError> {
    let mut options = OpenOptions::new();
    let mut file =
        open(path, options.append(true).create(true)).map_err(|error| trouble(path, &error))?;
    file.write_all(text.as_bytes()).attempt(&attempt(path))
}

fn attempt(path: &Path) -> String {
    format!("could not write to {}", path.display())
}

fn trouble(path: &Path, error: &io::Error) -> LabError {
    match error.raw_os_error() {
        Some(libc::ELOOP) => {
            LabError::with_detail(attempt(path), "it is a symbolic link; name the file itself")
        }
        _ => LabError::io(attempt(path), error),
    }
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    if is_own_descriptor(path) {
        // It may be a file in which something stands already.
        return OpenOptions::new().append(true).open(path);
    }
    options
        .custom_flags(libc::O_NOFOLLOW | libc::O_NOCTTY)
        .open(path)
}

/// Whether it is the kernel's name for a descriptor of this process. No other user can make such a link.
fn is_own_descriptor(path: &Path) -> bool {
    let known = ["/dev/stdin", "/dev/stdout", "/dev/stderr"];
    known.into_iter().any(|name| path == Path::new(name))
        || path.starts_with("/dev/fd")
        || path.starts_with("/proc/self/fd")
}

/// Whether it is there, and is a pipe, a terminal or another device.
fn is_special(path: &Path) -> bool {
    let parent = path.parent().filter(|path| !path.as_os_str().is_empty());
    let look = || {
        let folder = Directory::open(parent.unwrap_or(Path::new("."))).ok()?;
        folder.look(path.file_name()?).ok()
    };
    look().is_some_and(|found| {
        matches!(
            found.kind,
            FileKind::Fifo | FileKind::Device | FileKind::Socket
        )
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read, os::unix::fs::symlink, thread};

    use super::*;

    #[test]
    fn a_link_is_never_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (other, link) = (folder.path().join("other"), folder.path().join("link"));
        fs::write(&other, "somebody's").unwrap();
        symlink(&other, &link).unwrap();
        assert!(
            stream(&link)
                .unwrap_err()
                .to_string()
                .contains("a symbolic link")
        );
        assert!(
            append(&link, "more")
                .unwrap_err()
                .to_string()
                .contains("a symbolic link")
        );
        write(&link, "report").unwrap();
        assert_eq!(fs::read_to_string(&link).unwrap(), "report");
        assert_eq!(fs::read_to_string(&other).unwrap(), "somebody's");
        append(&link, " and more").unwrap();
        assert_eq!(fs::read_to_string(&link).unwrap(), "report and more");
        assert!(link.symlink_metadata().unwrap().is_file());
    }

    #[test]
    fn a_pipe_that_the_user_names_gets_the_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        thread::scope(|scope| {
            let reader = scope.spawn(|| fs::read_to_string(&path).unwrap());
            write(&path, "report").unwrap();
            assert_eq!(reader.join().unwrap(), "report");
        });
        let (mut reader, writer) = io::pipe().unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&writer);
        write(format!("/proc/self/fd/{number}").as_ref(), "report").unwrap();
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "report");
        let refused = write("/dev/full".as_ref(), "report").unwrap_err();
        assert_eq!(refused.errno, Some(libc::ENOSPC));
    }
}
