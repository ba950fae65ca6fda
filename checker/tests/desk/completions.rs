//! Completions: what fits, and the scripts in the shells themselves.

use std::process::Command;

use checker::syllabus;
use predicates::{prelude::PredicateBooleanExt, str::contains};

use crate::{
    EXERCISE, printed,
    support::{Course, environment, skipped::skipped},
};

/// The words that fit in the place of the last one.
fn fitting(words: &[&str]) -> Vec<String> {
    let arguments = [&["complete", "--"], words].concat();
    let told = printed(&Course::real(), &arguments, 0);
    let values = told.lines().map(|line| line.split('\t').next().unwrap());
    values.map(str::to_owned).collect()
}

#[test]
fn commands_exercises_options_values_and_tests_are_completed() {
    let first = syllabus::find(EXERCISE).unwrap().tests[0].name;
    let root = fitting(&[""]);
    for word in ["list", "hint", "why", "day2", "day2_2", "all"] {
        assert!(root.iter().any(|found| found == word), "{word}: {root:?}");
    }
    assert!(!root.iter().any(|found| found == "complete"), "{root:?}");
    assert_eq!(fitting(&["hint", "echo_s"]), ["echo_server"]);
    assert_eq!(fitting(&["hint", "2.2"]), ["2.2"]);
    assert_eq!(fitting(&["day2_2", "--fee"]), ["--feedback"]);
    assert_eq!(fitting(&["day2_2", "--format", "juni"]), ["junit"]);
    for words in [
        &["why", "2.2", "announces"][..],
        &["why", "2.2", "\"announces the"],
        &["why", "day2_2", r"announces\ the"],
        &["--seed", "7", "day2_2", "--only", "announces"],
    ] {
        assert_eq!(fitting(words), [first], "{words:?}");
    }
    // Of an option that takes any value, the shell knows more: files.
    assert_eq!(fitting(&["day2_2", "--program", "/bi"]), [""; 0]);
    assert_eq!(fitting(&["demo", "backlo"]), ["backlog"]);
}

#[test]
fn without_a_shell_they_say_how_to_install_them() {
    Course::real()
        .checker()
        .arg("completions")
        .assert()
        .code(0)
        .stdout(contains("~/.bashrc").and(contains("~/.zshrc").and(contains("fish/conf.d"))));
}

/// What a shell prints that has the script, in a file, and then runs these commands; `None` where there is no such shell.
fn shell(name: &str, arguments: &[&str], commands: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("completions");
    std::fs::write(&script, printed(&Course::real(), &["completions", name], 0)).unwrap();
    let commands = commands.replace("{script}", script.to_str().unwrap());
    let mut shell: Command = environment::command(name);
    shell
        .env("HOME", folder.path())
        .args(arguments)
        .args(["-c", &commands]);
    let Ok(output) = shell.output() else {
        skipped(format_args!("there is no {name}"));
        return None;
    };
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn bash_completes_cargo_lab_and_leaves_the_rest_to_cargo() {
    const COMMANDS: &str = r#"
        _cargo() { COMPREPLY=(build) ; }
        complete -F _cargo cargo
        . {script}
        . {script}
        ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _socket_lab_cargo cargo; printf '%s\n' "${COMPREPLY[@]}"; }
        ask cargo lab why 2.2 'announces\ the'
        ask cargo lab why 2.2 '"announces the'
        ask cargo b
        ask cargo l
        complete -p cargo lab
    "#;
    let Some(told) = shell("bash", &["--norc", "--noprofile"], COMMANDS) else {
        return;
    };
    let lines: Vec<&str> = told.lines().collect();
    let expected = [
        r"announces\ the\ address\ on\ which\ it\ listens",
        "announces the address on which it listens",
        "build",
        "build",
        "lab",
    ];
    assert_eq!(lines[..5], expected);
    assert!(
        lines[5].contains("-F _socket_lab_cargo cargo") && lines[6].contains("_socket_lab lab")
    );
}

#[test]
fn fish_completes_cargo_lab() {
    const COMMANDS: &str = r#"
        source {script}
        complete -C "cargo lab why 2.2 announces"
        complete -C "lab hint echo_s"
        complete -C "cargo la"
    "#;
    let Some(told) = shell("fish", &["--no-config"], COMMANDS) else {
        return;
    };
    let values: Vec<&str> = told
        .lines()
        .map(|line| line.split('\t').next().unwrap())
        .collect();
    let first = syllabus::find(EXERCISE).unwrap().tests[0].name;
    assert_eq!(values[..3], [first, "echo_server", "lab"], "{told}");
}

/// What zsh completes needs a terminal; here it reads the script, and takes it over.
#[test]
fn zsh_takes_the_script() {
    const COMMANDS: &str = r#"
        autoload -U compinit
        compinit -u -D
        . {script}
        . {script}
        print ${_comps[cargo]} ${_comps[lab]} ${_socket_lab_before:-none}
    "#;
    if let Some(told) = shell("zsh", &["-f"], COMMANDS) {
        assert!(told.starts_with("_socket_lab_cargo _socket_lab "), "{told}");
        assert!(!told.contains("_socket_lab _socket_lab_cargo"), "{told}");
    }
}
