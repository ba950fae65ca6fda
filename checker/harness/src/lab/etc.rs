//! The files in /etc by which the C library looks up names.

use std::{fs, os::unix::fs::FileTypeExt, path::Path};

use super::{Lab, quoted};
use crate::failure::{Checked, Stop};

/// Where a cache of names listens (nscd(8)). It knows the machine's files, and the C library asks it first.
const CACHE: &str = "/var/run/nscd/socket";

impl Lab {
    /// Programs which are started from now on find these lines (given without `\n`) in the file of this name in /etc; no
    /// other program does. A file without lines may also be missing on the machine.
    ///
    /// # Errors
    ///
    /// [`Stop::NotChecked`] where there is no mount namespace for the test, or there is no file of this name.
    pub fn file_in_etc(&self, name: &str, lines: &[impl AsRef<[u8]>]) -> Checked {
        let mut content = Vec::new();
        for line in lines {
            content.extend_from_slice(line.as_ref());
            content.push(b'\n');
        }
        let path = Path::new("/etc").join(name);
        let shown = path.display();
        self.context.note(match lines {
            [] => format!("let {shown} be empty"),
            lines => format!("let {shown} hold {}", told(lines)),
        });
        let sandbox = &self.context.sandbox;
        if fs::metadata(CACHE).is_ok_and(|found| found.file_type().is_socket()) {
            sandbox.cover(CACHE.as_ref(), b"")?;
        }
        let there = path.exists();
        if !there && lines.is_empty() || sandbox.cover(&path, &content)? {
            return Ok(());
        }
        Err(Stop::NotChecked(match there {
            true => format!(
                "the test needs another {shown} for your program, which this machine does not allow, or which you have \
                 turned off (namespaces)"
            ),
            false => format!(
                "the test needs another {shown} for your program, and this machine has none which it could replace; \
                 an empty file is enough"
            ),
        }))
    }
}

/// The first few lines, for the report.
fn told(lines: &[impl AsRef<[u8]>]) -> String {
    const MOST: usize = 5;
    let first = lines.iter().take(MOST).map(|line| quoted(line.as_ref()));
    let mut told = first.collect::<Vec<_>>().join(", ");
    if lines.len() > MOST {
        told += &format!(" and {} lines more", lines.len() - MOST);
    }
    told
}
