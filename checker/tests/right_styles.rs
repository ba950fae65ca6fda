//! Right programs in styles of their own, which every hidden test must accept. One file of `right_styles` is one program. Its
//! first comment names the exercise; a test that this style cannot pass stands there in quotation marks, behind "but for".

mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use support::{Course, MACHINE, compiler::compile_c, environment::command, skipped::skipped};
use tempfile::TempDir;

/// Under what a program is judged: as at home, and as it is graded.
const EVERY_WAY: &[&[&str]] = &[
    &["--tracing=as-needed"],
    &["--tracing=on", "--isolation=shared"],
];

#[test]
fn programs_in_c_pass() {
    let folder = open_folder();
    let program_of = |source: &Path| {
        let program = folder.path().join(source.file_stem().unwrap());
        compile_c(source, &program);
        program
    };
    expect_to_pass("c", EVERY_WAY, program_of);
}

#[test]
fn programs_in_python_pass() {
    interpreted("python3", "py");
}

#[test]
fn programs_for_node_pass() {
    interpreted("node", "mjs");
}

#[test]
fn programs_in_java_pass() {
    let (Some(java), Some(javac)) = (installed("java"), installed("javac")) else {
        return skipped("there is no java or javac in /usr/bin");
    };
    let folder = open_folder();
    let program_of = |source: &Path| {
        let mut compiler = command(&javac);
        compiler.arg("-d").arg(folder.path()).arg(source);
        assert!(compiler.status().unwrap().success());
        // Small and soon there: a virtual machine makes threads of its own for what these leave out.
        let options = "-XX:-UsePerfData -XX:TieredStopAtLevel=1 -XX:+UseSerialGC";
        let class = source.file_stem().unwrap().display();
        let start = format!(
            "{} {options} -cp {} {class}",
            java.display(),
            folder.path().display()
        );
        launcher(&folder, source, &start)
    };
    expect_to_pass("java", &EVERY_WAY[1..], program_of);
}

fn interpreted(interpreter: &str, extension: &str) {
    let Some(interpreter) = installed(interpreter) else {
        return skipped(format_args!("there is no {interpreter} in /usr/bin"));
    };
    let folder = open_folder();
    let program_of = |source: &Path| {
        let copy = folder.path().join(source.file_name().unwrap());
        fs::copy(source, &copy).unwrap();
        let start = format!("{} {}", interpreter.display(), copy.display());
        launcher(&folder, source, &start)
    };
    expect_to_pass(extension, &EVERY_WAY[1..], program_of);
}

/// A program of the system, which another user can start, too.
fn installed(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/bin", "/usr/local/bin"].into_iter();
    folders
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file())
}

/// A program which becomes this one.
fn launcher(folder: &TempDir, source: &Path, start: &str) -> PathBuf {
    let path = folder.path().join(source.file_stem().unwrap());
    fs::write(&path, format!("#!/bin/sh\nexec {start} \"$@\"\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    support::open_to_all(folder.path());
    folder
}

/// Judges all programs in one language in these ways.
fn expect_to_pass(extension: &str, ways: &[&[&str]], program_of: impl Fn(&Path) -> PathBuf) {
    if let Err(why) = &MACHINE.tracing {
        return skipped(format_args!("no fault meets a program: {why}"));
    }
    let course = Course::real();
    let styles = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/right_styles");
    let mut sources = support::files_below(&styles);
    sources.retain(|source| source.extension().is_some_and(|found| found == extension));
    assert!(!sources.is_empty());
    let mut faults = Vec::new();
    for source in sources {
        let style = Style::of(&source);
        let program = program_of(&source);
        for way in ways {
            let rejected = style.rejected_by(&course, &program, way);
            if !rejected.is_empty() {
                faults.push(format!(
                    "{} {way:?}: {}",
                    source.display(),
                    rejected.join("; ")
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What the first comment of a program says.
struct Style {
    exercise: String,
    /// The tests that it cannot pass.
    but_for: Vec<String>,
    /// Whether some tests cannot be checked with it.
    is_hidden: bool,
}

impl Style {
    fn of(source: &Path) -> Style {
        let text = fs::read_to_string(source).unwrap();
        let starts = ["/*", "//", "\"\"\""];
        let from = starts
            .iter()
            .filter_map(|start| text.find(start))
            .min()
            .unwrap();
        let until = text[from..]
            .find("\n\n")
            .map_or(text.len(), |end| from + end);
        let comment = text[from..until].replace("\n//", "").replace("\n *", "");
        let mut words =
            comment.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let exercise = words.find(|word| word.starts_with("day")).unwrap();
        let but_for = comment.split_once("but for").map_or("", |(_, names)| names);
        Style {
            exercise: exercise.to_owned(),
            but_for: but_for
                .split('"')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect(),
            is_hidden: comment.contains("are not checked"),
        }
    }

    /// The tests that reject it, or cannot be checked.
    fn rejected_by(&self, course: &Course, program: &Path, way: &[&str]) -> Vec<String> {
        let mut command = course.checker();
        command.args([&self.exercise, "--format=json"]).args(way);
        let output = command.arg("--program").arg(program).output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let tests = report["exercises"][0]["tests"].as_array().unwrap();
        assert!(!tests.is_empty());
        let is_rejected = |test: &&serde_json::Value| {
            let name = test["name"].as_str().unwrap();
            match test["status"].as_str().unwrap() {
                "passed" => false,
                "not-checked" => !self.is_hidden,
                _ => !self.but_for.iter().any(|known| known == name),
            }
        };
        let told =
            |test: &serde_json::Value| format!("{} ({})", test["name"], test["failure"]["symptom"]);
        tests.iter().filter(is_rejected).map(told).collect()
    }
}
