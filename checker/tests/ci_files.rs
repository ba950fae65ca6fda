//! The ready-made files for CI engines, used as each engine uses them: as far as that goes without the engine.

#[path = "ci_files/autograder.rs"]
mod autograder;
#[path = "ci_files/pipeline.rs"]
mod pipeline;
#[path = "ci_files/repository.rs"]
mod repository;
mod support;
#[path = "ci_files/workflow.rs"]
mod workflow;

use std::{
    collections::BTreeSet,
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use repository::{
    BROKEN, EXERCISE, RIGHT, Repository, all_points, class, course_file, said, text_of,
};
use serde_json::Value;
use support::{Course, environment::command, skipped::skipped};

const SYSCTL: &str = "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";

/// What `check-jsonschema` and `shellcheck` are: programs beside LAB_PYTHON. `None` where they are not installed:
/// `.ci/run` does that.
fn tool(name: &str) -> Option<Command> {
    let Some(python) = env::var_os("LAB_PYTHON") else {
        skipped(format_args!(
            "{name} is not asked: LAB_PYTHON is not set (see .ci/run)"
        ));
        return None;
    };
    Some(command(Path::new(&python).with_file_name(name)))
}

fn expect_success(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

/// All files below `checker/ci`, as seen from the course's folder.
fn all_files() -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let root = course_file("");
    for engine in fs::read_dir(root.join("checker/ci")).unwrap() {
        for file in fs::read_dir(engine.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                files.insert(path.strip_prefix(&root).unwrap().display().to_string());
            }
        }
    }
    files
}

#[test]
fn instructors_find_each_file_in_the_readme() {
    let readme = text_of("README.md");
    for file in all_files() {
        let folder = Path::new(&file).parent().unwrap().to_str().unwrap();
        let is_named = readme.contains(&file) || readme.contains(&format!("{folder}/`"));
        assert!(is_named, "README.md does not name {file}");
    }
}

#[test]
fn each_file_follows_its_engines_schema() {
    let Some(mut github) = tool("check-jsonschema") else {
        return;
    };
    let ours = |folder: &str| {
        let files = all_files().into_iter();
        let files = files.filter(move |file| file.starts_with(folder));
        files.map(|file| course_file(&file)).collect::<Vec<_>>()
    };
    github.args(["--builtin-schema", "vendor.github-workflows"]);
    github.args(ours("checker/ci/github"));
    expect_success(&github.output().unwrap());
    let mut gitlab = tool("check-jsonschema").unwrap();
    gitlab.args(["--builtin-schema", "vendor.gitlab-ci"]);
    gitlab.args(["--data-transform", "gitlab-ci"]);
    gitlab.args(ours("checker/ci/gitlab"));
    expect_success(&gitlab.output().unwrap());
}

#[test]
fn each_script_is_one() {
    let scripts: Vec<PathBuf> = ["setup.sh", "run_autograder"]
        .map(|name| course_file(&format!("checker/ci/gradescope/{name}")))
        .into();
    for script in &scripts {
        let mode = fs::metadata(script).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{}", script.display());
        expect_success(&command("bash").arg("-n").arg(script).output().unwrap());
    }
    if let Some(mut shellcheck) = tool("shellcheck") {
        expect_success(&shellcheck.args(scripts).output().unwrap());
    }
}

#[test]
fn a_workflow_grades_a_class_in_parts() {
    let repository = Repository::new();
    repository.runs_checker();
    repository.class_in(&repository.path("repository/class"));
    let known = [
        ("inputs.target", "day2_2"),
        ("inputs.repositories", ""),
        ("github.repository_owner", "school"),
    ];
    let log = workflow::run(&repository, "checker/ci/github/grade.yml", &known);
    let jobs: Vec<&str> = log.iter().map(|(job, ..)| job.as_str()).collect();
    assert_eq!(jobs, ["grade", "grade", "grade", "grade", "merge"]);
    for (job, succeeded, said) in &log {
        assert!(succeeded, "{job}: {said}");
        assert!(!said.contains("OWNED"), "{said}");
    }
    assert_eq!(repository.done_as_root(), format!("{SYSCTL}\n").repeat(4));
    repository.expect_gradebook(&repository.path("artifacts/grades"));
    let letter = repository.path("artifacts/grades/feedback/bob.txt");
    assert!(letter.is_file());
    repository.expect_clean();
}

