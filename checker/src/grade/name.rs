//! What a submission is called: in the gradebook, in the terminal, and as a file.

use std::{fmt, os::unix::ffi::OsStrExt, path::Path};

use serde::{Deserialize, Serialize};

/// The longest name, in bytes; a file name may have 255, and gets an ending.
const LONGEST: usize = 180;

/// A name that is safe wherever it is shown: letters, digits and a few signs. Whatever else is in the name of a
/// submission, which a student may have chosen, is written as `%` and two hexadecimal digits for each byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The name of the submission at this path: its last component, without the ending of an archive.
    pub fn of(path: &Path) -> Name {
        let resolved;
        let last = match path.file_name() {
            Some(last) => last,
            // `.` and `..` are called what they stand for.
            None => {
                resolved = path.canonicalize().unwrap_or_default();
                resolved.file_name().unwrap_or("submission".as_ref())
            }
        };
        let bytes = last.as_bytes();
        let stem = [&b".zip"[..], b".tar.gz", b".tgz"]
            .iter()
            .find_map(|ending| bytes.strip_suffix(*ending))
            .filter(|stem| !stem.is_empty())
            .unwrap_or(bytes);
        Name(escape(stem))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Any text of a submission, made safe to be shown: see [`Name`].
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let is_plain = character.is_alphanumeric() || "._-+/ ".contains(character);
            // A name that begins with a dot is hidden, and one that begins with a sign is a formula to a spreadsheet.
            let is_first = text.is_empty() && !character.is_alphanumeric() && character != '_';
            if is_plain && !is_first {
                text.push(character);
            } else {
                push_hex(&mut text, character.to_string().as_bytes());
            }
        }
        push_hex(&mut text, chunk.invalid());
    }
    while text.len() > LONGEST {
        text.pop();
    }
    text
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        text.push_str(&format!("%{byte:02X}"));
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    /// A name as it was written down. One that [`Name::of`] would not make is refused: it may lead out of a folder.
    fn try_from(text: String) -> Result<Name, String> {
        let is_plain =
            |character: char| character.is_alphanumeric() || "._-+% ".contains(character);
        let is_safe = text.chars().all(is_plain)
            && !text.starts_with(['.', '-', '+', ' '])
            && (1..=LONGEST).contains(&text.len());
        match is_safe {
            true => Ok(Name(text)),
            false => Err(format!(
                "'{}' is no name of a submission",
                escape(text.as_bytes())
            )),
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, path::PathBuf};

    use super::*;

    fn name(bytes: &[u8]) -> String {
        Name::of(&PathBuf::from(OsStr::from_bytes(bytes))).into()
    }

    #[test]
    fn the_ending_of_an_archive_is_no_part_of_the_name() {
        for file in [
            "class/kim.zip",
            "kim.tar.gz",
            "kim.tgz",
            "class/kim/",
            "kim",
        ] {
            assert_eq!(name(file.as_bytes()), "kim", "{file}");
        }
    }

    #[test]
    fn no_name_can_steer_a_terminal_a_spreadsheet_or_a_ci_system() {
        assert_eq!(name(b"::error::x"), "%3A%3Aerror%3A%3Ax");
        assert_eq!(name(b"a##[set]"), "a%23%23%5Bset%5D");
        assert_eq!(name(b"=1+1"), "%3D1+1");
        assert_eq!(name(b"\x1b[31m"), "%1B%5B31m");
        assert_eq!(name(b"\xff"), "%FF");
        assert_eq!(name(b".hidden"), "%2Ehidden");
        assert_eq!(name("김민수 2".as_bytes()), "김민수 2");
    }

    #[test]
    fn a_name_read_back_stays_in_its_folder() {
        for text in ["../x", "", "/etc", ".x", "a/b", "=1"] {
            assert!(Name::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert!(Name::try_from("kim %FF".to_owned()).is_ok());
    }
}
