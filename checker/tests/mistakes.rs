//! What instructors do with mistakes: write, change and prove them, and carry them over to a changed reference.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use checker::mistakes::patch::Patch;
use support::Course;

const EXERCISE: &str = "day1_2_endianness";

/// A course with one exercise, its reference and its mistakes.
fn course() -> Course {
    let course = Course::copy_of(&[EXERCISE]);
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let members = ["exercises/*", "solutions/*"];
    course.write("Cargo.toml", &checker::workspace::manifest(&members));
    for folder in ["src", "mistakes"] {
        fs::create_dir_all(solution(&course).join(folder)).unwrap();
    }
    let mut files: Vec<PathBuf> =
        fs::read_dir(real.join("solutions").join(EXERCISE).join("mistakes"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
    files.extend(
        [
            "course.md",
            "exercises/day1_2_endianness/README.md",
            "solutions/day1_2_endianness/Cargo.toml",
            "solutions/day1_2_endianness/src/main.rs",
        ]
        .map(|file| real.join(file)),
    );
    for file in files {
        let place = file.strip_prefix(real).unwrap();
        fs::copy(&file, course.root().join(place)).unwrap();
    }
    course
}

fn solution(course: &Course) -> PathBuf {
    course.root().join("solutions").join(EXERCISE)
}

fn mistake(course: &Course, name: &str) -> PathBuf {
    solution(course).join(format!("mistakes/{name}.patch"))
}

/// The checker's output for these arguments. `editor` is a command that changes the file behind it.
fn checker(course: &Course, arguments: &[&str], editor: &str) -> (Option<i32>, String) {
    let mut command = course.checker();
    command.env_remove("VISUAL").env("EDITOR", editor);
    let output = command.args(arguments).output().unwrap();
    (output.status.code(), said(&output))
}

fn said(output: &Output) -> String {
    let text = [&*output.stdout, &*output.stderr].concat();
    // Lines are folded to a width.
    let text = String::from_utf8_lossy(&text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An editor which makes this of the whole program.
fn replacing(from: &str, to: &str) -> String {
    format!("sed -i -e '3s/.*/\\/\\/! Says why./' -e 's/{from}/{to}/'")
}

#[test]
fn a_new_mistake_is_tried_out_and_stored_as_its_change() {
    let course = course();
    let editor = replacing("to_be_bytes", "to_le_bytes");
    let new = ["mistake", "new", "day1_2", "turns_all_round"];
    let (status, said) = checker(&course, &new, &editor);
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("is rejected by \"encodes a 16-bit number\""),
        "{said}"
    );
    let declare = "add \"turns_all_round\" to the `mistakes` of its `Diagnosis::WrongOutput`";
    assert!(said.contains(declare), "{said}");
    let file = fs::read_to_string(mistake(&course, "turns_all_round")).unwrap();
    let head = "Says why.\n\n--- a/src/main.rs\n+++ b/src/main.rs\n";
    assert!(file.starts_with(head), "{file}");
    assert!(file.lines().count() < 60, "{file}");
    // A name is given once.
    let (status, said) = checker(&course, &new, &editor);
    assert_eq!(status, Some(2), "{said}");
    assert!(
        said.contains("mistake edit day1_2 turns_all_round"),
        "{said}"
    );
}

#[test]
fn a_mistake_that_is_looked_at_stays_as_it_is() {
    let course = course();
    let file = mistake(&course, "host_order");
    let before = fs::read_to_string(&file).unwrap();
    let edit = ["mistake", "edit", "day1_2", "host_order"];
    let (status, said) = checker(&course, &edit, "true");
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("as declared"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
}

#[test]
fn a_draft_that_is_not_finished_is_kept_and_not_stored() {
    let course = course();
    let new = ["mistake", "new", "day1_2", "half_done"];
    let (status, said) = checker(&course, &new, "true");
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("it is the reference"), "{said}");
    let (status, said) = checker(&course, &new, &replacing("to_be_bytes", "to_no_bytes"));
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("half_done does not compile"), "{said}");
    assert!(!mistake(&course, "half_done").exists());
    // The same command goes on with the draft.
    let (status, said) = checker(&course, &new, &replacing("to_no_bytes", "to_le_bytes"));
    assert_eq!(status, Some(0), "{said}");
    assert!(mistake(&course, "half_done").exists());
}

#[test]
fn verify_names_what_is_wrong_with_mistakes_and_proves_the_others() {
    let course = course();
    rewrite(
        &course,
        "host_order",
        "ExitCode {\n",
        "ExitCode {\n    let unused = 1;\n",
    );
    rewrite(
        &course,
        "drops_zeros",
        "ExitCode {\n",
        "ExitCode {\n    nonsense;\n",
    );
    let stale = mistake(&course, "only_the_first");
    let text = fs::read_to_string(&stale).unwrap();
    fs::write(stale, text.replace("\n-  ", "\n-  was never there ")).unwrap();
    fs::copy(mistake(&course, "wraps"), mistake(&course, "nobody_knows")).unwrap();
    fs::remove_file(mistake(&course, "wraps")).unwrap();
    let (status, said) = checker(&course, &["verify", "day1_2"], "true");
    assert_eq!(status, Some(1), "{said}");
    for fault in [
        "host_order compiles with a warning, at line",
        "drops_zeros does not compile, at line",
        "only_the_first.patch no longer applies: the reference does not have the lines of the hunk at src/main.rs:",
        "mistakes/nobody_knows.patch is declared by no test",
        "there is no file solutions/day1_2_endianness/mistakes/wraps.patch",
        "5 faults: solutions that pass: 1",
    ] {
        assert!(said.contains(fault), "{fault}: {said}");
    }
}

/// Changes the program of a mistake.
fn rewrite(course: &Course, name: &str, from: &str, to: &str) {
    let reference = fs::read_to_string(solution(course).join("src/main.rs")).unwrap();
    let file = mistake(course, name);
    let patch = Patch::parse(&fs::read_to_string(&file).unwrap());
    let program = patch.apply(&reference).unwrap().replacen(from, to, 1);
    let changed = Patch::between(&reference, &program);
    assert_ne!(changed, patch);
    fs::write(file, changed.to_string()).unwrap();
}

#[test]
fn mistakes_follow_a_changed_reference() {
    if Command::new("git").arg("--version").output().is_err() {
        eprintln!("skipped: there is no git here");
        return;
    }
    let course = course();
    git(&course, &["init", "-q"]);
    git(&course, &["add", "solutions"]);
    git(
        &course,
        &[
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@x",
            "commit",
            "-qm",
            "x",
        ],
    );
    let reference = solution(&course).join("src/main.rs");
    let text = fs::read_to_string(&reference).unwrap();
    // One change far above all others, and one in the line that `host_order` changes.
    let changed = text.replacen("\n\n", "\n\n// A new line.\n\n", 1);
    let line = "encode(values, u16::to_be_bytes)";
    assert!(changed.contains(line), "{changed}");
    let changed = changed.replace(line, "encode::<u16>(values, u16::to_be_bytes)");
    fs::write(&reference, changed).unwrap();
    let before = fs::read_to_string(mistake(&course, "host_order")).unwrap();
    let rebase = ["mistake", "rebase", "day1_2"];
    let (status, said) = checker(&course, &rebase, "true");
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("conflict host_order: the reference has changed in the same place"),
        "{said}"
    );
    assert!(
        said.contains("`cargo teach mistake edit day1_2 host_order`"),
        "{said}"
    );
    // What has a conflict stays as it was; all others fit exactly now.
    let host_order = mistake(&course, "host_order");
    assert_eq!(fs::read_to_string(&host_order).unwrap(), before);
    let (_, again) = checker(&course, &rebase, "true");
    assert!(again.contains(": 0 carried over"), "{again}");
    // A person decides: here for the side of the mistake.
    let editor = "sed -i -e '/^<<<<<<</,/^=======$/d' -e '/^>>>>>>>/d'";
    let edit = ["mistake", "edit", "day1_2", "host_order"];
    let (status, said) = checker(&course, &edit, editor);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("as declared"), "{said}");
    assert_ne!(fs::read_to_string(&host_order).unwrap(), before);
}

fn git(course: &Course, arguments: &[&str]) {
    let mut git = Command::new("git");
    let status = git.arg("-C").arg(course.root()).args(arguments).status();
    assert!(status.unwrap().success(), "git {arguments:?}");
}