/// Where students have repositories of their own, `gh` gets them; those of other assignments stay where they are. A part
/// of the class that has nobody in it is no trouble.
#[test]
fn a_workflow_fetches_the_class() {
    let repository = Repository::new();
    repository.runs_checker();
    let owner = repository.path("school");
    repository.class_in(&owner);
    for (name, ..) in &class()[2..] {
        fs::remove_dir_all(owner.join(name)).unwrap();
    }
    fs::rename(owner.join("alice"), owner.join("day2-alice")).unwrap();
    fs::rename(owner.join("bob"), owner.join("day1-bob")).unwrap();
    repository.command(
        "gh",
        &format!(
            "[ \"$GH_TOKEN\" = secret ] || exit 4\ncase \"$1 $2\" in\n'repo list') ls '{0}' ;;\n\
             'repo clone') mkdir -p \"$(dirname \"$4\")\" && cp -r \"$(dirname '{0}')/$3\" \"$4\" ;;\n*) exit 1 ;;\nesac",
            owner.display()
        ),
    );
    let known = [
        ("inputs.target", "day2_2_echo_server"),
        ("inputs.repositories", "day2-"),
        ("github.repository_owner", "school"),
        ("secrets.CLASS_TOKEN", "secret"),
    ];
    let log = workflow::run(&repository, "checker/ci/github/grade.yml", &known);
    assert!(log.iter().all(|(_, succeeded, _)| *succeeded), "{log:#?}");
    let csv = fs::read_to_string(repository.path("artifacts/grades/gradebook.csv")).unwrap();
    let all = all_points();
    assert!(
        csv.contains(&format!("day2-alice,{all},{all},passed")),
        "{csv}"
    );
    assert_eq!(csv.lines().count(), 2, "{csv}");
}

/// When a part of the class is not graded, the others' grades are there, and the run says that it has failed.
#[test]
fn a_workflow_keeps_what_is_graded_when_a_part_fails() {
    let repository = Repository::new();
    repository.runs_checker();
    let class = repository.path("repository/class");
    for name in ["alice", "bob"] {
        let place = class.join(name).join(EXERCISE).join("src");
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("main.rs"), BROKEN).unwrap();
    }
    let cargo = fs::read_to_string(repository.path("bin/cargo")).unwrap();
    let failing = format!(
        "case \"$STRATEGY_JOB_INDEX$*\" in 1*' grade class'*) exit 3 ;; esac\n{}",
        cargo.strip_prefix("#!/bin/sh\n").unwrap()
    );
    repository.command("cargo", &failing);
    let known = [("inputs.target", "day2_2"), ("inputs.repositories", "")];
    let log = workflow::run(&repository, "checker/ci/github/grade.yml", &known);
    let succeeded: Vec<bool> = log.iter().map(|(_, succeeded, _)| *succeeded).collect();
    assert_eq!(succeeded, [true, false, true, true, false], "{log:#?}");
    let (_, _, said) = log.last().unwrap();
    assert!(said.contains("no part has graded bob"), "{said}");
    let csv = fs::read_to_string(repository.path("artifacts/grades/gradebook.csv")).unwrap();
    assert!(
        csv.contains(&format!("alice,0,{},failed", all_points())),
        "{csv}"
    );
}

