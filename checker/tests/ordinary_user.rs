//! Root's checker and an ordinary user's find the same, and root's does not run programs as root.

mod support;

use support::{Course, environment::command, ordinary_user::OrdinaryUser};

#[test]
fn an_ordinary_user_gets_all_points_too() {
    let course = Course::copy_of(&["day2_2_echo_server"]);
    let solution = course.built_solution("day2_2_echo_server");
    let nobody = OrdinaryUser::new();
    let checker = nobody.program(support::checker_program());
    let solution = nobody.program(&solution);
    for isolation in [&[][..], &["--isolation", "shared"]] {
        let mut command = command(&checker);
        command
            .current_dir(course.root())
            .args(["day2_2", "--program"])
            .arg(&solution)
            .args(isolation);
        nobody.run(&mut command);
        let output = command.output().unwrap();
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
