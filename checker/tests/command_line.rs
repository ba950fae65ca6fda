//! The command line: names, statuses, formats, colour.

mod support;

use std::fs;

use predicates::{prelude::PredicateBooleanExt, str::contains};
use support::{Course, Isolation, MACHINE, skipped::skipped};

#[test]
fn a_target_that_does_not_exist_is_wrong_usage_with_near_names() {
    let course = Course::real();
    for (typed, meant) in [
        ("day22", "day2"),
        ("ecko_server", "echo_server"),
        ("verfy", "verify"),
        ("day7", "there are day1 to day"),
        ("day2_2_echo_srver", "day2_2_echo_server"),
    ] {
        course
            .checker()
            .arg(typed)
            .assert()
            .code(2)
            .stderr(contains(meant));
    }
}

#[test]
fn a_test_that_does_not_exist_is_wrong_usage_with_the_names_there_are() {
    let first = checker::syllabus::find("day2_2_echo_server").unwrap().tests[0].name;
    Course::real()
        .checker()
        .args(["day2_2", "--only", "sings a song"])
        .assert()
        .code(2)
        .stderr(contains(first));
}

#[test]
fn wrong_options_are_wrong_usage() {
    let course = Course::real();
    for arguments in [
        &["day2_2", "--format", "yaml"][..],
        &["day2_2", "--jobs", "0"],
        &["day2_2", "--seed", "many"],
        &["all", "--program", "/bin/true"],
        &["--only", "x"],
    ] {
        course
            .checker()
            .args(arguments)
            .assert()
            .code(2)
            .stderr(contains("\n"));
    }
}

/// The folder of a test hides what was in its place.
#[test]
fn a_program_is_found_wherever_it_lies() {
    const EXERCISE: &str = "day2_2_echo_server";
    let course = Course::real();
    let solution = course.built_solution(EXERCISE);
    for place in ["/dev/shm", "/tmp", "/var/tmp"] {
        let Ok(folder) = tempfile::tempdir_in(place) else {
            skipped(format_args!("no folder can be made in {place}"));
            continue;
        };
        support::open_to_all(folder.path());
        let program = folder.path().join("program");
        std::fs::copy(&solution, &program).unwrap();
        let report = course.check_first_test(EXERCISE, &program, Isolation::Namespaces);
        assert_eq!(report["status"], "passed", "{place}: {report}");
    }
}

#[test]
fn without_a_target_there_is_the_map() {
    Course::copy_of(&["day2_2_echo_server"])
        .checker()
        .assert()
        .code(0)
        .stdout(
            contains("Day 2")
                .and(contains("day2_2_echo_server"))
                .and(contains("Next: ")),
        );
}

#[test]
fn list_hint_doctor_and_completions_answer() {
    let course = Course::real();
    course
        .checker()
        .args(["list", "day2"])
        .assert()
        .code(0)
        .stdout(contains("day2_2_echo_server"));
    // What passes in the real course is remembered there, and then there is no hint.
    Course::copy_of(&["day2_2_echo_server"])
        .checker()
        .args(["hint", "echo_server", "--all"])
        .assert()
        .code(0)
        .stdout(contains("course.md"));
    course
        .checker()
        .arg("doctor")
        .assert()
        .code(0)
        .stdout(contains("cargo"));
    course
        .checker()
        .args(["completions", "bash"])
        .assert()
        .code(0)
        .stdout(contains("checker"));
}

#[test]
fn where_to_read_is_a_file_and_the_line_of_the_heading() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    let textbook = Course::real().root().join("course.md");
    fs::copy(&textbook, course.root().join("course.md")).unwrap();
    let text = fs::read_to_string(textbook).unwrap();
    for arguments in [
        &["hint", "day2_2", "--all"][..],
        &["day2_2", "--only", "announces"],
    ] {
        let told = course.checker().args(arguments).output().unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        let (_, place) = told.split_once("course.md:").expect(&told);
        let (line, title) = place.split_once(", \"").unwrap();
        let title = title.split('"').next().unwrap();
        let line: usize = line.parse().unwrap();
        let heading = text.lines().nth(line - 1).unwrap();
        assert_eq!(heading.trim_start_matches('#').trim(), title);
    }
}