#[test]
fn a_workflow_checks_a_students_repository() {
    let repository = Repository::new();
    let course = repository.path("repository");
    let mut handout = Course::real().checker();
    handout.arg("handout").arg(&course).assert().success();
    let known = [("vars.TARGET", "day2_2")];
    let check = || {
        let log = workflow::run(&repository, "checker/ci/github/check.yml", &known);
        let [(_, succeeded, said)] = &log[..] else {
            panic!("{log:?}");
        };
        (*succeeded, said.clone())
    };
    let (succeeded, said) = check();
    assert!(!succeeded);
    assert!(said.contains("\n::error "), "{said}");
    let source = format!("exercises/{EXERCISE}/src/main.rs");
    fs::write(course.join(source), RIGHT).unwrap();
    let (succeeded, said) = check();
    assert!(succeeded, "{said}");
    assert_eq!(repository.done_as_root(), format!("{SYSCTL}\n").repeat(2));
}

#[test]
fn a_pipeline_grades_a_class_in_parts() {
    let repository = Repository::new();
    repository.runs_checker();
    repository.class_in(&repository.path("repository/class"));
    let file = "checker/ci/gitlab/grade.yml";
    let done = pipeline::run(&repository, file, &[("TARGET", "day2_2")]);
    let jobs: Vec<&str> = done.iter().map(|done| done.job.as_str()).collect();
    assert_eq!(jobs, ["grade", "grade", "grade", "grade", "merge"]);
    for job in &done {
        assert!(job.succeeded, "{job:#?}");
        assert!(!job.said.contains("OWNED"), "{job:#?}");
    }
    repository.expect_gradebook(&repository.path("artifacts/grades"));
    repository.expect_clean();
    // GitLab shows one of the tests that have the same names, so no two students' may.
    let merge = done.last().unwrap();
    assert_eq!(merge.junit.len(), class().len(), "{merge:?}");
    let mut names = BTreeSet::new();
    let (mut count, mut failures) = (0, 0);
    for file in &merge.junit {
        let text = fs::read(file).unwrap();
        let suites = junit_parser::from_reader(&text[..]).unwrap();
        for case in suites.suites.iter().flat_map(|suite| &suite.cases) {
            count += 1;
            failures += usize::from(case.status.is_failure());
            names.insert((case.classname.clone(), case.original_name.clone()));
        }
    }
    assert_eq!(names.len(), count);
    let tests = checker::syllabus::find(EXERCISE).unwrap().tests.len();
    // Of one that does not compile there is one test.
    assert_eq!(count, 4 * tests + 1);
    assert!(failures > tests, "{failures}");
    let is_alices = |name: &Option<String>| name.as_deref() == Some("alice.day2_2_echo_server");
    assert!(names.iter().any(|(class, _)| is_alices(class)), "{names:?}");
}

/// `CLASSROOM/autograders/ASSIGNMENT/` as README.md says to fill it, in the environment of Classroom 50's runner.
#[test]
fn classroom_50_gets_its_result() {
    if command("python3").arg("--version").output().is_err() {
        return skipped("there is no python3");
    }
    let repository = Repository::new();
    let bundle = repository.path("bundle");
    let mut handout = Course::real().checker();
    handout.arg("handout").arg(bundle.join("course"));
    handout.assert().success();
    let script = text_of("checker/ci/classroom50/autograder.py");
    let script = script.replace("TARGET = \"day2\"", "TARGET = \"day2_2\"");
    fs::write(bundle.join("autograder.py"), script).unwrap();
    repository.class_in(&repository.path("students"));
    let schema: Value =
        serde_json::from_str(include_str!("formats/classroom50.schema.json")).unwrap();
    // The right one, the one that does not compile, and the hostile one.
    for (name, _, deserves) in [0, 2, 3].map(|place| class()[place]) {
        let checkout = repository.path("students").join(name);
        let autograder = bundle.join("autograder.py");
        let arguments = [autograder.to_str().unwrap()];
        let mut python = repository.engine(&checkout, "python3", &arguments);
        for (variable, value) in [
            ("CLASSROOM", "sockets"),
            ("ASSIGNMENT", "day2"),
            ("ASSIGNMENT_TYPE", "individual"),
            ("OWNER", name),
            ("SUBMISSION_TAG", "submit/2026-06-01T14-32-05Z-a1b2c3d"),
            ("COMMIT_URL", "https://example.org/c"),
            ("RELEASE_URL", "https://example.org/r"),
            ("REVIEW_URL", "https://example.org/d"),
        ] {
            python.env(variable, value);
        }
        let output = python.output().unwrap();
        expect_success(&output);
        assert!(!said(&output).contains("OWNED"), "{}", said(&output));
        let text = fs::read_to_string(checkout.join("result.json")).unwrap();
        let result: Value = serde_json::from_str(&text).unwrap();
        assert!(jsonschema::is_valid(&schema, &result), "{result:#}");
        assert_eq!(result["owner"], name);
        deserves.expect(name, result["score"].as_u64().unwrap());
    }
    assert!(repository.done_as_root().contains(SYSCTL));
    repository.expect_clean();
}

