//! The links in the test's folder that are the test's own: any other is a program's.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
};

use crate::beneath::{AccessError, Directory, FileId, FileKind};

/// How many links a test puts behind each other at most.
const LONGEST: usize = 8;

/// What the test has linked.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Symbolic links, and the names in the same folder to which they lead.
    symbolic: HashMap<OsString, OsString>,
    /// How many names the test has given to a file.
    names: HashMap<FileId, u64>,
}

impl Links {
    /// The test has made this name a symbolic link to that one.
    pub(super) fn know_link(&mut self, name: &OsStr, target: &OsStr) {
        self.symbolic.insert(name.to_owned(), target.to_owned());
    }

    /// The test has given a file so many names.
    pub(super) fn know_names(&mut self, file: FileId, names: u64) {
        self.names.insert(file, names);
    }

    /// How many names a file may have.
    pub(super) fn names(&self, file: FileId) -> u64 {
        self.names.get(&file).copied().unwrap_or(1)
    }

    /// The name under which the file lies that is meant by this one. Only links that are still as the test has made them
    /// lead on, and they do so in this table: no link is followed.
    ///
    /// # Errors
    ///
    /// When it cannot be seen what has the name, or the links are too many.
    pub(super) fn target(&self, folder: &Directory, name: &OsStr) -> Result<OsString, AccessError> {
        let mut name = name.to_owned();
        for _ in 0..LONGEST {
            let Some(target) = self.symbolic.get(&name) else {
                return Ok(name);
            };
            match folder.read_symbolic_link(&name) {
                Ok(text) if text == *target => name.clone_from(target),
                // A file is there now, or a link of the program's, which is not followed.
                Ok(_) | Err(AccessError::Obstacle(_)) => return Ok(name),
                Err(error) => return Err(error),
            }
        }
        Err(AccessError::Obstacle(FileKind::SymbolicLink))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn only_a_link_of_the_tests_own_leads_on() {
        let around = tempfile::tempdir().unwrap();
        let folder = Directory::open(around.path()).unwrap();
        let [file, link, second] = ["file", "link", "second"].map(OsStr::new);
        let mut links = Links::default();
        symlink("file", around.path().join(link)).unwrap();
        let target = |links: &Links, name| links.target(&folder, name);
        // A program's.
        assert_eq!(target(&links, link).unwrap(), link);
        links.know_link(link, file);
        assert_eq!(target(&links, link).unwrap(), file);
        assert_eq!(target(&links, file).unwrap(), file);
        symlink("link", around.path().join(second)).unwrap();
        links.know_link(second, link);
        assert_eq!(target(&links, second).unwrap(), file);
        // Exchanged by a program for one of its own, and for a file.
        fs::remove_file(around.path().join(link)).unwrap();
        assert_eq!(target(&links, link).unwrap_err(), AccessError::Missing);
        symlink("/etc/passwd", around.path().join(link)).unwrap();
        assert_eq!(target(&links, link).unwrap(), link);
        fs::remove_file(around.path().join(link)).unwrap();
        fs::write(around.path().join(link), "content").unwrap();
        assert_eq!(target(&links, second).unwrap(), link);
        // In a circle.
        fs::remove_file(around.path().join(link)).unwrap();
        symlink("second", around.path().join(link)).unwrap();
        links.know_link(link, second);
        let circle = AccessError::Obstacle(FileKind::SymbolicLink);
        assert_eq!(target(&links, link).unwrap_err(), circle);
    }
}
