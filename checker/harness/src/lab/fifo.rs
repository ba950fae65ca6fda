//! A named pipe in the test's folder, into which a program may write as into a file.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::{self, Read},
    os::fd::AsFd,
    rc::Rc,
};

use nix::poll::PollFlags;

use super::{
    context::TestContext,
    obstacle::{refused, shown},
    quote::brief,
};
use crate::failure::{Checked, Comparison, Diagnosis, LabError};

/// A named pipe (fifo(7)) in the test's folder, of which the test holds the end for reading.
#[derive(Debug)]
pub struct Fifo {
    context: Rc<TestContext>,
    name: OsString,
    end: fs::File,
}

/// A named pipe in the test's folder that nobody reads: open(2) for writing waits there.
#[derive(Debug)]
pub struct UnreadFifo {
    context: Rc<TestContext>,
    name: OsString,
}

impl UnreadFifo {
    pub(super) fn make(context: &Rc<TestContext>, name: &OsStr) -> Checked<UnreadFifo> {
        context.note(format!("make a named pipe {}", shown(name)));
        let made = context.directory().make_fifo(name, 0o600);
        made.map_err(|error| refused(context, name, "make", error))?;
        Ok(UnreadFifo {
            context: context.clone(),
            name: name.to_owned(),
        })
    }

    /// Its name, which is its path for a program that starts in the test's folder.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// Opens it for reading, which lets the program go on that waits in open.
    ///
    /// # Errors
    ///
    /// When the program has put something else in its place.
    pub fn open_for_reading(self) -> Checked<Fifo> {
        let UnreadFifo { context, name } = self;
        context.note(format!("open {} for reading", shown(&name)));
        let end = context.directory().fifo(&name);
        let end = end.map_err(|error| refused(&context, &name, "open", error))?;
        Ok(Fifo { context, name, end })
    }
}

impl Fifo {
    /// Waits for exactly these bytes from it.
    ///
    /// # Errors
    ///
    /// When others come, or not all of them.
    pub fn expect(&self, content: impl AsRef<[u8]>) -> Checked {
        let content = content.as_ref();
        self.context
            .note(format!("expect {} from {}", brief(content), self.shown()));
        let mut got = Vec::new();
        let look = || {
            self.take(&mut got, content.len())?;
            Ok((got.len() == content.len()).then_some(()))
        };
        let files = [(self.end.as_fd(), PollFlags::POLLIN)];
        let waited = self.context.try_until_on(&files, look)?;
        let comparison = Comparison::of(&format!("what came from {}", self.shown()), content, &got);
        let failure = match waited {
            Ok(()) if comparison.is_none() => return Ok(()),
            Ok(()) => self.context.failure(
                Diagnosis::WrongBytes,
                "your program writes other bytes than it should",
            ),
            Err(error) => {
                let goal = format!("{} from {}", brief(content), self.shown());
                self.context
                    .to_failure(error, &goal, Diagnosis::MissingBytes)
            }
        };
        Err(failure.comparing(comparison).into())
    }

    /// Closes the reading end: a write of the program fails with EPIPE from now on, and brings SIGPIPE (pipe(7)).
    pub fn close(self) {
        self.context
            .note(format!("close the reading end of {}", self.shown()));
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
