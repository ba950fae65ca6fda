//! What students get, used as a student would: without network, and without anything of the course it was made from.

mod support;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use support::{Course, environment::command};
use tempfile::TempDir;

struct Student {
    folder: TempDir,
}

impl Student {
    /// Somebody who got a handout. `vendored`: with all it depends on.
    fn new(vendored: bool) -> Student {
        let folder = tempfile::tempdir().unwrap();
        support::open_to_all(folder.path());
        let mut command = Course::real().checker();
        command.arg("handout").arg(folder.path().join("course"));
        if vendored {
            command.arg("--vendor");
        }
        command.assert().success();
        Student { folder }
    }

    fn course(&self) -> PathBuf {
        self.folder.path().join("course")
    }

    /// `cargo …` in the course, without a network; and with nothing in cargo's own folder, if all comes with the course.
    fn cargo(&self, arguments: &[&str]) -> Output {
        let mut command = command(env!("CARGO"));
        command
            .current_dir(self.course())
            .args(arguments)
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TERM_COLOR", "never");
        if self.course().join("vendor").is_dir() {
            command.env("CARGO_HOME", self.folder.path().join("nothing-here"));
        }
        command.output().unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// All files of a folder, as seen from it.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            assert!(!kind.is_symlink(), "{}", entry.path().display());
            if kind.is_dir() {
                folders.push(entry.path());
            } else {
                found.insert(entry.path().strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found
}

#[test]
fn a_student_works_through_an_exercise_offline() {
    let student = Student::new(true);
    let first = student.cargo(&["run", "-p", "checker", "day2_2"]);
    assert_eq!(first.status.code(), Some(1), "{}", said(&first));
    assert!(
        said(&first).contains("hint   Begin with socket(2)")
            || said(&first).contains("not written yet"),
        "{}",
        said(&first)
    );

    let solution = include_str!("../../solutions/day2_2_echo_server/src/main.rs");
    let source = "exercises/day2_2_echo_server/src/main.rs";
    fs::write(student.course().join(source), solution).unwrap();
    let second = student.cargo(&["lab", "day2_2"]);
    assert_eq!(second.status.code(), Some(0), "{}", said(&second));

    let map = student.cargo(&["run", "-q"]);
    assert_eq!(map.status.code(), Some(0), "{}", said(&map));
    assert!(said(&map).contains("day2_2"), "{}", said(&map));

    fs::write(student.course().join(source), "fn main() { nonsense }\n").unwrap();
    let third = student.cargo(&["lab", "day2_2"]);
    assert_eq!(third.status.code(), Some(1), "{}", said(&third));
    assert!(said(&third).contains("nonsense"), "{}", said(&third));

    // The proof that the tests are right would name every mistake which they know.
    let proof = student.cargo(&["lab", "verify", "day2_2"]);
    assert_eq!(proof.status.code(), Some(2), "{}", said(&proof));
    assert!(!said(&proof).contains("never_closes"), "{}", said(&proof));
}

#[test]
fn a_handout_holds_starters_and_no_answers() {
    let student = Student::new(false);
    let found = files(&student.course());
    let name = |path: &PathBuf| path.to_string_lossy().into_owned();
    let sources: Vec<String> = found
        .iter()
        .map(name)
        .filter(|path| path.ends_with(".rs") && !path.contains("/examples/"))
        .collect();
    let mut expected: Vec<String> = checker::syllabus::EXERCISES
        .iter()
        .flat_map(|exercise| {
            let name = exercise.name;
            [
                format!("exercises/{name}/src/main.rs"),
                format!("exercises/{name}/tests/hidden.rs"),
                format!("checker/starters/{name}/src/main.rs"),
            ]
        })
        .chain(["checker/src/main.rs".to_owned()])
        .collect();
    expected.sort();
    assert_eq!(sources, expected);
    let stage = Path::new("exercises/day2_4_framing/examples/reverse_lines.rs");
    assert!(found.iter().any(|path| path == stage), "{found:?}");
    for path in found.iter().filter(|path| !path.ends_with("checker")) {
        let text = fs::read_to_string(student.course().join(path)).unwrap();
        let path = path.display();
        assert!(!text.contains("solutions/"), "{path}");
        assert!(!text.contains("expect_echo"), "{path} has a hidden test");
        assert!(
            !text.contains(env!("CARGO_MANIFEST_DIR")),
            "{path} names a folder of this machine"
        );
    }
    let readme = fs::read_to_string(student.course().join("README.md")).unwrap();
    assert!(readme.contains("## For students") && !readme.contains("## For instructors"));
    let links = readme.split("](").skip(1);
    for link in links.filter_map(|rest| rest.split(')').next()) {
        let (file, heading) = link.split_once('#').unwrap_or((link, ""));
        let is_there = link.contains("://") || student.course().join(file).exists();
        assert!(is_there && heading.is_empty(), "README.md links to {link}");
    }
}

#[test]
fn references_are_handed_out_where_the_instructor_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let handout = folder.path().join("course");
    let mut command = Course::real().checker();
    command.args(["handout", "--with-solutions"]).arg(&handout);
    command.assert().success();
    for exercise in checker::syllabus::EXERCISES {
        assert!(checker::comparison::reference(&handout, exercise).is_some());
    }
    // What makes it the instructors' course is not there.
    assert!(!handout.join("solutions").exists());
}

/// A handout that is passed on by copying it is as good as the first.
#[test]
fn a_handout_may_be_moved() {
    let student = Student::new(false);
    let build = student.cargo(&["build", "-p", "checker"]);
    assert!(build.status.success(), "{}", said(&build));
    let other = student.folder.path().join("other");
    fs::rename(student.course(), &other).unwrap();
    fs::create_dir(student.course()).unwrap();
    let output = command(env!("CARGO"))
        .current_dir(&other)
        .args(["run", "-q", "-p", "checker", "list", "day2_2"])
        .env("CARGO_NET_OFFLINE", "true")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("announces"), "{}", said(&output));
}

#[test]
fn what_somebody_wrote_is_not_handed_out_nor_written_over() {
    let names = checker::syllabus::EXERCISES.iter();
    let names: Vec<&str> = names.map(|exercise| exercise.name).collect();
    let course = Course::copy_of(&names);
    course.write(
        "exercises/day2_2_echo_server/src/main.rs",
        "fn main() { println!(\"my answer\") }\n",
    );
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("handout");
    let hand_out = |course: &Course| {
        let mut command = course.checker();
        command.arg("handout").arg(&place);
        command.output().unwrap()
    };
    let refused = hand_out(&course);
    assert_eq!(refused.status.code(), Some(3));
    assert!(
        said(&refused).contains("cargo lab reset day2_2"),
        "{}",
        said(&refused)
    );
    assert!(!place.exists(), "there whole or not at all");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    fs::create_dir(&place).unwrap();
    fs::write(place.join("mine"), "mine").unwrap();
    assert_eq!(hand_out(&Course::real()).status.code(), Some(2));
    assert_eq!(fs::read_to_string(place.join("mine")).unwrap(), "mine");
}
