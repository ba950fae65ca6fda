//! Build scripts, which run while a crate is built. A grader takes none; here they are, so that the cell alone has to
//! hold them.

use std::{fs, net::TcpListener, os::unix::fs::symlink, path::PathBuf};

use serde_json::Value;

use crate::{
    CONTROL, IN_CELL, PACKAGE, Scene, forget_build, one_at_a_time, printed,
    support::{self, Isolation, environment::command},
    wait_until,
};

/// What is run while a crate is built does what it wants. It returns what it got.
const PROBE: &str = r#"
use std::{env, fs, net::TcpStream, path::Path, process::{Command, Stdio}};
fn can_change(path: &Path) -> bool { fs::OpenOptions::new().append(true).open(path).is_ok() }
fn inner(folder: &Path, name: &str) -> Option<std::path::PathBuf> {
    let mut inner = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    inner.find(|path| path.file_name().is_some_and(|found| found.to_string_lossy().starts_with(name)))
}
fn probe() -> String {
    let mut got = Vec::new();
    let mut see = |what: &str, is_there: bool| if is_there { got.push(what.to_owned()) };
    let secret = fs::read_to_string("SECRET_FILE");
    see("a file", secret.is_ok());
    see("a token", env::var("GITHUB_TOKEN").is_ok());
    see("a folder", fs::write("FOLDER/planted", "mine").is_ok());
    see("home", fs::write("/tmp/planted-by-a-build", "mine").is_ok());
    see("the manifest", fs::write("ROOT/Cargo.toml", "mine").is_ok());
    see("a port", TcpStream::connect("127.0.0.1:PORT").is_ok());
    see("processes", fs::read_dir("/proc").is_ok());
    see("a neighbour", Command::new("kill").args(["-0", "NEIGHBOUR"]).status().is_ok_and(|s| s.success()));
    see("secrets of a neighbour", fs::read("/proc/NEIGHBOUR/environ").is_ok());
    // What the next build goes by.
    let home = env::var("CARGO_HOME").unwrap();
    let home = Path::new(&home);
    let sources = inner(&home.join("registry/src"), "");
    let dependency = sources.and_then(|sources| inner(&sources, "libc-")).unwrap().join("src/lib.rs");
    assert!(fs::read(&dependency).is_ok());
    see("a dependency's source", can_change(&dependency));
    see("another one's target", fs::write("ROOT/others/target/debug/libc.rlib", "mine").is_ok());
    let settings = "[build]\nrustc-wrapper = \"FOLDER/wrapper\"\n";
    see("cargo's settings", fs::write(home.join("config.toml"), settings).is_ok());
    see("the registry", fs::rename(home.join("registry"), home.join("mine")).is_ok());
    let _ = fs::rename(home.join("mine"), home.join("registry"));
    // Cargo waits for whoever holds the script's output.
    let _ = Command::new("setsid").args(["sleep", "NAP"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    got.join(", ")
}
"#;

/// All of it, in the order in which it is tried.
const PRIZES: &str = "a file, a token, a folder, home, the manifest, a port, processes, a neighbour, \
                      secrets of a neighbour, a dependency's source, another one's target, cargo's settings, \
                      the registry";

const SCRIPT: &str = "fn main() { println!(\"cargo::rustc-env=GOT=got: {};\", probe()); }\n";

const MACRO: &str = "extern crate proc_macro;\n\
    #[proc_macro]\n\
    pub fn got(_: proc_macro::TokenStream) -> proc_macro::TokenStream {\n\
    format!(\"\\\"got: {};\\\"\", probe()).parse().unwrap()\n}\n";

/// What runs the probe.
#[derive(Clone, Copy, Debug)]
enum Runs {
    Script,
    Macro,
}

/// A folder of cargo's own for the builds without a cell, so that they poison nobody's but theirs.
fn poisonable_home(scene: &Scene) -> PathBuf {
    let own = std::env::var_os("CARGO_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cargo"),
        PathBuf::from,
    );
    let home = scene.folder.path().join("home");
    fs::create_dir(&home).unwrap();
    symlink(own.join("registry"), home.join("registry")).unwrap();
    home
}

/// Puts the probe into the crate.
fn write_probe(scene: &Scene, probe: &str, runs: Runs) {
    let manifest = format!("exercises/{PACKAGE}/Cargo.toml");
    let name = format!("{PACKAGE}_macro");
    match runs {
        Runs::Script => {
            scene.write("build.rs", &format!("{probe}{SCRIPT}"));
            let program = "fn main() { println!(\"{}\", env!(\"GOT\")); }\n";
            scene.write("src/main.rs", program);
        }
        Runs::Macro => {
            fs::remove_file(
                scene
                    .course
                    .root()
                    .join(&manifest)
                    .with_file_name("build.rs"),
            )
            .unwrap();
            let own = format!(
                "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\nproc-macro = true\n"
            );
            scene.write("macro/Cargo.toml", &own);
            scene.write("macro/src/lib.rs", &format!("{probe}{MACRO}"));
            let text = fs::read_to_string(scene.course.root().join(&manifest)).unwrap();
            let depends = format!("\n[dependencies.{name}]\npath = \"macro\"\n");
            scene.course.write(&manifest, &(text + &depends));
            let program = format!("fn main() {{ println!(\"{{}}\", {name}::got!()); }}\n");
            scene.write("src/main.rs", &program);
        }
    }
}

// 17, 20
#[test]
fn what_runs_in_a_build_gets_nothing_and_leaves_nothing() {
    let _turn = one_at_a_time();
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut neighbour = command("sleep").arg("4546").spawn().unwrap();
    let port = listener.local_addr().unwrap().port();
    let root = scene.course.root().to_owned();
    fs::create_dir_all(root.join("others/target/debug")).unwrap();
    let home = poisonable_home(&scene);
    let probe = PROBE
        .replace("FOLDER", &scene.folder.path().display().to_string())
        .replace("ROOT", &root.display().to_string())
        .replace("PORT", &port.to_string())
        .replace("NEIGHBOUR", &neighbour.id().to_string())
        .replace("NAP", &scene.nap());
    for runs in [Runs::Script, Runs::Macro] {
        write_probe(&scene, &probe, runs);
        for isolation in Isolation::ALL {
            let said = scene.build(100, isolation);
            assert!(
                said.contains("finished true"),
                "{runs:?} {isolation:?}: {said}"
            );
            let got = printed(&command(scene.program(IN_CELL)).output().unwrap());
            assert_eq!(got, "got: ;\n", "{runs:?} {isolation:?}");
            assert_eq!(support::processes_with(&scene.nap()), 0);
            assert!(neighbour.try_wait().unwrap().is_none());
            // It is to run again.
            forget_build(&root.join(IN_CELL));
        }
        // Without a cell it gets all of it.
        let manifest = fs::read(root.join("Cargo.toml")).unwrap();
        let said = scene.build_without_a_cell_from(&home);
        let got = printed(&command(scene.program(CONTROL)).output().unwrap());
        assert_eq!(got, format!("got: {PRIZES};\n"), "{runs:?}: {said}");
        fs::write(root.join("Cargo.toml"), manifest).unwrap();
        // And the next build goes by what it left.
        forget_build(&root.join(CONTROL));
        let said = scene.build_without_a_cell_from(&home);
        assert!(said.contains("/wrapper"), "{runs:?}: {said}");
        fs::remove_file(home.join("config.toml")).unwrap();
        let left = support::pids_with(&scene.nap());
        assert!(!left.is_empty());
        for pid in left {
            // SAFETY: takes two numbers.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        let _ = fs::remove_file("/tmp/planted-by-a-build");
        forget_build(&root.join(CONTROL));
    }
    let _ = neighbour.kill();
    let _ = neighbour.wait();
}

/// The course's own `target` has in it the checker that cargo runs next.
// 20
#[test]
fn a_jailed_check_leaves_nothing_for_the_next_one() {
    let _turn = one_at_a_time();
    let scene = Scene::new();
    let root = scene.course.root();
    let checker = root.join("target/debug/checker");
    fs::create_dir_all(checker.parent().unwrap()).unwrap();
    let settings = scene.folder.path().join("home/config.toml");
    let home = poisonable_home(&scene);
    let script = "fn main() {\n\
        std::fs::write(\"CHECKER\", \"mine\").ok();\n\
        std::fs::write(std::env::var(\"CARGO_HOME\").unwrap() + \"/config.toml\", \"[env]\\n\").ok();\n}\n";
    scene.write(
        "build.rs",
        &script.replace("CHECKER", &checker.display().to_string()),
    );
    let planted = || {
        let mut files = support::files_below(&root.join("target"));
        files.retain(|path| path.ends_with("config.toml"));
        files
    };
    for walls in [&["--jail"][..], &[]] {
        fs::write(&checker, "the checker").unwrap();
        let output = scene
            .course
            .checker_command()
            .args(["day1_2", "--format=json"])
            .args(walls)
            .env("CARGO_HOME", &home)
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(report["exercises"][0]["no_program"].is_null(), "{report:#}");
        let is_intact = fs::read(&checker).unwrap() == b"the checker";
        assert_eq!(is_intact, !walls.is_empty());
        assert_eq!(planted(), Vec::<PathBuf>::new());
        assert_eq!(settings.exists(), walls.is_empty());
    }
}

#[test]
fn a_build_script_that_multiplies_is_ended() {
    let _turn = one_at_a_time();
    let scene = Scene::new();
    scene.write("src/main.rs", "fn main() {}\n");
    scene.write(
        "build.rs",
        &"fn main() { loop { let _ = std::process::Command::new(\"sleep\").arg(\"NAP\").spawn(); } }\n"
            .replace("NAP", &scene.nap()),
    );
    for isolation in Isolation::ALL {
        let said = scene.build(100, isolation);
        let because = "processes and threads";
        assert!(said.contains(because), "{isolation:?}: {said}");
        assert_eq!(support::processes_with(&scene.nap()), 0);
    }
}

/// As after Ctrl-C, a crash, or the end of a job.
#[test]
fn a_build_ends_with_its_checker() {
    let _turn = one_at_a_time();
    let scene = Scene::new();
    scene.write("src/main.rs", "fn main() {}\n");
    scene.write(
        "build.rs",
        &"fn main() { let _ = std::process::Command::new(\"sleep\").arg(\"NAP\").status(); }\n"
            .replace("NAP", &scene.nap()),
    );
    for isolation in Isolation::ALL {
        let mut checker = scene.start(100, 4096, isolation).spawn().unwrap();
        wait_until("it runs", || support::processes_with(&scene.nap()) == 1);
        checker.kill().unwrap();
        checker.wait().unwrap();
        wait_until("it has ended", || {
            support::processes_with(&scene.nap()) == 0
        });
    }
}
