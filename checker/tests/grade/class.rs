//! A class, and what each submission of it deserves.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File, Permissions},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use checker::exercise::Exercise;
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use tempfile::TempDir;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::support::{self, environment};

pub const NAME: &str = "day2_2_echo_server";
pub const RIGHT: &str = include_str!("../../../solutions/day2_2_echo_server/src/main.rs");
pub const STARTER: &str = include_str!("../../../exercises/day2_2_echo_server/src/main.rs");

/// What a submission deserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deserves {
    /// All points.
    All,
    /// None, because there is no program.
    NoProgram,
    /// It has a program, which passes no test.
    Nothing,
    /// It fails first in the test that declares this mistake.
    Mistake(&'static str),
}

/// A class in a folder of its own, and the place of its grades. Temporary files have another one, whose path says nothing
/// about it.
pub struct Class {
    folder: TempDir,
    temporary: TempDir,
    pub deserved: BTreeMap<String, Deserves>,
}

impl Class {
    pub fn new() -> Class {
        let folder = tempfile::tempdir().unwrap();
        let temporary = tempfile::tempdir().unwrap();
        support::open_to_all(folder.path());
        fs::create_dir(folder.path().join("class")).unwrap();
        // Programs of root's checker are nobody's, and have their folders here.
        fs::set_permissions(temporary.path(), Permissions::from_mode(0o1777)).unwrap();
        Class {
            folder,
            temporary,
            deserved: BTreeMap::new(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where temporary files lie.
    pub fn tmp(&self) -> &Path {
        self.temporary.path()
    }

    /// The place of one more submission.
    pub fn add(&mut self, name: &str, deserves: Deserves) -> PathBuf {
        let known = name.trim_end_matches(".zip").trim_end_matches(".tar.gz");
        let is_new = self.deserved.insert(known.to_owned(), deserves);
        assert_eq!(is_new, None, "{name} is there already");
        self.path("class").join(name)
    }

    /// A submission with these files below the folder of the exercise.
    pub fn folder(&mut self, name: &str, deserves: Deserves, files: &[(&str, &str)]) -> PathBuf {
        let root = self.add(name, deserves);
        for (path, content) in files {
            let path = root.join("exercises").join(NAME).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    /// `main.rs` alone.
    pub fn program(&mut self, name: &str, deserves: Deserves, source: &str) {
        self.folder(name, deserves, &[("src/main.rs", source)]);
    }

    /// A program that leaves daemons behind, fills its output, and asks for points there.
    pub fn hostile(&mut self, name: &str) {
        let source = r#"
            fn main() {
                for _ in 0..20 {
                    let _ = std::process::Command::new("setsid").args(["sleep", "NAP"]).spawn();
                }
                loop { println!("::set-output name=points::30"); }
            }
        "#;
        let source = source.replace("NAP", &self.nap());
        self.program(name, Deserves::Nothing, &source);
    }

    /// How long the daemons of this class sleep, in seconds: nobody else does.
    fn nap(&self) -> String {
        let name = self.folder.path().to_string_lossy();
        format!(
            "4711.{}",
            name.bytes()
                .map(|byte| u32::from(byte).to_string())
                .collect::<String>()
        )
    }

    pub fn zip(&mut self, name: &str, deserves: Deserves, files: &[(&str, &[u8])]) {
        let path = self.add(name, deserves);
        let mut archive = ZipWriter::new(File::create(path).unwrap());
        for (name, content) in files {
            archive
                .start_file(*name, SimpleFileOptions::default())
                .unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap();
    }

    pub fn tar(&mut self, name: &str, deserves: Deserves, fill: impl FnOnce(&mut Tar)) {
        let path = self.add(name, deserves);
        let encoder = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
        let mut archive = tar::Builder::new(encoder);
        fill(&mut archive);
        archive.into_inner().unwrap().finish().unwrap();
    }

    pub fn checker(&self) -> Command {
        self.started(support::checker_program())
    }

    fn started(&self, checker: &Path) -> Command {
        let mut command = environment::command(checker);
        command
            .current_dir(self.folder.path())
            .env("TMPDIR", self.tmp())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The command that grades all of it into `out`, with the same random bytes each time.
    pub fn grade(&self, out: &str) -> Command {
        self.grade_with(support::checker_program(), out)
    }

    /// The same command of this checker.
    pub fn grade_with(&self, checker: &Path, out: &str) -> Command {
        let mut command = self.started(checker);
        command.args([
            "grade",
            "--exercise",
            "day2_2",
            "--seed=7",
            // Several times what a right program takes.
            "--build-limit=4",
            "--out",
            out,
        ]);
        let mut paths: Vec<PathBuf> = fs::read_dir(self.path("class"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        command.args(paths);
        command
    }

    pub fn graded(&self, out: &str, name: &str) -> Value {
        let path = self
            .path(out)
            .join("submissions")
            .join(format!("{name}.json"));
        serde_json::from_slice(
            &fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        )
        .unwrap()
    }

    pub fn results(&self, out: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let Ok(entries) = fs::read_dir(self.path(out).join("submissions")) else {
            return BTreeMap::new();
        };
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension() == Some(OsStr::new("json")))
            .map(|path| (path.clone(), fs::read(&path).unwrap()))
            .collect()
    }

    pub fn csv(&self, out: &str) -> String {
        fs::read_to_string(self.path(out).join("gradebook.csv")).unwrap()
    }

    /// Nothing that a run has started or made is there any more.
    pub fn expect_clean(&self) {
        let tmp = self.tmp();
        wait_until("all processes have ended", || {
            support::processes_with(tmp.to_str().unwrap()) == 0
                && support::processes_with(&self.nap()) == 0
        });
        wait_until("all folders are gone", || {
            fs::read_dir(tmp).unwrap().count() == 0
        });
    }
}

pub type Tar = tar::Builder<GzEncoder<File>>;

pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    support::wait_until(what, Duration::from_secs(300), condition);
}

pub fn finished(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

pub fn exercise() -> &'static Exercise {
    checker::syllabus::find(NAME).unwrap()
}

/// The points of the tests before the one that declares a mistake: those pass, as `checker verify` proves.
pub fn test_of(mistake: &str) -> &'static str {
    let mut tests = exercise().tests.iter();
    tests
        .find(|test| test.mistakes().any(|known| known.name == mistake))
        .unwrap_or_else(|| panic!("no test declares {mistake}"))
        .name
}

pub fn solution_of(mistake: &str) -> String {
    support::program_of(exercise(), mistake)
}

pub fn inside(file: &str) -> String {
    format!("exercises/{NAME}/{file}")
}

/// Every submission has the points it deserves.
pub fn expect_deserved(class: &Class, out: &str) {
    expect_deserved_where(class, out, true);
}

/// The same, on a machine where perhaps some tests are not checked: they are neither passed nor failed.
pub fn expect_deserved_where(class: &Class, out: &str, is_all_checked: bool) {
    for (name, deserves) in &class.deserved {
        let graded = class.graded(out, name);
        let report = &graded["report"];
        let exercise_report = &report["exercises"][0];
        assert_eq!(graded["trouble"], Value::Null, "{name}");
        assert_eq!(report["max_points"], exercise().points(), "{name}");
        let has_program = exercise_report["no_program"].is_null();
        let points = report["points"].as_u64().unwrap();
        let tests = exercise_report["tests"].as_array().unwrap();
        let is_checked = |test: &&Value| test["status"] != "not-checked";
        let all_checked = tests.iter().all(|test| is_checked(&test));
        assert!(all_checked || !is_all_checked, "{name}: {report:#}");
        let first_failed = tests
            .iter()
            .filter(is_checked)
            .find(|test| test["status"] != "passed");
        match deserves {
            Deserves::All => {
                assert!(has_program && first_failed.is_none(), "{name}: {report:#}");
                let all = u64::from(exercise().points());
                assert_eq!(points == all, is_all_checked, "{name}: {report:#}");
            }
            Deserves::NoProgram => assert!(!has_program && points == 0, "{name}: {report:#}"),
            Deserves::Nothing => assert!(has_program && points == 0, "{name}: {report:#}"),
            Deserves::Mistake(mistake) => {
                assert_eq!(first_failed.unwrap()["name"], test_of(mistake), "{name}");
            }
        }
    }
}
