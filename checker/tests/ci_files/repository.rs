//! What an engine starts from: a repository with a small class in it, and the commands of a runner, of which some only
//! say what they would do.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
    time::Duration,
};

use tempfile::TempDir;

use crate::support::{self, Course, checker_program, environment, skipped::skipped};

pub const EXERCISE: &str = "day2_2_echo_server";
pub const RIGHT: &str = include_str!("../../../solutions/day2_2_echo_server/src/main.rs");
pub static WRONG: LazyLock<String> = LazyLock::new(|| {
    let exercise = checker::syllabus::find(EXERCISE).unwrap();
    support::program_of(exercise, "never_closes")
});
pub const BROKEN: &str = "fn main() { let port: u16 = \"80\"; }\n";
/// Prints what engines would take for commands, and reaches for what is not its own: the grader's process, and the
/// places where results go.
pub const HOSTILE: &str = r##"
use std::{fs, process::Command};

fn main() {
    println!("::error::OWNED\n##[error]OWNED\nlistening 127.0.0.1:1\n{{\"scores\": {{\"P1\": 100}}}}");
    for path in ["results", "../results", "/autograder/results", "/tmp"] {
        let _ = fs::write(format!("{path}/results.json"), "{\"score\": 1000, \"output\": \"OWNED\"}");
    }
    let _ = Command::new("sh").args(["-c", "kill -9 $PPID; (sleep 600 &) ; :>result.json"]).status();
    // SAFETY: takes numbers.
    unsafe { libc::kill(libc::getppid(), libc::SIGKILL) };
}
"##;

/// The class, and what each submission deserves: all points, some, or none.
pub fn class() -> [(&'static str, &'static str, Deserves); 5] {
    [
        ("alice", RIGHT, Deserves::All),
        ("bob", &WRONG, Deserves::Some),
        ("carol", BROKEN, Deserves::Nothing),
        ("dave", HOSTILE, Deserves::Nothing),
        ("erin", RIGHT, Deserves::All),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deserves {
    All,
    Some,
    Nothing,
}

/// The points of the exercise.
pub fn all_points() -> u64 {
    u64::from(checker::syllabus::find(EXERCISE).unwrap().points())
}

impl Deserves {
    pub fn expect(self, who: &str, points: u64) {
        let all = all_points();
        let found = match points {
            0 => Deserves::Nothing,
            points if points == all => Deserves::All,
            _ => Deserves::Some,
        };
        assert_eq!(found, self, "{who} has {points} of {all} points");
    }
}

/// A file of `checker/ci`, or of the course's own folder.
pub fn course_file(path: &str) -> PathBuf {
    Course::real().root().join(path)
}

pub fn text_of(path: &str) -> String {
    fs::read_to_string(course_file(path)).unwrap()
}

/// A file for an engine as data.
pub fn yaml(path: &str) -> serde_json::Value {
    serde_norway::from_str(&text_of(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub struct Repository {
    folder: TempDir,
    /// Whether this machine contains a submission well enough for `--strict`.
    is_fit: bool,
}

impl Repository {
    pub fn new() -> Repository {
        let folder = tempfile::tempdir().unwrap();
        support::open_to_all(folder.path());
        for inner in ["repository", "bin", "tmp", "artifacts"] {
            fs::create_dir(folder.path().join(inner)).unwrap();
        }
        fs::set_permissions(
            folder.path().join("tmp"),
            fs::Permissions::from_mode(0o1777),
        )
        .unwrap();
        let doctor = Course::real().checker().arg("doctor").output().unwrap();
        let doctor = String::from_utf8(doctor.stdout).unwrap();
        let is_fit = !doctor.contains("not enough for programs");
        if !is_fit {
            skipped("the part with --strict, which this machine does not allow");
        }
        let repository = Repository { folder, is_fit };
        repository.command("sudo", "echo \"$*\" >> \"$SUDO_LOG\"");
        repository
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What `sudo` was asked for, a line each.
    pub fn done_as_root(&self) -> String {
        fs::read_to_string(self.path("sudo")).unwrap_or_default()
    }

    /// A command that a runner has.
    pub fn command(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// `checker` is the checker of this course.
    pub fn has_checker(&self) {
        self.command(
            "checker",
            &format!("exec '{}' \"$@\"", checker_program().display()),
        );
    }

    /// `cargo run -p checker` starts the checker of this course; to build it once more would take minutes.
    pub fn runs_checker(&self) {
        let checker = checker_program();
        self.command(
            "cargo",
            &format!(
                "case \"$*\" in\n'run -q -p checker -- '*) shift 5 ;;\n\
                 'run -q -p checker --features instructor -- '*) shift 7 ;;\n\
                 *) echo \"not known here: cargo $*\" >&2; exit 99 ;;\nesac\nexec '{}' \"$@\"",
                checker.display()
            ),
        );
    }

    /// Puts the class into a folder.
    pub fn class_in(&self, folder: &Path) {
        for (name, source, _) in class() {
            let place = folder.join(name).join("exercises").join(EXERCISE);
            fs::create_dir_all(place.join("src")).unwrap();
            fs::write(place.join("src/main.rs"), source).unwrap();
        }
    }

    /// Runs a program as an engine does, with its own variables and a runner's.
    pub fn engine(&self, folder: &Path, program: &str, arguments: &[&str]) -> Command {
        let mut command = environment::command(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .args(arguments)
            .current_dir(folder)
            .env(
                "PATH",
                format!("{}:{path}", self.path("bin").to_str().unwrap()),
            )
            .env("TMPDIR", self.path("tmp"))
            .env("SUDO_LOG", self.path("sudo"))
            .env("CI", if self.is_fit { "true" } else { "false" })
            .env("CARGO_NET_OFFLINE", "true");
        command
    }

    /// Nothing that a run has started or made is there any more.
    pub fn expect_clean(&self) {
        let tmp = self.path("tmp");
        support::wait_until(
            "no folder or process is left",
            Duration::from_secs(120),
            || {
                fs::read_dir(&tmp).unwrap().count() == 0
                    && support::processes_with(tmp.to_str().unwrap()) == 0
            },
        );
    }

    /// The gradebook gives each of the class what it deserves.
    pub fn expect_gradebook(&self, folder: &Path) {
        let csv = fs::read_to_string(folder.join("gradebook.csv")).unwrap();
        let lines: Vec<&str> = csv.lines().skip(1).collect();
        assert_eq!(lines.len(), class().len(), "{csv}");
        for (line, (name, _, deserves)) in lines.iter().zip(class()) {
            let mut fields = line.split(',');
            assert_eq!(fields.next(), Some(name), "{csv}");
            deserves.expect(name, fields.next().unwrap().parse().unwrap());
        }
    }
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Copies a folder's visible files, as an artifact is made of them.
pub fn copy_visible(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        match entry.file_type().unwrap().is_dir() {
            true => copy_visible(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}
