//! What a program has as its standard output, and the lab's end of it.

use std::{ffi::OsString, io, os::fd::OwnedFd};

use super::{
    Sandbox,
    exec::{above_stdio, pipe},
};
use crate::sys;

/// What a program has as its standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandardOutput {
    /// A pipe, from which the test reads.
    Pipe,
    /// A new file of this name in the test's folder. The test looks at the file; for the words about standard output
    /// there is none, as if it were closed.
    File(OsString),
    /// A pseudo-terminal (pty(7)), from which the test reads. It passes on every byte as it is: no `\r` before `\n`.
    Terminal,
}

impl StandardOutput {
    /// The lab's end of it, and the program's.
    pub(super) fn ends(&self, sandbox: &Sandbox) -> io::Result<(OwnedFd, OwnedFd)> {
        match self {
            StandardOutput::Pipe => pipe(),
            StandardOutput::File(name) => {
                let file = sandbox.directory().make_file(name, 0o644);
                let file = file.map_err(|error| io::Error::other(error.to_string()))?;
                let (closed, _) = pipe()?;
                Ok((closed, above_stdio(file.into_file().into())?))
            }
            StandardOutput::Terminal => {
                let (user, program) = sys::raw_terminal()?;
                Ok((above_stdio(user)?, above_stdio(program)?))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{IsTerminal, Read, Write},
    };

    use super::*;

    #[test]
    fn a_terminal_passes_on_every_byte_and_then_the_end() {
        let Ok((user, program)) = sys::raw_terminal() else {
            return;
        };
        let (mut user, mut program) = (File::from(user), File::from(program));
        assert!(program.is_terminal());
        program.write_all(b"a\tb\n\x03\x04").unwrap();
        drop(program);
        let mut got = Vec::new();
        // A terminal whose other end is closed fails with EIO.
        let end = user.read_to_end(&mut got).unwrap_err();
        assert_eq!(end.raw_os_error(), Some(libc::EIO));
        assert_eq!(got, b"a\tb\n\x03\x04");
    }
}
