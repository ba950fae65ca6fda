//! Crates that attack their grader while they are compiled. A grader takes a student's sources only, and neither build
//! scripts nor manifests; here whole crates are built, so that the cell alone has to hold them.

mod support;

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use support::{Course, Isolation};

const PACKAGE: &str = "day1_2_endianness";
const SECRET: &str = "the-secret-of-the-others";

/// A course with one exercise, and somebody's secret beside it.
struct Scene {
    course: Course,
    folder: tempfile::TempDir,
}

/// One build at a time: each keeps all processors busy.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        support::open_to_all(folder.path());
        fs::write(
            folder.path().join("secret.rs"),
            format!("pub const SECRET: &str = \"{SECRET}\";\n"),
        )
        .unwrap();
        Scene {
            course: Course::copy_of(&[PACKAGE]),
            folder,
        }
    }

    fn secret(&self) -> String {
        self.folder.path().join("secret.rs").display().to_string()
    }

    fn write(&self, file: &str, content: &str) {
        let path = format!("exercises/{PACKAGE}/{file}");
        let folder = self.course.root().join(&path);
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        self.course
            .write(&path, &content.replace("SECRET_FILE", &self.secret()));
        // Cargo goes by the times of files, which are coarse: what was built before is not to be taken for this.
        let _ = fs::remove_dir_all(self.course.root().join("target/debug/.fingerprint"))
            .and_then(|()| fs::remove_dir_all(self.course.root().join("target/debug/build")));
    }

    /// Builds the crate in a cell that gives it so many seconds. Returns what came of it, in the fixture's words.
    fn build(&self, seconds: u32, isolation: Isolation) -> String {
        let output = self.start(seconds, isolation).output().unwrap();
        printed(&output)
    }

    fn start(&self, seconds: u32, isolation: Isolation) -> Command {
        let checker = self.course.checker().get_program().to_owned();
        let mut command =
            Command::new(Path::new(&checker).with_file_name("examples/build_in_cell"));
        command
            .arg(self.course.root())
            .arg(PACKAGE)
            .arg(seconds.to_string())
            .arg(match isolation {
                Isolation::Namespaces => "namespaces",
                Isolation::Shared => "shared",
            })
            .env("GITHUB_TOKEN", SECRET);
        command
    }

    /// Builds it without a cell; whether the secret is in what came of it.
    fn leaks_without_a_cell(&self) -> bool {
        let mut cargo = Command::new(env!("CARGO"));
        let output = cargo
            .args(["build", "--offline"])
            .current_dir(self.course.root())
            .env("GITHUB_TOKEN", SECRET)
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", printed(&output));
        self.program_knows_the_secret()
    }

    fn program_knows_the_secret(&self) -> bool {
        let program = self.course.root().join("target/debug").join(PACKAGE);
        let bytes = fs::read(program).unwrap_or_default();
        bytes
            .windows(SECRET.len())
            .any(|window| window == SECRET.as_bytes())
    }
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Sources that take in a file of others while they are compiled.
const THIEVES: &[(&str, &str)] = &[
    // 15
    (
        "include_str!",
        "fn main() { println!(\"{}\", include_str!(\"SECRET_FILE\")); }\n",
    ),
    (
        "#[path]",
        "#[path = \"SECRET_FILE\"] mod stolen;\nfn main() { println!(\"{}\", stolen::SECRET); }\n",
    ),
    // 16
    (
        ".incbin",
        "std::arch::global_asm!(\".globl stolen\", \"stolen: .incbin \\\"SECRET_FILE\\\"\");\n\
         unsafe extern \"C\" { static stolen: u8; }\n\
         fn main() { println!(\"{}\", unsafe { &raw const stolen }.addr()); }\n",
    ),
];

#[test]
fn sources_take_in_no_file_of_others() {
    let _turn = one_at_a_time();
    let scene = Scene::new();
    for (way, source) in THIEVES {
        scene.write("src/main.rs", source);
        for isolation in Isolation::ALL {
            let said = scene.build(100, isolation);
            assert!(
                said.contains("finished false"),
                "{way} {isolation:?}: {said}"
            );
            assert!(!said.contains(SECRET), "{way} {isolation:?}: {said}");
            assert!(!scene.program_knows_the_secret(), "{way} {isolation:?}");
        }
        assert!(scene.leaks_without_a_cell(), "{way} is no attack");
        let target = scene.course.root().join("target/debug");
        fs::remove_file(target.join(PACKAGE)).unwrap();
    }
}