/// Everything that is built from the course is there, what runs as a command is one, and what instructors are told to
/// type is understood.
#[test]
fn a_container_is_built_from_what_is_there() {
    let file = text_of("checker/ci/container/Containerfile");
    let mut stages = Vec::new();
    let mut user = None;
    for line in file.lines() {
        let mut words = line.split_whitespace();
        let instruction = words.next().unwrap_or("#");
        let rest: Vec<&str> = words.collect();
        match instruction {
            "FROM" => stages.push(rest),
            "COPY" if rest[0].starts_with("--from=") => {
                let stage = rest[0].trim_start_matches("--from=");
                let is_known = stages.iter().any(|from| from.last() == Some(&stage));
                assert!(is_known, "{line}");
            }
            "COPY" => {
                for source in &rest[..rest.len() - 1] {
                    assert!(course_file(source).exists(), "{line}");
                }
            }
            "RUN" => {
                let shell = command("sh").args(["-n", "-c", &rest.join(" ")]).output();
                expect_success(&shell.unwrap());
            }
            "USER" => user = rest.first().copied(),
            "ENV" => assert_eq!(rest, ["CI=true"]),
            "ENTRYPOINT" => assert_eq!(rest, ["[\"checker\"]"]),
            "WORKDIR" => assert!(rest[0].starts_with('/')),
            "#" => (),
            other => panic!("{other} is no instruction of ours"),
        }
    }
    assert_eq!(stages.len(), 2);
    assert!(user.is_some_and(|user| user != "root"));

    // `podman run … socket-lab grade …`: what stands behind the image is the checker's.
    let repository = Repository::new();
    repository.has_checker();
    repository.class_in(&repository.path("repository/class"));
    let line = file
        .lines()
        .find_map(|line| line.split_once("socket-lab grade"))
        .unwrap();
    let command = format!("checker grade{} --exercise day2_2", line.1);
    let folder = repository.path("repository");
    let output = repository.engine(&folder, "sh", &["-c", &command]).output();
    expect_success(&output.unwrap());
    repository.expect_gradebook(&folder.join("grades"));
}

#[test]
fn a_student_in_the_browser_can_trace() {
    let text = text_of(".devcontainer/devcontainer.json");
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let container: Value = serde_json::from_str(&lines.collect::<String>()).unwrap();
    assert_eq!(container["capAdd"][0], "SYS_PTRACE");
    assert_eq!(container["securityOpt"][0], "seccomp=unconfined");
    let first = container["onCreateCommand"].as_str().unwrap();
    let shell = command("sh").args(["-n", "-c", first]).output();
    expect_success(&shell.unwrap());
    // It is handed out: cargo's part of it works there.
    let repository = Repository::new();
    repository.command("apt-get", "exit 0");
    repository.command("sudo", "exec \"$@\"");
    let course = repository.path("course");
    let mut handout = Course::real().checker();
    handout.arg("handout").arg(&course).assert().success();
    let handed = fs::read_to_string(course.join(".devcontainer/devcontainer.json")).unwrap();
    assert_eq!(handed, text);
    let output = repository.engine(&course, "sh", &["-c", first]).output();
    expect_success(&output.unwrap());
}
