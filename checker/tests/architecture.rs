//! The architecture chapter of README.md: it is short, and each name in it is one of the code.

use std::{collections::BTreeSet, fs, path::Path};

const CHECKER: &str = env!("CARGO_MANIFEST_DIR");
/// Formats are called by their names in the command line, and so is what a program is told.
const NO_NAMES: &[&str] = &["enum", "mistakes/NAME.patch", "cargo"];

fn chapter(heading: &str) -> String {
    let text = fs::read_to_string(Path::new(CHECKER).join("../README.md")).unwrap();
    let (_, rest) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let end = rest.find("\n## ").unwrap_or(rest.len());
    rest[..end].trim().to_owned()
}

/// Modules, by their files, and types, by their declarations.
fn names() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = ["src", "course/src", "harness/src"]
        .map(|folder| Path::new(CHECKER).join(folder))
        .to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            found.insert(path.file_stem().unwrap().to_string_lossy().into_owned());
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let declared = text.lines().filter_map(|line| {
                    let (kind, rest) = line.strip_prefix("pub ")?.split_once(' ')?;
                    let end = rest.find(|one: char| !one.is_alphanumeric() && one != '_')?;
                    matches!(kind, "struct" | "enum").then(|| rest[..end].to_owned())
                });
                found.extend(declared);
            }
        }
    }
    found
}

#[test]
fn each_name_in_the_architecture_is_one_of_the_code() {
    let architecture = chapter("Architecture");
    assert!(architecture.lines().count() <= 80);
    let glossary = chapter("Glossary");
    let terms = glossary
        .lines()
        .filter(|line| line.starts_with("| "))
        .count()
        - 1;
    assert!(terms <= 20, "{terms} terms");
    let names = names();
    let (_, drawing) = architecture.split_once("```text\n").unwrap();
    let (drawing, text) = drawing.split_once("```").unwrap();
    // On the left of the drawing stand names.
    let drawn = drawing
        .lines()
        .filter(|line| !line.contains("── package"))
        .flat_map(|line| {
            line.chars()
                .take(43)
                .collect::<String>()
                .split([' ', ',', '─', '│', '├', '└', '…'])
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
    let written = [text, &glossary].join("\n");
    let written = written
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| !NO_NAMES.contains(name) && !name.contains(' '))
        .flat_map(|name| name.split("::").map(str::to_owned).collect::<Vec<_>>());
    let missing: Vec<String> = drawn
        .chain(written)
        .filter(|name| !name.is_empty() && !names.contains(name))
        .collect();
    assert!(missing.is_empty(), "no module and no type: {missing:?}");
}
