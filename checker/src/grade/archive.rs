//! A submission that is an archive, .zip or .tar.gz: read as a stream of names and bytes, and never unpacked.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek},
    path::Path,
};

use flate2::read::GzDecoder;

use super::submission::{Intake, MOST_ENTRIES, Reason};

/// The largest archive, in bytes.
const LONGEST: u64 = 32 << 20;
/// How much a .tar.gz may unpack to, in bytes: all of it has to be decoded to be read.
const UNPACKED: u64 = 128 << 20;

/// Offers everything in the archive. What it is, its first bytes tell, and not its name.
pub fn read(path: &Path, intake: &mut Intake<'_>) -> Result<(), Reason> {
    let unreadable = |error: io::Error| Reason::Unreadable(error.to_string());
    let mut file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.len() > LONGEST {
        return Err(Reason::TooMuch);
    }
    let mut magic = [0; 2];
    let _ = file.read(&mut magic).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    match &magic {
        b"PK" => zip(file, intake),
        [0x1f, 0x8b] => tar(file, intake),
        _ => Err(Reason::Unreadable(
            "neither a folder, nor a .zip, nor a .tar.gz".to_owned(),
        )),
    }
}

fn zip(file: File, intake: &mut Intake<'_>) -> Result<(), Reason> {
    let unreadable = |error: zip::result::ZipError| Reason::Unreadable(error.to_string());
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(unreadable)?;
    if archive.len() > MOST_ENTRIES {
        return Err(Reason::TooMany);
    }
    for index in 0..archive.len() {
        // What cannot be decoded is refused only if it would have been taken.
        let Ok(entry) = archive.by_index_raw(index) else {
            continue;
        };
        let name = entry.name_raw().to_owned();
        let (is_link, is_folder) = (entry.is_symlink(), entry.is_dir());
        drop(entry);
        let kind = match (is_link, is_folder) {
            (true, _) => Kind::Link,
            (_, true) => Kind::Folder,
            _ => Kind::File,
        };
        let read = offer(&name, kind, intake, || archive.by_index(index));
        if let Err(reason) = read {
            intake.refuse(&[&name], reason);
        }
    }
    Ok(())
}

fn tar(file: File, intake: &mut Intake<'_>) -> Result<(), Reason> {
    let unreadable = |error: io::Error| Reason::Unreadable(error.to_string());
    let decoder = GzDecoder::new(BufReader::new(file)).take(UNPACKED);
    let mut archive = tar::Archive::new(decoder);
    let mut entries = archive.entries().map_err(unreadable)?;
    loop {
        let entry = match entries.next() {
            None => break,
            Some(Ok(entry)) => entry,
            Some(Err(error)) => {
                let is_cut = archive.into_inner().limit() == 0;
                return Err(match is_cut {
                    true => Reason::TooMuch,
                    false => unreadable(error),
                });
            }
        };
        if !intake.count() {
            return Ok(());
        }
        let name = entry.path_bytes().into_owned();
        let kind = entry.header().entry_type();
        let kind = match () {
            () if kind.is_symlink() || kind.is_hard_link() => Kind::Link,
            () if kind.is_dir() => Kind::Folder,
            () if kind.is_file() => Kind::File,
            () => Kind::Special,
        };
        if let Err(reason) = offer(&name, kind, intake, || Ok(entry)) {
            intake.refuse(&[&name], reason);
        }
    }
    Ok(())
}

enum Kind {
    File,
    Folder,
    Link,
    Special,
}

fn offer<R: Read>(
    name: &[u8],
    kind: Kind,
    intake: &mut Intake<'_>,
    open: impl FnOnce() -> zip::result::ZipResult<R>,
) -> Result<(), Reason> {
    // Some programs write the separators of their own system.
    let separator = match name.contains(&b'/') {
        true => b'/',
        false => b'\\',
    };
    let path: Vec<&[u8]> = name
        .split(|byte| *byte == separator)
        .filter(|part| !part.is_empty() && *part != b".")
        .collect();
    let climbs = name.first() == Some(&b'/') || path.contains(&&b".."[..]);
    if climbs {
        return Err(Reason::ClimbsOut);
    }
    if !intake.is_source(&path) {
        return Ok(());
    }
    match kind {
        Kind::Folder => Ok(()),
        Kind::Link => Err(Reason::Link),
        Kind::Special => Err(Reason::Special),
        Kind::File => {
            let Some(wanted) = intake.want(&path) else {
                return Ok(());
            };
            let unreadable = |error: String| Reason::Unreadable(error);
            let from = open().map_err(|error| unreadable(error.to_string()))?;
            let taken = intake.take(&path, wanted, from);
            taken.map_err(|error| unreadable(error.to_string()))
        }
    }
}
