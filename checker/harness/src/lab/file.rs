//! Files in the test's folder, which is where the program starts: what it is to write, and what was there before.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::{self, Read, Write},
    os::{
        fd::AsFd,
        unix::{
            ffi::OsStrExt,
            fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink},
        },
    },
    path::PathBuf,
    rc::Rc,
};

use nix::{poll::PollFlags, sys::stat::Mode, unistd::mkfifo};

use super::{bench::Bench, quote::brief};
use crate::failure::{Attempt, Checked, Comparison, Diagnosis, Failure, LabError};

/// The bits of a mode which are permissions.
const PERMISSIONS: u32 = 0o7777;

/// A name in the test's folder, and the file of this name, if there is one.
#[derive(Debug)]
pub struct File {
    bench: Rc<Bench>,
    name: OsString,
    path: PathBuf,
}

/// A named pipe (fifo(7)) in the test's folder, of which the test holds the end for reading.
#[derive(Debug)]
pub struct Fifo {
    bench: Rc<Bench>,
    name: OsString,
    end: fs::File,
}

impl File {
    pub(super) fn new(bench: &Rc<Bench>, name: &OsStr) -> File {
        File {
            bench: bench.clone(),
            name: name.to_owned(),
            path: bench.folder().join(name),
        }
    }

    /// Its name, which is its path for a program that starts in the test's folder.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// Makes it, with this content and these permissions.
    ///
    /// # Errors
    ///
    /// When the lab cannot.
    pub fn make(&self, content: impl AsRef<[u8]>, permissions: u32) -> Checked {
        let content = content.as_ref();
        self.bench.note(format!(
            "make a file {} with {} in it, and the permissions {permissions:03o}",
            self.shown(),
            brief(content)
        ));
        let attempt = self.attempt("make");
        fs::write(&self.path, content).attempt(&attempt)?;
        let permissions = fs::Permissions::from_mode(permissions);
        Ok(fs::set_permissions(&self.path, permissions).attempt(&attempt)?)
    }

    /// Changes its permissions.
    ///
    /// # Errors
    ///
    /// When the lab cannot.
    pub fn permit(&self, permissions: u32) -> Checked {
        self.bench.note(format!(
            "give the file {} the permissions {}",
            self.shown(),
            spelled(permissions)
        ));
        let permissions = fs::Permissions::from_mode(permissions);
        Ok(fs::set_permissions(&self.path, permissions).attempt(&self.attempt("change"))?)
    }

    /// Gives it a second name (link(2)).
    ///
    /// # Errors
    ///
    /// When the lab cannot.
    pub fn link(&self, name: impl AsRef<OsStr>) -> Checked<File> {
        let second = File::new(&self.bench, name.as_ref());
        self.bench.note(format!(
            "give the file {} a second name, {}",
            self.shown(),
            second.shown()
        ));
        fs::hard_link(&self.path, &second.path).attempt(&second.attempt("link"))?;
        Ok(second)
    }

    /// Makes it a symbolic link to a name in the same folder (symlink(7)).
    ///
    /// # Errors
    ///
    /// When the lab cannot.
    pub fn make_link_to(&self, target: &File) -> Checked {
        self.bench.note(format!(
            "make {} a symbolic link to {}",
            self.shown(),
            target.shown()
        ));
        Ok(symlink(&target.name, &self.path).attempt(&self.attempt("link"))?)
    }

