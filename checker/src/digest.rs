//! A number that stands for some bytes: FNV-1a with 64 bits, whose algorithm never changes. So it is the same on every
//! machine and with every release of Rust, and it can be written down and compared later.
//!
//! It tells what has changed by itself. It does not resist an attack: two texts with one digest can be found. The
//! build script of this package uses it as well.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// A digest of parts, in the order in which they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl Digest {
    /// The digest of nothing.
    pub const NONE: Digest = Digest(0xcbf2_9ce4_8422_2325);

    /// Adds a part. Two parts never count as the same as one part with the bytes of both.
    #[must_use]
    pub fn with(self, part: impl AsRef<[u8]>) -> Digest {
        let part = part.as_ref();
        self.bytes(&(part.len() as u64).to_le_bytes()).bytes(part)
    }

    fn bytes(self, bytes: &[u8]) -> Digest {
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        Digest(bytes.iter().fold(self.0, step))
    }

    /// Adds all files below a folder of sources: their paths below it, in the order of their bytes, and what is in
    /// them. What an editor leaves beside them (`.mod.rs.swp`, `mod.rs~`) does not count.
    ///
    /// # Errors
    ///
    /// When something cannot be read.
    pub fn with_sources(self, folder: &Path) -> io::Result<Digest> {
        let mut files = Vec::new();
        list(folder, Path::new(""), &mut files)?;
        files.sort();
        files.iter().try_fold(self, |digest, file| {
            let content = fs::read(folder.join(file))?;
            Ok(digest
                .with(file.as_os_str().as_encoded_bytes())
                .with(content))
        })
    }
}

fn list(folder: &Path, below: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if text.starts_with('.') || text.ends_with('~') {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => list(folder, &below.join(name), files)?,
            false => files.push(below.join(name)),
        }
    }
    Ok(())
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of draft-eastlake-fnv, "Test Vectors".
    #[test]
    fn it_is_fnv_1a_on_every_machine() {
        for (text, digest) in [
            ("", "cbf29ce484222325"),
            ("a", "af63dc4c8601ec8c"),
            ("foobar", "85944171f73967e8"),
        ] {
            assert_eq!(Digest::NONE.bytes(text.as_bytes()).to_string(), digest);
        }
    }

    #[test]
    fn where_a_part_ends_makes_a_difference() {
        let digest = |parts: &[&str]| parts.iter().fold(Digest::NONE, |sum, part| sum.with(part));
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["a", ""]), digest(&["a"]));
    }

    #[test]
    fn sources_are_their_paths_and_their_content_and_nothing_else() {
        let folder = |files: &[(&str, &str)]| {
            let folder = tempfile::tempdir().unwrap();
            for (path, content) in files {
                let path = folder.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            Digest::NONE.with_sources(folder.path()).unwrap()
        };
        let one = folder(&[("day1/mod.rs", "a test"), ("lib.rs", "all")]);
        assert_eq!(one, folder(&[("lib.rs", "all"), ("day1/mod.rs", "a test")]));
        assert_eq!(
            one,
            folder(&[
                ("lib.rs", "all"),
                ("day1/mod.rs", "a test"),
                ("day1/mod.rs~", "an old test"),
                (".lib.rs.swp", "an editor's")
            ])
        );
        for other in [
            [("day1/mod.rs", "a mended test"), ("lib.rs", "all")],
            [("day2/mod.rs", "a test"), ("lib.rs", "all")],
            [("day1/mod.rs", "a testall"), ("lib.rs", "")],
        ] {
            assert_ne!(one, folder(&other), "{other:?}");
        }
    }
}