#[test]
fn doctor_says_once_what_to_install_and_where_the_disk_is_full() {
    let course = Course::real();
    let told = |variable: &str, value: &str| {
        let mut command = course.checker();
        let output = command.arg("doctor").env(variable, value).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let without_cargo = told("PATH", "/nowhere");
    assert_eq!(
        without_cargo.matches("rustup.rs").count(),
        1,
        "{without_cargo}"
    );
    assert!(without_cargo.contains("disk space"), "{without_cargo}");
    assert!(
        without_cargo.contains("no   nc or socat"),
        "{without_cargo}"
    );
    let tools = tempfile::tempdir().unwrap();
    std::fs::write(tools.path().join("socat"), "").unwrap();
    let with_socat = told("PATH", tools.path().to_str().unwrap());
    assert!(with_socat.contains("yes  nc or socat"), "{with_socat}");
    // This file system has no room at all.
    let full = told("CARGO_TARGET_DIR", "/proc");
    assert!(full.contains("no   disk space: 0 MiB"), "{full}");
}

#[test]
fn the_starter_fails_with_a_report_that_says_what_to_write_first() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    course.checker().arg("day2_2").assert().code(1).stdout(
        contains("FAIL")
            .and(contains("socket"))
            .and(contains("course.md")),
    );
}

#[test]
fn what_passes_is_remembered() {
    if let Err(why) = &MACHINE.tracing {
        return skipped(format_args!("not all tests are checked: {why}"));
    }
    let course = Course::copy_of(&["day2_2_echo_server"]);
    let solution = include_str!("../../solutions/day2_2_echo_server/src/main.rs");
    course.write("exercises/day2_2_echo_server/src/main.rs", solution);
    course
        .checker()
        .arg("day2_2")
        .assert()
        .code(0)
        .stdout(contains("all tests pass"));
    course.checker().assert().code(0).stdout(contains("done"));
    course.write("exercises/day2_2_echo_server/src/main.rs", "fn main() {}");
    course.checker().arg("day2_2").assert().code(1);
    course
        .checker()
        .assert()
        .code(0)
        .stdout(contains("done").not());
}

/// Cargo takes the program of one copy for that of another which is older.
#[test]
fn two_courses_with_one_target_folder_have_programs_of_their_own() {
    let (right, starter) = (
        Course::copy_of(&["day2_2_echo_server"]),
        Course::copy_of(&["day2_2_echo_server"]),
    );
    let path = "exercises/day2_2_echo_server/src/main.rs";
    let solution = include_str!("../../solutions/day2_2_echo_server/src/main.rs");
    right.write(path, solution);
    let file = std::fs::File::options()
        .append(true)
        .open(starter.root().join(path))
        .unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    let target = tempfile::tempdir().unwrap();
    for (course, status) in [(&right, 0), (&starter, 1), (&right, 0)] {
        course
            .checker()
            .args(["day2_2", "--only", "announces"])
            .env("CARGO_TARGET_DIR", target.path())
            .assert()
            .code(status);
    }
    let folders = std::fs::read_dir(target.path()).unwrap();
    assert_eq!(folders.count(), 2);
    let built = right.root().join("target/debug/day2_2_echo_server");
    assert!(!built.exists());
}

#[test]
fn the_map_counts_points_as_reports_do_and_tells_a_compile_error() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    let path = "exercises/day2_2_echo_server/src/main.rs";
    let solution = include_str!("../../solutions/day2_2_echo_server/src/main.rs");
    let exercise = checker::syllabus::find("day2_2_echo_server").unwrap();
    let test = &exercise.tests[1];
    course.write(path, solution);
    course
        .checker()
        .args(["day2_2", "--only", test.name])
        .assert()
        .code(0);
    let standing = format!("{} of {}", test.points, exercise.points());
    course
        .checker()
        .assert()
        .stdout(contains(&standing).and(contains("does not compile").not()));
    course.write(path, "fn main() { nonsense }\n");
    course.checker().arg("day2_2").assert().code(1);
    course.checker().assert().stdout(
        contains("does not compile")
            .and(contains(&standing).not())
            .and(contains(" 0 of ")),
    );
    // What passed before the slip still does.
    course.write(path, solution);
    course
        .checker()
        .args(["day2_2", "--only", exercise.tests[0].name])
        .assert()
        .code(0);
    let both = test.points + exercise.tests[0].points;
    let standing = format!("{both} of {}", exercise.points());
    course.checker().assert().stdout(contains(standing));
}

#[test]
fn progress_of_an_earlier_checker_counts() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    let first = &checker::syllabus::find("day2_2_echo_server").unwrap().tests[0];
    std::fs::create_dir(course.root().join(".lab")).unwrap();
    course.write(
        ".lab/progress.json",
        &serde_json::json!({ "day2_2_echo_server": [first.name] }).to_string(),
    );
    course
        .checker()
        .assert()
        .stdout(contains(format!("{} of ", first.points)));
}

