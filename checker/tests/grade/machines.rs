//! Grading by somebody who is not root, and on machines which allow less than this one.

use crate::{
    class::{Class, Deserves, RIGHT, expect_deserved_where, finished, solution_of},
    support::{
        MACHINE, checker_program,
        machine::{DOCKER, NO_PTRACE, Refusal, refuse},
        ordinary_user::OrdinaryUser,
    },
};

/// One right, one wrong and one hostile submission.
fn one_of_each() -> Class {
    let mut class = Class::new();
    class.program("anna", Deserves::All, RIGHT);
    let wrong = solution_of("never_closes");
    class.program("ben", Deserves::Mistake("never_closes"), &wrong);
    class.hostile("mallory");
    class
}

/// Machines, what they do not allow, and whether all tests are checked there.
const MACHINES: &[(&str, &[&[Refusal]], bool)] = &[
    ("this one", &[], true),
    ("without namespaces", &[DOCKER], true),
    ("without namespaces and ptrace", &[DOCKER, NO_PTRACE], false),
];

#[test]
fn an_ordinary_user_grades_on_any_machine() {
    let class = one_of_each();
    let nobody = OrdinaryUser::new();
    let toolchain = nobody.toolchain();
    let checker = nobody.program(checker_program());
    for (machine, refusals, is_all_checked) in MACHINES {
        nobody.own(&class.path(machine));
        let mut command = class.grade_with(&checker, machine);
        command.arg("--strict=false").envs(toolchain.clone());
        nobody.run(&mut command);
        refuse(&mut command, refusals);
        let (status, stdout, stderr) = finished(&mut command);
        let is_all_checked = *is_all_checked && MACHINE.tracing.is_ok();
        let expected = if is_all_checked { 0 } else { 4 };
        assert_eq!(status, Some(expected), "{machine}: {stdout}{stderr}");
        // What is not enough against a hostile program is said.
        let has_note = stderr.contains("checker: note: ");
        assert_eq!(
            has_note,
            !refusals.is_empty() || !MACHINE.missing().is_empty(),
            "{stderr}"
        );
        expect_deserved_where(&class, machine, is_all_checked);
        class.expect_clean();
    }
}
