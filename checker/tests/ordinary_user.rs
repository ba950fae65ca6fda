//! Root's checker and an ordinary user's find the same, and root's does not run programs as root.

mod support;

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Command, Output},
};

use support::Course;

/// Runs the checker as an ordinary user: as `nobody` if these tests are root's, else as whoever runs them.
fn as_ordinary_user(course: &Course, checker: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(checker);
    command
        .current_dir(course.root())
        .args(arguments)
        .env("HOME", "/nonexistent");
    if nix::unistd::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    command.output().unwrap()
}

/// A copy which everybody may execute; root's own folders are closed to others.
fn public(from: &Path, folder: &Path) -> std::path::PathBuf {
    let to = folder.join(from.file_name().unwrap());
    fs::copy(from, &to).unwrap();
    fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
    to
}

#[test]
fn an_ordinary_user_gets_all_points_too() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    let solution = course.built_solution("day2_2_echo_server");
    let folder = course.root().parent().unwrap();
    let checker = public(Path::new(course.checker().get_program()), folder);
    let solution = public(&solution, folder);
    for isolation in [&[][..], &["--isolation", "shared"]] {
        let arguments = [
            &["day2_2", "--program", solution.to_str().unwrap()],
            isolation,
        ]
        .concat();
        let output = as_ordinary_user(&course, &checker, &arguments);
        let printed = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{printed}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn programs_are_nobodys() {
    let course = Course::real();
    let program = course.misbehaving("tells_who_it_is");
    for isolation in support::Isolation::ALL {
        let report = course.check_first_test("day2_2", &program, isolation);
        let symptom = report["exercises"][0]["tests"][0]["failure"]["symptom"].to_string();
        assert!(symptom.contains("user "), "{symptom}");
        assert!(!symptom.contains("user 0 "), "{symptom}");
        assert!(symptom.contains("no capabilities"), "{symptom}");
    }
}