#[test]
fn the_map_fits_a_terminal_of_80_columns() {
    let output = Course::real().checker().output().unwrap();
    let map = String::from_utf8(output.stdout).unwrap();
    for line in map.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn progress_belongs_to_the_owner_of_the_course() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let course = Course::copy_of(&["day2_2_echo_server"]);
    let is_root = nix::unistd::geteuid().is_root();
    if is_root {
        chown(course.root(), Some(65_534), Some(65_534)).unwrap();
    }
    course.checker().arg("day2_2").assert().code(1);
    let owner = std::fs::metadata(course.root()).unwrap();
    for path in [".lab", ".lab/progress.json"] {
        let found = std::fs::metadata(course.root().join(path)).unwrap();
        assert_eq!(
            (found.uid(), found.gid()),
            (owner.uid(), owner.gid()),
            "{path}"
        );
        assert_eq!(found.permissions().mode() & 0o444, 0o444, "{path}");
    }
}

/// Root's checker works in a student's course, too.
#[test]
fn links_in_the_place_of_the_progress_lead_nowhere() {
    use std::os::unix::fs::symlink;
    let others = tempfile::tempdir().unwrap();
    let file = others.path().join("progress.json");
    for at in [".lab", ".lab/progress.json"] {
        let course = Course::copy_of(&["day2_2_echo_server"]);
        let target = match at {
            ".lab" => others.path(),
            _ => {
                std::fs::create_dir(course.root().join(".lab")).unwrap();
                &file
            }
        };
        std::fs::write(&file, "{}").unwrap();
        symlink(target, course.root().join(at)).unwrap();
        let run = course.checker().arg("day2_2").assert().code(1);
        run.stderr(contains("a symbolic link is there"));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "{}", "{at}");
        assert_eq!(std::fs::read_dir(others.path()).unwrap().count(), 1);
    }
}

#[test]
fn progress_that_cannot_be_read_is_named_and_left_alone() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    std::fs::create_dir(course.root().join(".lab")).unwrap();
    course.write(".lab/progress.json", "{ half of it");
    course
        .checker()
        .arg("day2_2")
        .assert()
        .code(1)
        .stderr(contains(".lab/progress.json"));
    course
        .checker()
        .assert()
        .code(0)
        .stdout(contains("Next: "))
        .stderr(contains(".lab/progress.json"));
    let left = std::fs::read_to_string(course.root().join(".lab/progress.json")).unwrap();
    assert_eq!(left, "{ half of it");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let course = Course::real();
    let steps = || {
        let output = course
            .checker()
            .args([
                "day2_2",
                "--seed",
                "4711",
                "--format",
                "json",
                "--program",
                "/bin/cat",
            ])
            .output()
            .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (
            report["seed"].clone(),
            report["exercises"][0]["tests"][1]["failure"]["steps"].clone(),
        )
    };
    assert_eq!(steps(), steps());
    assert_eq!(steps().0, 4711);
}

#[test]
fn many_tests_at_once_fit_under_a_low_limit_of_descriptors() {
    let course = Course::real();
    let (checker, program) = (
        support::checker_program(),
        course.built_solution("day2_2_echo_server"),
    );
    assert_cmd::Command::from_std(support::environment::command("sh"))
        .args(["-c", "ulimit -Sn 40; exec \"$@\"", "sh"])
        .arg(checker)
        .args(["day2_2", "--jobs", "18", "--program"])
        .arg(program)
        .current_dir(course.root())
        .assert()
        // All passed, as far as this machine can tell.
        .code(&[0, 4][..]);
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let course = Course::real();
    let printed = |arguments: &[&str], variable: Option<(&str, &str)>| {
        let mut command = course.checker();
        command.args(["list", "day2_2"]).args(arguments);
        if let Some((name, value)) = variable {
            command.env(name, value);
        }
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert!(!printed(&[], None).contains('\u{1b}'));
    assert!(!printed(&[], Some(("NO_COLOR", "1"))).contains('\u{1b}'));
    assert!(printed(&["--color", "always"], None).contains('\u{1b}'));
    assert!(!printed(&["--color", "never"], Some(("CLICOLOR_FORCE", "1"))).contains('\u{1b}'));
}

#[test]
fn a_report_that_cannot_be_written_is_the_labs_trouble() {
    let course = Course::real();
    for place in ["/dev/full", "/nowhere/report.json"] {
        course
            .checker()
            .args([
                "day2_2",
                "--format",
                "json",
                "--program",
                "/bin/cat",
                "--output",
                place,
            ])
            .assert()
            .code(3)
            .stderr(contains(place));
    }
}

#[test]
fn a_reader_who_leaves_early_is_no_trouble() {
    use std::process::Stdio;
    let course = Course::real();
    let mut child = course
        .checker_command()
        .arg("list")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Nobody reads: every write of the checker fails with EPIPE.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_report_that_nobody_gets_is_no_success() {
    let course = Course::real();
    for format in ["human", "json", "junit"] {
        let full = std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = course
            .checker_command()
            .args(["day2_2", "--format", format, "--program", "/bin/cat"])
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3), "{format}");
    }
}
