//! All that lies beneath a directory: how much it is, and its end.

use std::{ffi::OsStr, path::Path};

use super::{AccessError, Directory, FileKind, change_permissions_of};

/// How many directories below each other are open at the same time.
const DEEPEST: usize = 12;

impl Directory {
    /// How much of the disk all that lies beneath takes, in bytes; `u64::MAX` for more than `most` files and directories,
    /// or for directories too deep.
    ///
    /// What cannot be read is closed to the program as well, and is not counted.
    pub fn size(&self, most: usize) -> u64 {
        let mut left = most;
        self.size_below(DEEPEST, &mut left).unwrap_or(u64::MAX)
    }

    fn size_below(&self, depth: usize, left: &mut usize) -> Option<u64> {
        let mut sum = 0u64;
        let mut is_too_much = false;
        let _ = self.each_name(|name| {
            let below = match left.checked_sub(1) {
                Some(rest) => {
                    *left = rest;
                    self.size_of(name, depth, left)
                }
                None => None,
            };
            is_too_much |= below.is_none();
            sum = sum.saturating_add(below.unwrap_or_default());
            match is_too_much {
                true => Err(AccessError::Changed),
                false => Ok(()),
            }
        });
        (!is_too_much).then_some(sum)
    }

    /// `None` for too much.
    fn size_of(&self, name: &OsStr, depth: usize, left: &mut usize) -> Option<u64> {
        // One that has just been removed takes nothing.
        let Ok(found) = self.look(name) else {
            return Some(0);
        };
        let below = match (found.kind, self.directory(name)) {
            (FileKind::Directory, Ok(inner)) => inner.size_below(depth.checked_sub(1)?, left)?,
            _ => 0,
        };
        Some(found.allocated.saturating_add(below))
    }

    /// Removes all that lies beneath: also what is in directories whose owner has no right to them, and in those that
    /// are nested deeper than a path can say. No process may be left that changes it meanwhile.
    ///
    /// # Errors
    ///
    /// When something in it belongs to another user, or the disk fails.
    pub fn clear(&self) -> Result<(), AccessError> {
        self.open_to_owner()?;
        let mut lifted = 0;
        loop {
            let mut is_empty = true;
            self.each_name(|name| {
                is_empty = false;
                self.remove_below(name, self, DEEPEST, &mut lifted)
            })?;
            if is_empty {
                return Ok(());
            }
        }
    }

    /// Removes what lies under a name, with all beneath it: of a link, the link. Nothing may be there.
    ///
    /// # Errors
    ///
    /// As [`Directory::clear`].
    pub fn remove_tree(&self, path: impl AsRef<Path>) -> Result<(), AccessError> {
        let path = path.as_ref();
        let inner = match self.directory(path) {
            Err(AccessError::Missing) => return Ok(()),
            Err(AccessError::Obstacle(_)) => return self.remove_file(path),
            inner => inner?,
        };
        inner.clear()?;
        self.remove_directory(path)
    }

    /// Gives its owner all rights to it.
    ///
    /// # Errors
    ///
    /// When it is another user's.
    pub fn open_to_owner(&self) -> Result<(), AccessError> {
        const ALL: u32 = 0o700;
        let found = self.found()?;
        match found.permissions & ALL {
            ALL => Ok(()),
            _ => change_permissions_of(&self.fd, found.permissions | ALL),
        }
    }

    fn remove_below(
        &self,
        name: &OsStr,
        top: &Directory,
        depth: usize,
        lifted: &mut usize,
    ) -> Result<(), AccessError> {
        let inner = match self.directory(name) {
            Err(AccessError::Missing) => return Ok(()),
            Err(AccessError::Obstacle(_)) => return self.remove_file(name),
            inner => inner?,
        };
        inner.open_to_owner()?;
        if depth == 0 {
            return self.lift(name, top, lifted);
        }
        inner.each_name(|below| inner.remove_below(below, top, depth - 1, lifted))?;
        self.remove_directory(name)
    }

    /// Moves a directory to the top, where it is found again.
    fn lift(&self, name: &OsStr, top: &Directory, lifted: &mut usize) -> Result<(), AccessError> {
        loop {
            *lifted += 1;
            match self.rename_into(name, top, format!(".lifted-{lifted}")) {
                // Somebody has thought of this name, too.
                Err(AccessError::Exists | AccessError::Obstacle(_)) => (),
                Err(AccessError::Failed(nix::errno::Errno::ENOTDIR)) => (),
                moved => return moved,
            }
        }
    }
}
