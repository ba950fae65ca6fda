//! Files in the test's folder, which is where the program starts: what it is to write, and what was there before.

use std::{
    ffi::{OsStr, OsString},
    rc::Rc,
};

use super::{
    context::TestContext,
    obstacle::{refused, shown},
    quote::brief,
};
use crate::{
    beneath::{Access, AccessError, Directory, FileKind, Found, OpenFile},
    failure::{Checked, Comparison, Diagnosis},
    sandbox::Limits,
};

/// A name in the test's folder, and the file of this name, if there is one.
///
/// A program can put anything in its place. Only a regular file is opened, which belongs to the user who runs the test, and
/// which has no names but those that the test knows; of links, only the test's [own](File::make_link_to) are followed. Anything else is the program's failure: [`Diagnosis::NotAFile`],
/// [`Diagnosis::LinkedFile`], [`Diagnosis::FileExchanged`].
#[derive(Debug)]
pub struct File {
    context: Rc<TestContext>,
    name: OsString,
}

impl File {
    pub(super) fn new(context: &Rc<TestContext>, name: &OsStr) -> File {
        File {
            context: context.clone(),
            name: name.to_owned(),
        }
    }

    /// Its name, which is its path for a program that starts in the test's folder.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// Makes it, with this content and these permissions.
    pub fn make(&self, content: impl AsRef<[u8]>, permissions: u32) -> Checked {
        let content = content.as_ref();
        self.context.note(format!(
            "make a file {} with {} in it, and the permissions {permissions:03o}",
            self.shown(),
            brief(content)
        ));
        self.try_make(content, permissions)
            .or_else(|error| self.refuse("make", error))
    }

    /// Changes its permissions.
    pub fn permit(&self, permissions: u32) -> Checked {
        self.context.note(format!(
            "give the file {} the permissions {}",
            self.shown(),
            spelled(permissions)
        ));
        let change = || {
            let file = self.folder().handle(&self.name)?;
            self.expect_own(file.found())?;
            file.change_permissions(permissions)
        };
        change().or_else(|error| self.refuse("change", error))
    }

    /// Gives it a second name (link(2)).
    pub fn link(&self, name: impl AsRef<OsStr>) -> Checked<File> {
        let second = File::new(&self.context, name.as_ref());
        self.context.note(format!(
            "give the file {} a second name, {}",
            self.shown(),
            second.shown()
        ));
        let link = || {
            let names = self.expect_own(&self.folder().look(&self.name)?)?;
            self.folder().link(&self.name, &second.name)?;
            let found = self.folder().look(&second.name)?;
            found.expect_kind(FileKind::File)?;
            self.context.links().know_names(found.id, names + 1);
            self.expect_own(&found).map(drop)
        };
        match link() {
            Ok(()) => Ok(second),
            Err(error) => second.refuse("link", error),
        }
    }

    /// Makes it a symbolic link to a name in the same folder (symlink(7)).
    pub fn make_link_to(&self, target: &File) -> Checked {
        self.context.note(format!(
            "make {} a symbolic link to {}",
            self.shown(),
            target.shown()
        ));
        match self.folder().make_symbolic_link(&self.name, &target.name) {
            Ok(()) => {
                self.context.links().know_link(&self.name, &target.name);
                Ok(())
            }
            Err(error) => self.refuse("link", error),
        }
    }

    /// Appends to it, as any other program might at the same time.
    pub fn append(&self, bytes: impl AsRef<[u8]>) -> Checked {
        let bytes = bytes.as_ref();
        self.context.note(format!(
            "append {} to {}, as another program would",
            brief(bytes),
            self.shown()
        ));
        self.open(Access::Append)
            .and_then(|mut file| file.write(bytes))
            .or_else(|error| self.refuse("append to", error))
    }

    /// Sees that it is there, and holds these bytes now.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::MissingBytes`] when it is not there, or only their beginning is; [`Diagnosis::ExtraBytes`] when
    /// more is, [`Diagnosis::WrongBytes`] when others are; [`Diagnosis::WrongMode`] when its owner must not read it.
    pub fn expect(&self, content: impl AsRef<[u8]>) -> Checked {
        let content = content.as_ref();
        self.context.note(match content {
            [] => format!("see that the file {} is there, and empty", self.shown()),
            content => format!(
                "see that the file {} holds {}",
                self.shown(),
                brief(content)
            ),
        });
        self.compare(content)
    }

    /// Waits until it holds these bytes, or the program sleeps. One thread or process of the program may
    /// read and another one write, so that what was read is in the file a moment later.
    pub fn wait_until_it_holds(&self, content: impl AsRef<[u8]>) -> Checked {
        let content = content.as_ref();
        self.context.note(format!(
            "wait until the file {} holds {}",
            self.shown(),
            brief(content)
        ));
        let look = || {
            // An error is no answer yet: the file is compared once more when the wait is over.
            let got = self.try_read(content.len() as u64);
            Ok(got.is_ok_and(|got| got == content).then_some(()))
        };
        match self.context.try_until(look)? {
            Ok(()) => Ok(()),
            Err(_) => self.compare(content),
        }
    }

    fn compare(&self, content: &[u8]) -> Checked {
        let got = self.read()?;
        let name = self.shown();
        let Some(comparison) = Comparison::of(&format!("the file {name}"), content, &got) else {
            return Ok(());
        };
        let (diagnosis, symptom) = if content.starts_with(&got) {
            let missing = bytes(content.len() - got.len());
            let symptom = match got.as_slice() {
                [] => format!("the file {name} is empty; {missing} should be in it"),
                _ => format!("the file {name} lacks {missing} at its end"),
            };
            (Diagnosis::MissingBytes, symptom)
        } else if got.starts_with(content) {
            let extra = bytes(got.len() - content.len());
            let symptom = format!("the file {name} has {extra} too many at its end");
            (Diagnosis::ExtraBytes, symptom)
        } else {
            let symptom = format!("the file {name} holds other bytes than it should");
            (Diagnosis::WrongBytes, symptom)
        };
        let failure = self.context.failure(diagnosis, symptom);
        Err(failure.comparing(Some(comparison)).into())
    }