/// A build script does what it wants. It says in the program what it got.
const SCRIPT: &str = r#"
use std::{env, fs, net::TcpStream, process::{Command, Stdio}};
fn main() {
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
    // Cargo waits for whoever holds the script's output.
    let _ = Command::new("setsid").args(["sleep", "4545"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    println!("cargo::rustc-env=GOT=got: {};", got.join(", "));
}
"#;

#[test]
fn a_build_script_gets_nothing_and_leaves_nothing() {
    let _turn = one_at_a_time();
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut neighbour = Command::new("sleep").arg("4546").spawn().unwrap();
    let port = listener.local_addr().unwrap().port();
    scene.write(
        "src/main.rs",
        "fn main() { println!(\"{}\", env!(\"GOT\")); }\n",
    );
    scene.write(
        "build.rs",
        &SCRIPT
            .replace("FOLDER", &scene.folder.path().display().to_string())
            .replace("ROOT", &scene.course.root().display().to_string())
            .replace("PORT", &port.to_string())
            .replace("NEIGHBOUR", &neighbour.id().to_string()),
    );
    for isolation in Isolation::ALL {
        let said = scene.build(100, isolation);
        assert!(said.contains("finished true"), "{isolation:?}: {said}");
        let program = scene.course.root().join("target/debug").join(PACKAGE);
        let got = printed(&Command::new(program).output().unwrap());
        assert_eq!(got, "got: ;\n", "{isolation:?}");
        assert_eq!(support::processes_with("sleep\u{0}4545"), 0);
        assert!(neighbour.try_wait().unwrap().is_none());
        // It is to run again.
        let build = scene.course.root().join("target/debug/build");
        let _ = fs::remove_dir_all(build);
    }
    // Without a cell it gets all of it.
    scene.leaks_without_a_cell();
    let program = scene.course.root().join("target/debug").join(PACKAGE);
    let got = printed(&Command::new(program).output().unwrap());
    for thing in [
        "a file",
        "a token",
        "a folder",
        "home",
        "the manifest",
        "a port",
        "processes",
        "a neighbour",
        "secrets of a neighbour",
    ] {
        assert!(got.contains(thing), "{thing}: {got}");
    }
    let left = support::pids_with("sleep\u{0}4545");
    assert!(!left.is_empty());
    for pid in left {
        // SAFETY: takes two numbers.
        unsafe { libc::kill(pid, libc::SIGKILL) };
    }
    let _ = fs::remove_file("/tmp/planted-by-a-build");
    let _ = neighbour.kill();
    let _ = neighbour.wait();
}

/// What makes a compiler work without end, or take all memory: 19.
const DEVOURERS: &[(&str, &str)] = &[
    (
        "a constant without end",
        "#![allow(long_running_const_eval)]\n\
         const fn endless() -> u32 { let mut n = 0u32; loop { n = n.wrapping_add(1); if n == 0 { n = 1; } } }\n\
         const N: u32 = endless();\nfn main() { println!(\"{N}\"); }\n",
    ),
    (
        "a macro that doubles",
        "#![recursion_limit = \"4096\"]\n\
         macro_rules! twice { ($($t:tt)*) => { twice!($($t)* $($t)*) } }\n\
         fn main() { twice!(a b c d); }\n",
    ),
    (
        "8 GiB of constants",
        "static HUGE: [u8; 8 << 30] = [1; 8 << 30];\n\
         fn main() { println!(\"{}\", HUGE[std::env::args().count()]); }\n",
    ),
];

#[test]
fn a_compiler_that_does_not_end_is_ended() {
    let _turn = one_at_a_time();
    let scene = Scene::new();
    // The dependencies are compiled in peace.
    let said = scene.build(300, Isolation::Namespaces);
    assert!(said.contains("finished true"), "{said}");
    for (way, source) in DEVOURERS {
        for isolation in Isolation::ALL {
            let path = format!("exercises/{PACKAGE}/src/main.rs");
            scene.course.write(&path, source);
            let start = Instant::now();
            let said = scene.build(8, isolation);
            let is_ended = said.contains("stopped TooLong")
                || said.contains("stopped TooMuch")
                || said.contains("finished false");
            assert!(is_ended, "{way} {isolation:?}: {said}");
            assert!(start.elapsed() < Duration::from_secs(30), "{way}");
            let root = scene.course.root().display().to_string();
            assert_eq!(support::processes_with(&root), 0, "{way} {isolation:?}");
        }
    }
}

#[test]
fn a_build_script_that_multiplies_is_ended() {
    let _turn = one_at_a_time();
    let scene = Scene::new();
    scene.write("src/main.rs", "fn main() {}\n");
    scene.write(
        "build.rs",
        "fn main() { loop { let _ = std::process::Command::new(\"sleep\").arg(\"4547\").spawn(); } }\n",
    );
    for isolation in Isolation::ALL {
        let said = scene.build(100, isolation);
        let is_ended = said.contains("stopped TooMuch") || said.contains("finished false");
        assert!(is_ended, "{isolation:?}: {said}");
        assert_eq!(support::processes_with("sleep\u{0}4547"), 0);
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
        "fn main() { let _ = std::process::Command::new(\"sleep\").arg(\"4548\").status(); }\n",
    );
    for isolation in Isolation::ALL {
        let mut checker = scene.start(100, isolation).spawn().unwrap();
        wait_until(|| support::processes_with("sleep\u{0}4548") == 1);
        checker.kill().unwrap();
        checker.wait().unwrap();
        wait_until(|| support::processes_with("sleep\u{0}4548") == 0);
    }
}

fn wait_until(mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(100);
    while !is_true() {
        assert!(Instant::now() < deadline, "in vain");
        thread::sleep(Duration::from_millis(20));
    }
}

/// 18: settings of its own are not heeded, because nobody works in its folder.
#[test]
fn settings_in_a_crate_are_not_heeded() {
    let _turn = one_at_a_time();
    let scene = Scene::new();
    scene.write("src/main.rs", "fn main() {}\n");
    scene.write(
        ".cargo/config.toml",
        "[build]\nrustc-wrapper = \"/bin/false\"\n[target.x86_64-unknown-linux-gnu]\nlinker = \"/bin/false\"\n",
    );
    let said = scene.build(100, Isolation::Namespaces);
    assert!(said.contains("finished true"), "{said}");
}
