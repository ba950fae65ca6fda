//! A folder for grades that was there before, with links in it, and submissions that are no files.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, symlink},
    path::Path,
};

use nix::{sys::stat::Mode, unistd::mkfifo};

use crate::class::{Class, Deserves, finished};

#[test]
fn nothing_is_read_or_written_through_a_link() {
    let mut class = Class::new();
    fs::create_dir(class.add("anna", Deserves::NoProgram)).unwrap();
    mkfifo(&class.add("ben.zip", Deserves::NoProgram), Mode::S_IRWXU).unwrap();
    let secret = class.path("secret");
    fs::write(&secret, "secret").unwrap();
    symlink(&secret, class.add("chris.zip", Deserves::NoProgram)).unwrap();
    let out = class.path("out");
    for inner in ["submissions", "feedback"] {
        fs::create_dir_all(out.join(inner)).unwrap();
    }
    let own = [
        "gradebook.csv",
        "feedback/anna.txt",
        "submissions/anna.json",
    ];
    for file in own.into_iter().chain(["feedback/anna.xml"]) {
        symlink(&secret, out.join(file)).unwrap();
    }
    mkfifo(&out.join("submissions/ben.json"), Mode::S_IRWXU).unwrap();
    let is_untouched = || fs::read_to_string(&secret).unwrap() == "secret";
    let (status, _, stderr) = finished(&mut class.grade("out"));
    assert_eq!(status, Some(0), "{stderr}");
    assert!(is_untouched());
    for file in own.into_iter().chain(["submissions/ben.json"]) {
        assert!(
            out.join(file).symlink_metadata().unwrap().is_file(),
            "{file}"
        );
    }
    assert!(out.join("feedback/anna.xml").symlink_metadata().is_err());
    for (name, because) in [("ben", "special"), ("chris", "link")] {
        let refusals = &class.graded("out", name)["refusals"];
        assert_eq!(refusals[0]["because"], because, "{refusals}");
    }

    // Where a link is in the place of a folder, or of a file that is only opened, nothing is graded.
    let elsewhere = class.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let in_a_new_folder = |name: &str, target: &Path| {
        let out = tempfile::tempdir_in(class.path("")).unwrap();
        symlink(target, out.path().join(name)).unwrap();
        let (status, _, stderr) = finished(&mut class.grade(out.path().to_str().unwrap()));
        assert_eq!(status, Some(3), "{name}: {stderr}");
        // It is folded to the width of a terminal.
        let words: Vec<&str> = stderr.split_whitespace().collect();
        assert!(
            words.join(" ").contains("a symbolic link is there"),
            "{name}: {stderr}"
        );
        assert!(is_untouched());
    };
    in_a_new_folder("feedback", &elsewhere);
    in_a_new_folder("submissions", &elsewhere);
    in_a_new_folder(".lock", &secret);
    in_a_new_folder(".lock", &class.path("made"));
    in_a_new_folder("run.json", &secret);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    assert!(!class.path("made").exists());
    let archive = class.path("class/ben.zip").symlink_metadata().unwrap();
    assert!(archive.file_type().is_fifo());
}