    /// What is in it.
    fn read(&self) -> Checked<Vec<u8>> {
        // RLIMIT_FSIZE: no program of a test can write more into one file.
        let most = Limits::default().file;
        match self.try_read(most) {
            Err(AccessError::TooLarge { size, .. }) => self.fail(
                Diagnosis::ExtraBytes,
                format!("the file {} has {size} bytes, far too many", self.shown()),
            ),
            read => read.or_else(|error| self.refuse("read", error)),
        }
    }

    fn try_read(&self, most: u64) -> Result<Vec<u8>, AccessError> {
        let found = self.folder().look(self.target()?)?;
        self.expect_own(&found)?;
        match found.size {
            // Nothing needs to be read, so that the permissions do not matter.
            0 => Ok(Vec::new()),
            _ => self.open(Access::Read)?.read(most),
        }
    }

    fn try_make(&self, content: &[u8], permissions: u32) -> Result<(), AccessError> {
        let mut file = match self.folder().make_file(&self.name, 0o600) {
            Err(AccessError::Exists) => self.open(Access::Write)?,
            made => made?,
        };
        file.replace(content)?;
        file.change_permissions(permissions)
    }

    /// Opens it, if it is a file of the program's or the test's own.
    fn open(&self, access: Access) -> Result<OpenFile, AccessError> {
        let file = self.folder().file(self.target()?, access)?;
        self.expect_own(file.found())?;
        Ok(file)
    }

    /// Where the file lies if the test itself has made a link of this name.
    fn target(&self) -> Result<OsString, AccessError> {
        self.context.links().target(self.folder(), &self.name)
    }

    /// Sees that it is a file of the user who runs the programs, with no names but those that the test knows; returns
    /// how many these are.
    fn expect_own(&self, found: &Found) -> Result<u64, AccessError> {
        found.expect_kind(FileKind::File)?;
        found.expect_owner(nix::unistd::geteuid().as_raw())?;
        let known = self.context.links().names(found.id);
        found.expect_names(known)?;
        Ok(known)
    }

    fn folder(&self) -> &Directory {
        self.context.directory()
    }

    /// Sees that it has these permissions.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::WrongMode`] when it has others, [`Diagnosis::MissingBytes`] when it is not there.
    pub fn expect_permissions(&self, permissions: u32) -> Checked {
        self.context.note(format!(
            "see that the file {} has the permissions {}",
            self.shown(),
            spelled(permissions)
        ));
        let look = || {
            let found = self.folder().look(self.target()?)?;
            self.expect_own(&found)?;
            Ok(found.permissions)
        };
        let got = match look() {
            Ok(permissions) => permissions,
            Err(error) => return self.refuse("look at", error),
        };
        if got == permissions {
            return Ok(());
        }
        self.fail(
            Diagnosis::WrongMode,
            format!(
                "the file {} has the permissions {}; {} are right here",
                self.shown(),
                spelled(got),
                spelled(permissions)
            ),
        )
    }

    /// Sees that there is no file of this name.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::ExtraBytes`] when there is.
    pub fn expect_missing(&self) -> Checked {
        self.context
            .note(format!("see that there is no file {}", self.shown()));
        match self.folder().look(&self.name) {
            Err(AccessError::Missing) => Ok(()),
            Err(error) => self.refuse("look for", error),
            Ok(_) => self.fail(
                Diagnosis::ExtraBytes,
                format!("your program has made a file {}", self.shown()),
            ),
        }
    }

    /// Waits until nothing has this name any more.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::FileLeft`] when something keeps it.
    pub fn expect_removed(&self) -> Checked {
        self.context
            .note(format!("expect that {} is removed", self.shown()));
        let look = || match self.folder().look(&self.name) {
            Err(AccessError::Missing) => Ok(Some(())),
            Err(error) => self.refuse("look for", error),
            Ok(_) => Ok(None),
        };
        match self.context.try_until(look)? {
            Ok(()) => Ok(()),
            Err(_) => self.fail(
                Diagnosis::FileLeft,
                format!(
                    "{} is still there; your program has to remove it",
                    self.shown()
                ),
            ),
        }
    }

    /// The name for a report.
    fn shown(&self) -> String {
        shown(&self.name)
    }

    /// Ends the test because of what lies in the file's place, or of the lab's own trouble with it.
    fn refuse<T>(&self, what: &str, error: AccessError) -> Checked<T> {
        Err(refused(&self.context, &self.name, what, error))
    }

    fn fail<T>(&self, diagnosis: Diagnosis, symptom: String) -> Checked<T> {
        self.context.fail(diagnosis, symptom)
    }
}

fn bytes(count: usize) -> String {
    match count {
        1 => "1 byte".to_owned(),
        count => format!("{count} bytes"),
    }
}

/// Permissions as chmod(1) takes them and as ls(1) shows them: `640 (rw-r-----)`.
fn spelled(permissions: u32) -> String {
    let letters: String = (0..9)
        .map(|place| match permissions >> (8 - place) & 1 {
            1 => ['r', 'w', 'x'][place % 3],
            _ => '-',
        })
        .collect();
    format!("{permissions:03o} ({letters})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_read_as_in_a_listing() {
        assert_eq!(spelled(0o640), "640 (rw-r-----)");
        assert_eq!(spelled(0o007), "007 (------rwx)");
    }
}
