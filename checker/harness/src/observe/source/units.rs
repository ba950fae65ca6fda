//! The parts of a program, of one compiler call each, and whose they are: `.debug_info`, the first entry of each part
//! (DWARF 5, sections 3.1 and 7.5; DWARF 2 to 4, the same).

use std::iter;

use super::{
    Sections,
    forms::{self, PlaceSize, Value},
    lines::SourceFile,
};
use crate::observe::cursor::Cursor;

/// What the path of a library's source has in it: the standard library's folder is renamed so, and cargo keeps the
/// others there.
const FOREIGN: [&str; 3] = ["/rustc/", "/registry/src/", "/git/checkouts/"];
/// The folders with the packages of a course.
const PACKAGES: [&str; 2] = ["exercises", "solutions"];
/// Where cargo keeps libraries in the folder of a workspace.
const VENDOR: &str = "vendor";
/// The longest name of a file that is told.
const LONGEST: usize = 200;
/// How many parts are looked at; a student's program has a hundred.
const MOST: usize = 10_000;
/// The longest description of the first entry of a part, with those before it.
const LONGEST_DESCRIPTION: usize = 4096;

/// A part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    /// The folder in which it was compiled.
    pub folder: String,
    /// The file that was compiled, as the compiler was told.
    pub name: String,
    /// Where its lines begin in `.debug_line`.
    pub lines: u64,
}

/// All parts with lines, as far as they are understood, but for those of libraries; in the order of their lines.
pub(super) fn all(sections: &Sections) -> Vec<Unit> {
    let mut cursor = Cursor::new(&sections.info);
    let parts = iter::from_fn(|| forms::part(&mut cursor)).take(MOST);
    let mut units: Vec<Unit> = parts
        .filter_map(|(size, bytes)| unit(sections, size, bytes))
        .filter(|unit| !is_foreign(&unit.folder))
        .collect();
    units.sort_by_key(|unit| unit.lines);
    units
}

fn unit(sections: &Sections, size: PlaceSize, bytes: &[u8]) -> Option<Unit> {
    const COMPILED: u8 = 1;
    let mut cursor = Cursor::new(bytes);
    let descriptions = match cursor.u16()? {
        5 => {
            let (kind, address_size) = (cursor.u8()?, cursor.u8()?);
            ((kind, address_size) == (COMPILED, 8)).then_some(())?;
            cursor.number(size)?
        }
        2..=4 => {
            let descriptions = cursor.number(size)?;
            (cursor.u8()? == 8).then_some(descriptions)?
        }
        _ => return None,
    };
    let code = cursor.unsigned()?;
    let mut description = description(&sections.descriptions, descriptions, code)?;
    let (mut unit, mut lines) = (Unit::default(), None);
    loop {
        const NAME: u64 = 0x03;
        const LINES: u64 = 0x10;
        const FOLDER: u64 = 0x1b;
        const IN_THE_DESCRIPTION: u64 = 0x21;
        let (what, form) = (description.unsigned()?, description.unsigned()?);
        if (what, form) == (0, 0) {
            break;
        }
        if form == IN_THE_DESCRIPTION {
            description.signed()?;
        }
        match (what, forms::read(&mut cursor, form, size)?) {
            (LINES, Value::Number(place)) => lines = Some(place),
            (NAME, value) => unit.name = sections.text(value).unwrap_or_default(),
            (FOLDER, value) => unit.folder = sections.text(value).unwrap_or_default(),
            _ => (),
        }
    }
    Some(Unit {
        lines: lines?,
        ..unit
    })
}

/// The description of an entry: pairs of what a value is, and its form.
fn description(descriptions: &[u8], start: u64, wanted: u64) -> Option<Cursor<'_>> {
    const IN_THE_DESCRIPTION: u64 = 0x21;
    let start = usize::try_from(start).ok()?;
    let descriptions = descriptions.get(start..)?;
    let end = descriptions.len().min(LONGEST_DESCRIPTION);
    let mut cursor = Cursor::new(&descriptions[..end]);
    loop {
        let code = cursor.unsigned()?;
        // What kind of entry it is, and whether others are in it.
        cursor.unsigned()?;
        cursor.u8()?;
        if code == wanted {
            return Some(cursor);
        }
        loop {
            let (what, form) = (cursor.unsigned()?, cursor.unsigned()?);
            if form == IN_THE_DESCRIPTION {
                cursor.signed()?;
            }
            if (what, form) == (0, 0) {
                break;
            }
        }
    }
}

fn is_foreign(path: &str) -> bool {
    // A folder is one of these, too, without the slash at its end.
    let path = format!("{path}/");
    FOREIGN.iter().any(|foreign| path.contains(foreign))
}

