//! What a submission brings beside its source files is not followed: 17, 18 and 20.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use serde_json::Value;

use crate::{
    PACKAGE, SECRET, forget_build, one_at_a_time, printed,
    support::{self, Course, environment::command, skipped::skipped},
};

const RIGHT: &str = include_str!("../../../solutions/day1_2_endianness/src/main.rs");

/// How a submission shows that something of it was followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shows {
    /// It leaves a file.
    Mark,
    /// Its program knows the secret of a solution.
    Secret,
}

/// A class whose submissions are whole courses, and somebody's solution.
struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        support::open_to_all(folder.path());
        let scene = Scene { folder };
        support::dependencies::copy_to(&scene.path("control"));
        scene.write(
            "solution/Cargo.toml",
            "[package]\nname = \"solution\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
        );
        let stolen = format!("pub const STOLEN: &str = \"{SECRET}\";\n");
        scene.write("solution/src/lib.rs", &stolen);
        scene.write(
            "solution/src/main.rs",
            &format!("{stolen}fn main() {{ println!(\"{{STOLEN}}\"); }}\n"),
        );
        scene
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// What a program of a submission has to do to be noticed.
    fn mark(&self) -> PathBuf {
        self.path("mark")
    }

    fn script(&self) -> String {
        format!(
            "fn main() {{ std::fs::write({:?}, \"\").unwrap(); }}\n",
            self.mark()
        )
    }

    /// A program that stands in for another one.
    fn wrapper(&self, path: &str) {
        self.stand_in(path, "\"$@\"");
    }

    /// A program that goes on as this command.
    fn stand_in(&self, path: &str, command: &str) {
        let mark = self.mark();
        self.write(
            path,
            &format!("#!/bin/sh\n: > {}\nexec {command}\n", mark.display()),
        );
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A submission with a right program: a course with one exercise.
    fn submission(&self, name: &str) -> Submission<'_> {
        let course = Course::copy_of(&[PACKAGE]);
        let submission = Submission {
            scene: self,
            name: name.to_owned(),
        };
        for file in [
            "Cargo.toml",
            "Cargo.lock",
            &format!("exercises/{PACKAGE}/Cargo.toml"),
        ] {
            let text = fs::read_to_string(course.root().join(file)).unwrap();
            submission.write(file, &text);
        }
        submission.write(&format!("exercises/{PACKAGE}/src/main.rs"), RIGHT);
        submission
    }

    /// 20: a submission with all that cargo has built of another program, and times by which that is the newer one.
    fn write_built_before(&self, main: &str) {
        let one = self.submission("built-before");
        let stolen = self.path("solution/src/main.rs");
        one.write(main, &fs::read_to_string(stolen).unwrap());
        let root = self.path("class/built-before");
        support::dependencies::copy_to(&root.join("target"));
        let mut cargo = command(env!("CARGO"));
        let output = cargo
            .args(["build", "--offline"])
            .current_dir(&root)
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", printed(&output));
        one.write(main, RIGHT);
        let file = fs::File::options().write(true).open(root.join(main));
        file.unwrap().set_modified(UNIX_EPOCH).unwrap();
    }

    /// Builds a submission as somebody would who trusts it. Returns whether it shows something, and what was said.
    fn shows_something_where_it_lies(&self, name: &str, shows: Shows) -> (bool, String) {
        let _ = fs::remove_file(self.mark());
        // Cargo from the path, which may be rustup's: it goes by what it finds where it works.
        let target = match name {
            "built-before" => self.path("class/built-before/target"),
            _ => self.path("control"),
        };
        let subcommand = match name {
            "runner" => "run",
            _ => "build",
        };
        let output = command("cargo")
            .args([subcommand, "--offline", "--target-dir"])
            .arg(&target)
            .current_dir(
                self.path("class")
                    .join(name)
                    .join("exercises")
                    .join(PACKAGE),
            )
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("CARGO")
            .output()
            .unwrap();
        let program = target.join("debug").join(PACKAGE);
        let is_shown = match shows {
            Shows::Mark => self.mark().exists(),
            Shows::Secret => knows_the_secret(&program),
        };
        forget_build(&self.path("control"));
        let _ = fs::remove_file(self.mark());
        (is_shown, printed(&output))
    }
}

