//! The settings for an editor: what it checks, and what it can run.

use std::fs;

use serde_json::Value;

use crate::{EXERCISE, MAIN, support::Course};

/// A file of VS Code: JSON, with comments in lines of their own.
fn settings(file: &str) -> Value {
    let text = fs::read_to_string(Course::real().root().join(".vscode").join(file)).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    serde_json::from_str(&lines.collect::<Vec<_>>().join("\n")).unwrap()
}

fn words(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|word| word.as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_editor_checks_what_students_edit_only() {
    let settings = settings("settings.json");
    assert_eq!(settings["rust-analyzer.check.workspace"], false);
    let check = words(&settings["rust-analyzer.cargo.buildScripts.overrideCommand"]);
    let excluded: Vec<&str> = check
        .windows(2)
        .filter(|pair| pair[0] == "--exclude")
        .map(|pair| pair[1].as_str())
        .collect();
    let root = Course::real().root().to_owned();
    for package in ["checker", "checker/course", "checker/harness"] {
        let manifest = fs::read_to_string(root.join(package).join("Cargo.toml")).unwrap();
        let name = manifest.lines().find(|line| line.starts_with("name = "));
        let name = name.unwrap().split('"').nth(1).unwrap();
        assert!(excluded.contains(&name), "{name}");
    }
    // The references.
    assert!(excluded.contains(&"*_solution"), "{excluded:?}");
    let solution = checker::syllabus::EXERCISES[0].solution();
    assert!(solution.ends_with("_solution"), "{solution}");
}

#[test]
fn every_task_is_a_command_of_the_lab() {
    let course = Course::copy_of(&[EXERCISE]);
    let file = course.root().join(MAIN);
    fs::copy(
        Course::real().root().join("course.md"),
        course.root().join("course.md"),
    )
    .unwrap();
    for task in settings("tasks.json")["tasks"].as_array().unwrap() {
        assert_eq!(task["command"], "cargo");
        let mut arguments = words(&task["args"]);
        assert_eq!(arguments.remove(0), "lab");
        let arguments = arguments
            .iter()
            .map(|word| word.replace("${file}", file.to_str().unwrap()));
        // A check of the starter fails; all else is fine.
        let is_check = task["group"]["kind"] == "build";
        let mut checker = course.checker();
        checker.args(arguments).assert().code(i32::from(is_check));
    }
}
