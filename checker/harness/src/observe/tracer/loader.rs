//! The dynamic loader, which runs before `main` and makes calls of its own.

use std::{fs, ops::Range};

use crate::observe::processes::read_text;

/// Where the loader of a process lies in its memory, right after exec; empty if it has none.
///
/// It stays empty for musl, whose loader is the C library as well: there, the program's own calls come from it.
pub(super) fn place(pid: i32) -> Range<u64> {
    base(pid)
        .and_then(|base| mapping(pid, base))
        .unwrap_or_default()
}

/// Where the kernel has put it: AT_BASE (getauxval(3)).
fn base(pid: i32) -> Option<u64> {
    let pairs = fs::read(format!("/proc/{pid}/auxv")).ok()?;
    let word = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_ne_bytes);
    let pair = pairs
        .chunks_exact(16)
        .find(|pair| word(&pair[..8]) == Some(libc::AT_BASE))?;
    word(&pair[8..]).filter(|&base| base != 0)
}

/// All that is mapped of the file whose mapping begins there (proc_pid_maps(5)).
fn mapping(pid: i32, base: u64) -> Option<Range<u64>> {
    let maps = read_text(&format!("/proc/{pid}/maps"))?;
    let lines = maps.lines().filter_map(|line| {
        let (start, rest) = line.split_once('-')?;
        let end = rest.split(' ').next()?;
        let path = line.find('/').map_or("", |at| &line[at..]);
        Some((
            u64::from_str_radix(start, 16).ok()?,
            u64::from_str_radix(end, 16).ok()?,
            path,
        ))
    });
    let of_the_file = lines.skip_while(|(start, ..)| *start != base);
    let mut place = base..base;
    let mut file = None;
    for (_, end, path) in of_the_file {
        if path != *file.get_or_insert(path) {
            break;
        }
        place.end = end;
    }
    let name = file?.rsplit('/').next()?;
    (name.starts_with("ld-") && !name.starts_with("ld-musl")).then_some(place)
}