fn knows_the_secret(file: &Path) -> bool {
    let bytes = fs::read(file).unwrap_or_default();
    bytes
        .windows(SECRET.len())
        .any(|window| window == SECRET.as_bytes())
}

struct Submission<'a> {
    scene: &'a Scene,
    name: String,
}

impl Submission<'_> {
    fn write(&self, path: &str, content: &str) {
        self.scene
            .write(&format!("class/{}/{path}", self.name), content);
    }

    /// Puts more at the end of a file.
    fn append(&self, path: &str, more: &str) {
        let file = self.scene.path("class").join(&self.name).join(path);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text + more).unwrap();
    }
}

/// Settings of cargo's in which another program is the linker, or runs what is built.
const SETTINGS: &[(&str, &str)] = &[
    (
        "linker",
        "[target.'cfg(all())']\nlinker = 'FOLDER/linker'\n",
    ),
    (
        "linker-by-flags",
        "[build]\nrustflags = ['-Clinker=FOLDER/linker']\n",
    ),
    (
        "runner",
        "[target.'cfg(all())']\nrunner = 'FOLDER/wrapper'\n",
    ),
];

/// Each submission, how it would show that it was followed, and whether it deserves all points otherwise.
fn class(scene: &Scene) -> Vec<(&'static str, Shows, bool)> {
    let manifest = format!("exercises/{PACKAGE}/Cargo.toml");
    let main = format!("exercises/{PACKAGE}/src/main.rs");
    let solution = scene.path("solution");

    let one = scene.submission("build-script");
    one.write(&format!("exercises/{PACKAGE}/build.rs"), &scene.script());

    let one = scene.submission("patch");
    let lock = fs::read_to_string(scene.path("class/patch/Cargo.lock")).unwrap();
    let version = lock.split("name = \"libc\"\nversion = \"").nth(1).unwrap();
    let version = version.split('"').next().unwrap();
    one.append(
        "Cargo.toml",
        "\n[patch.crates-io]\nlibc = { path = \"evil\" }\n",
    );
    one.write(
        "evil/Cargo.toml",
        &format!(
            "[package]\nname = \"libc\"\nversion = \"{version}\"\n[features]\ndefault = [\"std\"]\nstd = []\n\
             extra_traits = []\nalign = []\nconst-extern-fn = []\nuse_std = []\nrustc-dep-of-std = []\n"
        ),
    );
    one.write("evil/build.rs", &scene.script());
    one.write("evil/src/lib.rs", "");

    scene.wrapper("wrapper");
    for (name, path) in [
        ("config", ".cargo/config.toml"),
        ("config-of-old", ".cargo/config"),
    ] {
        let one = scene.submission(name);
        one.write(path, &config(scene));
        one.write(&format!("exercises/{PACKAGE}/{path}"), &config(scene));
    }

    scene.stand_in("linker", "cc \"$@\"");
    for (name, settings) in SETTINGS {
        let one = scene.submission(name);
        let settings = settings.replace("FOLDER", &scene.path("").display().to_string());
        one.write(".cargo/config.toml", &settings);
        one.write(
            &format!("exercises/{PACKAGE}/.cargo/config.toml"),
            &settings,
        );
    }

    for program in ["cargo", "rustc"] {
        scene.wrapper(&format!("toolchain/bin/{program}"));
    }
    for (name, file) in [
        ("toolchain", "rust-toolchain.toml"),
        ("toolchain-of-old", "rust-toolchain"),
    ] {
        let one = scene.submission(name);
        one.write(file, &chosen_toolchain(scene));
        one.write(
            &format!("exercises/{PACKAGE}/{file}"),
            &chosen_toolchain(scene),
        );
    }

    let one = scene.submission("path-of-a-dependency");
    one.append(
        &manifest,
        &format!("\n[dependencies.solution]\npath = {solution:?}\n"),
    );
    one.write(&main, "fn main() { println!(\"{}\", solution::STOLEN); }\n");

    let one = scene.submission("path-of-a-program");
    let path = solution.join("src/main.rs");
    one.append(
        &manifest,
        &format!("\n[[bin]]\nname = \"{PACKAGE}\"\npath = {path:?}\n"),
    );

    let one = scene.submission("path-of-a-member");
    let course = scene.path("class/path-of-a-member/Cargo.toml");
    let text = fs::read_to_string(&course).unwrap();
    fs::write(
        &course,
        text.replace("\"exercises/*\"", "\"exercises/*\", \"evil\""),
    )
    .unwrap();
    one.write(
        "evil/Cargo.toml",
        "[package]\nname = \"evil\"\nversion = \"0.1.0\"\n",
    );
    one.write("evil/build.rs", &scene.script());
    one.write("evil/src/lib.rs", "");
    one.append(&manifest, "\n[dependencies.evil]\npath = \"../../evil\"\n");

    let one = scene.submission("macro");
    one.write(
        &format!("exercises/{PACKAGE}/evil/Cargo.toml"),
        "[package]\nname = \"evil\"\nversion = \"0.1.0\"\n[lib]\nproc-macro = true\n",
    );
    let marks = format!("std::fs::write({:?}, \"\").unwrap();", scene.mark());
    one.write(
        &format!("exercises/{PACKAGE}/evil/src/lib.rs"),
        &format!(
            "extern crate proc_macro;\n#[proc_macro]\n\
             pub fn run(all: proc_macro::TokenStream) -> proc_macro::TokenStream {{ {marks} all }}\n"
        ),
    );
    one.append(&manifest, "\n[dependencies.evil]\npath = \"evil\"\n");
    one.write(&main, &format!("evil::run!();\n{RIGHT}"));

    scene.write_built_before(&main);

    vec![
        ("build-script", Shows::Mark, true),
        ("patch", Shows::Mark, true),
        ("config", Shows::Mark, true),
        ("config-of-old", Shows::Mark, true),
        ("linker", Shows::Mark, true),
        ("linker-by-flags", Shows::Mark, true),
        ("runner", Shows::Mark, true),
        ("toolchain", Shows::Mark, true),
        ("toolchain-of-old", Shows::Mark, true),
        ("path-of-a-dependency", Shows::Secret, false),
        ("path-of-a-program", Shows::Secret, true),
        ("path-of-a-member", Shows::Mark, true),
        ("macro", Shows::Mark, false),
        ("built-before", Shows::Secret, true),
    ]
}