impl Unit {
    /// A file as its author knows it: relative to the folder of the package, or to the one in which it was compiled.
    /// None for the files of others.
    pub fn name_of(&self, file: &SourceFile) -> Option<String> {
        let folder = String::from_utf8_lossy(&file.folder);
        let name = String::from_utf8_lossy(&file.name);
        let path = join(&join(&self.folder, &folder), &name);
        if is_foreign(&path) {
            return None;
        }
        // rustc compiles a crate in pieces, and says so behind this.
        let name = self.name.split("/@/").next().unwrap_or_default();
        let compiled = join(&self.folder, name);
        let told = match path == compiled {
            true => beneath(&path, &self.folder)
                .filter(|path| !path.starts_with("../"))
                .or_else(|| path.rsplit('/').next()),
            // What lies beside the file that was compiled is of the same author.
            false => beneath(&path, &self.folder)
                .or_else(|| beneath(&path, compiled.rsplit_once('/')?.0)),
        };
        let told = within_package(told?);
        let is_foreign = told.split('/').any(|part| part == "..") || told.starts_with(VENDOR);
        (!told.is_empty() && !is_foreign && told.len() <= LONGEST).then(|| told.to_owned())
    }
}

/// A path as seen from a folder; without the `.` in its middle, which compilers leave there.
fn join(folder: &str, path: &str) -> String {
    let path = path.trim_start_matches("./");
    match path {
        "" | "." => folder.to_owned(),
        path if path.starts_with('/') || folder.is_empty() => path.to_owned(),
        path => format!("{}/{path}", folder.trim_end_matches('/')),
    }
}

/// What a path has behind a folder, which is not the root of all.
fn beneath<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let folder = folder.trim_end_matches('/');
    match folder {
        "" if path.starts_with('/') => None,
        "" => Some(path),
        folder => path.strip_prefix(folder)?.strip_prefix('/'),
    }
}

/// The packages of a course lie in folders of one level; in one, the file is `src/main.rs`.
fn within_package(path: &str) -> &str {
    let mut parts = path.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(packages), Some(_), Some(rest)) if PACKAGES.contains(&packages) => rest,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(compiled_in: &str, compiled: &str, folder: &str, name: &str) -> Option<String> {
        let unit = Unit {
            folder: compiled_in.to_owned(),
            name: compiled.to_owned(),
            lines: 0,
        };
        unit.name_of(&SourceFile {
            folder: folder.into(),
            name: name.into(),
        })
    }

    #[test]
    fn a_file_is_told_as_its_author_knows_it() {
        let unit = "exercises/day2_2_echo_server/src/main.rs/@/05kziqm6";
        let package = "exercises/day2_2_echo_server/src";
        for (compiled_in, compiled, folder, name, expected) in [
            ("/home/me/lab", unit, package, "main.rs", "src/main.rs"),
            (
                "/home/me/lab",
                unit,
                "exercises/a/src/net",
                "io.rs",
                "src/net/io.rs",
            ),
            ("/home/me", "main.c", "/home/me", "main.c", "main.c"),
            ("/home/me", "main.c", "", "main.c", "main.c"),
            ("/home/me", "./src/main.c", "src", "main.c", "src/main.c"),
            ("/home/me", "../c/main.c", "../c", "main.c", "main.c"),
            ("/tmp", "/home/me/main.c", "/home/me", "main.c", "main.c"),
            ("/tmp", "/home/me/main.c", "/home/me", "net.h", "net.h"),
            ("/", "/home/me/main.c", "/home/me", "main.c", "main.c"),
            (
                "/tmp",
                "/home/me/a.rs/@/05kziqm6",
                "/home/me",
                "a.rs",
                "a.rs",
            ),
        ] {
            assert_eq!(
                told(compiled_in, compiled, folder, name).as_deref(),
                Some(expected)
            );
        }
    }

    #[test]
    fn files_of_others_are_not_told() {
        let unit = "exercises/a/src/main.rs/@/05kziqm6";
        let std = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860";
        let nix = "/home/me/.cargo/registry/src/index.crates.io-1949cf8c/nix-0.31.3/src";
        for (compiled_in, compiled, folder, name) in [
            ("/home/me/lab", unit, std, "library/std/src/io/stdio.rs"),
            ("/home/me/lab", unit, nix, "unistd.rs"),
            (
                "/home/me/lab",
                unit,
                "/home/me/lab/vendor/nix/src",
                "unistd.rs",
            ),
            (std, "library/std/src/lib.rs", "library/std/src", "lib.rs"),
            (
                "/home/me",
                "main.c",
                "/usr/include/x86_64-linux-gnu/bits",
                "unistd.h",
            ),
            ("/home/me", "main.c", "../other", "net.c"),
        ] {
            assert_eq!(
                told(compiled_in, compiled, folder, name),
                None,
                "{folder}/{name}"
            );
        }
    }
}
