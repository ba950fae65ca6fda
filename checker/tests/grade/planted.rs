//! Submissions whose programs put links in the place of their file: to the reference, to what a neighbour has handed in,
//! to the gradebook. They get none of it, their reports are reports, and the neighbour keeps all points.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    class::{Class, Deserves, finished},
    support::{self, Isolation, ordinary_user::OrdinaryUser},
};

const COPY: &str = "day1_1_file_copy";
const RIGHT: &str = include_str!("../../../solutions/day1_1_file_copy/src/main.rs");

/// What nobody else may see. It is at the beginning of what is aimed at, which a report would show.
const MARK: &str = "// SEKRET SEKRET SEKRET SEKRET SEKRET SEKRET SEKRET SEKRET SEKRET\n";

/// What every row of a dump of it holds.
const WORD: &str = "SEKRET";

/// A program that keeps all promises but one.
fn aiming_at(target: &Path) -> String {
    format!(
        r#"
        use std::{{env, fs, io::{{self, Read}}, os::unix::fs::symlink}};
        fn main() {{
            let mut input = Vec::new();
            io::stdin().read_to_end(&mut input).unwrap();
            let place = env::args_os().last().unwrap();
            let _ = fs::remove_file(&place);
            symlink({target:?}, &place).unwrap();
            println!("{{}} bytes", input.len());
        }}
        "#
    )
}

/// All forms in which a report could tell it.
fn tells(mark: &str, printed: &str) -> bool {
    let printed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    let byte = |form: fn(u8) -> String, between: &str| {
        let forms: Vec<_> = mark.bytes().map(form).collect();
        forms.join(between)
    };
    [
        mark.to_owned(),
        byte(|byte| format!("{byte:02x}"), ""),
        byte(|byte| format!("{byte:02x}"), " "),
        byte(|byte| byte.to_string(), ", "),
        byte(|byte| byte.to_string(), ","),
    ]
    .iter()
    .any(|form| printed.contains(form))
}

/// A class, and where its attackers aim.
fn class() -> (Class, Vec<(&'static str, PathBuf)>) {
    let mut class = Class::new();
    let targets = [
        ("aims-at-the-reference", "solutions/main.rs".to_owned()),
        (
            "aims-at-a-neighbour",
            format!("class/anna/exercises/{COPY}/src/main.rs"),
        ),
        ("aims-at-the-gradebook", "out/gradebook.csv".to_owned()),
    ]
    .map(|(name, path)| (name, class.path(&path)));
    fs::create_dir(class.path("solutions")).unwrap();
    fs::write(&targets[0].1, format!("{MARK}{RIGHT}")).unwrap();
    let mut add = |name: &str, source: &str| {
        let place = class.add(name, Deserves::All);
        let place = place.join(format!("exercises/{COPY}/src"));
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("main.rs"), source).unwrap();
    };
    add("anna", &format!("{MARK}{RIGHT}"));
    for (name, target) in &targets {
        add(name, &aiming_at(target));
    }
    (class, targets.into())
}

#[test]
fn a_link_shows_neither_the_reference_nor_a_neighbour_nor_the_gradebook() {
    if !checker::sandbox::probe().has_jail() {
        return;
    }
    let mut users = vec![None];
    if nix::unistd::geteuid().is_root() {
        users.push(Some(OrdinaryUser::new()));
    }
    for user in &users {
        let toolchain = user.as_ref().map(OrdinaryUser::toolchain);
        for isolation in Isolation::ALL {
            let (class, targets) = class();
            let checker = class.checker().get_program().to_owned();
            let mut command = class.checker();
            if let Some(user) = user {
                command = Command::new(user.program(Path::new(&checker)));
                command
                    .current_dir(class.path(""))
                    .env("TMPDIR", class.path("tmp"));
                command
                    .env_remove("CI")
                    .envs(toolchain.clone().into_iter().flatten());
                user.own(&class.path(""));
                user.run(&mut command);
            }
            command.args(["grade", "--exercise", "day1_1", "--seed=7", "--out=out"]);
            command.args(Some(isolation.argument()).filter(|argument| !argument.is_empty()));
            command.args(
                ["anna"]
                    .iter()
                    .chain(targets.iter().map(|(name, _)| name))
                    .map(|name| class.path("class").join(name)),
            );
            let (status, stdout, stderr) = finished(&mut command);
            assert_eq!(status, Some(0), "{isolation:?}: {stdout}{stderr}");
            assert!(
                !tells(WORD, &stdout) && !tells(WORD, &stderr),
                "{stdout}{stderr}"
            );
            let anna = &class.graded("out", "anna")["report"];
            assert_eq!(
                anna["points"], anna["max_points"],
                "{isolation:?}: {anna:#}"
            );
            let csv = class.csv("out");
            let header = &csv[..12];
            for (name, _) in &targets {
                expect_nothing_seen(&class.graded("out", name), name, header);
            }
            for file in support::files_below(&class.path("out")) {
                let content = fs::read(&file).unwrap();
                let told = tells(WORD, &String::from_utf8_lossy(&content));
                assert!(!told, "{isolation:?}: {}", file.display());
            }
            class.expect_clean();
        }
    }
}

fn expect_nothing_seen(graded: &Value, name: &str, secret: &str) {
    assert_eq!(graded["trouble"], Value::Null, "{name}: {graded:#}");
    let tests = graded["report"]["exercises"][0]["tests"]
        .as_array()
        .unwrap();
    let diagnosed = |test: &&Value| test["failure"]["diagnosis"] == "not-a-file";
    assert!(
        tests.iter().any(|test| diagnosed(&test)),
        "{name}: {graded:#}"
    );
    for test in tests {
        assert_ne!(test["status"], "broken", "{name}: {test:#}");
        assert!(!tells(secret, &test.to_string()), "{name}: {test:#}");
    }
}

/// Who opens by the name, as the lab did, reads what the link leads to.
#[test]
fn by_its_name_all_of_it_can_be_read() {
    let (class, targets) = class();
    fs::create_dir(class.path("out")).unwrap();
    fs::write(class.path("out/gradebook.csv"), MARK).unwrap();
    for (name, target) in targets {
        let link = class.path(name);
        symlink(target, &link).unwrap();
        assert!(tells(WORD, &fs::read_to_string(&link).unwrap()), "{name}");
    }
}