/// Whether `cargo` chooses a toolchain by what it finds in its folder.
fn has_rustup() -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = env::split_paths(&path);
    let first = folders.find(|folder| folder.join("cargo").is_file());
    first.is_some_and(|folder| folder.join("rustup").is_file())
}

#[test]
fn what_a_submission_brings_beside_its_sources_is_not_followed() {
    let _turn = one_at_a_time();
    let scene = Scene::new();
    let class = class(&scene);
    for (name, shows, _) in &class {
        if name.starts_with("toolchain") && !has_rustup() {
            skipped(format_args!("{name} is no attack without rustup's cargo"));
            continue;
        }
        let (is_shown, said) = scene.shows_something_where_it_lies(name, *shows);
        assert!(is_shown, "{name} is no attack: {said}");
    }
    // From within a student's repository; and by a toolchain that is looked for.
    scene.write("repository/.cargo/config.toml", &all_settings(&scene));
    scene.write("repository/rust-toolchain.toml", &chosen_toolchain(&scene));
    let out = scene.path("out");
    let output = command(support::checker_program())
        .args(["grade", "--exercise", "day1_2", "--strict=false", "--out"])
        .arg(&out)
        .args(
            class
                .iter()
                .map(|(name, ..)| scene.path("class").join(name)),
        )
        .current_dir(scene.path("repository"))
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    assert!(!scene.mark().exists(), "{}", printed(&output));
    for (name, _, is_right) in &class {
        let file = out.join("submissions").join(format!("{name}.json"));
        assert!(!knows_the_secret(&file), "{name}");
        let graded: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let report = &graded["report"];
        let has_all = report["points"] == report["max_points"];
        assert_eq!(has_all, *is_right, "{name}: {report:#}");
    }
}

/// Each of them in its place.
fn all_settings(scene: &Scene) -> String {
    format!(
        "{}[target.'cfg(all())']\nlinker = {:?}\nrunner = {:?}\n",
        config(scene),
        scene.path("linker"),
        scene.path("wrapper")
    )
}

fn config(scene: &Scene) -> String {
    format!("[build]\nrustc-wrapper = {:?}\n", scene.path("wrapper"))
}

fn chosen_toolchain(scene: &Scene) -> String {
    format!("[toolchain]\npath = {:?}\n", scene.path("toolchain"))
}
