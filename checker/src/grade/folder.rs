//! A submission that is a folder: read descriptor by descriptor, so that no link is followed, and a change of the
//! folder meanwhile cannot lead the reader out of it.

use std::{ffi::OsStr, fs::File, os::unix::ffi::OsStrExt};

use super::submission::{Reason, SourceCollector};
use crate::beneath::{Access, AccessError, Directory, FileKind, Found};

/// How deep folders are looked into.
const DEEPEST: usize = 16;

/// Offers everything in the folder.
pub fn read(folder: &Directory, collector: &mut SourceCollector<'_>) -> Result<(), Reason> {
    let owner = folder.found()?.owner;
    Walk { owner, collector }.folder(folder, &mut Vec::new())
}

struct Walk<'a, 'b> {
    /// Whose folder it is.
    owner: u32,
    collector: &'a mut SourceCollector<'b>,
}

impl Walk<'_, '_> {
    /// Everything in an open folder, in the order of names.
    fn folder(&mut self, folder: &Directory, path: &mut Vec<Vec<u8>>) -> Result<(), Reason> {
        let names = match folder.list(self.collector.left()) {
            Err(AccessError::TooMany { .. }) => {
                self.collector.end();
                return Ok(());
            }
            names => names?,
        };
        self.collector.count_all(names.len());
        for name in names {
            path.push(name.as_bytes().to_owned());
            self.entry(folder, &name, path)?;
            path.pop();
        }
        Ok(())
    }

    fn entry(
        &mut self,
        folder: &Directory,
        name: &OsStr,
        path: &mut Vec<Vec<u8>>,
    ) -> Result<(), Reason> {
        let full = path.clone();
        let full: Vec<&[u8]> = full.iter().map(Vec::as_slice).collect();
        let is_source = self.collector.is_source(&full);
        if !is_source && !self.collector.leads_on(&full) {
            return Ok(());
        }
        let Ok(found) = folder.look(name) else {
            return Ok(());
        };
        match found.kind {
            FileKind::Directory if full.len() > DEEPEST => {
                self.collector.refuse(&full, Reason::TooDeep)
            }
            FileKind::Directory => {
                let inner = folder.directory(name).map_err(Reason::from);
                if let Err(reason) = inner.and_then(|inner| self.folder(&inner, path)) {
                    self.collector.refuse(&full, reason);
                }
            }
            FileKind::SymbolicLink if is_source || path.len() < 4 => {
                self.collector.refuse(&full, Reason::Link);
            }
            FileKind::File => {
                if let Some(wanted) = self.collector.want(&full) {
                    match self.file(folder, name) {
                        Ok(file) => self
                            .collector
                            .take(&full, wanted, file)
                            .map_err(|error| Reason::Unreadable(error.to_string()))?,
                        Err(reason) => self.collector.refuse(&full, reason),
                    }
                }
            }
            _ if is_source => self.collector.refuse(&full, Reason::Special),
            _ => (),
        }
        Ok(())
    }

    fn file(&self, folder: &Directory, name: &OsStr) -> Result<File, Reason> {
        let file = folder.file(name, Access::Read)?;
        expect_own(file.found(), self.owner)?;
        Ok(file.into_file())
    }
}

/// A user who can write to a folder can make a hard link in it to another user's file: see fs.protected_hardlinks in
/// proc_sys_fs(5).
pub fn expect_own(found: &Found, owner: u32) -> Result<(), Reason> {
    match found.expect_owner(owner) {
        Ok(()) => Ok(()),
        Err(_) => Ok(found.expect_names(1)?),
    }
}
