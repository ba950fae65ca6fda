//! Gradescope's folder, with its own layout: `/autograder` is a folder of the test's.

use std::{
    fs,
    os::unix::fs::symlink,
    path::PathBuf,
    process::{Child, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::{
    repository::{BROKEN, EXERCISE, HOSTILE, RIGHT, Repository, WRONG, all_points, said, text_of},
    support,
};

struct Autograder {
    repository: Repository,
}

impl Autograder {
    /// As the harness puts it together, with the instructor's settings in place of the file's own.
    fn new(settings: &[(&str, &str)]) -> Autograder {
        let repository = Repository::new();
        repository.has_checker();
        let autograder = Autograder { repository };
        let mut script = text_of("checker/ci/gradescope/run_autograder");
        for (name, value) in settings {
            let old = script
                .lines()
                .find(|line| line.starts_with(&format!("{name}=")));
            script = script.replacen(old.unwrap(), &format!("{name}={value}"), 1);
        }
        for folder in ["submission", "results"] {
            fs::create_dir_all(autograder.path(folder)).unwrap();
        }
        fs::write(autograder.path("run_autograder"), script).unwrap();
        autograder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.repository.path("repository").join(name)
    }

    /// A student uploads a file.
    fn submit(&self, path: &str, content: &str) {
        let path = self.path("submission").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn submit_program(&self, source: &str) {
        self.submit(&format!("exercises/{EXERCISE}/src/main.rs"), source);
    }

    fn start(&self) -> Child {
        let mut command = self.repository.engine(
            &self.path("."),
            "bash",
            &[self.path("run_autograder").to_str().unwrap()],
        );
        // Cargo's own folders are those of this machine.
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            if let (None, Some(home)) = (std::env::var_os(name), std::env::home_dir()) {
                command.env(name, home.join(folder));
            }
        }
        command
            .env_remove("CI")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Grades the submission; returns what Gradescope reads.
    fn grade(&self) -> Value {
        let output = self.start().wait_with_output().unwrap();
        assert!(!said(&output).contains("OWNED"), "{}", said(&output));
        self.repository.expect_clean();
        self.results()
    }

    /// results.json, which is the only file there.
    fn results(&self) -> Value {
        let schema = include_str!("../formats/gradescope.schema.json");
        let schema: Value = serde_json::from_str(schema).unwrap();
        let text = fs::read_to_string(self.path("results/results.json")).unwrap();
        let results: Value = serde_json::from_str(&text).unwrap();
        assert!(jsonschema::is_valid(&schema, &results), "{results:#}");
        results
    }

    /// Waits until the checker has a program under test.
    fn wait_for_the_checker(&self) -> Pid {
        let ours = format!("TMPDIR={}", self.repository.path("tmp").display());
        let is_ours = |pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            // Not the `timeout` that started it.
            let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
            program.ends_with("checker") && String::from_utf8_lossy(&environment).contains(&ours)
        };
        let mut found = None;
        support::wait_until("there is a checker", Duration::from_secs(120), || {
            let all = support::pids_with("checker\0grade\0submission");
            found = all.into_iter().find(is_ours);
            found.is_some()
        });
        Pid::from_raw(found.unwrap())
    }
}

fn told(results: &Value) -> &str {
    results["output"].as_str().unwrap()
}

#[test]
fn gradescope_shows_every_test_of_a_right_and_a_wrong_submission() {
    let autograder = Autograder::new(&[("VISIBILITY", "after_due_date")]);
    autograder.submit_program(RIGHT);
    let results = autograder.grade();
    assert_eq!(results["score"], all_points());
    assert_eq!(results["visibility"], "after_due_date");
    autograder.submit_program(&WRONG);
    let results = autograder.grade();
    let score = results["score"].as_u64().unwrap();
    assert!((1..all_points()).contains(&score), "{score}");
    let tests = results["tests"].as_array().unwrap();
    let exercise = checker::syllabus::find(EXERCISE).unwrap();
    assert_eq!(tests.len(), exercise.tests.len());
    let failed = tests.iter().find(|test| test["status"] == "failed");
    assert!(
        failed.unwrap()["output"]
            .as_str()
            .unwrap()
            .contains("What the test did")
    );
}

/// Who drops single files on Gradescope's page uploads no folders.
#[test]
fn gradescope_takes_files_without_folders_and_follows_no_link() {
    let autograder = Autograder::new(&[]);
    autograder.submit(
        "main.rs",
        "mod server;\nfn main() -> std::process::ExitCode { server::main() }\n",
    );
    autograder.submit("server.rs", &RIGHT.replace("fn main()", "pub fn main()"));
    assert_eq!(autograder.grade()["score"], all_points());
    let solution = autograder.path("solution.rs");
    fs::write(&solution, RIGHT).unwrap();
    fs::remove_file(autograder.path("submission/main.rs")).unwrap();
    symlink(&solution, autograder.path("submission/main.rs")).unwrap();
    assert_eq!(autograder.grade()["score"], 0);
}

#[test]
fn gradescope_gets_no_points_from_what_does_not_compile_or_is_hostile() {
    let autograder = Autograder::new(&[("TARGET", "day2_2")]);
    autograder.submit_program(BROKEN);
    let results = autograder.grade();
    assert_eq!(results["score"], 0);
    assert!(
        results.to_string().contains("mismatched types"),
        "{results:#}"
    );
    autograder.submit_program(HOSTILE);
    let results = autograder.grade();
    assert_eq!(results["score"], 0);
    assert!(!told(&results).contains("OWNED"), "{results:#}");
    let files = fs::read_dir(autograder.path("results")).unwrap();
    assert_eq!(files.count(), 1);
}

#[test]
fn gradescope_is_told_when_the_checker_dies() {
    let autograder = Autograder::new(&[]);
    autograder.submit_program(RIGHT);
    let child = autograder.start();
    let checker = autograder.wait_for_the_checker();
    let results = autograder.results();
    assert!(
        told(&results).contains("not come to its end"),
        "{results:#}"
    );
    kill(checker, Signal::SIGKILL).unwrap();
    let output = child.wait_with_output().unwrap();
    let results = autograder.results();
    assert!(
        told(&results).contains("exit status 137"),
        "{results:#}, {}",
        said(&output)
    );
    assert_eq!(results["score"], 0);
}

/// When Gradescope ends the container, nothing more is written; what is there is valid and true.
#[test]
fn gradescope_is_told_when_the_script_itself_dies() {
    let autograder = Autograder::new(&[]);
    autograder.submit_program(RIGHT);
    let mut child = autograder.start();
    let checker = autograder.wait_for_the_checker();
    child.kill().unwrap();
    kill(checker, Signal::SIGKILL).unwrap();
    child.wait().unwrap();
    let results = autograder.results();
    assert!(
        told(&results).contains("not come to its end"),
        "{results:#}"
    );
}

#[test]
fn gradescope_is_told_when_time_runs_out_or_nothing_can_be_graded() {
    let autograder = Autograder::new(&[("LIMIT", "1")]);
    // The compiler keeps at it, so that nothing is graded by then.
    autograder.submit_program(
        "#![allow(long_running_const_eval)]\nconst X: () = loop {};\nfn main() { X }\n",
    );
    let results = autograder.grade();
    assert!(told(&results).contains("after 1 seconds"), "{results:#}");
    let autograder = Autograder::new(&[("TARGET", "day7")]);
    autograder.submit_program(RIGHT);
    let results = autograder.grade();
    assert!(told(&results).contains("exit status 2"), "{results:#}");
}

/// setup.sh with stand-ins for what it installs: it builds what the archive holds, and leaves nothing of it.
#[test]
fn gradescopes_image_keeps_no_solution() {
    let repository = Repository::new();
    let source = repository.path("repository");
    fs::create_dir_all(source.join("course/checker")).unwrap();
    fs::create_dir_all(source.join("course/solutions")).unwrap();
    fs::write(
        source.join("setup.sh"),
        text_of("checker/ci/gradescope/setup.sh"),
    )
    .unwrap();
    repository.command("apt-get", "exit 0");
    repository.command("curl", "echo 'exit 0'");
    repository.command(
        "cargo",
        "case \"$*\" in 'install --locked --path '*/course/checker' --features instructor --root /usr/local') test -d \"$4\" ;; *) exit 99 ;; esac",
    );
    let script = source.join("setup.sh");
    let arguments = [script.to_str().unwrap()];
    // Where the harness runs it is not where it lies.
    let output = repository
        .engine(&repository.path("tmp"), "bash", &arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(!source.join("course").exists());
}
