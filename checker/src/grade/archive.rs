//! A submission that is an archive, .zip or .tar.gz: read as a stream of names and bytes, and never unpacked.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek},
};

use flate2::read::{DeflateDecoder, GzDecoder};
use rawzip::CompressionMethod;

use super::submission::{Reason, SourceCollector};

/// The largest archive, in bytes.
const LONGEST: u64 = 32 << 20;
/// How much a .tar.gz may unpack to, in bytes: all of it has to be decoded to be read.
const UNPACKED: u64 = 128 << 20;

/// Offers everything in the archive. What it is, its first bytes tell, and not its name.
pub fn read(mut file: File, collector: &mut SourceCollector<'_>) -> Result<(), Reason> {
    let unreadable = |error: io::Error| Reason::Unreadable(error.to_string());
    if file.metadata().map_err(unreadable)?.len() > LONGEST {
        return Err(Reason::TooMuch);
    }
    let mut magic = [0; 2];
    let _ = file.read(&mut magic).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    match &magic {
        b"PK" => zip(file, collector),
        [0x1f, 0x8b] => tar(file, collector),
        _ => Err(Reason::Unreadable(
            "neither a folder, nor a .zip, nor a .tar.gz".to_owned(),
        )),
    }
}

fn zip(mut file: File, collector: &mut SourceCollector<'_>) -> Result<(), Reason> {
    let unreadable = |error: rawzip::Error| Reason::Unreadable(error.to_string());
    let mut bytes = Vec::new();
    file.by_ref()
        .take(LONGEST)
        .read_to_end(&mut bytes)
        .map_err(|error| Reason::Unreadable(error.to_string()))?;
    let archive = rawzip::ZipArchive::from_slice(bytes).map_err(unreadable)?;
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(unreadable)? {
        if !collector.count() {
            return Ok(());
        }
        let name = entry.file_path().as_bytes().to_owned();
        let kind = match (entry.mode().is_symlink(), entry.is_dir()) {
            (true, _) => Kind::Link,
            (_, true) => Kind::Folder,
            _ => Kind::File,
        };
        if let Err(reason) = offer(&name, kind, collector, || inflate(&archive, &entry)) {
            collector.refuse(&[&name], reason);
        }
    }
    Ok(())
}

/// What an entry holds. That it is whole, its check sum tells at the end.
fn inflate<'a>(
    archive: &'a rawzip::ZipSliceArchive<Vec<u8>>,
    entry: &rawzip::ZipFileHeaderRecord<'_>,
) -> io::Result<Box<dyn Read + 'a>> {
    if entry.flags().is_encrypted() {
        return Err(io::Error::other("it is encrypted"));
    }
    let found = archive
        .get_entry(entry.wayfinder())
        .map_err(io::Error::other)?;
    let data = found.data();
    let verified: Box<dyn Read> = match entry.compression_method() {
        CompressionMethod::STORE => Box::new(found.verifying_reader(data)),
        CompressionMethod::DEFLATE => Box::new(found.verifying_reader(DeflateDecoder::new(data))),
        method => {
            return Err(io::Error::other(format!(
                "it is packed in a way that is not known here ({method:?})"
            )));
        }
    };
    Ok(verified)
}

fn tar(file: File, collector: &mut SourceCollector<'_>) -> Result<(), Reason> {
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
        if !collector.count() {
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
        if let Err(reason) = offer(&name, kind, collector, || Ok(entry)) {
            collector.refuse(&[&name], reason);
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
    collector: &mut SourceCollector<'_>,
    open: impl FnOnce() -> io::Result<R>,
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
    if !collector.is_source(&path) {
        return Ok(());
    }
    match kind {
        Kind::Folder => Ok(()),
        Kind::Link => Err(Reason::Link),
        Kind::Special => Err(Reason::Special),
        Kind::File => {
            let Some(wanted) = collector.want(&path) else {
                return Ok(());
            };
            open()
                .and_then(|from| collector.take(&path, wanted, from))
                .map_err(|error| Reason::Unreadable(error.to_string()))
        }
    }
}
