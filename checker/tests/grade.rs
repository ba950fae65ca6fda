//! A class is graded: right, wrong, broken and hostile submissions, each with the points it deserves, whatever the
//! others are, and also when the grader is killed and started again.

mod support;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File, Permissions},
    io::{Read, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use checker::exercise::Exercise;
use flate2::{Compression, write::GzEncoder};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;
use zip::{ZipWriter, write::SimpleFileOptions};

const NAME: &str = "day2_2_echo_server";
const RIGHT: &str = include_str!("../../solutions/day2_2_echo_server/src/main.rs");
const STARTER: &str = include_str!("../../exercises/day2_2_echo_server/src/main.rs");

/// What a submission deserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deserves {
    /// All points.
    All,
    /// None, because there is no program.
    NoProgram,
    /// It has a program, which passes no test.
    Nothing,
    /// It fails first in the test that declares this mistake.
    Mistake(&'static str),
}

/// A class in a folder of its own, and the place of its grades.
struct Class {
    folder: TempDir,
    deserved: BTreeMap<String, Deserves>,
}

impl Class {
    fn new() -> Class {
        let folder = tempfile::tempdir().unwrap();
        support::open_to_all(folder.path());
        for inner in ["class", "tmp"] {
            fs::create_dir(folder.path().join(inner)).unwrap();
        }
        // Programs of root's checker are nobody's, and have their folders here.
        fs::set_permissions(folder.path().join("tmp"), Permissions::from_mode(0o1777)).unwrap();
        Class {
            folder,
            deserved: BTreeMap::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The place of one more submission.
    fn add(&mut self, name: &str, deserves: Deserves) -> PathBuf {
        let known = name.trim_end_matches(".zip").trim_end_matches(".tar.gz");
        let is_new = self.deserved.insert(known.to_owned(), deserves);
        assert_eq!(is_new, None, "{name} is there already");
        self.path("class").join(name)
    }

    /// A submission with these files below the folder of the exercise.
    fn folder(&mut self, name: &str, deserves: Deserves, files: &[(&str, &str)]) -> PathBuf {
        let root = self.add(name, deserves);
        for (path, content) in files {
            let path = root.join("exercises").join(NAME).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    /// `main.rs` alone.
    fn program(&mut self, name: &str, deserves: Deserves, source: &str) {
        self.folder(name, deserves, &[("src/main.rs", source)]);
    }

    fn zip(&mut self, name: &str, deserves: Deserves, files: &[(&str, &[u8])]) {
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

    fn tar(&mut self, name: &str, deserves: Deserves, fill: impl FnOnce(&mut Tar)) {
        let path = self.add(name, deserves);
        let encoder = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
        let mut archive = tar::Builder::new(encoder);
        fill(&mut archive);
        archive.into_inner().unwrap().finish().unwrap();
    }

    fn checker(&self) -> Command {
        let mut command = Command::new(support::Course::real().checker().get_program());
        command
            .current_dir(self.folder.path())
            .env("TMPDIR", self.path("tmp"))
            .env_remove("CI")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The command that grades all of it into `out`, with the same random bytes each time.
    fn grade(&self, out: &str) -> Command {
        let mut command = self.checker();
        command.args([
            "grade",
            "--exercise",
            "day2_2",
            "--seed=7",
            "--build-limit=15",
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

    fn graded(&self, out: &str, name: &str) -> Value {
        let path = self
            .path(out)
            .join("submissions")
            .join(format!("{name}.json"));
        serde_json::from_slice(
            &fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        )
        .unwrap()
    }

    fn results(&self, out: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let Ok(entries) = fs::read_dir(self.path(out).join("submissions")) else {
            return BTreeMap::new();
        };
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension() == Some(OsStr::new("json")))
            .map(|path| (path.clone(), fs::read(&path).unwrap()))
            .collect()
    }

    fn csv(&self, out: &str) -> String {
        fs::read_to_string(self.path(out).join("gradebook.csv")).unwrap()
    }

    /// Nothing that a run has started or made is there any more.
    fn expect_clean(&self) {
        let tmp = self.path("tmp");
        wait_until("all processes have ended", || {
            support::processes_with(tmp.to_str().unwrap()) == 0
        });
        wait_until("all folders are gone", || {
            fs::read_dir(&tmp).unwrap().count() == 0
        });
    }
}

type Tar = tar::Builder<GzEncoder<File>>;

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(Instant::now() < deadline, "not until the deadline: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn finished(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn exercise() -> &'static Exercise {
    checker::syllabus::find(NAME).unwrap()
}

/// The points of the tests before the one that declares a mistake: those pass, as `checker verify` proves.
fn test_of(mistake: &str) -> &'static str {
    let mut tests = exercise().tests.iter();
    tests
        .find(|test| test.mistakes.iter().any(|known| known.program == mistake))
        .unwrap_or_else(|| panic!("no test declares {mistake}"))
        .name
}

fn solution_of(mistake: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("../solutions/{NAME}/src/bin/day2_2_{mistake}.rs"));
    fs::read_to_string(path).unwrap()
}

fn inside(file: &str) -> String {
    format!("exercises/{NAME}/{file}")
}

/// A tar entry as a student's own program could write it.
fn raw_entry(archive: &mut Tar, name: &[u8], kind: tar::EntryType, link: &str, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    if !link.is_empty() {
        header.set_link_name(link).unwrap();
    }
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    archive.append(&header, content).unwrap();
}

fn add_right_and_wrong(class: &mut Class) {
    class.program("right", Deserves::All, RIGHT);
    let bare = class
        .add("right-bare", Deserves::All)
        .join(NAME)
        .join("src");
    fs::create_dir_all(&bare).unwrap();
    fs::write(bare.join("main.rs"), RIGHT).unwrap();
    let lone = class.add("right-lone", Deserves::All).join("src");
    fs::create_dir_all(&lone).unwrap();
    fs::write(lone.join("main.rs"), RIGHT).unwrap();
    class.zip(
        "right-zip.zip",
        Deserves::All,
        &[(&inside("src/main.rs"), RIGHT.as_bytes())],
    );
    let wrapped = format!("course-main/{}", inside("src/main.rs"));
    class.zip(
        "right-wrapped.zip",
        Deserves::All,
        &[(&wrapped, RIGHT.as_bytes()), ("__MACOSX/._x", b"x")],
    );
    class.tar("right-tar.tar.gz", Deserves::All, |archive| {
        raw_entry(
            archive,
            inside("src/main.rs").as_bytes(),
            tar::EntryType::Regular,
            "",
            RIGHT.as_bytes(),
        );
    });
    class.folder(
        "right-in-modules",
        Deserves::All,
        &[
            (
                "src/main.rs",
                "mod server;\nfn main() -> std::process::ExitCode { server::main() }\n",
            ),
            (
                "src/server.rs",
                &RIGHT.replace("fn main()", "pub fn main()"),
            ),
        ],
    );
    for mistake in [
        "never_closes",
        "dies_of_sigpipe",
        "answers_once",
        "waits_for_a_newline",
        "spins_at_the_end",
        "sends_lossy_text",
        "resets_to_close",
    ] {
        class.program(
            &format!("wrong-{mistake}"),
            Deserves::Mistake(mistake),
            &solution_of(mistake),
        );
    }
    class.program("starter", Deserves::Nothing, STARTER);
    class.program(
        "does-not-compile",
        Deserves::NoProgram,
        "fn main() { let port: u16 = \"80\"; }\n",
    );
    class.program("no-main", Deserves::NoProgram, "fn other() {}\n");
    class.program("not-text", Deserves::NoProgram, "\u{1b}[2J ::error::x \0");
    fs::create_dir(class.add("empty", Deserves::NoProgram)).unwrap();
}

fn add_hostile_layouts(class: &mut Class) {
    let solution = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../solutions")
        .join(NAME)
        .canonicalize()
        .unwrap();
    let main = |root: &Path| root.join("exercises").join(NAME).join("src/main.rs");
    let root = class.folder("link-to-a-file", Deserves::NoProgram, &[("src/x.rs", "")]);
    symlink(solution.join("src/main.rs"), main(&root)).unwrap();
    let root = class.folder("link-to-src", Deserves::NoProgram, &[("Cargo.toml", "")]);
    symlink(
        solution.join("src"),
        root.join("exercises").join(NAME).join("src"),
    )
    .unwrap();
    let root = class.add("link-to-a-crate", Deserves::NoProgram);
    fs::create_dir_all(root.join("exercises")).unwrap();
    symlink(&solution, root.join("exercises").join(NAME)).unwrap();
    symlink(&solution, class.add("link-itself", Deserves::NoProgram)).unwrap();
    let root = class.folder("pipe", Deserves::NoProgram, &[("src/x.rs", "")]);
    nix::unistd::mkfifo(&main(&root), nix::sys::stat::Mode::S_IRWXU).unwrap();

    let long = format!("{RIGHT}\n// {}\n", "x".repeat(300 << 10));
    class.program("huge-file", Deserves::NoProgram, &long);
    let root = class.folder("many-files", Deserves::All, &[("src/main.rs", RIGHT)]);
    for number in 0..1000 {
        fs::write(main(&root).with_file_name(format!("z{number}.rs")), "").unwrap();
    }
    let deep = "deep/".repeat(30);
    class.folder(
        "deep",
        Deserves::All,
        &[("src/main.rs", RIGHT), (&format!("src/{deep}x.rs"), "")],
    );
    let root = class.folder("not-utf-8", Deserves::All, &[("src/main.rs", RIGHT)]);
    fs::write(
        main(&root).with_file_name(OsStr::from_bytes(b"\xff.rs")),
        "",
    )
    .unwrap();

    class.zip(
        "climbs.zip",
        Deserves::All,
        &[
            ("../../climbed.rs", b"x"),
            (&inside("src/../../../../climbed.rs"), b"x"),
            ("/climbed.rs", b"x"),
            (&inside("src/main.rs"), RIGHT.as_bytes()),
        ],
    );
    class.zip(
        "nul.zip",
        Deserves::NoProgram,
        &[(&inside("src/main.rs\0.rs"), RIGHT.as_bytes())],
    );
    class.zip(
        "bomb.zip",
        Deserves::NoProgram,
        &[(&inside("src/main.rs"), &vec![b' '; 64 << 20])],
    );
    class.tar("bomb-tar.tar.gz", Deserves::NoProgram, |archive| {
        let mut header = tar::Header::new_gnu();
        header.set_size(200 << 20);
        header.set_path("junk").unwrap();
        header.set_cksum();
        archive
            .append(&header, std::io::repeat(0).take(200 << 20))
            .unwrap();
        raw_entry(
            archive,
            inside("src/main.rs").as_bytes(),
            tar::EntryType::Regular,
            "",
            RIGHT.as_bytes(),
        );
    });
    class.tar("tar-links.tar.gz", Deserves::NoProgram, |archive| {
        let target = solution.join("src/main.rs");
        let name = inside("src/main.rs");
        raw_entry(
            archive,
            name.as_bytes(),
            tar::EntryType::Symlink,
            target.to_str().unwrap(),
            b"",
        );
        raw_entry(
            archive,
            name.as_bytes(),
            tar::EntryType::Link,
            target.to_str().unwrap(),
            b"",
        );
        raw_entry(archive, b"/climbed.rs", tar::EntryType::Regular, "", b"x");
    });
    fs::write(
        class.add("no-archive.zip", Deserves::NoProgram),
        b"PK and nothing else",
    )
    .unwrap();
    class.tar("file-and-folder.tar.gz", Deserves::All, |archive| {
        raw_entry(
            archive,
            inside("src/main.rs").as_bytes(),
            tar::EntryType::Regular,
            "",
            RIGHT.as_bytes(),
        );
        raw_entry(
            archive,
            inside("src/main.rs/x.rs").as_bytes(),
            tar::EntryType::Regular,
            "",
            b"",
        );
    });
    class.program("::error::x [2J =1+1", Deserves::All, RIGHT);
    let known = class.deserved.remove("::error::x [2J =1+1").unwrap();
    class
        .deserved
        .insert("%3A%3Aerror%3A%3Ax %5B2J %3D1+1".to_owned(), known);
}

fn add_hostile_builds(class: &mut Class) {
    let mark = class.path("mark");
    let mark = mark.to_str().unwrap();
    let touch = format!("fn main() {{ std::fs::write({mark:?}, \"x\").unwrap(); }}\n");
    class.folder("build-script", Deserves::All, &[
        ("src/main.rs", RIGHT),
        ("build.rs", &touch),
        ("Cargo.toml", "[package]\nname = \"day2_2_echo_server\"\nbuild = \"build.rs\"\n[dependencies]\nevil = { path = \"evil\" }\n[patch.crates-io]\nnix = { path = \"evil\" }\n[workspace]\n"),
        ("evil/Cargo.toml", "[package]\nname = \"nix\"\nversion = \"0.31.3\"\n"),
        ("evil/build.rs", &touch),
        ("evil/src/lib.rs", ""),
    ]);
    let wrapper = class.path("wrapper");
    fs::write(&wrapper, format!("#!/bin/sh\ntouch {mark}\nexec \"$@\"\n")).unwrap();
    fs::set_permissions(&wrapper, Permissions::from_mode(0o755)).unwrap();
    let config = format!("[build]\nrustc-wrapper = {wrapper:?}\n");
    let root = class.folder(
        "cargo-config",
        Deserves::All,
        &[("src/main.rs", RIGHT), (".cargo/config.toml", &config)],
    );
    for folder in [root.clone(), root.join("exercises")] {
        fs::create_dir_all(folder.join(".cargo")).unwrap();
        fs::write(folder.join(".cargo/config.toml"), &config).unwrap();
        fs::write(
            folder.join("rust-toolchain.toml"),
            "[toolchain]\npath = \"/nowhere\"\n",
        )
        .unwrap();
    }
    let endless = "#![allow(long_running_const_eval)]\nconst X: () = loop {};\nfn main() { X }\n";
    class.program("compiles-for-ever", Deserves::NoProgram, endless);
    class.program(
        "large-static",
        Deserves::NoProgram,
        "static X: [u8; 1 << 36] = [1; 1 << 36];\nfn main() { println!(\"{}\", X[7]); }\n",
    );
    class.program(
        "says-it-passed",
        Deserves::Nothing,
        "fn main() { println!(\"test result: ok\\n::set-output name=x::y\"); }\n",
    );
    class.program("exits-at-once", Deserves::Nothing, "fn main() {}\n");
}

/// Every submission has the points it deserves.
fn expect_deserved(class: &Class, out: &str) {
    for (name, deserves) in &class.deserved {
        let graded = class.graded(out, name);
        let report = &graded["report"];
        let exercise_report = &report["exercises"][0];
        assert_eq!(graded["trouble"], Value::Null, "{name}");
        assert_eq!(report["max_points"], exercise().points(), "{name}");
        let has_program = exercise_report["no_program"].is_null();
        let points = report["points"].as_u64().unwrap();
        let first_failed = exercise_report["tests"]
            .as_array()
            .unwrap()
            .iter()
            .find(|test| test["status"] != "passed");
        match deserves {
            Deserves::All => {
                assert_eq!(points, u64::from(exercise().points()), "{name}: {report:#}")
            }
            Deserves::NoProgram => assert!(!has_program && points == 0, "{name}: {report:#}"),
            Deserves::Nothing => assert!(has_program && points == 0, "{name}: {report:#}"),
            Deserves::Mistake(mistake) => {
                assert_eq!(first_failed.unwrap()["name"], test_of(mistake), "{name}");
            }
        }
    }
}

#[test]
fn every_submission_gets_what_it_deserves() {
    let mut class = Class::new();
    add_right_and_wrong(&mut class);
    add_hostile_layouts(&mut class);
    add_hostile_builds(&mut class);
    assert!(class.deserved.len() >= 40, "{}", class.deserved.len());
    let (status, stdout, stderr) = finished(&mut class.grade("out"));
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    expect_deserved(&class, "out");
    for (name, path, because) in [
        ("link-to-a-file", "src/main.rs", "link"),
        ("climbs", "../../climbed.rs", "climbs-out"),
        ("not-utf-8", "%FF.rs", "bad-name"),
        ("pipe", "src/main.rs", "special"),
        ("bomb", "src/main.rs", "too-long"),
        ("bomb-tar", "", "too-much"),
        ("many-files", "z999.rs", "too-many"),
    ] {
        let refusals = class.graded("out", name)["refusals"].clone();
        let more = class.graded("out", name)["more_refusals"].as_u64().unwrap();
        let is_told = refusals.as_array().unwrap().iter().any(|refusal| {
            refusal["because"] == because
                && (more > 0
                    || refusal["path"]
                        .as_str()
                        .unwrap()
                        .replace("%2E", ".")
                        .ends_with(path))
        });
        assert!(is_told, "{name}: {refusals}");
    }
    assert!(
        !class.path("mark").exists(),
        "something of a submission has run while it was built"
    );
    let stray =
        ["climbed.rs", "class/climbed.rs", "out/climbed.rs"].map(|path| class.path(path).exists());
    assert_eq!(stray, [false; 3]);
    assert!(!Path::new("/climbed.rs").exists());
    assert_eq!(class.csv("out").lines().count(), class.deserved.len() + 1);
    for text in [&stdout, &stderr, &class.csv("out")] {
        assert!(!text.contains("::") && !text.contains('\u{1b}'), "{text}");
    }
    class.expect_clean();

    // Once more: nothing is left to do, and nothing is done.
    let before = class.results("out");
    let (status, again, _) = finished(&mut class.grade("out"));
    assert_eq!((status, again), (Some(0), stdout));
    assert_eq!(class.results("out"), before);
}

/// A small class, of which every submission takes its time.
fn small_class() -> Class {
    let mut class = Class::new();
    class.program("anna", Deserves::All, RIGHT);
    class.program(
        "ben",
        Deserves::Mistake("never_closes"),
        &solution_of("never_closes"),
    );
    class.program("chris", Deserves::NoProgram, "fn main() { x }\n");
    class.program("dana", Deserves::Nothing, "fn main() {}\n");
    class.program(
        "eve",
        Deserves::Mistake("keeps_the_line"),
        &solution_of("keeps_the_line"),
    );
    class.program("finn", Deserves::All, RIGHT);
    class
}

/// Starts grading, and waits for a moment: until the builds have a folder, and until so many results are there.
fn begin(class: &Class, out: &str, results: usize) -> Child {
    let child = class.grade(out).arg("--jobs=2").spawn().unwrap();
    wait_until("a folder for builds is there", || {
        fs::read_dir(class.path("tmp")).unwrap().count() > 0
    });
    wait_until("enough results are there", || {
        class.results(out).len() >= results
    });
    child
}

#[test]
fn a_killed_run_is_taken_up_again() {
    let class = small_class();
    let (status, ..) = finished(class.grade("whole").arg("--jobs=2"));
    assert_eq!(status, Some(0));
    expect_deserved(&class, "whole");
    for (results, signal) in [
        (0, Signal::SIGKILL),
        (1, Signal::SIGKILL),
        (2, Signal::SIGINT),
        (4, Signal::SIGKILL),
    ] {
        let before = class.results("out");
        let mut child = begin(&class, "out", results);
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        let status = child.wait().unwrap();
        if signal == Signal::SIGINT {
            assert_eq!(status.code(), Some(130));
        }
        class.expect_clean();
        // What was finished stays as it is: the times of its tests would differ, had they been run again.
        let after = class.results("out");
        assert!(
            before
                .iter()
                .all(|(path, content)| after.get(path) == Some(content))
        );
    }
    let before = class.results("out");
    let (status, ..) = finished(&mut class.grade("out"));
    assert_eq!(status, Some(0));
    let after = class.results("out");
    assert!(
        before
            .iter()
            .all(|(path, content)| after.get(path) == Some(content))
    );
    assert_eq!(class.csv("out"), class.csv("whole"));
    expect_deserved(&class, "out");
    class.expect_clean();
}

#[test]
fn a_class_graded_in_parts_is_the_class() {
    let mut class = Class::new();
    class.program("anna", Deserves::All, RIGHT);
    class.program("ben", Deserves::NoProgram, "fn main() { x }\n");
    class.program("chris", Deserves::Nothing, "fn main() {}\n");
    let (status, ..) = finished(class.grade("part1").args(["--shard", "1/2"]));
    assert_eq!(status, Some(0));
    let mut second = class.grade("part2");
    second.envs([
        ("GITLAB_CI", "true"),
        ("CI_NODE_INDEX", "2"),
        ("CI_NODE_TOTAL", "2"),
    ]);
    let (status, _, stderr) = finished(&mut second);
    assert_eq!(status, Some(0));
    assert!(
        stderr.contains("part 2/2 of the class, from CI_NODE_INDEX"),
        "{stderr}"
    );
    assert_eq!(
        (class.results("part1").len(), class.results("part2").len()),
        (2, 1)
    );

    let (status, _, stderr) = finished(
        class
            .checker()
            .args(["grade", "merge", "part1", "--out", "half"]),
    );
    assert_eq!(status, Some(3));
    assert!(stderr.contains("no part has graded ben"), "{stderr}");
    let (status, ..) = finished(
        class
            .checker()
            .args(["grade", "merge", "part1", "part2", "--out", "whole"]),
    );
    assert_eq!(status, Some(0));
    assert_eq!(class.results("whole").len(), 3);
    expect_deserved(&class, "whole");
    assert_eq!(class.csv("whole").lines().count(), 4);
}

#[test]
fn where_ci_is_set_nothing_is_graded_that_is_not_contained() {
    let mut class = Class::new();
    class.program("anna", Deserves::All, RIGHT);
    let missing = checker::arena::probe().missing();
    let (status, _, stderr) = finished(class.grade("out").env("CI", "true"));
    if missing.is_empty() {
        assert_eq!(status, Some(0), "{stderr}");
        expect_deserved(&class, "out");
    } else {
        expect_refusal(&class, "out", status, &stderr);
    }
    // Without calls to follow, no jail is good enough anywhere.
    let mut blind = class.grade("blind");
    let (status, _, stderr) = finished(blind.env("CI", "true").arg("--tracing=off"));
    expect_refusal(&class, "blind", status, &stderr);
}

fn expect_refusal(class: &Class, out: &str, status: Option<i32>, stderr: &str) {
    assert_eq!(status, Some(4), "{stderr}");
    assert!(
        stderr.contains("missing: ") && stderr.contains("nothing is graded"),
        "{stderr}"
    );
    assert_eq!(class.results(out).len(), 0);
}

/// A solution, the checker and its tests: no source file can have the compiler read them, and no program can.
#[test]
fn neither_a_build_nor_a_program_reads_what_is_not_its_own() {
    if !checker::arena::probe().has_jail() {
        return;
    }
    let mut class = Class::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let solution = root.join("solutions").join(NAME).join("src/main.rs");
    let solution = solution.to_str().unwrap();
    let secret = class.path("secret.rs");
    fs::write(&secret, RIGHT).unwrap();
    let secret = secret.to_str().unwrap();
    let checker = class.checker().get_program().to_owned();
    for (name, path) in [
        ("includes-a-solution", solution),
        ("includes-a-file", secret),
    ] {
        class.program(name, Deserves::NoProgram, &format!("include!({path:?});\n"));
    }
    class.program(
        "looks-around",
        Deserves::All,
        &RIGHT.replacen(
            "fn main() -> ExitCode {",
            &format!(
                "fn main() -> ExitCode {{\n    for path in [{secret:?}, {solution:?}, {checker:?}, \"/etc/passwd\"] {{\n        \
                 assert!(std::fs::read(path).is_err());\n    }}\n"
            ),
            1,
        ),
    );
    let (status, stdout, stderr) = finished(&mut class.grade("out"));
    assert_eq!(status, Some(0), "{stdout}{stderr}");
    expect_deserved(&class, "out");
    let text = fs::read_to_string(class.path("out/feedback/includes-a-file.txt")).unwrap();
    assert!(text.contains("couldn't read"), "{text}");
}

#[test]
fn students_get_as_much_as_the_instructor_chooses() {
    let mut class = Class::new();
    class.program(
        "ben",
        Deserves::Mistake("never_closes"),
        &solution_of("never_closes"),
    );
    let letter = |file: &str| fs::read_to_string(class.path("out/feedback").join(file));
    let (status, ..) = finished(class.grade("out").arg("--feedback=names"));
    assert_eq!(status, Some(0));
    let test = test_of("never_closes").replace('_', " ");
    let names = letter("ben.txt").unwrap();
    // Graded already: what the student gets is written once more, and the old is gone.
    let (status, ..) = finished(
        class
            .grade("out")
            .args(["--feedback=full", "--format=junit"]),
    );
    assert_eq!(status, Some(0));
    let full = letter("ben.xml").unwrap();
    assert!(full.contains("<failure") && full.contains(&test), "{full}");
    assert!(letter("ben.txt").is_err());
    let (status, ..) = finished(
        class
            .grade("out")
            .args(["--feedback=score", "--format=human"]),
    );
    assert_eq!(status, Some(0));
    let score = letter("ben.txt").unwrap();
    assert!(
        names.contains(&test) && !score.contains(&test),
        "{names}{score}"
    );
    // A later run, and whoever puts parts together, keeps to it.
    let merge = ["grade", "merge", "out", "--out", "whole"];
    let (status, ..) = finished(class.checker().args(merge));
    assert_eq!(status, Some(0));
    let merged = fs::read_to_string(class.path("whole/feedback/ben.txt")).unwrap();
    assert_eq!(merged, score);
}

#[test]
fn two_submissions_of_one_name_are_refused() {
    let mut class = Class::new();
    class.program("anna", Deserves::All, RIGHT);
    fs::write(class.path("class").join("anna.zip"), b"").unwrap();
    let (status, _, stderr) = finished(&mut class.grade("out"));
    assert_eq!(status, Some(2));
    assert!(
        stderr.contains("two submissions are called anna"),
        "{stderr}"
    );
}

#[test]
fn a_gradebook_of_other_exercises_is_not_mixed_up() {
    let mut class = Class::new();
    class.program("anna", Deserves::NoProgram, "fn main() { x }\n");
    let book = class.path("out");
    fs::create_dir(&book).unwrap();
    let (status, ..) = finished(&mut class.grade("out"));
    assert_eq!(status, Some(0));
    let (status, _, stderr) = finished(class.grade("out").args(["--exercise", "day1_2"]));
    assert_eq!(status, Some(2));
    assert!(stderr.contains("is about other exercises"), "{stderr}");
}
