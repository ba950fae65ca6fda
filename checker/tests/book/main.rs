//! The textbook holds what it promises: links lead somewhere, the indexes are up to date, the stages of its programs
//! are what the text shows, and do in a terminal what it shows.

mod session;
mod site;
#[path = "../support/mod.rs"]
mod support;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use checker::book::{self, Heading};
use session::Session;
use support::{Course, environment::command, skipped::skipped};

fn root() -> PathBuf {
    Course::real().root().to_owned()
}

fn course() -> String {
    fs::read_to_string(root().join("course.md")).unwrap()
}

#[test]
fn every_heading_has_a_name_of_its_own() {
    let mut anchors = BTreeSet::new();
    let twice: Vec<Heading> = book::headings(&course())
        .into_iter()
        .filter(|heading| !anchors.insert(heading.anchor()))
        .collect();
    assert!(twice.is_empty(), "{twice:#?}");
}

#[test]
fn every_link_leads_somewhere() {
    let text = course();
    let anchors: BTreeSet<String> = book::headings(&text).iter().map(Heading::anchor).collect();
    let lost: Vec<_> = book::links(&text)
        .into_iter()
        .filter(|link| match link.target.strip_prefix('#') {
            Some(anchor) => !anchors.contains(anchor),
            None => !link.target.contains("://") && !root().join(&link.target).exists(),
        })
        .collect();
    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn every_figure_fits_its_columns() {
    /// Of a printed page, and of an editor beside a terminal.
    const COLUMNS: usize = 118;
    let text = course();
    let mut language = None;
    let mut figures = 0;
    for (at, line) in text.lines().enumerate() {
        if let Some(behind) = line.strip_prefix("```") {
            figures += usize::from(language.is_none() && behind == "text");
            language = match language {
                None => Some(behind),
                Some(_) => None,
            };
            continue;
        }
        if language == Some("text") {
            let columns = line.chars().count();
            assert!(
                columns <= COLUMNS,
                "course.md:{}: {columns} columns",
                at + 1
            );
        }
    }
    assert!(figures > 0 && language.is_none());
}

#[test]
fn contents_and_indexes_are_up_to_date() {
    let text = course();
    assert!(
        book::with_indexes(&text) == text,
        "the contents or the indexes of course.md are out of date: cargo teach book --update"
    );
    for part in ["contents", "calls", "errors"] {
        assert!(
            text.contains(&format!("`cargo teach book --update`: {part} -->")),
            "{part}"
        );
    }
}

#[test]
fn the_source_of_a_site_has_every_chapter() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Course::real().checker();
    command.arg("book").arg(folder.path()).assert().code(0);
    let summary = fs::read_to_string(folder.path().join("src/SUMMARY.md")).unwrap();
    for heading in book::headings(&course())
        .iter()
        .filter(|one| one.level <= 2)
    {
        let page = format!("{}.md", heading.anchor());
        assert!(summary.contains(&format!("({page})")), "{page}");
        assert!(folder.path().join("src").join(&page).is_file(), "{page}");
    }
    assert!(folder.path().join("book.toml").is_file());
}

/// A stage of a program that a chapter grows, as the text shows it.
struct Stage {
    line: usize,
    exercise: String,
    name: String,
    /// The stage to which the text shows the difference.
    from: Option<String>,
    shown: String,
}

impl Stage {
    fn program(&self, name: &str) -> String {
        let file = root().join(format!("exercises/{}/examples/{name}.rs", self.exercise));
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }
}

/// The fenced block that begins in the line behind the marker at `at`, which counts from 0: its language and its lines.
fn block(lines: &[&str], at: usize) -> (String, String) {
    let language = lines[at + 1].strip_prefix("```");
    let language = language.unwrap_or_else(|| panic!("course.md:{}: no block follows", at + 1));
    let body = lines[at + 2..].iter().take_while(|line| **line != "```");
    (
        language.to_owned(),
        body.map(|line| format!("{line}\n")).collect(),
    )
}

/// What stands behind the word in a marker: `<!-- WORD … -->`.
fn marker<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let rest = line.strip_prefix("<!-- ")?.strip_prefix(word)?;
    rest.strip_suffix("-->").map(str::trim)
}

