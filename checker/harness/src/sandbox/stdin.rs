//! What a program has as its standard input, and the lab's end of it.

use std::{ffi::OsString, io, os::fd::OwnedFd};

use super::{
    Sandbox,
    exec::{above_stdio, pipe},
};
use crate::beneath::Access;

/// What a program has as its standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandardInput {
    /// A pipe, into which the test writes.
    Pipe,
    /// The file of this name in the test's folder, from its beginning. For the words about standard input there is none, as
    /// if it were closed.
    File(OsString),
}

impl StandardInput {
    /// The program's end of it, and the lab's, if it has one.
    pub(super) fn ends(&self, sandbox: &Sandbox) -> io::Result<(OwnedFd, Option<OwnedFd>)> {
        match self {
            StandardInput::Pipe => {
                let (read, write) = pipe()?;
                Ok((read, Some(write)))
            }
            StandardInput::File(name) => {
                let file = sandbox.directory().file(name, Access::Read);
                let file = file.map_err(|error| io::Error::other(error.to_string()))?;
                Ok((above_stdio(file.into_file().into())?, None))
            }
        }
    }
}
