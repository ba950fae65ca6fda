//! Where submissions are built and tested. A program learns the path of its own file and of its folder, from its
//! arguments, from /proc and from the compiler, and may print it; its author gets to read that. So this place must not
//! tell where the class lies, nor who is in it.

use std::path::{Component, Path, PathBuf};

use nix::{
    sys::statvfs::{FsFlags, statvfs},
    unistd::{AccessFlags, access},
};

use crate::build::host;

/// Folders for temporary files that most machines have, so that their names tell nothing.
const EVERYWHERE: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];
/// Folders in which both a class and temporary files may lie, and neither tells of the other.
const COMMON: [&str; 8] = [
    "/", "/dev", "/home", "/media", "/mnt", "/srv", "/usr", "/var",
];

/// A folder for temporary files: `wanted`, if its path has nothing to do with any of these, and else one that every
/// machine has. `None` where none of those can be used.
pub fn neutral(wanted: &Path, class: &[PathBuf]) -> Option<PathBuf> {
    choose(wanted, class, &EVERYWHERE.map(Path::new), is_usable)
}

fn choose(
    wanted: &Path,
    class: &[PathBuf],
    others: &[&Path],
    is_usable: impl Fn(&Path) -> bool,
) -> Option<PathBuf> {
    let wanted = real(wanted);
    let is_neutral = |place: &Path| class.iter().all(|path| !tells_of(place, &real(path)));
    let others = others.iter().map(|place| real(place));
    [wanted.clone()]
        .into_iter()
        .chain(others)
        .find(|place| is_neutral(place) && (*place == wanted || is_usable(place)))
}

/// Whether the path of a folder reveals a part of the path to another place.
fn tells_of(folder: &Path, other: &Path) -> bool {
    let both = folder.components().zip(other.components());
    let common: PathBuf = both
        .take_while(|(one, other)| one == other)
        .map(|(one, _)| one)
        .collect();
    let is_everybodys = |path: &str| Path::new(path) == common;
    !COMMON.into_iter().chain(EVERYWHERE).any(is_everybodys)
}

/// The path without links, as /proc shows it. What is not there yet is below something that is.
fn real(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let known = absolute
        .ancestors()
        .find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, real)) = known else {
        return absolute;
    };
    let below = absolute.strip_prefix(above).unwrap_or(Path::new(""));
    below.components().fold(real, |mut real, part| {
        match part {
            Component::Normal(name) => real.push(name),
            Component::ParentDir => _ = real.pop(),
            _ => (),
        }
        real
    })
}

/// Whether this user can make programs there and execute them, and there is room for a build.
fn is_usable(folder: &Path) -> bool {
    let all = AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK;
    let Ok(disk) = statvfs(folder) else {
        return false;
    };
    let free = disk.blocks_available().saturating_mul(disk.fragment_size());
    access(folder, all).is_ok()
        && !disk.flags().contains(FsFlags::ST_NOEXEC)
        && free >= host::NEEDED
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(wanted: &str, class: &[&str]) -> Option<PathBuf> {
        let class: Vec<PathBuf> = class.iter().map(PathBuf::from).collect();
        choose(
            Path::new(wanted),
            &class,
            &[Path::new("/tmp"), Path::new("/var/tmp")],
            |place| place.ends_with("var/tmp"),
        )
    }

    #[test]
    fn a_folder_for_temporary_files_is_taken_unless_its_path_tells_of_the_class() {
        for (wanted, class) in [
            ("/tmp", &["/no/class/anna", "/no/grades"][..]),
            ("/tmp", &["/tmp/class/anna"]),
            ("/no/tmp", &["/home/teacher/class/anna"]),
            ("/home/no/tmp", &["/home/teacher/class/anna"]),
        ] {
            assert_eq!(chosen(wanted, class), Some(wanted.into()), "{class:?}");
        }
        for (wanted, class) in [
            ("/no/tmp", &["/no/class/anna"][..]),
            ("/no/class/anna", &["/no/class/anna"]),
            ("/no", &["/no/class/anna"]),
            (
                "/tmp/no/../class",
                &["/elsewhere/anna", "/tmp/class/grades"],
            ),
            ("/home/teacher/tmp", &["/home/teacher/class.zip"]),
        ] {
            let other = Some("/var/tmp".into());
            assert_eq!(chosen(wanted, class), other, "{wanted} {class:?}");
        }
        let class = [PathBuf::from("/no/class")];
        assert_eq!(choose(Path::new("/no/tmp"), &class, &[], |_| true), None);
    }

    #[test]
    fn a_link_is_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let (class, link) = (folder.path().join("class"), folder.path().join("link"));
        std::fs::create_dir(&class).unwrap();
        std::os::unix::fs::symlink(&class, &link).unwrap();
        assert_eq!(real(&link.join("anna")), real(&class).join("anna"));
    }
}