fn stages() -> Vec<Stage> {
    let text = course();
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(words) = marker(line, "stage ") else {
            continue;
        };
        let (language, shown) = block(&lines, at);
        let words: Vec<&str> = words.split(' ').collect();
        let (exercise, name, from, expected) = match words[..] {
            [exercise, name] => (exercise, name, None, "rust,ignore"),
            [exercise, name, "from", from] => (exercise, name, Some(from.to_owned()), "diff"),
            _ => panic!("course.md:{}: {line}", at + 1),
        };
        assert_eq!(language, expected, "course.md:{}", at + 1);
        found.push(Stage {
            line: at + 1,
            exercise: exercise.to_owned(),
            name: name.to_owned(),
            from,
            shown,
        });
    }
    found
}

/// Applies hunks without line numbers, which are separated by lines that begin with `@@`.
fn apply(old: &str, hunks: &str) -> Result<String, String> {
    let old: Vec<&str> = old.lines().collect();
    let mut result: Vec<&str> = Vec::new();
    let mut at = 0;
    let lines: Vec<&str> = hunks.lines().collect();
    for hunk in lines.split(|line| line.starts_with("@@")) {
        let side = |sign: char| -> Vec<&str> {
            let of_side = hunk
                .iter()
                .filter(|line| line.is_empty() || line.starts_with([' ', sign]));
            of_side
                .map(|line| line.get(1..).unwrap_or_default())
                .collect()
        };
        let (before, after) = (side('-'), side('+'));
        let place = old[at..]
            .windows(before.len().max(1))
            .position(|window| window == before)
            .ok_or_else(|| format!("this is not in the stage before: {before:#?}"))?;
        result.extend(&old[at..at + place]);
        result.extend(after);
        at += place + before.len();
    }
    result.extend(&old[at..]);
    Ok(result.iter().map(|line| format!("{line}\n")).collect())
}

#[test]
fn the_text_shows_each_stage_as_it_is() {
    let stages = stages();
    assert!(!stages.is_empty());
    for stage in &stages {
        let shown = match &stage.from {
            None => Ok(stage.shown.clone()),
            Some(from) => apply(&stage.program(from), &stage.shown),
        };
        let program = stage.program(&stage.name);
        match shown {
            Ok(shown) => assert!(
                shown == program,
                "course.md:{}: {} is another program:\n{shown}",
                stage.line,
                stage.name
            ),
            Err(reason) => panic!("course.md:{}: {}: {reason}", stage.line, stage.name),
        }
    }
}

#[test]
fn every_stage_is_in_the_text() {
    let shown: BTreeSet<(String, String)> = stages()
        .into_iter()
        .map(|stage| (stage.exercise, stage.name))
        .collect();
    for exercise in fs::read_dir(root().join("exercises")).unwrap() {
        let exercise = exercise.unwrap().path();
        let Ok(examples) = fs::read_dir(exercise.join("examples")) else {
            continue;
        };
        for file in examples {
            let name = file
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let package = exercise.file_name().unwrap().to_string_lossy().into_owned();
            assert!(
                shown.contains(&(package.clone(), name.clone())),
                "{package}: {name}"
            );
        }
    }
}

/// Builds all stages; returns the folder of the programs.
fn build() -> PathBuf {
    let packages: BTreeSet<String> = stages().into_iter().map(|stage| stage.exercise).collect();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stages");
    let mut cargo = command(env!("CARGO"));
    cargo
        .args(["build", "-q", "--examples", "--offline", "--target-dir"])
        .arg(&target);
    cargo.current_dir(root()).env("RUSTFLAGS", "-Dwarnings");
    for package in packages {
        cargo.args(["-p", &package]);
    }
    let output = cargo.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    target.join("debug/examples")
}

#[test]
fn what_the_text_shows_in_a_terminal_is_what_happens() {
    let programs = build();
    let text = course();
    let lines: Vec<&str> = text.lines().collect();
    let tmp = tempfile::tempdir().unwrap();
    let mut played = 0;
    for (at, line) in lines.iter().enumerate() {
        if marker(line, "session ").is_none() {
            assert!(
                !line.starts_with("<!-- session") || line.starts_with("<!-- session, not run: "),
                "course.md:{}: {line}",
                at + 1
            );
            continue;
        }
        let (language, shown) = block(&lines, at);
        assert_eq!(language, "console", "course.md:{}", at + 1);
        let session =
            Session::of(&shown).unwrap_or_else(|reason| panic!("course.md:{}: {reason}", at + 1));
        if let Some(missing) = session.lacks() {
            skipped(format!(
                "the session at course.md:{}: there is no {missing}",
                at + 1
            ));
            continue;
        }
        if let Err(reason) = session.play(&programs, tmp.path()) {
            panic!("course.md:{}: {reason}", at + 1);
        }
        played += 1;
    }
    assert!(played > 0);
}