    /// Appends to it, as any other program might at the same time.
    ///
    /// # Errors
    ///
    /// When the lab cannot.
    pub fn append(&self, bytes: impl AsRef<[u8]>) -> Checked {
        let bytes = bytes.as_ref();
        self.bench.note(format!(
            "append {} to {}, as another program would",
            brief(bytes),
            self.shown()
        ));
        let attempt = self.attempt("append to");
        let mut file = match fs::File::options().append(true).open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.missing(),
            file => file.attempt(&attempt)?,
        };
        Ok(file.write_all(bytes).attempt(&attempt)?)
    }

    /// Sees that it is there, and holds these bytes now.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::MissingBytes`] when it is not there, or only their beginning is; [`Diagnosis::ExtraBytes`] when
    /// more is, [`Diagnosis::WrongBytes`] when others are; [`Diagnosis::WrongMode`] when its owner must not read it.
    pub fn expect(&self, content: impl AsRef<[u8]>) -> Checked {
        let content = content.as_ref();
        self.bench.note(match content {
            [] => format!("see that the file {} is there, and empty", self.shown()),
            content => format!(
                "see that the file {} holds {}",
                self.shown(),
                brief(content)
            ),
        });
        self.compare(content)
    }

    /// Waits until it holds these bytes, or the program sleeps. Who reads may be another thread or process than who
    /// writes, so that what has been read is in the file a moment later.
    ///
    /// # Errors
    ///
    /// As [`File::expect`].
    pub fn wait_until_it_holds(&self, content: impl AsRef<[u8]>) -> Checked {
        let content = content.as_ref();
        self.bench.note(format!(
            "wait until the file {} holds {}",
            self.shown(),
            brief(content)
        ));
        let look = || {
            Ok(fs::read(&self.path)
                .is_ok_and(|got| got == content)
                .then_some(()))
        };
        match self.bench.wait(&[], look)? {
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
        self.bench.keep_scene();
        Err(Failure::new(diagnosis, symptom)
            .comparing(Some(comparison))
            .into())
    }

    /// What is in it.
    fn read(&self) -> Checked<Vec<u8>> {
        let read = fs::metadata(&self.path).and_then(|found| match found.len() {
            // Nothing needs to be read, so that the permissions do not matter.
            0 => Ok(Vec::new()),
            _ => fs::read(&self.path),
        });
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.missing(),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => self.fail(
                Diagnosis::WrongMode,
                format!("the file {} cannot be read by its own owner", self.shown()),
            ),
            read => Ok(read.attempt(&self.attempt("read"))?),
        }
    }

    /// Sees that it has these permissions.
    ///
    /// # Errors
    ///
    /// [`Diagnosis::WrongMode`] when it has others, [`Diagnosis::MissingBytes`] when it is not there.
    pub fn expect_permissions(&self, permissions: u32) -> Checked {
        self.bench.note(format!(
            "see that the file {} has the permissions {}",
            self.shown(),
            spelled(permissions)
        ));
        let got = match fs::metadata(&self.path) {
            Ok(metadata) => metadata.mode() & PERMISSIONS,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.missing(),
            Err(error) => return Err(LabError::io(self.attempt("look at"), &error).into()),
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
        self.bench
            .note(format!("see that there is no file {}", self.shown()));
        match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(LabError::io(self.attempt("look for"), &error).into()),
            Ok(_) => self.fail(
                Diagnosis::ExtraBytes,
                format!("your program has made a file {}", self.shown()),
            ),
        }
    }

    /// The name for a report.
    fn shown(&self) -> String {
        shown(&self.name)
    }

    fn missing<T>(&self) -> Checked<T> {
        self.fail(
            Diagnosis::MissingBytes,
            format!("there is no file {}", self.shown()),
        )
    }

    fn fail<T>(&self, diagnosis: Diagnosis, symptom: String) -> Checked<T> {
        self.bench.keep_scene();
        Err(Failure::new(diagnosis, symptom).into())
    }

    fn attempt(&self, what: &str) -> String {
        format!("could not {what} the file {}", self.path.display())
    }
}

fn shown(name: &OsStr) -> String {
    name.as_bytes().escape_ascii().to_string()
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

impl Fifo {
    pub(super) fn make(bench: &Rc<Bench>, name: &OsStr) -> Checked<Fifo> {
        bench.note(format!(
            "make a named pipe {}, and open it for reading",
            shown(name)
        ));
        const MAKE: &str = "could not make a named pipe";
        let path = bench.folder().join(name);
        mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).attempt(MAKE)?;
        // To open it for reading does not wait for a writer if no read will (fifo(7)).
        let end = fs::File::options()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&path)
            .attempt(MAKE)?;
        Ok(Fifo {
            bench: bench.clone(),
            name: name.to_owned(),
            end,
        })
    }

    /// Its name, which is its path for a program that starts in the test's folder.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// Waits for exactly these bytes from it.
    ///
    /// # Errors
    ///
    /// When others come, or not all of them.
    pub fn expect(&self, content: impl AsRef<[u8]>) -> Checked {
        let content = content.as_ref();
        self.bench
            .note(format!("expect {} from {}", brief(content), self.shown()));
        let mut got = Vec::new();
        let look = || {
            self.take(&mut got, content.len())?;
            Ok((got.len() == content.len()).then_some(()))
        };
        let waited = self
            .bench
            .wait(&[(self.end.as_fd(), PollFlags::POLLIN)], look)?;
        let comparison = Comparison::of(&format!("what came from {}", self.shown()), content, &got);
        let failure = match waited {
            Ok(()) if comparison.is_none() => return Ok(()),
            Ok(()) => {
                self.bench.keep_scene();
                Failure::new(
                    Diagnosis::WrongBytes,
                    "your program writes other bytes than it should",
                )
            }
            Err(gave_up) => {
                let goal = format!("{} from {}", brief(content), self.shown());
                self.bench.explain(&gave_up, &goal, Diagnosis::MissingBytes)
            }
        };
        Err(failure.comparing(comparison).into())
    }

    fn shown(&self) -> String {
        shown(&self.name)
    }

    /// Takes what is there, until there are `most` bytes.
    fn take(&self, got: &mut Vec<u8>, most: usize) -> Result<(), LabError> {
        let mut buffer = [0; 4096];
        while got.len() < most {
            let room = buffer.len().min(most - got.len());
            match (&self.end).read(&mut buffer[..room]) {
                // No writer is there yet, or any more.
                Ok(0) => return Ok(()),
                Ok(n) => got.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(LabError::io("could not read a named pipe", &error)),
            }
        }
        Ok(())
    }
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
